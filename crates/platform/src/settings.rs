//! The settings registry. A setting is declared once, by the feature that reads it; the list of all of them
//! is what the settings page, the CLI and the tests walk.

use std::collections::HashMap;

use kernel::{FieldErrors, Network, Result, Timestamp};

use crate::db::{Conn, Tx};
use crate::params;

/// One setting. Values are stored as text; `kind` says what text is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Stable, snake case, e.g. `invoice_lead_days`.
    pub key: &'static str,
    pub kind: Kind,
    pub default: &'static str,
    /// Where it stands on the settings page.
    pub section: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    /// The function that reads it, so that a switch without an effect is found.
    pub read_by: &'static str,
    /// What its kind does not say.
    pub rule: Rule,
}

/// What else must be true of a value, given what the other settings will be: the value as it will be stored, or the
/// sentence to show beside the field.
pub type Rule = fn(value: &str, others: &Values) -> Result<String, String>;

/// The rule of a setting whose kind says it all.
pub fn anything(value: &str, _others: &Values) -> Result<String, String> {
    Ok(value.to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text {
        max: usize,
    },
    Lines {
        max: usize,
    },
    Bool,
    Int {
        min: i64,
        max: i64,
    },
    /// An integer or nothing.
    OptionalInt {
        min: i64,
        max: i64,
    },
    Choice(&'static [(&'static str, &'static str)]),
    TimeZone,
    Email,
    /// Addresses and networks, with commas or spaces between them.
    Networks,
}

impl Setting {
    /// The value as its kind has it, or the sentence to show beside the field. [`checked`] asks its rule too.
    pub fn check(&self, value: &str) -> Result<String, String> {
        let value = value.trim();
        match self.kind {
            Kind::Text { max } => kernel::single_line(value, max),
            Kind::Lines { max } => {
                if value.chars().count() > max {
                    Err(format!("Use at most {max} characters."))
                } else if value.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
                    Err("Remove the control characters.".to_owned())
                } else {
                    Ok(value.replace("\r\n", "\n"))
                }
            }
            Kind::Bool => match value.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok("true".to_owned()),
                "false" | "off" | "no" | "0" | "" => Ok("false".to_owned()),
                _ => Err("Write true or false.".to_owned()),
            },
            Kind::OptionalInt { .. } if value.is_empty() => Ok(String::new()),
            Kind::Int { min, max } | Kind::OptionalInt { min, max } => match value.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(number.to_string()),
                _ => Err(format!("Write a whole number from {min} to {max}.")),
            },
            Kind::Choice(choices) => choices
                .iter()
                .find(|(choice, _)| choice.eq_ignore_ascii_case(value))
                .map(|(choice, _)| (*choice).to_owned())
                .ok_or_else(|| {
                    let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
                    format!("Choose one of: {}.", names.join(", "))
                }),
            Kind::TimeZone => match jiff::tz::TimeZone::get(value) {
                Ok(zone) => Ok(zone.iana_name().unwrap_or(value).to_owned()),
                Err(_) => Err("Write a time zone of the IANA list, such as Europe/Berlin or UTC.".to_owned()),
            },
            Kind::Networks => networks(value).map(|found| {
                let texts: Vec<String> = found.iter().map(Network::to_string).collect();
                texts.join(", ")
            }),
            Kind::Email if value.is_empty() => Ok(String::new()),
            Kind::Email => kernel::Email::parse(value)
                .map(|email| email.to_string())
                .or(Err("Write an e-mail address such as billing@example.com.".to_owned())),
        }
    }
}

/// The networks in a list, or the sentence that names the one that is none.
pub fn networks(text: &str) -> Result<Vec<Network>, String> {
    let parts = text.split([',', ' ', '\n', '\t', ';']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let shown: String = part.chars().take(60).collect();
            Network::parse(part).ok_or_else(|| {
                format!("“{shown}” is no address or network. Write them like 127.0.0.1, 10.0.0.0/8, 10.1.*.*, 2001:db8::/32.")
            })
        })
        .collect()
}

/// Every setting of the program, in the order of the page.
#[derive(Debug, Clone, Default)]
pub struct Registry(Vec<&'static Setting>);

impl Registry {
    pub fn add(&mut self, settings: &'static [Setting]) {
        for setting in settings {
            debug_assert!(self.find(setting.key).is_none(), "setting {} is declared once", setting.key);
            self.0.push(setting);
        }
    }

    pub fn all(&self) -> &[&'static Setting] {
        &self.0
    }

    pub fn find(&self, key: &str) -> Option<&'static Setting> {
        self.0.iter().copied().find(|setting| setting.key == key)
    }
}

