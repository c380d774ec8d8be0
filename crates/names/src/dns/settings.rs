//! Whom to ask, how long to wait, and how much at once.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// See [`Settings::system`].
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Recursive resolvers; the next one is asked when one does not know.
    pub resolvers: Vec<SocketAddr>,
    /// For one attempt over UDP, and once more when it goes on over TCP. Waiting for a socket does not count.
    pub timeout: Duration,
    /// Attempts after the first one. Each resolver is asked once in any case.
    pub retries: usize,
    /// The most sockets that are open at a time, and names in work.
    pub parallelism: usize,
    /// How it is known that the resolvers validate DNSSEC.
    pub validation: Validation,
}

/// Whether an answer that is not marked as authentic is one of an unsigned zone, or one of a resolver that never looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validation {
    /// Each resolver is asked once for the SOA record of this name, which is signed: those that do not mark the answer
    /// as authentic do not validate. `.` is signed for all.
    Probe(String),
    /// The resolvers do.
    Yes,
    /// They do not, or are not to be believed: the network between here and them can be written to by others.
    No,
}

/// Why settings cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is nobody to ask.
    #[error("no DNS resolver is set")]
    NoResolver,
    /// Nothing could be asked.
    #[error("the number of parallel look-ups must be at least 1")]
    NoParallelism,
    /// Every answer would be late.
    #[error("the time-out must be longer than nothing")]
    NoTime,
    /// The name of [`Validation::Probe`] is none.
    #[error("the name to find out with whether a resolver validates is none: {0}")]
    Probe(String),
    /// The system's list cannot be read.
    #[error("the system's DNS resolvers cannot be read from {RESOLV_CONF}: {0}")]
    System(#[source] io::Error),
}

impl Settings {
    /// Two seconds, two retries, 64 at a time, and the root zone as probe.
    ///
    /// Sixty-four keep a resolver busy (at 20 ms an answer 3,000 a second) and are far from the 1,024 files that a
    /// process may commonly open.
    #[must_use]
    pub fn new(resolvers: Vec<SocketAddr>) -> Self {
        Self {
            resolvers,
            timeout: Duration::from_secs(2),
            retries: 2,
            parallelism: 64,
            validation: Validation::Probe(".".to_owned()),
        }
    }

    /// As [`new`](Self::new), with the resolvers that the system has set (resolv.conf(5)).
    ///
    /// # Errors
    /// When their list cannot be read. One that is missing is none: then it is this machine that is asked.
    pub fn system() -> Result<Self, SettingsError> {
        match fs::read_to_string(Path::new(RESOLV_CONF)) {
            Ok(text) => Ok(Self::new(name_servers(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new(name_servers(""))),
            Err(error) => Err(SettingsError::System(error)),
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.resolvers.is_empty() {
            return Err(SettingsError::NoResolver);
        }
        if self.parallelism == 0 || self.parallelism > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(SettingsError::NoParallelism);
        }
        if self.timeout.is_zero() {
            return Err(SettingsError::NoTime);
        }
        match &self.validation {
            Validation::Probe(name) if name != "." && crate::name::check_host(name).is_err() => {
                Err(SettingsError::Probe(name.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn attempts(&self) -> usize {
        self.retries.saturating_add(1).max(self.resolvers.len())
    }
}

fn name_servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        // A link-local address with its zone ("fe80::1%eth0") cannot be told apart without asking the system.
        if words.next()? == "nameserver" { words.next()?.parse::<IpAddr>().ok() } else { None }
    });
    let mut resolvers: Vec<SocketAddr> = named.map(|address| SocketAddr::new(address, 53)).collect();
    if resolvers.is_empty() {
        resolvers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
    }
    resolvers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_resolvers_are_the_lines_that_name_one() {
        let text = "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1 \n\
                    nameserver fe80::1%eth0\noptions edns0\n";
        let found = name_servers(text);
        assert_eq!(found, ["192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()]);
        assert_eq!(name_servers("options edns0"), ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let good = Settings::new(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]);
        assert!(good.check().is_ok());
        for bad in [
            Settings { resolvers: Vec::new(), ..good.clone() },
            Settings { parallelism: 0, ..good.clone() },
            Settings { timeout: Duration::ZERO, ..good.clone() },
            Settings { validation: Validation::Probe("Not A Name".to_owned()), ..good.clone() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn each_resolver_is_asked_at_least_once() {
        let one = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        assert_eq!(Settings { retries: 0, ..Settings::new(vec![one; 3]) }.attempts(), 3);
        assert_eq!(Settings { retries: 4, ..Settings::new(vec![one; 3]) }.attempts(), 5);
    }
}
