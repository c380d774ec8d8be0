//! Payments: money that came in, what it settled, and where the rest went.
//!
//! What must hold:
//! - A provider's transaction id is recorded once per gateway; the unique key says so, not a look beforehand.
//! - Every unit of a payment has a destination: invoices in the order given, then the client's credit.
//! - Paying does not ask whether the service is still wanted: money that has arrived is booked. Nor does it wait for what
//!   others make of it: a listener that fails is called again by a job.

pub mod admin;
pub mod api;
pub mod compat;
pub mod corrections;
pub mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, FieldErrors, Money, Result, Timestamp, single_line};
use platform::db::Conn;
use platform::{params, record};

use crate::credits::{self, CreditKind, NewMovement};
use crate::currencies;
use crate::gateways;
use crate::invoices::{self, Invoice, InvoiceStatus};
use crate::ledger::{self, Account, Entry};

pub const LIST: Permission = Permission("List Transactions");
pub const ADD: Permission = Permission("Add Transaction");

/// Characters of a description, which is one line in lists, files and on statements.
const LONGEST_TEXT: usize = 500;

pub fn routes() -> Routes {
    admin::routes()
        .merge(api::routes())
        .merge(compat::routes())
        .merge(corrections::admin::routes())
        .merge(corrections::api::routes())
        .merge(corrections::compat::routes())
}

kernel::text_enum! {
    pub enum TransactionKind {
        Payment = "payment",
        Refund = "refund",
        Income = "income",
        Expense = "expense",
    }
}
platform::enum_column!(TransactionKind);

record! {
    #[derive(Debug, Clone)]
    pub struct Transaction {
        pub id: i64,
        pub client_id: Option<i64>,
        pub gateway: String,
        pub external_id: Option<String>,
        pub reference: String,
        pub kind: TransactionKind,
        pub currency: Currency,
        pub amount_in: i64,
        pub amount_out: i64,
        pub fees: i64,
        pub rate: String,
        pub description: String,
        pub occurred_on: Date,
        pub invoice_id: Option<i64>,
        pub refund_of: Option<i64>,
        pub created_at: Timestamp,
        /// When it was taken back, because staff had recorded it by mistake.
        pub voided_at: Option<Timestamp>,
        pub void_reason: Option<String>,
    }
}

/// A payment of a client.
#[derive(Debug, Clone)]
pub struct NewPayment {
    pub client_id: i64,
    pub gateway: String,
    /// The provider's id; empty when there is none (cash, cheque).
    pub external_id: String,
    /// Records the payment although the id is known; the id is then kept for display only.
    pub duplicate: Duplicate,
    pub amount: Money,
    /// What the gateway kept of it.
    pub fees: Money,
    pub occurred_on: Date,
    pub description: String,
    /// Settled in this order; the rest becomes credit.
    pub invoices: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    Refuse,
    Allow,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub transaction_id: i64,
    pub allocated: Vec<(i64, Money)>,
    pub to_credit: Money,
}

pub const DUPLICATE: &str = "Transaction ID must be Unique";

/// Announced when a payment is recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PaymentRecorded {
    pub transaction_id: i64,
    pub client_id: i64,
}

impl platform::Lasting for PaymentRecorded {
    const NAME: &'static str = "billing.payment_recorded";

