//! The statements about API credentials, but for the one that opens the doors, which stands there.

use std::borrow::Cow;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx, Value};
use platform::params;
use platform::web::lists::{Column, Query, Sort, Where};

use super::{Details, Listed, State};
use crate::search;

/// The columns of [`Listed`].
pub const COLUMNS: &str = "c.id, c.identifier, c.description, c.admin_id, a.username, a.disabled, c.role_id, r.name, \
    c.networks, c.requests_per_minute, c.created_at, c.expires_at, c.last_used_at, c.last_used_ip, c.rotated_at, \
    c.old_secret_until, c.revoked_at";
const JOINS: &str = "JOIN admins a ON a.id = c.admin_id LEFT JOIN api_roles r ON r.id = c.role_id";

/// The orders of the list.
pub const SORTS: &[Sort] = &[
    Sort::by("created", &[Column::int("c.created_at")]).with(&["c.admin_id"]),
    Sort::by("used", &[Column::int("c.last_used_at").or_missing()]),
    Sort::by("expires", &[Column::int("c.expires_at").or_missing()]),
];

/// Which credentials a list shows; the default shows all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words of the description, the administrator's name or the beginning of the identifier.
    pub text: String,
    pub state: Option<State>,
    pub role_id: Option<i64>,
}

pub fn query(filter: &Filter, now: Timestamp) -> Query<'static> {
    let mut clauses = Where::default();
    for word in filter.text.split_whitespace() {
        let text = |text: String| Value::Text(Cow::Owned(text));
        let begins = format!("{}%", word.to_lowercase().replace(['%', '_', '\\'], ""));
        clauses.and_of(
            "(LOWER(c.description) LIKE ? ESCAPE '\\' OR c.identifier LIKE ? OR c.admin_id IN \
             (SELECT n.id FROM admins n WHERE n.username_lower LIKE ? ESCAPE '\\'))",
            vec![search::anywhere(word), text(begins), search::anywhere(word)],
        );
    }
    if let Some(id) = filter.role_id {
        clauses.and("c.role_id = ?", Value::Int(id));
    }
    let now = Value::Int(now.micros());
    match filter.state {
        Some(State::Revoked) => clauses.plain("c.revoked_at IS NOT NULL"),
        Some(State::Expired) => clauses.and("c.revoked_at IS NULL AND c.expires_at <= ?", now),
        Some(State::Resting) => clauses.and(
            "c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > ?) \
             AND c.admin_id IN (SELECT d.id FROM admins d WHERE d.disabled)",
            now,
        ),
        Some(State::Good) => clauses.and(
            "c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > ?) \
             AND c.admin_id NOT IN (SELECT d.id FROM admins d WHERE d.disabled)",
            now,
        ),
        None => {}
    }
    Query { table: "api_credentials c", id: "c.id", joins: JOINS, filter: clauses }
}

/// All of them, in the order in which they were made.
pub async fn list(conn: &mut Conn) -> Result<Vec<Listed>> {
    conn.all(&format!("SELECT {COLUMNS} FROM api_credentials c {JOINS} ORDER BY c.id"), params![]).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Listed> {
    let sql = format!("SELECT {COLUMNS} FROM api_credentials c {JOINS} WHERE c.id = $1");
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("API credential"))
}

pub(super) async fn by_identifier(conn: &mut Conn, identifier: &str) -> Result<Option<Listed>> {
    let sql = format!("SELECT {COLUMNS} FROM api_credentials c {JOINS} WHERE c.identifier = $1");
    conn.optional(&sql, params![identifier]).await
}

/// The names of all that an administrator may do.
pub(super) async fn permissions(conn: &mut Conn, admin_id: i64) -> Result<Vec<String>> {
    conn.column(
        "SELECT p.permission FROM role_permissions p JOIN admins a ON a.role_id = p.role_id WHERE a.id = $1 \
         ORDER BY p.permission",
        params![admin_id],
    )
    .await
}

/// `None` when the identifier is taken.
pub(super) async fn insert(
    tx: &mut Tx,
    identifier: &str,
    hash: &str,
    admin_id: i64,
    details: &Details,
    now: Timestamp,
) -> Result<Option<i64>> {
    let made: Option<(i64,)> = tx
        .optional(
            "INSERT INTO api_credentials (identifier, secret_hash, admin_id, created_at, description, role_id, networks, \
             expires_at, requests_per_minute) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (identifier) DO NOTHING RETURNING id",
            params![
                identifier,
                hash,
                admin_id,
                now,
                details.description,
                details.role_id,
                details.networks,
                details.expires_at,
                details.requests_per_minute
            ],
        )
        .await?;
    Ok(made.map(|(id,)| id))
}

pub(super) async fn update(tx: &mut Tx, id: i64, details: &Details) -> Result<u64> {
    tx.execute(
        "UPDATE api_credentials SET description = $2, role_id = $3, networks = $4, expires_at = $5, \
         requests_per_minute = $6 WHERE id = $1",
        params![
            id,
            details.description,
            details.role_id,
            details.networks,
            details.expires_at,
            details.requests_per_minute
        ],
    )
    .await
}

/// Whether the last rotation was the one that was known.
pub(super) async fn rotate(
    tx: &mut Tx,
    id: i64,
    hash: &str,
    until: Option<Timestamp>,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool> {
    let done = tx
        .execute(
            "UPDATE api_credentials SET old_secret_hash = CASE WHEN $6 THEN secret_hash END, old_secret_until = $3, \
             secret_hash = $2, rotated_at = $5 \
             WHERE id = $1 AND revoked_at IS NULL AND COALESCE(rotated_at, 0) = $4",
            params![id, hash, until, last.map_or(0, Timestamp::micros), now, until.is_some()],
        )
        .await?;
    Ok(done == 1)
}

/// Whether it was not revoked before.
pub(super) async fn revoke(tx: &mut Tx, id: i64, now: Timestamp) -> Result<bool> {
    let done = tx
        .execute(
            "UPDATE api_credentials SET revoked_at = $2, old_secret_hash = NULL, old_secret_until = NULL \
             WHERE id = $1 AND revoked_at IS NULL",
            params![id, now],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn used(tx: &mut Tx, id: i64, ip: &str, before: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE api_credentials SET last_used_at = $3, last_used_ip = $2 \
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $4)",
        params![id, ip, now, before],
    )
    .await?;
    Ok(())
}

/// The administrators whose credentials have a role and are not revoked.
pub(super) async fn holders(conn: &mut Conn, role_id: i64) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT DISTINCT a.id, a.username FROM api_credentials c JOIN admins a ON a.id = c.admin_id \
               WHERE c.role_id = $1 AND c.revoked_at IS NULL ORDER BY a.id";
    conn.all(sql, params![role_id]).await
}
