use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Date, DateError};
use crate::text::quoted;

/// How often something is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cycle {
    Free,
    OneTime,
    Monthly,
    Quarterly,
    SemiAnnually,
    Annually,
    Biennially,
    Triennially,
    /// `count` from 1 to 999; 0 is taken as 1, so that time always moves on.
    Every {
        count: u16,
        unit: Unit,
    },
}

text_enum! {
    pub enum Unit { Days = "days", Weeks = "weeks", Months = "months", Years = "years" }
}

/// What a cycle adds to a date.
enum Step {
    Days(i64),
    Months(u32),
}

impl Cycle {
    /// The recurring cycles that every price list has a column for.
    pub const RECURRING: [Cycle; 6] =
        [Cycle::Monthly, Cycle::Quarterly, Cycle::SemiAnnually, Cycle::Annually, Cycle::Biennially, Cycle::Triennially];

    const MAX_COUNT: u16 = 999;

    /// Our own text (`semiannually`, `every:10:days`) or a label of the WHMCS-compatible API (`Semi-Annually`,
    /// `One Time`, `Free Account`), in any case.
    pub fn parse(text: &str) -> Result<Cycle, DateError> {
        let lower = text.trim().to_ascii_lowercase();
        Ok(match lower.as_str() {
            "free" | "free account" => Cycle::Free,
            "onetime" | "one time" => Cycle::OneTime,
            "monthly" => Cycle::Monthly,
            "quarterly" => Cycle::Quarterly,
            "semiannually" | "semi-annually" => Cycle::SemiAnnually,
            "annually" => Cycle::Annually,
            "biennially" => Cycle::Biennially,
            "triennially" => Cycle::Triennially,
            other => every(other).ok_or_else(|| DateError::NotACycle(quoted(text)))?,
        })
    }

    /// The stored form; [`Cycle::parse`] reads it.
    pub fn text(self) -> String {
        match self {
            Cycle::Free => "free".to_owned(),
            Cycle::OneTime => "onetime".to_owned(),
            Cycle::Monthly => "monthly".to_owned(),
            Cycle::Quarterly => "quarterly".to_owned(),
            Cycle::SemiAnnually => "semiannually".to_owned(),
            Cycle::Annually => "annually".to_owned(),
            Cycle::Biennially => "biennially".to_owned(),
            Cycle::Triennially => "triennially".to_owned(),
            Cycle::Every { count, unit } => format!("every:{count}:{unit}"),
        }
    }

    /// For people, and for the WHMCS-compatible API.
    pub fn label(self) -> String {
        match self {
            Cycle::Free => "Free Account".to_owned(),
            Cycle::OneTime => "One Time".to_owned(),
            Cycle::Monthly => "Monthly".to_owned(),
            Cycle::Quarterly => "Quarterly".to_owned(),
            Cycle::SemiAnnually => "Semi-Annually".to_owned(),
            Cycle::Annually => "Annually".to_owned(),
            Cycle::Biennially => "Biennially".to_owned(),
            Cycle::Triennially => "Triennially".to_owned(),
            Cycle::Every { count: 1, unit } => format!("Every {}", unit.as_str().trim_end_matches('s')),
            Cycle::Every { count, unit } => format!("Every {count} {unit}"),
        }
    }

    pub fn is_recurring(self) -> bool {
        self.step().is_some()
    }

    /// The length in months; `None` for what does not recur and for cycles of days or weeks.
    pub fn months(self) -> Option<u32> {
        match self.step()? {
            Step::Months(months) => Some(months),
            Step::Days(_) => None,
        }
    }

    /// The date one cycle after `from`. `anchor_day` is the day of the month on which the charge first fell due: a
    /// shorter month is billed on its last day, the next long one on the anchor again. Cycles of days and weeks do
    /// not look at it.
    pub fn advance(self, from: Date, anchor_day: u8) -> Result<Date, DateError> {
        match self.step().ok_or(DateError::NotRecurring)? {
            Step::Days(days) => from.plus_days(days),
            Step::Months(months) => from.plus_months_anchored(i64::from(months), anchor_day),
        }
    }

    /// The period that one charge pays for when it falls due on `from`.
    pub fn period(self, from: Date, anchor_day: u8) -> Result<Period, DateError> {
        Ok(Period { from, until: self.advance(from, anchor_day)? })
    }

    fn step(self) -> Option<Step> {
        Some(match self {
            Cycle::Free | Cycle::OneTime => return None,
            Cycle::Monthly => Step::Months(1),
            Cycle::Quarterly => Step::Months(3),
            Cycle::SemiAnnually => Step::Months(6),
            Cycle::Annually => Step::Months(12),
            Cycle::Biennially => Step::Months(24),
            Cycle::Triennially => Step::Months(36),
            Cycle::Every { count, unit } => match (count.max(1), unit) {
                (count, Unit::Days) => Step::Days(i64::from(count)),
                (count, Unit::Weeks) => Step::Days(i64::from(count) * 7),
                (count, Unit::Months) => Step::Months(u32::from(count)),
                (count, Unit::Years) => Step::Months(u32::from(count) * 12),
            },
        })
    }
}

/// `every:10:days`
fn every(text: &str) -> Option<Cycle> {
    let (count, unit) = text.strip_prefix("every:")?.split_once(':')?;
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    let count = count.parse().ok().filter(|count| digits && (1..=Cycle::MAX_COUNT).contains(count))?;
    Some(Cycle::Every { count, unit: Unit::parse(unit).ok()? })
}

impl fmt::Display for Cycle {
    /// The stored form, as [`Cycle::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

text_value!(Cycle, DateError);

/// The days from `from` up to, not including, `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    pub from: Date,
    pub until: Date,
}

impl Period {
    pub fn days(self) -> i64 {
        self.from.days_until(self.until)
    }

    /// The last day that belongs to the period.
    pub fn last_day(self) -> Date {
        self.until.plus_days(-1).unwrap_or(self.until)
    }

    pub fn contains(self, date: Date) -> bool {
        self.from <= date && date < self.until
    }

    /// Whether they share a day. Neighbours do not.
    pub fn overlaps(self, other: Period) -> bool {
        self.from.max(other.from) < self.until.min(other.until)
    }
}

impl fmt::Display for Period {
    /// `(2026-01-01 - 2026-01-31)`, as invoice lines show it: with the last day, not the day after.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("({} - {})", self.from, self.last_day()))
    }
}
