//! Users in the JSON API.

use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::store::{self, SORTS};
use super::{COLUMNS, Listed, User, UserEdit};
use crate::clients::{self, EDIT, LIST};
use crate::doors::api::{answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Ids, Operation, Routes};

const TAG: &str = "Users";
/// So many of a user's clients are told.
const CLIENTS: i64 = 200;

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list = Operation::new("GET", "/users", LIST, TAG, "List the people who log in to the client area")
        .query("q", text(), "How words of the name or of the e-mail address begin")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "name", "-name", "email", "-email"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(listed_schema()));
    let show = Operation::new("GET", "/users/{id}", LIST, TAG, "One user and the clients that it may act for")
        .answers(200, schema());
    let change = Operation::new("PATCH", "/users/{id}", EDIT, TAG, "Change a user; what is left out stays as it is")
        .body(json!({ "type": "object", "properties": {
            "first_name": text(), "last_name": text(), "language": text(),
            "email": { "type": "string", "description": "The user logs in with it: no two share one" },
        } }))
        .answers(200, schema());
    let add = Operation::new("POST", "/clients/{id}/users", EDIT, TAG, "Let a user act for a client")
        .body(json!({ "type": "object", "required": ["email"], "properties": {
            "email": { "type": "string", "description": "With which the user logs in" } } }))
        .answers(200, schema());
    let remove = Operation::new(
        "DELETE",
        "/clients/{id}/users/{user}",
        EDIT,
        TAG,
        "Take a user off a client that it does not own",
    )
    .answers(200, schema());
    Routes::new().api(list, index).api(show, find).api(change, update).api(add, attach).api(remove, detach)
}

fn fields() -> Value {
    json!({
        "id": { "type": "integer", "format": "int64" },
        "first_name": { "type": "string" },
        "last_name": { "type": "string" },
        "email": { "type": "string" },
        "created_at": { "type": "string", "format": "date-time" },
        "last_login_at": { "type": ["string", "null"], "format": "date-time" },
    })
}

fn listed_schema() -> Value {
    let mut fields = fields();
    fields["clients"] = json!({ "type": "integer", "description": "For how many the user may act" });
    json!({ "type": "object", "properties": fields })
}

fn schema() -> Value {
    let mut fields = fields();
    fields["language"] = json!({ "type": "string" });
    fields["email_verified_at"] = json!({ "type": ["string", "null"], "format": "date-time" });
    fields["clients"] = json!({ "type": "array", "description": "The oldest 200", "items": { "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" }, "name": { "type": "string" },
        "status": { "type": "string" }, "is_owner": { "type": "boolean" },
    } } });
    json!({ "type": "object", "properties": fields })
}

fn listed(user: &Listed) -> Value {
    json!({
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
        "clients": user.clients,
    })
}

async fn shown(conn: &mut Conn, user: &User) -> Result<Value> {
    let clients = store::clients_of(conn, user.id, CLIENTS).await?;
    let mut value = json!(user);
    value["clients"] = clients
        .iter()
        .map(|client| {
            json!({
                "id": client.id, "name": client.name, "status": client.status.as_str(), "is_owner": client.is_owner,
            })
        })
        .collect();
    Ok(value)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let query = super::query(&mut conn, request.filter("q")).await?;
    let page: Page<Listed> = query.whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(listed).collect()))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let user = super::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, &user).await?))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let edit = UserEdit {
        first_name: body.text("first_name"),
        last_name: body.text("last_name"),
        email: body.text("email"),
        language: body.text("language"),
    };
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let user = super::update(&mut tx, &cx.actor, id, edit, cx.now).await?;
    let value = shown(&mut tx, &user).await?;
    cx.commit(tx, 200, value).await
}

async fn attach(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let email = body.text("email");
    let email = body.require("email", email).unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    clients::find(&mut tx, id).await?;
    let user = super::attach(&mut tx, &cx.actor, id, &email, cx.now).await?;
    let value = shown(&mut tx, &user).await?;
    cx.commit(tx, 200, value).await
}

async fn detach(cx: ApiCx, Ids(id, user_id): Ids) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    super::detach(&mut tx, &cx.actor, id, user_id, cx.now).await?;
    let user = super::find(&mut tx, user_id).await?;
    let value = shown(&mut tx, &user).await?;
    cx.commit(tx, 200, value).await
}
