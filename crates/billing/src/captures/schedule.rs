//! On which days a stored payment method is charged for an unpaid invoice.
//!
//! Whether the client allows it at all, and whether the invoice is still unpaid, is for the caller to know.

use kernel::Date;

#[cfg(test)]
mod tests;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first attempt is this many days before the due date.
    pub days_before_due: u32,
    /// No further attempt, whatever `retry_weeks` says.
    pub attempt_once: bool,
    /// How many times to try again, a week apart each; 0 is every day for as long as it takes.
    pub retry_weeks: u32,
}

/// The slot for which to make an attempt today: the latest up to today, unless it has had one.
///
/// A slot lasts until the next one, and an attempt on any of these days is its attempt. So a run that did not happen
/// is made good by the next one; but for several missed slots there is one attempt, not several in a row. `attempts_on` may
/// hold the days of the attempts or their slots, in any order; what came before the first slot counts for none.
pub fn is_due(schedule: Schedule, due_on: Date, today: Date, attempts_on: &[Date]) -> Option<Date> {
    let slot = schedule.latest(due_on, today)?;
    let attempted = attempts_on.iter().any(|attempt| *attempt >= slot);
    (!attempted).then_some(slot)
}

impl Schedule {
    /// At the beginning of the calendar, if it would be earlier.
    fn first(self, due_on: Date) -> Date {
        due_on.plus_days(-i64::from(self.days_before_due)).unwrap_or(Date::MIN)
    }

    /// The days from slot to slot, and the last slot, counted from 0.
    fn rhythm(self) -> (i64, i64) {
        match self {
            Schedule { attempt_once: true, .. } => (1, 0),
            Schedule { retry_weeks: 0, .. } => (1, i64::MAX),
            Schedule { retry_weeks, .. } => (7, i64::from(retry_weeks)),
        }
    }

    fn latest(self, due_on: Date, today: Date) -> Option<Date> {
        let first = self.first(due_on);
        let (step, last) = self.rhythm();
        let days = first.days_until(today);
        if days < 0 { None } else { first.plus_days(last.min(days / step) * step).ok() }
    }
}
