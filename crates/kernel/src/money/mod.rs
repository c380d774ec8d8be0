//! Money is an integer of minor units with its currency. Nothing here rounds unless the caller names how, and
//! amounts of two currencies are never combined.

use std::fmt;

use rust_decimal::Decimal;

use crate::errors::Error;
use crate::text::quoted;

mod currency;
mod fixed;
mod rate;
#[cfg(test)]
mod tests;

pub use currency::Currency;
use fixed::FixedError;
pub use rate::Rate;

/// An amount, negative for what is owed the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// In the smallest unit of the currency: cents, whole yen, thousandths of a dinar.
    pub minor: i64,
    pub currency: Currency,
}

/// Where an amount between two minor units goes. All of them mirror at zero, so that a refund rounds as its charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest; exactly half goes away from zero: 0.5 → 1, −0.5 → −1.
    HalfUp,
    /// To the nearest; exactly half goes to the even neighbour: 0.5 → 0, 1.5 → 2.
    HalfEven,
    /// Towards zero: 0.9 → 0, −0.9 → 0.
    Down,
    /// Away from zero: 0.1 → 1, −0.1 → −1.
    Up,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("The amount is too large. Enter a smaller amount.")]
    Overflow,
    #[error("Amounts in {left} and {right} cannot be combined. Use one currency.")]
    CurrencyMismatch { left: Currency, right: Currency },
    /// Holds what was typed, quoted for the sentence.
    #[error("{0} is not a currency. Enter an ISO 4217 code such as USD.")]
    UnknownCurrency(String),
    /// Holds what was typed, quoted for the sentence.
    #[error(
        "{0} is not an amount. Enter digits, with a point before the decimals and no thousands separators, \
         such as 1250 or 12.50."
    )]
    NotAnAmount(String),
    #[error("{amount} has too many decimals. Enter {}.", allowed_decimals(.currency))]
    TooManyDecimals { amount: String, currency: Currency },
    /// Holds what was typed, quoted for the sentence.
    #[error("{0} is not a percentage. Enter a number from 0 to 1000 with at most 4 decimals, such as 19 or 8.25.")]
    NotARate(String),
    /// A ratio over zero: a defect of the caller, not of what somebody typed.
    #[error("an amount was divided by zero")]
    DividedByZero,
}

fn allowed_decimals(currency: &Currency) -> String {
    match currency.exponent() {
        0 => format!("a whole number; {currency} has no decimals"),
        some => format!("at most {some} decimals for {currency}"),
    }
}

impl From<MoneyError> for Error {
    fn from(error: MoneyError) -> Error {
        let field = match error {
            MoneyError::DividedByZero => return Error::broken(error.to_string()),
            MoneyError::UnknownCurrency(_) => "currency",
            MoneyError::NotARate(_) => "rate",
            _ => "amount",
        };
        Error::invalid(field, error.to_string())
    }
}

impl Money {
    pub const fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    /// No single amount that is written down is larger, in minor units: sums of tens of thousands of them still fit.
    pub const LARGEST: i64 = 100_000_000_000_000;

    /// The amount, unless it is larger than anything is: a mistake in typing, which would break the sums it is part of.
    pub fn within_reason(self) -> Result<Money, MoneyError> {
        self.with((self.minor.unsigned_abs() <= Money::LARGEST.unsigned_abs()).then_some(self.minor))
    }

    pub const fn zero(currency: Currency) -> Money {
        Money::new(0, currency)
    }

