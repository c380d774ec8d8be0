//! Credit notes: what corrects an issued invoice, which itself never changes.
//!
//! What must hold:
//! - A note has its own numbers without a gap, frozen parties, lines and a seal, like an invoice.
//! - No line is credited twice: all notes on a line together take back at most the line.
//! - Whoever writes one, by whichever door, may write notes; a note that follows by rule from something else (a refund, an
//!   order that is called off) needs the permission for that only.
//! - A note first takes off what is still owed; what was paid already becomes the client's credit. Money goes back to a
//!   card only by a refund, which is another document.
//!
//! What surprises: a period that stands on a credited line counts as settled. It has had its invoice, so it is never
//! invoiced again; the service goes on with the next one.

pub mod admin;
pub mod api;
pub(crate) mod seal;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::Locked;
use accounts::roles::Permission;
use kernel::{Currency, Date, Error, Money, Result, Rounding, Timestamp};
use platform::db::{Conn, dialect};
use platform::{params, record};

use crate::credits::{self, CreditKind, NewMovement};
use crate::invoices::series::{self, Series};
use crate::invoices::{self, Invoice, InvoiceStatus, Line};
use crate::ledger::{self, Account, Entry};
use crate::recurring;
use crate::taxes::calculation::TaxCategory;
use crate::terms::Terms;

pub const LIST: Permission = Permission("List Credit and Debit Notes");
pub const CREATE: Permission = Permission("Create Credit and Debit Notes");

record! {
    #[derive(Debug, Clone)]
    pub struct CreditNote {
        pub id: i64,
        pub client_id: i64,
        pub invoice_id: i64,
        pub number: String,
        pub reason: String,
        pub currency: Currency,
        pub issued_on: Date,
        pub seller_id: i64,
        pub buyer_id: i64,
        pub subtotal: i64,
        pub tax1: i64,
        pub tax2: i64,
        pub total: i64,
        pub document_hash: String,
        pub created_at: Timestamp,
    }
}

impl CreditNote {
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

record! {
    #[derive(Debug, Clone)]
    pub struct NoteLine {
        pub id: i64,
        pub note_id: i64,
        pub position: i64,
        pub invoice_line_id: Option<i64>,
        pub description: String,
        pub tax_category: TaxCategory,
        pub net: i64,
        pub tax1: i64,
        pub tax2: i64,
    }
}

impl NoteLine {
    pub fn gross(&self) -> i64 {
        self.net.saturating_add(self.tax1).saturating_add(self.tax2)
    }
}

/// What of an invoice a note takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All that was not credited yet.
    All,
    /// What is left of these lines, by their ids.
    Lines(Vec<i64>),
    /// An amount with its taxes, taken from all lines in proportion.
    Amount(Money),
}

/// A note that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub id: i64,
    pub number: String,
    pub total: Money,
    /// What of it took off the balance.
    pub off_balance: Money,
    /// What of it became the client's credit, because it was paid already.
    pub to_credit: Money,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<CreditNote> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Credit note"))
}

pub async fn lines(conn: &mut Conn, id: i64) -> Result<Vec<NoteLine>> {
    store::lines(conn, id).await
}

pub async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<Vec<CreditNote>> {
    store::of_invoice(conn, invoice_id).await
}

/// The notes on an invoice with their lines.
pub async fn with_lines(conn: &mut Conn, invoice_id: i64) -> Result<Vec<(CreditNote, Vec<NoteLine>)>> {
    store::with_lines(conn, invoice_id).await
}

/// A line of an invoice and what is left of it to credit.
#[derive(Debug, Clone)]
pub struct Left {
    pub line: Line,
    pub net: i64,
    pub tax1: i64,
    pub tax2: i64,
}

impl Left {
    pub fn gross(&self) -> i64 {
        self.net.saturating_add(self.tax1).saturating_add(self.tax2)
    }

    fn is_nothing(&self) -> bool {
        self.net == 0 && self.tax1 == 0 && self.tax2 == 0
    }
}

