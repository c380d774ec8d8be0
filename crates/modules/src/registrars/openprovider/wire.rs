//! How values are written in Openprovider's JSON: prices exactly, and everything else as leniently as its own examples
//! differ (`"active": 1` and `"active": true`, `"0000-00-00 00:00:00"` for no date, fields left out or null).

use std::fmt;

use domains::registrars::contract::RegistrarError;
use kernel::{Currency, Date, DomainName, Money};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A price with the digits that stand in the answer. A binary fraction would turn 8.06 into something close to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount(String);

impl Amount {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In a currency whose decimals suffice for it. Zeros after those are no decimals.
    pub fn money(&self, currency: Currency) -> Result<Money, RegistrarError> {
        let exponent = currency.exponent() as usize;
        let text = match self.0.split_once('.') {
            Some((whole, digits)) if digits.len() > exponent => {
                let (kept, rest) = digits.split_at(exponent);
                let zeros = rest.bytes().all(|digit| digit == b'0');
                if !zeros {
                    return Err(unreadable(&format!("{} {currency} has too many decimals", self.0)));
                }
                if kept.is_empty() { whole.to_owned() } else { format!("{whole}.{kept}") }
            }
            _ => self.0.clone(),
        };
        Money::parse(&text, currency).map_err(|error| unreadable(&error.to_string()))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let text = raw.get().trim_matches('"');
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // No exponent: what is written like that is no price.
        if all_digits(whole) && all_digits(fraction) && text.len() <= 30 {
            Ok(Amount(text.to_owned()))
        } else {
            Err(D::Error::custom("no price"))
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?.serialize(to)
    }
}

/// Text, a number or nothing, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub String);

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `2019-04-29 17:15:19`, without the time of day. Nothing and zeros are no date.
    pub fn date(&self) -> Option<Date> {
        Date::parse(self.0.get(..10)?).ok()
    }
}

struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Text, E> {
        Ok(Text(u8::from(flag).to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        from.deserialize_any(Scalar)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// `true`, `1`, `"yes"` and their opposites; `None` where it does not say.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Text::deserialize(from)?.as_str().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    })
}

/// A whole number, also as text; `None` where there is none.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Text::deserialize(from)?.as_str().parse().ok())
}

/// A list; null is an empty one.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A domain in the two parts in which Openprovider has it.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Parts {
    pub name: String,
    pub extension: String,
}

impl Parts {
    pub fn of(name: &DomainName) -> Parts {
        let (name, extension) = name.split();
        Parts { name: name.to_owned(), extension: extension.to_owned() }
    }

    pub fn joined(&self) -> Option<DomainName> {
        DomainName::parse(&format!("{}.{}", self.name, self.extension)).ok()
    }
}

/// A price in the supplier's currency (`product`) and in that of our account (`reseller`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Prices {
    pub product: Option<Price>,
    pub reseller: Option<Price>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Price {
    pub price: Amount,
    #[serde(default)]
    pub currency: Text,
}

impl Price {
    pub fn money(&self) -> Result<Money, RegistrarError> {
        let code = self.currency.as_str();
        let currency = Currency::parse(code).map_err(|_| unreadable(&format!("a price in the currency “{code}”")))?;
        self.price.money(currency)
    }
}

/// An answer that is not what was asked for, or not understood.
pub(super) fn unreadable(what: &str) -> RegistrarError {
    RegistrarError::Unknown(format!("Openprovider's answer cannot be used: {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_keeps_the_digits_that_were_written() {
        let read = |json: &str| serde_json::from_str::<Amount>(json).ok().map(|amount| amount.0);
        for (json, digits) in [("8.06", "8.06"), ("226", "226"), ("\"93381.69\"", "93381.69"), ("0.1", "0.1")] {
            assert_eq!(read(json).as_deref(), Some(digits));
        }
        let long = "12345678901234567.10";
        assert_eq!(read(long).as_deref(), Some(long), "more digits than a binary fraction holds");
        assert_eq!(serde_json::to_string(&Amount(long.to_owned())).unwrap(), long);
        for json in ["1e3", "\"\"", "\"EUR 5\"", "true", "[1]", "\".5\"", "{}"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn decimals_that_a_currency_does_not_have_are_not_rounded() {
        let money = |text: &str, code| Amount(text.to_owned()).money(Currency::parse(code).unwrap());
        assert_eq!(money("8.060", "EUR").unwrap().decimal(), "8.06");
        assert_eq!(money("900.00", "JPY").unwrap().decimal(), "900");
        assert!(money("8.065", "EUR").is_err());
        assert!(money("900.5", "JPY").is_err());
    }

    #[test]
    fn dates_and_flags_are_read_in_every_shape_that_the_documentation_shows() {
        let date = |text: &str| Text(text.to_owned()).date().map(|date| date.to_string());
        assert_eq!(date("2019-04-29 17:15:19").as_deref(), Some("2019-04-29"));
        assert_eq!((date("0000-00-00 00:00:00"), date(""), date("soon enough")), (None, None, None));
        #[derive(Deserialize)]
        struct One {
            #[serde(default, deserialize_with = "flag")]
            on: Option<bool>,
        }
        let read = |json: &str| serde_json::from_str::<One>(json).unwrap().on;
        assert_eq!((read("{\"on\":1}"), read("{\"on\":\"no\"}")), (Some(true), Some(false)));
        assert_eq!((read("{\"on\":true}"), read("{\"on\":null}"), read("{}")), (Some(true), None, None));
    }
}
