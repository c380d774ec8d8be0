//! Recurring charges: the one list of everything that falls due again and again. Whoever sells something writes a row
//! here and keeps it true; billing finds all that is due with one indexed query and knows nothing of services.
//!
//! What must hold:
//! - `next_invoice_on` is the start of the first period without an invoice, `next_due_on` of the first unpaid one.
//! - Paying moves `next_due_on` to the end of the paid period, never to a date that depends on when it was paid.

pub mod first;

use kernel::{Currency, Cycle, Date, Error, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

pub use first::First;

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct RecurringCharge {
        pub id: i64,
        pub client_id: i64,
        pub owner_kind: String,
        pub owner_id: i64,
        pub description: String,
        pub currency: Currency,
        pub amount: i64,
        pub cycle: Cycle,
        pub anchor_day: u8,
        pub gateway: String,
        pub taxed: bool,
        pub billable: bool,
        pub next_due_on: Date,
        pub next_invoice_on: Date,
        pub remaining: Option<i64>,
    }
}

/// What an owner says of its charge.
#[derive(Debug, Clone)]
pub struct Charge {
    pub client_id: i64,
    /// `service`, `addon`, `domain`.
    pub owner_kind: &'static str,
    pub owner_id: i64,
    /// The text of the invoice line, without the period.
    pub description: String,
    pub amount: Money,
    pub cycle: Cycle,
    /// The day of the month on which periods begin; kept when a month is too short for it.
    pub anchor_day: u8,
    pub gateway: String,
    pub taxed: bool,
    /// Whether it may be invoiced now: its owner is active or suspended.
    pub billable: bool,
    pub next_due_on: Date,
    /// Periods left; `None` for ever.
    pub remaining: Option<i64>,
}

/// Adds the charge of an owner, or makes it say what the owner says now. When the due date is moved, the next invoice
/// moves with it; periods that were invoiced stay invoiced.
pub async fn put(tx: &mut Tx, charge: &Charge, now: Timestamp) -> Result<i64> {
    tx.scalar(
        "INSERT INTO recurring_charges (client_id, owner_kind, owner_id, description, currency, amount, cycle, \
         anchor_day, gateway, taxed, billable, next_due_on, next_invoice_on, remaining, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14) \
         ON CONFLICT (owner_kind, owner_id) DO UPDATE SET description = excluded.description, \
         amount = excluded.amount, cycle = excluded.cycle, anchor_day = excluded.anchor_day, \
         gateway = excluded.gateway, taxed = excluded.taxed, billable = excluded.billable, \
         next_invoice_on = CASE WHEN recurring_charges.next_due_on = excluded.next_due_on \
             THEN recurring_charges.next_invoice_on ELSE excluded.next_due_on END, \
         next_due_on = excluded.next_due_on, remaining = excluded.remaining RETURNING id",
        params![
            charge.client_id,
            charge.owner_kind,
            charge.owner_id,
            charge.description,
            charge.amount.currency,
            charge.amount.minor,
            charge.cycle,
            charge.anchor_day,
            charge.gateway,
            charge.taxed,
            charge.billable,
            charge.next_due_on,
            charge.remaining,
            now
        ],
    )
    .await
}

/// Stops or restarts invoicing of an owner's charge.
pub async fn set_billable(tx: &mut Tx, owner_kind: &str, owner_id: i64, billable: bool) -> Result<()> {
    tx.execute(
        "UPDATE recurring_charges SET billable = $3 WHERE owner_kind = $1 AND owner_id = $2",
        params![owner_kind, owner_id, billable],
    )
    .await?;
    Ok(())
}

pub async fn of_owner(conn: &mut Conn, owner_kind: &str, owner_id: i64) -> Result<Option<RecurringCharge>> {
    let sql = format!(
        "SELECT {} FROM recurring_charges WHERE owner_kind = $1 AND owner_id = $2",
        RecurringCharge::columns("")
    );
    conn.optional(&sql, params![owner_kind, owner_id]).await
}

/// Published when the payment of an invoice moves a charge's next due date on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDateMoved {
    pub owner_kind: String,
    pub owner_id: i64,
    pub next_due_on: Date,
    pub direction: Direction,
    pub now: Timestamp,
}

