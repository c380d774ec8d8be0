//! What gateways told by themselves, in the JSON API.

use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::TAG;
use crate::captures::CAPTURE;
use crate::captures::store::{self, EVENT_SORTS, EventFilter, ListedEvent};
use crate::captures::webhooks::{self, EventState};
use crate::gateways::VIEW_LOG;

pub(super) fn routes() -> Routes {
    let list = Operation::new("GET", "/webhook-events", VIEW_LOG, TAG, "List what gateways told by themselves")
        .query("state", json!({ "type": "string", "enum": states() }), "Only in this state; parked: somebody must look")
        .query("gateway", json!({ "type": "string" }), "Only of this gateway")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(event_schema()));
    let one = Operation::new("GET", "/webhook-events/{id}", VIEW_LOG, TAG, "One event").answers(200, event_schema());
    let again = Operation::new(
        "POST",
        "/webhook-events/{id}/retry",
        CAPTURE,
        TAG,
        "Apply a parked event again, after what stood in its way was put right. The worker does it at once",
    )
    .answers(200, event_schema());
    Routes::new().api(list, index).api(one, show).api(again, retry)
}

fn states() -> Vec<&'static str> {
    EventState::ALL.iter().map(|state| state.as_str()).collect()
}

fn event_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "gateway": text(),
        "external_id": text(),
        "kind": { "type": "string", "description": "The gateway's own word" },
        "state": { "type": "string", "enum": states() },
        "reason": text(),
        "received_at": { "type": "string", "format": "date-time" },
        "finished_at": { "type": ["string", "null"], "format": "date-time" },
    } })
}

fn shown(event: &ListedEvent) -> Value {
    json!({
        "id": event.id,
        "gateway": event.gateway,
        "external_id": event.external_id,
        "kind": event.kind,
        "state": event.state.as_str(),
        "reason": event.reason,
        "received_at": event.received_at,
        "finished_at": event.finished_at,
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, EVENT_SORTS, Order::Descending)?;
    let filter = EventFilter::of(&request)?;
    let mut conn = cx.app.db.read().await?;
    let page: Page<ListedEvent> = filter.query().whole_page(&mut conn, &request, &ListedEvent::columns("e")).await?;
    let items = page.rows.iter().map(shown).collect();
    Ok(list_answer(&request, &page, items))
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&shown(&store::event(&mut cx.app.db.read().await?, id).await?)))
}

async fn retry(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    webhooks::retry(&mut tx, &cx.actor, id, cx.now).await?;
    let event = store::event(&mut tx, id).await?;
    cx.commit(tx, 200, shown(&event)).await
}