/// The values at one moment, read in one statement.
#[derive(Debug, Clone, Default)]
pub struct Values(HashMap<String, String>);

impl Values {
    pub async fn load(conn: &mut Conn) -> Result<Values> {
        let rows: Vec<(String, String)> = conn.all("SELECT key, value FROM settings", params![]).await?;
        Ok(Values(rows.into_iter().collect()))
    }

    /// What is stored of some settings, for whoever asks for them together with something else.
    pub fn of(stored: impl IntoIterator<Item = (String, String)>) -> Values {
        Values(stored.into_iter().collect())
    }

    /// As it would be with other values for some settings.
    fn with(&self, others: &[(&Setting, String)]) -> Values {
        let mut values = self.clone();
        values.0.extend(others.iter().map(|(setting, value)| (setting.key.to_owned(), value.clone())));
        values
    }

    pub fn text(&self, setting: &Setting) -> &str {
        self.0.get(setting.key).map_or(setting.default, String::as_str)
    }

    pub fn bool(&self, setting: &Setting) -> bool {
        self.text(setting) == "true"
    }

    pub fn int(&self, setting: &Setting) -> i64 {
        self.text(setting).parse().or_else(|_| setting.default.parse()).unwrap_or_default()
    }

    pub fn optional_int(&self, setting: &Setting) -> Option<i64> {
        self.text(setting).parse().ok()
    }

    pub fn time_zone(&self, setting: &Setting) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(self.text(setting)).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// The values as they will be stored, in the order given; or everything that is wrong with them, by key. Each is looked
/// at beside the others as they will be.
pub fn checked(stored: &Values, wanted: &[(&Setting, &str)]) -> Result<Vec<String>> {
    let mut errors = FieldErrors::default();
    let mut parsed: Vec<(&Setting, String)> = Vec::with_capacity(wanted.len());
    for (setting, value) in wanted {
        parsed.extend(errors.take(setting.key, setting.check(value)).map(|value| (*setting, value)));
    }
    let others = stored.with(&parsed);
    let mut checked = Vec::with_capacity(parsed.len());
    for (setting, value) in &parsed {
        checked.extend(errors.take(setting.key, (setting.rule)(value, &others)));
    }
    errors.check()?;
    Ok(checked)
}

/// Stores one value that was checked.
pub async fn put(tx: &mut Tx, setting: &Setting, checked: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        params![setting.key, checked, now],
    )
    .await?;
    Ok(())
}

/// Checks and stores one value, beside those that are stored.
pub async fn set(tx: &mut Tx, setting: &Setting, value: &str, now: Timestamp) -> Result<()> {
    let stored = Values::load(tx).await?;
    for checked in checked(&stored, &[(setting, value)])? {
        put(tx, setting, &checked, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_the_addresses_that_begin_alike() {
        let inside = |network: &str, address: &str| networks(network).unwrap()[0].contains(address.parse().unwrap());
        assert!(inside("10.0.0.0/8", "10.255.0.1") && !inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("192.0.2.7", "192.0.2.7") && !inside("192.0.2.7", "192.0.2.6"));
        assert!(inside("0.0.0.0/0", "203.0.113.1") && !inside("0.0.0.0/0", "::1"));
        assert!(inside("2001:db8::/32", "2001:db8:ffff::1") && !inside("2001:db8::/32", "2001:db9::1"));
    }

    #[test]
    fn a_list_of_networks_is_checked_and_written_evenly() {
        let setting = Setting {
            key: "k",
            kind: Kind::Networks,
            default: "",
            section: "",
            label: "",
            help: "",
            read_by: "",
            rule: anything,
        };
        assert_eq!(setting.check(" 10.0.0.0/8;127.0.0.1  ::1 ").unwrap(), "10.0.0.0/8, 127.0.0.1, ::1");
        assert_eq!(setting.check("").unwrap(), "");
        for wrong in ["10.0.0.0/33", "10.0.0.0/-1", "localhost", "10.0.0", "::1/129", "1.2.3.4/8/8"] {
            assert!(setting.check(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
