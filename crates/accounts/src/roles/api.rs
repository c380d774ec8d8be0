//! Roles and permissions in the JSON API.

use std::collections::BTreeSet;

use axum::response::Response;
use kernel::Result;
use platform::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{CONFIGURE, NewRole, Offered, Role, names};
use crate::doors::api::{Body, answer, list_schema, whole_list};
use crate::doors::{ApiCx, Id, Operation, Routes};
use crate::roles;

const TAG: &str = "Staff";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/roles", CONFIGURE, TAG, "List the roles of administrators")
        .answers(200, list_schema(listed_schema()));
    let add = Operation::new("POST", "/roles", CONFIGURE, TAG, "Add a role").body(new_schema()).answers(201, schema());
    let show =
        Operation::new("GET", "/roles/{id}", CONFIGURE, TAG, "One role with its permissions").answers(200, schema());
    let change = Operation::new("PUT", "/roles/{id}", CONFIGURE, TAG, "Replace a role’s name and permissions")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/roles/{id}", CONFIGURE, TAG, "Delete a role that nobody has")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    let offered = Operation::new("GET", "/permissions", CONFIGURE, TAG, "List the permissions that roles can have")
        .answers(200, list_schema(permission_schema()));
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(show, find)
        .api(change, update)
        .api(remove, delete)
        .api(offered, permissions)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name", "permissions"],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 60 },
            "permissions": { "type": "array", "items": { "type": "string" }, "uniqueItems": true,
                             "description": "Names of GET /permissions; only such as the caller has" },
        }
    })
}

fn new_schema() -> Value {
    let mut schema = written_schema();
    schema["required"] = json!(["name"]);
    schema["properties"]["copy_of"] =
        json!({ "type": "integer", "format": "int64", "description": "A role whose permissions this one has too" });
    schema
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "name", "built_in", "permissions"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "name": { "type": "string" },
            "built_in": { "type": "boolean", "description": "Keeps its name and is never deleted" },
            "permissions": { "type": "array", "items": { "type": "string" } },
        }
    })
}

fn listed_schema() -> Value {
    let mut schema = schema();
    schema["properties"]["permissions"] = json!({ "type": "integer", "description": "How many" });
    schema["properties"]["members"] = json!({ "type": "integer", "description": "How many administrators have it" });
    schema
}

fn permission_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name", "area"],
        "properties": { "name": { "type": "string" }, "area": { "type": "string" } }
    })
}

fn texts(body: &mut Body, name: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for value in body.array(name) {
        match value.as_str() {
            Some(text) if !text.contains('\0') => drop(texts.insert(text.to_owned())),
            _ => body.errors.add(name, "Write names in quotes, without the NUL character."),
        }
    }
    texts
}

async fn shown(conn: &mut Conn, role: &Role) -> Result<Value> {
    let mut value = json!(role);
    value["permissions"] = json!(roles::permissions(conn, role.id).await?);
    Ok(value)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    Ok(whole_list(&roles::all(&mut cx.app.db.read().await?).await?))
}

async fn permissions(cx: ApiCx) -> Result<Response, Fail> {
    let offered = cx.app.get::<Offered>()?;
    let all: Vec<Value> =
        offered.0.iter().map(|permission| json!({ "name": permission.0, "area": names::area(permission.0) })).collect();
    Ok(whole_list(&all))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let name = body.text("name");
    let name = body.require("name", name).unwrap_or_default();
    let mut permissions = texts(&mut body, "permissions");
    let copied = body.int("copy_of");
    body.done()?;
    let offered = cx.app.get::<Offered>()?;
    let mut tx = cx.app.db.write().await?;
    if let Some(id) = copied {
        roles::find(&mut tx, id).await?;
        permissions.extend(roles::permissions(&mut tx, id).await?.into_iter().filter(|name| offered.has(name)));
    }
    let role = roles::create(&mut tx, &cx.actor, &offered, NewRole { name, permissions }, cx.now).await?;
    let body = shown(&mut tx, &role).await?;
    cx.commit(tx, 201, body).await
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let role = roles::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, &role).await?))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let name = body.text("name");
    let name = body.require("name", name).unwrap_or_default();
    if !body.has("permissions") {
        body.errors.add("permissions", "This field is required.");
    }
    let permissions = texts(&mut body, "permissions");
    body.done()?;
    let offered = cx.app.get::<Offered>()?;
    let mut tx = cx.app.db.write().await?;
    let role = roles::update(&mut tx, &cx.actor, &offered, id, NewRole { name, permissions }, cx.now).await?;
    let body = shown(&mut tx, &role).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    roles::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
