use std::fmt;

use jiff::tz::TimeZone;

use super::{Date, DateError};
use crate::text::quoted;

/// An instant, as microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// RFC 3339 with `Z` or an offset; what is finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Result<Timestamp, DateError> {
        let not_an_instant = || DateError::NotATimestamp(quoted(text));
        // Shapes that RFC 3339 does not know but the parser does: a zone in brackets, a signed long year.
        if !text.starts_with(|c: char| c.is_ascii_digit()) || text.contains('[') {
            return Err(not_an_instant());
        }
        text.parse().map(|instant: jiff::Timestamp| Timestamp(instant.as_microsecond())).map_err(|_| not_an_instant())
    }

    /// When `hour` (0 to 23) strikes on that date. An hour that a time change skips or repeats is taken as RFC 5545
    /// does: skipped, the same distance later; repeated, the first time.
    pub fn at(date: Date, hour: u8, zone: &TimeZone) -> Timestamp {
        let wall = date.civil().at(i8::try_from(hour.min(23)).unwrap_or_default(), 0, 0, 0);
        // Fails only in the last hours of the year 9999, west of Greenwich.
        let instant = zone.to_ambiguous_timestamp(wall).compatible().unwrap_or(jiff::Timestamp::MAX);
        Timestamp(instant.as_microsecond())
    }

    /// The day that a calendar on a wall in `zone` shows.
    pub fn date_in(self, zone: &TimeZone) -> Date {
        let date = zone.to_datetime(self.instant()).date();
        Date::from_civil(date).unwrap_or(if self.0 < 0 { Date::MIN } else { Date::MAX })
    }

    /// The hour, 0 to 23, that a clock on a wall in `zone` shows.
    pub fn hour_in(self, zone: &TimeZone) -> u8 {
        zone.to_datetime(self.instant()).hour().unsigned_abs()
    }

    /// Negative goes back. Stops at the ends of time instead of wrapping.
    pub const fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// Whole seconds from `earlier` to this instant; negative if it is later. A started second does not count.
    pub const fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0) / MICROS_PER_SECOND
    }

    /// An `i64` reaches further than the calendar: what lies outside is shown as the calendar's last instant.
    fn instant(self) -> jiff::Timestamp {
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(end)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = if self.0 % MICROS_PER_SECOND == 0 { 0 } else { 6 };
        f.pad(&format!("{:.decimals$}", self.instant()))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_value!(Timestamp, DateError);
