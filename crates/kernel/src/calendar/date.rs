use std::fmt;

use jiff::civil;

use super::DateError;
use crate::text::quoted;

/// A day of the calendar without a time zone, from 1900-01-01 to 9999-12-31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    pub const MIN: Date = Date(civil::Date::constant(1900, 1, 1));
    pub const MAX: Date = Date(civil::Date::constant(9999, 12, 31));

    pub fn new(year: i32, month: u8, day: u8) -> Result<Date, DateError> {
        if !(1900..=9999).contains(&year) {
            return Err(DateError::OutOfRange);
        }
        from_parts(year, month, day)
            .ok_or_else(|| DateError::NotADate(quoted(&format!("{year:04}-{month:02}-{day:02}"))))
    }

    /// Exactly `YYYY-MM-DD`, nothing around it.
    pub fn parse(text: &str) -> Result<Date, DateError> {
        let not_a_date = || DateError::NotADate(quoted(text));
        if text == "0000-00-00" {
            return Err(DateError::ZeroDate);
        }
        let (year, month, day) = iso_parts(text).ok_or_else(not_a_date)?;
        match Date::new(year, month, day) {
            Err(DateError::OutOfRange) => Err(DateError::OutOfRange),
            other => other.map_err(|_| not_a_date()),
        }
    }

    /// `None` outside of the years that a `Date` has.
    pub(super) fn from_civil(date: civil::Date) -> Option<Date> {
        Some(Date(date)).filter(|date| (Date::MIN..=Date::MAX).contains(date))
    }

    pub(super) fn civil(self) -> civil::Date {
        self.0
    }

    pub fn year(self) -> i32 {
        i32::from(self.0.year())
    }

    /// 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month().unsigned_abs()
    }

    /// 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day().unsigned_abs()
    }

    pub fn days_in_month(self) -> u8 {
        self.0.days_in_month().unsigned_abs()
    }

    pub fn first_of_month(self) -> Date {
        Date(self.0.first_of_month())
    }

    pub fn last_of_month(self) -> Date {
        Date(self.0.last_of_month())
    }

    /// Negative goes back.
    pub fn plus_days(self, days: i64) -> Result<Date, DateError> {
        jiff::Span::new()
            .try_days(days)
            .and_then(|span| self.0.checked_add(span))
            .ok()
            .and_then(Date::from_civil)
            .ok_or(DateError::OutOfRange)
    }

    /// The `anchor_day` of the month that is `months` away, or that month's last day if it is shorter. The day of
    /// `self` does not matter: so the 31st survives a February (31 January, 28 February, 31 March).
    pub fn plus_months_anchored(self, months: i64, anchor_day: u8) -> Result<Date, DateError> {
        let from = i64::from(self.year()) * 12 + i64::from(self.month()) - 1;
        let to = from.checked_add(months).ok_or(DateError::OutOfRange)?;
        let year = i32::try_from(to.div_euclid(12)).map_err(|_| DateError::OutOfRange)?;
        let month = u8::try_from(to.rem_euclid(12) + 1).map_err(|_| DateError::OutOfRange)?;
        Ok(Date::new(year, month, 1)?.with_day_clamped(anchor_day))
    }

    /// This month's `day`, or its last day if it is shorter.
    pub(crate) fn with_day_clamped(self, day: u8) -> Date {
        from_parts(self.year(), self.month(), day.clamp(1, self.days_in_month())).unwrap_or(self)
    }

    /// Whole days from this date to `other`; negative if `other` is earlier.
    pub fn days_until(self, other: Date) -> i64 {
        self.0.duration_until(other.0).as_hours() / 24
    }
}

fn from_parts(year: i32, month: u8, day: u8) -> Option<Date> {
    let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::from_civil(civil::Date::new(year, month, day).ok()?)
}

fn iso_parts(text: &str) -> Option<(i32, u8, u8)> {
    let shape = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    Some((text.get(..4)?.parse().ok()?, text.get(5..7)?.parse().ok()?, text.get(8..)?.parse().ok()?))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without `format!`: every row that is written has several dates.
        let (year, month, day) = (self.year(), i32::from(self.month()), i32::from(self.day()));
        let digits = [year / 1000, year / 100, year / 10, year, 0, month / 10, month, 0, day / 10, day];
        let mut text = digits.map(|number| b'0' + (number % 10).unsigned_abs().to_le_bytes()[0]);
        text[4] = b'-';
        text[7] = b'-';
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_value!(Date, DateError);
