//! How many requests are answered: of a credential, of strangers at one address, of those who try to log in. And which
//! address a request comes from, when a proxy stands before the program.
//!
//! What surprises:
//! - Every node counts for itself, in memory: two nodes answer twice as many. Wrong passwords are counted in the
//!   database besides, for all nodes.
//! - A wrong credential never takes a token of the right one's bucket: whoever knows an identifier could shut its
//!   owner out.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use axum::http::HeaderMap;
use kernel::{Error, Network, Result, Timestamp};
use platform::settings::{Values, anything, networks};
use platform::web::throttle::{Left, Throttle};
use platform::{App, Kind, Setting, crypto};

use super::cookies::Tls;
use crate::api_credentials::access_key;
use crate::banned_ips::API_TRIES;
use crate::company;

const MOST: i64 = 1_000_000;

pub const API_REQUESTS: Setting = Setting {
    key: "api_requests_per_minute",
    kind: Kind::Int { min: 0, max: MOST },
    default: "3000",
    section: "Security",
    label: "API requests a minute",
    help: "Of one API credential, or of one member of staff. More are refused until a minute has let as many through. 0 sets no limit.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::caller",
};

pub const API_REFUSALS: Setting = Setting {
    key: "api_refusals_per_minute",
    kind: Kind::Int { min: 0, max: MOST },
    default: "60",
    section: "Security",
    label: "API requests without a valid credential a minute",
    help: "From one address. 0 sets no limit.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::stranger",
};

pub const LOGINS: Setting = Setting {
    key: "logins_per_minute",
    kind: Kind::Int { min: 0, max: MOST },
    default: "20",
    section: "Security",
    label: "Attempts to log in a minute",
    help: "From one address, with right and with wrong passwords. 0 sets no limit.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::login",
};

pub const TRUSTED_PROXIES: Setting = Setting {
    key: "trusted_proxies",
    kind: Kind::Networks,
    default: "",
    section: "Security",
    label: "Trusted proxies",
    help: "Addresses or networks such as 127.0.0.1, 10.0.0.0/8. Only from these are X-Forwarded-For and X-Forwarded-Proto believed; without them, all who come through a proxy have its address.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::address",
};

pub const API_NETWORKS: Setting = Setting {
    key: "api_networks",
    kind: Kind::Networks,
    default: "",
    section: "Security",
    label: "API IP access restriction",
    help: "API credentials are taken only from these addresses and networks, such as 203.0.113.7, 10.0.0.0/8. Empty: from everywhere. An access key lets the compatible API in from elsewhere too.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::api_open_to",
};

pub const LOG_API_FAILURES: Setting = Setting {
    key: "log_api_authentication",
    kind: Kind::Bool,
    default: "false",
    section: "Security",
    label: "Log API authentication",
    help: "Each API credential that is refused is written into the activity log, once a minute for each address.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::tells_failure",
};

pub const METRICS_NETWORKS: Setting = Setting {
    key: "metrics_networks",
    kind: Kind::Networks,
    default: "127.0.0.0/8, ::1",
    section: "Security",
    label: "Networks that may read /metrics",
    help: "Where monitoring runs, such as 10.0.0.0/8. Counts of jobs and of what was done are shown to nobody else.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::shows_metrics_to",
};

pub const SETTINGS: &[Setting] =
    &[API_REQUESTS, API_REFUSALS, LOGINS, TRUSTED_PROXIES, API_NETWORKS, LOG_API_FAILURES, METRICS_NETWORKS];

/// Who calls an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    Credential(i64),
    Admin(i64),
    /// The program of a service, by its OAuth credential.
    Program(i64),
}

/// Places for buckets; each takes some fifty bytes.
const CAPACITY: usize = 20_000;

/// The buckets of this process, and their sizes as the settings had them when they were last read.
#[derive(Debug)]
pub struct Limits {
    callers: Throttle<Caller>,
    strangers: Throttle<u128>,
    logins: Throttle<u128>,
    wrong_credentials: Throttle<u128>,
    api_requests: AtomicU32,
    api_refusals: AtomicU32,
    logins_a_minute: AtomicU32,
    wrong_before_ban: AtomicU32,
    proxies: RwLock<Vec<Network>>,
    /// Clients reach the installation by https.
    encrypted: AtomicBool,
    api_gate: RwLock<Gate>,
    monitors: RwLock<Vec<Network>>,
    logs_failures: AtomicBool,
    failures_told: Throttle<u128>,
    uses_told: Throttle<i64>,
}

