//! Drafts: invoices that are still being written. Nobody owes anything for them, they have no number, and clients do
//! not see them. Publishing one issues it through the same function as every other invoice.

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients::{self, Client, ClientStatus, Locked};
use kernel::{Currency, Date, Error, FieldErrors, Money, Rate, Result};
use platform::db::{Conn, dialect};
use platform::params;

use super::{Invoice, InvoiceStatus, Issued, Line, NewInvoice, NewLine, Tell, check_new, store};
use crate::credits;
use crate::gateways;
use crate::taxes::calculation::{Compound, Level, Levels, TaxCategory};
use crate::terms::{Buyer, Terms};

/// More lines on one invoice are a mistake.
const MAX_LINES: usize = 1_000;
const MAX_TEXT: usize = 2_000;
const MAX_NOTES: usize = 5_000;

/// An invoice as staff or an API client asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewDraft {
    pub client_id: i64,
    /// Of an invoice that is issued at once; today when nothing is said.
    pub issued_on: Option<Date>,
    pub due_on: Option<Date>,
    /// The client's own when nothing is said.
    pub gateway: Option<String>,
    pub notes: String,
    pub lines: Vec<NewLine>,
    /// Instead of the tax rules.
    pub rates: Option<OwnRates>,
    pub source: String,
}

/// Tax rates that were given by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRates {
    pub rate1: Rate,
    pub rate2: Rate,
}

impl OwnRates {
    fn levels(self, compound: Compound) -> Levels {
        let category = TaxCategory::Standard;
        let level = |rate: Rate| (!rate.is_zero()).then(|| Level { name: "Tax".to_owned(), rate, category });
        Levels { level1: level(self.rate1), level2: level(self.rate2), compound }
    }
}

/// What changes of a draft; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct DraftEdit {
    pub due_on: Option<Date>,
    pub gateway: Option<String>,
    pub notes: Option<String>,
    pub lines: Option<Vec<NewLine>>,
    pub rates: Option<OwnRates>,
}

impl DraftEdit {
    /// Whether it touches what only a draft may change.
    pub fn is_for_drafts(&self) -> bool {
        self.due_on.is_some() || self.lines.is_some() || self.rates.is_some()
    }
}

/// The gateway that is named, or else the client's, or else the first active one.
pub async fn gateway_for(conn: &mut Conn, client: &Client, name: Option<&str>) -> Result<String> {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        return Ok(gateways::require_active(conn, "gateway", name).await?.name);
    }
    let active = gateways::active(conn).await?;
    let own = client.default_gateway.as_deref().and_then(|own| active.iter().find(|gateway| gateway.name == own));
    match own.or(active.first()) {
        Some(gateway) => Ok(gateway.name.clone()),
        None => Err(Error::refused("No payment gateway is active. Switch one on first.")),
    }
}

async fn billable_client(tx: &mut Locked<'_>, id: i64) -> Result<Client> {
    tx.check(id)?;
    let client = clients::find(tx, id).await?;
    if client.status == ClientStatus::Closed {
        return Err(Error::invalid("client_id", "The client is closed. Open the client again before you invoice it."));
    }
    Ok(client)
}

/// What is asked for, as an invoice; everything that is wrong with it at once.
async fn prepare(tx: &mut Locked<'_>, terms: &Terms, new: NewDraft) -> Result<NewInvoice> {
    let client = billable_client(tx, new.client_id).await?;
    let gateway = gateway_for(tx, &client, new.gateway.as_deref()).await?;
    let issued_on = new.issued_on.unwrap_or(terms.today);
    let invoice = NewInvoice {
        buyer: Buyer::of(&client),
        issued_on,
        due_on: match new.due_on {
            Some(date) => date,
            None => {
                issued_on.plus_days(terms.lead.global).map_err(|error| Error::invalid("due_on", error.to_string()))?
            }
        },
        gateway,
        lines: new.lines,
        notes: new.notes,
        source: new.source,
        levels: new.rates.map(|rates| rates.levels(terms.compound())),
    };
    check(&invoice)?;
    Ok(invoice)
}

fn check(invoice: &NewInvoice) -> Result<()> {
    let mut errors = FieldErrors::default();
    if invoice.lines.len() > MAX_LINES {
        errors.add("lines", format!("Use at most {MAX_LINES} lines."));
    }
    for (index, line) in invoice.lines.iter().enumerate() {
        if let Some(message) = wrong_text(&line.description, MAX_TEXT) {
            errors.add(format!("lines[{index}].description"), message);
        }
        errors.take(&format!("lines[{index}].amount"), line.amount.within_reason());
    }
    if let Some(message) = wrong_text(&invoice.notes, MAX_NOTES) {
        errors.add("notes", message);
    }
    errors.check()?;
    check_new(invoice)
}

