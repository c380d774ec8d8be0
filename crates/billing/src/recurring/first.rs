//! The first period of a charge that the generation of due invoices is to bill, where it is not like the others:
//! prorated, or with a setup fee.
//!
//! What must hold: it stands here until an invoice bills a period of its charge, and never again after that. So it is
//! billed once. What an order bills at once never stands here.

use std::collections::HashMap;

use kernel::{Currency, Date, Money, Period, Result};
use platform::db::{Conn, Tx};
use platform::{params, record};

/// What the first invoice of a charge bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    pub period: Period,
    /// For the period, without the setup fee.
    pub amount: Money,
    pub setup: Money,
}

impl First {
    pub fn total(&self) -> Result<Money> {
        Ok(self.amount.checked_add(self.setup)?)
    }
}

record! {
    struct Row {
        charge_id: i64,
        period_from: Date,
        period_until: Date,
        amount: i64,
        setup: i64,
        currency: Currency,
    }
}

impl Row {
    fn first(&self) -> First {
        First {
            period: Period { from: self.period_from, until: self.period_until },
            amount: Money::new(self.amount, self.currency),
            setup: Money::new(self.setup, self.currency),
        }
    }
}

const SELECT: &str = "SELECT f.charge_id, f.period_from, f.period_until, f.amount, f.setup, c.currency \
                      FROM first_periods f JOIN recurring_charges c ON c.id = f.charge_id";

/// Says what the first invoice of a charge is to bill, anew or for the first time.
pub async fn put(tx: &mut Tx, charge_id: i64, first: &First) -> Result<()> {
    tx.execute(
        "INSERT INTO first_periods (charge_id, client_id, period_from, period_until, amount, setup) \
         SELECT id, client_id, $2, $3, $4, $5 FROM recurring_charges WHERE id = $1 \
         ON CONFLICT (charge_id) DO UPDATE SET period_from = excluded.period_from, \
         period_until = excluded.period_until, amount = excluded.amount, setup = excluded.setup",
        params![charge_id, first.period.from, first.period.until, first.amount.minor, first.setup.minor],
    )
    .await?;
    Ok(())
}

/// What the first invoice of an owner's charge will bill; `None` once it has, or if it is like every other.
pub async fn of_owner(conn: &mut Conn, owner_kind: &str, owner_id: i64) -> Result<Option<First>> {
    let sql = format!("{SELECT} WHERE c.owner_kind = $1 AND c.owner_id = $2");
    let row: Option<Row> = conn.optional(&sql, params![owner_kind, owner_id]).await?;
    Ok(row.map(|row| row.first()))
}

/// Those of these clients, by charge.
pub(crate) async fn of_clients(conn: &mut Conn, client_ids: &[i64]) -> Result<HashMap<i64, First>> {
    let sql = format!("{SELECT} WHERE f.client_id IN $1[]");
    let rows: Vec<Row> = conn.all(&sql, params![client_ids]).await?;
    Ok(rows.into_iter().map(|row| (row.charge_id, row.first())).collect())
}

/// A period of these charges has been billed.
pub(crate) async fn billed(tx: &mut Tx, charge_ids: &[i64]) -> Result<()> {
    if !charge_ids.is_empty() {
        tx.execute("DELETE FROM first_periods WHERE charge_id IN $1[]", params![charge_ids]).await?;
    }
    Ok(())
}

/// Of an owner that costs nothing any more.
pub async fn forget(tx: &mut Tx, owner_kind: &str, owner_id: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM first_periods WHERE charge_id IN \
         (SELECT id FROM recurring_charges WHERE owner_kind = $1 AND owner_id = $2)",
        params![owner_kind, owner_id],
    )
    .await?;
    Ok(())
}

/// The text of a setup fee's line.
pub fn setup_description(title: &str) -> String {
    format!("Setup fee: {title}")
}
