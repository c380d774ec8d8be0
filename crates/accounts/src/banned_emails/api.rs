//! Banned e-mails in the JSON API.

use axum::response::Response;
use kernel::{Error, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{BannedEmail, COLUMNS, CONFIGURE, Kind, NewBan, Pattern, SORTS, query};
use crate::banned_emails;
use crate::doors::api::{Body, answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "Security";

pub fn routes() -> Routes {
    let list = Operation::new(
        "GET",
        "/security/banned-emails",
        CONFIGURE,
        TAG,
        "List the e-mail addresses and domains that cannot open an account",
    )
    .query(
        "q",
        json!({ "type": "string" }),
        "An address: the bans over it. Else words of what is banned or of the note",
    )
    .query("kind", json!({ "type": "string", "enum": ["address", "domain"] }), "Only these; both without it")
    .query(
        "sort",
        json!({ "type": "string",
                "enum": ["created", "-created", "email", "-email", "blocked", "-blocked", "last", "-last"] }),
        "The latest first unless this says otherwise; `last` is the last try that was refused",
    )
    .paged()
    .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/security/banned-emails", CONFIGURE, TAG, "Ban an e-mail address or a domain")
        .body(written_schema())
        .answers(201, schema());
    let one = Operation::new("GET", "/security/banned-emails/{id}", CONFIGURE, TAG, "One banned e-mail")
        .answers(200, schema());
    let change = Operation::new("PUT", "/security/banned-emails/{id}", CONFIGURE, TAG, "Replace a banned e-mail")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/security/banned-emails/{id}", CONFIGURE, TAG, "Lift the ban of an e-mail")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(one, show).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["email"],
        "properties": {
            "email": { "type": "string",
                       "description": "name@example.com; example.com with everything under it; .top for a top-level domain" },
            "note": { "type": "string", "maxLength": 200, "description": "For staff alone" },
        }
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "email", "note", "set_by", "blocked", "blocked_at", "created_at"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "email": { "type": "string", "description": "In lower case, domains in the letters of the DNS" },
            "note": { "type": "string" },
            "set_by": { "type": "string" },
            "blocked": { "type": "integer", "format": "int64", "description": "Tries that were refused" },
            "blocked_at": { "type": ["string", "null"], "format": "date-time", "description": "The last of them" },
            "created_at": { "type": "string", "format": "date-time" },
        }
    })
}

fn written(mut body: Body) -> Result<NewBan> {
    let email = body.parsed("email", Pattern::parse);
    let email = body.require("email", email);
    let note = body.text("note").unwrap_or_default();
    body.done()?;
    let email = email.ok_or_else(|| Error::broken("ban: unchecked e-mail"))?;
    Ok(NewBan { email, note })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let kind = Kind::parse(request.filter("kind")).ok();
    let mut conn = cx.app.db.read().await?;
    let page: Page<BannedEmail> = query(request.filter("q"), kind).whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|banned| json!(banned)).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let banned = banned_emails::ban(&mut tx, &cx.actor, new, cx.now).await?;
    cx.commit(tx, 201, json!(banned)).await
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let banned = banned_emails::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&json!(banned)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let banned = banned_emails::change(&mut tx, &cx.actor, id, new, cx.now).await?;
    cx.commit(tx, 200, json!(banned)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    banned_emails::lift(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
