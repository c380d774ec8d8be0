//! Correcting transactions in the JSON API.

use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::Date;
use platform::web::Fail;
use serde_json::json;

use super::{DELETE, EDIT, TransactionEdit};
use crate::payments::api::{schema, shown};

const TAG: &str = "Payments";

pub fn routes() -> Routes {
    let change = Operation::new(
        "PATCH",
        "/transactions/{id}",
        EDIT,
        TAG,
        "Change reference, date or description; of what a gateway reported only the description",
    )
    .body(json!({ "type": "object", "properties": {
        "reference": { "type": "string", "maxLength": 255 },
        "date": { "type": "string", "format": "date" },
        "description": { "type": "string", "maxLength": 500 },
    } }))
    .answers(200, schema());
    let void = Operation::new(
        "POST",
        "/transactions/{id}/void",
        DELETE,
        TAG,
        "Take back what was recorded by mistake; invoices that it had paid are unpaid again",
    )
    .body(json!({ "type": "object", "properties": { "reason": { "type": "string", "maxLength": 500 } } }))
    .answers(200, schema());
    Routes::new().api(change, update).api(void, take_back)
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let edit = TransactionEdit {
        reference: body.text("reference"),
        occurred_on: body.parsed("date", Date::parse),
        description: body.text("description"),
        rate: None,
    };
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let transaction = super::edit(&mut tx, &cx.actor, id, edit, cx.now).await?;
    let body = shown(&mut tx, &transaction).await?;
    cx.commit(tx, 200, body).await
}

async fn take_back(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let reason = body.text("reason").unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let transaction = super::void(&mut tx, &cx.actor, id, &reason, cx.now).await?;
    let body = shown(&mut tx, &transaction).await?;
    cx.commit(tx, 200, body).await
}
