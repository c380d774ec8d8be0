//! Banned IPs in the JSON API.

use axum::response::Response;
use kernel::{Error, Network, Result, Timestamp};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{ADD, Ban, COLUMNS, InForce, LIFT, NewBan, OwnAddress, SORTS, VIEW, query};
use crate::banned_ips;
use crate::doors::api::{Body, answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Operation, Routes};

const TAG: &str = "Security";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/security/banned-ips", VIEW, TAG, "List the banned networks")
        .query(
            "q",
            json!({ "type": "string" }),
            "An address: the bans over it. A network: those in it too. Else words of the reason",
        )
        .query("state", json!({ "type": "string", "enum": ["in_force", "ended"] }), "Only these; both without it")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["created", "-created", "network", "-network"] }),
            "The latest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/security/banned-ips", ADD, TAG, "Ban a network, at once and at every door")
        .body(written_schema())
        .answers(201, schema());
    let one = Operation::new("GET", "/security/banned-ips/{id}", VIEW, TAG, "One ban").answers(200, schema());
    let change = Operation::new("PUT", "/security/banned-ips/{id}", ADD, TAG, "Replace a ban")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/security/banned-ips/{id}", LIFT, TAG, "Lift a ban")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(one, show).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["network", "reason"],
        "properties": {
            "network": { "type": "string", "description": "192.0.2.1, 10.1.0.0/16, 10.1.*.* or 2001:db8::/32" },
            "reason": { "type": "string", "minLength": 1, "maxLength": 200, "description": "Shown to whoever is banned" },
            "expires_at": { "type": ["string", "null"], "format": "date-time", "description": "When it ends; null: never" },
            "confirm": { "type": "boolean", "default": false,
                         "description": "Ban the network although the request comes from it" },
        }
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "network", "reason", "set_by", "automatic", "created_at", "expires_at", "in_force"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "network": { "type": "string", "description": "As an address or in CIDR notation" },
            "reason": { "type": "string" },
            "set_by": { "type": "string" },
            "automatic": { "type": "boolean", "description": "Set by the program after too many failures" },
            "created_at": { "type": "string", "format": "date-time" },
            "expires_at": { "type": ["string", "null"], "format": "date-time" },
            "in_force": { "type": "boolean" },
        }
    })
}

fn shown(ban: &Ban, now: Timestamp) -> Value {
    let mut value = json!(ban);
    value["in_force"] = ban.is_in_force(now).into();
    value
}

fn written(mut body: Body) -> Result<(NewBan, OwnAddress)> {
    let network: Option<Network> = body.parsed("network", banned_ips::network);
    let network = body.require("network", network);
    let reason = body.text("reason");
    let reason = body.require("reason", reason).unwrap_or_default();
    let expires_at = if body.nulled("expires_at") { None } else { body.parsed("expires_at", Timestamp::parse) };
    let own = if body.bool("confirm").unwrap_or(false) { OwnAddress::Confirmed } else { OwnAddress::Refuse };
    body.done()?;
    let network = network.ok_or_else(|| Error::broken("ban: unchecked network"))?;
    Ok((NewBan { network, reason, expires_at }, own))
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let ended = match request.filter("state") {
        "in_force" => Some(false),
        "ended" => Some(true),
        _ => None,
    };
    let mut conn = cx.app.db.read().await?;
    let page: Page<Ban> = query(request.filter("q"), ended, cx.now).whole_page(&mut conn, &request, COLUMNS).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|ban| shown(ban, cx.now)).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let (new, own) = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let ban = banned_ips::ban(&mut tx, &cx.actor, new, own, cx.now).await?;
    let answer = cx.commit(tx, 201, shown(&ban, cx.now)).await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    Ok(answer)
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let ban = banned_ips::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&shown(&ban, cx.now)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let (new, own) = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let ban = banned_ips::change(&mut tx, &cx.actor, id, new, own, cx.now).await?;
    let answer = cx.commit(tx, 200, shown(&ban, cx.now)).await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    Ok(answer)
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    banned_ips::lift(&mut tx, &cx.actor, id, cx.now).await?;
    let answer = cx.commit(tx, 200, json!({ "deleted": true })).await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    Ok(answer)
}
