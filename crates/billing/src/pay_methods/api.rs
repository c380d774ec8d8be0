//! Stored payment methods in the JSON API. Tokens go in and never come out.

use accounts::clients;
use accounts::doors::api::{answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Ids, Operation, Routes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::Result;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{Edit, MANAGE, MakeDefault, OnRemoteFailure, PayMethod, setups};
use crate::gateways::Expiry;

const TAG: &str = "Payment methods";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/clients/{id}/pay-methods", MANAGE, TAG, "A client's stored payment methods")
        .answers(200, list_schema(schema()));
    let add = Operation::new(
        "POST",
        "/clients/{id}/pay-methods",
        MANAGE,
        TAG,
        "Store a method that the provider knows by a token; never a card number",
    )
    .body(json!({
        "type": "object",
        "required": ["gateway", "remote_token"],
        "properties": {
            "gateway": { "type": "string" },
            "remote_token": { "type": "string", "description": "The gateway's own id of the method" },
            "description": { "type": "string", "maxLength": 200 },
            "is_default": { "type": "boolean" },
        }
    }))
    .answers(201, schema());
    let link = Operation::new(
        "POST",
        "/clients/{id}/pay-methods/link",
        MANAGE,
        TAG,
        "Make a link by which the client leaves a card with the provider; it works for a week and is told once",
    )
    .body(json!({ "type": "object", "required": ["gateway"], "properties": { "gateway": { "type": "string" } } }))
    .answers(201, json!({ "type": "object", "properties": { "url": { "type": "string", "format": "uri" } } }));
    let change = Operation::new(
        "PATCH",
        "/clients/{id}/pay-methods/{method}",
        MANAGE,
        TAG,
        "Change what is sent of a stored method",
    )
    .body(json!({ "type": "object", "properties": {
        "description": { "type": "string", "maxLength": 200 },
        "is_default": { "type": "boolean", "const": true },
        "expiry_month": { "type": "integer", "minimum": 1, "maximum": 12 },
        "expiry_year": { "type": "integer", "minimum": 2000, "maximum": 2099 },
    } }))
    .answers(200, schema());
    let remove = Operation::new(
        "DELETE",
        "/clients/{id}/pay-methods/{method}",
        MANAGE,
        TAG,
        "Forget a method, here and at the provider",
    )
    .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(link, make_link).api(change, update).api(remove, delete)
}

fn schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "client_id": { "type": "integer", "format": "int64" },
        "gateway": text(),
        "kind": { "type": "string", "enum": ["card", "bank_account"] },
        "description": text(),
        "brand": text(),
        "last_four": text(),
        "expiry_month": { "type": ["integer", "null"] },
        "expiry_year": { "type": ["integer", "null"] },
        "is_default": { "type": "boolean" },
        "created_at": { "type": "string", "format": "date-time" },
        "updated_at": { "type": "string", "format": "date-time" },
    } })
}

fn shown(method: &PayMethod) -> Value {
    json!({
        "id": method.id,
        "client_id": method.client_id,
        "gateway": method.gateway,
        "kind": method.kind,
        "description": method.description,
        "brand": method.brand,
        "last_four": method.last_four,
        "expiry_month": method.expiry_month,
        "expiry_year": method.expiry_year,
        "is_default": method.is_default,
        "created_at": method.created_at,
        "updated_at": method.updated_at,
    })
}

async fn index(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    clients::find(&mut conn, id).await?;
    let methods = super::of_client(&mut conn, id).await?;
    let items: Vec<Value> = methods.iter().map(shown).collect();
    Ok(whole_list(&items))
}

async fn create(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let gateway = body.text("gateway");
    let gateway = body.require("gateway", gateway).unwrap_or_default();
    let token = body.text("remote_token");
    let token = body.require("remote_token", token).unwrap_or_default();
    let description = body.text("description").unwrap_or_default();
    let make_default = if body.bool("is_default").unwrap_or(false) { MakeDefault::Yes } else { MakeDefault::No };
    if body.has("card_number") {
        body.errors.add("card_number", "Card numbers are never taken here. Send the provider's token as remote_token.");
    }
    body.done()?;
    clients::find(&mut cx.app.db.read().await?, id).await?;
    let (app, by) = (cx.app.clone(), cx.actor.clone());
    cx.outside(201, async move {
        let method = super::add(&app, &by, id, &gateway, &token, &description, make_default).await?;
        Ok(shown(&method))
    })
    .await
}

async fn make_link(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let gateway = body.text("gateway");
    let gateway = body.require("gateway", gateway).unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let url = setups::make_link(&mut tx, &cx.app, &cx.actor, id, &gateway, cx.now).await?;
    tx.commit().await?;
    // Not kept for a repeated call, as only the link's hash may be stored: that makes another link.
    Ok((StatusCode::CREATED, answer(&json!({ "url": url }))).into_response())
}

async fn update(cx: ApiCx, Ids(id, method): Ids) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let description = body.text("description");
    let make_default = body.bool("is_default");
    if make_default == Some(false) {
        body.errors.add("is_default", "Make another method the default one instead.");
    }
    let month = body.int("expiry_month");
    let year = body.int("expiry_year");
    let expiry = match (month, year) {
        (None, None) => None,
        (Some(month), Some(year)) => match (u8::try_from(month), u16::try_from(year)) {
            (Ok(month), Ok(year)) => Some(Expiry { year, month }),
            _ => {
                body.errors.add("expiry_month", "Write a month from 1 to 12 and a year from 2000 to 2099.");
                None
            }
        },
        _ => {
            body.errors.add("expiry_month", "Send month and year together.");
            None
        }
    };
    body.done()?;
    let edit = Edit { description, expiry, make_default: make_default.unwrap_or(false) };
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, id).await?;
    super::find_of(&mut locked, id, method).await?;
    super::update(&mut locked, &cx.actor, method, edit, cx.now).await?;
    let changed = super::find(&mut locked, method).await?;
    cx.commit(tx, 200, shown(&changed)).await
}

async fn delete(cx: ApiCx, Ids(id, method): Ids) -> Result<Response, Fail> {
    super::find_of(&mut cx.app.db.read().await?, id, method).await?;
    let (app, by) = (cx.app.clone(), cx.actor.clone());
    cx.outside(200, async move {
        super::remove(&app, &by, method, OnRemoteFailure::RemoveAnyway).await?;
        Ok(json!({ "deleted": true }))
    })
    .await
}
