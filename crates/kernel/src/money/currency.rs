use std::fmt;

use super::MoneyError;
use crate::text::quoted;

/// An ISO 4217 currency that has a minor unit; so not gold (XAU) and not "no currency" (XXX).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Accepts any case and surrounding blanks.
    pub fn parse(text: &str) -> Result<Currency, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(quoted(text));
        let code: [u8; 3] = text.trim().to_ascii_uppercase().into_bytes().try_into().map_err(|_| unknown())?;
        let currency = Currency(code);
        currency.minor_digits().map(|_| currency).ok_or_else(unknown)
    }

    /// Three capital letters.
    pub fn code(&self) -> &str {
        // Only `parse` makes a currency, from letters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals an amount has: USD 2, JPY 0, KWD 3.
    pub fn exponent(&self) -> u32 {
        self.minor_digits().unwrap_or_default()
    }

    fn minor_digits(&self) -> Option<u32> {
        iso_currency::Currency::from_code(self.code())?.exponent().map(u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

text_value!(Currency, MoneyError);
