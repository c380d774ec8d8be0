//! Invoices: drafts that may change, and issued documents that never do.
//!
//! What must hold:
//! - Issuing numbers the document without a gap, freezes its parties, lines, taxes and totals, seals them with a hash
//!   and books them, all in one transaction.
//! - A period of a recurring charge is on one invoice at most: `billed_periods` decides, whatever runs twice.
//! - What comes later is another document or a payment. Of an issued invoice only `status`, `balance`,
//!   `credit_applied`, `gateway`, `notes` and the dates of what happened to it change.
//!
//! One invoice or a thousand are issued by the same function, [`issue`], in a few many-row statements.

pub mod admin;
pub mod api;
mod claim;
pub mod compat;
pub mod draft;
pub mod drafts;
pub mod listing;
pub mod mail;
pub mod numbering;
pub mod panel;
pub mod pay_links;
pub mod pdf;
pub mod rearrange;
pub(crate) mod seal;
pub(crate) mod series;
#[cfg(test)]
mod staff_tests;
pub mod standing;
pub mod store;
#[cfg(test)]
mod tests;
pub mod view;

use accounts::clients::Locked;
use accounts::roles::Permission;
use kernel::{Currency, Date, Error, Money, Period, Rate, Result, Timestamp};
use platform::db::{Conn, dialect};
use platform::jobs::{self, NewJob};
use platform::{params, record};
use serde_json::json;

pub(crate) use claim::Claimed;
use series::Series;

use crate::ledger::{self, Account, Entry};
use crate::recurring;
use crate::taxes::calculation::{Levels, TaxCategory, Totals};
use crate::terms::{Buyer, Terms};

kernel::text_enum! {
    pub enum InvoiceStatus {
        Draft = "draft",
        Unpaid = "unpaid",
        PaymentPending = "payment_pending",
        Paid = "paid",
        Cancelled = "cancelled",
        Refunded = "refunded",
        Collections = "collections",
    }
}
kernel::text_enum! {
    /// What a line is for.
    pub enum LineKind {
        Service = "service",
        Addon = "addon",
        Domain = "domain",
        Setup = "setup",
        Item = "item",
        LateFee = "late_fee",
    }
}
platform::enum_column!(InvoiceStatus, LineKind, TaxCategory);

record! {
    #[derive(Debug, Clone)]
    pub struct Invoice {
        pub id: i64,
        pub client_id: i64,
        pub status: InvoiceStatus,
        pub number: Option<String>,
        pub currency: Currency,
        pub issued_on: Option<Date>,
        pub due_on: Date,
        pub seller_id: Option<i64>,
        pub buyer_id: Option<i64>,
        pub tax_name1: String,
        pub tax_rate1: Rate,
        pub tax_name2: String,
        pub tax_rate2: Rate,
        pub subtotal: i64,
        pub tax1: i64,
        pub tax2: i64,
        pub total: i64,
        pub document_hash: Option<String>,
        pub gateway: String,
        pub balance: i64,
        pub credit_applied: i64,
        pub notes: String,
        pub source: String,
        pub paid_at: Option<Timestamp>,
        pub cancelled_at: Option<Timestamp>,
        pub refunded_at: Option<Timestamp>,
        pub last_capture_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Invoice {
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    /// The number, or what stands for it while there is none.
    pub fn title(&self) -> String {
        self.number.clone().unwrap_or_else(|| format!("draft {}", self.id))
    }

    pub fn is_open(&self) -> bool {
        matches!(self.status, InvoiceStatus::Unpaid | InvoiceStatus::PaymentPending | InvoiceStatus::Collections)
    }
}

record! {
    #[derive(Debug, Clone)]
    pub struct Line {
        pub id: i64,
        pub invoice_id: i64,
        pub position: i64,
        pub kind: LineKind,
        pub charge_id: Option<i64>,
        pub owner_kind: Option<String>,
        pub owner_id: Option<i64>,
        pub description: String,
        pub quantity: i64,
        pub amount: i64,
        pub taxed: bool,
        pub tax_category: TaxCategory,
        pub net: i64,
        pub tax1: i64,
        pub tax2: i64,
        pub period_from: Option<Date>,
        pub period_until: Option<Date>,
    }
}

/// A line to be invoiced.
#[derive(Debug, Clone)]
pub struct NewLine {
    pub kind: LineKind,
    /// The recurring charge and the period of it that this line bills.
    pub billed: Option<(i64, Period)>,
    pub owner: Option<(String, i64)>,
    pub description: String,
    pub quantity: i64,
    pub amount: Money,
    pub taxed: bool,
}

impl NewLine {
    /// A line that belongs to nothing but this invoice.
    pub fn item(description: impl Into<String>, amount: Money, taxed: bool) -> NewLine {
        NewLine {
            kind: LineKind::Item,
            billed: None,
            owner: None,
            description: description.into(),
            quantity: 1,
            amount,
            taxed,
        }
    }
}

/// An invoice to be made.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    pub buyer: Buyer,
    pub issued_on: Date,
    pub due_on: Date,
    pub gateway: String,
    pub lines: Vec<NewLine>,
    pub notes: String,
    /// `generation`, `order:7`, `staff`, `api`.
    pub source: String,
    /// Rates that the caller insists on, instead of the tax rules.
    pub levels: Option<Levels>,
}

pub const LIST: Permission = Permission("List Invoices");
pub const CREATE: Permission = Permission("Create Invoice");
pub const MANAGE: Permission = Permission("Manage Invoice");
pub const DELETE: Permission = Permission("Delete Invoice");

/// Why nothing of an issued invoice is edited.
pub const IMMUTABLE: &str =
    "An issued invoice never changes. Correct it with a credit note, or cancel it and make a new one.";

/// What was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    pub id: i64,
    pub client_id: i64,
    pub number: String,
    pub total: Money,
}

