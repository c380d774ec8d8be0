//! The statements about client groups.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

use super::{ClientGroup, NewGroup};

record! {
    /// A group and how many clients are in it.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Counted {
        pub id: i64,
        pub name: String,
        pub colour: String,
        pub separate_invoices: bool,
        pub clients: i64,
    }
}

/// Every group, by name.
pub async fn all(conn: &mut Conn) -> Result<Vec<ClientGroup>> {
    let sql = format!("SELECT {} FROM client_groups ORDER BY name", ClientGroup::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn counted(conn: &mut Conn) -> Result<Vec<Counted>> {
    conn.all(
        "SELECT g.id, g.name, g.colour, g.separate_invoices, \
         (SELECT COUNT(*) FROM clients c WHERE c.group_id = g.id) FROM client_groups g ORDER BY g.name",
        params![],
    )
    .await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<ClientGroup>> {
    let sql = format!("SELECT {} FROM client_groups WHERE id = $1", ClientGroup::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn named(conn: &mut Conn, name: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn.optional("SELECT id FROM client_groups WHERE name = $1", params![name]).await?;
    Ok(found.map(|(id,)| id))
}

/// `None` when the name is taken.
pub(super) async fn insert(tx: &mut Tx, new: &NewGroup, now: Timestamp) -> Result<Option<ClientGroup>> {
    let sql = format!(
        "INSERT INTO client_groups (name, colour, separate_invoices, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO NOTHING RETURNING {}",
        ClientGroup::columns("")
    );
    tx.optional(&sql, params![new.name, new.colour, new.separate_invoices, now]).await
}

pub(super) async fn update(tx: &mut Tx, id: i64, new: &NewGroup) -> Result<u64> {
    tx.execute(
        "UPDATE client_groups SET name = $2, colour = $3, separate_invoices = $4 WHERE id = $1",
        params![id, new.name, new.colour, new.separate_invoices],
    )
    .await
}

pub(super) async fn clients(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM clients WHERE group_id = $1", params![id]).await
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<u64> {
    tx.execute("DELETE FROM client_groups WHERE id = $1", params![id]).await
}
