//! Gateways and their log in the JSON API. Secrets come in by this door and never leave by it.

use std::sync::Arc;

use accounts::company;
use accounts::doors::api::{answer, list_answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Operation, Routes, Word, schema};
use axum::response::Response;
use kernel::{Error, Result};
use platform::db::Conn;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::store::{self, LogFilter, Logged};
use super::{CONFIGURE, Configure, Gateway, Gateways, Move, SetUp, VIEW_LOG};

const TAG: &str = "Gateways";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list =
        Operation::new("GET", "/gateways", CONFIGURE, TAG, "List the payment gateways: those set up, then the others")
            .answers(200, list_schema(gateway_schema()));
    let one = Operation::new("GET", "/gateways/{name}", CONFIGURE, TAG, "One gateway and its fields")
        .answers(200, whole_schema());
    let change = Operation::new("PATCH", "/gateways/{name}", CONFIGURE, TAG, "Set a gateway up; what is left out stays as it is")
        .body(json!({ "type": "object", "properties": {
            "display_name": { "type": "string", "maxLength": 100 },
            "active": { "type": "boolean", "description": "A gateway that is new is switched on unless this says otherwise" },
            "values": { "type": "object", "additionalProperties": text(), "description": "Open fields by their keys" },
            "secrets": { "type": "object", "additionalProperties": text(), "description": "Secret fields by their keys" },
        } }))
        .answers(200, whole_schema());
    let log = Operation::new("GET", "/gateway-log", VIEW_LOG, TAG, "List what gateways were asked and answered")
        .query("q", text(), "Anywhere in the detail")
        .query("gateway", text(), "Only of this gateway")
        .query("result", json!({ "type": "string", "enum": ["answer", "error"] }), "Only these")
        .query("client", schema::id(), "Only about this client")
        .query("invoice", schema::id(), "Only about this invoice")
        .query("from", schema::date(), "From this day on")
        .query("to", schema::date(), "Up to this day")
        .query("sort", json!({ "type": "string", "enum": ["at", "-at"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(log_schema()));
    let order = Operation::new(
        "POST",
        "/gateways/{name}/move",
        CONFIGURE,
        TAG,
        "Move a gateway in the order in which clients see them",
    )
    .body(json!({ "type": "object", "required": ["towards"], "properties": {
            "towards": { "type": "string", "enum": ["up", "down"] } } }))
    .answers(200, whole_schema());
    Routes::new().api(order, rearrange).api(list, index).api(one, show).api(change, configure).api(log, index_log)
}

fn gateway_schema() -> Value {
    let flag = || json!({ "type": "boolean" });
    json!({ "type": "object", "properties": {
        "name": { "type": "string" },
        "display_name": { "type": "string" },
        "set_up": flag(),
        "active": flag(),
        "position": { "type": ["integer", "null"] },
        "charges_stored_methods": flag(),
        "refunds": flag(),
        "webhooks": flag(),
        "manual": flag(),
    } })
}

fn whole_schema() -> Value {
    let text = || json!({ "type": "string" });
    let mut schema = gateway_schema();
    schema["properties"]["fields"] = json!({ "type": "array", "items": { "type": "object", "properties": {
        "key": text(), "label": text(), "help": text(),
        "required": { "type": "boolean" },
        "secret": { "type": "boolean" },
        "set": { "type": "boolean", "description": "Whether it has a value of its own" },
        "value": { "type": ["string", "null"], "description": "What holds; never told of a secret" },
    } } });
    schema
}

fn log_schema() -> Value {
    let id = || json!({ "type": ["integer", "null"], "format": "int64" });
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "gateway": text(), "what": text(), "result": text(),
        "client_id": id(), "invoice_id": id(),
        "detail": text(),
        "at": { "type": "string", "format": "date-time" },
    } })
}

fn shown(set_up: &SetUp, module: Option<&Arc<dyn Gateway>>) -> Value {
    let can = module.map(|module| module.capabilities()).unwrap_or_default();
    json!({
        "name": set_up.name,
        "display_name": set_up.display_name,
        "set_up": true,
        "active": set_up.active,
        "position": set_up.position,
        "charges_stored_methods": can.off_session,
        "refunds": can.refunds,
        "webhooks": can.webhooks,
        "manual": can.manual,
    })
}

