//! The statements about OAuth credentials.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx, Value};
use platform::params;
use platform::web::lists::{Column, Query, Sort, Where};

use super::OAuthCredential;

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<OAuthCredential>> {
    let sql = format!("SELECT {} FROM oauth_credentials WHERE id = $1", OAuthCredential::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_identifier(conn: &mut Conn, identifier: &str) -> Result<Option<OAuthCredential>> {
    let sql = format!("SELECT {} FROM oauth_credentials WHERE identifier = $1", OAuthCredential::columns(""));
    conn.optional(&sql, params![identifier]).await
}

/// Those of a service, the latest first. At most 50 are told.
pub(super) async fn of_service(conn: &mut Conn, service_id: i64) -> Result<Vec<OAuthCredential>> {
    let sql = format!(
        "SELECT {} FROM oauth_credentials WHERE service_id = $1 ORDER BY id DESC LIMIT 50",
        OAuthCredential::columns("")
    );
    conn.all(&sql, params![service_id]).await
}

pub(super) async fn secret_hash(conn: &mut Conn, id: i64) -> Result<String> {
    conn.scalar("SELECT secret_hash FROM oauth_credentials WHERE id = $1", params![id]).await
}

pub(super) async fn insert(tx: &mut Tx, new: &OAuthCredential, secret_hash: &str) -> Result<i64> {
    tx.scalar(
        "INSERT INTO oauth_credentials (identifier, secret_hash, service_id, name, description, scope, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
        params![new.identifier, secret_hash, new.service_id, new.name, new.description, new.scope, new.created_at],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, edited: &OAuthCredential, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE oauth_credentials SET service_id = $2, name = $3, description = $4, scope = $5, updated_at = $6 \
         WHERE id = $1",
        params![edited.id, edited.service_id, edited.name, edited.description, edited.scope, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_secret(tx: &mut Tx, id: i64, secret_hash: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE oauth_credentials SET secret_hash = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, params![id, secret_hash, now]).await?;
    Ok(())
}

pub(super) async fn used(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE oauth_credentials SET last_used_at = $2 WHERE id = $1", params![id, now]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<u64> {
    tx.execute("DELETE FROM oauth_credentials WHERE id = $1", params![id]).await
}

/// The orders of the list.
pub const SORTS: &[Sort] = &[
    Sort::by("id", &[]),
    Sort::by("created", &[Column::int("c.created_at")]),
    Sort::by("updated", &[Column::int("c.updated_at")]),
];

/// All of them, or those of a service.
pub fn query(service_id: Option<i64>) -> Query<'static> {
    let mut clauses = Where::default();
    if let Some(id) = service_id {
        clauses.and("c.service_id = ?", Value::Int(id));
    }
    Query { table: "oauth_credentials c", id: "c.id", joins: "", filter: clauses }
}
