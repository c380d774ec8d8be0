//! Recurring charges: the one list of everything that falls due again and again. Whoever sells something writes a row
//! here and keeps it true; billing finds all that is due with one indexed query and knows nothing of services.
//!
//! What must hold:
//! - `next_invoice_on` is the start of the first period without an invoice, `next_due_on` of the first unpaid one.
//! - Paying moves `next_due_on` to the end of the paid period, never to a date that depends on when it was paid.
//! - No day of a charge is billed twice. The unique key refuses the same period; that periods do not overlap otherwise
//!   is checked wherever a date or a cycle is changed and where periods are claimed, under the client's lock, because
//!   only one of the two engines could say it in a constraint.
//!
//! What surprises: a period whose line was credited in full counts as settled and is not billed again by itself. It is
//! when somebody moves the due date back to it.

pub mod first;
mod periods;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use accounts::clients::Locked;
use kernel::{Currency, Cycle, Date, Error, Money, Period, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

pub use first::First;
use periods::{Billed, Clash, Course, first_outside, next_unbilled};

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
/// moves with it, past the periods that are billed from there on; what credit notes have taken back is billed anew.
/// Invalid, naming the billed period, when days would be billed twice.
pub async fn put(tx: &mut Locked<'_>, charge: &Charge, now: Timestamp) -> Result<i64> {
    tx.check(charge.client_id)?;
    let (next_invoice_on, remaining) = match of_owner(tx, charge.owner_kind, charge.owner_id).await? {
        Some(before) => go_on(tx, &before, charge).await?,
        None => (charge.next_due_on, charge.remaining),
    };
    tx.scalar(
        "INSERT INTO recurring_charges (client_id, owner_kind, owner_id, description, currency, amount, cycle, \
         anchor_day, gateway, taxed, billable, next_due_on, next_invoice_on, remaining, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (owner_kind, owner_id) DO UPDATE SET description = excluded.description, \
         amount = excluded.amount, cycle = excluded.cycle, anchor_day = excluded.anchor_day, \
         gateway = excluded.gateway, taxed = excluded.taxed, billable = excluded.billable, \
         next_due_on = excluded.next_due_on, next_invoice_on = excluded.next_invoice_on, \
         remaining = excluded.remaining RETURNING id",
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
            next_invoice_on,
            remaining,
            now
        ],
    )
    .await
}

/// When a charge that is there is invoiced next, and how often from then on.
async fn go_on(tx: &mut Tx, before: &RecurringCharge, charge: &Charge) -> Result<(Date, Option<i64>)> {
    let moved = before.next_due_on != charge.next_due_on;
    if !moved && (before.cycle, before.anchor_day) == (charge.cycle, charge.anchor_day) {
        return Ok((before.next_invoice_on, charge.remaining));
    }
    let mut course = Course { cycle: charge.cycle, anchor_day: charge.anchor_day, remaining: charge.remaining };
    let mut billed = store::billed(tx, before.id).await?;
    if !moved {
        next_unbilled(before.next_invoice_on, course, &billed).map_err(|clash| clash_in("cycle", &clash))?;
        return Ok((before.next_invoice_on, charge.remaining));
    }
    let anew = take_anew(tx, before.id, charge.next_due_on, &mut billed).await?;
    course.remaining = charge.remaining.map(|left| left.saturating_add(anew));
    let next = next_unbilled(charge.next_due_on, course, &billed).map_err(|clash| clash_in("next_due_on", &clash))?;
    Ok((next, course.remaining))
}

/// Forgets the periods from a date on that were taken back, so that they can be billed anew; how many they were.
async fn take_anew(tx: &mut Tx, charge_id: i64, from: Date, billed: &mut Vec<Billed>) -> Result<i64> {
    let (anew, kept): (Vec<_>, Vec<_>) =
        std::mem::take(billed).into_iter().partition(|billed| billed.taken_back && billed.period.until > from);
    *billed = kept;
    if !anew.is_empty() {
        store::forget(tx, charge_id, &anew).await?;
    }
    Ok(i64::try_from(anew.len()).unwrap_or(i64::MAX))
}

fn clash_in(field: &str, clash: &Clash) -> Error {
    let Clash { wanted, billed } = clash;
    let what = if wanted.from == wanted.until {
        format!("{} lies in a period that is billed already", wanted.from)
    } else {
        format!("The period {wanted} would reach into one that is billed already")
    };
    let (period, invoice, until) = (billed.period, &billed.invoice, billed.period.until);
    let way_out = format!("Choose {until} or later, or credit that line first; then it can be billed anew.");
    Error::invalid(field, format!("{what}: {period}, on invoice {invoice}. {way_out}"))
}

