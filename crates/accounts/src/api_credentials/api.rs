//! API credentials in the JSON API.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result, Timestamp};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{COLUMNS, Details, Filter, Listed, MANAGE, MOST_HOURS, MOST_REQUESTS, SORTS, State, query};
use crate::api_credentials;
use crate::doors::api::{Body, answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "API credentials";

pub fn routes() -> Routes {
    let list =
        Operation::new("GET", "/api-credentials", MANAGE, TAG, "List the API credentials, without their secrets")
            .query("q", json!({ "type": "string" }), "Words of the description or the administrator's name")
            .query("state", json!({ "type": "string", "enum": states() }), "Only these")
            .query(
                "sort",
                json!({ "type": "string", "enum": ["created", "-created", "used", "-used", "expires", "-expires"] }),
                "The latest first unless this says otherwise",
            )
            .paged()
            .answers(200, list_schema(schema()));
    let add =
        Operation::new("POST", "/api-credentials", MANAGE, TAG, "Make an API credential; its secret is told once")
            .body(new_schema())
            .answers(201, secret_schema())
            .never_repeated();
    let one = Operation::new("GET", "/api-credentials/{id}", MANAGE, TAG, "One API credential").answers(200, schema());
    let change =
        Operation::new("PATCH", "/api-credentials/{id}", MANAGE, TAG, "Change what is sent of an API credential")
            .body(json!({ "type": "object", "properties": written_properties() }))
            .answers(200, schema());
    let remove = Operation::new("DELETE", "/api-credentials/{id}", MANAGE, TAG, "Revoke an API credential, for good")
        .answers(200, schema());
    let rotate =
        Operation::new("POST", "/api-credentials/{id}/rotate", MANAGE, TAG, "A new secret, which is told once")
            .body(json!({ "type": "object", "properties": {
            "hours": { "type": "integer", "minimum": 0, "maximum": MOST_HOURS, "default": 0,
                       "description": "For so long the old secret is good too" },
            "rotated_at": { "type": ["string", "null"], "format": "date-time",
                            "description": "The last rotation as you know it; a later one makes this a conflict" },
        } }))
            .answers(200, secret_schema())
            .never_repeated();
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(one, show)
        .api(change, update)
        .api(remove, revoke)
        .api(rotate, renew)
}

fn states() -> Vec<&'static str> {
    State::ALL.iter().map(|state| state.as_str()).collect()
}

fn written_properties() -> Value {
    json!({
        "description": { "type": "string", "maxLength": 200 },
        "role_id": { "type": ["integer", "null"], "format": "int64",
                     "description": "An API role; null: everything that the administrator may" },
        "networks": { "type": "string", "description": "Where it is taken from: 192.0.2.1, 10.0.0.0/8; empty: everywhere" },
        "expires_at": { "type": ["string", "null"], "format": "date-time" },
        "requests_per_minute": { "type": ["integer", "null"], "minimum": 1, "maximum": MOST_REQUESTS,
                                 "description": "null: as the setting says" },
    })
}

fn new_schema() -> Value {
    let mut properties = written_properties();
    properties["admin_id"] = json!({ "type": "integer", "format": "int64", "description": "For whom it acts" });
    properties["identifier"] = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$",
        "description": "Chosen by you, so that sending this twice makes one credential; made when it is missing" });
    json!({ "type": "object", "required": ["admin_id"], "properties": properties })
}

fn schema() -> Value {
    let moment = || json!({ "type": ["string", "null"], "format": "date-time" });
    json!({
        "type": "object",
        "required": ["id", "identifier", "admin_id", "state"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "identifier": { "type": "string" },
            "description": { "type": "string" },
            "admin_id": { "type": "integer", "format": "int64" },
            "admin": { "type": "string" },
            "admin_disabled": { "type": "boolean" },
            "role_id": { "type": ["integer", "null"], "format": "int64" },
            "role": { "type": ["string", "null"] },
            "networks": { "type": "string" },
            "requests_per_minute": { "type": ["integer", "null"] },
            "created_at": { "type": "string", "format": "date-time" },
            "expires_at": moment(),
            "last_used_at": { "type": ["string", "null"], "format": "date-time", "description": "To the minute" },
            "last_used_ip": { "type": "string" },
            "rotated_at": moment(),
            "old_secret_until": moment(),
            "revoked_at": moment(),
            "state": { "type": "string", "enum": states() },
        }
    })
}

