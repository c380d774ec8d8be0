//! The statements that read the activity log. What is searched here is folded by the engine, which on SQLite knows
//! only the ASCII letters; a second, folded copy of the largest table would cost more than it gives.

use std::borrow::Cow;

use kernel::{Result, Timestamp};
use platform::db::{Conn, Value};
use platform::record;
use platform::web::lists::Where;

use super::{ActorKind, Filter};
use crate::search;

record! {
    /// An entry with the name of its client.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub at: Timestamp,
        pub actor_kind: ActorKind,
        pub actor_id: Option<i64>,
        pub actor_name: String,
        pub ip: String,
        pub client_id: Option<i64>,
        pub subject: Option<String>,
        pub description: String,
        pub changes: String,
        /// Empty without a client.
        pub client_name: String,
    }
}

fn matching(filter: &Filter) -> Where<'static> {
    let mut clauses = Where::default();
    for word in filter.text.to_lowercase().split_whitespace() {
        clauses.and("LOWER(a.description) LIKE ? ESCAPE '\\'", search::anywhere(word));
    }
    if let Some(id) = filter.client_id {
        clauses.and("a.client_id = ?", Value::Int(id));
    }
    if !filter.actor.trim().is_empty() {
        clauses.and("LOWER(a.actor_name) LIKE ? ESCAPE '\\'", search::anywhere(&filter.actor.trim().to_lowercase()));
    }
    if !filter.ip.trim().is_empty() {
        clauses.and("a.ip = ?", Value::Text(Cow::Owned(filter.ip.trim().to_owned())));
    }
    if let Some(from) = filter.from {
        clauses.and("a.at >= ?", Value::Int(from.micros()));
    }
    if let Some(until) = filter.until {
        clauses.and("a.at < ?", Value::Int(until.micros()));
    }
    clauses
}

/// How many match, but never more than `limit`.
pub async fn count(conn: &mut Conn, filter: &Filter, limit: i64) -> Result<i64> {
    let clauses = matching(filter);
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM activity_log a {} LIMIT {limit}) AS counted", clauses.sql());
    conn.scalar(&sql, &clauses.params).await
}

/// The newest first.
pub async fn list(conn: &mut Conn, filter: &Filter, limit: i64, offset: i64) -> Result<Vec<Listed>> {
    let mut clauses = matching(filter);
    let next = clauses.next();
    clauses.params.push(Value::Int(limit));
    clauses.params.push(Value::Int(offset));
    let sql = format!(
        "SELECT a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.ip, a.client_id, a.subject, a.description, \
         a.changes, COALESCE(NULLIF(c.company, ''), c.first_name || ' ' || c.last_name, '') \
         FROM activity_log a LEFT JOIN clients c ON c.id = a.client_id {} ORDER BY a.at DESC, a.id DESC \
         LIMIT ${next} OFFSET ${}",
        clauses.sql(),
        next + 1
    );
    conn.all(&sql, &clauses.params).await
}
