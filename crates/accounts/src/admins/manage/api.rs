//! Administrators in the JSON API.

use axum::response::Response;
use kernel::Result;
use platform::Tx;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{AdminEdit, COLUMNS, CONFIGURE, Filter, Listed, SORTS, query};
use crate::admins::{self, Admin, manage};
use crate::doors::api::{Body, answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "Staff";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/administrators", CONFIGURE, TAG, "List the administrators")
        .query("q", json!({ "type": "string" }), "Words of the names or the address")
        .query("role_id", json!({ "type": "integer", "minimum": 1 }), "Only those with this role")
        .query("state", json!({ "type": "string", "enum": ["enabled", "disabled"] }), "Only these; both without it")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["username", "-username", "name", "-name", "email", "-email", "last_login", "-last_login"] }),
            "By user name unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(listed_schema()));
    let add = Operation::new("POST", "/administrators", CONFIGURE, TAG, "Invite an administrator, by mail")
        .body(new_schema())
        .answers(201, schema());
    let one = Operation::new("GET", "/administrators/{id}", CONFIGURE, TAG, "One administrator").answers(200, schema());
    let change =
        Operation::new("PATCH", "/administrators/{id}", CONFIGURE, TAG, "Change what is sent of an administrator")
            .body(edit_schema())
            .answers(200, schema());
    let post = |path: &'static str, summary: &'static str| {
        Operation::new("POST", path, CONFIGURE, TAG, summary).answers(200, schema())
    };
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(one, show)
        .api(change, update)
        .api(post("/administrators/{id}/invite", "Send the invitation again, with a new link"), invite_again)
        .api(post("/administrators/{id}/disable", "Lock an administrator out, at once"), disable)
        .api(post("/administrators/{id}/enable", "Let an administrator in again"), enable)
        .api(post("/administrators/{id}/reset", "End the password and all sessions; mail a link to a new one"), reset)
}

fn edit_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "maxLength": 64 },
            "email": { "type": "string", "format": "email" },
            "first_name": { "type": "string", "maxLength": 100 },
            "last_name": { "type": "string", "maxLength": 100 },
            "role_id": { "type": "integer", "format": "int64", "description": "A role that may do no more than the caller" },
            "signature": { "type": "string", "maxLength": 10000 },
            "notes": { "type": "string", "maxLength": 10000 },
        }
    })
}

fn new_schema() -> Value {
    let mut schema = edit_schema();
    schema["required"] = json!(["username", "email", "role_id"]);
    schema
}

fn schema() -> Value {
    let mut schema = edit_schema();
    let fields = &mut schema["properties"];
    fields["id"] = json!({ "type": "integer", "format": "int64" });
    fields["disabled"] = json!({ "type": "boolean" });
    fields["created_at"] = json!({ "type": "string", "format": "date-time" });
    fields["updated_at"] = json!({ "type": "string", "format": "date-time" });
    fields["last_login_at"] = json!({ "type": ["string", "null"], "format": "date-time" });
    schema
}

fn listed_schema() -> Value {
    let mut schema = schema();
    let fields = &mut schema["properties"];
    fields["role"] = json!({ "type": "string" });
    fields["invited"] = json!({ "type": "boolean", "description": "Has not chosen a password yet" });
    for name in ["signature", "notes", "updated_at"] {
        fields.as_object_mut().map(|fields| fields.remove(name));
    }
    schema
}

fn shown(admin: &Admin) -> Value {
    json!(admin)
}

fn edit_of(body: &mut Body) -> AdminEdit {
    AdminEdit {
        username: body.text("username"),
        email: body.text("email"),
        first_name: body.text("first_name"),
        last_name: body.text("last_name"),
        role_id: body.int("role_id"),
        signature: body.text("signature"),
        notes: body.text("notes"),
    }
}

/// The rules speak of the role, the document of its id.
fn by_id(error: kernel::Error) -> kernel::Error {
    let kernel::Error::Invalid(errors) = error else { return error };
    let mut renamed = kernel::FieldErrors::default();
    for (field, message) in errors.iter() {
        renamed.add(if field == "role" { "role_id" } else { field }, message);
    }
    kernel::Error::Invalid(renamed)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Ascending)?;
    let filter = Filter {
        text: request.filter("q").to_owned(),
        role_id: request.filter("role_id").parse().ok(),
        disabled: match request.filter("state") {
            "enabled" => Some(false),
            "disabled" => Some(true),
            _ => None,
        },
        email: String::new(),
    };
    let mut conn = cx.app.db.read().await?;
    let page: Page<Listed> = query(&filter).whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|admin| json!(admin)).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let new = edit_of(&mut body);
    body.require("username", new.username.as_ref());
    body.require("email", new.email.as_ref());
    body.require("role_id", new.role_id);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let admin = manage::invite(&mut tx, &cx.app, &cx.actor, new, cx.now).await.map_err(by_id)?;
    cx.commit(tx, 201, shown(&admin)).await
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let admin = admins::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&shown(&admin)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let edit = edit_of(&mut body);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let admin = manage::update(&mut tx, &cx.actor, id, edit, cx.now).await.map_err(by_id)?;
    cx.commit(tx, 200, shown(&admin)).await
}

async fn done(cx: &ApiCx, tx: Tx, admin: &Admin) -> Result<Response, Fail> {
    cx.commit(tx, 200, shown(admin)).await
}

async fn invite_again(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let admin = manage::invite_again(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
    done(&cx, tx, &admin).await
}

async fn disable(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let admin = admins::disable(&mut tx, &cx.actor, id, cx.now).await?;
    done(&cx, tx, &admin).await
}

async fn enable(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let admin = admins::enable(&mut tx, &cx.actor, id, cx.now).await?;
    done(&cx, tx, &admin).await
}

async fn reset(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let admin = manage::reset(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
    done(&cx, tx, &admin).await
}