fn secret_schema() -> Value {
    let mut schema = schema();
    schema["properties"]["secret"] = json!({ "type": "string", "description": "Told here and never again" });
    schema
}

pub fn shown(credential: &Listed, now: Timestamp) -> Value {
    let mut value = json!(credential);
    value["state"] = credential.state(now).as_str().into();
    value
}

/// What was sent, over what is.
fn written(body: &mut Body, before: Details) -> Details {
    let mut details = before;
    if let Some(text) = body.text("description") {
        details.description = text;
    }
    if let Some(text) = body.text("networks") {
        details.networks = text;
    }
    if body.nulled("role_id") || body.has("role_id") {
        details.role_id = body.int("role_id");
    }
    if body.nulled("expires_at") || body.has("expires_at") {
        details.expires_at = body.parsed("expires_at", Timestamp::parse);
    }
    if body.nulled("requests_per_minute") || body.has("requests_per_minute") {
        details.requests_per_minute = body.int("requests_per_minute");
    }
    details
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let state = State::ALL.iter().copied().find(|state| state.as_str() == request.filter("state"));
    let filter = Filter { text: request.filter("q").to_owned(), state, role_id: None };
    let mut conn = cx.app.db.read().await?;
    let page: Page<Listed> = query(&filter, cx.now).whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|one| shown(one, cx.now)).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let admin_id = body.int("admin_id");
    let admin_id = body.require("admin_id", admin_id).unwrap_or_default();
    let identifier = body.text("identifier").unwrap_or_else(|| api_credentials::new_identifier(&cx.app.random));
    let details = written(&mut body, Details::default());
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let made = api_credentials::make(&mut tx, &cx.actor, admin_id, details, &identifier, &cx.app.random, cx.now).await;
    let made = made.map_err(|error| match error {
        Error::NotFound("Administrator") => Error::invalid("admin_id", "There is no such administrator."),
        other => other,
    })?;
    let known = api_credentials::find(&mut tx, made.id).await?;
    tx.commit().await?;
    Ok(told(StatusCode::CREATED, &known, &made.secret, cx.now))
}

/// The answer with a secret. It is not kept for a repetition.
fn told(status: StatusCode, known: &Listed, secret: &str, now: Timestamp) -> Response {
    let mut value = shown(known, now);
    value["secret"] = secret.into();
    (status, axum::Json(value)).into_response()
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let known = api_credentials::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&shown(&known, cx.now)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let before = api_credentials::find(&mut tx, id).await?.details();
    let details = written(&mut body, before);
    body.done()?;
    let known = api_credentials::change(&mut tx, &cx.actor, id, details, cx.now).await?;
    cx.commit(tx, 200, shown(&known, cx.now)).await
}

async fn revoke(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let known = api_credentials::find(&mut tx, id).await?;
    let known = api_credentials::revoke(&mut tx, &cx.actor, &known.identifier, cx.now).await?;
    cx.commit(tx, 200, shown(&known, cx.now)).await
}

async fn renew(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let hours = body.int("hours").unwrap_or(0);
    let says = body.nulled("rotated_at") || body.has("rotated_at");
    let last = if says { body.parsed("rotated_at", Timestamp::parse) } else { None };
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let known = api_credentials::find(&mut tx, id).await?;
    let last = if says { last } else { known.rotated_at };
    let made = api_credentials::rotate(&mut tx, &cx.actor, id, hours, last, &cx.app.random, cx.now).await?;
    let known = api_credentials::find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(told(StatusCode::OK, &known, &made.secret, cx.now))
}
