//! Refunds in the JSON API.

use accounts::clients;
use accounts::doors::api::{answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Error, Result};
use platform::web::Fail;
use serde_json::{Value, json};

use super::{Method, NewRefund, REFUND, Refund, RefundState, Source};
use crate::payments;
use crate::terms::Terms;

const TAG: &str = "Refunds";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/transactions/{id}/refunds", REFUND, TAG, "The refunds of a payment")
        .answers(200, list_schema(schema()));
    let methods: Vec<&str> = Method::ALL.iter().map(|method| method.as_str()).collect();
    let add = Operation::new("POST", "/transactions/{id}/refunds", REFUND, TAG, "Refund a payment or a part of it")
        .body(json!({ "type": "object", "required": ["amount", "reason"], "properties": {
            "amount": { "type": "string" },
            "method": { "type": "string", "enum": methods, "default": "gateway" },
            "invoice_id": { "type": ["integer", "null"], "description": "The invoice that the money settled; without it, credit of the client. A paid invoice gets a credit note." },
            "reference": { "type": "string", "maxLength": 255, "description": "By hand: the bank's id of what was sent" },
            "reason": { "type": "string", "maxLength": 500 },
        } }))
        .answers(201, schema());
    let show = Operation::new("GET", "/refunds/{id}", REFUND, TAG, "One refund").answers(200, schema());
    Routes::new().api(list, index).api(add, create).api(show, find)
}

fn schema() -> Value {
    let states: Vec<&str> = RefundState::ALL.iter().map(|state| state.as_str()).collect();
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": ["integer", "null"], "format": "int64" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "transaction_id": { "type": "integer", "format": "int64" },
        "client_id": { "type": "integer", "format": "int64" },
        "invoice_id": id(),
        "credit_note_id": id(),
        "gateway": text(),
        "currency": text(),
        "amount": text(),
        "method": text(),
        "state": { "type": "string", "enum": states },
        "external_id": { "type": ["string", "null"] },
        "reason": text(),
        "message": { "type": "string", "description": "What the gateway said" },
        "refund_transaction_id": id(),
        "created_at": { "type": "string", "format": "date-time" },
        "finished_at": { "type": ["string", "null"], "format": "date-time" },
    } })
}

fn shown(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "transaction_id": refund.transaction_id,
        "client_id": refund.client_id,
        "invoice_id": refund.invoice_id,
        "credit_note_id": refund.note_id,
        "gateway": refund.gateway,
        "currency": refund.currency.code(),
        "amount": refund.money().decimal(),
        "method": refund.method.as_str(),
        "state": refund.state.as_str(),
        "external_id": refund.external_id,
        "reason": refund.reason,
        "message": refund.message,
        "refund_transaction_id": refund.refund_transaction_id,
        "created_at": refund.created_at,
        "finished_at": refund.finished_at,
    })
}

async fn index(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    payments::find(&mut conn, id).await?;
    let refunds = super::of_transaction(&mut conn, id).await?;
    let items: Vec<Value> = refunds.iter().map(shown).collect();
    Ok(whole_list(&items))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&shown(&super::find(&mut cx.app.db.read().await?, id).await?)))
}

async fn create(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let transaction = payments::find(&mut cx.app.db.read().await?, id).await?;
    let amount = body.money("amount", transaction.currency);
    let amount = body.require("amount", amount);
    let method = body.parsed("method", Method::parse).unwrap_or(Method::Gateway);
    let reason = body.text("reason");
    let reason = body.require("reason", reason).unwrap_or_default();
    let source = body.int("invoice_id").map_or(Source::Credit, Source::Invoice);
    let reference = body.text("reference").unwrap_or_default();
    body.done()?;
    let client_id = super::client_of(&transaction)?;
    let Some(amount) = amount else { return Err(Fail(Error::broken("a refund without an amount was let through"))) };
    let new = NewRefund { transaction_id: id, source, amount, method, reference, reason };
    let (app, by, now) = (cx.app.clone(), cx.actor.clone(), cx.now);
    cx.outside(201, async move {
        let mut tx = app.db.write().await?;
        let terms = Terms::load(&mut tx, now).await?;
        let mut locked = clients::lock(&mut tx, client_id).await?;
        let begun = super::begin(&mut locked, &app, &by, &terms, new).await?;
        tx.commit().await?;
        let refund = if begun.is_settled() { begun } else { super::send(&app, begun.id).await? };
        Ok(shown(&refund))
    })
    .await
}