fn shown_new(module: &Arc<dyn Gateway>) -> Value {
    let nothing = SetUp {
        name: module.name().to_owned(),
        display_name: module.display_name().to_owned(),
        active: false,
        position: 0,
        config: "{}".to_owned(),
    };
    let mut value = shown(&nothing, Some(module));
    value["set_up"] = json!(false);
    value["position"] = Value::Null;
    value
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let set_up = super::all(&mut cx.app.db.read().await?).await?;
    let modules = cx.app.get::<Gateways>()?;
    let module = |name: &str| modules.all().iter().find(|module| module.name() == name);
    let mut items: Vec<Value> = set_up.iter().map(|gateway| shown(gateway, module(&gateway.name))).collect();
    items.extend(super::addable(&cx.app, &set_up)?.iter().map(shown_new));
    Ok(whole_list(&items))
}

/// A gateway with its fields.
async fn whole(conn: &mut Conn, cx: &ApiCx, module: &Arc<dyn Gateway>) -> Result<Value> {
    let stored = super::all(conn).await?.into_iter().find(|gateway| gateway.name == module.name());
    let secrets = super::secrets_set(conn, &cx.app, &**module).await?;
    let (mut value, values) = match &stored {
        Some(gateway) => (shown(gateway, Some(module)), gateway.values()?),
        None => (shown_new(module), Default::default()),
    };
    let fields = module.fields();
    value["fields"] = fields
        .iter()
        .map(|field| {
            let own = values.get(field.key).filter(|_| !field.secret);
            json!({
                "key": field.key,
                "label": field.label,
                "help": field.help,
                "required": field.required,
                "secret": field.secret,
                "set": own.is_some() || secrets.contains(&field.key),
                "value": (!field.secret).then(|| own.map_or(field.default, String::as_str)),
            })
        })
        .collect();
    Ok(value)
}

fn module(cx: &ApiCx, name: &str) -> Result<Arc<dyn Gateway>> {
    cx.app.get::<Gateways>()?.find(name).or(Err(Error::NotFound("Gateway")))
}

async fn show(cx: ApiCx, Word(name): Word) -> Result<Response, Fail> {
    let module = module(&cx, &name)?;
    let mut conn = cx.app.db.read().await?;
    Ok(answer(&whole(&mut conn, &cx, &module).await?))
}

async fn configure(cx: ApiCx, Word(name): Word) -> Result<Response, Fail> {
    let module = module(&cx, &name)?;
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let known = super::all(&mut tx).await?.into_iter().find(|gateway| gateway.name == name);
    let new = Configure {
        display_name: body.text("display_name"),
        active: body.bool("active").or(known.map(|gateway| gateway.active)),
        values: body.texts("values"),
        secrets: body.texts("secrets"),
    };
    body.done()?;
    super::configure(&mut tx, &cx.app, &cx.actor, &name, new, cx.now).await?;
    let value = whole(&mut tx, &cx, &module).await?;
    cx.commit(tx, 200, value).await
}

async fn rearrange(cx: ApiCx, Word(name): Word) -> Result<Response, Fail> {
    let module = module(&cx, &name)?;
    let mut body = cx.json()?;
    let towards = body.parsed("towards", |text| match text {
        "up" => Ok(Move::Up),
        "down" => Ok(Move::Down),
        _ => Err("Write up or down."),
    });
    let towards = body.require("towards", towards);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    if let Some(towards) = towards {
        super::rearrange(&mut tx, &cx.actor, &name, towards, cx.now).await?;
    }
    let value = whole(&mut tx, &cx, &module).await?;
    cx.commit(tx, 200, value).await
}

async fn index_log(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = LogFilter::of(&request, &zone)?;
    let page: Page<Logged> = filter.query().whole_page(&mut conn, &request, &Logged::columns("l")).await?;
    let items = page.rows.iter().map(|line| {
        json!({
            "id": line.id,
            "gateway": line.gateway,
            "what": line.what,
            "result": line.result,
            "client_id": line.client_id,
            "invoice_id": line.invoice_id,
            "detail": line.detail,
            "at": line.at,
        })
    });
    let items = items.collect();
    Ok(list_answer(&request, &page, items))
}