    /// A plain decimal such as `1250`, `-12.5` or `12.500`: no thousands separators, no exponent, a point.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        match fixed::parse(text, currency.exponent()) {
            Ok(minor) => Ok(Money::new(minor, currency)),
            Err(FixedError::NotANumber) => Err(MoneyError::NotAnAmount(quoted(text))),
            Err(FixedError::TooManyDecimals) => Err(MoneyError::TooManyDecimals { amount: quoted(text), currency }),
            Err(FixedError::Overflow) => Err(MoneyError::Overflow),
        }
    }

    /// The amount without its currency, with all decimals: `12.34`, `-0.50`, `1234` for yen.
    pub fn decimal(self) -> String {
        fixed::format(self.minor, self.currency.exponent())
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// Without its sign. The one value without a positive twin, `i64::MIN`, becomes `i64::MAX`; parsing never
    /// yields it.
    pub const fn abs(self) -> Money {
        Money::new(self.minor.saturating_abs(), self.currency)
    }

    pub fn checked_neg(self) -> Result<Money, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    pub fn checked_mul(self, factor: i64) -> Result<Money, MoneyError> {
        self.with(self.minor.checked_mul(factor))
    }

    /// The smaller of the two.
    pub fn min(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        Ok(Money::new(self.minor.min(other.minor), self.currency))
    }

    /// The total; zero of `currency` for nothing. Only the total must fit, not each sum on the way.
    pub fn sum(amounts: impl IntoIterator<Item = Money>, currency: Currency) -> Result<Money, MoneyError> {
        let zero = Money::zero(currency);
        let mut total = 0_i128;
        for amount in amounts {
            zero.same_currency(amount)?;
            total += i128::from(amount.minor);
        }
        zero.with(i64::try_from(total).ok())
    }

    /// × `num` ÷ `den`, exact until the one rounding.
    pub fn times_ratio(self, num: i64, den: i64, rounding: Rounding) -> Result<Money, MoneyError> {
        if den == 0 {
            return Err(MoneyError::DividedByZero);
        }
        let negative = self.is_negative() ^ (num < 0) ^ (den < 0);
        let product = u128::from(self.minor.unsigned_abs()) * u128::from(num.unsigned_abs());
        let den = u128::from(den.unsigned_abs());
        self.with(signed(negative, rounding.apply(product / den, product % den, den)))
    }

    /// × `factor`, exact until the one rounding, however many decimals the factor has.
    pub fn times(self, factor: Decimal, rounding: Rounding) -> Result<Money, MoneyError> {
        let negative = self.is_negative() ^ factor.is_sign_negative();
        let den = 10_u128.pow(factor.scale());
        let mantissa = factor.mantissa().unsigned_abs();
        let minor = u128::from(self.minor.unsigned_abs());
        let product = (mantissa / den).checked_mul(minor).and_then(|whole| {
            let (quotient, remainder) = multiply_divide(minor, mantissa % den, den);
            Some(rounding.apply(whole.checked_add(quotient)?, remainder, den))
        });
        self.with(product.and_then(|magnitude| signed(negative, magnitude)))
    }

    /// `n` parts that differ by at most one minor unit and add up to the whole; the larger ones come first.
    /// Nobody to split among (0) means no parts.
    pub fn split(self, n: u32) -> Vec<Money> {
        self.allocate(&vec![1; n as usize])
    }

    /// A part for each weight, in proportion, adding up to the whole. What the division leaves over goes, a minor
    /// unit each, to the largest remainders, the earlier first. If all weights are zero, the parts are equal.
    pub fn allocate(self, weights: &[u64]) -> Vec<Money> {
        if weights.is_empty() {
            return Vec::new();
        }
        let total: u128 = weights.iter().copied().map(u128::from).sum();
        if total == 0 {
            return self.allocate(&vec![1; weights.len()]);
        }
        let whole = u128::from(self.minor.unsigned_abs());
        let mut shares: Vec<u128> = weights.iter().map(|weight| whole * u128::from(*weight) / total).collect();
        let left_over = whole - shares.iter().sum::<u128>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(whole * u128::from(weights[*index]) % total));
        // Fewer units are left over than there are weights that leave a remainder.
        for index in order.into_iter().take(usize::try_from(left_over).unwrap_or(usize::MAX)) {
            shares[index] += 1;
        }
        shares.into_iter().map(|share| self.part(share)).collect()
    }

    /// `magnitude` with the sign of `self`; it is never more than `self`, so it fits.
    fn part(self, magnitude: u128) -> Money {
        Money::new(signed(self.is_negative(), magnitude).unwrap_or(self.minor), self.currency)
    }

    fn with(self, minor: Option<i64>) -> Result<Money, MoneyError> {
        minor.map(|minor| Money::new(minor, self.currency)).ok_or(MoneyError::Overflow)
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.decimal(), self.currency))
    }
}

impl Rounding {
    /// The magnitude of a quotient of which `remainder` of `den` is left.
    fn apply(self, quotient: u128, remainder: u128, den: u128) -> u128 {
        let rest = den - remainder;
        let away = match self {
            Rounding::HalfUp => remainder >= rest,
            Rounding::HalfEven => remainder > rest || (remainder == rest && quotient % 2 == 1),
            Rounding::Down => false,
            Rounding::Up => remainder > 0,
        };
        quotient + u128::from(away)
    }
}

fn signed(negative: bool, magnitude: u128) -> Option<i64> {
    let magnitude = i128::try_from(magnitude).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Quotient and remainder of `minor × num ÷ den`, for `minor` < 2⁶⁴ and `num` < `den` ≤ 10²⁸. The product can have
/// 157 bits, so `minor` is taken in two digits of 32 bits, as in long division.
fn multiply_divide(minor: u128, num: u128, den: u128) -> (u128, u128) {
    let (high, low) = (minor >> 32, minor & 0xFFFF_FFFF);
    let carried = ((high * num % den) << 32) + low * num;
    (((high * num / den) << 32) + carried / den, carried % den)
}