/// From where API credentials are taken.
#[derive(Debug, Default)]
struct Gate {
    /// Empty: from everywhere.
    networks: Vec<Network>,
    /// The hash of the key that opens it elsewhere; empty when there is none.
    access_key: String,
}

/// Whether an address may use API credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Yes,
    No,
    /// It tried an access key that is none.
    WrongKey,
}

impl Default for Limits {
    fn default() -> Limits {
        let limits = Limits {
            callers: Throttle::new(CAPACITY),
            strangers: Throttle::new(CAPACITY),
            logins: Throttle::new(CAPACITY),
            wrong_credentials: Throttle::new(CAPACITY),
            api_requests: AtomicU32::new(0),
            api_refusals: AtomicU32::new(0),
            logins_a_minute: AtomicU32::new(0),
            wrong_before_ban: AtomicU32::new(0),
            proxies: RwLock::default(),
            encrypted: AtomicBool::new(false),
            api_gate: RwLock::default(),
            monitors: RwLock::default(),
            logs_failures: AtomicBool::new(false),
            failures_told: Throttle::new(CAPACITY),
            uses_told: Throttle::new(CAPACITY),
        };
        limits.set(&Values::default());
        limits
    }
}

impl Limits {
    /// Takes over what the settings say.
    pub fn set(&self, values: &Values) {
        let number = |setting| u32::try_from(values.int(setting)).unwrap_or_default();
        self.api_requests.store(number(&API_REQUESTS), Relaxed);
        self.api_refusals.store(number(&API_REFUSALS), Relaxed);
        self.logins_a_minute.store(number(&LOGINS), Relaxed);
        self.wrong_before_ban.store(number(&API_TRIES), Relaxed);
        let proxies = networks(values.text(&TRUSTED_PROXIES)).unwrap_or_default();
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies;
        self.encrypted.store(company::system_url_of(values).starts_with("https:"), Relaxed);
        let allowed = networks(values.text(&API_NETWORKS)).unwrap_or_default();
        let gate = Gate { networks: allowed, access_key: values.text(&access_key::HASH).to_owned() };
        *self.api_gate.write().unwrap_or_else(PoisonError::into_inner) = gate;
        let monitors = networks(values.text(&METRICS_NETWORKS)).unwrap_or_default();
        *self.monitors.write().unwrap_or_else(PoisonError::into_inner) = monitors;
        self.logs_failures.store(values.bool(&LOG_API_FAILURES), Relaxed);
    }

    /// Takes over what is stored, at once, for whoever has changed it.
    pub async fn read(&self, app: &App) -> Result<()> {
        self.set(&Values::load(&mut app.db.read().await?).await?);
        Ok(())
    }

    /// Counts a request of a known caller, who may have a limit of its own. What is left is told in either case.
    pub(super) fn caller(
        &self,
        caller: Caller,
        own: Option<i64>,
        now: Timestamp,
        left: &mut Option<Left>,
    ) -> Result<()> {
        let own = own.and_then(|own| u32::try_from(own).ok());
        passed(self.callers.take(caller, own.unwrap_or_else(|| self.api_requests.load(Relaxed)), now), left)
    }

    /// Whether API credentials are taken from an address, or from anywhere with this access key.
    pub(super) fn api_open_to(&self, ip: &str, key: Option<&str>) -> Open {
        let gate = self.api_gate.read().unwrap_or_else(PoisonError::into_inner);
        if gate.networks.is_empty() || within(&gate.networks, ip) {
            return Open::Yes;
        }
        let Some(key) = key else { return Open::No };
        let fits = !gate.access_key.is_empty() && crypto::same(&gate.access_key, &crypto::sha256_hex(key.as_bytes()));
        if fits { Open::Yes } else { Open::WrongKey }
    }

    /// Whether a refused credential is to be written down: if the setting says so, once a minute for each address.
    pub(super) fn tells_failure(&self, ip: &str, now: Timestamp) -> bool {
        self.logs_failures.load(Relaxed) && self.failures_told.take(bucket_of(ip), 1, now).is_ok()
    }

