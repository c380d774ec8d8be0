//! What the first invoice of a new service bills. Pure.

use billing::recurring::First;
use kernel::{Cycle, Date, Money, Period, ProrataRule, Result};

use crate::pricing::{self, FirstCharge, Quote};

/// Who makes the first invoice. It bills the same either way: prorated where the product says so, with setup fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstInvoice {
    /// The order: it bills the lines that come back.
    Order,
    /// The generation of due invoices, once the service is active. What it is to bill waits with the charge.
    Generation,
}

/// A line for the order's invoice. The invoice must name `charge_id` and `period`, so that the period is billed once and
/// its payment moves the due date to the period's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstLine {
    pub service_id: i64,
    /// `service` or `addon`.
    pub owner_kind: &'static str,
    pub owner_id: i64,
    pub charge_id: i64,
    /// With the period, as invoices show it.
    pub description: String,
    /// For the period, without the setup fee.
    pub amount: Money,
    pub setup: Money,
    pub period: Period,
    pub taxed: bool,
}

/// What waits for the generation of due invoices; `None` of what is free.
pub(super) fn waiting(charge: &FirstCharge) -> Option<First> {
    charge.period.map(|period| First { period, amount: charge.first_amount, setup: charge.setup })
}

/// What a service or an addon says of itself that its first invoice depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub product_id: i64,
    pub recurring: Money,
    pub cycle: Cycle,
    pub next_due_on: Option<Date>,
}

/// What a first invoice that was not made yet bills, now that something else is said; and the day of the month on which
/// later periods begin. `None` of what has become free.
pub(super) fn anew(open: First, said: &Said, rule: Option<ProrataRule>, anchor: u8) -> Result<Option<(First, u8)>> {
    let from = said.next_due_on.unwrap_or(open.period.from);
    let quote = Quote { recurring: said.recurring, setup: open.setup };
    let charge = pricing::first_charge(&quote, rule, said.cycle, from)?;
    let Some(mut first) = waiting(&charge) else { return Ok(None) };
    if said.cycle.is_recurring() && rule.is_none() {
        // The end of a short month may stand for a later day.
        first.period = said.cycle.period(from, anchor)?;
        return Ok(Some((first, anchor)));
    }
    Ok(Some((first, charge.anchor_day)))
}

/// The same first invoice over another sum: what it is more than the setup fee is for the period.
pub(super) fn over(open: First, total: Money) -> Result<First> {
    let setup = if total.minor < open.setup.minor { total } else { open.setup };
    Ok(First { amount: total.checked_sub(setup)?, setup, ..open })
}

pub(super) fn description(title: &str, cycle: Cycle, period: Period) -> String {
    if cycle.is_recurring() { format!("{title} {period}") } else { title.to_owned() }
}

/// As [`description`]; what is free has no period, and needs none.
pub(super) fn described(title: &str, cycle: Cycle, first: &FirstCharge) -> String {
    first.period.map_or_else(|| title.to_owned(), |period| description(title, cycle, period))
}
