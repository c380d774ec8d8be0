//! Credit in the JSON API.

use accounts::clients;
use accounts::doors::api::{answer, list_fields, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Date, Money, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Request};
use serde_json::{Value, json};

use super::{MANAGE, Movement, SORTS, VIEW};
use crate::invoices::{self, Invoice};
use crate::terms::Terms;

const TAG: &str = "Credit";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let mut list = list_schema(movement_schema());
    list["properties"]["balance"] = text();
    list["properties"]["currency"] = text();
    let list = Operation::new("GET", "/clients/{id}/credits", VIEW, TAG, "A client's credit and its movements")
        .paged()
        .answers(200, list);
    let adjust = Operation::new("POST", "/clients/{id}/credits", MANAGE, TAG, "Give credit or take it back")
        .body(json!({ "type": "object", "required": ["amount", "description"], "properties": {
            "type": { "type": "string", "enum": ["add", "remove"], "default": "add" },
            "amount": text(),
            "description": { "type": "string", "maxLength": 500 },
            "date": { "type": "string", "format": "date", "description": "Today if left out" },
        } }))
        .answers(201, json!({ "type": "object", "properties": { "balance": text(), "currency": text() } }));
    let body = || {
        json!({ "type": "object", "properties": {
            "amount": { "type": "string", "description": "As much as there is, if left out" },
        } })
    };
    let apply = Operation::new("POST", "/invoices/{id}/apply-credit", MANAGE, TAG, "Pay an invoice with credit")
        .body(body())
        .answers(200, invoice_schema());
    let withdraw =
        Operation::new("POST", "/invoices/{id}/remove-credit", MANAGE, TAG, "Take credit off an unpaid invoice")
            .body(body())
            .answers(200, invoice_schema());
    Routes::new().api(list, index).api(adjust, create).api(apply, apply_credit).api(withdraw, remove_credit)
}

fn movement_schema() -> Value {
    let id = || json!({ "type": ["integer", "null"], "format": "int64" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "date": { "type": "string", "format": "date" },
        "kind": { "type": "string" },
        "amount": { "type": "string", "description": "Negative when it was used" },
        "currency": { "type": "string" },
        "description": { "type": "string" },
        "invoice_id": id(),
        "transaction_id": id(),
        "by": { "type": "string" },
    } })
}

fn invoice_schema() -> Value {
    json!({ "type": "object", "properties": {
        "invoice_id": { "type": "integer", "format": "int64" },
        "amount": { "type": "string" },
        "currency": { "type": "string" },
        "balance": { "type": "string", "description": "What is left to pay" },
        "status": { "type": "string" },
    } })
}

fn shown(movement: &Movement) -> Value {
    json!({
        "id": movement.id,
        "date": movement.booked_on,
        "kind": movement.kind.as_str(),
        "amount": Money::new(movement.amount, movement.currency).decimal(),
        "currency": movement.currency.code(),
        "description": movement.description,
        "invoice_id": movement.invoice_id,
        "transaction_id": movement.transaction_id,
        "by": movement.actor,
    })
}

async fn index(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let client = clients::find(&mut conn, id).await?;
    let balance = super::balance(&mut conn, id, client.currency).await?;
    let page = super::page(&mut conn, id, &request).await?;
    let mut fields = list_fields(&request, &page, page.rows.iter().map(shown).collect());
    fields.insert("balance".to_owned(), json!(balance.decimal()));
    fields.insert("currency".to_owned(), json!(client.currency.code()));
    Ok(answer(&Value::Object(fields)))
}

async fn create(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let mut locked = clients::lock(&mut tx, id).await?;
    let client = clients::find(&mut locked, id).await?;
    let amount = body.money("amount", client.currency);
    let amount = body.require("amount", amount).unwrap_or(Money::zero(client.currency));
    if amount.is_negative() {
        body.errors.add("amount", "Write a positive amount, and \"type\": \"remove\" to take it back.");
    }
    let description = body.text("description");
    let description = body.require("description", description).unwrap_or_default();
    let on = body.parsed("date", Date::parse).unwrap_or(today);
    let kind = body.text("type").unwrap_or_else(|| "add".to_owned());
    if !matches!(kind.as_str(), "add" | "remove") {
        body.errors.add("type", "Type can only be add or remove");
    }
    body.done()?;
    let signed = if kind == "remove" { amount.checked_neg().map_err(kernel::Error::from)? } else { amount };
    let after = super::adjust(&mut locked, &cx.actor, id, signed, &description, on, cx.now).await?;
    cx.commit(tx, 201, json!({ "balance": after.decimal(), "currency": client.currency.code() })).await
}

fn state(invoice: &Invoice, amount: Money) -> Value {
    json!({
        "invoice_id": invoice.id,
        "amount": amount.decimal(),
        "currency": invoice.currency.code(),
        "balance": invoice.money(invoice.balance).decimal(),
        "status": invoice.status.as_str(),
    })
}

async fn apply_credit(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let seen = invoices::find(&mut tx, id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, id).await?;
    let asked = body.money("amount", invoice.currency);
    body.done()?;
    let available = super::balance(&mut locked, invoice.client_id, invoice.currency).await?;
    let amount = asked.unwrap_or(invoice.money(invoice.balance.min(available.minor)));
    super::apply(&mut locked, &cx.actor, id, amount, today, cx.now).await?;
    let after = invoices::find(&mut locked, id).await?;
    cx.commit(tx, 200, state(&after, amount)).await
}

async fn remove_credit(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let today = Terms::load(&mut tx, cx.now).await?.today;
    let seen = invoices::find(&mut tx, id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, id).await?;
    let asked = body.money("amount", invoice.currency);
    body.done()?;
    let amount = asked.unwrap_or(invoice.money(invoice.credit_applied));
    super::withdraw(&mut locked, &cx.actor, id, amount, today, cx.now).await?;
    let after = invoices::find(&mut locked, id).await?;
    cx.commit(tx, 200, state(&after, amount)).await
}