/// Published in the transaction that issues an invoice by hand or order; batches tell of theirs by jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceIssued {
    pub invoice_id: i64,
    pub client_id: i64,
}

/// Announced when an invoice's balance reaches nought.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InvoicePaid {
    pub invoice_id: i64,
    pub client_id: i64,
    pub now: Timestamp,
}

impl platform::Lasting for InvoicePaid {
    const NAME: &'static str = "billing.invoice_paid";

    fn subject(&self) -> String {
        format!("invoice:{}", self.invoice_id)
    }
}

/// Whether the client is told by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    Client,
    Nobody,
}

pub const MAIL_CREATED: &str = "billing.mail_invoice_created";

pub async fn find(conn: &mut Conn, id: i64) -> Result<Invoice> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Invoice"))
}

/// The invoice, if it is this client's.
pub async fn find_of(conn: &mut Conn, client_id: i64, id: i64) -> Result<Invoice> {
    let invoice = find(conn, id).await?;
    if invoice.client_id == client_id { Ok(invoice) } else { Err(Error::NotFound("Invoice")) }
}

pub async fn lines(conn: &mut Conn, id: i64) -> Result<Vec<Line>> {
    store::lines(conn, id).await
}

/// Issues invoices for clients whose lock is held. Lines whose period has an invoice already are left out, and so is an
/// invoice that then has no line; that is how running twice does nothing. The answer is in the order given.
pub async fn issue(tx: &mut Locked<'_>, terms: &Terms, new: Vec<NewInvoice>, tell: Tell) -> Result<Vec<Issued>> {
    let claimed = claim(tx, new).await?;
    issue_claimed(tx, terms, claimed, tell).await
}

/// Takes the periods that these invoices bill. What comes back is what [`issue_claimed`] will issue, no more and no less.
pub(crate) async fn claim(tx: &mut Locked<'_>, new: Vec<NewInvoice>) -> Result<Claimed> {
    let ids = dialect::reserve_ids(tx, "invoices", new.len()).await?;
    claim::claim(tx, new, &ids).await
}

/// [`issue`], of what is claimed: an invoice for each, in their order.
pub(crate) async fn issue_claimed(
    tx: &mut Locked<'_>,
    terms: &Terms,
    claimed: Claimed,
    tell: Tell,
) -> Result<Vec<Issued>> {
    let Claimed { invoices: new, crowded } = claimed;
    if new.is_empty() {
        recurring::pass_billed(tx, &crowded, terms.now).await?;
        return Ok(Vec::new());
    }
    let mut documents = Vec::with_capacity(new.len());
    for (id, invoice) in new {
        documents.push(Document::calculate(id, invoice, terms)?);
    }
    let seller_id = terms.seller_id(tx).await?;
    number(tx, terms, &mut documents).await?;
    for document in &mut documents {
        document.hash = seal::hash(&document.sealed(seller_id));
    }
    store::insert(tx, &documents, seller_id, terms.now).await?;
    let entries: Vec<Entry> = documents.iter().map(Document::entry).collect();
    ledger::book(tx, &entries, terms.now).await?;
    advance_charges(tx, &documents).await?;
    recurring::pass_billed(tx, &crowded, terms.now).await?;
    if tell == Tell::Client {
        let mails = documents.iter().map(|document| mail_job(document.id, terms.now)).collect();
        jobs::enqueue_all(tx, mails, terms.now).await?;
    }
    // Nothing to pay is paid.
    for document in documents.iter().filter(|document| document.totals.total.is_zero()) {
        mark_paid(tx, document.id, document.new.buyer.client_id, terms.now).await?;
    }
    Ok(documents.into_iter().map(Document::issued).collect())
}

