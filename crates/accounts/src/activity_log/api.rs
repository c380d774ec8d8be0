//! The activity log in the JSON API.

use axum::response::Response;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{ActorKind, COLUMNS, Filter, Listed, SORTS, VIEW, query};
use crate::company;
use crate::doors::api::{list_answer, list_schema};
use crate::doors::{ApiCx, Operation, Routes, schema};

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let operation = Operation::new("GET", "/activity-log", VIEW, "Activity log", "What has happened, the newest first")
        .query("q", text(), "Words that all occur in the description")
        .query("client", schema::id(), "Only about this client")
        .query("actor", text(), "Part of the name of whoever did it")
        .query("kind", json!({ "type": "string", "enum": kinds() }), "What kind of actor did it")
        .query("subject", text(), "What it is about, such as invoice:17")
        .query("ip", text(), "The address it was done from")
        .query("from", schema::date(), "From this day on")
        .query("until", schema::date(), "Up to and with this day")
        .paged()
        .answers(200, list_schema(schema()));
    Routes::new().api(operation, index)
}

fn kinds() -> Vec<&'static str> {
    ActorKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "at", "actor", "description", "changes"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "at": { "type": "string", "format": "date-time" },
            "actor": {
                "type": "object",
                "properties": {
                    "kind": { "type": "string", "enum": kinds() },
                    "id": { "type": ["integer", "null"] },
                    "name": { "type": "string" },
                    "ip": { "type": "string" },
                    "behalf": { "type": ["string", "null"], "description": "The user in whose place staff did it" },
                }
            },
            "client_id": { "type": ["integer", "null"] },
            "subject": { "type": ["string", "null"], "description": "What it is about, such as invoice:17" },
            "description": { "type": "string" },
            "changes": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "field": { "type": "string" },
                    "old": { "type": "string" },
                    "new": { "type": "string" },
                }
            } },
        }
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = Filter::parse(&request.form, &zone)?;
    let page: Page<Listed> = query(&filter).whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(shown).collect()))
}

pub(super) fn shown(entry: &Listed) -> Value {
    json!({
        "id": entry.id,
        "at": entry.at,
        "actor": { "kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name, "ip": entry.ip, "behalf": entry.behalf },
        "client_id": entry.client_id,
        "subject": entry.subject,
        "description": entry.description,
        "changes": entry.changes(),
    })
}
