//! The business itself: its name, where its pages are, where its clock hangs and in which country most of its clients live.

mod web_address;

use kernel::{Date, Result, Timestamp};
use platform::db::Conn;
use platform::jiff;
use platform::jiff::tz::TimeZone;
use platform::settings::Values;
use platform::{Kind, Setting};

use crate::clients::country_name;

pub const COMPANY_NAME: Setting = Setting {
    key: "company_name",
    kind: Kind::Text { max: 200 },
    default: "",
    section: "General",
    label: "Company name",
    help: "Your name on invoices, mails and pages.",
    read_by: "billing::terms::Terms::load",
    rule: platform::settings::anything,
};

pub const SYSTEM_URL: Setting = Setting {
    key: "system_url",
    kind: Kind::Text { max: 300 },
    default: "http://localhost:8080",
    section: "General",
    label: "System address",
    help: "Where clients reach this installation; used for links in mails. Passkeys are good for this address only, and with https cookies are only sent encrypted.",
    read_by: "accounts::company::system_url",
    rule: web_address::rule,
};

pub const TIME_ZONE: Setting = Setting {
    key: "time_zone",
    kind: Kind::TimeZone,
    default: "UTC",
    section: "General",
    label: "Time zone",
    help: "Decides which day it is: when things fall due, and how times are shown to staff.",
    read_by: "accounts::company::zone",
    rule: platform::settings::anything,
};

pub const DEFAULT_COUNTRY: Setting = Setting {
    key: "default_country",
    kind: Kind::Text { max: 2 },
    default: "",
    section: "General",
    label: "Default country",
    help: "Two letters, such as DE. It is chosen already in the form for a new client.",
    read_by: "accounts::clients::admin::new_page",
    rule: country,
};

pub const SETTINGS: &[Setting] = &[COMPANY_NAME, SYSTEM_URL, TIME_ZONE, DEFAULT_COUNTRY];

/// Where clients reach this installation, without a slash at the end.
pub async fn system_url(conn: &mut Conn) -> Result<String> {
    Ok(web_address::of(&Values::load(conn).await?))
}

pub use web_address::{of as system_url_of, or_nothing as web_address_or_nothing};

/// The rule of a setting that is a country: two capital letters of ISO 3166-1, or nothing.
pub fn country(value: &str, _others: &Values) -> Result<String, String> {
    let code = value.to_ascii_uppercase();
    if code.is_empty() || country_name(&code).is_some() {
        return Ok(code);
    }
    Err(format!("“{value}” is not a country. Write the two letters of ISO 3166-1, such as DE or US."))
}

pub async fn zone(conn: &mut Conn) -> Result<TimeZone> {
    Ok(Values::load(conn).await?.time_zone(&TIME_ZONE))
}

/// The stored time zone, for statements that ask for more than that; [`zone_of`] reads it.
pub const ZONE_SQL: &str = "SELECT value FROM settings WHERE key = 'time_zone'";

/// The time zone that is stored; the default when none is.
pub fn zone_of(stored: Option<String>) -> TimeZone {
    Values::of(stored.map(|value| (TIME_ZONE.key.to_owned(), value))).time_zone(&TIME_ZONE)
}

/// The day on a calendar on the wall of the business: `2026-01-31`.
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.date_in(zone).to_string()
}

/// Day and time of day, to the second: `2026-01-31 09:30:00`.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let instant = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The moment that a clock on the wall of the business shows: `2026-01-31 09:30`, with or without seconds, `T` or a space
/// between.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    const EXAMPLE: &str = "Enter a day and a time, such as 2026-01-31 09:30:00.";
    let clock: jiff::civil::DateTime = text.trim().parse().map_err(|_| EXAMPLE)?;
    let instant = clock.to_zoned(zone.clone()).map_err(|_| EXAMPLE)?;
    Ok(Timestamp::from_micros(instant.timestamp().as_microsecond()))
}

/// The instant at which a day begins.
pub fn day_start(day: Date, zone: &TimeZone) -> Timestamp {
    Timestamp::at(day, 0, zone)
}

/// The instant at which a day has ended.
pub fn day_end(day: Date, zone: &TimeZone) -> Timestamp {
    Timestamp::at(day.plus_days(1).unwrap_or(Date::MAX), 0, zone)
}
