//! Times for pages: in the business's time zone, the exact instant beside them.

use accounts::company;
use jiff::tz::TimeZone;
use kernel::{Result, Timestamp};
use minijinja::{Value, context};
use platform::Conn;

#[derive(Clone)]
pub struct Times(TimeZone);

impl Times {
    pub async fn load(conn: &mut Conn) -> Result<Times> {
        company::zone(conn).await.map(Times)
    }

    /// `{text, instant}`, for `ui.when`.
    pub fn show(&self, at: Timestamp) -> Value {
        context! { text => company::clock(at, &self.0), instant => at.to_string() }
    }

    /// As [`Times::show`]; nothing for nothing.
    pub fn show_some(&self, at: Option<Timestamp>) -> Value {
        at.map_or(Value::from(()), |at| self.show(at))
    }

    /// For a file: the business's day and time of day, nothing for nothing.
    pub fn write(&self, at: Option<Timestamp>) -> String {
        at.map(|at| company::clock(at, &self.0)).unwrap_or_default()
    }

    pub fn zone(&self) -> &TimeZone {
        &self.0
    }
}

/// A time span in words, coarse: `8 s`, `3 min`, `2 h 5 min`, `4 days`.
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5_999 => format!("{} min", (seconds + 30) / 60),
        seconds @ 6_000..=172_799 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_span_is_told_in_units_that_fit() {
        let told = [0, 99, 100, 5_999, 6_000, 90_000, 172_800, -5].map(span);
        assert_eq!(told, ["0 s", "99 s", "2 min", "100 min", "1 h 40 min", "25 h 0 min", "2 days", "0 s"]);
    }
}
