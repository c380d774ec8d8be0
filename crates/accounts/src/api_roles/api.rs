//! API roles in the JSON API.

use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{ApiRole, Deeds, NewRole};
use crate::api_credentials::MANAGE;
use crate::api_roles;
use crate::doors::api::{Body, answer, list_schema, whole_list};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "API credentials";

pub fn routes() -> Routes {
    let list =
        Operation::new("GET", "/api-roles", MANAGE, TAG, "List the API roles").answers(200, list_schema(brief()));
    let add = Operation::new("POST", "/api-roles", MANAGE, TAG, "Add an API role")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/api-roles/{id}", MANAGE, TAG, "One API role with what it allows")
        .answers(200, schema());
    let change = Operation::new("PUT", "/api-roles/{id}", MANAGE, TAG, "Replace an API role")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/api-roles/{id}", MANAGE, TAG, "Delete a role that no credential has")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 60 },
            "allowed": { "type": "array", "items": { "type": "string" },
                         "description": "Compatible actions (`GetClients`) and operations (`GET /clients/{id}`)" },
        }
    })
}

fn brief() -> Value {
    json!({
        "type": "object",
        "required": ["id", "name", "created_at", "allows", "credentials"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "name": { "type": "string" },
            "created_at": { "type": "string", "format": "date-time" },
            "allows": { "type": "integer", "description": "How many things it allows" },
            "credentials": { "type": "integer", "description": "Credentials that have it and are not revoked" },
        }
    })
}

fn schema() -> Value {
    let mut schema = brief();
    schema["properties"]["allowed"] = json!({ "type": "array", "items": { "type": "string" } });
    schema
}

fn written(mut body: Body) -> Result<NewRole> {
    let name = body.text("name");
    let name = body.require("name", name).unwrap_or_default();
    let mut allowed = Vec::new();
    for value in body.array("allowed") {
        match value.as_str() {
            Some(text) => allowed.push(text.trim().to_owned()),
            None => body.errors.add("allowed", "Write text in quotes."),
        }
    }
    body.done()?;
    Ok(NewRole { name, allowed })
}

async fn shown(conn: &mut Conn, role: &ApiRole) -> Result<Value> {
    let mut value = json!(role);
    value["allowed"] = json!(api_roles::allowed(conn, role.id).await?);
    Ok(value)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    Ok(whole_list(&api_roles::all(&mut cx.app.db.read().await?).await?))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let role = api_roles::create(&mut tx, &cx.actor, new, &*cx.app.get::<Deeds>()?, cx.now).await?;
    let body = shown(&mut tx, &role).await?;
    cx.commit(tx, 201, body).await
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let role = api_roles::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, &role).await?))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let role = api_roles::update(&mut tx, &cx.actor, id, new, &*cx.app.get::<Deeds>()?, cx.now).await?;
    let body = shown(&mut tx, &role).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    api_roles::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