fn mail_job(id: i64, now: Timestamp) -> NewJob {
    NewJob::now(MAIL_CREATED, json!({ "invoice": id }), now)
        .keyed(format!("invoice_created:{id}"))
        .about(format!("invoice:{id}"))
}

/// An invoice on its way to the database.
pub(crate) struct Document {
    pub id: i64,
    pub new: NewInvoice,
    pub levels: Levels,
    pub totals: Totals,
    pub series_period: String,
    pub series_number: i64,
    pub number: String,
    pub hash: String,
}

impl Document {
    fn calculate(id: i64, new: NewInvoice, terms: &Terms) -> Result<Document> {
        let levels = match &new.levels {
            Some(levels) => levels.clone(),
            None => terms.levels(&new.buyer.country, &new.buyer.state, new.issued_on),
        };
        let amounts: Vec<(Money, bool)> = new.lines.iter().map(|line| (line.amount, line.taxed)).collect();
        let totals = terms.tax(&amounts, new.buyer.currency, &levels, new.buyer.tax_exempt)?;
        if totals.total.is_negative() {
            return Err(Error::invalid("lines", "The invoice's total would be negative. Give credit instead."));
        }
        Ok(Document {
            id,
            new,
            levels,
            totals,
            series_period: String::new(),
            series_number: 0,
            number: String::new(),
            hash: String::new(),
        })
    }

    fn entry(&self) -> Entry {
        let buyer = &self.new.buyer;
        let tax = Money::new(self.totals.tax1.minor + self.totals.tax2.minor, buyer.currency);
        let id = Some(self.id);
        Entry::new(format!("invoice:{}", self.id), "invoice", Some(buyer.client_id), self.new.issued_on)
            .debit(Account::Receivable, id, self.totals.total)
            .credit(Account::Revenue, id, self.totals.subtotal)
            .credit(Account::Tax, id, tax)
    }

    pub fn sealed(&self, seller_id: i64) -> seal::Sealed<'_> {
        let rate = |level: &Option<crate::taxes::calculation::Level>| {
            level.as_ref().map_or((String::new(), Rate::ZERO), |level| (level.name.clone(), level.rate))
        };
        let (tax_name1, tax_rate1) = rate(&self.levels.level1);
        let (tax_name2, tax_rate2) = rate(&self.levels.level2);
        seal::Sealed {
            number: &self.number,
            client_id: self.new.buyer.client_id,
            currency: self.new.buyer.currency,
            issued_on: self.new.issued_on,
            due_on: self.new.due_on,
            seller_id,
            buyer_id: self.new.buyer.party_id,
            taxes: [(tax_name1, tax_rate1), (tax_name2, tax_rate2)],
            sums: [self.totals.subtotal.minor, self.totals.tax1.minor, self.totals.tax2.minor, self.totals.total.minor],
            lines: self
                .new
                .lines
                .iter()
                .zip(&self.totals.lines)
                .map(|(line, tax)| seal::SealedLine {
                    kind: line.kind,
                    charge_id: line.billed.as_ref().map(|(charge, _)| *charge),
                    description: &line.description,
                    quantity: line.quantity,
                    amount: line.amount.minor,
                    taxed: line.taxed,
                    category: tax.category,
                    net: tax.net.minor,
                    tax1: tax.tax1.minor,
                    tax2: tax.tax2.minor,
                    period: line.billed.as_ref().map(|(_, period)| *period),
                })
                .collect(),
        }
    }

    fn issued(self) -> Issued {
        Issued { id: self.id, client_id: self.new.buyer.client_id, number: self.number, total: self.totals.total }
    }
}

/// Gives each document the next number of its series.
async fn number(tx: &mut Locked<'_>, terms: &Terms, documents: &mut [Document]) -> Result<()> {
    let days: Vec<Date> = documents.iter().map(|document| document.new.issued_on).collect();
    let numbers = series::take(tx, Series::Invoices, &terms.numbers, terms.reset, &days).await?;
    for (document, number) in documents.iter_mut().zip(numbers) {
        document.series_period = number.period;
        document.series_number = number.number;
        document.number = number.text;
    }
    Ok(())
}

