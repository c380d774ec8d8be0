//! Which due charges go on which invoice: the pure half of a billing run.
//!
//! A run takes at most one period of each charge. What was left out, because a run did not happen or because
//! continuous invoicing was switched on late, is caught up one period per run, so that a mistake in a date costs one
//! wrong invoice and not twenty.
//!
//! Whether a charge may be invoiced at all (its service is active or suspended) is for whoever selects the charges.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Cycle, Date, DateError, Money, Period};

use crate::recurring::First;

#[cfg(test)]
mod tests;

/// The [`DueCharge::owner_kind`] that [`Lead::domains`] is for.
pub const DOMAIN: &str = "domain";

/// Something that a client is charged for, as far as invoicing looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCharge {
    pub charge_id: i64,
    pub client_id: i64,
    pub owner_kind: String,
    pub owner_id: i64,
    pub description: String,
    pub amount: Money,
    pub cycle: Cycle,
    pub anchor_day: u8,
    pub gateway: String,
    pub taxed: bool,
    /// The start of the first period that is not paid.
    pub next_due_on: Date,
    /// The start of the first period that is not invoiced; never before `next_due_on`.
    pub next_invoice_on: Date,
    /// How many more periods are charged; `None` for ever.
    pub remaining: Option<i64>,
    /// What the first invoice bills, as long as there is none.
    pub first: Option<First>,
}

impl DueCharge {
    /// Free cycles have no dates, and so nothing is ever due for them, whatever amount they carry.
    fn is_over(&self) -> bool {
        self.cycle == Cycle::Free || self.remaining.is_some_and(|left| left <= 0)
    }

    /// The next period and what it costs. A one-time charge has no period; it counts as the day on which it falls due,
    /// so that it has a key like others.
    fn next(&self) -> Result<(Period, Money), DateError> {
        let from = self.next_invoice_on;
        match (self.first, self.cycle) {
            // A due date that somebody has moved since begins a whole period.
            (Some(first), _) if first.period.from == from => Ok((first.period, first.amount)),
            (_, Cycle::OneTime) => Ok((Period { from, until: from.plus_days(1)? }, self.amount)),
            (_, cycle) => Ok((cycle.period(from, self.anchor_day)?, self.amount)),
        }
    }
}

/// How the charges of one client become invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// An invoice for each charge.
    pub separate: bool,
    /// Keep invoicing while an older period of the same charge is unpaid.
    pub continuous: bool,
    pub lead: Lead,
}

/// How many days before the due date an invoice is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    pub global: i64,
    /// In the order of [`Cycle::RECURRING`]; `None` falls back to `global`, as cycles of other lengths do.
    pub per_cycle: [Option<i64>; 6],
    /// For domains, whatever their cycle.
    pub domains: i64,
}

impl Lead {
    pub fn days(&self, charge: &DueCharge) -> i64 {
        if charge.owner_kind == DOMAIN {
            return self.domains;
        }
        let column = Cycle::RECURRING.iter().position(|cycle| *cycle == charge.cycle);
        column.and_then(|column| self.per_cycle[column]).unwrap_or(self.global)
    }
}

/// An invoice to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub client_id: i64,
    pub due_on: Date,
    pub gateway: String,
    pub currency: Currency,
    /// By charge id; at least one has an amount other than zero.
    pub lines: Vec<DraftLine>,
}

/// One period of one charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    pub charge: DueCharge,
    /// `period.until` is the charge's next `next_invoice_on`.
    pub period: Period,
    /// For the period: the charge's own, but for a first period of another length.
    pub amount: Money,
    /// That comes with the first period.
    pub setup: Option<Money>,
    /// The charge's own, followed by the period unless it is charged once.
    pub description: String,
}

impl DraftLine {
    fn is_free(&self) -> bool {
        self.amount.is_zero() && self.setup.is_none()
    }
}

/// What [`group`] makes of the charges that are due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouped {
    pub drafts: Vec<Draft>,
    /// Periods that cost nothing and have no invoice to stand on. As nobody will ever pay for them, the caller moves
    /// both dates of their charges to `period.until`. The payment of an older line, if one is open, must not add to
    /// that: paying moves `next_due_on` to the end of the period paid, unless it is there or further already.
    pub advanced_only: Vec<DraftLine>,
}

