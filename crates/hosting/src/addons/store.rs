//! The statements about product addons.

use std::collections::HashMap;

use kernel::Result;
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params};

use super::Addon;

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<Addon>> {
    let sql = format!("SELECT {} FROM addons ORDER BY position, id", Addon::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Addon>> {
    let sql = format!("SELECT {} FROM addons WHERE id = $1", Addon::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Addon>> {
    let sql = format!("SELECT {} FROM addons WHERE id IN $1[] ORDER BY position, id", Addon::columns(""));
    conn.all(&sql, params![ids]).await
}

pub(super) async fn of_product(conn: &mut Conn, product_id: i64) -> Result<Vec<Addon>> {
    let sql = format!(
        "SELECT {} FROM product_addons p JOIN addons a ON a.id = p.addon_id WHERE p.product_id = $1 \
         ORDER BY a.position, a.id",
        Addon::columns("a")
    );
    conn.all(&sql, params![product_id]).await
}

pub(super) async fn product_ids(conn: &mut Conn, id: i64) -> Result<Vec<i64>> {
    conn.column("SELECT product_id FROM product_addons WHERE addon_id = $1 ORDER BY product_id", params![id]).await
}

pub(super) async fn counts(conn: &mut Conn) -> Result<HashMap<i64, (i64, i64)>> {
    let rows: Vec<(i64, i64, i64)> = conn
        .all(
            "SELECT a.id, (SELECT COUNT(*) FROM product_addons p WHERE p.addon_id = a.id), \
             (SELECT COUNT(*) FROM service_addons s WHERE s.addon_id = a.id) FROM addons a",
            params![],
        )
        .await?;
    Ok(rows.into_iter().map(|(id, products, services)| (id, (products, services))).collect())
}

pub(super) async fn service_count(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM service_addons WHERE addon_id = $1", params![id]).await
}

pub(super) async fn insert(tx: &mut Tx, addon: &Addon) -> Result<i64> {
    tx.scalar(
        "INSERT INTO addons (name, description, pay_type, taxed, prorata, hidden, position) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        params![
            addon.name,
            addon.description,
            addon.pay_type,
            addon.taxed,
            addon.prorata,
            addon.hidden,
            addon.position
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, addon: &Addon) -> Result<()> {
    tx.execute(
        "UPDATE addons SET name = $2, description = $3, pay_type = $4, taxed = $5, prorata = $6, hidden = $7, \
         position = $8 WHERE id = $1",
        params![
            addon.id,
            addon.name,
            addon.description,
            addon.pay_type,
            addon.taxed,
            addon.prorata,
            addon.hidden,
            addon.position
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn attach(tx: &mut Tx, id: i64, product_ids: &[i64]) -> Result<()> {
    tx.execute("DELETE FROM product_addons WHERE addon_id = $1", params![id]).await?;
    let mut rows = Insert::into("product_addons", &["product_id", "addon_id"]).then("ON CONFLICT DO NOTHING");
    for product_id in product_ids {
        rows.row(cells![product_id, id]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM product_addons WHERE addon_id = $1", params![id]).await?;
    tx.execute("DELETE FROM addons WHERE id = $1", params![id]).await?;
    Ok(())
}