/// The lines of an invoice with what is left of each.
pub async fn left(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Left>> {
    let credited = store::credited(conn, invoice_id).await?;
    let lines = invoices::lines(conn, invoice_id).await?;
    Ok(left_of(lines, &credited))
}

/// What is left of each line after these lines of credit notes.
pub fn left_of(lines: Vec<Line>, credited: &[NoteLine]) -> Vec<Left> {
    lines
        .into_iter()
        .map(|line| {
            let done = credited.iter().filter(|note| note.invoice_line_id == Some(line.id));
            let (net, tax1, tax2) = done.fold((line.net, line.tax1, line.tax2), |(net, tax1, tax2), note| {
                (net - note.net, tax1 - note.tax1, tax2 - note.tax2)
            });
            Left { line, net, tax1, tax2 }
        })
        .collect()
}

/// A part of a line on its way to a note.
struct Part {
    line_id: i64,
    description: String,
    category: TaxCategory,
    net: i64,
    tax1: i64,
    tax2: i64,
    whole: bool,
}

fn parts(left: Vec<Left>, selection: &Selection) -> Result<Vec<Part>> {
    let part = |left: Left, net, tax1, tax2| Part {
        whole: (net, tax1, tax2) == (left.net, left.tax1, left.tax2),
        line_id: left.line.id,
        description: left.line.description,
        category: left.line.tax_category,
        net,
        tax1,
        tax2,
    };
    let whole = |left: Left| {
        let (net, tax1, tax2) = (left.net, left.tax1, left.tax2);
        part(left, net, tax1, tax2)
    };
    let left: Vec<Left> = left.into_iter().filter(|left| !left.is_nothing()).collect();
    match selection {
        Selection::All => Ok(left.into_iter().map(whole).collect()),
        Selection::Lines(ids) => {
            if let Some(missing) = ids.iter().find(|id| !left.iter().any(|left| left.line.id == **id)) {
                return Err(Error::invalid("lines", format!("Nothing is left to credit of line {missing}.")));
            }
            Ok(left.into_iter().filter(|left| ids.contains(&left.line.id)).map(whole).collect())
        }
        Selection::Amount(amount) => {
            let total: i64 = left.iter().map(Left::gross).sum();
            if !amount.is_positive() {
                return Err(Error::invalid("amount", "Write an amount greater than nought."));
            }
            if amount.minor > total {
                let most = Money::new(total, amount.currency);
                return Err(Error::invalid("amount", format!("At most {most} of this invoice can be credited.")));
            }
            let mut share = Shares { amount: *amount, total, seen: 0, given: 0 };
            left.into_iter()
                .map(|left| {
                    let (net, tax1, tax2) = (share.of(left.net)?, share.of(left.tax1)?, share.of(left.tax2)?);
                    Ok(part(left, net, tax1, tax2))
                })
                .filter(|part| part.as_ref().map_or(true, |part| (part.net, part.tax1, part.tax2) != (0, 0, 0)))
                .collect()
        }
    }
}

/// Shares an amount out over parts in proportion. Each share is the growth of the rounded sum so far, so that the
/// shares add up to the amount and none is larger than its part.
struct Shares {
    amount: Money,
    total: i64,
    seen: i64,
    given: i64,
}

impl Shares {
    fn of(&mut self, part: i64) -> Result<i64> {
        self.seen += part;
        let until = self.amount.times_ratio(self.seen, self.total, Rounding::HalfUp)?.minor;
        let share = until - self.given;
        self.given = until;
        Ok(share)
    }
}

/// Issues a credit note. What is then no longer owed is taken off the balance, what was paid becomes credit; an invoice
/// on which nothing is left to pay is paid.
pub async fn credit(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    invoice_id: i64,
    selection: &Selection,
    reason: &str,
) -> Result<Noted> {
    by.require(CREATE)?;
    let invoice = creditable(tx, invoice_id).await?;
    let noted = issue(tx, by, terms, &invoice, selection, reason).await?;
    invoices::mark_paid(tx, invoice_id, invoice.client_id, terms.now).await?;
    Ok(noted)
}

/// Calls an issued invoice off: a credit note over all that is left of it, and the status. A draft is called off too; it
/// has no number and needs no note, so it is deleted.
pub async fn cancel(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    invoice_id: i64,
    reason: &str,
) -> Result<Option<Noted>> {
    let invoice = invoices::find(tx, invoice_id).await?;
    tx.check(invoice.client_id)?;
    match invoice.status {
        InvoiceStatus::Draft => {
            invoices::drafts::delete_draft(tx, by, terms, invoice_id).await?;
            return Ok(None);
        }
        InvoiceStatus::Cancelled => return Err(Error::refused("The invoice is cancelled already.")),
        InvoiceStatus::Refunded => return Err(Error::refused("A refunded invoice cannot be cancelled.")),
        _ => {}
    }
    by.require(CREATE)?;
    let invoice = creditable(tx, invoice_id).await?;
    let anything = left(tx, invoice_id).await?.iter().any(|left| !left.is_nothing());
    let noted = match anything {
        true => Some(issue(tx, by, terms, &invoice, &Selection::All, reason).await?),
        // An invoice over nothing, or one that notes have taken back already.
        false => None,
    };
    tx.execute(
        "UPDATE invoices SET status = 'cancelled', cancelled_at = $2, updated_at = $2 WHERE id = $1",
        params![invoice_id, terms.now],
    )
    .await?;
    recurring::settle(tx, invoice_id, terms.now).await?;
    let text = format!("Invoice {} cancelled", invoice.title());
    let activity = Activity::new(text).client(invoice.client_id).about(format!("invoice:{invoice_id}"));
    activity_log::record(tx, by, activity, terms.now).await?;
    tx.publish(&InvoiceCancelled { invoice_id, client_id: invoice.client_id }).await?;
    Ok(noted)
}

/// Calls what is still owed off: a note over the balance, after which the invoice is paid.
pub async fn waive_balance(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    invoice_id: i64,
    reason: &str,
) -> Result<Noted> {
    let invoice = creditable(tx, invoice_id).await?;
    if !invoice.is_open() || invoice.balance <= 0 {
        return Err(Error::refused("Nothing is owed on this invoice."));
    }
    credit(tx, by, terms, invoice_id, &Selection::Amount(invoice.money(invoice.balance)), reason).await
}

/// Published when an invoice is cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceCancelled {
    pub invoice_id: i64,
    pub client_id: i64,
}

