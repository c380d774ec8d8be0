//! Where the next period of a charge begins, seeing those that are billed already. Pure.

use kernel::{Cycle, Date, Period};

/// A period that stands on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    pub period: Period,
    pub invoice_id: i64,
    /// The invoice's number, for messages.
    pub invoice: String,
    /// Nobody owes anything for it any more.
    pub settled: bool,
    /// Credit notes took its line back, or the invoice was cancelled. It may be billed anew.
    pub taken_back: bool,
}

/// How a charge goes on from a date.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    pub cycle: Cycle,
    pub anchor_day: u8,
    /// Periods left to invoice; `None` for ever.
    pub remaining: Option<i64>,
}

/// Periods from `wanted` on would bill days twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    pub wanted: Period,
    pub billed: Billed,
}

/// The first date from `from` on that lies in none of the periods. They are in order and do not overlap.
pub fn first_outside<'a>(from: Date, periods: impl IntoIterator<Item = &'a Billed>) -> Date {
    periods.into_iter().fold(from, |at, billed| if billed.period.contains(at) { billed.period.until } else { at })
}

/// Where invoicing goes on when a charge falls due on `due_on`: behind the periods that are billed from there on.
///
/// A clash, when the date lies in a period that is billed, unless it is the first day of one that is not settled; and
/// when a period on the way would reach into one that is billed.
pub fn next_unbilled(due_on: Date, course: Course, billed: &[Billed]) -> Result<Date, Clash> {
    let inside = billed.iter().find(|billed| billed.period.contains(due_on));
    if let Some(billed) = inside.filter(|billed| billed.settled || billed.period.from != due_on) {
        return Err(Clash { wanted: Period { from: due_on, until: due_on }, billed: billed.clone() });
    }
    let first = first_outside(due_on, billed);
    let mut at = first;
    let mut left = course.remaining;
    while left.is_none_or(|left| left > 0) && billed.last().is_some_and(|last| at < last.period.from) {
        let Some(period) = course.period(at) else { break };
        if let Some(billed) = billed.iter().find(|billed| billed.period.overlaps(period)) {
            return Err(Clash { wanted: period, billed: billed.clone() });
        }
        left = left.map(|left| left - 1);
        at = first_outside(period.until, billed);
    }
    Ok(first)
}

impl Course {
    /// `None` at the end of the calendar, and for what is free.
    fn period(self, from: Date) -> Option<Period> {
        match self.cycle {
            Cycle::OneTime => Some(Period { from, until: from.plus_days(1).ok()? }),
            cycle => cycle.period(from, self.anchor_day).ok(),
        }
    }
}