/// Which way a due date moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    On,
    /// A payment was taken back.
    Back,
}

/// Marks the periods on a paid invoice as settled and moves their charges' due dates to the ends of the periods. Doing
/// it again moves nothing: a period is settled once.
pub async fn settle(tx: &mut Tx, invoice_id: i64, now: Timestamp) -> Result<()> {
    let settled: Vec<(i64, Date)> = tx
        .all(
            "UPDATE billed_periods SET settled = TRUE WHERE invoice_id = $1 AND NOT settled \
             RETURNING charge_id, period_until",
            params![invoice_id],
        )
        .await?;
    move_on(tx, settled, now).await
}

/// As [`settle`], for some of the charges on an invoice.
pub async fn settle_charges(tx: &mut Tx, invoice_id: i64, charges: &[i64], now: Timestamp) -> Result<()> {
    let settled: Vec<(i64, Date)> = tx
        .all(
            "UPDATE billed_periods SET settled = TRUE WHERE invoice_id = $1 AND charge_id IN $2[] AND NOT settled \
             RETURNING charge_id, period_until",
            params![invoice_id, charges],
        )
        .await?;
    move_on(tx, settled, now).await
}

record! {
    struct Settled {
        charge_id: i64,
        period_from: Date,
        period_until: Date,
        owner_kind: String,
        owner_id: i64,
        description: String,
        next_due_on: Date,
        later_paid: bool,
    }
}

/// Marks the periods on an invoice as not settled any more, because its payment was taken back, and moves the due dates
/// back to their starts. Those of the charges in `kept` stay: notes took them back. A later period that is paid refuses.
pub async fn unsettle(tx: &mut Tx, invoice_id: i64, kept: &[i64], now: Timestamp) -> Result<()> {
    let settled: Vec<Settled> = tx
        .all(
            "SELECT b.charge_id, b.period_from, b.period_until, c.owner_kind, c.owner_id, c.description, c.next_due_on, \
             EXISTS (SELECT 1 FROM billed_periods l WHERE l.charge_id = b.charge_id AND l.settled \
                     AND l.period_from >= b.period_until) \
             FROM billed_periods b JOIN recurring_charges c ON c.id = b.charge_id \
             WHERE b.invoice_id = $1 AND b.settled ORDER BY b.charge_id",
            params![invoice_id],
        )
        .await?;
    for period in settled.iter().filter(|period| !kept.contains(&period.charge_id)) {
        if period.later_paid {
            return Err(Error::refused(format!(
                "A later period of “{}” is paid. Take that payment back first.",
                period.description
            )));
        }
        tx.execute(
            "UPDATE billed_periods SET settled = FALSE WHERE charge_id = $1 AND period_from = $2",
            params![period.charge_id, period.period_from],
        )
        .await?;
        // A date that somebody has moved since stays where it was put.
        if period.next_due_on == period.period_until {
            tx.execute(
                "UPDATE recurring_charges SET next_due_on = $2 WHERE id = $1",
                params![period.charge_id, period.period_from],
            )
            .await?;
            let (owner_kind, owner_id) = (period.owner_kind.clone(), period.owner_id);
            let next_due_on = period.period_from;
            tx.publish(&DueDateMoved { owner_kind, owner_id, next_due_on, direction: Direction::Back, now }).await?;
        }
    }
    Ok(())
}

async fn move_on(tx: &mut Tx, settled: Vec<(i64, Date)>, now: Timestamp) -> Result<()> {
    for (charge_id, until) in settled {
        let moved: Option<(String, i64)> = tx
            .optional(
                "UPDATE recurring_charges SET next_due_on = $2, \
                 next_invoice_on = CASE WHEN next_invoice_on < $2 THEN $2 ELSE next_invoice_on END \
                 WHERE id = $1 AND next_due_on < $2 RETURNING owner_kind, owner_id",
                params![charge_id, until],
            )
            .await?;
        if let Some((owner_kind, owner_id)) = moved {
            tx.publish(&DueDateMoved { owner_kind, owner_id, next_due_on: until, direction: Direction::On, now })
                .await?;
        }
    }
    Ok(())
}
