//! Payment attempts in the JSON API.

use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use axum::response::Response;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::TAG;
use crate::captures::store::{ATTEMPT_SORTS, AttemptFilter};
use crate::captures::{Attempt, AttemptState, Way, find};
use crate::payments::LIST;

pub(super) fn routes() -> Routes {
    let choices = [&["open"], states().as_slice()].concat();
    let list = Operation::new("GET", "/payment-attempts", LIST, TAG, "List attempts to charge clients")
        .query(
            "state",
            json!({ "type": "string", "enum": choices }),
            "Only in this state; open is each in which something is still to be done",
        )
        .query("gateway", json!({ "type": "string" }), "Only by this gateway")
        .query("client", schema::id(), "Only of this client")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(attempt_schema()));
    let one = Operation::new("GET", "/payment-attempts/{id}", LIST, TAG, "One attempt").answers(200, attempt_schema());
    Routes::new().api(list, index).api(one, show)
}

fn states() -> Vec<&'static str> {
    AttemptState::ALL.iter().map(|state| state.as_str()).collect()
}

fn attempt_schema() -> Value {
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": "integer", "format": "int64" });
    let no_id = || json!({ "type": ["integer", "null"], "format": "int64" });
    let ways: Vec<&str> = Way::ALL.iter().map(|way| way.as_str()).collect();
    json!({ "type": "object", "properties": {
        "id": id(),
        "reference": { "type": "string", "description": "Ours, as the gateway was told" },
        "client_id": id(),
        "invoice_id": id(),
        "pay_method_id": no_id(),
        "gateway": text(),
        "currency": text(),
        "amount": text(),
        "way": { "type": "string", "enum": ways },
        "slot_on": { "type": ["string", "null"], "format": "date", "description": "The day of the daily captures that it stands for" },
        "state": { "type": "string", "enum": states() },
        "external_id": { "type": ["string", "null"], "description": "The gateway's" },
        "code": { "type": "string", "description": "The gateway's own code of a refusal" },
        "reason": text(),
        "transaction_id": no_id(),
        "started_at": { "type": "string", "format": "date-time" },
        "finished_at": { "type": ["string", "null"], "format": "date-time" },
    } })
}

/// Where a client has to go for authentication stays between the gateway and the client.
fn shown(attempt: &Attempt) -> Value {
    json!({
        "id": attempt.id,
        "reference": attempt.public_id,
        "client_id": attempt.client_id,
        "invoice_id": attempt.invoice_id,
        "pay_method_id": attempt.pay_method_id,
        "gateway": attempt.gateway,
        "currency": attempt.currency.code(),
        "amount": attempt.money().decimal(),
        "way": attempt.way.as_str(),
        "slot_on": attempt.slot_on,
        "state": attempt.state.as_str(),
        "external_id": attempt.external_id,
        "code": attempt.code,
        "reason": attempt.reason,
        "transaction_id": attempt.transaction_id,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, ATTEMPT_SORTS, Order::Descending)?;
    let filter = AttemptFilter::of(&request)?;
    let mut conn = cx.app.db.read().await?;
    let page: Page<Attempt> = filter.query().whole_page(&mut conn, &request, &Attempt::columns("a")).await?;
    let items = page.rows.iter().map(shown).collect();
    Ok(list_answer(&request, &page, items))
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&shown(&find(&mut cx.app.db.read().await?, id).await?)))
}
