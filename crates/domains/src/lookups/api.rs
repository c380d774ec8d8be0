//! Look-ups in the JSON API.

use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Operation, Routes, schema as shared};
use axum::response::Response;
use kernel::{DomainName, Error, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::store::{self, Logged};
use super::{Answer, Freshness, LOOK_UP, MOST, State, VIEW_LOG};
use crate::lookups;

const TAG: &str = "Look-ups";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let look =
        Operation::new("POST", "/domains/lookup", LOOK_UP, TAG, "Whether names can be registered, and who has them")
            .body(json!({ "type": "object", "required": ["names"], "properties": {
            "names": { "type": "array", "minItems": 1, "maxItems": MOST, "items": text() },
            "fresh": { "type": "boolean", "description": "Ask, even if it was asked a few minutes ago" },
        } }))
            .never_repeated()
            .answers(
                200,
                json!({ "type": "object", "properties": {
            "answers": { "type": "array", "items": schema() },
        } }),
            );
    let log = Operation::new("GET", "/domains/lookup-log", VIEW_LOG, TAG, "Who looked what up")
        .query("q", text(), "How the name begins")
        .query("state", state_schema(), "Only these")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["at", "-at", "name", "-name"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(
            200,
            list_schema(json!({ "type": "object", "properties": {
            "id": shared::id(), "name": text(), "state": state_schema(), "source": text(), "asked_by": text(),
            "why": text(), "at": { "type": "string", "format": "date-time" },
        } })),
        );
    let servers = Operation::new("GET", "/domains/rdap-servers", LOOK_UP, TAG, "Which list of RDAP servers is used")
        .answers(200, servers_schema());
    let refresh =
        Operation::new("POST", "/domains/rdap-servers", LOOK_UP, TAG, "Fetch IANA's list of RDAP servers anew")
            .never_repeated()
            .answers(
                200,
                json!({ "type": "object", "properties": {
            "publication": text(), "extensions": { "type": "integer" },
        } }),
            );
    Routes::new().api(look, look_up).api(log, log_list).api(servers, server_list).api(refresh, refresh_list)
}

fn state_schema() -> Value {
    json!({ "type": "string", "enum": State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>() })
}

fn servers_schema() -> Value {
    json!({ "type": "object", "properties": {
        "publication": { "type": "string", "description": "What IANA says of its day" },
        "fetched_at": { "type": ["string", "null"], "format": "date-time", "description": "null: it came with the program" },
    } })
}

fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let list = || json!({ "type": "array", "items": text() });
    json!({ "type": "object", "properties": {
        "name": text(),
        "shown": { "type": "string", "description": "As people write it" },
        "state": { "type": "string", "enum": State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>(),
            "description": "unknown: nobody could say. It is never to be taken for available" },
        "source": { "type": "string", "description": "registrar:NAME, rdap or whois" },
        "why": { "type": "string", "description": "What the sources said that could not find out" },
        "premium": { "type": "object", "description": "What it costs us where it is a premium name",
            "additionalProperties": text() },
        "registrar": text(), "created": text(), "expires": text(), "nameservers": list(), "statuses": list(),
        "text": { "type": "string", "description": "The answer of the registry itself" },
        "at": { "type": "string", "format": "date-time", "description": "When it was asked" },
    } })
}

pub(super) fn shown(of: &Answer) -> Value {
    let mut value = json!(of);
    value["shown"] = json!(of.name.unicode());
    value
}

async fn look_up(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let freshness = if body.bool("fresh").unwrap_or_default() { Freshness::Now } else { Freshness::Kept };
    let sent = body.array("names");
    let mut names = Vec::new();
    for (at, item) in sent.iter().enumerate() {
        match DomainName::parse(item.as_str().unwrap_or_default()) {
            Ok(name) => names.push(name),
            Err(why) => body.errors.add(format!("names[{at}]"), why),
        }
    }
    if sent.is_empty() {
        body.errors.add("names", "Send at least one name.");
    }
    body.done()?;
    let answers = lookups::look_up(&cx.app, &cx.actor, &names, freshness).await?;
    Ok(answer(&json!({ "answers": answers.iter().map(shown).collect::<Vec<_>>() })))
}

async fn log_list(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Order::Descending)?;
    if !request.filter("state").is_empty() {
        State::parse(request.filter("state")).map_err(|why| Error::invalid("state", why))?;
    }
    let mut conn = cx.app.db.read().await?;
    let page: Page<Logged> = store::query(&request).page(&mut conn, &request, &Logged::columns("l")).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|line| json!(line)).collect()))
}

async fn server_list(cx: ApiCx) -> Result<Response, Fail> {
    let list = lookups::servers(&mut cx.app.db.read().await?).await?;
    let fetched = list.fetched_at.map(|at| at.to_string());
    Ok(answer(&json!({ "publication": list.publication, "fetched_at": fetched })))
}

async fn refresh_list(cx: ApiCx) -> Result<Response, Fail> {
    cx.json()?.done()?;
    let done = lookups::refresh_servers(&cx.app, &cx.actor).await?;
    Ok(answer(&json!({ "publication": done.publication, "extensions": done.extensions })))
}
