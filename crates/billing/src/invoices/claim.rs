//! Taking the periods that invoices bill. The unique key decides who was first; what it cannot see, a period that reaches
//! into another one, is looked for where it can be.

use std::collections::HashSet;

use accounts::clients::Locked;
use kernel::{Date, Period, Result};
use platform::cells;
use platform::db::Insert;

use super::NewInvoice;
use crate::recurring;

/// Invoices with the periods that are theirs.
pub(crate) struct Claimed {
    /// By the ids that they will have; each has a line at least.
    pub invoices: Vec<(i64, NewInvoice)>,
    /// Charges of which more is billed than what lies before these periods, or of which a line was lost to an invoice
    /// that is there: their dates must be looked at once these are issued.
    pub crowded: Vec<i64>,
}

/// Claims the periods for invoices of these ids. A line whose period has an invoice is left out, and an invoice that
/// then has no line. Refused when a period would bill days twice.
pub(super) async fn claim(tx: &mut Locked<'_>, new: Vec<NewInvoice>, ids: &[i64]) -> Result<Claimed> {
    for invoice in &new {
        tx.check(invoice.buyer.client_id)?;
    }
    let wanted: Vec<(i64, Period)> = new.iter().flat_map(billed).copied().collect();
    let crowded = crowded(tx, &wanted).await?;
    for (charge, period) in wanted.iter().filter(|(charge, _)| crowded.contains(charge)) {
        recurring::check_free(tx, *charge, *period).await?;
    }
    let mut rows =
        Insert::into("billed_periods", &["charge_id", "period_from", "period_until", "invoice_id", "settled"])
            .then("ON CONFLICT (charge_id, period_from) DO NOTHING RETURNING charge_id, period_from");
    for (invoice, id) in new.iter().zip(ids) {
        for (charge_id, period) in billed(invoice) {
            rows.row(cells![charge_id, period.from, period.until, id, false]);
        }
    }
    let claimed: HashSet<(i64, Date)> = rows.returning::<(i64, Date)>(tx).await?.into_iter().collect();
    let is_claimed = |(charge, period): &(i64, Period)| claimed.contains(&(*charge, period.from));
    let lost = wanted.iter().filter(|line| !is_claimed(line)).map(|(charge, _)| *charge);
    let mut crowded: Vec<i64> = crowded.into_iter().chain(lost).collect();
    crowded.sort_unstable();
    crowded.dedup();
    let mut invoices = Vec::with_capacity(new.len());
    for (mut invoice, id) in new.into_iter().zip(ids.iter().copied()) {
        let had_lines = !invoice.lines.is_empty();
        invoice.lines.retain(|line| line.billed.as_ref().is_none_or(&is_claimed));
        if !invoice.lines.is_empty() || !had_lines {
            invoices.push((id, invoice));
        }
    }
    Ok(Claimed { invoices, crowded })
}

fn billed(invoice: &NewInvoice) -> impl Iterator<Item = &(i64, Period)> {
    invoice.lines.iter().filter_map(|line| line.billed.as_ref())
}

/// The charges that are billed beyond the beginning of the period that is wanted. There are none unless somebody has
/// moved a date back.
async fn crowded(tx: &mut Locked<'_>, wanted: &[(i64, Period)]) -> Result<HashSet<i64>> {
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let charges: Vec<i64> = wanted.iter().map(|(charge, _)| *charge).collect();
    let until = recurring::billed_until(tx, &charges).await?;
    let is_crowded = |(charge, period): &&(i64, Period)| until.get(charge).is_some_and(|until| *until > period.from);
    Ok(wanted.iter().filter(is_crowded).map(|(charge, _)| *charge).collect())
}