    /// Whether the use of a credential is to be written down. Of many requests at once one does it.
    pub(super) fn tells_use(&self, credential: i64, now: Timestamp) -> bool {
        self.uses_told.take(credential, 1, now).is_ok()
    }

    /// Counts what the program of a service asks for.
    pub fn program(&self, credential: i64, now: Timestamp) -> Result<()> {
        self.caller(Caller::Program(credential), None, now, &mut None)
    }

    /// Counts a request of nobody that is known.
    pub(super) fn stranger(&self, ip: &str, now: Timestamp, left: &mut Option<Left>) -> Result<()> {
        passed(self.strangers.take(bucket_of(ip), self.api_refusals.load(Relaxed), now), left)
    }

    /// Counts an attempt to log in.
    pub fn login(&self, ip: &str, now: Timestamp) -> Result<()> {
        passed(self.logins.take(bucket_of(ip), self.logins_a_minute.load(Relaxed), now), &mut None)
    }

    /// Counts a credential that is none; whether there were as many as it takes to be banned.
    pub(super) fn wrong_credential(&self, ip: &str, now: Timestamp) -> bool {
        let taken = self.wrong_credentials.take(bucket_of(ip), self.wrong_before_ban.load(Relaxed), now);
        taken.is_ok_and(|left| left.remaining == 0)
    }

    /// Whether this address speaks for many: it says whom it forwards for, is of a network of our own, and no proxy is
    /// trusted. Banning it by itself would shut out everybody.
    pub(crate) fn is_crowd(&self, ip: &str, headers: &HeaderMap) -> bool {
        let near = match ip.parse() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => false,
        };
        let trusts = !self.proxies.read().unwrap_or_else(PoisonError::into_inner).is_empty();
        near && !trusts && headers.contains_key("x-forwarded-for")
    }

    /// Whether monitoring runs there. What a proxy forwards that is not trusted may be anybody's.
    pub(super) fn shows_metrics_to(&self, ip: &str, headers: &HeaderMap) -> bool {
        let monitors = self.monitors.read().unwrap_or_else(PoisonError::into_inner);
        within(&monitors, ip) && !self.is_crowd(ip, headers)
    }

    /// Whether the browser speaks TLS: as a trusted proxy says, or else as the system address has it.
    pub(super) fn tls(&self, peer: IpAddr, headers: &HeaderMap) -> Tls {
        let peer = peer.to_canonical();
        let proxies = self.proxies.read().unwrap_or_else(PoisonError::into_inner);
        let told = match proxies.iter().any(|network| network.contains(peer)) {
            true => headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()),
            false => None,
        };
        let first = told.map(|told| told.split(',').next().unwrap_or_default().trim());
        Tls(first.map_or_else(|| self.encrypted.load(Relaxed), |scheme| scheme.eq_ignore_ascii_case("https")))
    }

    /// Where a request comes from: the last address that is not a trusted proxy's. What stands before it in the header
    /// may be invented.
    pub(super) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let proxies = self.proxies.read().unwrap_or_else(PoisonError::into_inner);
        let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
        // A line that is no text counts as well: a proxy adds to what it was sent, so the end of it is the proxy's.
        let lines = headers.get_all("x-forwarded-for").iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let lines: Vec<_> = lines.collect();
        let forwarded: Vec<&str> = lines.iter().flat_map(|line| line.split(',')).collect();
        let mut known = peer.to_canonical();
        if proxies.is_empty() && !forwarded.is_empty() {
            warn_once(known);
        }
        for text in forwarded.into_iter().rev() {
            match hop(text) {
                Some(before) if trusted(known) => known = before,
                _ => break,
            }
        }
        known
    }
}

/// Whether an address is in one of the networks.
pub(super) fn within(networks: &[Network], ip: &str) -> bool {
    ip.parse::<IpAddr>().is_ok_and(|address| networks.iter().any(|network| network.contains(address)))
}

fn passed(taken: Result<Left, Left>, left: &mut Option<Left>) -> Result<()> {
    let (Ok(found) | Err(found)) = taken;
    *left = (found.limit > 0).then_some(found);
    taken.map(|_| ()).map_err(|refused| Error::TooMany { retry_after: refused.seconds.max(1) })
}

