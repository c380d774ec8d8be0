//! Dates, instants, and the billing cycles that lead from one date to the next.

use crate::errors::Error;

mod cycle;
mod date;
#[cfg(test)]
mod tests;
mod timestamp;

pub use cycle::{Cycle, Period, Unit};
pub use date::Date;
pub use timestamp::Timestamp;

/// What was typed is held quoted for the sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    #[error("{0} is not a date. Enter an existing day as YYYY-MM-DD, such as 2026-01-31.")]
    NotADate(String),
    /// Other systems write it where they have no date; here a missing date is an absent value.
    #[error("0000-00-00 is not a date. Leave the date empty if there is none.")]
    ZeroDate,
    #[error("The date is out of range. Use a year from 1900 to 9999.")]
    OutOfRange,
    #[error("{0} is not an instant. Enter it as RFC 3339, such as 2026-01-31T09:00:00Z.")]
    NotATimestamp(String),
    #[error("{0} is not a billing cycle. Enter one such as monthly, annually, onetime, free or every:10:days.")]
    NotACycle(String),
    #[error("This billing cycle does not recur, so it has no next date.")]
    NotRecurring,
}

impl From<DateError> for Error {
    fn from(error: DateError) -> Error {
        let field = match error {
            DateError::NotACycle(_) => "cycle",
            _ => "date",
        };
        Error::invalid(field, error.to_string())
    }
}