/// The invoice, if notes may be written on it now.
async fn creditable(tx: &mut Locked<'_>, id: i64) -> Result<Invoice> {
    let invoice = invoices::find(tx, id).await?;
    tx.check(invoice.client_id)?;
    match invoice.status {
        InvoiceStatus::Draft => return Err(Error::refused("A draft has nothing to credit. Edit or delete it.")),
        InvoiceStatus::Cancelled => return Err(Error::refused("The invoice is cancelled: all of it was credited.")),
        InvoiceStatus::Refunded => return Err(Error::refused("The invoice was refunded: all of it was given back.")),
        _ => {}
    }
    invoices::check_no_charge_under_way(tx, id).await?;
    Ok(invoice)
}

async fn issue(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    invoice: &Invoice,
    selection: &Selection,
    reason: &str,
) -> Result<Noted> {
    let reason = kernel::single_line(reason, 500).map_err(|text| Error::invalid("reason", text))?;
    if let Selection::Amount(amount) = selection
        && amount.currency != invoice.currency
    {
        return Err(Error::invalid("amount", format!("Use the invoice's currency, {}.", invoice.currency)));
    }
    let left = left(tx, invoice.id).await?;
    let most = Money::sum(left.iter().map(|left| invoice.money(left.gross())), invoice.currency)?;
    let parts = parts(left, selection)?;
    let sum = |of: fn(&Part) -> i64| invoice.money(parts.iter().map(of).sum());
    let (subtotal, tax1, tax2) = (sum(|part| part.net), sum(|part| part.tax1), sum(|part| part.tax2));
    let total = Money::sum([subtotal, tax1, tax2], invoice.currency)?;
    if total.is_negative() || (total.is_zero() && !matches!(selection, Selection::All)) {
        return Err(Error::invalid("lines", "These lines add up to nothing that could be credited."));
    }
    if total.minor > most.minor {
        let message =
            format!("With the discounts on it at most {most} of this invoice can be credited. Choose those too.");
        return Err(Error::invalid("lines", message));
    }
    let Some(buyer_id) = invoice.buyer_id else {
        return Err(Error::broken(format!("invoice {} has no buyer", invoice.id)));
    };
    let ids = dialect::reserve_ids(tx, "credit_notes", 1).await?;
    let Some(id) = ids.first().copied() else { return Err(Error::broken("no id for a credit note")) };
    let seller_id = terms.seller_id(tx).await?;
    let days = [terms.today];
    let numbers = series::take(tx, Series::CreditNotes, &terms.note_numbers, terms.note_reset, &days).await?;
    let Some(number) = numbers.into_iter().next() else { return Err(Error::broken("no number for a credit note")) };
    let mut note = CreditNote {
        id,
        client_id: invoice.client_id,
        invoice_id: invoice.id,
        number: number.text,
        reason,
        currency: invoice.currency,
        issued_on: terms.today,
        seller_id,
        buyer_id,
        subtotal: subtotal.minor,
        tax1: tax1.minor,
        tax2: tax2.minor,
        total: total.minor,
        document_hash: String::new(),
        created_at: terms.now,
    };
    let lines: Vec<NoteLine> = parts
        .iter()
        .zip(1i64..)
        .map(|(part, position)| NoteLine {
            id: 0,
            note_id: id,
            position,
            invoice_line_id: Some(part.line_id),
            description: part.description.clone(),
            tax_category: part.category,
            net: part.net,
            tax1: part.tax1,
            tax2: part.tax2,
        })
        .collect();
    note.document_hash = seal::hash(&note, &lines);
    store::insert(tx, &note, &lines, Series::CreditNotes.name(), &number.period, number.number).await?;

    let off_balance = invoice.money(total.minor.min(invoice.balance));
    let to_credit = total.checked_sub(off_balance)?;
    let entry = Entry::new(format!("note:{id}"), "credit_note", Some(invoice.client_id), terms.today)
        .debit(Account::Revenue, Some(invoice.id), subtotal)
        .debit(Account::Tax, Some(invoice.id), tax1.checked_add(tax2)?)
        .credit(Account::Receivable, Some(invoice.id), off_balance)
        .credit(Account::Credit, None, to_credit);
    ledger::book(tx, &[entry], terms.now).await?;
    tx.execute(
        "UPDATE invoices SET balance = balance - $2, updated_at = $3 WHERE id = $1",
        params![invoice.id, off_balance.minor, terms.now],
    )
    .await?;
    if to_credit.is_positive() {
        let movement = NewMovement {
            client_id: invoice.client_id,
            amount: to_credit,
            kind: CreditKind::Returned,
            description: &format!("Credit note {} on invoice {}", note.number, invoice.title()),
            invoice_id: Some(invoice.id),
            transaction_id: None,
            by,
            on: terms.today,
        };
        credits::write(tx, movement, terms.now).await?;
    }
    let whole: Vec<i64> = parts.iter().filter(|part| part.whole).map(|part| part.line_id).collect();
    settle_lines(tx, invoice.id, &whole, terms.now).await?;
    let text = format!("Credit note {} of {total} on invoice {}", note.number, invoice.title());
    let activity = Activity::new(text).client(invoice.client_id).about(format!("invoice:{}", invoice.id));
    activity_log::record(tx, by, activity, terms.now).await?;
    tx.publish(&CreditNoteIssued { note_id: id, invoice_id: invoice.id, client_id: invoice.client_id }).await?;
    Ok(Noted { id, number: note.number, total, off_balance, to_credit })
}

/// Published when a credit note is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteIssued {
    pub note_id: i64,
    pub invoice_id: i64,
    pub client_id: i64,
}

/// The periods of lines that nobody will pay any more count as settled.
async fn settle_lines(tx: &mut Locked<'_>, invoice_id: i64, lines: &[i64], now: Timestamp) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let charges: Vec<i64> = tx
        .column(
            "SELECT charge_id FROM invoice_lines WHERE invoice_id = $1 AND id IN $2[] AND charge_id IS NOT NULL",
            params![invoice_id, lines],
        )
        .await?;
    if charges.is_empty() { Ok(()) } else { recurring::settle_charges(tx, invoice_id, &charges, now).await }
}