/// `203.0.113.7`, `2001:db8::7`, and with a port as some proxies write it.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn warn_once(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "requests come through a proxy that is not trusted, so all of them count as one address: see the setting \
             trusted_proxies"
        );
    });
}

/// Whom a wrong password is counted against in the database: an address, or a /64 of IPv6.
pub(crate) fn counted(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(_)) => format!("{}/64", Ipv6Addr::from_bits(bucket_of(ip))),
        _ => ip.to_owned(),
    }
}

/// One home or one machine has a whole /64 of IPv6 addresses.
pub(crate) fn bucket_of(ip: &str) -> u128 {
    match ip.parse() {
        Ok(IpAddr::V6(address)) => address.to_bits() >> 64 << 64,
        Ok(IpAddr::V4(address)) => u128::from(address.to_bits()),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_proxies(text: &str) -> Limits {
        let limits = Limits::default();
        *limits.proxies.write().unwrap() = networks(text).unwrap();
        limits
    }

    fn from(limits: &Limits, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        limits.address(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let limits = Limits::default();
        assert_eq!(from(&limits, "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(from(&limits, "127.0.0.1", &["198.51.100.1"]), "127.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_says_who_came_to_it() {
        let limits = with_proxies("127.0.0.1, 10.0.0.0/8 2001:db8::/32");
        assert_eq!(from(&limits, "127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from(&limits, "::ffff:127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // Two proxies, one after the other; and in front of them somebody who pretends to be another.
        assert_eq!(from(&limits, "127.0.0.1", &["192.0.2.1, 198.51.100.1, 10.1.2.3"]), "198.51.100.1");
        assert_eq!(from(&limits, "127.0.0.1", &["192.0.2.1, 198.51.100.1", "10.1.2.3"]), "198.51.100.1");
        assert_eq!(from(&limits, "2001:db8::7", &["2001:db9::1"]), "2001:db9::1");
        assert_eq!(from(&limits, "127.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(from(&limits, "127.0.0.1", &["[2001:db9::7]:4711"]), "2001:db9::7");
        // What cannot be read ends the chain.
        assert_eq!(from(&limits, "127.0.0.1", &["198.51.100.1, unknown"]), "127.0.0.1");
        assert_eq!(from(&limits, "127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from(&limits, "198.51.100.7", &["192.0.2.1"]), "198.51.100.7");
    }

    #[test]
    fn only_a_trusted_proxy_or_the_system_address_says_that_there_is_tls() {
        let limits = with_proxies("127.0.0.1");
        let tls = |peer: &str, told: &str| {
            let mut headers = HeaderMap::new();
            if !told.is_empty() {
                headers.insert("x-forwarded-proto", told.parse().unwrap());
            }
            limits.tls(peer.parse().unwrap(), &headers).0
        };
        assert!(tls("127.0.0.1", "https") && tls("::ffff:127.0.0.1", "HTTPS, http"));
        assert!(!tls("127.0.0.1", "http") && !tls("127.0.0.1", "") && !tls("192.0.2.1", "https"));
        limits.encrypted.store(true, Relaxed);
        assert!(tls("192.0.2.1", "") && tls("192.0.2.1", "http") && tls("127.0.0.1", "") && !tls("127.0.0.1", "http"));
    }

    #[test]
    fn a_network_of_ipv6_has_one_bucket() {
        assert_eq!(bucket_of("2001:db8::1"), bucket_of("2001:db8::ffff:2"));
        assert_ne!(bucket_of("2001:db8::1"), bucket_of("2001:db8:0:1::1"));
        assert_ne!(bucket_of("192.0.2.1"), bucket_of("192.0.2.2"));
        assert_eq!([counted("2001:db8:1:2:3::4"), counted("192.0.2.1")], ["2001:db8:1:2::/64", "192.0.2.1"]);
    }

    #[test]
    fn the_defaults_are_those_of_the_settings() {
        let limits = Limits::default();
        let sizes = [&limits.api_requests, &limits.api_refusals, &limits.logins_a_minute];
        assert_eq!(sizes.map(|size| size.load(Relaxed)), [3000, 60, 20]);
    }
}
