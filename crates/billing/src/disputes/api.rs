//! Disputes in the JSON API.

use accounts::doors::api::{list_answer, list_schema};
use accounts::doors::{ApiCx, Operation, Routes};
use axum::response::Response;
use kernel::{Error, Money, nonempty};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{Filter, LIST, Listed, SORTS, columns};
use crate::gateways::DisputeState;

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/disputes", LIST, "Payments", "Payments that clients' banks take back")
        .query("state", json!({ "type": "string", "enum": states() }), "Only in this state")
        .paged()
        .answers(200, list_schema(schema()));
    Routes::new().api(list, index)
}

fn states() -> Vec<&'static str> {
    DisputeState::ALL.iter().map(|state| state.as_str()).collect()
}

fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": ["integer", "null"], "format": "int64" });
    let moment = || json!({ "type": ["string", "null"], "format": "date-time" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "gateway": text(),
        "external_id": text(),
        "payment_external_id": text(),
        "transaction_id": id(),
        "client_id": id(),
        "invoice_id": id(),
        "currency": text(),
        "amount": text(),
        "reason": text(),
        "state": { "type": "string", "enum": states() },
        "status": { "type": "string", "description": "The gateway's own word" },
        "answer_by": moment(),
        "withdrawn_transaction_id": id(),
        "reinstated_transaction_id": id(),
        "opened_at": { "type": "string", "format": "date-time" },
        "closed_at": moment(),
    } })
}

fn shown(dispute: &Listed) -> Value {
    json!({
        "id": dispute.id,
        "gateway": dispute.gateway,
        "external_id": dispute.external_id,
        "payment_external_id": dispute.payment,
        "transaction_id": dispute.transaction_id,
        "client_id": dispute.client_id,
        "invoice_id": dispute.invoice_id,
        "currency": dispute.currency.code(),
        "amount": Money::new(dispute.amount, dispute.currency).decimal(),
        "reason": dispute.reason,
        "state": dispute.state.as_str(),
        "status": dispute.status,
        "answer_by": dispute.answer_by,
        "withdrawn_transaction_id": dispute.withdrawn_id,
        "reinstated_transaction_id": dispute.reinstated_id,
        "opened_at": dispute.opened_at,
        "closed_at": dispute.closed_at,
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let state = match nonempty(request.filter("state")) {
        Some(text) => Some(DisputeState::parse(text).map_err(|message| Error::invalid("state", message))?),
        None => None,
    };
    let filter = Filter { state };
    let mut conn = cx.app.db.read().await?;
    let page: Page<Listed> = filter.query().page(&mut conn, &request, &columns()).await?;
    let items: Vec<Value> = page.rows.iter().map(shown).collect();
    Ok(list_answer(&request, &page, items))
}
