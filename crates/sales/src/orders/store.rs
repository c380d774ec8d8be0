//! The statements about orders.

use accounts::{clients, search};
use billing::invoices::InvoiceStatus;
use kernel::{Currency, Date, Result, Timestamp};
use platform::db::{Conn, Insert, ToValue, Tx, Value};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{cells, params, record};

use super::{Filter, Item, Order, OrderStatus};

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Order>> {
    let sql = format!("SELECT {} FROM orders WHERE id = $1 AND deleted_at IS NULL", Order::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_request_key(conn: &mut Conn, key: &str) -> Result<Option<Order>> {
    let sql = format!("SELECT {} FROM orders WHERE request_key = $1", Order::columns(""));
    conn.optional(&sql, params![key]).await
}

/// The orders that stand on an invoice; more than one, when theirs were merged.
pub(super) async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Order>> {
    let sql = format!(
        "SELECT {} FROM orders WHERE deleted_at IS NULL AND id IN (SELECT id FROM orders WHERE invoice_id = $1 \
         UNION SELECT order_id FROM order_invoices WHERE invoice_id = $1) ORDER BY id",
        Order::columns("")
    );
    conn.all(&sql, params![invoice_id]).await
}

/// The invoices that lines of an order were split off to.
pub(super) async fn split_off(conn: &mut Conn, id: i64) -> Result<Vec<i64>> {
    conn.column("SELECT invoice_id FROM order_invoices WHERE order_id = $1 ORDER BY invoice_id", params![id]).await
}

pub(super) async fn add_split_off(tx: &mut Tx, id: i64, invoice_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO order_invoices (order_id, invoice_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        params![id, invoice_id],
    )
    .await?;
    Ok(())
}

pub(super) async fn forget_split_off(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM order_invoices WHERE order_id = $1", params![id]).await?;
    Ok(())
}

/// `None` when the number or the request key is taken.
pub(super) async fn insert(tx: &mut Tx, order: &Order, request_key: Option<&str>) -> Result<Option<i64>> {
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO orders (number, request_key, client_id, status, currency, amount, gateway, invoice_id, \
             ordered_on, ip, notes, ordered_by, ordered_by_admin, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT DO NOTHING RETURNING id",
            params![
                order.number,
                request_key,
                order.client_id,
                order.status,
                order.currency,
                order.amount,
                order.gateway,
                order.invoice_id,
                order.ordered_on,
                order.ip,
                order.notes,
                order.ordered_by,
                order.ordered_by_admin,
                order.created_at,
                order.updated_at
            ],
        )
        .await?;
    Ok(inserted.map(|(id,)| id))
}

pub(super) async fn set_invoice(tx: &mut Tx, id: i64, invoice_id: Option<i64>) -> Result<()> {
    tx.execute("UPDATE orders SET invoice_id = $2 WHERE id = $1", params![id, invoice_id]).await?;
    Ok(())
}

pub(super) async fn set_status(tx: &mut Tx, id: i64, status: OrderStatus, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE orders SET status = $2, updated_at = $3 WHERE id = $1", params![id, status, now]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE orders SET deleted_at = $2 WHERE id = $1", params![id, now]).await?;
    Ok(())
}

pub(super) async fn insert_items(tx: &mut Tx, items: &[Item]) -> Result<()> {
    let mut rows = Insert::into(
        "order_items",
        &[
            "order_id",
            "kind",
            "service_id",
            "service_addon_id",
            "product_kind",
            "group_name",
            "name",
            "domain",
            "description",
            "cycle",
            "quantity",
            "setup",
            "first_amount",
            "recurring_amount",
            "auto_setup",
        ],
    );
    for item in items {
        rows.row(cells![
            item.order_id,
            item.kind,
            item.service_id,
            item.service_addon_id,
            item.product_kind,
            item.group_name,
            item.name,
            item.domain,
            item.description,
            item.cycle,
            item.quantity,
            item.setup,
            item.first_amount,
            item.recurring_amount,
            item.auto_setup
        ]);
    }
    rows.run(tx).await?;
    Ok(())
}

/// The items of several orders, each with the status that its service or addon has now.
pub(super) async fn items(conn: &mut Conn, order_ids: &[i64]) -> Result<Vec<Item>> {
    let frozen: Vec<String> =
        Item::COLUMNS.iter().filter(|column| **column != "status").map(|column| format!("i.{column}")).collect();
    let sql = format!(
        "SELECT {}, COALESCE(a.status, s.status) FROM order_items i JOIN services s ON s.id = i.service_id \
         LEFT JOIN service_addons a ON a.id = i.service_addon_id WHERE i.order_id IN $1[] ORDER BY i.order_id, i.id",
        frozen.join(", ")
    );
    conn.all(&sql, params![order_ids]).await
}

pub(super) async fn replace_invoice(tx: &mut Tx, old_id: i64, new_id: i64) -> Result<()> {
    tx.execute("UPDATE orders SET invoice_id = $2 WHERE invoice_id = $1", params![old_id, new_id]).await?;
    // An order that stands on the new one already stands on it once.
    tx.execute(
        "INSERT INTO order_invoices (order_id, invoice_id) SELECT order_id, $2 FROM order_invoices \
         WHERE invoice_id = $1 ON CONFLICT DO NOTHING",
        params![old_id, new_id],
    )
    .await?;
    tx.execute("DELETE FROM order_invoices WHERE invoice_id = $1", params![old_id]).await?;
    Ok(())
}

/// The ids and numbers of the orders that were pending.
pub(super) async fn cancel_pending_of(tx: &mut Tx, client_id: i64, now: Timestamp) -> Result<Vec<(i64, String)>> {
    tx.all(
        "UPDATE orders SET status = 'cancelled', updated_at = $2 \
         WHERE client_id = $1 AND status = 'pending' AND deleted_at IS NULL RETURNING id, number",
        params![client_id, now],
    )
    .await
}

pub(super) async fn pending_count(conn: &mut Conn, client_ids: &[i64]) -> Result<i64> {
    conn.scalar(
        "SELECT COUNT(*) FROM orders WHERE client_id IN $1[] AND status = 'pending' AND deleted_at IS NULL",
        params![client_ids],
    )
    .await
}

record! {
    /// An order with what lists say of its client and invoice.
    #[derive(Debug, Clone)]
    pub struct Listed {
        pub id: i64,
        pub number: String,
        pub client_id: i64,
        pub status: OrderStatus,
        pub currency: Currency,
        pub amount: i64,
        pub gateway: String,
        pub invoice_id: Option<i64>,
        pub ordered_on: Date,
        pub ip: String,
        pub notes: String,
        pub ordered_by: String,
        pub ordered_by_admin: Option<i64>,
        pub created_at: Timestamp,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub invoice_status: Option<InvoiceStatus>,
    }
}

impl Listed {
    pub fn person(&self) -> String {
        [self.first_name.as_str(), self.last_name.as_str()].join(" ").trim().to_owned()
    }

    /// The company if there is one, else the person.
    pub fn client(&self) -> String {
        clients::name(&self.company, &self.first_name, &self.last_name)
    }
}

pub const SORTS: &[Sort] = &[
    Sort::by("id", &[]).with(&["o.client_id", "o.status", "o.gateway"]),
    Sort::by("ordered_on", &[Column::text("o.ordered_on")]),
    Sort::by("amount", &[Column::int("o.amount")]),
];

/// The columns of [`Listed`].
pub(super) fn columns() -> String {
    let own: Vec<String> = Listed::COLUMNS[..14].iter().map(|column| format!("o.{column}")).collect();
    format!("{}, c.first_name, c.last_name, c.company, v.status", own.join(", "))
}

/// The orders, with their clients and invoices for [`columns`].
pub(super) async fn query<'a>(conn: &mut Conn, filter: &'a Filter) -> Result<Query<'a>> {
    let mut clauses = Where::default();
    clauses.nearly("o.deleted_at IS NULL");
    let text = filter.text.trim().trim_start_matches('#');
    match text.parse::<i64>() {
        // Numbers have ten digits; ids hardly ever do.
        Ok(id) if text.len() < 10 => clauses.equal("o.id", Value::Int(id)),
        Ok(_) => clauses.equal("o.number", Value::Text(text.to_owned().into())),
        Err(_) if text.is_empty() => {}
        Err(_) => search::find(conn, search::Kind::Client, text).await?.limit(&mut clauses, "o.client_id"),
    }
    if let Some(id) = &filter.id {
        clauses.equal("o.id", id.to_value());
    }
    if let Some(id) = &filter.client_id {
        clauses.equal("o.client_id", id.to_value());
    }
    if let Some(status) = &filter.status {
        clauses.equal("o.status", status.to_value());
    }
    if let Some(gateway) = &filter.gateway {
        clauses.equal("o.gateway", gateway.to_value());
    }
    if let Some(day) = &filter.from {
        clauses.by_index("o.ordered_on", "o.ordered_on >= ?", day.to_value());
    }
    if let Some(day) = &filter.until {
        clauses.by_index("o.ordered_on", "o.ordered_on <= ?", day.to_value());
    }
    for (bound, clause) in [(&filter.at_least, "o.amount >= ?"), (&filter.at_most, "o.amount <= ?")] {
        if let Some(amount) = bound {
            clauses.and("o.currency = ?", amount.currency.to_value());
            clauses.by_index("o.amount", clause, amount.minor.to_value());
        }
    }
    let joins = "JOIN clients c ON c.id = o.client_id LEFT JOIN invoices v ON v.id = o.invoice_id";
    Ok(Query { table: "orders o", id: "o.id", joins, filter: clauses })
}