/// Puts a charge back to a period that was taken back, to bill it once more.
pub async fn reopen(tx: &mut Locked<'_>, charge_id: i64, from: Date, now: Timestamp) -> Result<()> {
    let charge = find(tx, charge_id).await?;
    tx.check(charge.client_id)?;
    let mut billed = store::billed(tx, charge_id).await?;
    let anew = take_anew(tx, charge_id, from, &mut billed).await?;
    let remaining = charge.remaining.map(|left| left.saturating_add(anew));
    let course = Course { cycle: charge.cycle, anchor_day: charge.anchor_day, remaining };
    let next = next_unbilled(from, course, &billed).map_err(|clash| clash_in("next_due_on", &clash))?;
    point(tx, &charge, from, next, remaining, now).await
}

/// Moves charges on, past what is settled and past what is billed, where their dates lie in such periods.
pub(crate) async fn pass_billed(tx: &mut Locked<'_>, charges: &[i64], now: Timestamp) -> Result<()> {
    for id in charges {
        let charge = find(tx, *id).await?;
        let billed = store::billed(tx, *id).await?;
        let due = first_outside(charge.next_due_on, billed.iter().filter(|billed| billed.settled));
        let next = first_outside(charge.next_invoice_on.max(due), &billed);
        point(tx, &charge, due, next, charge.remaining, now).await?;
    }
    Ok(())
}

/// Until when each of these charges is billed, where anything of it is.
pub(crate) async fn billed_until(conn: &mut Conn, charges: &[i64]) -> Result<HashMap<i64, Date>> {
    let rows = store::billed_until(conn, charges).await?;
    Ok(rows.into_iter().filter_map(|(charge, until)| Some((charge, until?))).collect())
}

/// Refuses a period that reaches into one that is billed. The same period is no matter of this: its key is.
pub(crate) async fn check_free(conn: &mut Conn, charge_id: i64, wanted: Period) -> Result<()> {
    let clash = |billed: &Billed| billed.period.overlaps(wanted) && billed.period.from != wanted.from;
    let Some(billed) = store::billed(conn, charge_id).await?.into_iter().find(clash) else { return Ok(()) };
    let (period, invoice) = (billed.period, billed.invoice);
    Err(Error::refused(format!(
        "Charge {charge_id}: the period {wanted} would reach into one that is billed already: {period}, on invoice \
         {invoice}. Correct the next due date."
    )))
}

async fn point(
    tx: &mut Tx,
    charge: &RecurringCharge,
    due: Date,
    next: Date,
    remaining: Option<i64>,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "UPDATE recurring_charges SET next_due_on = $2, next_invoice_on = $3, remaining = $4 WHERE id = $1",
        params![charge.id, due, next, remaining],
    )
    .await?;
    if due == charge.next_due_on {
        return Ok(());
    }
    let (owner_kind, owner_id) = (charge.owner_kind.clone(), charge.owner_id);
    let direction = if due > charge.next_due_on { Direction::On } else { Direction::Back };
    tx.announce(&DueDateMoved { owner_kind, owner_id, next_due_on: due, direction, now }, now).await
}

/// Stops or restarts invoicing of an owner's charge.
pub async fn set_billable(tx: &mut Locked<'_>, owner_kind: &str, owner_id: i64, billable: bool) -> Result<()> {
    tx.execute(
        "UPDATE recurring_charges SET billable = $3 WHERE owner_kind = $1 AND owner_id = $2",
        params![owner_kind, owner_id, billable],
    )
    .await?;
    Ok(())
}

async fn find(conn: &mut Conn, id: i64) -> Result<RecurringCharge> {
    let sql = format!("SELECT {} FROM recurring_charges WHERE id = $1", RecurringCharge::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Recurring charge"))
}

pub async fn of_owner(conn: &mut Conn, owner_kind: &str, owner_id: i64) -> Result<Option<RecurringCharge>> {
    let sql = format!(
        "SELECT {} FROM recurring_charges WHERE owner_kind = $1 AND owner_id = $2",
        RecurringCharge::columns("")
    );
    conn.optional(&sql, params![owner_kind, owner_id]).await
}

/// Announced when a charge's next due date is moved by what happens to its invoices: by a payment, mostly.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DueDateMoved {
    pub owner_kind: String,
    pub owner_id: i64,
    /// As it was moved then. Whoever listens asks for the charge: it may have moved on since.
    pub next_due_on: Date,
    pub direction: Direction,
    pub now: Timestamp,
}

/// Which way a due date moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    On,
    /// A payment was taken back.
    Back,
}

