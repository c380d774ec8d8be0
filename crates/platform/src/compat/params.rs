//! Typed access to parameters, noting every one that does not fit.

use std::fmt::Display;

use kernel::errors::{Error, FieldErrors, Result};
use kernel::{Currency, Date, Money};
use serde_json::Value as Json;

use super::fields::{Fields, Value, index};
use super::php;

/// What a comma in a single value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commas {
    /// `1,2` is two elements: ids, domains, cycles.
    Split,
    /// Commas are text: descriptions.
    Keep,
}

/// The parameter was missing or wrong, and is noted among the errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted(());

/// Typed getters over a request, to be had from [`Request::read`](super::Request::read).
///
/// A name may be a path as on the wire: `pricing[1][monthly]`. Getters answer `None` both for what is missing and
/// for what is wrong; the latter makes `read` fail. Except for [`text`](Params::text), a value sent empty counts
/// as missing, as clients send null that way; [`has`](Params::has) tells.
pub struct Params<'a> {
    fields: &'a Fields,
    errors: FieldErrors,
}

impl<'a> Params<'a> {
    pub(super) fn over(fields: &'a Fields) -> Params<'a> {
        Params { fields, errors: FieldErrors::default() }
    }

    pub(super) fn finish<T>(self, outcome: Result<T, Noted>) -> Result<T> {
        self.errors.check()?;
        match outcome {
            Ok(value) => Ok(value),
            // Unreachable: only a noted error makes a `Noted`.
            Err(Noted(())) => Err(Error::broken("a parameter was refused without a reason")),
        }
    }

    /// Notes that a parameter breaks a rule of the action.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) -> Noted {
        self.errors.add(name, message);
        Noted(())
    }

    /// Whether the parameter was sent, even if empty.
    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some()
    }

    /// As it was sent; `Some("")` when sent empty.
    pub fn text(&mut self, name: &str) -> Option<&'a str> {
        match self.fields.get(name)? {
            Value::Text(text) => Some(text),
            Value::Repeated(_) => self.wrong(name, "Send this once."),
            Value::Map(_) => self.wrong(name, "Send a single value, not a list."),
        }
    }

    /// Text that is there, without the space around it.
    pub fn filled(&mut self, name: &str) -> Option<&'a str> {
        self.text(name).map(str::trim).filter(|text| !text.is_empty())
    }

    pub fn required(&mut self, name: &str) -> Result<&'a str, Noted> {
        let text = self.filled(name);
        self.demand(name, text)
    }

    /// Whatever `parse` makes of a value; its error becomes the parameter's.
    pub fn parsed<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let parsed = parse(self.filled(name)?);
        self.errors.take(name, parsed)
    }

    /// Turns what an optional getter found into an error when it is missing:
    /// `let id = params.int("id"); let id = params.demand("id", id);`
    pub fn demand<T>(&mut self, name: &str, value: Option<T>) -> Result<T, Noted> {
        value.ok_or_else(|| {
            if self.errors.of(name).is_none() {
                self.errors.add(name, "This is required.");
            }
            Noted(())
        })
    }

    pub fn int(&mut self, name: &str) -> Option<i64> {
        self.parsed(name, parse_int)
    }

    pub fn required_int(&mut self, name: &str) -> Result<i64, Noted> {
        let value = self.int(name);
        self.demand(name, value)
    }

    /// `true 1 on yes`, or `false 0 off no` and the empty value, in any letter case.
    pub fn bool(&mut self, name: &str) -> Option<bool> {
        let parsed = parse_bool(self.text(name)?);
        self.errors.take(name, parsed)
    }

    /// A number such as `-12.50`, as text: its precision is the reader's business.
    pub fn decimal(&mut self, name: &str) -> Option<&'a str> {
        let text = self.filled(name)?;
        if is_decimal(text) { Some(text) } else { self.wrong(name, "Enter a number such as 12.50.") }
    }

    /// An amount in `currency`, with at most its decimals.
    pub fn money(&mut self, name: &str, currency: Currency) -> Option<Money> {
        self.parsed(name, |text| Money::parse(text, currency))
    }

    /// An ISO 4217 code. (Most actions name a currency by its id instead.)
    pub fn currency(&mut self, name: &str) -> Option<Currency> {
        self.parsed(name, Currency::parse)
    }

    /// `2026-01-31` or `20260131`, also with a time of day, which is checked and left out. `0000-00-00` is no date,
    /// as if sent empty.
    pub fn date(&mut self, name: &str) -> Option<Date> {
        self.moment(name).map(|(date, _)| date)
    }

    /// A date and the seconds since its midnight, by the clock of the installation: `2026-01-31 09:30:00`.
    pub fn moment(&mut self, name: &str) -> Option<(Date, u32)> {
        let text = self.filled(name).filter(|text| !text.starts_with("0000-00-00"))?;
        self.parsed(name, |_| moment(text))
    }

    /// Whole numbers from `k[]=1`, `k[0]=1`, `k=1&k=2` or `k=1,2`. Sent empty: no numbers.
    pub fn ints(&mut self, name: &str) -> Option<Vec<i64>> {
        let texts = self.list(name, Commas::Split)?;
        let parsed: Result<Vec<i64>, _> =
            texts.iter().flat_map(|text| text.split(',')).map(|text| parse_int(text.trim())).collect();
        self.errors.take(name, parsed)
    }

    /// The elements in the order of their numbers. [`Commas::Split`] leaves out empty elements.
    pub fn list(&mut self, name: &str, commas: Commas) -> Option<Vec<&'a str>> {
        let elements = self.elements(name, commas)?;
        let kept = elements.into_iter().map(|(_, text)| text);
        Some(kept.filter(|text| commas == Commas::Keep || !text.is_empty()).collect())
    }

    /// The elements with their numbers, lowest first; what belongs together in several lists has the same number.
    /// A single value has the number 0. Empty elements stay.
    pub fn indexed(&mut self, name: &str, commas: Commas) -> Vec<(i64, &'a str)> {
        self.elements(name, commas).unwrap_or_default()
    }

    /// `itemdescription1`, `itemdescription2` … with their numbers, lowest first.
    pub fn numbered(&mut self, name: &str) -> Vec<(i64, &'a str)> {
        let fields = self.fields;
        let number = |full: &str| {
            let prefix = full.get(..name.len()).filter(|prefix| prefix.eq_ignore_ascii_case(name))?;
            index(full.strip_prefix(prefix)?).filter(|_| full.len() > prefix.len())
        };
        let names = fields.names().filter_map(|full| Some((number(full)?, full)));
        let mut found: Vec<_> = names.collect();
        found.sort_unstable();
        found.into_iter().filter_map(|(number, full)| Some((number, self.text(full)?))).collect()
    }

    /// The keys of a nested parameter in the order of their arrival: `0`, `1` of `lineitems[0][desc]`….
    pub fn keys(&mut self, name: &str) -> Vec<String> {
        match self.fields.get(name) {
            None => Vec::new(),
            Some(Value::Text(text)) if text.is_empty() => Vec::new(),
            Some(Value::Map(entries)) => entries.iter().map(|(key, _)| key.clone()).collect(),
            Some(Value::Repeated(values)) => (0..values.len()).map(|at| at.to_string()).collect(),
            Some(Value::Text(_)) => vec!["0".to_owned()],
        }
    }

    /// Names with values, sent as `k[a]=1`, as a JSON object (or a Python dict as text), or as the base64 of an
    /// array that PHP serialized. Sent empty: no entries.
    pub fn map(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        const NOT_FLAT: &str = "Send a single value for each name.";
        let entries: Option<Vec<(String, String)>> = match self.fields.get(name)? {
            Value::Map(entries) => entries.iter().map(|(key, value)| Some((key.clone(), plain(value)?))).collect(),
            Value::Repeated(_) => None,
            Value::Text(text) if text.trim().is_empty() => Some(Vec::new()),
            Value::Text(text) if text.trim_start().starts_with('{') => object(text),
            Value::Text(text) => match php::decode(text) {
                Ok(array) => array.into_iter().map(|(key, value)| Some((key.to_string(), value.text()?))).collect(),
                Err(message) => return self.wrong(name, message),
            },
        };
        if entries.is_none() { self.wrong(name, NOT_FLAT) } else { entries }
    }

    fn elements(&mut self, name: &str, commas: Commas) -> Option<Vec<(i64, &'a str)>> {
        let found: Option<Vec<(i64, &'a str)>> = match self.fields.get(name)? {
            Value::Text(text) if text.is_empty() => Some(Vec::new()),
            Value::Text(text) if commas == Commas::Split => Some((0..).zip(text.split(',').map(str::trim)).collect()),
            Value::Text(text) => Some(vec![(0, text)]),
            Value::Repeated(values) => (0..).zip(values).map(|(at, value)| Some((at, borrowed(value)?))).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| Some((index(key)?, borrowed(value)?))).collect::<Option<_>>()
            }
        };
        let Some(mut elements) = found else {
            return self.wrong(name, "Send a list of single values.");
        };
        elements.sort_unstable_by_key(|(at, _)| *at);
        Some(elements)
    }

    fn wrong<T>(&mut self, name: &str, message: &str) -> Option<T> {
        self.errors.add(name, message);
        None
    }
}