/// Nothing is grouped as long as this charge is among those given; it needs somebody to look at its dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Charge {charge_id}: {message}")]
pub struct DraftError {
    pub charge_id: i64,
    pub message: String,
}

/// Whether a period of the charge is to be invoiced today.
pub fn is_due(charge: &DueCharge, grouping: &Grouping, today: Date) -> bool {
    is_near(charge, grouping, today) && (grouping.continuous || charge.next_invoice_on == charge.next_due_on)
}

fn is_near(charge: &DueCharge, grouping: &Grouping, today: Date) -> bool {
    !charge.is_over() && today.days_until(charge.next_invoice_on) <= grouping.lead.days(charge)
}

/// One period of each charge that is due, as invoices: charges of one client with the same due date, gateway and
/// currency share one, unless each is to have its own. Ordered by client, due date, gateway, currency and charge.
///
/// A period of zero joins an invoice that has something to pay on it, as a line of 0.00 that shows what was included.
/// It never makes an invoice by itself, nor with others of zero: see [`Grouped::advanced_only`].
///
/// Fails for a charge whose dates contradict each other or leave the calendar, and for one that is given twice.
pub fn group(charges: Vec<DueCharge>, grouping: &Grouping, today: Date) -> Result<Grouped, DraftError> {
    let mut groups: BTreeMap<Key, Vec<DraftLine>> = BTreeMap::new();
    for charge in due(charges, grouping, today)? {
        let line = line(charge)?;
        groups.entry(key(&line.charge, grouping)).or_default().push(line);
    }
    let mut grouped = Grouped::default();
    for ((client_id, due_on, gateway, currency, _), lines) in groups {
        if lines.iter().all(DraftLine::is_free) {
            grouped.advanced_only.extend(lines);
        } else {
            grouped.drafts.push(Draft { client_id, due_on, gateway, currency, lines });
        }
    }
    Ok(grouped)
}

/// Client, due date, gateway, currency, and the charge if it has an invoice of its own.
type Key = (i64, Date, String, Currency, Option<i64>);

fn key(charge: &DueCharge, grouping: &Grouping) -> Key {
    let own = grouping.separate.then_some(charge.charge_id);
    (charge.client_id, charge.next_invoice_on, charge.gateway.clone(), charge.amount.currency, own)
}

/// Those that are due, by id.
fn due(mut charges: Vec<DueCharge>, grouping: &Grouping, today: Date) -> Result<Vec<DueCharge>, DraftError> {
    charges.sort_by_key(|charge| charge.charge_id);
    let mut seen = BTreeSet::new();
    for charge in &charges {
        if !seen.insert(charge.charge_id) {
            return Err(error(charge, "It was given twice in one run.".to_owned()));
        }
        // Its next invoice would be for a period that is paid; without continuous invoicing it would never have one.
        if is_near(charge, grouping, today) && charge.next_invoice_on < charge.next_due_on {
            let (invoice_on, due_on) = (charge.next_invoice_on, charge.next_due_on);
            let message =
                format!("It is paid until {due_on}, but is to be invoiced from {invoice_on}. Correct a date.");
            return Err(error(charge, message));
        }
    }
    charges.retain(|charge| is_due(charge, grouping, today));
    Ok(charges)
}

fn line(charge: DueCharge) -> Result<DraftLine, DraftError> {
    let (period, amount) = charge.next().map_err(|cause| error(&charge, cause.to_string()))?;
    let setup = charge.first.map(|first| first.setup).filter(|setup| !setup.is_zero());
    let description = match charge.cycle {
        Cycle::OneTime => charge.description.clone(),
        _ => format!("{} {period}", charge.description).trim_start().to_owned(),
    };
    Ok(DraftLine { charge, period, amount, setup, description })
}

fn error(charge: &DueCharge, message: String) -> DraftError {
    DraftError { charge_id: charge.charge_id, message }
}
