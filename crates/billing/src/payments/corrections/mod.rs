//! Corrections of what staff recorded wrongly: words and dates are changed, a transaction that should not be there is
//! voided.
//!
//! What must hold:
//! - Nothing is deleted. What an entry of the ledger said is taken back by another entry.
//! - Only what staff recorded can be voided. What a gateway reported did happen: it is refunded.
//! - An invoice that a voided payment had paid is unpaid again, and so are the periods on it.

pub mod admin;
pub mod api;
pub mod compat;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients::{self, Locked};
use accounts::doors::Permission;
use kernel::{Date, Error, FieldErrors, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

use super::{DUPLICATE, Transaction, TransactionKind, by_external_id, find};
use crate::credits::{self, CreditKind, NewMovement};
use crate::invoices::{self, InvoiceStatus};
use crate::ledger;
use crate::refunds;

pub const EDIT: Permission = Permission("Edit Transaction");
pub const DELETE: Permission = Permission("Delete Transaction");

/// What may change of a recorded transaction; `None` stays as it is. Amounts never change: void it, and record it anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionEdit {
    pub reference: Option<String>,
    pub occurred_on: Option<Date>,
    pub description: Option<String>,
    /// Units of the currency for one unit of the base currency.
    pub rate: Option<String>,
}

/// Published when a recorded payment was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentVoided {
    pub transaction_id: i64,
    pub client_id: i64,
}

const VOIDED: &str = "The transaction is voided. Nothing of it changes any more.";

/// Whether a gateway reported it or a refund made it: then its reference and date are not ours to choose.
pub async fn is_reported(conn: &mut Conn, id: i64) -> Result<bool> {
    super::store::credit_and_reporter(conn, id).await.map(|(_, reported)| reported)
}

/// Changes what was written of a transaction.
pub async fn edit(tx: &mut Tx, by: &Actor, id: i64, edit: TransactionEdit, now: Timestamp) -> Result<Transaction> {
    lock(tx, id).await?;
    let before = find(tx, id).await?;
    if before.voided_at.is_some() {
        return Err(Error::refused(VOIDED));
    }
    let after = edited(tx, &before, edit).await?;
    let changed = changes([
        ("reference", before.reference.clone(), after.reference.clone()),
        ("date", before.occurred_on.to_string(), after.occurred_on.to_string()),
        ("description", before.description.clone(), after.description.clone()),
        ("rate", before.rate.clone(), after.rate.clone()),
    ]);
    if changed.is_empty() {
        return Ok(before);
    }
    tx.execute(
        "UPDATE transactions SET reference = $2, external_id = $3, occurred_on = $4, description = $5, rate = $6 \
         WHERE id = $1",
        params![id, after.reference, after.external_id, after.occurred_on, after.description, after.rate],
    )
    .await?;
    if after.occurred_on != before.occurred_on {
        ledger::redate(tx, &source(&before), after.occurred_on, now).await?;
        redate_credit(tx, &before, after.occurred_on).await?;
    }
    log(tx, by, &after, Activity::new(format!("Transaction {id} changed")).changed(changed), now).await?;
    find(tx, id).await
}

/// What of a payment became credit did so with it, on its day. What refunds moved of that later stays where it is.
async fn redate_credit(tx: &mut Tx, payment: &Transaction, on: Date) -> Result<()> {
    tx.execute(
        "UPDATE credit_movements SET booked_on = $2 \
         WHERE transaction_id = $1 AND kind = 'overpayment' AND amount > 0 AND created_at = $3",
        params![payment.id, on, payment.created_at],
    )
    .await?;
    Ok(())
}

async fn edited(tx: &mut Tx, before: &Transaction, edit: TransactionEdit) -> Result<Transaction> {
    let mut errors = FieldErrors::default();
    let mut after = before.clone();
    if let Some(text) = &edit.description {
        after.description = errors.take("description", kernel::single_line(text, 500)).unwrap_or_default();
    }
    if let Some(date) = edit.occurred_on {
        after.occurred_on = date;
    }
    if let Some(rate) = edit.rate {
        errors.take("rate", super::check_rate(&rate));
        after.rate = rate;
    }
    let reference = edit.reference.and_then(|text| errors.take("reference", kernel::single_line(&text, 255)));
    if let Some(reference) = reference.filter(|reference| *reference != before.reference) {
        after.external_id = Some(reference.clone()).filter(|reference| !reference.is_empty());
        after.reference = reference;
    }
    errors.check()?;
    let fixed = after.reference != before.reference || after.occurred_on != before.occurred_on;
    if fixed && is_reported(tx, before.id).await? {
        return Err(Error::refused(
            "The gateway reported this transaction. Its reference and date are the gateway's; only the description can \
             be changed.",
        ));
    }
    if let (Some(wanted), true) = (&after.external_id, after.external_id != before.external_id)
        && by_external_id(tx, &before.gateway, wanted).await?.is_some()
    {
        return Err(Error::conflict(DUPLICATE));
    }
    Ok(after)
}

