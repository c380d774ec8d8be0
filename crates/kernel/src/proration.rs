//! The first invoice of a product that is billed on a fixed day of the month ("prorata billing"): the days up to
//! that day, and the cycle after it as well when the order comes late in the month.

use crate::calendar::{Cycle, Date, DateError, Period};
use crate::money::{Money, MoneyError, Rounding};

#[cfg(test)]
mod tests;

/// Whether an order exactly on the cut-off day also pays for the next cycle. The field is called "day *after* which",
/// so it does not.
pub const PRORATA_CUTOFF_INCLUSIVE: bool = false;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProrataRule {
    /// The day of the month on which everything falls due, 1 to 31. A shorter month has it on its last day.
    pub day: u8,
    /// Orders after this day of the month also pay for the cycle that follows. 31 means never, 0 always.
    pub charge_next_month_after: u8,
}

/// What the first invoice pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FirstPeriod {
    /// From the order to the first due day: the share `numerator_days` ÷ `denominator_days` of one price.
    /// Without proration it is a whole cycle, and the share is one.
    pub period: Period,
    /// The cycle that is charged in full on the same invoice.
    pub full_cycle: Option<Period>,
    pub next_due: Date,
    pub numerator_days: i64,
    pub denominator_days: i64,
}

impl FirstPeriod {
    /// Everything the first invoice pays for.
    pub fn covers(&self) -> Period {
        Period { from: self.period.from, until: self.next_due }
    }
}

/// An order on the day of the rule itself is not prorated: it pays for one whole cycle.
pub fn first_period(rule: ProrataRule, cycle: Cycle, order_date: Date) -> Result<FirstPeriod, DateError> {
    let due = order_date.with_day_clamped(rule.day);
    if due == order_date {
        let period = cycle.period(order_date, rule.day)?;
        let days = period.days();
        return Ok(FirstPeriod {
            period,
            full_cycle: None,
            next_due: period.until,
            numerator_days: days,
            denominator_days: days,
        });
    }
    let denominator_days = denominator_days(cycle, order_date)?;
    let due = if due > order_date { due } else { order_date.plus_months_anchored(1, rule.day)? };
    let period = Period { from: order_date, until: due };
    let full_cycle = if past_cutoff(rule, order_date) { Some(cycle.period(due, rule.day)?) } else { None };
    Ok(FirstPeriod {
        period,
        full_cycle,
        next_due: full_cycle.map_or(due, |full| full.until),
        numerator_days: period.days(),
        denominator_days,
    })
}

/// How many days one price pays for. For monthly prices: the days of the month in which the order falls. For other
/// cycles there is no established rule; ours is the days of the cycle that would start with the order, so that a day
/// of an annual product costs 1/365 (1/366) of it.
fn denominator_days(cycle: Cycle, order_date: Date) -> Result<i64, DateError> {
    match cycle.months() {
        Some(1) => Ok(i64::from(order_date.days_in_month())),
        _ => Ok(cycle.period(order_date, order_date.day())?.days()),
    }
}

fn past_cutoff(rule: ProrataRule, order_date: Date) -> bool {
    let (day, cutoff) = (order_date.day(), rule.charge_next_month_after);
    day > cutoff || (PRORATA_CUTOFF_INCLUSIVE && day == cutoff)
}

/// The price of the first invoice, rounded half up once for its share and the full cycle together. For recurring
/// prices only: a setup fee is never prorated.
pub fn first_amount(price: Money, first: &FirstPeriod) -> Result<Money, MoneyError> {
    let full_days = if first.full_cycle.is_some() { first.denominator_days } else { 0 };
    price.times_ratio(first.numerator_days + full_days, first.denominator_days, Rounding::HalfUp)
}
