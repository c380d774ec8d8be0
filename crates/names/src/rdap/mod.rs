//! RDAP: what a registry says about a domain name, as JSON over HTTP (RFC 7480, 9082, 9083, 9224).
//!
//! What always holds:
//! - *Not registered* needs the status 404 of a server that the bootstrap file names for the name's top-level domain,
//!   without a body or with one of RDAP's: the error page of some other web server says nothing about a name.
//! - An answer about another name, one that cannot be read, and any other status is [`Failure`].
//! - Redirects are followed a few times, only to http and https, never from https to http, and only to public addresses
//!   unless [`Settings::reach`] says otherwise. At most [`MAX_BYTES`] are read.

mod bootstrap;
mod client;
mod domain;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use bootstrap::{Bootstrap, BootstrapError};
pub use client::Client;
pub use domain::{Contact, Domain, Ds, Event, NameServer, Notice, Registrar, SecureDns};

use crate::reach::Reach;

/// A longer answer is not read. Those of registries have 2 to 20 kB.
pub const MAX_BYTES: usize = 1 << 20;

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// For one server, with all its redirects.
    pub timeout: Duration,
    /// How many redirects of one answer are followed.
    pub redirects: usize,
    /// Where servers may be. Behind a proxy it is the proxy that resolves names: then it must keep to this, and its own
    /// address must be allowed here.
    pub reach: Reach,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), redirects: 4, reach: Reach::Public }
    }
}

/// What is known about a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// The registry has it.
    Registered(Box<Domain>),
    /// The registry does not have it. It may yet be reserved, or not be for sale.
    NotRegistered {
        /// The address that was asked.
        server: String,
    },
    /// It could not be found out.
    Unknown(Failure),
}

/// Why it could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The bootstrap file names no server for the top-level domain.
    #[error("no RDAP server is known for this top-level domain")]
    NoServer,
    /// We ask too often (429), and may again after this time, if it was said.
    #[error("the RDAP server is asked too often")]
    TooMany { retry_after: Option<Duration> },
    /// Another status than 200 and 404.
    #[error("the RDAP server answered with status {0}")]
    Status(u16),
    /// No answer in time.
    #[error("the RDAP server did not answer in time")]
    TimedOut,
    /// The network said no.
    #[error("the RDAP server cannot be reached: {0}")]
    Unreachable(String),
    /// The server, or where it redirects to, is not to be asked.
    #[error("the RDAP server is not to be asked: {0}")]
    Forbidden(String),
    /// More than [`MAX_BYTES`].
    #[error("the RDAP server's answer is too long")]
    TooLong,
    /// No RDAP.
    #[error("the RDAP server's answer cannot be read: {0}")]
    Malformed(String),
    /// The answer is about this name instead.
    #[error("the RDAP server answered for {0}")]
    AnotherName(String),
}

impl Failure {
    /// Whether another server of the same registry may know.
    pub(crate) fn is_of_the_server(&self) -> bool {
        matches!(self, Failure::TimedOut | Failure::Unreachable(_) | Failure::Status(500..))
    }
}
