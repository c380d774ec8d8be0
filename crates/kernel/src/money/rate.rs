use std::fmt;

use rust_decimal::Decimal;

use super::{Money, MoneyError, Rounding, fixed};
use crate::text::quoted;

/// A percentage (tax, discount, commission) as an integer of ten-thousandths of a percent: 8.25 % is 82 500.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

impl Rate {
    pub const ZERO: Rate = Rate(0);
    /// 1000 %.
    pub const MAX: Rate = Rate(10_000_000);

    const DECIMALS: u32 = 4;

    /// A percentage from 0 to 1000 with at most four decimals, without the percent sign: `19`, `8.25`.
    pub fn parse(text: &str) -> Result<Rate, MoneyError> {
        fixed::parse(text, Self::DECIMALS)
            .ok()
            .filter(|units| (Self::ZERO.0..=Self::MAX.0).contains(units))
            .map(Rate)
            .ok_or_else(|| MoneyError::NotARate(quoted(text)))
    }

    /// From ten-thousandths of a percent, as stored. What people type goes through [`Rate::parse`], which checks it.
    pub const fn from_units(units: i64) -> Rate {
        Rate(units)
    }

    /// Ten-thousandths of a percent, for storing.
    pub const fn units(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The percentage as a number: 8.25 for 8.25 %. To multiply with, use [`Rate::of`] or [`Rate::fraction`].
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, Self::DECIMALS).normalize()
    }

    /// This share of an amount, rounded once.
    pub fn of(self, amount: Money, rounding: Rounding) -> Result<Money, MoneyError> {
        amount.times_ratio(self.0, 1_000_000, rounding)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

text_value!(Rate, MoneyError);
