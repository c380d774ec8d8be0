//! SQL of disputes.

use accounts::clients::NAME;
use kernel::{Currency, Result, Timestamp};
use platform::db::{Conn, Tx, Value};
use platform::web::lists::{Query, Sort, Where};
use platform::{params, record};

use super::Dispute;
use crate::gateways::{DisputeNews, DisputeState};
use crate::payments::Transaction;

pub(super) async fn find(conn: &mut Conn, gateway: &str, external_id: &str) -> Result<Option<Dispute>> {
    let sql = format!("SELECT {} FROM disputes WHERE gateway = $1 AND external_id = $2", Dispute::columns(""));
    conn.optional(&sql, params![gateway, external_id]).await
}

/// `None` when other news of it came first.
pub(super) async fn insert(
    tx: &mut Tx,
    gateway: &str,
    news: &DisputeNews,
    payment: Option<&Transaction>,
    now: Timestamp,
) -> Result<Option<Dispute>> {
    let sql = format!(
        "INSERT INTO disputes (gateway, external_id, payment, transaction_id, client_id, invoice_id, currency, amount, \
         reason, state, status, answer_by, opened_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) \
         ON CONFLICT (gateway, external_id) DO NOTHING RETURNING {}",
        Dispute::columns("")
    );
    tx.optional(
        &sql,
        params![
            gateway,
            news.external_id,
            news.payment,
            payment.map(|payment| payment.id),
            payment.and_then(|payment| payment.client_id),
            payment.and_then(|payment| payment.invoice_id),
            news.amount.currency,
            news.amount.minor,
            news.reason,
            news.state,
            news.status,
            news.answer_by,
            now
        ],
    )
    .await
}

pub(super) async fn update(
    tx: &mut Tx,
    dispute: &Dispute,
    news: &DisputeNews,
    state: DisputeState,
    now: Timestamp,
) -> Result<()> {
    let closed_at = (state != DisputeState::Open).then(|| dispute.closed_at.unwrap_or(now));
    // Late news of an open dispute say nothing new of one that was decided.
    let status = if state == news.state { &news.status } else { &dispute.status };
    tx.execute(
        "UPDATE disputes SET state = $2, status = $3, answer_by = COALESCE($4, answer_by), closed_at = $5, \
         updated_at = $6 WHERE id = $1",
        params![dispute.id, state, status, news.answer_by, closed_at, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_withdrawn(tx: &mut Tx, id: i64, transaction_id: i64) -> Result<()> {
    tx.execute("UPDATE disputes SET withdrawn_id = $2 WHERE id = $1", params![id, transaction_id]).await?;
    Ok(())
}

pub(super) async fn set_reinstated(tx: &mut Tx, id: i64, transaction_id: i64) -> Result<()> {
    tx.execute("UPDATE disputes SET reinstated_id = $2 WHERE id = $1", params![id, transaction_id]).await?;
    Ok(())
}

record! {
    #[derive(Debug, Clone)]
    pub struct Listed {
        pub id: i64,
        pub gateway: String,
        pub external_id: String,
        pub payment: String,
        pub transaction_id: Option<i64>,
        pub client_id: Option<i64>,
        pub client: Option<String>,
        pub invoice_id: Option<i64>,
        pub number: Option<String>,
        pub currency: Currency,
        pub amount: i64,
        pub reason: String,
        pub state: DisputeState,
        pub status: String,
        pub answer_by: Option<Timestamp>,
        pub withdrawn_id: Option<i64>,
        pub reinstated_id: Option<i64>,
        pub opened_at: Timestamp,
        pub closed_at: Option<Timestamp>,
    }
}

/// Which disputes are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub state: Option<DisputeState>,
}

pub const SORTS: &[Sort] = &[Sort::by("id", &[])];

impl Filter {
    /// The disputes. Their lines are [`columns`].
    pub fn query(&self) -> Query<'_> {
        let mut conditions = Where::default();
        if let Some(state) = self.state {
            conditions.equal("d.state", Value::Text(state.as_str().into()));
        }
        Query { table: "disputes d", id: "d.id", joins: "", filter: conditions }
    }
}

/// The columns of [`Listed`].
pub fn columns() -> String {
    format!(
        "d.id, d.gateway, d.external_id, d.payment, d.transaction_id, d.client_id, \
         (SELECT {NAME} FROM clients c WHERE c.id = d.client_id), d.invoice_id, \
         (SELECT i.number FROM invoices i WHERE i.id = d.invoice_id), d.currency, d.amount, d.reason, d.state, d.status, \
         d.answer_by, d.withdrawn_id, d.reinstated_id, d.opened_at, d.closed_at"
    )
}