fn wrong_text(text: &str, max: usize) -> Option<String> {
    if text.chars().count() > max {
        return Some(format!("Use at most {max} characters."));
    }
    text.chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        .then(|| "Remove the control characters.".to_owned())
}

/// Writes a draft; its id.
pub async fn create_draft(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, new: NewDraft) -> Result<i64> {
    let own_rates = new.rates.is_some();
    let client_id = new.client_id;
    let invoice = prepare(tx, terms, new).await?;
    let ids = dialect::reserve_ids(tx, "invoices", 1).await?;
    let Some(id) = ids.first().copied() else { return Err(Error::broken("no id for a draft")) };
    let document = super::Document::calculate(id, invoice, terms)?;
    store::insert_draft(tx, &document, own_rates, terms.now, terms.now).await?;
    let text = format!("Draft invoice {id} of {} written", document.totals.total);
    log(tx, by, client_id, id, Activity::new(text), terms).await?;
    Ok(id)
}

/// Writes a draft with the same lines; its id. The periods on the lines are billed already, so the copy bills none.
pub async fn duplicate(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64) -> Result<i64> {
    let invoice = super::find(tx, id).await?;
    tx.check(invoice.client_id)?;
    let lines = super::lines(tx, id).await?;
    let is_active = gateways::active(tx).await?.iter().any(|gateway| gateway.name == invoice.gateway);
    let new = NewDraft {
        client_id: invoice.client_id,
        gateway: is_active.then(|| invoice.gateway.clone()),
        notes: invoice.notes.clone(),
        lines: lines.into_iter().map(|line| written_again(line, invoice.currency)).collect(),
        source: "staff".to_owned(),
        ..NewDraft::default()
    };
    create_draft(tx, by, terms, new).await
}

fn written_again(line: Line, currency: Currency) -> NewLine {
    NewLine {
        kind: line.kind,
        billed: None,
        owner: line.owner_kind.zip(line.owner_id),
        description: line.description,
        quantity: line.quantity,
        amount: Money::new(line.amount, currency),
        taxed: line.taxed,
    }
}

/// Issues an invoice at once.
pub async fn create_and_publish(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    new: NewDraft,
    tell: Tell,
) -> Result<Issued> {
    let invoice = prepare(tx, terms, new).await?;
    let ids = dialect::reserve_ids(tx, "invoices", 1).await?;
    issue_one(tx, by, terms, invoice, &ids, tell).await
}

async fn issue_one(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    invoice: NewInvoice,
    ids: &[i64],
    tell: Tell,
) -> Result<Issued> {
    let claimed = super::claim::claim(tx, vec![invoice], ids).await?;
    let issued = super::issue_claimed(tx, terms, claimed, tell).await?;
    let Some(issued) = issued.into_iter().next() else {
        return Err(Error::conflict("The periods on this invoice have been invoiced already."));
    };
    tx.publish(&super::InvoiceIssued { invoice_id: issued.id, client_id: issued.client_id }).await?;
    let text = format!("Invoice {} of {} issued", issued.number, issued.total);
    log(tx, by, issued.client_id, issued.id, Activity::new(text), terms).await?;
    Ok(issued)
}

/// The draft, if it is one.
async fn draft(tx: &mut Locked<'_>, id: i64, no: &str) -> Result<Invoice> {
    let invoice = super::find(tx, id).await?;
    tx.check(invoice.client_id)?;
    if invoice.status == InvoiceStatus::Draft { Ok(invoice) } else { Err(Error::refused(no)) }
}

/// The draft as the invoice that it would be on that day.
async fn as_new(tx: &mut Locked<'_>, terms: &Terms, draft: &Invoice) -> Result<(NewInvoice, bool)> {
    let client = billable_client(tx, draft.client_id).await?;
    let own: Option<(Option<bool>,)> =
        tx.optional("SELECT own_rates FROM invoices WHERE id = $1", params![draft.id]).await?;
    let own_rates = own.and_then(|(own,)| own).unwrap_or(false);
    let rates = OwnRates { rate1: draft.tax_rate1, rate2: draft.tax_rate2 };
    let lines = super::lines(tx, draft.id).await?;
    let invoice = NewInvoice {
        buyer: Buyer::of(&client),
        issued_on: terms.today,
        due_on: draft.due_on,
        gateway: draft.gateway.clone(),
        lines: lines.into_iter().map(|line| written_again(line, draft.currency)).collect(),
        notes: draft.notes.clone(),
        source: draft.source.clone(),
        levels: own_rates.then(|| rates.levels(terms.compound())),
    };
    Ok((invoice, own_rates))
}

