//! Merging and splitting. An issued invoice never changes, so the old one is taken back by a credit note, as a whole or
//! in part, and what was on it stands on a new invoice.
//!
//! What must hold: a period that moves to the new invoice is billed there, and only there; the service's due date moves
//! when the new invoice is paid.

use std::collections::BTreeSet;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use kernel::{Date, Error, Period, Result, Timestamp};
use platform::params;

use super::{Invoice, InvoiceStatus, Issued, Line, NewInvoice, NewLine, Tell};
use crate::notes::{self, Selection};
use crate::terms::{Buyer, Terms};

/// What the new invoice says of where it comes from (its source); `doctor` knows these words.
const MERGED: &str = "merge";
const SPLIT: &str = "split";

/// Published when another invoice stands in for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceReplaced {
    pub old_id: i64,
    pub new_id: i64,
    pub client_id: i64,
}

/// Makes one invoice of several unpaid ones of a client; they are cancelled.
pub async fn merge(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, ids: &[i64]) -> Result<Issued> {
    let ids: Vec<i64> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if ids.len() < 2 {
        return Err(Error::invalid("invoices", "Name at least two invoices to merge."));
    }
    let mut invoices = Vec::with_capacity(ids.len());
    for id in &ids {
        let invoice = super::find(tx, *id).await?;
        if !tx.ids().contains(&invoice.client_id) {
            let title = invoice.title();
            return Err(Error::refused(format!("Invoice {title} is another client's. Merge those of one client.")));
        }
        invoices.push(untouched(tx, *id).await?);
    }
    let first = &invoices[0];
    if let Some(other) = invoices.iter().find(|other| other.currency != first.currency) {
        return Err(Error::refused(format!("Invoice {} is in another currency.", other.title())));
    }
    let mut lines = Vec::new();
    for invoice in &invoices {
        lines.extend(super::lines(tx, invoice.id).await?.into_iter().map(|line| (invoice.clone(), line)));
    }
    let due_on = invoices.iter().map(|invoice| invoice.due_on).min().unwrap_or(terms.today);
    let mut all_notes: Vec<&str> = invoices.iter().map(|invoice| invoice.notes.trim()).collect();
    all_notes.retain(|notes| !notes.is_empty());
    all_notes.dedup();
    let all_notes = all_notes.join("\n");
    let issued = anew(tx, terms, first, &lines, due_on, all_notes, MERGED).await?;
    for invoice in &invoices {
        let reason = format!("Merged into invoice {}", issued.number);
        notes::cancel(tx, &by.in_consequence(), terms, invoice.id, &reason).await?;
        let replaced = InvoiceReplaced { old_id: invoice.id, new_id: issued.id, client_id: first.client_id };
        tx.publish(&replaced).await?;
    }
    let titles: Vec<String> = invoices.iter().map(Invoice::title).collect();
    log(tx, by, terms, &issued, format!("Invoice {} merged from {}", issued.number, titles.join(", "))).await?;
    Ok(issued)
}

/// Published when some of the lines of an invoice stand on another from now on, before the note takes them off the old one:
/// who hears then that the old one is paid knows what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceSplit {
    pub old_id: i64,
    pub new_id: i64,
    pub client_id: i64,
    pub now: Timestamp,
}

/// Moves lines of an unpaid invoice to one of their own; a credit note takes them off the old one. The choice of lines is
/// somebody's, for the one document and for the other, so both permissions are asked for.
pub async fn split(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64, line_ids: &[i64]) -> Result<Issued> {
    by.require(super::MANAGE)?;
    by.require(notes::CREATE)?;
    let invoice = untouched(tx, id).await?;
    let lines = super::lines(tx, id).await?;
    if let Some(unknown) = line_ids.iter().find(|wanted| !lines.iter().any(|line| line.id == **wanted)) {
        return Err(Error::invalid("lines", format!("There is no line {unknown} on this invoice.")));
    }
    let (go, stay): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| line_ids.contains(&line.id));
    if go.is_empty() || stay.is_empty() {
        return Err(Error::invalid("lines", "Choose some of the lines; at least one goes and at least one stays."));
    }
    let pairs: Vec<(Invoice, Line)> = go.iter().map(|line| (invoice.clone(), line.clone())).collect();
    let issued = anew(tx, terms, &invoice, &pairs, invoice.due_on, invoice.notes.clone(), SPLIT).await?;
    let split = InvoiceSplit { old_id: id, new_id: issued.id, client_id: invoice.client_id, now: terms.now };
    tx.publish(&split).await?;
    let credited: Vec<i64> =
        go.iter().filter(|line| (line.net, line.tax1, line.tax2) != (0, 0, 0)).map(|line| line.id).collect();
    if !credited.is_empty() {
        let reason = format!("Moved to invoice {}", issued.number);
        notes::credit(tx, by, terms, id, &Selection::Lines(credited), &reason).await?;
    }
    log(tx, by, terms, &issued, format!("Invoice {} split from {}", issued.number, invoice.title())).await?;
    Ok(issued)
}

/// An unpaid invoice of which nothing was paid or credited, so that all of it can be taken back and asked for again.
async fn untouched(tx: &mut Locked<'_>, id: i64) -> Result<Invoice> {
    let invoice = super::find(tx, id).await?;
    if invoice.status != InvoiceStatus::Unpaid {
        return Err(Error::refused(format!(
            "Invoice {} is not unpaid. Only unpaid invoices are merged and split.",
            invoice.title()
        )));
    }
    tx.check(invoice.client_id)?;
    if invoice.balance != invoice.total {
        return Err(Error::refused(format!("Some of invoice {} is paid or credited already.", invoice.title())));
    }
    super::check_no_charge_under_way(tx, id).await?;
    Ok(invoice)
}

/// Issues the lines on a new invoice. Their periods are free by then, and taken by it.
async fn anew(
    tx: &mut Locked<'_>,
    terms: &Terms,
    like: &Invoice,
    lines: &[(Invoice, Line)],
    due_on: Date,
    notes: String,
    source: &str,
) -> Result<Issued> {
    let client = clients::find(tx, like.client_id).await?;
    for (invoice, line) in lines {
        tx.execute(
            "DELETE FROM billed_periods WHERE invoice_id = $1 AND charge_id = $2 AND period_from = $3",
            params![invoice.id, line.charge_id, line.period_from],
        )
        .await?;
    }
    let new = NewInvoice {
        buyer: Buyer::of(&client),
        issued_on: terms.today,
        due_on: due_on.max(terms.today),
        gateway: like.gateway.clone(),
        lines: lines.iter().map(|(invoice, line)| new_line(invoice, line)).collect(),
        notes,
        source: source.to_owned(),
        levels: None,
    };
    let issued = super::issue(tx, terms, vec![new], Tell::Nobody).await?.into_iter().next();
    issued.ok_or_else(|| Error::broken("the lines of an invoice were not issued again"))
}

fn new_line(invoice: &Invoice, line: &Line) -> NewLine {
    let period = line.period_from.zip(line.period_until).map(|(from, until)| Period { from, until });
    NewLine {
        kind: line.kind,
        billed: line.charge_id.zip(period),
        owner: line.owner_kind.clone().zip(line.owner_id),
        description: line.description.clone(),
        quantity: line.quantity,
        amount: invoice.money(line.amount),
        taxed: line.taxed,
    }
}

async fn log(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, issued: &Issued, text: String) -> Result<()> {
    let activity = Activity::new(text).client(issued.client_id).about(format!("invoice:{}", issued.id));
    activity_log::record(tx, by, activity, terms.now).await
}
