//! Product groups in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{GroupEdit, MANAGE};
use crate::product_groups;
use crate::products::VIEW;

const TAG: &str = "Product groups";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/product-groups", VIEW, TAG, "List the product groups")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/product-groups", MANAGE, TAG, "Add a product group")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/product-groups/{id}", VIEW, TAG, "One product group").answers(200, schema());
    let change = Operation::new("PATCH", "/product-groups/{id}", MANAGE, TAG, "Change what is sent of a product group")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/product-groups/{id}", MANAGE, TAG, "Delete a group without products")
        .answers(200, deleted_schema());
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

pub fn deleted_schema() -> Value {
    json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } })
}

fn written_schema() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "maxLength": 120 },
        "slug": { "type": "string", "description": "Unique; made from the name when it is not sent" },
        "tagline": { "type": "string", "maxLength": 200 },
        "hidden": { "type": "boolean" },
        "position": { "type": "integer", "minimum": 0 },
    } })
}

fn schema() -> Value {
    let mut schema = written_schema();
    schema["properties"]["id"] = json!({ "type": "integer", "format": "int64" });
    schema
}

fn written(mut body: Body) -> kernel::Result<GroupEdit> {
    let edit = GroupEdit {
        name: body.text("name"),
        slug: body.text("slug"),
        tagline: body.text("tagline"),
        hidden: body.bool("hidden"),
        position: body.int("position"),
    };
    body.done()?;
    Ok(edit)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let groups = product_groups::all(&mut cx.app.db.read().await?).await?;
    Ok(whole_list(&groups))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&json!(product_groups::find(&mut cx.app.db.read().await?, id).await?)))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let edit = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let group = product_groups::create(&mut tx, &cx.actor, &edit, cx.now).await?;
    cx.commit(tx, 201, json!(group)).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let edit = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let group = product_groups::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
    cx.commit(tx, 200, json!(group)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    product_groups::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
