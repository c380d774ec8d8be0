//! The statements about services.

use kernel::{Date, Result};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params};

use super::{Service, ServiceAddon};
use crate::config_options::Picked;

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

pub(super) async fn insert_addon(tx: &mut Tx, addon: &ServiceAddon) -> Result<i64> {
    tx.scalar(
        "INSERT INTO service_addons (service_id, addon_id, order_id, name, taxed, status, quantity, first_amount, \
         recurring_amount, cycle, anchor_day, registered_on, next_due_on, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id",
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
            addon.created_at
        ],
    )
    .await
}

pub(super) async fn update_addon(tx: &mut Tx, addon: &ServiceAddon) -> Result<()> {
    tx.execute(
        "UPDATE service_addons SET status = $2, quantity = $3, recurring_amount = $4, cycle = $5, anchor_day = $6, \
         next_due_on = $7 WHERE id = $1",
        params![
            addon.id,
            addon.status,
            addon.quantity,
            addon.recurring_amount,
            addon.cycle,
            addon.anchor_day,
            addon.next_due_on
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

/// Whether it was running until now.
pub(super) async fn complete(tx: &mut Tx, id: i64) -> Result<bool> {
    let changed = tx
        .execute(
            "UPDATE services SET status = 'completed' WHERE id = $1 AND status IN ('active', 'suspended')",
            params![id],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn complete_addons(tx: &mut Tx, service_id: i64) -> Result<Vec<i64>> {
    tx.column(
        "UPDATE service_addons SET status = 'completed' \
         WHERE service_id = $1 AND status IN ('pending', 'active', 'suspended') RETURNING id",
        params![service_id],
    )
    .await
}

/// Ends what a client has; the ids of the services that were not over.
pub(super) async fn end_of_client(tx: &mut Tx, client_id: i64) -> Result<Vec<i64>> {
    tx.column(
        "UPDATE services SET status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE 'terminated' END \
         WHERE client_id = $1 AND status IN ('pending', 'active', 'suspended') RETURNING id",
        params![client_id],
    )
    .await
}

pub(super) async fn end_addons(tx: &mut Tx, service_ids: &[i64]) -> Result<Vec<i64>> {
    tx.column(
        "UPDATE service_addons SET status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE 'terminated' END \
         WHERE service_id IN $1[] AND status IN ('pending', 'active', 'suspended') RETURNING id",
        params![service_ids],
    )
    .await
}
