//! Credit: money of the client that we hold. It comes from overpayments, from staff, from cancelled invoices that were
//! partly paid, and pays invoices.
//!
//! What must hold: the balance equals the sum of the movements, and of the ledger's credit account; staff cannot take
//! out more than there is.

pub mod admin;
pub mod api;
pub mod compat;
pub mod panel;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::{Conn, Value};
use platform::web::lists::{Page, Query, Request, Sort, Where};
use platform::{params, record};

use crate::invoices::{self, InvoiceStatus};
use crate::ledger::{self, Account, Entry};

pub const VIEW: Permission = Permission("View Credit Log");
pub const MANAGE: Permission = Permission("Manage Credits");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

kernel::text_enum! {
    pub enum CreditKind {
        Granted = "granted",
        Removed = "removed",
        Overpayment = "overpayment",
        Applied = "applied",
        Returned = "returned",
        /// Paid out, or brought back because that failed.
        Refunded = "refunded",
    }
}
platform::enum_column!(CreditKind);

record! {
    #[derive(Debug, Clone)]
    pub struct Movement {
        pub id: i64,
        pub client_id: i64,
        pub currency: Currency,
        pub amount: i64,
        pub kind: CreditKind,
        pub description: String,
        pub invoice_id: Option<i64>,
        pub transaction_id: Option<i64>,
        pub actor: String,
        pub booked_on: Date,
        pub created_at: Timestamp,
    }
}

/// A change of a client's credit, before it is booked.
pub(crate) struct NewMovement<'a> {
    pub client_id: i64,
    pub amount: Money,
    pub kind: CreditKind,
    pub description: &'a str,
    pub invoice_id: Option<i64>,
    pub transaction_id: Option<i64>,
    pub by: &'a Actor,
    pub on: Date,
}

pub async fn balance(conn: &mut Conn, client_id: i64, currency: Currency) -> Result<Money> {
    let found: Option<(i64,)> =
        conn.optional("SELECT balance FROM credit_balances WHERE client_id = $1", params![client_id]).await?;
    Ok(Money::new(found.map_or(0, |(balance,)| balance), currency))
}

/// The movements of a client, newest first.
pub async fn movements(conn: &mut Conn, client_id: i64, limit: i64) -> Result<Vec<Movement>> {
    let sql = format!(
        "SELECT {} FROM credit_movements WHERE client_id = $1 ORDER BY id DESC LIMIT $2",
        Movement::columns("")
    );
    conn.all(&sql, params![client_id, limit]).await
}

/// The orders of the list of movements.
pub const SORTS: &[Sort] = &[Sort::by("id", &[]).with(&["m.client_id"])];

/// A page of the movements of a client.
pub async fn page(conn: &mut Conn, client_id: i64, request: &Request) -> Result<Page<Movement>> {
    let mut filter = Where::default();
    filter.equal("m.client_id", Value::Int(client_id));
    let query = Query { table: "credit_movements m", id: "m.id", joins: "", filter };
    query.page(conn, request, &Movement::columns("m")).await
}

/// Writes a movement and the balance. The ledger entry is the caller's, because only it knows the other side.
pub(crate) async fn write(tx: &mut Locked<'_>, new: NewMovement<'_>, now: Timestamp) -> Result<i64> {
    tx.check(new.client_id)?;
    let id: i64 = tx
        .scalar(
            "INSERT INTO credit_movements (client_id, currency, amount, kind, description, invoice_id, \
             transaction_id, actor, booked_on, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             RETURNING id",
            params![
                new.client_id,
                new.amount.currency,
                new.amount.minor,
                new.kind,
                new.description,
                new.invoice_id,
                new.transaction_id,
                new.by.name,
                new.on,
                now
            ],
        )
        .await?;
    tx.execute(
        "INSERT INTO credit_balances (client_id, currency, balance) VALUES ($1, $2, $3) \
         ON CONFLICT (client_id) DO UPDATE SET balance = credit_balances.balance + excluded.balance",
        params![new.client_id, new.amount.currency, new.amount.minor],
    )
    .await?;
    Ok(id)
}

/// Staff give credit (a positive amount) or take it back (a negative one), without money.
pub async fn adjust(
    tx: &mut Locked<'_>,
    by: &Actor,
    client_id: i64,
    amount: Money,
    description: &str,
    on: Date,
    now: Timestamp,
) -> Result<Money> {
    by.require(MANAGE)?;
    let client = clients::find(tx, client_id).await?;
    if amount.currency != client.currency {
        return Err(Error::invalid("amount", format!("Use the client's currency, {}.", client.currency)));
    }
    if amount.is_zero() {
        return Err(Error::invalid("amount", "No Amount Provided"));
    }
    amount.within_reason()?;
    let description = kernel::single_line(description, 500).map_err(|text| Error::invalid("description", text))?;
    let before = balance(tx, client_id, client.currency).await?;
    let after = before.checked_add(amount)?;
    if amount.is_negative() && after.is_negative() {
        return Err(Error::refused(format!("The client has {before} of credit; no more can be taken out.")));
    }
    let kind = if amount.is_negative() { CreditKind::Removed } else { CreditKind::Granted };
    let movement = NewMovement {
        client_id,
        amount,
        kind,
        description: &description,
        invoice_id: None,
        transaction_id: None,
        by,
        on,
    };
    let id = write(tx, movement, now).await?;
    let entry = Entry::new(format!("credit:{id}"), "credit", Some(client_id), on)
        .debit(Account::Goodwill, None, amount)
        .credit(Account::Credit, None, amount);
    ledger::book(tx, &[entry], now).await?;
    let text = format!("Credit of {amount}: {description}");
    activity_log::record(tx, by, Activity::new(text).client(client_id).about(format!("client:{client_id}")), now)
        .await?;
    Ok(after)
}