    fn subject(&self) -> String {
        format!("transaction:{}", self.transaction_id)
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Transaction> {
    let sql = format!("SELECT {} FROM transactions WHERE id = $1", Transaction::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Transaction"))
}

/// The recorded transaction with a provider's id.
pub async fn by_external_id(conn: &mut Conn, gateway: &str, external_id: &str) -> Result<Option<Transaction>> {
    let sql = format!("SELECT {} FROM transactions WHERE gateway = $1 AND external_id = $2", Transaction::columns(""));
    conn.optional(&sql, params![gateway, external_id]).await
}

/// The transactions that settled or belong to an invoice.
pub async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<OfInvoice> {
    let sql = format!(
        "SELECT {}, a.id, a.amount FROM transactions t \
         LEFT JOIN allocations a ON a.transaction_id = t.id AND a.invoice_id = $1 \
         WHERE t.id IN (SELECT id FROM transactions WHERE invoice_id = $1 \
                        UNION SELECT transaction_id FROM allocations WHERE invoice_id = $1) AND t.voided_at IS NULL ORDER BY t.id, a.id",
        Transaction::columns("t")
    );
    let mut parts = Vec::new();
    let mut found = OfInvoice::default();
    conn.each(&sql, params![invoice_id], |row| {
        let transaction = Transaction::from_row_at(row, 0)?;
        let part: Option<i64> = row.get(Transaction::COLUMNS.len())?;
        if let (Some(part), Some(amount)) = (part, row.get::<Option<i64>>(Transaction::COLUMNS.len() + 1)?) {
            parts.push((part, transaction.id, amount));
        }
        if found.transactions.last().is_none_or(|last| last.id != transaction.id) {
            found.transactions.push(transaction);
        }
        Ok(())
    })
    .await?;
    parts.sort_unstable();
    found.settled = parts.into_iter().map(|(_, transaction, amount)| (transaction, amount)).collect();
    Ok(found)
}

/// The transactions that belong to an invoice, and which part of which settled it, in the order of the settling.
#[derive(Debug, Default)]
pub struct OfInvoice {
    pub transactions: Vec<Transaction>,
    pub settled: Vec<(i64, i64)>,
}

/// Records a payment and settles invoices with it. A known provider's id is a conflict and changes nothing.
pub async fn record(tx: &mut Locked<'_>, by: &Actor, mut new: NewPayment, now: Timestamp) -> Result<Recorded> {
    tx.check(new.client_id)?;
    let invoices = check(tx, &new).await?;
    // As it is written everywhere: “Stripe” and “stripe” are one gateway, and an id is known once to it.
    new.gateway = gateways::require_known(tx, "gateway", &new.gateway).await?.name;
    let rate = currencies::find(tx, new.amount.currency).await?.rate;
    let external_id = match new.duplicate {
        Duplicate::Refuse if !new.external_id.is_empty() => Some(new.external_id.as_str()),
        _ => None,
    };
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO transactions (client_id, gateway, external_id, reference, kind, currency, amount_in, \
             amount_out, fees, rate, description, occurred_on, invoice_id, created_at) \
             VALUES ($1, $2, $3, $4, 'payment', $5, $6, 0, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (gateway, external_id) DO NOTHING RETURNING id",
            params![
                new.client_id,
                new.gateway,
                external_id,
                new.external_id,
                new.amount.currency,
                new.amount.minor,
                new.fees.minor,
                rate,
                new.description,
                new.occurred_on,
                new.invoices.first(),
                now
            ],
        )
        .await?;
    let Some((transaction_id,)) = inserted else { return Err(Error::conflict(DUPLICATE)) };

    let mut rest = new.amount;
    let mut allocated = Vec::new();
    for invoice in invoices.iter().filter(|invoice| invoice.is_open()) {
        let part = invoice.money(rest.minor.min(invoice.balance));
        if part.is_positive() {
            allocate(tx, transaction_id, invoice.id, part, now).await?;
            rest = rest.checked_sub(part)?;
            allocated.push((invoice.id, part));
        }
    }
    let mut entry = Entry::new(format!("payment:{transaction_id}"), "payment", Some(new.client_id), new.occurred_on)
        .post(Account::Clearing, &new.gateway, None, new.amount.checked_sub(new.fees)?)
        .post(Account::Fees, &new.gateway, None, new.fees);
    for (invoice_id, part) in &allocated {
        entry = entry.credit(Account::Receivable, Some(*invoice_id), *part);
    }
    ledger::book(tx, &[entry.credit(Account::Credit, None, rest)], now).await?;
    if rest.is_positive() {
        overpaid(tx, by, &new, transaction_id, rest, now).await?;
    }
    let activity = Activity::new(format!("Payment of {} by {}", new.amount, new.gateway)).client(new.client_id);
    let subject =
        new.invoices.first().map_or_else(|| format!("client:{}", new.client_id), |id| format!("invoice:{id}"));
    activity_log::record(tx, by, activity.about(subject), now).await?;
    for (invoice_id, _) in &allocated {
        invoices::mark_paid(tx, *invoice_id, new.client_id, now).await?;
    }
    tx.announce(&PaymentRecorded { transaction_id, client_id: new.client_id }, now).await?;
    Ok(Recorded { transaction_id, allocated, to_credit: rest })
}

/// Marks an invoice paid: a payment of what is owed on it, without a reference.
pub async fn settle_balance(
    tx: &mut Locked<'_>,
    by: &Actor,
    invoice_id: i64,
    gateway: &str,
    on: Date,
    now: Timestamp,
) -> Result<Recorded> {
    let invoice = invoices::find(tx, invoice_id).await?;
    tx.check(invoice.client_id)?;
    if !invoice.is_open() || invoice.balance <= 0 {
        return Err(Error::refused(format!("Nothing is owed on invoice {}.", invoice.title())));
    }
    invoices::check_no_charge_under_way(tx, invoice_id).await?;
    let new = NewPayment {
        client_id: invoice.client_id,
        gateway: crate::gateways::require_known(tx, "gateway", gateway).await?.name,
        external_id: String::new(),
        duplicate: Duplicate::Refuse,
        amount: invoice.money(invoice.balance),
        fees: Money::zero(invoice.currency),
        occurred_on: on,
        description: format!("Invoice payment ({})", invoice.title()),
        invoices: vec![invoice_id],
    };
    record(tx, by, new, now).await
}

async fn check(tx: &mut Locked<'_>, new: &NewPayment) -> Result<Vec<Invoice>> {
    let client = clients::find(tx, new.client_id).await?;
    let mut errors = FieldErrors::default();
    if new.amount.currency != client.currency || new.fees.currency != client.currency {
        errors.add("amount", format!("Use the client's currency, {}.", client.currency));
    }
    if !new.amount.is_positive() {
        errors.add("amount", "Write an amount greater than nought.");
    }
    errors.take("amount", new.amount.within_reason());
    if new.fees.is_negative() || new.fees.minor > new.amount.minor {
        errors.add("fees", "The fee is between nought and the amount.");
    }
    if new.external_id.chars().count() > 255 || new.external_id.chars().any(char::is_control) {
        errors.add("transid", "Use at most 255 characters and no control characters.");
    }
    errors.take("description", single_line(&new.description, LONGEST_TEXT));
    errors.check()?;
    let mut invoices = Vec::with_capacity(new.invoices.len());
    for id in &new.invoices {
        let invoice = invoices::find(tx, *id).await?;
        if invoice.client_id != new.client_id {
            return Err(Error::refused("User ID does not own the given Invoice ID"));
        }
        match invoice.status {
            InvoiceStatus::Draft => {
                return Err(Error::refused("The invoice is a draft. Publish it before you record a payment."));
            }
            InvoiceStatus::Cancelled => {
                return Err(Error::refused("It is not possible to add a payment to an invoice that is Cancelled"));
            }
            _ => {}
        }
        if invoices.iter().any(|known: &Invoice| known.id == *id) {
            return Err(Error::invalid("invoices", "Name each invoice once."));
        }
        invoices.push(invoice);
    }
    Ok(invoices)
}

async fn allocate(
    tx: &mut Locked<'_>,
    transaction_id: i64,
    invoice_id: i64,
    part: Money,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO allocations (transaction_id, invoice_id, amount) VALUES ($1, $2, $3)",
        params![transaction_id, invoice_id, part.minor],
    )
    .await?;
    let changed = tx
        .execute(
            "UPDATE invoices SET balance = balance - $2, updated_at = $3 WHERE id = $1 AND balance >= $2",
            params![invoice_id, part.minor, now],
        )
        .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::broken(format!("invoice {invoice_id} has less to pay than was seen")))
    }
}

