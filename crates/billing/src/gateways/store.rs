//! SQL of the gateway log.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Value};
use platform::record;
use platform::web::lists::Where;

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

impl LogFilter {
    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        let texts = [("l.gateway = ?", &self.gateway), ("l.result = ?", &self.result)];
        for (clause, text) in texts {
            if !text.is_empty() {
                conditions.and(clause, Value::Text(text.as_str().into()));
            }
        }
        let numbers = [
            ("l.client_id = ?", self.client_id),
            ("l.invoice_id = ?", self.invoice_id),
            ("l.at >= ?", self.from.map(Timestamp::micros)),
            ("l.at < ?", self.until.map(Timestamp::micros)),
        ];
        for (clause, number) in numbers {
            if let Some(number) = number {
                conditions.and(clause, Value::Int(number));
            }
        }
        if !self.text.is_empty() {
            conditions.and("LOWER(l.detail) LIKE ? ESCAPE '\\'", Value::Text(crate::view::contains(&self.text).into()));
        }
        conditions
    }
}

pub async fn list(conn: &mut Conn, filter: &LogFilter, order_by: &str, limit: i64, offset: i64) -> Result<Vec<Logged>> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql = format!(
        "SELECT {} FROM gateway_log l {} {order_by} LIMIT ${next} OFFSET ${}",
        Logged::columns("l"),
        conditions.sql(),
        next + 1
    );
    conditions.params.extend([Value::Int(limit), Value::Int(offset)]);
    conn.all(&sql, &conditions.params).await
}

/// How many there are, counted up to `limit`.
pub async fn count(conn: &mut Conn, filter: &LogFilter, limit: i64) -> Result<i64> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM gateway_log l {} LIMIT ${next}) counted", conditions.sql());
    conditions.params.push(Value::Int(limit));
    conn.scalar(&sql, &conditions.params).await
}