/// A truth value in any of the spellings that clients use.
pub fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" | "" => Ok(false),
        _ => Err("Enter true or false."),
    }
}

pub fn parse_int(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.ok_or("Enter a whole number.")
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    number.split_once('.').map_or_else(|| digits(number), |(whole, part)| digits(whole) && digits(part))
}

fn moment(text: &str) -> Result<(Date, u32), String> {
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let compact = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let iso = if compact { format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]) } else { day.to_owned() };
    let date = Date::parse(&iso).map_err(|error| error.to_string())?;
    let seconds = seconds(time).ok_or("Enter the time as HH:MM:SS, such as 09:30:00.")?;
    Ok((date, seconds))
}

/// `HH:MM` or `HH:MM:SS` as seconds since midnight.
fn seconds(time: &str) -> Option<u32> {
    let mut parts = time.split(':');
    let mut part = |below: u32| {
        let digits = parts.next().filter(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse().ok().filter(|number| *number < below)
    };
    let (hours, minutes) = (part(24)?, part(60)?);
    let seconds = if time.len() == 5 { 0 } else { part(60)? };
    parts.next().is_none().then_some(hours * 3600 + minutes * 60 + seconds)
}

fn borrowed(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    borrowed(value).map(str::to_owned)
}

/// A JSON object, or the text that Python gives for a dict of plain values: whmcs-api-client sends the latter.
fn object(text: &str) -> Option<Vec<(String, String)>> {
    let parsed = serde_json::from_str(text).or_else(|error| {
        if text.contains(['"', '\\']) { Err(error) } else { serde_json::from_str(&text.replace('\'', "\"")) }
    });
    let Ok(Json::Object(object)) = parsed else { return None };
    let entries = object.into_iter().map(|(key, value)| {
        let text = match value {
            Json::String(text) => text,
            Json::Number(number) => number.to_string(),
            Json::Bool(truth) => truth.to_string(),
            Json::Null => String::new(),
            Json::Array(_) | Json::Object(_) => return None,
        };
        Some((key, text))
    });
    entries.collect()
}
