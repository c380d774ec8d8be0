//! Generate Due Invoices in the JSON API, and the clients that it leaves out.

use accounts::clients;
use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Date, Error, Result};
use platform::runs::Progress;
use platform::web::Fail;
use platform::web::lists::{Order, Request};
use serde_json::{Value, json};

use super::jobs::{run_now, summary};
use super::{Detail, GENERATE, Mode, Parked, Report, Scope};
use crate::terms::Terms;

const TAG: &str = "Batches";

pub fn routes() -> Routes {
    let generate = Operation::new(
        "POST",
        "/invoices/generate-due",
        GENERATE,
        TAG,
        "Make the invoices that are due and wait for the result",
    )
    .body(json!({ "type": "object", "properties": {
        "client_id": { "type": "integer", "format": "int64", "description": "Only for this client" },
        "dry_run": { "type": "boolean", "default": false, "description": "Say what would be made, and make nothing" },
        "date": { "type": "string", "format": "date",
                  "description": "As if it were this day; other days than today only in a sandbox or for a dry run" },
        "no_mails": { "type": "boolean", "default": false, "description": "Tell the clients nothing" },
    } }))
    .answers(200, result_schema());
    let parked =
        Operation::new("GET", "/parked-clients", GENERATE, TAG, "List clients that the batches leave out, and why")
            .query(
                "sort",
                json!({ "type": "string", "enum": ["at", "-at"] }),
                "The latest first unless this says otherwise",
            )
            .paged()
            .answers(200, list_schema(parked_schema()));
    let unpark =
        Operation::new("POST", "/parked-clients/{id}/unpark", GENERATE, TAG, "Put a client back into the batches")
            .answers(
                200,
                json!({ "type": "object", "properties": {
            "client_id": { "type": "integer", "format": "int64" }, "parked": { "type": "boolean" } } }),
            );
    Routes::new().api(generate, generate_due).api(parked, index_parked).api(unpark, bill_again)
}

fn parked_schema() -> Value {
    json!({ "type": "object", "properties": {
        "client_id": { "type": "integer", "format": "int64" },
        "client_name": { "type": "string" },
        "reason": { "type": "string" },
        "at": { "type": "string", "format": "date-time" },
    } })
}

async fn index_parked(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, super::PARKED_SORTS, Order::Descending)?;
    let page = super::parked_page(&mut cx.app.db.read().await?, &request).await?;
    let shown = |parked: &Parked| {
        json!({
            "client_id": parked.client_id,
            "client_name": clients::name(&parked.company, &parked.first_name, &parked.last_name),
            "reason": parked.reason,
            "at": parked.at,
        })
    };
    let items = page.rows.iter().map(shown).collect();
    Ok(list_answer(&request, &page, items))
}

async fn bill_again(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    super::unpark(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "client_id": id, "parked": false })).await
}

fn money_schema() -> Value {
    json!({ "type": "array", "items": { "type": "object", "properties": {
        "currency": { "type": "string" }, "amount": { "type": "string" } } } })
}

fn result_schema() -> Value {
    json!({ "type": "object", "properties": {
        "run_id": { "type": ["integer", "null"], "format": "int64", "description": "Not of a dry run" },
        "clients": { "type": "integer" },
        "invoices": { "type": "integer" },
        "lines": { "type": "integer" },
        "totals": money_schema(),
        "failed": { "type": "array", "items": { "type": "object", "properties": {
            "client_id": { "type": "integer" }, "message": { "type": "string" } } } },
    } })
}

/// The terms of the day that a caller asks for. Time may be set only where no real money moves.
pub(super) fn dated(mut terms: Terms, date: Option<Date>, dry_run: bool, sandbox: bool) -> Result<Terms> {
    if let Some(date) = date.filter(|date| *date != terms.today) {
        if !sandbox && !dry_run {
            return Err(Error::invalid(
                "date",
                format!(
                    "Today is {}. Another day can be named only in a sandbox database, or for a dry run.",
                    terms.today
                ),
            ));
        }
        terms.today = date;
    }
    Ok(terms)
}

async fn generate_due(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let client_id = body.int("client_id");
    let dry_run = body.bool("dry_run").unwrap_or(false);
    let no_mails = body.bool("no_mails").unwrap_or(false);
    let date = body.parsed("date", Date::parse);
    body.done()?;
    let mut conn = cx.app.db.read().await?;
    if let Some(id) = client_id {
        clients::named(&mut conn, "client_id", id).await?;
    }
    let terms = dated(Terms::load(&mut conn, cx.now).await?, date, dry_run, cx.app.sandbox)?;
    drop(conn);
    let scope = Scope { client_id, owners: None, no_mails };
    if dry_run {
        let progress = Progress::default();
        let report = super::run(&cx.app.db, &cx.actor, &terms, &scope, Mode::DryRun, Detail::Counts, &progress).await?;
        return Ok(answer(&result(None, &report)));
    }
    let (run_id, report) = run_now(&cx.app, &cx.actor, &terms, &scope, "api").await?;
    // Only the answer is stored here: the invoices are committed, and asking again finds nothing due.
    let tx = cx.app.db.write().await?;
    cx.commit(tx, 200, result(Some(run_id), &report)).await
}

fn result(run_id: Option<i64>, report: &Report) -> Value {
    let mut value = summary(report);
    value["run_id"] = json!(run_id);
    value["failed"] = report
        .failures
        .iter()
        .map(|failure| json!({ "client_id": failure.client_id, "message": failure.message }))
        .collect();
    value
}