/// Pays an unpaid invoice, or a part of it, with credit.
pub async fn apply(
    tx: &mut Locked<'_>,
    by: &Actor,
    invoice_id: i64,
    amount: Money,
    on: Date,
    now: Timestamp,
) -> Result<()> {
    by.require(MANAGE)?;
    let invoice = invoices::find(tx, invoice_id).await?;
    tx.check(invoice.client_id)?;
    if invoice.status != InvoiceStatus::Unpaid {
        return Err(Error::refused("Invoice Not in Unpaid Status"));
    }
    invoices::check_no_charge_under_way(tx, invoice_id).await?;
    if amount.currency != invoice.currency {
        return Err(Error::invalid("amount", format!("Use the invoice's currency, {}.", invoice.currency)));
    }
    if !amount.is_positive() {
        return Err(Error::invalid("amount", "Credit Amount to apply must be greater than zero"));
    }
    if amount.minor > balance(tx, invoice.client_id, invoice.currency).await?.minor {
        return Err(Error::invalid("amount", "Amount exceeds customer credit balance"));
    }
    if amount.minor > invoice.balance {
        return Err(Error::invalid("amount", "Amount Exceeds Invoice Balance"));
    }
    let negated = amount.checked_neg()?;
    let description = format!("Credit applied to invoice {}", invoice.title());
    let movement = NewMovement {
        client_id: invoice.client_id,
        amount: negated,
        kind: CreditKind::Applied,
        description: &description,
        invoice_id: Some(invoice_id),
        transaction_id: None,
        by,
        on,
    };
    let id = write(tx, movement, now).await?;
    let entry = Entry::new(format!("credit:{id}"), "credit_applied", Some(invoice.client_id), on)
        .debit(Account::Credit, None, amount)
        .credit(Account::Receivable, Some(invoice_id), amount);
    ledger::book(tx, &[entry], now).await?;
    tx.execute(
        "UPDATE invoices SET balance = balance - $2, credit_applied = credit_applied + $2, updated_at = $3 WHERE id = $1",
        params![invoice_id, amount.minor, now],
    )
    .await?;
    let activity = Activity::new(format!("{description}: {amount}"))
        .client(invoice.client_id)
        .about(format!("invoice:{invoice_id}"));
    activity_log::record(tx, by, activity, now).await?;
    invoices::mark_paid(tx, invoice_id, invoice.client_id, now).await
}

/// Takes credit off an unpaid invoice again; it is the client's to use elsewhere. What a paid invoice was paid with stays:
/// its services have been delivered for it.
pub async fn withdraw(
    tx: &mut Locked<'_>,
    by: &Actor,
    invoice_id: i64,
    amount: Money,
    on: Date,
    now: Timestamp,
) -> Result<()> {
    by.require(MANAGE)?;
    let invoice = invoices::find(tx, invoice_id).await?;
    tx.check(invoice.client_id)?;
    if invoice.status != InvoiceStatus::Unpaid {
        return Err(Error::refused("Credit can be taken off an invoice only while it is unpaid."));
    }
    if amount.currency != invoice.currency {
        return Err(Error::invalid("amount", format!("Use the invoice's currency, {}.", invoice.currency)));
    }
    if !amount.is_positive() {
        return Err(Error::invalid("amount", "Write an amount greater than nought."));
    }
    if amount.minor > invoice.credit_applied {
        let applied = invoice.money(invoice.credit_applied);
        return Err(Error::invalid("amount", format!("Only {applied} of credit is applied to this invoice.")));
    }
    let description = format!("Credit taken off invoice {}", invoice.title());
    let movement = NewMovement {
        client_id: invoice.client_id,
        amount,
        // The opposite of applying: the invoice's applied credit is the sum of these movements.
        kind: CreditKind::Applied,
        description: &description,
        invoice_id: Some(invoice_id),
        transaction_id: None,
        by,
        on,
    };
    let id = write(tx, movement, now).await?;
    let entry = Entry::new(format!("credit:{id}"), "credit_applied", Some(invoice.client_id), on)
        .debit(Account::Receivable, Some(invoice_id), amount)
        .credit(Account::Credit, None, amount);
    ledger::book(tx, &[entry], now).await?;
    tx.execute(
        "UPDATE invoices SET balance = balance + $2, credit_applied = credit_applied - $2, updated_at = $3 WHERE id = $1",
        params![invoice_id, amount.minor, now],
    )
    .await?;
    let activity = Activity::new(format!("{description}: {amount}"))
        .client(invoice.client_id)
        .about(format!("invoice:{invoice_id}"));
    activity_log::record(tx, by, activity, now).await
}

/// Pays as much of an invoice as the client's credit allows; how much that was. A rule of the house, not a choice of
/// whoever runs the batch.
pub async fn apply_available(
    tx: &mut Locked<'_>,
    by: &Actor,
    invoice_id: i64,
    on: Date,
    now: Timestamp,
) -> Result<Money> {
    let invoice = invoices::find(tx, invoice_id).await?;
    let available = balance(tx, invoice.client_id, invoice.currency).await?;
    let amount = invoice.money(invoice.balance.min(available.minor));
    if invoice.status != InvoiceStatus::Unpaid || !amount.is_positive() {
        return Ok(Money::zero(invoice.currency));
    }
    apply(tx, &by.in_consequence(), invoice_id, amount, on, now).await?;
    Ok(amount)
}