/// Moves the charges' pointers past the periods that now have an invoice.
async fn advance_charges(tx: &mut Locked<'_>, documents: &[Document]) -> Result<()> {
    let moves: Vec<(i64, Date)> = documents
        .iter()
        .flat_map(|document| document.new.lines.iter())
        .filter_map(|line| line.billed.as_ref().map(|(charge, period)| (*charge, period.until)))
        .collect();
    store::advance(tx, &moves).await?;
    let charges: Vec<i64> = moves.iter().map(|(charge, _)| *charge).collect();
    recurring::first::billed(tx, &charges).await
}

/// Announced when less is owed on an invoice than before, and something still is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InvoiceReduced {
    pub invoice_id: i64,
    pub client_id: i64,
}

impl platform::Lasting for InvoiceReduced {
    const NAME: &'static str = "billing.invoice_reduced";

    fn subject(&self) -> String {
        format!("invoice:{}", self.invoice_id)
    }
}

/// To be called whenever less is owed on an invoice. Turns one on which nothing is owed any more into a paid one and
/// moves its services on. Doing it again does nothing.
pub(crate) async fn mark_paid(tx: &mut Locked<'_>, id: i64, client_id: i64, now: Timestamp) -> Result<()> {
    let changed = tx
        .execute(
            "UPDATE invoices SET status = 'paid', paid_at = $2, updated_at = $2 \
             WHERE id = $1 AND status IN ('unpaid', 'payment_pending', 'collections') AND balance = 0",
            params![id, now],
        )
        .await?;
    if changed == 1 {
        recurring::settle(tx, id, now).await?;
        return tx.announce(&InvoicePaid { invoice_id: id, client_id, now }, now).await;
    }
    tx.announce(&InvoiceReduced { invoice_id: id, client_id }, now).await
}

/// Published when a paid invoice is unpaid again, because its payment was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceReopened {
    pub invoice_id: i64,
    pub client_id: i64,
    pub now: Timestamp,
}

/// Paid invoices on which something is owed again become unpaid, and so do the periods on them, all together: what one
/// payment had paid goes back with it. What payment has set up stays as it is: that is for staff to say.
pub(crate) async fn reopen(tx: &mut Locked<'_>, ids: &[i64], now: Timestamp) -> Result<()> {
    let reopened: Vec<(i64, i64)> = tx
        .all(
            "UPDATE invoices SET status = 'unpaid', paid_at = NULL, updated_at = $2 \
             WHERE id IN $1[] AND status = 'paid' AND balance > 0 RETURNING id, client_id",
            params![ids, now],
        )
        .await?;
    // Lines that notes took back will not be paid, and their periods are over.
    let taken_back = |left: &crate::notes::Left| left.gross() == 0 && left.line.net != 0;
    let mut kept = Vec::new();
    for (id, _) in &reopened {
        let left = crate::notes::left(tx, *id).await?;
        kept.extend(left.iter().filter(|left| taken_back(left)).filter_map(|left| Some((*id, left.line.charge_id?))));
    }
    let unpaid: Vec<i64> = reopened.iter().map(|(id, _)| *id).collect();
    recurring::unsettle(tx, &unpaid, &kept, now).await?;
    for (invoice_id, client_id) in reopened {
        tx.publish(&InvoiceReopened { invoice_id, client_id, now }).await?;
    }
    Ok(())
}

/// Whether a charge of the invoice is on its way, so that it is not known yet whether that money comes.
pub(crate) async fn is_charge_under_way(conn: &mut Conn, id: i64) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM payment_attempts WHERE invoice_id = $1 \
         AND state IN ('intent', 'unknown', 'pending'))",
        params![id],
    )
    .await
}

/// Refuses while a charge of the invoice is on its way: what is taken off the balance meanwhile would be paid twice.
pub(crate) async fn check_no_charge_under_way(conn: &mut Conn, id: i64) -> Result<()> {
    match is_charge_under_way(conn, id).await? {
        true => Err(Error::refused("A charge of this invoice is under way. Wait for its outcome.")),
        false => Ok(()),
    }
}

/// Checks what a caller may say about an invoice before it is made.
pub fn check_new(new: &NewInvoice) -> Result<()> {
    let mut errors = kernel::FieldErrors::default();
    if new.lines.is_empty() {
        errors.add("lines", "An invoice needs at least one line.");
    }
    if new.due_on < new.issued_on {
        errors.add("due_on", "The due date cannot be before the invoice date.");
    }
    for (index, line) in new.lines.iter().enumerate() {
        if line.amount.currency != new.buyer.currency {
            errors.add(format!("lines[{index}].amount"), format!("Use the client's currency, {}.", new.buyer.currency));
        }
        if line.description.trim().is_empty() {
            errors.add(format!("lines[{index}].description"), "Say what the line is for.");
        }
    }
    errors.check()
}
