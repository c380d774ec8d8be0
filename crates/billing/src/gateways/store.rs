//! SQL of the gateway log.

use kernel::Timestamp;
use platform::db::Value;
use platform::record;
use platform::web::lists::{Column, Query, Sort, Where};

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Logged {
        pub id: i64,
        pub gateway: String,
        pub what: String,
        pub result: String,
        pub client_id: Option<i64>,
        pub invoice_id: Option<i64>,
        pub detail: String,
        pub at: Timestamp,
    }
}

#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Anywhere in the detail.
    pub text: String,
    pub gateway: String,
    pub result: String,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

pub const SORTS: &[Sort] = &[Sort::by("at", &[Column::int("l.at")]).with(&["l.gateway", "l.client_id"])];

impl LogFilter {
    /// The lines of the log: columns of [`Logged`]. Words are looked for line by line.
    pub fn query(&self) -> Query<'_> {
        Query { table: "gateway_log l", id: "l.id", joins: "", filter: self.conditions() }
    }

    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        if !self.gateway.is_empty() {
            conditions.equal("l.gateway", Value::Text(self.gateway.as_str().into()));
        }
        if !self.result.is_empty() {
            conditions.and("l.result = ?", Value::Text(self.result.as_str().into()));
        }
        for (column, id) in [("l.client_id", self.client_id), ("l.invoice_id", self.invoice_id)] {
            if let Some(id) = id {
                conditions.equal(column, Value::Int(id));
            }
        }
        if let Some(from) = self.from {
            conditions.by_index("l.at", "l.at >= ?", Value::Int(from.micros()));
        }
        if let Some(until) = self.until {
            conditions.by_index("l.at", "l.at < ?", Value::Int(until.micros()));
        }
        if !self.text.is_empty() {
            conditions.and("LOWER(l.detail) LIKE ? ESCAPE '\\'", Value::Text(crate::view::contains(&self.text).into()));
        }
        conditions
    }
}
