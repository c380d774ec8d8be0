//! How long it takes to look whether an address is banned, with 100,000 bans, beside a look into a hash table of as many
//! single addresses, which could not know of networks.

use std::collections::HashSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use accounts::banned_ips::lookup::{Banned, Bans};
use innkeeper_benches::w1::now;
use kernel::Network;

const BANS: u32 = 100_000;
const LOOKS: u32 = 4_000_000;

/// Numbers that look like chance and are the same each time.
fn scattered(at: u32) -> u32 {
    at.wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519)
}

pub fn run() {
    let reason: Arc<str> = "Bench".into();
    let network = |at: u32| {
        Network::around(IpAddr::V4(Ipv4Addr::from(scattered(at))), if at.is_multiple_of(4) { 24 } else { 32 })
    };
    let bans = (0..BANS).map(|at| Banned { network: network(at), reason: reason.clone(), until: None }).collect();
    let bans = Bans::of(bans);
    let single: HashSet<IpAddr> = (0..BANS).map(|at| IpAddr::V4(Ipv4Addr::from(scattered(at)))).collect();
    let address = |at: u32| IpAddr::V4(Ipv4Addr::from(scattered(at.wrapping_add(BANS / 2))));
    let each = |look: &dyn Fn(IpAddr) -> bool| {
        let began = Instant::now();
        let found = (0..LOOKS).filter(|at| black_box(look(address(*at)))).count();
        (began.elapsed().as_nanos() as f64 / f64::from(LOOKS), found)
    };
    let at = now();
    let (table, known) = each(&|address| single.contains(&address));
    let (search, banned) = each(&|address| bans.of_address(address, at).is_some());
    assert!(known > 0 && banned >= known, "{known} {banned}");
    println!("\nWhether an address is banned, {BANS} bans:");
    println!("    hash table of addresses {table:>7.0} ns");
    println!("    ranges                  {search:>7.0} ns   (goal: 2000; {:.1} x the table)", search / table);
}
