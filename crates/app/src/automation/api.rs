//! Runs of batches in the JSON API: the list. What one of them made is for those who may run it, and stands there.

use accounts::doors::api::{list_answer, list_schema};
use accounts::doors::{ApiCx, Operation, Routes};
use axum::response::Response;
use platform::runs::Run;
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
    Routes::new().api(list, index)
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

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let query = query(request.filter("task"));
    let page: Page<Run> = query.whole_page(&mut conn, &request, &Run::columns("r")).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(shown).collect()))
}
