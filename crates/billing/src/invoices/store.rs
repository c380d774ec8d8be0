//! SQL of invoices.

use std::collections::HashSet;

use kernel::{Currency, Date, Rate, Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use super::series::Series;
use super::{Document, Invoice, InvoiceStatus, Line};
use crate::captures::AttemptState;
use crate::gateways::DisputeState;
use crate::taxes::calculation::Level;

pub async fn find(conn: &mut Conn, id: i64) -> Result<Option<Invoice>> {
    let sql = format!("SELECT {} FROM invoices WHERE id = $1", Invoice::columns(""));
    conn.optional(&sql, params![id]).await
}

pub async fn lines(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Line>> {
    let sql = format!("SELECT {} FROM invoice_lines WHERE invoice_id = $1 ORDER BY position", Line::columns(""));
    conn.all(&sql, params![invoice_id]).await
}

record! {
    /// An invoice among those that staff have ticked.
    pub(super) struct Chosen {
        pub id: i64,
        pub client_id: i64,
        pub status: InvoiceStatus,
        pub currency: Currency,
        /// What is owed, or the total of a draft.
        pub amount: i64,
    }
}

pub(super) async fn chosen(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Chosen>> {
    conn.all(
        "SELECT id, client_id, status, currency, CASE WHEN status = 'draft' THEN total ELSE balance END FROM invoices \
         WHERE id IN $1[] ORDER BY id",
        params![ids],
    )
    .await
}

/// The first of `count` numbers of a series, taken from it. The row is the lock: numbers are given out in the order of
/// commits, and those of a transaction that fails are given out again.
pub(super) async fn take_numbers(tx: &mut Tx, series: &str, period: &str, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let next: i64 = tx
        .scalar(
            "INSERT INTO number_series (name, period, next) VALUES ($1, $2, 1 + $3) \
             ON CONFLICT (name, period) DO UPDATE SET next = number_series.next + $3 RETURNING next",
            params![series, period, count],
        )
        .await?;
    Ok(next - count)
}

/// Which of these numbers documents have.
pub(super) async fn numbers_there(conn: &mut Conn, table: &'static str, numbers: &[String]) -> Result<HashSet<String>> {
    let sql = format!("SELECT number FROM {table} WHERE number IN $1[]");
    Ok(conn.column(&sql, params![numbers]).await?.into_iter().collect())
}

/// The highest number that documents of these days were counted with, under whatever key.
pub(super) async fn highest_number(conn: &mut Conn, series: Series, days: Option<(String, String)>) -> Result<i64> {
    let sql = format!(
        "SELECT COALESCE(MAX(series_number), 0) FROM {} WHERE series = $1 AND issued_on >= $2 AND issued_on <= $3",
        series.table()
    );
    let (from, until) = days.unwrap_or_else(|| (String::new(), "9".to_owned()));
    conn.scalar(&sql, params![series.name(), from, until]).await
}

/// Moves a series on without giving the numbers out, and notes that they are missing on purpose.
pub(super) async fn pass_over(tx: &mut Tx, series: &str, period: &str, count: i64) -> Result<()> {
    tx.execute(
        "UPDATE number_series SET next = next + $3, skipped = skipped + $3 WHERE name = $1 AND period = $2",
        params![series, period, count],
    )
    .await?;
    Ok(())
}

/// Of a line as it is inserted.
const LINE_COLUMNS: &[&str] = &[
    "invoice_id",
    "position",
    "kind",
    "charge_id",
    "owner_kind",
    "owner_id",
    "description",
    "quantity",
    "amount",
    "taxed",
    "tax_category",
    "net",
    "tax1",
    "tax2",
    "period_from",
    "period_until",
];

pub(super) async fn insert(tx: &mut Tx, documents: &[Document], seller_id: i64, now: Timestamp) -> Result<()> {
    let mut heads = Insert::into(
        "invoices",
        &[
            "id",
            "client_id",
            "status",
            "series",
            "series_period",
            "series_number",
            "number",
            "currency",
            "issued_on",
            "due_on",
            "seller_id",
            "buyer_id",
            "tax_name1",
            "tax_rate1",
            "tax_name2",
            "tax_rate2",
            "subtotal",
            "tax1",
            "tax2",
            "total",
            "document_hash",
            "gateway",
            "balance",
            "credit_applied",
            "notes",
            "source",
            "created_at",
            "updated_at",
        ],
    );
    let mut lines = Insert::into("invoice_lines", LINE_COLUMNS);
    for document in documents {
        let new = &document.new;
        let name1 = document.levels.level1.as_ref().map_or("", |level| level.name.as_str());
        let name2 = document.levels.level2.as_ref().map_or("", |level| level.name.as_str());
        const ZERO: Rate = Rate::ZERO;
        let rate1 = document.levels.level1.as_ref().map_or(&ZERO, |level| &level.rate);
        let rate2 = document.levels.level2.as_ref().map_or(&ZERO, |level| &level.rate);
        heads.row(cells![
            document.id,
            new.buyer.client_id,
            InvoiceStatus::Unpaid,
            Series::Invoices.name(),
            document.series_period,
            document.series_number,
            document.number,
            new.buyer.currency,
            new.issued_on,
            new.due_on,
            seller_id,
            new.buyer.party_id,
            name1,
            rate1,
            name2,
            rate2,
            document.totals.subtotal.minor,
            document.totals.tax1.minor,
            document.totals.tax2.minor,
            document.totals.total.minor,
            document.hash,
            new.gateway,
            document.totals.total.minor,
            0i64,
            new.notes,
            new.source,
            now,
            now
        ]);
        line_rows(&mut lines, document);
    }
    heads.run(tx).await?;
    lines.run(tx).await?;
    Ok(())
}

fn line_rows<'a>(lines: &mut Insert<'a>, document: &'a Document) {
    for ((line, tax), position) in document.new.lines.iter().zip(&document.totals.lines).zip(1i64..) {
        let charge = line.billed.as_ref().map(|(charge, _)| *charge);
        let from = line.billed.as_ref().map(|(_, period)| period.from);
        let until = line.billed.as_ref().map(|(_, period)| period.until);
        let owner_kind = line.owner.as_ref().map(|(kind, _)| kind.as_str());
        let owner_id = line.owner.as_ref().map(|(_, id)| *id);
        use platform::db::{ToValue, Value};
        lines.row([
            document.id.to_value(),
            Value::Int(position),
            line.kind.to_value(),
            charge.map_or(Value::Null, Value::Int),
            owner_kind.map_or(Value::Null, ToValue::to_value),
            owner_id.map_or(Value::Null, Value::Int),
            line.description.to_value(),
            line.quantity.to_value(),
            line.amount.minor.to_value(),
            line.taxed.to_value(),
            tax.category.to_value(),
            tax.net.minor.to_value(),
            tax.tax1.minor.to_value(),
            tax.tax2.minor.to_value(),
            date(from),
            date(until),
        ]);
    }
}

/// A draft: without number, parties and seal. Its totals are what they would be today.
pub(super) async fn insert_draft(
    tx: &mut Tx,
    document: &Document,
    own_rates: bool,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let new = &document.new;
    let name = |level: &Option<Level>| level.as_ref().map_or_else(String::new, |level| level.name.clone());
    let rate = |level: &Option<Level>| level.as_ref().map_or(Rate::ZERO, |level| level.rate);
    tx.execute(
        "INSERT INTO invoices (id, client_id, status, currency, due_on, tax_name1, tax_rate1, tax_name2, tax_rate2, \
         own_rates, subtotal, tax1, tax2, total, gateway, balance, credit_applied, notes, source, created_at, updated_at) \
         VALUES ($1, $2, 'draft', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, 0, $15, $16, $17, $18)",
        params![
            document.id,
            new.buyer.client_id,
            new.buyer.currency,
            new.due_on,
            name(&document.levels.level1),
            rate(&document.levels.level1),
            name(&document.levels.level2),
            rate(&document.levels.level2),
            own_rates,
            document.totals.subtotal.minor,
            document.totals.tax1.minor,
            document.totals.tax2.minor,
            document.totals.total.minor,
            new.gateway,
            new.notes,
            new.source,
            created_at,
            now
        ],
    )
    .await?;
    let mut lines = Insert::into("invoice_lines", LINE_COLUMNS);
    line_rows(&mut lines, document);
    lines.run(tx).await?;
    Ok(())
}

/// Takes a draft's rows away, to write it anew under the same id or not at all. Nothing points at a draft.
pub(super) async fn remove_draft(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM invoice_lines WHERE invoice_id = $1", params![id]).await?;
    tx.execute("DELETE FROM invoices WHERE id = $1 AND status = 'draft'", params![id]).await?;
    Ok(())
}

fn date(date: Option<Date>) -> platform::db::Value<'static> {
    date.map_or(platform::db::Value::Null, |date| platform::db::Value::Text(date.to_string().into()))
}

/// Moves charges' `next_invoice_on` on to the given dates, never back, and counts their remaining periods down.
pub(super) async fn advance(tx: &mut Tx, moves: &[(i64, Date)]) -> Result<()> {
    for block in moves.chunks(128) {
        let mut sql = String::from(
            "UPDATE recurring_charges SET next_invoice_on = moved.until, remaining = remaining - 1 FROM (",
        );
        let mut values = Vec::with_capacity(block.len() * 2);
        for (index, (charge, until)) in block.iter().enumerate() {
            use platform::db::{ToValue, Value};
            use std::fmt::Write;
            let _ = write!(
                sql,
                "{}SELECT CAST(${} AS BIGINT) AS charge, CAST(${} AS TEXT) AS until",
                if index == 0 { "" } else { " UNION ALL " },
                index * 2 + 1,
                index * 2 + 2
            );
            values.push(charge.to_value());
            values.push(Value::Text(until.to_string().into()));
        }
        sql.push_str(
            ") AS moved WHERE recurring_charges.id = moved.charge AND recurring_charges.next_invoice_on < moved.until",
        );
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}

record! {
    /// An attempt to charge the invoice, or a dispute over its payment: which of them it is, its state says.
    pub(super) struct Said {
        id: i64,
        pub at: Timestamp,
        pub gateway: String,
        pub currency: Currency,
        pub amount: i64,
        pub reason: String,
        pub external_id: Option<String>,
        pub attempt: Option<AttemptState>,
        pub dispute: Option<DisputeState>,
    }
}

/// What gateways say of an invoice, in one question: its attempts and its disputes.
pub(super) async fn said(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Said>> {
    conn.all(
        "SELECT id, started_at AS at, gateway, currency, amount, reason, external_id, state AS attempt, NULL AS dispute \
         FROM payment_attempts WHERE invoice_id = $1 \
         UNION ALL SELECT id, opened_at, gateway, currency, amount, reason, external_id, NULL, state \
         FROM disputes WHERE invoice_id = $1 ORDER BY id",
        params![invoice_id],
    )
    .await
}
