//! The statements that read the activity log. What is searched here is folded by the engine, which on SQLite knows
//! only the ASCII letters; a second, folded copy of the largest table would cost more than it gives.

use std::borrow::Cow;

use kernel::Timestamp;
use platform::db::Value;
use platform::record;
use platform::web::lists::{Column, Query, Sort, Where};

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
        /// In whose place staff did it.
        pub behalf: Option<String>,
        /// Empty without a client.
        pub client_name: String,
    }
}

/// The columns of [`Listed`].
pub const COLUMNS: &str = "a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.ip, a.client_id, a.subject, \
    a.description, a.changes, a.behalf, COALESCE(NULLIF(c.company, ''), c.first_name || ' ' || c.last_name, '')";
/// The orders of the list.
pub const SORTS: &[Sort] = &[Sort::by("at", &[Column::int("a.at")]).with(&["a.client_id", "a.actor_kind"])];

/// The entries that a filter lets through. Words and names are looked for entry by entry.
pub fn query(filter: &Filter) -> Query<'static> {
    let mut clauses = Where::default();
    for word in filter.text.split_whitespace() {
        clauses.and("LOWER(a.description) LIKE ? ESCAPE '\\'", search::anywhere(word));
    }
    if let Some(id) = filter.client_id {
        clauses.equal("a.client_id", Value::Int(id));
    }
    if let Some(kind) = filter.kind {
        clauses.equal("a.actor_kind", Value::Text(Cow::Borrowed(kind.as_str())));
    }
    if !filter.subject.is_empty() {
        clauses.by_index("a.subject", "a.subject = ?", Value::Text(Cow::Owned(filter.subject.clone())));
    }
    if !filter.actor.trim().is_empty() {
        clauses.and("LOWER(a.actor_name) LIKE ? ESCAPE '\\'", search::anywhere(filter.actor.trim()));
    }
    if !filter.ip.trim().is_empty() {
        clauses.and("a.ip = ?", Value::Text(Cow::Owned(filter.ip.trim().to_owned())));
    }
    if let Some(from) = filter.from {
        clauses.by_index("a.at", "a.at >= ?", Value::Int(from.micros()));
    }
    if let Some(until) = filter.until {
        clauses.by_index("a.at", "a.at < ?", Value::Int(until.micros()));
    }
    let joins = "LEFT JOIN clients c ON c.id = a.client_id";
    Query { table: "activity_log a", id: "a.id", joins, filter: clauses }
}
