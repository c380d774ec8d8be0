//! SQL of billed periods.

use kernel::{Date, Period, Result};
use platform::db::{Conn, Tx};
use platform::params;

use super::periods::Billed;

/// The periods of a charge that stand on invoices, in order.
pub(super) async fn billed(conn: &mut Conn, charge_id: i64) -> Result<Vec<Billed>> {
    let rows: Vec<(Date, Date, i64, Option<String>, bool, bool)> = conn
        .all(
            "SELECT p.period_from, p.period_until, p.invoice_id, i.number, p.settled, \
                    COALESCE(i.status = 'cancelled' OR (l.net + l.tax1 + l.tax2 <> 0 AND l.net + l.tax1 + l.tax2 = \
                     (SELECT CAST(COALESCE(SUM(b.net + b.tax1 + b.tax2), 0) AS BIGINT) FROM credit_notes n \
                      JOIN credit_note_lines b ON b.note_id = n.id \
                      WHERE n.invoice_id = p.invoice_id AND b.invoice_line_id = l.id)), FALSE) AS taken_back \
             FROM billed_periods p JOIN invoices i ON i.id = p.invoice_id \
             LEFT JOIN invoice_lines l ON l.invoice_id = p.invoice_id AND l.charge_id = p.charge_id \
                  AND l.period_from = p.period_from \
             WHERE p.charge_id = $1 ORDER BY p.period_from",
            params![charge_id],
        )
        .await?;
    let billed = |(from, until, invoice_id, number, settled, taken_back): (Date, Date, i64, Option<String>, _, _)| {
        let invoice = number.unwrap_or_else(|| invoice_id.to_string());
        Billed { period: Period { from, until }, invoice_id, invoice, settled, taken_back }
    };
    Ok(rows.into_iter().map(billed).collect())
}

/// Forgets periods that were taken back, so that they can be billed anew. What was billed stays to be read on the
/// invoice and its credit note.
pub(super) async fn forget(tx: &mut Tx, charge_id: i64, periods: &[Billed]) -> Result<()> {
    let starts: Vec<String> = periods.iter().map(|billed| billed.period.from.to_string()).collect();
    tx.execute("DELETE FROM billed_periods WHERE charge_id = $1 AND period_from IN $2[]", params![charge_id, starts])
        .await?;
    Ok(())
}

/// Until when each of these charges is billed, where anything of it is.
pub(super) async fn billed_until(conn: &mut Conn, charges: &[i64]) -> Result<Vec<(i64, Option<Date>)>> {
    // The last period alone is read, by the primary key: history does not make this slower.
    conn.all(
        "SELECT c.id, (SELECT p.period_until FROM billed_periods p WHERE p.charge_id = c.id \
                       ORDER BY p.period_from DESC LIMIT 1) \
         FROM recurring_charges c WHERE c.id IN $1[]",
        params![charges],
    )
    .await
}

/// Whether the period that begins on a day is settled.
pub(super) async fn is_settled(conn: &mut Conn, charge_id: i64, from: Date) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM billed_periods WHERE charge_id = $1 AND period_from = $2 AND settled)",
        params![charge_id, from],
    )
    .await
}

/// Whether a period that begins on a day or later is settled.
pub(super) async fn is_settled_after(conn: &mut Conn, charge_id: i64, from: Date) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM billed_periods WHERE charge_id = $1 AND period_from >= $2 AND settled)",
        params![charge_id, from],
    )
    .await
}
