//! Dates as registries write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A date or an instant: what was written, and what it means if that is beyond doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// As it was written.
    pub text: String,
    /// What it means. A date alone is its beginning in UTC, and so is an instant without a time zone.
    pub at: Option<Timestamp>,
}

impl Moment {
    /// Reads what a registry has written. `02/03/2026` means different days in different countries, and so nothing here.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self { text: text.to_owned(), at: instant(text.trim()) }
    }
}

/// Formats of a date, and of a time after it.
const DATES: [&str; 9] =
    ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%d.%m.%Y", "%b %d %Y", "%d %B %Y"];

fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    if let Ok(time) = text.trim_end_matches(" UTC").trim_end_matches('Z').parse::<DateTime>() {
        return at_utc(time);
    }
    // "2026-03-01 12:00:00+02", "2026.03.01 12:00:00" and the like: the day is what counts, unless the rest is clear.
    let day = text.split(['T', '(']).next().unwrap_or(text);
    DATES.iter().find_map(|format| {
        let words = format.split(' ').count();
        let day: Vec<&str> = day.split_whitespace().take(words).collect();
        let date = Date::strptime(format, day.join(" ").trim_end_matches(['.', ','])).ok()?;
        at_utc(date.to_datetime(jiff::civil::Time::midnight()))
    })
}

fn at_utc(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_registries_write_them() {
        for text in [
            "2027-03-02T00:00:00Z",
            "2027-03-02T02:00:00+02:00",
            "2027-03-02T00:00:00.0Z",
            "2027-03-02",
            "2027/03/02",
            "2027.03.02",
            "20270302",
            "02-Mar-2027",
            "02-mar-2027",
            "2 Mar 2027",
            "02.03.2027",
            "2.3.2027",
            "2027. 03. 02.",
            "2027-03-02 00:00:00",
            "2027-03-02 00:00:00 UTC",
            "2 March 2027",
            "Mar 02 2027",
        ] {
            let read = Moment::read(text).at.map(|at| at.to_string());
            let expected = if text == "2027. 03. 02." { None } else { Some("2027-03-02T00:00:00Z".to_owned()) };
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_is_in_doubt_is_kept_as_text_only() {
        for text in ["02/03/2027", "soon", "", "2027-13-45", "not defined"] {
            assert_eq!(Moment::read(text), Moment { text: text.to_owned(), at: None });
        }
    }
}
