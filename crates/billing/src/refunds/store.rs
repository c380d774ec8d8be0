//! SQL of refunds.

use kernel::{Date, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

use super::{Refund, RefundState};

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Refund>> {
    let sql = format!("SELECT {} FROM refunds WHERE id = $1", Refund::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn of_transaction(conn: &mut Conn, transaction_id: i64) -> Result<Vec<Refund>> {
    let sql = format!("SELECT {} FROM refunds WHERE transaction_id = $1 ORDER BY id", Refund::columns(""));
    conn.all(&sql, params![transaction_id]).await
}

/// What left, or is held to leave, of a payment.
pub(super) async fn given_back(conn: &mut Conn, transaction_id: i64) -> Result<i64> {
    conn.scalar(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM refunds \
         WHERE transaction_id = $1 AND state <> 'failed' AND method <> 'credit'",
        params![transaction_id],
    )
    .await
}

/// What of a payment is credit by now and was not paid out: what was too much, and what notes on its invoices returned.
pub(super) async fn made_credit(conn: &mut Conn, transaction_id: i64) -> Result<i64> {
    let overpaid: i64 = conn
        .scalar(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM credit_movements \
             WHERE transaction_id = $1 AND kind = 'overpayment'",
            params![transaction_id],
        )
        .await?;
    let returned: Vec<(i64, i64)> = conn
        .all(
            "SELECT a.paid, COALESCE(m.returned, 0) FROM \
             (SELECT invoice_id, CAST(SUM(amount) AS BIGINT) AS paid FROM allocations WHERE transaction_id = $1 \
              GROUP BY invoice_id) a \
             LEFT JOIN (SELECT invoice_id, CAST(SUM(amount) AS BIGINT) AS returned FROM credit_movements \
              WHERE kind = 'returned' AND invoice_id IN (SELECT invoice_id FROM allocations WHERE transaction_id = $1) \
              GROUP BY invoice_id) m ON m.invoice_id = a.invoice_id",
            params![transaction_id],
        )
        .await?;
    let returned: i64 = returned.into_iter().map(|(paid, returned)| paid.min(returned).max(0)).sum();
    let paid_out: i64 = conn
        .scalar(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM refunds \
             WHERE transaction_id = $1 AND state <> 'failed' AND method <> 'credit' \
             AND (invoice_id IS NULL OR note_id IS NOT NULL)",
            params![transaction_id],
        )
        .await?;
    Ok(overpaid.saturating_add(returned).saturating_sub(paid_out))
}

/// What of a payment settles which invoice now.
pub(super) async fn allocated(conn: &mut Conn, transaction_id: i64) -> Result<Vec<(i64, i64)>> {
    conn.all(
        "SELECT invoice_id, CAST(SUM(amount) AS BIGINT) FROM allocations WHERE transaction_id = $1 \
         GROUP BY invoice_id HAVING SUM(amount) > 0 ORDER BY invoice_id",
        params![transaction_id],
    )
    .await
}

pub(super) async fn insert(tx: &mut Tx, refund: &Refund) -> Result<i64> {
    tx.scalar(
        "INSERT INTO refunds (public_id, transaction_id, client_id, invoice_id, note_id, gateway, currency, amount, \
         method, state, reason, message, requested_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12, $13) RETURNING id",
        params![
            refund.public_id,
            refund.transaction_id,
            refund.client_id,
            refund.invoice_id,
            refund.note_id,
            refund.gateway,
            refund.currency,
            refund.amount,
            refund.method,
            refund.state,
            refund.reason,
            refund.requested_by,
            refund.created_at
        ],
    )
    .await
}

pub(super) async fn set(
    tx: &mut Tx,
    refund: &Refund,
    state: RefundState,
    external_id: Option<&str>,
    message: &str,
    now: Timestamp,
) -> Result<()> {
    let message: String = message.chars().take(1000).collect();
    let settled = matches!(state, RefundState::Succeeded | RefundState::Failed);
    tx.execute(
        "UPDATE refunds SET state = $2, external_id = COALESCE($3, external_id), message = $4, finished_at = $5 \
         WHERE id = $1",
        params![refund.id, state, external_id, message, settled.then_some(now)],
    )
    .await?;
    Ok(())
}

/// The refund that an event names by our id or by the provider's.
pub(super) async fn named(
    conn: &mut Conn,
    gateway: &str,
    public_id: Option<&str>,
    external_id: &str,
) -> Result<Option<Refund>> {
    let sql = format!(
        "SELECT {} FROM refunds WHERE gateway = $1 AND (public_id = $2 OR external_id = $3) ORDER BY id LIMIT 1",
        Refund::columns("")
    );
    conn.optional(&sql, params![gateway, public_id, external_id]).await
}

/// The open refunds of the payment with a provider's id.
pub(super) async fn open_of_payment(conn: &mut Conn, gateway: &str, payment: &str) -> Result<Vec<i64>> {
    conn.column(
        "SELECT r.id FROM refunds r JOIN transactions t ON t.id = r.transaction_id \
         WHERE t.gateway = $1 AND t.external_id = $2 AND r.state IN ('intent', 'unknown', 'pending') ORDER BY r.id",
        params![gateway, payment],
    )
    .await
}

pub(super) async fn is_known(conn: &mut Conn, gateway: &str, external_id: &str) -> Result<bool> {
    let count: i64 = conn
        .scalar(
            "SELECT (SELECT COUNT(*) FROM refunds WHERE gateway = $1 AND external_id = $2) \
             + (SELECT COUNT(*) FROM transactions WHERE gateway = $1 AND external_id = $2)",
            params![gateway, external_id],
        )
        .await?;
    Ok(count > 0)
}

/// A part of a payment no longer settles an invoice, which is owed again.
pub(super) async fn owe_again(
    tx: &mut Tx,
    transaction_id: i64,
    invoice_id: i64,
    amount: Money,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO allocations (transaction_id, invoice_id, amount) VALUES ($1, $2, $3)",
        params![transaction_id, invoice_id, amount.checked_neg()?.minor],
    )
    .await?;
    tx.execute(
        "UPDATE invoices SET balance = balance + $2, updated_at = $3 WHERE id = $1",
        params![invoice_id, amount.minor, now],
    )
    .await?;
    Ok(())
}

/// What the transaction of money that has left says beside its refund.
pub(super) struct PaidOut<'a> {
    pub external_id: Option<&'a str>,
    pub reference: &'a str,
    pub rate: &'a str,
    pub description: &'a str,
    pub today: Date,
}

pub(super) async fn insert_transaction(
    tx: &mut Tx,
    refund: &Refund,
    paid_out: &PaidOut<'_>,
    now: Timestamp,
) -> Result<i64> {
    tx.scalar(
        "INSERT INTO transactions (client_id, gateway, external_id, reference, kind, currency, amount_in, \
         amount_out, fees, rate, description, occurred_on, invoice_id, refund_of, created_at) \
         VALUES ($1, $2, $3, $4, 'refund', $5, 0, $6, 0, $7, $8, $9, $10, $11, $12) RETURNING id",
        params![
            refund.client_id,
            refund.gateway,
            paid_out.external_id,
            paid_out.reference,
            refund.currency,
            refund.amount,
            paid_out.rate,
            paid_out.description,
            paid_out.today,
            refund.invoice_id,
            refund.transaction_id,
            now
        ],
    )
    .await
}

pub(super) async fn set_transaction(tx: &mut Tx, id: i64, refund_transaction_id: i64) -> Result<()> {
    tx.execute("UPDATE refunds SET refund_transaction_id = $2 WHERE id = $1", params![id, refund_transaction_id])
        .await
        .map(|_| ())
}

pub(super) async fn set_invoice_refunded(tx: &mut Tx, invoice_id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE invoices SET status = 'refunded', refunded_at = $2, updated_at = $2 WHERE id = $1 AND status = 'paid'",
        params![invoice_id, now],
    )
    .await
    .map(|_| ())
}
