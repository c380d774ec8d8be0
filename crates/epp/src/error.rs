//! What can go wrong, told apart by the one question that matters when money moves: can the registry have done it?

use std::fmt;

use crate::response::Code;
use crate::xml::Unwritable;

/// Why a command has no good answer.
///
/// No variant shows a password or the authorization information of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Nothing of the command has left: it can be repeated, or not, without a look at the registry.
    NotSent(NotSent),
    /// The command may have been carried out, and there is no answer to go by. Look up how things are at the registry
    /// before anything is repeated.
    Unknown {
        /// The command's own id, to ask the registry's staff about.
        cltrid: String,
        /// What happened to the answer.
        why: Lost,
    },
    /// The registry says no, and has done nothing (RFC 5730, section 2: a command succeeds or fails as a whole).
    Refused(Box<Refusal>),
    /// The answer to a command that changes nothing cannot be believed. That of a command that changes something is
    /// [`Error::Unknown`].
    Protocol(Hostile),
}

impl Error {
    /// Whether the registry cannot have carried the command out.
    #[must_use]
    pub fn nothing_happened(&self) -> bool {
        !matches!(self, Error::Unknown { .. })
    }
}

/// Why a command was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// The command or a setting is not one that can be sent; in words.
    Invalid(String),
    /// The server's greeting does not offer this object or extension.
    NotOffered(String),
    /// There is no way to the server, or it is not who it should be; in words.
    Unreachable(String),
    /// What the server said first, or said to the login, cannot be believed.
    Hostile(Hostile),
    /// The server does not let us in: 2200 when client id or password are wrong.
    LoginRefused(Box<Refusal>),
    /// The server has no session left for us (2502), and none of ours is at work that could be waited for.
    SessionLimit(Box<Refusal>),
    /// All sessions of the pool are at work, and none became free in time.
    Busy,
    /// The pool is closed.
    Closed,
}

/// What happened to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It did not come in time.
    TimedOut,
    /// The connection ended or broke before it was there; in words.
    Broken(String),
    /// It cannot be believed.
    Hostile(Hostile),
}

/// Why an answer cannot be believed, in words. It quotes nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostile(String);

impl Hostile {
    /// In words, such as "there is no result in it".
    pub fn new(why: impl Into<String>) -> Hostile {
        Hostile(why.into())
    }

    pub(crate) fn scrubbed(self, secrets: &[String]) -> Hostile {
        Hostile(crate::secret::scrub(&self.0, secrets))
    }
}

/// A registry's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of the first result.
    pub code: Code,
    /// Of the first result, in the registry's words.
    pub message: String,
    /// What was wrong with which value, of all results.
    pub reasons: Vec<Reason>,
    /// The id that we gave the command.
    pub cltrid: String,
    /// The id that the registry gave it.
    pub svtrid: String,
}

/// What was wrong with a value (`extValue`), or just the value (`value`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The element that was refused, as XML with secrets masked.
    pub value: String,
    /// In the registry's words; empty where it only names the value.
    pub reason: String,
}

/// Says why a command cannot be sent.
pub(crate) fn invalid(why: impl Into<String>) -> NotSent {
    NotSent::Invalid(why.into())
}

impl From<NotSent> for Error {
    fn from(not_sent: NotSent) -> Error {
        Error::NotSent(not_sent)
    }
}

impl From<Unwritable> for NotSent {
    fn from(unwritable: Unwritable) -> NotSent {
        NotSent::Invalid(unwritable.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotSent(why) => write!(f, "not sent: {why}"),
            Error::Unknown { cltrid, why } => write!(f, "it is not known what became of {cltrid}: {why}"),
            Error::Refused(refusal) => write!(f, "refused: {refusal}"),
            Error::Protocol(why) => write!(f, "the answer cannot be believed: {why}"),
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotSent::Invalid(why) | NotSent::Unreachable(why) => f.write_str(why),
            NotSent::NotOffered(uri) => write!(f, "the registry does not offer {uri}"),
            NotSent::Hostile(why) => write!(f, "the server cannot be believed: {why}"),
            NotSent::LoginRefused(refusal) => write!(f, "the login was refused: {refusal}"),
            NotSent::SessionLimit(refusal) => write!(f, "the registry has no session left: {refusal}"),
            NotSent::Busy => f.write_str("all sessions are at work"),
            NotSent::Closed => f.write_str("the pool is closed"),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::TimedOut => f.write_str("no answer came in time"),
            Lost::Broken(why) => write!(f, "the connection broke: {why}"),
            Lost::Hostile(why) => write!(f, "the answer cannot be believed: {why}"),
        }
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.0, self.message)?;
        self.reasons
            .iter()
            .filter(|reason| !reason.reason.is_empty())
            .try_for_each(|reason| write!(f, "; {}", reason.reason))
    }
}

impl std::error::Error for Error {}
impl std::error::Error for NotSent {}
impl std::error::Error for Hostile {}
