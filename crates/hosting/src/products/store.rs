//! The statements about products.

use std::collections::HashMap;

use kernel::Result;
use platform::db::{Conn, ToValue, Tx, dialect};
use platform::params;
use platform::web::lists::Where;

use super::{Filter, Product};

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Product>> {
    let sql = format!("SELECT {} FROM products WHERE id = $1", Product::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn list(conn: &mut Conn, filter: &Filter) -> Result<Vec<Product>> {
    let mut conditions = Where::default();
    if !filter.ids.is_empty() {
        conditions.and("p.id IN ?[]", filter.ids.to_value());
    }
    if let Some(group) = &filter.group_id {
        conditions.and("p.group_id = ?", group.to_value());
    }
    if let Some(module) = &filter.module {
        conditions.and("p.module = ?", module.to_value());
    }
    let sql = format!(
        "SELECT {} FROM products p JOIN product_groups g ON g.id = p.group_id {} \
         ORDER BY g.position, g.id, p.position, p.id",
        Product::columns("p"),
        conditions.sql()
    );
    conn.all(&sql, &conditions.params).await
}

pub(super) async fn running_services(conn: &mut Conn) -> Result<HashMap<i64, i64>> {
    let rows: Vec<(i64, i64)> = conn
        .all(
            "SELECT product_id, COUNT(*) FROM services WHERE status IN ('active', 'suspended') GROUP BY product_id",
            params![],
        )
        .await?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn service_count(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM services WHERE product_id = $1", params![id]).await
}

/// The address names in use that begin with `start`, but for those of one product.
pub(super) async fn slugs(conn: &mut Conn, start: &str, except: i64) -> Result<Vec<String>> {
    conn.column(
        "SELECT slug FROM products WHERE (slug = $1 OR slug LIKE $2) AND id <> $3",
        params![start, format!("{start}-%"), except],
    )
    .await
}

pub(super) async fn insert(tx: &mut Tx, product: &Product) -> Result<i64> {
    tx.scalar(
        "INSERT INTO products (group_id, kind, name, slug, tagline, short_description, description, colour, pay_type, \
         taxed, hidden, featured, retired, needs_domain, stock_control, stock, quantity_mode, cycles_limit, prorata, \
         prorata_day, prorata_cutoff, auto_setup, module, position, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25, $26) RETURNING id",
        params![
            product.group_id,
            product.kind,
            product.name,
            product.slug,
            product.tagline,
            product.short_description,
            product.description,
            product.colour,
            product.pay_type,
            product.taxed,
            product.hidden,
            product.featured,
            product.retired,
            product.needs_domain,
            product.stock_control,
            product.stock,
            product.quantity_mode,
            product.cycles_limit,
            product.prorata,
            product.prorata_day,
            product.prorata_cutoff,
            product.auto_setup,
            product.module,
            product.position,
            product.created_at,
            product.updated_at
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, product: &Product) -> Result<()> {
    tx.execute(
        "UPDATE products SET group_id = $2, kind = $3, name = $4, slug = $5, tagline = $6, short_description = $7, \
         description = $8, colour = $9, pay_type = $10, taxed = $11, hidden = $12, featured = $13, retired = $14, \
         needs_domain = $15, stock_control = $16, stock = $17, quantity_mode = $18, cycles_limit = $19, prorata = $20, \
         prorata_day = $21, prorata_cutoff = $22, auto_setup = $23, module = $24, position = $25, updated_at = $26 \
         WHERE id = $1",
        params![
            product.id,
            product.group_id,
            product.kind,
            product.name,
            product.slug,
            product.tagline,
            product.short_description,
            product.description,
            product.colour,
            product.pay_type,
            product.taxed,
            product.hidden,
            product.featured,
            product.retired,
            product.needs_domain,
            product.stock_control,
            product.stock,
            product.quantity_mode,
            product.cycles_limit,
            product.prorata,
            product.prorata_day,
            product.prorata_cutoff,
            product.auto_setup,
            product.module,
            product.position,
            product.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn lock_stock(tx: &mut Tx, ids: &[i64]) -> Result<()> {
    let sql = format!(
        "SELECT id FROM products WHERE id IN $1[] AND stock_control ORDER BY id{}",
        dialect::for_update(tx.engine())
    );
    tx.column::<i64>(&sql, params![ids]).await?;
    Ok(())
}

/// Whether there was enough of it.
pub(super) async fn take_stock(tx: &mut Tx, id: i64, quantity: i64) -> Result<bool> {
    let taken = tx
        .execute("UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2", params![id, quantity])
        .await?;
    Ok(taken == 1)
}

pub(super) async fn give_stock(tx: &mut Tx, id: i64, quantity: i64) -> Result<()> {
    tx.execute("UPDATE products SET stock = stock + $2 WHERE id = $1", params![id, quantity]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    for sql in [
        "DELETE FROM product_options WHERE product_id = $1",
        "DELETE FROM product_addons WHERE product_id = $1",
        // What a service took that became another product's: there is no stock left for it to go back to.
        "DELETE FROM taken_stock WHERE product_id = $1",
        "DELETE FROM products WHERE id = $1",
    ] {
        tx.execute(sql, params![id]).await?;
    }
    Ok(())
}
