//! SQL of the list of transactions.

use accounts::clients::NAME;
use kernel::{Currency, Date, Result};
use platform::db::{Conn, Tx, Value};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{params, record};

use super::TransactionKind;
use crate::view::contains;

record! {
    #[derive(Debug, Clone)]
    pub struct Listed {
        pub id: i64,
        pub client_id: Option<i64>,
        pub client: Option<String>,
        pub gateway: String,
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
        pub voided: bool,
    }
}

/// What a text filter means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Text {
    #[default]
    Any,
    /// A reference that exists: found by its index.
    Reference(String),
    /// Part of a description.
    Words(String),
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub text: Text,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub gateway: String,
    pub kind: Option<TransactionKind>,
    pub from: Option<Date>,
    pub until: Option<Date>,
    /// What came in or went out, in minor units, for currencies with so many decimals.
    pub amounts: Vec<(i64, u32)>,
    /// Leaves out what was voided.
    pub standing: bool,
}

/// Whether a text is somebody's reference or words.
pub async fn text(conn: &mut Conn, text: &str) -> Result<Text> {
    if text.is_empty() {
        return Ok(Text::Any);
    }
    let known: Option<(i64,)> =
        conn.optional("SELECT 1 FROM transactions WHERE reference = $1 LIMIT 1", params![text]).await?;
    Ok(if known.is_some() { Text::Reference(text.to_owned()) } else { Text::Words(text.to_owned()) })
}

/// Currencies whose minor unit is not a hundredth (ISO 4217).
pub(super) const NO_DECIMALS: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
pub(super) const THREE_DECIMALS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

fn of_decimals(decimals: u32) -> String {
    let quoted = |codes: &[&str]| codes.iter().map(|code| format!("'{code}'")).collect::<Vec<_>>().join(", ");
    match decimals {
        0 => format!("t.currency IN ({})", quoted(NO_DECIMALS)),
        3 => format!("t.currency IN ({})", quoted(THREE_DECIMALS)),
        _ => format!("t.currency NOT IN ({}, {})", quoted(NO_DECIMALS), quoted(THREE_DECIMALS)),
    }
}

pub const SORTS: &[Sort] = &[
    Sort::by("date", &[Column::text("t.occurred_on")]).with(&["t.gateway", "t.kind"]),
    BY_ID,
    Sort::by("amount", &[Column::int("t.amount_in")]),
];

/// The order in which they were recorded.
pub const BY_ID: Sort = Sort::by("id", &[]).with(&["t.client_id"]);

impl Filter {
    /// The transactions. Their lines are [`columns`].
    pub fn query(&self) -> Query<'_> {
        Query { table: "transactions t", id: "t.id", joins: "", filter: self.conditions() }
    }

    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        match &self.text {
            Text::Any => {}
            Text::Reference(reference) => {
                conditions.equal("t.reference", Value::Text(reference.as_str().into()));
            }
            Text::Words(words) => {
                conditions.and("LOWER(t.description) LIKE ? ESCAPE '\\'", Value::Text(contains(words).into()));
            }
        }
        if let Some(id) = self.client_id {
            conditions.equal("t.client_id", Value::Int(id));
        }
        if let Some(id) = self.invoice_id {
            conditions.by_index(
                "invoice",
                "t.id IN (SELECT id FROM transactions WHERE invoice_id = ? \
                 UNION SELECT transaction_id FROM allocations WHERE invoice_id = ?)",
                Value::Int(id),
            );
        }
        if !self.gateway.is_empty() {
            conditions.equal("t.gateway", Value::Text(self.gateway.as_str().into()));
        }
        if let Some(kind) = self.kind {
            conditions.equal("t.kind", Value::Text(kind.as_str().into()));
        }
        if let Some(day) = self.from {
            conditions.by_index("t.occurred_on", "t.occurred_on >= ?", Value::Text(day.to_string().into()));
        }
        if let Some(day) = self.until {
            conditions.by_index("t.occurred_on", "t.occurred_on <= ?", Value::Text(day.to_string().into()));
        }
        if self.standing {
            conditions.plain("t.voided_at IS NULL");
        }
        if !self.amounts.is_empty() {
            let mut parts = Vec::new();
            let mut values = Vec::new();
            for (minor, decimals) in &self.amounts {
                let currency = of_decimals(*decimals);
                // Each half has its index.
                parts.push(format!("(t.amount_in = ? AND {currency})"));
                parts.push(format!("(t.amount_out > 0 AND t.amount_out = ? AND {currency})"));
                values.extend([Value::Int(*minor), Value::Int(*minor)]);
            }
            conditions.by_index_of("amount", &format!("({})", parts.join(" OR ")), values);
        }
        conditions
    }
}

/// The columns of [`Listed`].
pub fn columns() -> String {
    format!(
        "t.id, t.client_id, (SELECT {NAME} FROM clients c WHERE c.id = t.client_id), t.gateway, t.reference, \
         t.kind, t.currency, t.amount_in, t.amount_out, t.fees, t.rate, t.description, t.occurred_on, t.invoice_id, \
         t.refund_of, t.voided_at IS NOT NULL"
    )
}

/// Which part of a payment settled which invoice: id, number, amount.
pub async fn allocations(conn: &mut Conn, transaction_id: i64) -> Result<Vec<(i64, Option<String>, i64)>> {
    conn.all(
        "SELECT a.invoice_id, i.number, CAST(SUM(a.amount) AS BIGINT) FROM allocations a \
         JOIN invoices i ON i.id = a.invoice_id WHERE a.transaction_id = $1 \
         GROUP BY a.invoice_id, i.number HAVING SUM(a.amount) <> 0 ORDER BY MIN(a.id)",
        params![transaction_id],
    )
    .await
}

/// What of a payment became credit of the client, and whether a gateway reported it or a refund made it.
pub async fn credit_and_reporter(conn: &mut Conn, transaction_id: i64) -> Result<(i64, bool)> {
    conn.one(
        "SELECT (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM credit_movements \
                 WHERE transaction_id = $1 AND kind = 'overpayment'), \
                ((SELECT reported FROM transactions WHERE id = $1) \
                 OR EXISTS (SELECT 1 FROM payment_attempts WHERE transaction_id = $1) \
                 OR EXISTS (SELECT 1 FROM refunds WHERE refund_transaction_id = $1))",
        params![transaction_id],
    )
    .await
}

/// See [`super::mark_reported`].
pub(super) async fn set_reported(tx: &mut Tx, transaction_id: i64) -> Result<()> {
    tx.execute("UPDATE transactions SET reported = TRUE WHERE id = $1", params![transaction_id]).await?;
    Ok(())
}

/// What of a payment became credit of the client.
pub async fn to_credit(conn: &mut Conn, transaction_id: i64) -> Result<i64> {
    // The sum of bigints is a numeric on PostgreSQL.
    conn.scalar(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM credit_movements \
         WHERE transaction_id = $1 AND kind = 'overpayment'",
        params![transaction_id],
    )
    .await
}
