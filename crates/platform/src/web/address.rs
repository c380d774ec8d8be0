//! Where a request comes from, when a proxy stands between.
//!
//! What must hold: an address that the caller could have written himself is never believed. `X-Forwarded-For` is read
//! only when the connection comes from a trusted proxy, and only as far back as trusted proxies wrote it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Once;

use http::HeaderMap;
pub use ipnet::IpNet as Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word is taken for where a request comes from. By default none is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// A network such as `10.0.0.0/8`, or one address.
pub fn network(text: &str) -> Result<Network, String> {
    let text = text.trim();
    Network::from_str(text)
        .or_else(|_| IpAddr::from_str(text).map(Network::from))
        .map_err(|_| "write an address or a network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8".to_owned())
}

impl TrustedProxies {
    pub fn new(networks: Vec<Network>) -> TrustedProxies {
        TrustedProxies(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the right-most one that no trusted proxy has, or the left-most when all are trusted.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let forwarded = headers.get_all(FORWARDED_FOR);
        if !self.trusts(client) {
            if self.0.is_empty() && forwarded.iter().next().is_some() {
                warn_once(client);
            }
            return client;
        }
        let hops: Vec<&str> =
            forwarded.iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(',')).collect();
        for hop in hops.into_iter().rev() {
            // What cannot be read was not written by a proxy that we could go on trusting.
            let Some(address) = address(hop) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// `203.0.113.7`, `2001:db8::7`, and with a port as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = plain.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    found.ok().map(|address: IpAddr| address.to_canonical())
}

fn warn_once(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "requests come through a proxy that is not trusted, so all of them count as one address: see --trusted-proxy"
        );
    });
}

/// Whom a wrong password is counted against: an address, or the /64 that one connection of IPv6 has to choose from.
pub fn counted(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|text| network(text).unwrap()).collect());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(client(&[], "127.0.0.1", &["203.0.113.7"]), "127.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&["127.0.0.1"], "::ffff:127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&["::1"], "::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_stands_left_of_the_client_was_written_by_the_client() {
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(client(&trusted, "127.0.0.1", &["192.0.2.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&trusted, "127.0.0.1", &["192.0.2.1, 203.0.113.7, 10.1.2.3"]), "203.0.113.7");
        assert_eq!(client(&trusted, "127.0.0.1", &["192.0.2.1", "203.0.113.7, 10.1.2.3"]), "203.0.113.7");
        assert_eq!(client(&trusted, "127.0.0.1", &["203.0.113.7, nonsense"]), "127.0.0.1");
        assert_eq!(client(&trusted, "127.0.0.1", &["10.9.9.9, 10.1.2.3"]), "10.9.9.9");
    }

    #[test]
    fn a_network_is_read_or_refused_in_words() {
        for good in ["127.0.0.1", "10.0.0.0/8", "fd00::/8", " ::1 "] {
            assert!(network(good).is_ok(), "{good}");
        }
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(network(bad).unwrap_err().contains("10.0.0.0/8"), "{bad}");
        }
    }

    #[test]
    fn a_connection_of_ipv6_counts_as_one() {
        assert_eq!(counted("203.0.113.7"), "203.0.113.7");
        assert_eq!(counted("2001:db8:1:2:3::4"), counted("2001:db8:1:2:ffff::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
    }
}
