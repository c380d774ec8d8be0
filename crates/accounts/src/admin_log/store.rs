//! The statements about logins of staff.

use std::borrow::Cow;

use kernel::{Result, Timestamp};
use platform::db::{Tx, Value};
use platform::params;
use platform::web::lists::{Column, Query, Sort, Where};

use super::Which;
use crate::search;

/// The columns of [`super::Login`].
pub const COLUMNS: &str = "l.id, l.admin_id, a.username, l.ip, l.started_at, l.seen_at, l.ended_at";
pub const SORTS: &[Sort] = &[
    Sort::by("started", &[Column::int("l.started_at")]).with(&["l.admin_id"]),
    Sort::by("seen", &[Column::int("l.seen_at")]),
];

/// Which logins a list shows; the default shows all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the administrator's name.
    pub admin: String,
    pub ip: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

pub fn query(filter: &Filter) -> Query<'static> {
    let mut clauses = Where::default();
    if !filter.admin.is_empty() {
        clauses.and(
            "l.admin_id IN (SELECT n.id FROM admins n WHERE n.username_lower LIKE ? ESCAPE '\\')",
            search::anywhere(&filter.admin),
        );
    }
    if !filter.ip.is_empty() {
        clauses.and("l.ip = ?", Value::Text(Cow::Owned(filter.ip.clone())));
    }
    if let Some(from) = filter.from {
        clauses.by_index("l.started_at", "l.started_at >= ?", Value::Int(from.micros()));
    }
    if let Some(until) = filter.until {
        clauses.by_index("l.started_at", "l.started_at < ?", Value::Int(until.micros()));
    }
    Query { table: "admin_logins l", id: "l.id", joins: "JOIN admins a ON a.id = l.admin_id", filter: clauses }
}

pub(super) async fn insert(tx: &mut Tx, session: &str, admin_id: i64, ip: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO admin_logins (session, admin_id, ip, started_at, seen_at) VALUES ($1, $2, $3, $4, $4) \
         ON CONFLICT (session) DO NOTHING",
        params![session, admin_id, ip, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn seen(tx: &mut Tx, session: &str, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE admin_logins SET seen_at = $2 WHERE session = $1 AND ended_at IS NULL", params![session, now])
        .await?;
    Ok(())
}

pub(super) async fn follow(tx: &mut Tx, session: &str, renewed: &str) -> Result<()> {
    tx.execute("UPDATE admin_logins SET session = $2 WHERE session = $1", params![session, renewed]).await?;
    Ok(())
}

pub(super) async fn end(tx: &mut Tx, which: Which<'_>, now: Timestamp) -> Result<()> {
    let (condition, admin_id, hash) = match which {
        Which::Session(hash) => ("s.token_hash = $2", 0, hash),
        Which::OfAdmin(id, hash) => ("s.admin_id = $3 AND s.token_hash = $2", id, hash),
        Which::Others(id, hash) => ("s.admin_id = $3 AND s.token_hash <> $2", id, hash),
    };
    let sql = format!(
        "UPDATE admin_logins SET ended_at = $1 WHERE ended_at IS NULL \
         AND session IN (SELECT s.token_hash FROM sessions s WHERE {condition})"
    );
    let params = match which {
        Which::Session(_) => &params![now, hash][..],
        Which::OfAdmin(..) | Which::Others(..) => &params![now, hash, admin_id][..],
    };
    tx.execute(&sql, params).await?;
    Ok(())
}