/// Changes a draft.
pub async fn edit_draft(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64, edit: DraftEdit) -> Result<()> {
    let before = draft(tx, id, super::IMMUTABLE).await?;
    let (mut invoice, mut own_rates) = as_new(tx, terms, &before).await?;
    if let Some(name) = &edit.gateway {
        invoice.gateway = gateways::require_active(tx, "gateway", name).await?.name;
    }
    if let Some(due_on) = edit.due_on {
        invoice.due_on = due_on;
    }
    if let Some(notes) = edit.notes {
        invoice.notes = notes;
    }
    if let Some(lines) = edit.lines {
        invoice.lines = lines;
    }
    if let Some(rates) = edit.rates {
        invoice.levels = Some(rates.levels(terms.compound()));
        own_rates = true;
    }
    // A draft may lie until its due date has passed; publishing it will ask for a later one.
    let dated = NewInvoice { issued_on: invoice.issued_on.min(invoice.due_on), ..invoice };
    check(&dated)?;
    let document = super::Document::calculate(id, NewInvoice { issued_on: terms.today, ..dated }, terms)?;
    store::remove_draft(tx, id).await?;
    store::insert_draft(tx, &document, own_rates, before.created_at, terms.now).await?;
    let changed = changes([
        ("due_on", before.due_on.to_string(), document.new.due_on.to_string()),
        ("gateway", before.gateway.clone(), document.new.gateway.clone()),
        ("total", before.money(before.total).to_string(), document.totals.total.to_string()),
    ]);
    log(tx, by, before.client_id, id, Activity::new(format!("Draft invoice {id} changed")).changed(changed), terms)
        .await
}

/// Throws a draft away. It never had a number, so nothing is missing afterwards.
pub async fn delete_draft(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64) -> Result<()> {
    by.require(super::DELETE)?;
    let no = "Only a draft can be deleted; an issued invoice is cancelled, by a credit note over all of it.";
    let draft = draft(tx, id, no).await?;
    store::remove_draft(tx, id).await?;
    log(tx, by, draft.client_id, id, Activity::new(format!("Draft invoice {id} deleted")), terms).await
}

pub const NOT_A_DRAFT: &str = "Invoice must be in Draft status to be published";

/// Issues a draft, dated today, under the id that it has.
pub async fn publish(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64, tell: Tell) -> Result<Issued> {
    let draft = draft(tx, id, NOT_A_DRAFT).await?;
    let (invoice, _) = as_new(tx, terms, &draft).await?;
    check(&invoice)?;
    store::remove_draft(tx, id).await?;
    issue_one(tx, by, terms, invoice, &[id], tell).await
}

/// What of an issued invoice may still change: how it is paid, and the notes.
pub async fn change(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    id: i64,
    gateway: Option<&str>,
    notes: Option<&str>,
) -> Result<()> {
    let before = super::find(tx, id).await?;
    tx.check(before.client_id)?;
    let gateway = match gateway {
        Some(name) if !name.eq_ignore_ascii_case(&before.gateway) => {
            gateways::require_active(tx, "gateway", name).await?.name
        }
        _ => before.gateway.clone(),
    };
    let notes = notes.unwrap_or(&before.notes);
    if let Some(message) = wrong_text(notes, MAX_NOTES) {
        return Err(Error::invalid("notes", message));
    }
    let changed = changes([
        ("gateway", before.gateway.clone(), gateway.clone()),
        ("notes", before.notes.clone(), notes.to_owned()),
    ]);
    if changed.is_empty() {
        return Ok(());
    }
    tx.execute(
        "UPDATE invoices SET gateway = $2, notes = $3, updated_at = $4 WHERE id = $1",
        params![id, gateway, notes, terms.now],
    )
    .await?;
    let activity = Activity::new(format!("Invoice {} changed", before.title())).changed(changed);
    log(tx, by, before.client_id, id, activity, terms).await
}

/// An edit from a door: a draft takes all of it, an issued invoice what [`change`] allows.
pub async fn edit(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64, edit: DraftEdit) -> Result<()> {
    let invoice = super::find(tx, id).await?;
    if invoice.status == InvoiceStatus::Draft {
        edit_draft(tx, by, terms, id, edit).await
    } else if edit.is_for_drafts() {
        Err(Error::refused(super::IMMUTABLE))
    } else {
        change(tx, by, terms, id, edit.gateway.as_deref(), edit.notes.as_deref()).await
    }
}

/// Pays an invoice that was just issued with the client's credit, if its maker asked for that.
pub async fn apply_credit(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, id: i64) -> Result<Money> {
    by.require(credits::MANAGE)?;
    credits::apply_available(tx, by, id, terms.today, terms.now).await
}

async fn log(
    tx: &mut Locked<'_>,
    by: &Actor,
    client_id: i64,
    id: i64,
    activity: Activity,
    terms: &Terms,
) -> Result<()> {
    activity_log::record(tx, by, activity.client(client_id).about(format!("invoice:{id}")), terms.now).await
}
