//! The statements about administrators as those have them who configure them.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx, Value};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{params, record};

use super::Joined;
use crate::admins::Admin;
use crate::search;

record! {
    /// A line of the list.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub username: String,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub role_id: i64,
        pub role: String,
        pub disabled: bool,
        /// Has not chosen a password yet.
        pub invited: bool,
        pub created_at: Timestamp,
        pub last_login_at: Option<Timestamp>,
    }
}

/// The columns of [`Listed`].
pub const COLUMNS: &str = "a.id, a.username, a.first_name, a.last_name, a.email, a.role_id, r.name, a.disabled, \
    a.password_hash IS NULL, a.created_at, a.last_login_at";

/// The orders of the list.
pub const SORTS: &[Sort] = &[
    Sort::by("username", &[Column::text("a.username_lower")]),
    Sort::by("name", &[Column::text("a.last_name"), Column::text("a.first_name")]),
    Sort::by("email", &[Column::text("a.email_lower")]),
    Sort::by("last_login", &[Column::int("a.last_login_at").or_missing()]),
];

/// Which administrators a list shows; the default shows all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words that all occur in the names or the address.
    pub text: String,
    pub role_id: Option<i64>,
    pub disabled: Option<bool>,
    /// Exactly this address.
    pub email: String,
}

/// The administrators that a filter lets through.
pub fn query(filter: &Filter) -> Query<'static> {
    let mut clauses = Where::default();
    if let Some(id) = filter.role_id {
        clauses.equal("a.role_id", Value::Int(id));
    }
    match filter.disabled {
        Some(true) => clauses.equal_by("a.disabled", "a.disabled"),
        Some(false) => clauses.nearly("NOT a.disabled"),
        None => {}
    }
    if !filter.email.is_empty() {
        clauses.equal("a.email_lower", Value::Text(filter.email.to_lowercase().into()));
    }
    for word in filter.text.split_whitespace() {
        clauses.and(
            "(a.username_lower LIKE ? ESCAPE '\\' OR a.email_lower LIKE ? ESCAPE '\\' \
             OR LOWER(a.first_name || ' ' || a.last_name) LIKE ? ESCAPE '\\')",
            search::anywhere(word),
        );
    }
    Query { table: "admins a", id: "a.id", joins: "JOIN roles r ON r.id = a.role_id", filter: clauses }
}

pub(super) async fn update(tx: &mut Tx, admin: &Admin, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE admins SET username = $2, username_lower = $3, email = $4, email_lower = $5, role_id = $6, \
         first_name = $7, last_name = $8, signature = $9, notes = $10, updated_at = $11 WHERE id = $1",
        params![
            admin.id,
            admin.username,
            admin.username.to_lowercase(),
            admin.email,
            admin.email.to_lowercase(),
            admin.role_id,
            admin.first_name,
            admin.last_name,
            admin.signature,
            admin.notes,
            now
        ],
    )
    .await?;
    Ok(())
}

/// Whether others have the user name, and the address.
pub(super) async fn taken(conn: &mut Conn, admin: &Admin) -> Result<(bool, bool)> {
    conn.one(
        "SELECT EXISTS (SELECT 1 FROM admins WHERE username_lower = $2 AND id <> $1), \
         EXISTS (SELECT 1 FROM admins WHERE email_lower = $3 AND id <> $1)",
        params![admin.id, admin.username.to_lowercase(), admin.email.to_lowercase()],
    )
    .await
}

pub(super) async fn joined(conn: &mut Conn, id: i64) -> Result<Joined> {
    conn.one("SELECT password_hash IS NOT NULL, last_login_at IS NOT NULL FROM admins WHERE id = $1", params![id]).await
}

record! {
    /// An administrator as `GetAdminUsers` has one.
    #[derive(Debug, Clone)]
    pub struct Told {
        pub id: i64,
        pub role_id: i64,
        pub username: String,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub signature: String,
        pub notes: String,
        pub disabled: bool,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        /// Wrong passwords that still count.
        pub attempts: i64,
    }
}

/// All that a filter lets through, by id, with the wrong passwords since an instant.
pub(super) async fn told(conn: &mut Conn, filter: &Filter, since: Timestamp) -> Result<Vec<Told>> {
    conn.all(
        "SELECT a.id, a.role_id, a.username, a.first_name, a.last_name, a.email, a.signature, a.notes, a.disabled, \
         a.created_at, a.updated_at, (SELECT COUNT(*) FROM login_failures f WHERE f.at > $4 \
          AND f.account IN ('admin:' || a.username_lower, 'admin:' || a.email_lower)) \
         FROM admins a WHERE ($1 = 0 OR a.role_id = $1) AND ($2 = '' OR a.email_lower = $2) \
         AND ($3 OR NOT a.disabled) ORDER BY a.id",
        params![filter.role_id.unwrap_or_default(), filter.email.to_lowercase(), filter.disabled.is_none(), since],
    )
    .await
}

record! {
    /// A session of somebody who is here.
    #[derive(Debug, Clone)]
    pub struct Online {
        pub username: String,
        pub ip: String,
        pub created_at: Timestamp,
        pub seen_at: Timestamp,
    }
}

/// Sessions with a request since an instant, the last first.
pub(super) async fn online(conn: &mut Conn, since: Timestamp, now: Timestamp) -> Result<Vec<Online>> {
    conn.all(
        "SELECT a.username, s.ip, s.created_at, s.seen_at FROM sessions s JOIN admins a ON a.id = s.admin_id \
         WHERE s.seen_at > $1 AND s.expires_at > $2 AND NOT a.disabled ORDER BY s.seen_at DESC, a.id",
        params![since, now],
    )
    .await
}