async fn overpaid(
    tx: &mut Locked<'_>,
    by: &Actor,
    new: &NewPayment,
    transaction_id: i64,
    rest: Money,
    now: Timestamp,
) -> Result<()> {
    let description = match new.invoices.first() {
        Some(invoice) => format!("Overpayment of invoice #{invoice}"),
        None => "Payment on account".to_owned(),
    };
    let movement = NewMovement {
        client_id: new.client_id,
        amount: rest,
        kind: CreditKind::Overpayment,
        description: &description,
        invoice_id: new.invoices.first().copied(),
        transaction_id: Some(transaction_id),
        by,
        on: new.occurred_on,
    };
    credits::write(tx, movement, now).await.map(|_| ())
}

/// The rate of exchange that a transaction is recorded with, in place of the currency's.
pub async fn set_rate(tx: &mut platform::Tx, id: i64, rate: &str) -> Result<()> {
    check_rate(rate)?;
    tx.execute("UPDATE transactions SET rate = $2 WHERE id = $1", params![id, rate]).await?;
    Ok(())
}

fn check_rate(rate: &str) -> Result<()> {
    if rate.parse::<rust_decimal::Decimal>().is_ok_and(|rate| rate > rust_decimal::Decimal::ZERO) {
        return Ok(());
    }
    Err(Error::invalid("rate", "Write how many units one unit of the base currency is worth, such as 0.92."))
}

