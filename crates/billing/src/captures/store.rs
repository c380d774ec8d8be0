//! SQL of the lists of attempts and of events, and of the attempts that wait for a client.

use accounts::clients::NAME;
use kernel::{Currency, Error, Result, Timestamp, nonempty};
use platform::db::{Conn, Value};
use platform::web::lists::{Query, Request, Sort, Where};
use platform::{params, record};

use super::webhooks::EventState;
use super::{AttemptState, OPEN};
use crate::view::id_filter;

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

pub const ATTEMPT_SORTS: &[Sort] = &[Sort::by("id", &[]).with(&["a.client_id"])];

impl AttemptFilter {
    /// The filter that a list's request names; `open` stands for every state in which there is work to do.
    pub fn of(request: &Request) -> Result<AttemptFilter> {
        let states = match request.filter("state") {
            "" => Vec::new(),
            "open" => OPEN.to_vec(),
            text => vec![AttemptState::parse(text).map_err(|message| Error::invalid("state", message))?],
        };
        let gateway = request.filter("gateway").to_owned();
        Ok(AttemptFilter { states, gateway, client_id: id_filter(request, "client") })
    }

    /// The attempts. Their lines are [`attempt_columns`].
    pub fn query(&self) -> Query<'_> {
        let joins = "JOIN clients c ON c.id = a.client_id JOIN invoices i ON i.id = a.invoice_id";
        Query { table: "payment_attempts a", id: "a.id", joins, filter: self.conditions() }
    }

    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        if !self.states.is_empty() {
            let clause = format!("a.state IN ({})", literals(&self.states));
            if self.states.iter().all(|state| OPEN.contains(state)) {
                conditions.by_index_of("open", &clause, Vec::new());
            } else {
                conditions.plain(&clause);
            }
        }
        if !self.gateway.is_empty() {
            conditions.and("a.gateway = ?", Value::Text(self.gateway.as_str().into()));
        }
        if let Some(client_id) = self.client_id {
            conditions.equal("a.client_id", Value::Int(client_id));
        }
        conditions
    }
}

/// The columns of [`ListedAttempt`].
pub fn attempt_columns() -> String {
    format!(
        "a.id, a.client_id, {NAME}, a.invoice_id, i.number, a.gateway, a.currency, a.amount, a.state, a.reason, \
         a.transaction_id, a.started_at, a.finished_at"
    )
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

pub async fn event(conn: &mut Conn, id: i64) -> Result<ListedEvent> {
    let sql = format!("SELECT {} FROM webhook_events WHERE id = $1", ListedEvent::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Webhook event"))
}

#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub state: Option<EventState>,
    pub gateway: String,
}

pub const EVENT_SORTS: &[Sort] = &[Sort::by("id", &[]).with(&["e.state"])];

impl EventFilter {
    /// The filter that a list's request names.
    pub fn of(request: &Request) -> Result<EventFilter> {
        let state = match nonempty(request.filter("state")) {
            Some(text) => Some(EventState::parse(text).map_err(|message| Error::invalid("state", message))?),
            None => None,
        };
        Ok(EventFilter { state, gateway: request.filter("gateway").to_owned() })
    }

    /// The events: columns of [`ListedEvent`].
    pub fn query(&self) -> Query<'_> {
        let mut conditions = Where::default();
        if let Some(state) = self.state {
            conditions.equal("e.state", Value::Text(state.as_str().into()));
        }
        if !self.gateway.is_empty() {
            conditions.equal("e.gateway", Value::Text(self.gateway.as_str().into()));
        }
        Query { table: "webhook_events e", id: "e.id", joins: "", filter: conditions }
    }
}

record! {
    /// An attempt that waits for the client.
    pub(super) struct Waiting {
        pub id: i64,
        pub started_at: Timestamp,
    }
}

/// The attempt of an invoice that waits for the client to pay more than is owed by now.
pub(super) async fn waits_for_too_much(conn: &mut Conn, invoice_id: i64) -> Result<Option<Waiting>> {
    conn.optional(
        "SELECT a.id, a.started_at FROM payment_attempts a JOIN invoices i ON i.id = a.invoice_id \
         WHERE a.invoice_id = $1 AND a.state = 'action_required' AND a.amount > i.balance",
        params![invoice_id],
    )
    .await
}
