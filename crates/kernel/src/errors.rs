//! The one error type of every rule and door. A rule says *what* is wrong; `platform::web` decides
//! once how that looks as a page, as a problem document or as an answer of the compatible API.

use std::fmt;

use crate::calendar::Timestamp;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing named does not exist, or is not the caller's to see.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Input that does not fit; every field at once.
    #[error("{0}")]
    Invalid(FieldErrors),
    /// The request contradicts what is already there (a duplicate, a stale version).
    #[error("{0}")]
    Conflict(String),
    /// A rule says no, in words for the person who asked.
    #[error("{0}")]
    Refused(String),
    /// Known caller, missing permission (its name).
    #[error("You do not have the permission “{0}”.")]
    Forbidden(&'static str),
    /// Known caller, but not in this way: from this address, with this credential.
    #[error("{0}")]
    Barred(String),
    #[error("Please log in.")]
    Unauthenticated,
    /// The caller's address is banned: why, and until when, if that ends.
    #[error("This address is banned{}: {reason}", until.map(|until| format!(" until {until}")).unwrap_or_default())]
    Banned { reason: String, until: Option<Timestamp> },
    #[error("Too many requests. Try again in {retry_after} seconds.")]
    TooMany { retry_after: u64 },
    /// The request is larger than so many MiB.
    #[error("body: The request is larger than {0} MiB.")]
    TooLarge(usize),
    /// Something outside (database, provider) does not answer; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// A defect or a broken invariant. The text is for the log, never for the user.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// Whether the database's unique key said no: somebody else wrote the same at the same time. Its words are nobody's to
    /// read; what is tried again finds what was written.
    pub fn is_collision(&self) -> bool {
        matches!(self, Error::Conflict(text) if text.starts_with("database:"))
    }

    /// One field is wrong. `message` says what to do, in a sentence.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Error {
        let mut errors = FieldErrors::default();
        errors.add(field, message);
        Error::Invalid(errors)
    }

    pub fn refused(message: impl Into<String>) -> Error {
        Error::Refused(message.into())
    }

    pub fn conflict(message: impl Into<String>) -> Error {
        Error::Conflict(message.into())
    }

    pub fn broken(message: impl Into<String>) -> Error {
        Error::Broken(message.into())
    }
}

/// Errors by field, in the order in which they were found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push((field.into(), message.into()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (field.as_str(), message.as_str()))
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == field).map(|(_, message)| message)
    }

    /// Keeps the value, or notes the error under `field` and goes on, so that all errors are found at once.
    pub fn take<T>(&mut self, field: &str, parsed: std::result::Result<T, impl fmt::Display>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    /// As [`take`](FieldErrors::take) for a rule that names its fields itself; errors that are of no field are passed on.
    pub fn gather<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(errors)) => {
                self.0.extend(errors.0);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// `Err` when anything was noted.
    pub fn check(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Invalid(self)) }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, message)) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{field}: {message}")?;
        }
        Ok(())
    }
}
