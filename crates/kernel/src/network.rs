//! Networks of addresses, IPv4 and IPv6 in one space: an IPv4 address is the IPv6 address that maps it (RFC 4291,
//! 2.5.5.2), so a ban of 192.0.2.1 also meets ::ffff:192.0.2.1.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address, or all that begin alike. Bits after the prefix are nought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    first: u128,
    bits: u8,
}

/// Where IPv4 lives in IPv6.
const MAPPED: u128 = 0xffff_0000_0000;
const MAPPED_BITS: u8 = 96;

/// An address as a number of the one space.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => MAPPED | u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Network {
    /// The network of `bits` bits (of 32 or 128) that `address` is in.
    pub fn around(address: IpAddr, bits: u8) -> Network {
        let bits = if address.is_ipv4() { MAPPED_BITS + bits.min(32) } else { bits.min(128) };
        Network { first: number(address) & mask(bits), bits }
    }

    /// `192.0.2.1`, `10.0.0.0/8`, `10.1.*.*`, `2001:db8::/32`, `::ffff:192.0.2.1`; `None` when it is no network. Bits of
    /// the address after the prefix are cut off.
    pub fn parse(text: &str) -> Option<Network> {
        let text = text.trim();
        if text.contains('*') {
            return wildcard(text);
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `u8` would also take `+8`.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= most)?
            }
            Some(_) => return None,
            None => most,
        };
        Some(Network::around(address, bits))
    }

    /// Every network that an address is in, the widest first.
    pub fn all_around(address: IpAddr) -> impl Iterator<Item = Network> {
        Network { first: number(address), bits: 128 }.all_over()
    }

    /// Every network that this one is in, itself too, the widest first.
    pub fn all_over(self) -> impl Iterator<Item = Network> {
        (0..=self.bits).map(move |bits| Network { first: self.first & mask(bits), bits })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & mask(self.bits) == self.first
    }

    /// Whether every address of `other` is in this one.
    pub fn covers(&self, other: &Network) -> bool {
        self.bits <= other.bits && other.first & mask(self.bits) == self.first
    }

    /// The first and the last address, as numbers of the one space.
    pub fn range(&self) -> (u128, u128) {
        (self.first, self.first | !mask(self.bits))
    }

    fn is_v4(&self) -> bool {
        self.bits >= MAPPED_BITS && self.first & mask(MAPPED_BITS) == MAPPED
    }
}

fn mask(bits: u8) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX << (128 - u32::from(bits.min(128))),
    }
}

/// `10.*.*.*`, `10.1.*.*`, `10.1.2.*`: stars only at the end.
fn wildcard(text: &str) -> Option<Network> {
    let parts: Vec<&str> = text.split('.').collect();
    let known = parts.iter().position(|part| *part == "*")?;
    if parts.len() != 4 || known == 0 || parts[known..].iter().any(|part| *part != "*") {
        return None;
    }
    let mut address = parts[..known].join(".");
    address.push_str(&".0".repeat(4 - known));
    let address: Ipv4Addr = address.parse().ok()?;
    Some(Network::around(address.into(), u8::try_from(known * 8).ok()?))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, bits, whole) = if self.is_v4() {
            // The low half is the address.
            let low = u32::try_from(self.first & u128::from(u32::MAX)).unwrap_or_default();
            (IpAddr::V4(Ipv4Addr::from_bits(low)), self.bits - MAPPED_BITS, 32)
        } else {
            (IpAddr::V6(Ipv6Addr::from_bits(self.first)), self.bits, 128)
        };
        if bits == whole { write!(f, "{address}") } else { write!(f, "{address}/{bits}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Network::parse(text).map(|network| network.to_string())
    }

    #[test]
    fn networks_are_read_in_every_form() {
        for (text, canonical) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.*.*", "10.1.0.0/16"),
            ("10.1.2.*", "10.1.2.0/24"),
            ("10.*.*.*", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(canonical), "{text}");
        }
        for text in [
            "",
            "*",
            "*.*.*.*",
            "10.*.1.*",
            "10.1.*",
            "10.1.*.*.*",
            "10.*.*.*/8",
            "10.256.*.*",
            "192.0.2.1/33",
            "::/129",
            "192.0.2.1/+8",
            "1.2.3",
            "a.b.c.d",
            "192.0.2.1/",
            "fe80::1%eth0",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_of_ipv4_is_the_same_in_ipv6() {
        let network = Network::parse("10.1.*.*").unwrap();
        for (address, inside) in [
            ("10.1.200.7", true),
            ("::ffff:10.1.200.7", true),
            ("10.2.0.1", false),
            ("::10.1.200.7", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(Network::parse("::/0").unwrap().contains("10.1.200.7".parse().unwrap()));
        assert!(!Network::parse("0.0.0.0/0").unwrap().contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_in_a_network_of_every_width() {
        let all: Vec<String> =
            Network::all_around("10.1.2.3".parse().unwrap()).map(|network| network.to_string()).collect();
        assert_eq!(
            (all.len(), all[0].as_str(), all[104].as_str(), all[128].as_str()),
            (129, "::/0", "10.0.0.0/8", "10.1.2.3")
        );
    }

    #[test]
    fn a_network_covers_what_is_in_it() {
        let (wide, narrow) = (Network::parse("10.0.0.0/8").unwrap(), Network::parse("10.1.*.*").unwrap());
        assert!(wide.covers(&narrow) && wide.covers(&wide) && !narrow.covers(&wide));
        assert_eq!(Network::parse("10.1.2.3").unwrap().range().0, Network::parse("10.1.2.3").unwrap().range().1);
    }
}
