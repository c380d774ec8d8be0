//! Pure values: money, currencies, dates, billing cycles, errors. No input or output, no clock.

pub mod errors;

pub use errors::{Error, FieldErrors, Result};
