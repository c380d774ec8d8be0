//! Instants and periods of the registry's own time, which is UTC (RFC 5730, section 2.2).

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// As EPP writes it: `2026-01-15T12:00:00.0Z`.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.0Z").to_string()
}

/// The day in UTC: `2026-01-15`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// So many calendar years later; 29 February becomes 28 February.
pub(super) fn years_after(at: Timestamp, years: i64) -> Timestamp {
    let later = at.to_zoned(TimeZone::UTC).checked_add(Span::new().years(years));
    later.map_or(Timestamp::MAX, |later| later.timestamp())
}

pub(super) fn days_after(at: Timestamp, days: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}
