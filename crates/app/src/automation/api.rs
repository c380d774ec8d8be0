//! Runs of batches in the JSON API, for whoever sees them on the pages.

use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::Result;
use platform::runs::{self, Run};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{SORTS, query};
use crate::jobs_page::VIEW_JOBS;

pub(super) fn routes() -> Routes {
    let list = Operation::new("GET", "/runs", VIEW_JOBS, "Batches", "List the runs of batches")
        .query("task", json!({ "type": "string" }), "Only of this task, such as generate_invoices")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(schema()));
    let one = Operation::new("GET", "/runs/{id}", VIEW_JOBS, "Batches", "How far a batch is, and its result")
        .answers(200, whole_schema());
    Routes::new().api(list, index).api(one, show)
}

fn schema() -> Value {
    let moment = || json!({ "type": ["string", "null"], "format": "date-time" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "task": { "type": "string" },
        "state": { "type": "string", "enum": ["queued", "running", "finished", "failed"] },
        "business_date": { "type": "string", "format": "date" },
        "trigger": { "type": "string" },
        "requested_by": { "type": "string" },
        "total": { "type": "integer" }, "done": { "type": "integer" }, "failed": { "type": "integer" },
        "queued_at": { "type": "string", "format": "date-time" }, "started_at": moment(), "finished_at": moment(),
    } })
}

fn whole_schema() -> Value {
    let mut schema = schema();
    schema["properties"]["summary"] = json!({ "type": "object", "description": "What it did, in numbers of its own" });
    schema["properties"]["failures"] = json!({
        "type": "array", "description": "The first 1,000", "items": { "type": "object", "properties": {
            "client_id": { "type": ["integer", "null"], "format": "int64" },
            "subject": { "type": ["string", "null"], "description": "What it is about, such as invoice:7" },
            "message": { "type": "string" },
            "at": { "type": "string", "format": "date-time" },
        } },
    });
    schema
}

fn shown(run: &Run) -> Value {
    json!({
        "id": run.id,
        "task": run.task,
        "state": run.state.as_str(),
        "business_date": run.business_date,
        "trigger": run.trigger_kind,
        "requested_by": run.requested_by,
        "total": run.total,
        "done": run.done,
        "failed": run.failed,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    })
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let run = runs::find(&mut conn, id).await?;
    let mut whole = shown(&run);
    whole["summary"] = serde_json::from_str(&run.summary).unwrap_or_default();
    whole["failures"] = runs::failures(&mut conn, id)
        .await?
        .iter()
        .map(|failure| {
            json!({
                "client_id": failure.client_id,
                "subject": failure.subject,
                "message": failure.message,
                "at": failure.at,
            })
        })
        .collect();
    Ok(answer(&whole))
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let query = query(request.filter("task"));
    let page: Page<Run> = query.whole_page(&mut conn, &request, &Run::columns("r")).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(shown).collect()))
}
