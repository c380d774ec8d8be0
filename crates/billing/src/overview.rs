//! The numbers of the dashboard. Counts are bounded, so that a million invoices do not make it slow.

use kernel::{Currency, Date, Result};
use platform::db::Conn;
use platform::params;
use platform::web::lists::COUNT_LIMIT;

use crate::invoices::InvoiceStatus;

/// How many invoices are in each state, counted up to one more than [`COUNT_LIMIT`].
pub async fn invoices_by_status(conn: &mut Conn) -> Result<Vec<(InvoiceStatus, i64)>> {
    let parts: Vec<String> = InvoiceStatus::ALL
        .iter()
        .map(|status| {
            format!(
                "SELECT '{status}', COUNT(*) FROM (SELECT 1 FROM invoices WHERE status = '{status}' LIMIT {}) AS counted",
                COUNT_LIMIT + 1
            )
        })
        .collect();
    conn.all(&parts.join(" UNION ALL "), params![]).await
}

/// What there is to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    pub overdue: i64,
    pub parked: i64,
    /// Charges whose outcome is not known.
    pub unknown: i64,
    /// Charges that wait for the client.
    pub waiting: i64,
    /// Gateways' events that nobody could place.
    pub events: i64,
    /// Restores after which payments are on hold.
    pub holds: i64,
    /// Payments that clients' banks take back, and that are not decided.
    pub disputes: i64,
}

pub async fn work(conn: &mut Conn, today: Date) -> Result<Work> {
    let (overdue, parked, unknown, waiting, events, holds, disputes) = conn
        .one(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM invoices WHERE status = 'unpaid' AND due_on < $1 LIMIT 10001) AS a), \
                    (SELECT COUNT(*) FROM parked_clients), \
                    (SELECT COUNT(*) FROM payment_attempts WHERE state IN ('intent', 'unknown')), \
                    (SELECT COUNT(*) FROM payment_attempts WHERE state = 'action_required'), \
                    (SELECT COUNT(*) FROM webhook_events WHERE state = 'parked'), \
                    (SELECT COUNT(*) FROM restores WHERE released_at IS NULL), \
                    (SELECT COUNT(*) FROM disputes WHERE state = 'open')",
            params![today],
        )
        .await?;
    Ok(Work { overdue, parked, unknown, waiting, events, holds, disputes })
}

/// Money received less money given back, by month (`2026-03`) and currency, from a day on.
pub async fn income(conn: &mut Conn, from: Date) -> Result<Vec<(String, Currency, i64)>> {
    conn.all(
        "SELECT substr(occurred_on, 1, 7) AS month, currency, CAST(SUM(amount_in - amount_out) AS BIGINT) \
         FROM transactions WHERE occurred_on >= $1 AND voided_at IS NULL GROUP BY substr(occurred_on, 1, 7), currency ORDER BY month, currency",
        params![from],
    )
    .await
}
