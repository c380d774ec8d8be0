//! WHOIS (RFC 3912): what a registry says about a domain name, as text without a form.
//!
//! What always holds:
//! - *Not registered* needs a line that fits a pattern of the name's own suffix ([`Table`]). A text that is not
//!   understood, empty, cut off, about another name or about our asking too often is [`Failure`], never a free name.
//! - At most [`MAX_BYTES`] are read. A referral is followed once, to port 43, and only to a public address unless
//!   [`Settings::reach`] says otherwise.

mod client;
mod fields;
mod judgement;
mod record;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use client::Client;
pub use record::Record;
pub use table::{Entry, Table, TableError};

use crate::reach::Reach;

/// A longer answer is not read. Those of registries have 1 to 8 kB.
pub const MAX_BYTES: usize = 64 << 10;

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// For one server.
    pub timeout: Duration,
    /// Where servers may be. Other ports than 43 are asked only with [`Reach::Anywhere`].
    pub reach: Reach,
    /// The server that names the one of a top-level domain which the table does not have.
    pub iana: String,
    /// What is done with the registrar's server that a registry may name.
    pub registrars: Registrars,
}

/// What is done with the registrar's server that a registry may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registrars {
    /// It is left alone: the registry says whether a name is registered, and until when.
    #[default]
    Leave,
    /// It is asked too; some registries leave contacts and dates to it.
    Ask,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            reach: Reach::Public,
            iana: "whois.iana.org".to_owned(),
            registrars: Registrars::Leave,
        }
    }
}

/// What is known about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Whether it is registered.
    pub state: State,
    /// What was found in the answer.
    pub record: Record,
    /// The answer.
    pub text: String,
    /// Who gave it; empty when nobody is known.
    pub server: String,
    /// What the registrar says, when it was asked.
    pub registrar: Option<Referred>,
}

/// What a registrar's server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referred {
    /// An answer.
    Answered { server: String, record: Box<Record>, text: String },
    /// None.
    Failed { server: String, why: Failure },
}

/// Whether a name is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The answer names it, with a registrar, a date, name servers or a status.
    Registered,
    /// A line fits the pattern of the suffix.
    NotRegistered,
    /// The registry keeps it for itself.
    Reserved,
    /// It could not be found out.
    Unknown(Failure),
}

/// Why it could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is none for the suffix.
    #[error("no WHOIS server is known for this top-level domain")]
    NoServer,
    /// We ask too often.
    #[error("the WHOIS server is asked too often")]
    TooMany,
    /// We may not ask.
    #[error("the WHOIS server refused to answer")]
    Refused,
    /// Nothing was said.
    #[error("the WHOIS server's answer is empty")]
    Empty,
    /// Something was said.
    #[error("the WHOIS server's answer is not understood")]
    NotUnderstood,
    /// It says both that the name is registered and that it is not.
    #[error("the WHOIS server's answer contradicts itself")]
    Contradiction,
    /// The answer is about this name instead.
    #[error("the WHOIS server answered for {0}")]
    AnotherName(String),
    /// More than [`MAX_BYTES`].
    #[error("the WHOIS server's answer is too long")]
    TooLong,
    /// No answer in time.
    #[error("the WHOIS server did not answer in time")]
    TimedOut,
    /// The network said no, perhaps in the middle of an answer.
    #[error("the WHOIS server cannot be reached: {0}")]
    Unreachable(String),
    /// The server is not to be asked.
    #[error("the WHOIS server is not to be asked: {0}")]
    Forbidden(String),
}
