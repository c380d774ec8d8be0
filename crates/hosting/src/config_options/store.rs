//! The statements about configurable options.

use std::collections::HashMap;

use kernel::Result;
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params};

use super::{Choice, ConfigOption};

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<ConfigOption>> {
    let sql = format!("SELECT {} FROM config_options ORDER BY position, id", ConfigOption::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn by_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<ConfigOption>> {
    let sql =
        format!("SELECT {} FROM config_options WHERE id IN $1[] ORDER BY position, id", ConfigOption::columns(""));
    conn.all(&sql, params![ids]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<ConfigOption>> {
    let sql = format!("SELECT {} FROM config_options WHERE id = $1", ConfigOption::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn find_choice(conn: &mut Conn, id: i64) -> Result<Option<Choice>> {
    let sql = format!("SELECT {} FROM config_choices WHERE id = $1", Choice::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn choices(conn: &mut Conn, option_ids: &[i64]) -> Result<Vec<Choice>> {
    let sql = format!(
        "SELECT {} FROM config_choices WHERE option_id IN $1[] ORDER BY option_id, position, id",
        Choice::columns("")
    );
    conn.all(&sql, params![option_ids]).await
}

/// Pairs of product and option.
pub(super) async fn attached(conn: &mut Conn, product_ids: &[i64]) -> Result<Vec<(i64, i64)>> {
    conn.all("SELECT product_id, option_id FROM product_options WHERE product_id IN $1[]", params![product_ids]).await
}

pub(super) async fn product_ids(conn: &mut Conn, id: i64) -> Result<Vec<i64>> {
    conn.column("SELECT product_id FROM product_options WHERE option_id = $1 ORDER BY product_id", params![id]).await
}

pub(super) async fn known_products(conn: &mut Conn, ids: &[i64]) -> Result<Vec<i64>> {
    conn.column("SELECT id FROM products WHERE id IN $1[]", params![ids]).await
}

pub(super) async fn counts(conn: &mut Conn) -> Result<HashMap<i64, (i64, i64)>> {
    let rows: Vec<(i64, i64, i64)> = conn
        .all(
            "SELECT o.id, (SELECT COUNT(*) FROM product_options p WHERE p.option_id = o.id), \
             (SELECT COUNT(*) FROM config_choices c WHERE c.option_id = o.id) FROM config_options o",
            params![],
        )
        .await?;
    Ok(rows.into_iter().map(|(id, products, choices)| (id, (products, choices))).collect())
}

pub(super) async fn service_count(conn: &mut Conn, choice_ids: &[i64]) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM service_options WHERE choice_id IN $1[]", params![choice_ids]).await
}

pub(super) async fn insert(tx: &mut Tx, option: &ConfigOption) -> Result<i64> {
    tx.scalar(
        "INSERT INTO config_options (name, kind, min_quantity, max_quantity, hidden, position) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        params![option.name, option.kind, option.min_quantity, option.max_quantity, option.hidden, option.position],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, option: &ConfigOption) -> Result<()> {
    tx.execute(
        "UPDATE config_options SET name = $2, kind = $3, min_quantity = $4, max_quantity = $5, hidden = $6, \
         position = $7 WHERE id = $1",
        params![
            option.id,
            option.name,
            option.kind,
            option.min_quantity,
            option.max_quantity,
            option.hidden,
            option.position
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_choice(tx: &mut Tx, choice: &Choice) -> Result<i64> {
    tx.scalar(
        "INSERT INTO config_choices (option_id, name, hidden, position) VALUES ($1, $2, $3, $4) RETURNING id",
        params![choice.option_id, choice.name, choice.hidden, choice.position],
    )
    .await
}

pub(super) async fn update_choice(tx: &mut Tx, choice: &Choice) -> Result<()> {
    tx.execute(
        "UPDATE config_choices SET name = $2, hidden = $3, position = $4 WHERE id = $1",
        params![choice.id, choice.name, choice.hidden, choice.position],
    )
    .await?;
    Ok(())
}

pub(super) async fn attach(tx: &mut Tx, id: i64, product_ids: &[i64]) -> Result<()> {
    tx.execute("DELETE FROM product_options WHERE option_id = $1", params![id]).await?;
    let mut rows = Insert::into("product_options", &["product_id", "option_id"]).then("ON CONFLICT DO NOTHING");
    for product_id in product_ids {
        rows.row(cells![product_id, id]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    for sql in [
        "DELETE FROM product_options WHERE option_id = $1",
        "DELETE FROM config_choices WHERE option_id = $1",
        "DELETE FROM config_options WHERE id = $1",
    ] {
        tx.execute(sql, params![id]).await?;
    }
    Ok(())
}

pub(super) async fn delete_choice(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM config_choices WHERE id = $1", params![id]).await?;
    Ok(())
}