impl platform::Lasting for DueDateMoved {
    const NAME: &'static str = "billing.due_date_moved";

    fn subject(&self) -> String {
        format!("{}:{}", self.owner_kind, self.owner_id)
    }
}

/// Marks the periods on a paid invoice as settled and moves their charges' due dates to the ends of the periods. Doing
/// it again moves nothing: a period is settled once.
pub(crate) async fn settle(tx: &mut Locked<'_>, invoice_id: i64, now: Timestamp) -> Result<()> {
    let settled: Vec<(i64, Date, Date)> = tx
        .all(
            "UPDATE billed_periods SET settled = TRUE WHERE invoice_id = $1 AND NOT settled \
             RETURNING charge_id, period_from, period_until",
            params![invoice_id],
        )
        .await?;
    move_on(tx, settled, now).await
}

/// As [`settle`], for some of the charges on an invoice.
pub(crate) async fn settle_charges(
    tx: &mut Locked<'_>,
    invoice_id: i64,
    charges: &[i64],
    now: Timestamp,
) -> Result<()> {
    let settled: Vec<(i64, Date, Date)> = tx
        .all(
            "UPDATE billed_periods SET settled = TRUE WHERE invoice_id = $1 AND charge_id IN $2[] AND NOT settled \
             RETURNING charge_id, period_from, period_until",
            params![invoice_id, charges],
        )
        .await?;
    move_on(tx, settled, now).await
}

record! {
    struct Settled {
        invoice_id: i64,
        charge_id: i64,
        period_from: Date,
        period_until: Date,
    }
}

/// Marks the periods on invoices as not settled any more, because their payment was taken back, and moves the due dates
/// back to their starts, the latest first. Those of the pairs of invoice and charge in `kept` stay: notes took them back.
/// A later period that stays paid refuses.
pub async fn unsettle(tx: &mut Locked<'_>, invoices: &[i64], kept: &[(i64, i64)], now: Timestamp) -> Result<()> {
    let settled: Vec<Settled> = tx
        .all(
            "SELECT invoice_id, charge_id, period_from, period_until FROM billed_periods \
             WHERE invoice_id IN $1[] AND settled ORDER BY charge_id, period_from DESC",
            params![invoices],
        )
        .await?;
    for period in settled.iter().filter(|period| !kept.contains(&(period.invoice_id, period.charge_id))) {
        // As it is by now: a later period of the same payment has moved the due date already.
        let charge = find(tx, period.charge_id).await?;
        if store::is_settled_after(tx, period.charge_id, period.period_until).await? {
            return Err(Error::refused(format!(
                "A later period of “{}” is paid. Take that payment back first.",
                charge.description
            )));
        }
        tx.execute(
            "UPDATE billed_periods SET settled = FALSE WHERE charge_id = $1 AND period_from = $2",
            params![period.charge_id, period.period_from],
        )
        .await?;
        // A date that somebody has moved since stays where it was put.
        if charge.next_due_on == period.period_until {
            tx.execute(
                "UPDATE recurring_charges SET next_due_on = $2 WHERE id = $1",
                params![period.charge_id, period.period_from],
            )
            .await?;
            let (owner_kind, owner_id) = (charge.owner_kind, charge.owner_id);
            let (next_due_on, direction) = (period.period_from, Direction::Back);
            tx.announce(&DueDateMoved { owner_kind, owner_id, next_due_on, direction, now }, now).await?;
        }
    }
    Ok(())
}

/// A charge that was due in the period is due at its end, or later where what follows is settled too. One that was due
/// before stays so: something older is unpaid.
async fn move_on(tx: &mut Locked<'_>, settled: Vec<(i64, Date, Date)>, now: Timestamp) -> Result<()> {
    for (charge_id, from, until) in settled {
        let moved: Option<(String, i64)> = tx
            .optional(
                "UPDATE recurring_charges SET next_due_on = $3, \
                 next_invoice_on = CASE WHEN next_invoice_on < $3 THEN $3 ELSE next_invoice_on END \
                 WHERE id = $1 AND next_due_on >= $2 AND next_due_on < $3 RETURNING owner_kind, owner_id",
                params![charge_id, from, until],
            )
            .await?;
        let Some((owner_kind, owner_id)) = moved else { continue };
        if store::is_settled(tx, charge_id, until).await? {
            pass_billed(tx, &[charge_id], now).await?;
        } else {
            let direction = Direction::On;
            tx.announce(&DueDateMoved { owner_kind, owner_id, next_due_on: until, direction, now }, now).await?;
        }
    }
    Ok(())
}
