//! Client groups in the JSON API.

use axum::response::Response;
use kernel::Result;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{CONFIGURE, NewGroup};
use crate::client_groups;
use crate::clients::LIST;
use crate::doors::api::{Body, answer, list_schema, whole_list};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "Client groups";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/client-groups", LIST, TAG, "List the client groups")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/client-groups", CONFIGURE, TAG, "Add a client group")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/client-groups/{id}", LIST, TAG, "One client group").answers(200, schema());
    let change = Operation::new("PUT", "/client-groups/{id}", CONFIGURE, TAG, "Replace a client group")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/client-groups/{id}", CONFIGURE, TAG, "Delete a group that no client is in")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "maxLength": 60 },
            "colour": { "type": "string", "pattern": "^(#[0-9a-fA-F]{6})?$" },
            "separate_invoices": { "type": "boolean" },
        }
    })
}

fn schema() -> Value {
    let mut schema = written_schema();
    schema["properties"]["id"] = json!({ "type": "integer", "format": "int64" });
    schema["properties"]["created_at"] = json!({ "type": "string", "format": "date-time" });
    schema
}

fn written(mut body: Body) -> Result<NewGroup> {
    let name = body.text("name");
    let name = body.require("name", name).unwrap_or_default();
    let colour = body.text("colour").unwrap_or_default();
    let separate_invoices = body.bool("separate_invoices").unwrap_or(false);
    body.done()?;
    Ok(NewGroup { name, colour, separate_invoices })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let groups = client_groups::all(&mut cx.app.db.read().await?).await?;
    Ok(whole_list(&groups))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let group = client_groups::create(&mut tx, &cx.actor, new, cx.now).await?;
    cx.commit(tx, 201, json!(group)).await
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let group = client_groups::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&json!(group)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let group = client_groups::update(&mut tx, &cx.actor, id, new, cx.now).await?;
    cx.commit(tx, 200, json!(group)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    client_groups::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
