//! Pure values: money, currencies, dates, billing cycles, proration, domain names, text, errors. No input or output, no clock.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod enums;

pub mod calendar;
pub mod domain;
pub mod errors;
pub mod money;
pub mod network;
pub mod proration;
pub mod text;

pub use calendar::{Cycle, Date, DateError, Period, Timestamp, Unit};
pub use domain::{DomainName, Extension};
pub use errors::{Error, FieldErrors, Result};
pub use money::{Currency, Money, MoneyError, Rate, Rounding};
pub use network::Network;
pub use proration::{FirstPeriod, PRORATA_CUTOFF_INCLUSIVE, ProrataRule, first_amount, first_period};
pub use text::{Email, nonempty, single_line};

// For the code that `text_enum!` writes into other crates.
#[doc(hidden)]
pub use enums::unknown_choice;
#[doc(hidden)]
pub use serde;
