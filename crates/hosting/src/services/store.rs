//! The statements about services.

use std::collections::HashMap;

use accounts::{clients, search};
use kernel::{Currency, Cycle, Date, Result};
use platform::db::{Conn, Insert, ToValue, Tx, Value};
use platform::web::lists::{Column, Order, Query, Sort, Where};
use platform::{cells, params, record};

use super::{Filter, Service, ServiceAddon, ServiceStatus};
use crate::config_options::{OptionKind, Picked};
use crate::products::ProductKind;

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Service>> {
    let sql = format!("SELECT {} FROM services WHERE id = $1", Service::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn find_addon(conn: &mut Conn, id: i64) -> Result<Option<ServiceAddon>> {
    let sql = format!("SELECT {} FROM service_addons WHERE id = $1", ServiceAddon::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<Service>> {
    let sql = format!("SELECT {} FROM services WHERE client_id = $1 ORDER BY id DESC", Service::columns(""));
    conn.all(&sql, params![client_id]).await
}

pub(super) async fn addons_of(conn: &mut Conn, service_id: i64) -> Result<Vec<ServiceAddon>> {
    let sql = format!("SELECT {} FROM service_addons WHERE service_id = $1 ORDER BY id", ServiceAddon::columns(""));
    conn.all(&sql, params![service_id]).await
}

pub(super) async fn options_of(conn: &mut Conn, service_id: i64) -> Result<Vec<Picked>> {
    let rows: Vec<(i64, i64, i64)> = conn
        .all(
            "SELECT option_id, choice_id, quantity FROM service_options WHERE service_id = $1 ORDER BY option_id",
            params![service_id],
        )
        .await?;
    let picked = |(option_id, choice_id, quantity)| Picked { option_id, choice_id, quantity };
    Ok(rows.into_iter().map(picked).collect())
}

pub(super) async fn insert(tx: &mut Tx, service: &Service) -> Result<i64> {
    tx.scalar(
        "INSERT INTO services (client_id, product_id, order_id, domain, username, status, quantity, currency, \
         first_amount, recurring_amount, cycle, anchor_day, gateway, registered_on, next_due_on, terminated_on, \
         suspend_reason, no_suspend_until, dedicated_ip, assigned_ips, ns1, ns2, notes, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25) RETURNING id",
        params![
            service.client_id,
            service.product_id,
            service.order_id,
            service.domain,
            service.username,
            service.status,
            service.quantity,
            service.currency,
            service.first_amount,
            service.recurring_amount,
            service.cycle,
            service.anchor_day,
            service.gateway,
            service.registered_on,
            service.next_due_on,
            service.terminated_on,
            service.suspend_reason,
            service.no_suspend_until,
            service.dedicated_ip,
            service.assigned_ips,
            service.ns1,
            service.ns2,
            service.notes,
            service.created_at,
            service.updated_at
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, service: &Service) -> Result<()> {
    tx.execute(
        "UPDATE services SET product_id = $2, domain = $3, username = $4, status = $5, quantity = $6, \
         first_amount = $7, recurring_amount = $8, cycle = $9, anchor_day = $10, gateway = $11, registered_on = $12, \
         next_due_on = $13, terminated_on = $14, suspend_reason = $15, no_suspend_until = $16, dedicated_ip = $17, \
         assigned_ips = $18, ns1 = $19, ns2 = $20, notes = $21, updated_at = $22 WHERE id = $1",
        params![
            service.id,
            service.product_id,
            service.domain,
            service.username,
            service.status,
            service.quantity,
            service.first_amount,
            service.recurring_amount,
            service.cycle,
            service.anchor_day,
            service.gateway,
            service.registered_on,
            service.next_due_on,
            service.terminated_on,
            service.suspend_reason,
            service.no_suspend_until,
            service.dedicated_ip,
            service.assigned_ips,
            service.ns1,
            service.ns2,
            service.notes,
            service.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_options(tx: &mut Tx, service_id: i64, picked: &[Picked]) -> Result<()> {
    tx.execute("DELETE FROM service_options WHERE service_id = $1", params![service_id]).await?;
    let mut rows = Insert::into("service_options", &["service_id", "option_id", "choice_id", "quantity"]);
    for pick in picked {
        rows.row(cells![service_id, pick.option_id, pick.choice_id, pick.quantity]);
    }
    rows.run(tx).await?;
    Ok(())
}

/// That a service has taken its quantity from the stock of its product.
pub(super) async fn insert_stock(tx: &mut Tx, service: &Service) -> Result<()> {
    tx.execute(
        "INSERT INTO taken_stock (service_id, product_id, quantity, returned) VALUES ($1, $2, $3, FALSE)",
        params![service.id, service.product_id, service.quantity],
    )
    .await?;
    Ok(())
}

/// The product and the quantity that a service gives back now. Nothing where the product is not counted any more.
pub(super) async fn return_stock(tx: &mut Tx, service_id: i64) -> Result<Option<(i64, i64)>> {
    tx.optional(
        "UPDATE taken_stock SET returned = TRUE WHERE service_id = $1 AND NOT returned \
         AND product_id IN (SELECT id FROM products WHERE stock_control) RETURNING product_id, quantity",
        params![service_id],
    )
    .await
}

pub(super) async fn holds_stock(conn: &mut Conn, service_id: i64) -> Result<bool> {
    conn.scalar("SELECT EXISTS (SELECT 1 FROM taken_stock WHERE service_id = $1 AND NOT returned)", params![service_id])
        .await
}

pub(super) async fn gave_stock_back(conn: &mut Conn, service_id: i64) -> Result<bool> {
    conn.scalar("SELECT EXISTS (SELECT 1 FROM taken_stock WHERE service_id = $1 AND returned)", params![service_id])
        .await
}

pub(super) async fn forget_stock(tx: &mut Tx, service_id: i64) -> Result<()> {
    tx.execute("DELETE FROM taken_stock WHERE service_id = $1", params![service_id]).await?;
    Ok(())
}

/// The products that services have taken from.
pub(super) async fn stock_of(conn: &mut Conn, service_ids: &[i64]) -> Result<Vec<i64>> {
    conn.column("SELECT DISTINCT product_id FROM taken_stock WHERE service_id IN $1[]", params![service_ids]).await
}

pub(super) async fn insert_addon(tx: &mut Tx, addon: &ServiceAddon) -> Result<i64> {
    tx.scalar(
        "INSERT INTO service_addons (service_id, addon_id, order_id, name, taxed, status, quantity, first_amount, \
         recurring_amount, cycle, anchor_day, registered_on, next_due_on, terminated_on, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
        params![
            addon.service_id,
            addon.addon_id,
            addon.order_id,
            addon.name,
            addon.taxed,
            addon.status,
            addon.quantity,
            addon.first_amount,
            addon.recurring_amount,
            addon.cycle,
            addon.anchor_day,
            addon.registered_on,
            addon.next_due_on,
            addon.terminated_on,
            addon.created_at
        ],
    )
    .await
}

pub(super) async fn update_addon(tx: &mut Tx, addon: &ServiceAddon) -> Result<()> {
    tx.execute(
        "UPDATE service_addons SET status = $2, quantity = $3, recurring_amount = $4, cycle = $5, anchor_day = $6, \
         next_due_on = $7, first_amount = $8, terminated_on = $9 WHERE id = $1",
        params![
            addon.id,
            addon.status,
            addon.quantity,
            addon.recurring_amount,
            addon.cycle,
            addon.anchor_day,
            addon.next_due_on,
            addon.first_amount,
            addon.terminated_on
        ],
    )
    .await?;
    Ok(())
}

/// One-time services have no due date, and so nothing moves.
pub(super) async fn move_due(tx: &mut Tx, id: i64, due_on: Date) -> Result<()> {
    tx.execute("UPDATE services SET next_due_on = $2 WHERE id = $1 AND next_due_on IS NOT NULL", params![id, due_on])
        .await?;
    Ok(())
}

pub(super) async fn move_addon_due(tx: &mut Tx, id: i64, due_on: Date) -> Result<()> {
    tx.execute(
        "UPDATE service_addons SET next_due_on = $2 WHERE id = $1 AND next_due_on IS NOT NULL",
        params![id, due_on],
    )
    .await?;
    Ok(())
}

/// What a client has that is not over, by age.
pub(super) async fn live_of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<(i64, ServiceStatus)>> {
    conn.all(
        "SELECT id, status FROM services \
         WHERE client_id = $1 AND status IN ('pending', 'active', 'suspended') ORDER BY id",
        params![client_id],
    )
    .await
}

record! {
    /// A service with what lists say of its client and product.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Listed {
        pub id: i64,
        pub client_id: i64,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub product_id: i64,
        pub product: String,
        pub domain: String,
        pub status: ServiceStatus,
        pub quantity: i64,
        pub currency: Currency,
        pub recurring_amount: i64,
        pub cycle: Cycle,
        pub gateway: String,
        pub registered_on: Date,
        pub next_due_on: Option<Date>,
    }
}

impl Listed {
    pub fn client(&self) -> String {
        clients::name(&self.company, &self.first_name, &self.last_name)
    }
}

/// The columns of [`Listed`].
pub const LISTED: &str = "s.id, s.client_id, c.first_name, c.last_name, c.company, s.product_id, p.name, s.domain, \
    s.status, s.quantity, s.currency, s.recurring_amount, s.cycle, s.gateway, s.registered_on, s.next_due_on";

pub const SORTS: &[Sort] = &[
    Sort::by("id", &[]).with(&["s.client_id", "s.status", "s.product_id", "s.cycle", "s.gateway"]),
    Sort::by("domain", &[Column::text("s.domain")]),
    Sort::by("due", &[Column::text("s.next_due_on").or_missing()]).with(&["s.status"]),
];

/// The services, with their clients and products for [`LISTED`].
pub(super) async fn query<'a>(conn: &mut Conn, filter: &'a Filter) -> Result<Query<'a>> {
    let mut all = Where::default();
    if !filter.text.is_empty() {
        // Domains by their beginning, clients by how the words of their names begin.
        let found = search::find(conn, search::Kind::Client, &filter.text).await?;
        let lower = filter.text.to_lowercase();
        let until = format!("{lower}\u{10FFFF}");
        let (named, values) = found.clause("s.client_id");
        let clause = format!("((s.domain >= ? AND s.domain < ?) OR s.id = ? OR ({named}))");
        let id = Value::Int(filter.text.parse().unwrap_or_default());
        let values = [Value::Text(lower.into()), Value::Text(until.into()), id].into_iter().chain(values).collect();
        found.add(&mut all, &clause, values);
    }
    let mut equal = |column: &'static str, value: Option<Value<'a>>| {
        if let Some(value) = value {
            all.equal(column, value);
        }
    };
    equal("s.client_id", filter.client_id.as_ref().map(ToValue::to_value));
    equal("s.id", filter.id.as_ref().map(ToValue::to_value));
    equal("s.status", filter.status.as_ref().map(ToValue::to_value));
    equal("s.product_id", filter.product_id.as_ref().map(ToValue::to_value));
    equal("s.cycle", filter.cycle.as_ref().map(ToValue::to_value));
    equal("s.gateway", filter.gateway.as_ref().map(ToValue::to_value));
    equal("s.domain", filter.domain.as_ref().map(ToValue::to_value));
    if let Some(username) = &filter.username {
        all.and("s.username = ?", username.to_value());
    }
    let joins = "JOIN clients c ON c.id = s.client_id JOIN products p ON p.id = s.product_id";
    Ok(Query { table: "services s", id: "s.id", joins, filter: all })
}

/// Services by their position, the oldest first, for the compatible API; and how many there are.
pub(super) async fn part(conn: &mut Conn, filter: &Filter, start: i64, limit: i64) -> Result<(Vec<Service>, i64)> {
    let query = Query { joins: "", ..query(conn, filter).await? };
    let total = query.count_all(conn).await?;
    let order = (&SORTS[0], Order::Ascending);
    Ok((query.part(conn, &Service::columns("s"), order, start, limit).await?, total))
}

record! {
    /// An option of a service in words.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct NamedOption {
        pub service_id: i64,
        pub option_id: i64,
        pub option: String,
        pub kind: OptionKind,
        pub choice_id: i64,
        pub choice: String,
        pub quantity: i64,
    }
}

impl NamedOption {
    /// As every door takes it: the id of a choice, 1 for yes, or the quantity.
    pub fn value(&self) -> i64 {
        match self.kind {
            OptionKind::YesNo | OptionKind::Quantity => self.quantity,
            _ => self.choice_id,
        }
    }
}

/// What the services were ordered with, in words.
pub(super) async fn named_options(conn: &mut Conn, service_ids: &[i64]) -> Result<Vec<NamedOption>> {
    conn.all(
        "SELECT so.service_id, so.option_id, o.name, o.kind, so.choice_id, c.name, so.quantity FROM service_options so \
         JOIN config_options o ON o.id = so.option_id JOIN config_choices c ON c.id = so.choice_id \
         WHERE so.service_id IN $1[] ORDER BY so.service_id, o.position, o.id",
        params![service_ids],
    )
    .await
}

/// How many of these clients' services are not over.
pub(super) async fn live_count(conn: &mut Conn, client_ids: &[i64]) -> Result<i64> {
    conn.scalar(
        "SELECT COUNT(*) FROM services WHERE client_id IN $1[] AND status IN ('pending', 'active', 'suspended')",
        params![client_ids],
    )
    .await
}

/// A client's services by kind of product and by whether they are active.
pub(super) async fn kinds(conn: &mut Conn, client_id: i64) -> Result<Vec<(ProductKind, ServiceStatus, i64)>> {
    conn.all(
        "SELECT p.kind, s.status, COUNT(*) FROM services s JOIN products p ON p.id = s.product_id \
         WHERE s.client_id = $1 GROUP BY p.kind, s.status",
        params![client_id],
    )
    .await
}

/// Names of products and their groups.
pub(super) async fn product_names(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, (String, String)>> {
    let rows: Vec<(i64, String, String)> = conn
        .all(
            "SELECT p.id, p.name, g.name FROM products p JOIN product_groups g ON g.id = p.group_id WHERE p.id IN $1[]",
            params![ids],
        )
        .await?;
    Ok(rows.into_iter().map(|(id, name, group)| (id, (name, group))).collect())
}

/// The numbers of the orders that services were ordered with. Orders are another crate's; the compatible answer names
/// them.
pub(super) async fn order_numbers(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows: Vec<(i64, String)> = conn
        .all(
            "SELECT s.id, o.number FROM services s JOIN orders o ON o.id = s.order_id WHERE s.id IN $1[]",
            params![ids],
        )
        .await?;
    Ok(rows.into_iter().collect())
}
