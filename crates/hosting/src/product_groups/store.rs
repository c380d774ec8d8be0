//! The statements about product groups.

use kernel::Result;
use platform::db::{Conn, Tx};
use platform::params;

use super::ProductGroup;

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<ProductGroup>> {
    let sql = format!("SELECT {} FROM product_groups ORDER BY position, id", ProductGroup::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<ProductGroup>> {
    let sql = format!("SELECT {} FROM product_groups WHERE id = $1", ProductGroup::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn insert(tx: &mut Tx, group: &ProductGroup) -> Result<i64> {
    tx.scalar(
        "INSERT INTO product_groups (name, slug, tagline, hidden, position) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        params![group.name, group.slug, group.tagline, group.hidden, group.position],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, group: &ProductGroup) -> Result<()> {
    tx.execute(
        "UPDATE product_groups SET name = $2, slug = $3, tagline = $4, hidden = $5, position = $6 WHERE id = $1",
        params![group.id, group.name, group.slug, group.tagline, group.hidden, group.position],
    )
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM product_groups WHERE id = $1", params![id]).await?;
    Ok(())
}

pub(super) async fn product_count(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM products WHERE group_id = $1", params![id]).await
}

/// The address names in use that begin with `start`, but for those of one group.
pub(super) async fn slugs(conn: &mut Conn, start: &str, except: i64) -> Result<Vec<String>> {
    conn.column(
        "SELECT slug FROM product_groups WHERE (slug = $1 OR slug LIKE $2) AND id <> $3",
        params![start, format!("{start}-%"), except],
    )
    .await
}
