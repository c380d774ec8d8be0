//! The statements about TLDs and their prices.

use std::collections::HashMap;

use kernel::{Currency, Money, Result};
use platform::db::{Conn, Insert, ToValue, Tx, Value};
use platform::web::lists::{Column, Order, Query, Sort, Where};
use platform::{cells, params, record};

use super::prices::{Fees, LateFee, Operation, Price, Prices};
use super::{Badge, Filter, Tld};

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Tld>> {
    let sql = format!("SELECT {} FROM tlds WHERE id = $1", Tld::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_extension(conn: &mut Conn, extension: &str) -> Result<Option<Tld>> {
    let sql = format!("SELECT {} FROM tlds WHERE extension = $1", Tld::columns(""));
    conn.optional(&sql, params![extension]).await
}

pub(super) async fn by_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Tld>> {
    let sql = format!("SELECT {} FROM tlds WHERE id IN $1[] ORDER BY position, id", Tld::columns(""));
    conn.all(&sql, params![ids]).await
}

pub const SORTS: &[Sort] = &[
    Sort::by("position", &[Column::int("t.position")]).with(&["t.registrar", "t.badge"]),
    Sort::by("extension", &[Column::text("t.extension")]),
];

pub(super) fn query(filter: &Filter) -> Query<'_> {
    let mut all = Where::default();
    if !filter.text.is_empty() {
        let wanted = filter.text.trim_start_matches('.').to_lowercase();
        let stored = kernel::Extension::parse(&wanted).map_or(wanted, |extension| extension.to_string());
        let pattern = format!("%{}%", platform::web::lists::escape(&stored));
        all.and("t.extension LIKE ? ESCAPE '\\'", Value::Text(pattern.into()));
    }
    if let Some(registrar) = &filter.registrar {
        all.equal("t.registrar", registrar.to_value());
    }
    if let Some(badge) = &filter.badge {
        all.equal("t.badge", badge.to_value());
    }
    match filter.spotlight {
        Some(true) => all.plain("t.spotlight"),
        Some(false) => all.nearly("NOT t.spotlight"),
        None => {}
    }
    match filter.sold {
        Some(true) => all.nearly("EXISTS (SELECT 1 FROM tld_prices p WHERE p.tld_id = t.id)"),
        Some(false) => all.plain("NOT EXISTS (SELECT 1 FROM tld_prices p WHERE p.tld_id = t.id)"),
        None => {}
    }
    Query { table: "tlds t", id: "t.id", joins: "", filter: all }
}

pub(super) async fn all(conn: &mut Conn, filter: &Filter) -> Result<Vec<Tld>> {
    query(filter).part(conn, &Tld::columns("t"), (&SORTS[0], Order::Ascending), 0, i64::from(u32::MAX)).await
}

/// Where a new one comes when nobody says otherwise.
pub(super) async fn last_position(conn: &mut Conn) -> Result<i64> {
    conn.scalar("SELECT COALESCE(MAX(position), 0) FROM tlds", params![]).await
}

pub(super) async fn spotlights(conn: &mut Conn, but: &[i64]) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM tlds WHERE spotlight AND NOT (id IN $1[])", params![but]).await
}

record! {
    struct PriceRow {
        tld_id: i64,
        client_group_id: Option<i64>,
        currency: Currency,
        operation: Operation,
        years: u8,
        amount: i64,
    }
}

/// The prices and the fees of these.
pub(super) async fn costs(conn: &mut Conn, ids: &[i64]) -> Result<(HashMap<i64, Prices>, HashMap<i64, Fees>)> {
    if ids.is_empty() {
        return Ok(Default::default());
    }
    let sql = format!("SELECT {} FROM tld_prices WHERE tld_id IN $1[]", PriceRow::columns(""));
    let rows: Vec<PriceRow> = conn.all(&sql, params![ids]).await?;
    let mut prices: HashMap<i64, Vec<Price>> = HashMap::new();
    for row in rows {
        prices.entry(row.tld_id).or_default().push(Price {
            group_id: row.client_group_id,
            operation: row.operation,
            years: row.years,
            amount: Money::new(row.amount, row.currency),
        });
    }
    let sql = "SELECT tld_id, kind, currency, amount FROM tld_fees WHERE tld_id IN $1[]";
    let rows: Vec<(i64, LateFee, Currency, i64)> = conn.all(sql, params![ids]).await?;
    let mut fees: HashMap<i64, Vec<(LateFee, Money)>> = HashMap::new();
    for (id, kind, currency, amount) in rows {
        fees.entry(id).or_default().push((kind, Money::new(amount, currency)));
    }
    Ok((
        prices.into_iter().map(|(id, prices)| (id, Prices::new(prices))).collect(),
        fees.into_iter().map(|(id, fees)| (id, Fees::new(fees))).collect(),
    ))
}

