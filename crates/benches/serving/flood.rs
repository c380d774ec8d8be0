//! How long pages take, and how much memory the server takes, while 500 people log in at once. Each comes from an address
//! of its own, so that nothing but the line before the hash function holds them up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use innkeeper_benches::http::Client;
use innkeeper_benches::w1::Place;
use innkeeper_benches::watch::Watched;

use super::batch::{CALM, watch};
use super::product::Shop;

const PEOPLE: usize = 500;
const LASTS: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Answers {
    refused: AtomicUsize,
    put_off: AtomicUsize,
}

pub fn run(place: &Place, shop: &Shop) {
    let server = shop.serve(&[]);
    let process = Watched { process: server.process.pid(), postgres: None };
    watch(&server, shop, |_| std::thread::sleep(Duration::from_secs(2)));
    let calm = watch(&server, shop, |_| std::thread::sleep(CALM));
    let before = process.memory();
    let answers = Answers::default();
    let mut most = before;
    let busy = watch(&server, shop, |address| {
        std::thread::scope(|scope| {
            let until = Instant::now() + LASTS;
            for who in 0..PEOPLE {
                let answers = &answers;
                scope.spawn(move || log_in(address, who, until, answers));
            }
            while Instant::now() < until {
                most = most.max(process.memory());
                std::thread::sleep(Duration::from_millis(100));
            }
        });
    });
    println!(
        "\n{}, pages while {PEOPLE} people log in at once for {} s ({} passwords checked, {} asked to come back):",
        place.name(),
        LASTS.as_secs(),
        answers.refused.load(Ordering::Relaxed),
        answers.put_off.load(Ordering::Relaxed),
    );
    println!("                       median ms    p99      max");
    calm.print("without");
    busy.print("with the flood");
    println!("    p99 with ÷ without {:>6.1}", busy.at(0.99) / calm.at(0.99));
    println!("    memory {before:.0} MiB before, at most {most:.0} MiB");
}

/// Tries wrong passwords, one after another.
fn log_in(address: &str, who: usize, until: Instant, answers: &Answers) {
    let from = format!("X-Forwarded-For: 10.{}.{}.7\r\n", who / 250, who % 250);
    let mut client = Client::connect(address, &from);
    while Instant::now() < until {
        let form = format!("email=nobody{who}&password=tangerine+umbrella");
        match client.post_form("/admin/login", &form).status {
            422 => answers.refused.fetch_add(1, Ordering::Relaxed),
            429 => {
                std::thread::sleep(Duration::from_millis(500));
                answers.put_off.fetch_add(1, Ordering::Relaxed)
            }
            other => panic!("a login was answered {other}"),
        };
    }
}
