//! Captures in the JSON API. Both operations talk to the gateway and answer when it has answered.

mod attempts;
mod events;

use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Money, Result};
use platform::App;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{CAPTURE, Ended, Report, jobs};
use crate::terms::Terms;
use crate::view::add_up;

const TAG: &str = "Payments";

pub fn routes() -> Routes {
    let one = Operation::new("POST", "/invoices/{id}/capture", CAPTURE, TAG, "Charge the stored payment method now")
        .answers(
            200,
            json!({ "type": "object", "required": ["state", "message"], "properties": {
                "state": { "type": "string", "enum": ["succeeded", "pending", "declined", "action_required", "unknown", "failed", "nothing"] },
                "message": { "type": "string" },
                "collected": money_schema(),
            } }),
        );
    let all = Operation::new(
        "POST",
        "/finance/attempt-cc-capture",
        CAPTURE,
        TAG,
        "Charge every invoice whose capture is due, and answer when all are done",
    )
    .body(json!({ "type": "object", "properties": {
        "dry_run": { "type": "boolean", "description": "Only say what would be charged" },
    } }))
    .answers(200, report_schema());
    Routes::new().api(one, capture).api(all, capture_due).merge(attempts::routes()).merge(events::routes())
}

fn money_schema() -> Value {
    json!({ "type": "object", "properties": { "currency": { "type": "string" }, "amount": { "type": "string" } } })
}

fn report_schema() -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    json!({ "type": "object", "properties": {
        "dry_run": { "type": "boolean" },
        "run_id": { "type": ["integer", "null"], "format": "int64", "description": "The run, as in /runs/{id}; null with dry_run" },
        "due": count(), "succeeded": count(), "pending": count(), "declined": count(),
        "action_required": count(), "unknown": count(), "failed": count(),
        "collected": { "type": "array", "items": money_schema() },
        "to_collect": { "type": "array", "items": money_schema(), "description": "With dry_run: what is due" },
        "failures": { "type": "array", "items": { "type": "object", "properties": {
            "invoice_id": { "type": "integer", "format": "int64" },
            "client_id": { "type": "integer", "format": "int64" },
            "message": { "type": "string" },
        } } },
    } })
}

fn money(amount: &Money) -> Value {
    json!({ "currency": amount.currency.code(), "amount": amount.decimal() })
}

async fn capture(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let (app, by) = (cx.app.clone(), cx.actor.clone());
    cx.outside(200, async move {
        let ended = super::attempt(&app, &by, id, None, None).await?;
        let mut answer = json!({ "state": ended.as_str(), "message": ended.words() });
        if let Ended::Succeeded { amount } = &ended {
            answer["collected"] = money(amount);
        }
        Ok(answer)
    })
    .await
}

async fn capture_due(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let dry_run = body.bool("dry_run").unwrap_or(false);
    body.done()?;
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    drop(conn);
    let (app, by) = (cx.app.clone(), cx.actor.clone());
    cx.outside(200, async move {
        if dry_run {
            return preview(&app, &terms).await;
        }
        let (run_id, report) = jobs::run_now(&app, &by, &terms, "api").await?;
        let mut answer = jobs::summary(&report);
        answer["run_id"] = json!(run_id);
        answer["dry_run"] = json!(false);
        answer["failures"] = failures(&report);
        Ok(answer)
    })
    .await
}

async fn preview(app: &App, terms: &Terms) -> Result<Value> {
    let mut conn = app.db.read().await?;
    let due = super::due(&mut conn, app, terms).await?;
    let mut sums: Vec<Money> = Vec::new();
    for invoice in &due {
        add_up(&mut sums, invoice.amount);
    }
    let mut answer = jobs::summary(&Report { due: due.len(), ..Report::default() });
    answer["run_id"] = Value::Null;
    answer["dry_run"] = json!(true);
    answer["to_collect"] = sums.iter().map(money).collect();
    answer["failures"] = json!([]);
    Ok(answer)
}

fn failures(report: &Report) -> Value {
    report
        .failures
        .iter()
        .map(|(due, message)| json!({ "invoice_id": due.invoice_id, "client_id": due.client_id, "message": message }))
        .collect()
}
