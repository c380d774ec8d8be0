//! To which addresses a server may lead that somebody else has named: a referral, a redirect, the bootstrap file.
//!
//! Such a server must not be this machine or one of its network: what is written there would be read out to whoever
//! asked (server-side request forgery). Addresses are checked after the name has been resolved, and it is the checked
//! address that is connected to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where servers may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// On the public Internet.
    #[default]
    Public,
    /// Anywhere, this machine included.
    Anywhere,
}

impl Reach {
    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match (self, address) {
            (Reach::Anywhere, _) => true,
            (Reach::Public, IpAddr::V4(address)) => is_public_v4(address),
            (Reach::Public, IpAddr::V6(address)) => is_public_v6(address),
        }
    }

    /// The addresses of a host that may be connected to.
    ///
    /// # Errors
    /// When it has none, with [`io::ErrorKind::PermissionDenied`] when it has only others.
    pub async fn resolve(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let all: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let allowed: Vec<SocketAddr> = all.iter().copied().filter(|address| self.allows(address.ip())).collect();
        match (allowed.is_empty(), all.is_empty()) {
            (false, _) => Ok(allowed),
            (true, true) => Err(io::Error::new(io::ErrorKind::NotFound, "the server's name has no address")),
            (true, false) => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "the server is not on the public Internet"))
            }
        }
    }
}

/// Neither of a special purpose (RFC 6890 and IANA's registry of such) nor multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

/// Global unicast (2000::/3) without what is special in it; an address that carries one of version 4 is what that is.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = carried_v4(address) {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    let special = first == 0x2001 && (second < 0x200 || second == 0xdb8) || first == 0x3fff && second < 0x1000;
    first & 0xe000 == 0x2000 && !special
}

/// Mapped (::ffff:0:0/96), behind a NAT64 (64:ff9b::/96), or 6to4 (2002::/16).
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let allowed = |text: &str| Reach::Public.allows(text.parse().unwrap());
        for public in
            ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(allowed(public), "{public}");
        }
        for other in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "192.0.0.8",
            "198.18.0.1",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
            "64:ff9b:1::1",
        ] {
            assert!(!allowed(other), "{other}");
            assert!(Reach::Anywhere.allows(other.parse().unwrap()));
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused() {
        let refused = Reach::Public.resolve("localhost", 43).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(!Reach::Anywhere.resolve("localhost", 43).await.unwrap().is_empty());
    }
}
