//! SQL of the lists of attempts and of events.

use kernel::{Currency, Result, Timestamp};
use platform::db::{Conn, Value};
use platform::web::lists::Where;
use platform::record;

use super::AttemptState;
use super::webhooks::EventState;
use crate::view::CLIENT_NAME;

record! {
    #[derive(Debug, Clone)]
    pub struct ListedAttempt {
        pub id: i64,
        pub client_id: i64,
        pub client: String,
        pub invoice_id: i64,
        pub number: Option<String>,
        pub gateway: String,
        pub currency: Currency,
        pub amount: i64,
        pub state: AttemptState,
        pub reason: String,
        pub transaction_id: Option<i64>,
        pub started_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

/// Which attempts are listed.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    pub states: Vec<AttemptState>,
    pub gateway: String,
    pub client_id: Option<i64>,
}

/// States as literals, so that the index of the open ones is used: it is partial, and a parameter would hide it.
fn literals(states: &[AttemptState]) -> String {
    states.iter().map(|state| format!("'{}'", state.as_str())).collect::<Vec<_>>().join(", ")
}

impl AttemptFilter {
    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        if !self.states.is_empty() {
            conditions.plain(&format!("a.state IN ({})", literals(&self.states)));
        }
        if !self.gateway.is_empty() {
            conditions.and("a.gateway = ?", Value::Text(self.gateway.as_str().into()));
        }
        if let Some(client_id) = self.client_id {
            conditions.and("a.client_id = ?", Value::Int(client_id));
        }
        conditions
    }
}

pub async fn attempts(
    conn: &mut Conn,
    filter: &AttemptFilter,
    order_by: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<ListedAttempt>> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql = format!(
        "SELECT a.id, a.client_id, {CLIENT_NAME}, a.invoice_id, i.number, a.gateway, a.currency, a.amount, a.state, \
         a.reason, a.transaction_id, a.started_at, a.finished_at FROM payment_attempts a \
         JOIN clients c ON c.id = a.client_id JOIN invoices i ON i.id = a.invoice_id {} {order_by} LIMIT ${next} OFFSET ${}",
        conditions.sql(),
        next + 1
    );
    conditions.params.extend([Value::Int(limit), Value::Int(offset)]);
    conn.all(&sql, &conditions.params).await
}

/// How many there are, counted up to `limit`.
pub async fn count_attempts(conn: &mut Conn, filter: &AttemptFilter, limit: i64) -> Result<i64> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM payment_attempts a {} LIMIT ${next}) counted", conditions.sql());
    conditions.params.push(Value::Int(limit));
    conn.scalar(&sql, &conditions.params).await
}

record! {
    #[derive(Debug, Clone)]
    pub struct ListedEvent {
        pub id: i64,
        pub gateway: String,
        pub external_id: String,
        pub kind: String,
        pub state: EventState,
        pub reason: String,
        pub received_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub state: Option<EventState>,
    pub gateway: String,
}

impl EventFilter {
    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        if let Some(state) = self.state {
            conditions.and("e.state = ?", Value::Text(state.as_str().into()));
        }
        if !self.gateway.is_empty() {
            conditions.and("e.gateway = ?", Value::Text(self.gateway.as_str().into()));
        }
        conditions
    }
}

pub async fn events(conn: &mut Conn, filter: &EventFilter, limit: i64, offset: i64) -> Result<Vec<ListedEvent>> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql = format!(
        "SELECT {} FROM webhook_events e {} ORDER BY e.id DESC LIMIT ${next} OFFSET ${}",
        ListedEvent::columns("e"),
        conditions.sql(),
        next + 1
    );
    conditions.params.extend([Value::Int(limit), Value::Int(offset)]);
    conn.all(&sql, &conditions.params).await
}

pub async fn count_events(conn: &mut Conn, filter: &EventFilter, limit: i64) -> Result<i64> {
    let mut conditions = filter.conditions();
    let next = conditions.next();
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM webhook_events e {} LIMIT ${next}) counted", conditions.sql());
    conditions.params.push(Value::Int(limit));
    conn.scalar(&sql, &conditions.params).await
}