pub(super) async fn insert(tx: &mut Tx, tld: &Tld) -> Result<i64> {
    tx.scalar(
        "INSERT INTO tlds (extension, position, category, dns_management, email_forwarding, id_protection, \
         epp_required, registrar, badge, spotlight, allows_idn, grace_days, redemption_days, fields, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        params![
            tld.extension,
            tld.position,
            tld.category,
            tld.dns_management,
            tld.email_forwarding,
            tld.id_protection,
            tld.epp_required,
            tld.registrar,
            tld.badge,
            tld.spotlight,
            tld.allows_idn,
            tld.grace_days,
            tld.redemption_days,
            tld.fields,
            tld.created_at,
            tld.updated_at
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, tld: &Tld) -> Result<()> {
    tx.execute(
        "UPDATE tlds SET extension = $2, position = $3, category = $4, dns_management = $5, email_forwarding = $6, \
         id_protection = $7, epp_required = $8, registrar = $9, badge = $10, spotlight = $11, allows_idn = $12, \
         grace_days = $13, redemption_days = $14, fields = $15, updated_at = $16 WHERE id = $1",
        params![
            tld.id,
            tld.extension,
            tld.position,
            tld.category,
            tld.dns_management,
            tld.email_forwarding,
            tld.id_protection,
            tld.epp_required,
            tld.registrar,
            tld.badge,
            tld.spotlight,
            tld.allows_idn,
            tld.grace_days,
            tld.redemption_days,
            tld.fields,
            tld.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// The prices of several as they are from now on.
pub(super) async fn replace_prices(tx: &mut Tx, of: &[(i64, &Prices)]) -> Result<()> {
    let ids: Vec<i64> = of.iter().map(|(id, _)| *id).collect();
    tx.execute("DELETE FROM tld_prices WHERE tld_id IN $1[]", params![ids]).await?;
    let priced: Vec<(i64, Price, Currency)> =
        of.iter().flat_map(|(id, prices)| prices.iter().map(|price| (*id, *price, price.currency()))).collect();
    let columns = &["tld_id", "client_group_id", "currency", "operation", "years", "amount"];
    let mut rows = Insert::into("tld_prices", columns);
    for (id, price, currency) in &priced {
        rows.row(cells![*id, price.group_id, currency, price.operation, price.years, price.amount.minor]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn replace_fees(tx: &mut Tx, of: &[(i64, &Fees)]) -> Result<()> {
    let ids: Vec<i64> = of.iter().map(|(id, _)| *id).collect();
    tx.execute("DELETE FROM tld_fees WHERE tld_id IN $1[]", params![ids]).await?;
    let due: Vec<(i64, LateFee, Money)> =
        of.iter().flat_map(|(id, fees)| fees.iter().map(|(kind, amount)| (*id, *kind, *amount))).collect();
    let mut rows = Insert::into("tld_fees", &["tld_id", "kind", "currency", "amount"]);
    for (id, kind, amount) in &due {
        rows.row(cells![*id, *kind, amount.currency, amount.minor]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, ids: &[i64]) -> Result<()> {
    for sql in [
        "DELETE FROM tld_prices WHERE tld_id IN $1[]",
        "DELETE FROM tld_fees WHERE tld_id IN $1[]",
        "DELETE FROM tlds WHERE id IN $1[]",
    ] {
        tx.execute(sql, params![ids]).await?;
    }
    Ok(())
}

/// Registrars that extensions go to, for the filter.
pub(super) async fn registrars(conn: &mut Conn) -> Result<Vec<String>> {
    conn.column("SELECT DISTINCT registrar FROM tlds WHERE registrar <> '' ORDER BY registrar", params![]).await
}

/// Whether somebody is in this group or it exists at all is not asked here: only which ids there are.
pub(super) async fn group_ids(conn: &mut Conn) -> Result<Vec<i64>> {
    conn.column("SELECT id FROM client_groups", params![]).await
}

pub(super) fn badge_values() -> Vec<&'static str> {
    Badge::ALL.iter().map(|badge| badge.as_str()).collect()
}