/// Takes a transaction back that staff recorded by mistake. Doing it again changes nothing.
pub async fn void(tx: &mut Tx, by: &Actor, id: i64, reason: &str, now: Timestamp) -> Result<Transaction> {
    let reason = kernel::single_line(reason, 500).map_err(|text| Error::invalid("reason", text))?;
    lock(tx, id).await?;
    let transaction = find(tx, id).await?;
    if transaction.voided_at.is_some() {
        return Ok(transaction);
    }
    if transaction.kind == TransactionKind::Refund {
        return Err(Error::refused("A refund cannot be voided. If the money stayed, record it as a new payment."));
    }
    if is_reported(tx, id).await? {
        return Err(Error::refused("The gateway reported this payment, so the money did come. Refund it instead."));
    }
    let today = accounts::company::zone(tx).await.map(|zone| now.date_in(&zone))?;
    if let Some(client_id) = transaction.client_id {
        let mut locked = clients::lock(tx, client_id).await?;
        take_back(&mut locked, by, &transaction, client_id, today, now).await?;
    } else {
        ledger::reverse(tx, &source(&transaction), &format!("void:{id}"), "void", today, now).await?;
    }
    mark(tx, id, &reason, now).await?;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    log(tx, by, &transaction, Activity::new(format!("Transaction {id} voided{why}")), now).await?;
    if let Some(client_id) = transaction.client_id {
        tx.publish(&PaymentVoided { transaction_id: id, client_id }).await?;
    }
    find(tx, id).await
}

/// The reference is free again, for the transaction that should have been recorded.
async fn mark(tx: &mut Tx, id: i64, reason: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE transactions SET voided_at = $2, void_reason = $3, external_id = NULL WHERE id = $1",
        params![id, now, reason],
    )
    .await?;
    Ok(())
}

/// Undoes what a payment did: invoices owe again, credit that it made is gone.
async fn take_back(
    tx: &mut Locked<'_>,
    by: &Actor,
    payment: &Transaction,
    client_id: i64,
    today: Date,
    now: Timestamp,
) -> Result<()> {
    let given_back = refunds::of_transaction(tx, payment.id).await?;
    if given_back.iter().any(|refund| refund.state != refunds::RefundState::Failed) {
        return Err(Error::refused("Some of this payment has been refunded, so it cannot be voided."));
    }
    let settled: Vec<(i64, i64)> = tx
        .all(
            "SELECT invoice_id, CAST(SUM(amount) AS BIGINT) FROM allocations WHERE transaction_id = $1 \
             GROUP BY invoice_id HAVING SUM(amount) > 0 ORDER BY invoice_id",
            params![payment.id],
        )
        .await?;
    for (invoice_id, _) in &settled {
        check_reopens(tx, *invoice_id).await?;
    }
    take_credit_back(tx, by, payment, client_id, today, now).await?;
    for (invoice_id, amount) in &settled {
        tx.execute(
            "INSERT INTO allocations (transaction_id, invoice_id, amount) VALUES ($1, $2, $3)",
            params![payment.id, invoice_id, -amount],
        )
        .await?;
        tx.execute(
            "UPDATE invoices SET balance = balance + $2, updated_at = $3 WHERE id = $1",
            params![invoice_id, amount, now],
        )
        .await?;
    }
    ledger::reverse(tx, &source(payment), &format!("void:{}", payment.id), "void", today, now).await?;
    let settled: Vec<i64> = settled.into_iter().map(|(invoice_id, _)| invoice_id).collect();
    invoices::reopen(tx, &settled, now).await
}

async fn check_reopens(tx: &mut Locked<'_>, invoice_id: i64) -> Result<()> {
    let invoice = invoices::find(tx, invoice_id).await?;
    if matches!(invoice.status, InvoiceStatus::Cancelled | InvoiceStatus::Refunded) {
        return Err(Error::refused(format!(
            "The payment settled invoice {}, which is {} by now: its money is the client's credit.",
            invoice.title(),
            invoice.status
        )));
    }
    invoices::check_no_charge_under_way(tx, invoice_id).await
}

/// What of the payment was too much and became credit must still be there.
async fn take_credit_back(
    tx: &mut Locked<'_>,
    by: &Actor,
    payment: &Transaction,
    client_id: i64,
    today: Date,
    now: Timestamp,
) -> Result<()> {
    let overpaid = Money::new(super::store::to_credit(tx, payment.id).await?, payment.currency);
    if !overpaid.is_positive() {
        return Ok(());
    }
    let left = credits::balance(tx, client_id, payment.currency).await?;
    if left.minor < overpaid.minor {
        return Err(Error::refused(format!(
            "{overpaid} of the payment became credit of the client, of whose credit only {left} is left. Take the credit \
             off the invoices that it pays first."
        )));
    }
    let movement = NewMovement {
        client_id,
        amount: overpaid.checked_neg()?,
        kind: CreditKind::Overpayment,
        description: &format!("Payment {} voided", payment.id),
        invoice_id: None,
        transaction_id: Some(payment.id),
        by,
        on: today,
    };
    credits::write(tx, movement, now).await.map(|_| ())
}

/// Where the ledger has it.
fn source(transaction: &Transaction) -> String {
    match transaction.kind {
        TransactionKind::Payment => format!("payment:{}", transaction.id),
        TransactionKind::Refund => format!("refund:{}", transaction.id),
        TransactionKind::Income | TransactionKind::Expense => format!("transaction:{}", transaction.id),
    }
}

/// Money moves under the lock of its client.
async fn lock(tx: &mut Tx, id: i64) -> Result<()> {
    if let Some(client_id) = find(tx, id).await?.client_id {
        clients::lock(tx, client_id).await?;
    }
    Ok(())
}

async fn log(tx: &mut Tx, by: &Actor, of: &Transaction, activity: Activity, now: Timestamp) -> Result<()> {
    let activity = match of.client_id {
        Some(client_id) => activity.client(client_id),
        None => activity,
    };
    activity_log::record(tx, by, activity.about(format!("transaction:{}", of.id)), now).await
}
