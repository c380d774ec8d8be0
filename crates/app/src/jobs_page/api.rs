//! Jobs in the JSON API.

use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use platform::jobs::{Job, JobState};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{RETRY, SORTS, STATES, VIEW_JOBS, find, query};

const TAG: &str = "System";

pub(super) fn routes() -> Routes {
    let list = Operation::new("GET", "/jobs", VIEW_JOBS, TAG, "List what is done in the background")
        .query("state", json!({ "type": "string", "enum": STATES.map(JobState::as_str) }), "Only in this state")
        .query("kind", json!({ "type": "string" }), "Only of this kind, such as billing.webhook")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(schema()));
    let one = Operation::new("GET", "/jobs/{id}", VIEW_JOBS, TAG, "One job").answers(200, schema());
    let again =
        Operation::new("POST", "/jobs/{id}/retry", RETRY, TAG, "Give a failed job a fresh set of attempts, now")
            .answers(200, schema());
    Routes::new().api(list, index).api(one, show).api(again, retry)
}

fn schema() -> Value {
    let moment = || json!({ "type": "string", "format": "date-time" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "kind": { "type": "string" },
        "payload": {},
        "subject": { "type": ["string", "null"], "description": "What it is about, such as invoice:7" },
        "state": { "type": "string", "enum": STATES.map(JobState::as_str) },
        "run_at": moment(),
        "attempts": { "type": "integer" },
        "max_attempts": { "type": "integer" },
        "last_error": { "type": ["string", "null"] },
        "created_at": moment(),
        "finished_at": { "type": ["string", "null"], "format": "date-time" },
    } })
}

fn shown(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "payload": job.payload().unwrap_or_else(|_| json!(job.payload)),
        "subject": job.subject,
        "state": job.state.as_str(),
        "run_at": job.run_at,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "last_error": job.last_error,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let state = STATES.into_iter().find(|state| state.as_str() == request.filter("state"));
    let query = query(state, request.filter("kind"));
    let mut conn = cx.app.db.read().await?;
    let page: Page<Job> = query.whole_page(&mut conn, &request, &Job::columns("j")).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(shown).collect()))
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&shown(&find(&mut cx.app.db.read().await?, id).await?)))
}

async fn retry(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    super::retry(&mut tx, &cx.actor, &[id], cx.now).await?;
    let job = find(&mut tx, id).await?;
    cx.commit(tx, 200, shown(&job)).await
}