/// Marks what a gateway told of by itself: it is not voided, and its reference and date stay.
pub(crate) async fn mark_reported(tx: &mut platform::Tx, id: i64) -> Result<()> {
    store::set_reported(tx, id).await
}

/// Income or expense that belongs to no client and no invoice: bank charges, interest.
#[derive(Debug, Clone)]
pub struct NewOther {
    pub gateway: String,
    pub external_id: String,
    pub duplicate: Duplicate,
    pub amount_in: Money,
    pub amount_out: Money,
    pub fees: Money,
    pub occurred_on: Date,
    pub description: String,
}

pub async fn record_other(tx: &mut platform::Tx, by: &Actor, new: NewOther, now: Timestamp) -> Result<i64> {
    if new.fees.is_negative() {
        return Err(Error::invalid("fees", "A fee is not negative. Record one that came back as money that came in."));
    }
    book_other(tx, by, new, now).await
}

/// As [`record_other`], of what a gateway told: it may have given a fee back, which is a negative one.
pub(crate) async fn book_other(tx: &mut platform::Tx, by: &Actor, mut new: NewOther, now: Timestamp) -> Result<i64> {
    let net = new.amount_in.checked_sub(new.amount_out)?.checked_sub(new.fees)?;
    if new.amount_in.is_negative() || new.amount_out.is_negative() {
        return Err(Error::invalid("amount", "Amounts are not negative; say in or out."));
    }
    if new.amount_in.is_zero() && new.amount_out.is_zero() {
        return Err(Error::invalid("amount", "Write an amount that came in or went out."));
    }
    for amount in [new.amount_in, new.amount_out, new.fees] {
        amount.within_reason()?;
    }
    let mut errors = FieldErrors::default();
    errors.take("transid", single_line(&new.external_id, 255));
    errors.take("description", single_line(&new.description, LONGEST_TEXT));
    errors.check()?;
    new.gateway = gateways::require_known(tx, "gateway", &new.gateway).await?.name;
    let rate = currencies::find(tx, new.amount_in.currency).await?.rate;
    let kind =
        if new.amount_in.minor >= new.amount_out.minor { TransactionKind::Income } else { TransactionKind::Expense };
    let external_id = match new.duplicate {
        Duplicate::Refuse if !new.external_id.is_empty() => Some(new.external_id.as_str()),
        _ => None,
    };
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO transactions (gateway, external_id, reference, kind, currency, amount_in, amount_out, fees, \
             rate, description, occurred_on, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (gateway, external_id) DO NOTHING RETURNING id",
            params![
                new.gateway,
                external_id,
                new.external_id,
                kind,
                new.amount_in.currency,
                new.amount_in.minor,
                new.amount_out.minor,
                new.fees.minor,
                rate,
                new.description,
                new.occurred_on,
                now
            ],
        )
        .await?;
    let Some((id,)) = inserted else { return Err(Error::conflict(DUPLICATE)) };
    let gross = new.amount_in.checked_sub(new.amount_out)?;
    let entry = Entry::new(format!("transaction:{id}"), "other", None, new.occurred_on)
        .post(Account::Clearing, &new.gateway, None, net)
        .post(Account::Fees, &new.gateway, None, new.fees)
        .credit(Account::Other, None, gross);
    ledger::book(tx, &[entry], now).await?;
    let activity = Activity::new(format!("Transaction of {gross} recorded: {}", new.description));
    activity_log::record(tx, by, activity.about(format!("transaction:{id}")), now).await?;
    Ok(id)
}
