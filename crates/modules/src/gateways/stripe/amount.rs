//! Amounts as Stripe counts them, which is not always as ISO 4217 does.
//!
//! Source: <https://docs.stripe.com/currencies>, "Zero-decimal currencies", "Three-decimal currencies" and
//! "Special cases".

use kernel::{Currency, Money};

/// Whole units only, whatever ISO 4217 says (MGA has two decimals there).
const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
/// Stripe's page lists the Uganda shilling as zero-decimal (5 is USh 5) and, further down, as a special case with
/// two decimals (500 is USh 5). Choosing wrongly charges a hundredfold, so it is not charged at all.
const CONTRADICTORY: &str = "UGX";

/// The integer that Stripe wants for `amount`, or a sentence saying why there is none.
pub(super) fn to_stripe(amount: Money) -> Result<i64, String> {
    let currency = amount.currency;
    if !amount.is_positive() {
        return Err("Only an amount above zero can be sent to Stripe.".to_owned());
    }
    let units = rescale(amount.minor, currency.exponent(), stripe_exponent(currency)?)
        .ok_or_else(|| format!("Stripe cannot express {amount}: it has too many decimals or is too large."))?;
    let step = step(currency);
    if units % step != 0 {
        return Err(match step {
            10 => format!("Stripe takes {currency} only in steps of 0.010; {amount} has to be rounded first."),
            _ => format!("Stripe takes {currency} only in whole units; {amount} has to be rounded first."),
        });
    }
    Ok(units)
}

/// The reverse, for what Stripe reports; `None` for currencies and amounts that we cannot express.
pub(super) fn from_stripe(units: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse(currency).ok()?;
    let minor = rescale(units, stripe_exponent(currency).ok()?, currency.exponent())?;
    Some(Money::new(minor, currency))
}

fn stripe_exponent(currency: Currency) -> Result<u32, String> {
    match currency.code() {
        CONTRADICTORY => Err(format!("{currency} cannot be charged through Stripe: its unit there is ambiguous.")),
        code if ZERO_DECIMAL.contains(&code) => Ok(0),
        code if THREE_DECIMAL.contains(&code) => Ok(3),
        _ => Ok(2),
    }
}

/// What the integer must be a multiple of: the last digit of three decimals must be 0, and ISK is sent with two
/// decimals that must be 00.
fn step(currency: Currency) -> i64 {
    match currency.code() {
        "ISK" => 100,
        code if THREE_DECIMAL.contains(&code) => 10,
        _ => 1,
    }
}

/// From units of 10⁻ᶠʳᵒᵐ to units of 10⁻ᵗᵒ, exactly or not at all.
fn rescale(units: i64, from: u32, to: u32) -> Option<i64> {
    if to >= from {
        return units.checked_mul(10_i64.checked_pow(to - from)?);
    }
    let divisor = 10_i64.checked_pow(from - to)?;
    (units % divisor == 0).then_some(units / divisor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(decimal: &str, currency: &str) -> Money {
        Money::parse(decimal, Currency::parse(currency).unwrap()).unwrap()
    }

    #[test]
    fn amounts_have_the_units_of_stripe() {
        for (decimal, currency, units) in [
            ("10.50", "EUR", 1050),
            ("10", "USD", 1000),
            ("500", "JPY", 500),
            ("5", "ISK", 500),
            ("5.000", "KWD", 5000),
            ("5.120", "KWD", 5120),
            ("12", "MGA", 12),
            ("10.45", "HUF", 1045),
        ] {
            let amount = money(decimal, currency);
            assert_eq!(to_stripe(amount), Ok(units), "{amount}");
            assert_eq!(from_stripe(units, &currency.to_lowercase()), Some(amount), "{amount}");
        }
    }

    #[test]
    fn what_stripe_cannot_charge_is_refused_in_a_sentence() {
        for (decimal, currency, sentence) in [
            ("5.124", "KWD", "Stripe takes KWD only in steps of 0.010; 5.124 KWD has to be rounded first."),
            ("0.20", "MGA", "Stripe cannot express 0.20 MGA: it has too many decimals or is too large."),
            ("5", "UGX", "UGX cannot be charged through Stripe: its unit there is ambiguous."),
            ("0", "EUR", "Only an amount above zero can be sent to Stripe."),
            ("-1", "EUR", "Only an amount above zero can be sent to Stripe."),
        ] {
            assert_eq!(to_stripe(money(decimal, currency)), Err(sentence.to_owned()));
        }
        assert!(to_stripe(Money::new(i64::MAX, Currency::parse("ISK").unwrap())).is_err());
    }

    #[test]
    fn a_reported_amount_that_we_cannot_express_is_none() {
        assert_eq!(from_stripe(550, "isk"), None);
        assert_eq!(from_stripe(500, "ugx"), None);
        assert_eq!(from_stripe(500, "zzz"), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_comes_back_as_the_same_money(
            minor in 1_i64..=i64::MAX,
            code in prop::sample::select(vec!["EUR", "JPY", "KWD", "ISK", "MGA", "TND", "HUF", "CLP", "XAF", "CHF"]),
        ) {
            let amount = Money::new(minor, Currency::parse(code).unwrap());
            if let Ok(units) = to_stripe(amount) {
                prop_assert_eq!(from_stripe(units, code), Some(amount));
            }
        }
    }
}
