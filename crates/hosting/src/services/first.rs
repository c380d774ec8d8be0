//! What the first invoice of a new service bills. Pure.

use kernel::{Cycle, Date, Money, Period, ProrataRule, Result};

use crate::pricing::{self, FirstCharge, Quote};

/// Who makes the first invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstInvoice {
    /// The order: it bills the lines that come back, prorated where the product says so, with setup fees.
    Order,
    /// The generation of due invoices, once the service is active: whole periods from the day of the order, at the
    /// recurring amount. There is no first invoice on which a setup fee or a share of a period could stand.
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

pub(super) fn charge(
    quote: &Quote,
    rule: Option<ProrataRule>,
    cycle: Cycle,
    ordered_on: Date,
    first_invoice: FirstInvoice,
) -> Result<FirstCharge> {
    match first_invoice {
        FirstInvoice::Order => pricing::first_charge(quote, rule, cycle, ordered_on),
        FirstInvoice::Generation => {
            let plain = Quote { setup: Money::zero(quote.setup.currency), ..*quote };
            pricing::first_charge(&plain, None, cycle, ordered_on)
        }
    }
}

pub(super) fn description(title: &str, cycle: Cycle, period: Period) -> String {
    if cycle.is_recurring() { format!("{title} {period}") } else { title.to_owned() }
}

/// As [`description`]; what is free has no period, and needs none.
pub(super) fn described(title: &str, cycle: Cycle, first: &FirstCharge) -> String {
    first.period.map_or_else(|| title.to_owned(), |period| description(title, cycle, period))
}
