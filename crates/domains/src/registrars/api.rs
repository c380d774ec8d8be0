//! Registrars in the JSON API.

use accounts::doors::api::{Body, answer, list_answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema as shared};
use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::contract::FieldKind;
use super::{Account, CONFIGURE, Configure, Registrars, SetUp, log};
use crate::registrars;

const TAG: &str = "Registrars";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let modules = Operation::new(
        "GET",
        "/registrar-modules",
        CONFIGURE,
        TAG,
        "The modules that can be set up, with their fields",
    )
    .answers(200, list_schema(module_schema()));
    let list = Operation::new("GET", "/registrars", CONFIGURE, TAG, "The registrars that are set up")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/registrars", CONFIGURE, TAG, "Set a registrar up")
        .body(written_schema(true))
        .answers(201, schema());
    let show = Operation::new("GET", "/registrars/{id}", CONFIGURE, TAG, "One registrar").answers(200, schema());
    let change = Operation::new("PATCH", "/registrars/{id}", CONFIGURE, TAG, "Change what is sent of a registrar")
        .body(written_schema(false))
        .answers(200, schema());
    let remove =
        Operation::new("DELETE", "/registrars/{id}", CONFIGURE, TAG, "Take away a registrar that nothing names")
            .answers(200, hosting::product_groups::api::deleted_schema());
    let test =
        Operation::new("POST", "/registrars/{id}/test", CONFIGURE, TAG, "Ask a registrar whether the account works")
            .never_repeated()
            .answers(
                200,
                json!({ "type": "object", "properties": {
            "works": { "type": "boolean" }, "message": text(),
        } }),
            );
    let log = Operation::new("GET", "/registrar-log", CONFIGURE, TAG, "What was asked of registrars and what they answered")
        .query("registrar", text(), "Only of this registrar, by name")
        .query("result", json!({ "type": "string", "enum": ["answer", "error"] }), "Only these")
        .query("domain", text(), "Only about this domain")
        .query("q", text(), "Words of the detail")
        .query("sort", json!({ "type": "string", "enum": ["at", "-at"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(json!({ "type": "object", "properties": {
            "id": shared::id(), "registrar": text(), "what": text(), "result": text(), "domain": text(), "detail": text(),
            "at": { "type": "string", "format": "date-time" },
        } })));
    Routes::new()
        .api(modules, module_list)
        .api(list, index)
        .api(add, create)
        .api(show, show_one)
        .api(change, update)
        .api(remove, delete)
        .api(test, try_out)
        .api(log, log_list)
}

fn module_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "module": text(),
        "display_name": text(),
        "fields": { "type": "array", "items": { "type": "object", "properties": {
            "key": text(), "label": text(), "help": text(), "default": text(),
            "required": { "type": "boolean" },
            "secret": { "type": "boolean", "description": "Written, never read again" },
            "tick": { "type": "boolean", "description": "1 or 0" },
        } } },
    } })
}

fn written_schema(new: bool) -> Value {
    let mut schema = json!({ "type": "object", "properties": {
        "title": { "type": "string", "maxLength": 100 },
        "active": { "type": "boolean", "description": "Orders may go to it" },
        "values": {
            "type": "object",
            "description": "Fields of the module, secret ones too",
            "additionalProperties": { "type": "string" },
        },
    } });
    if new {
        schema["required"] = json!(["module"]);
        schema["properties"]["module"] = json!({ "type": "string" });
        schema["properties"]["name"] =
            json!({ "type": "string", "description": "Made of the title without it; it stays" });
    }
    schema
}

fn schema() -> Value {
    let mut schema = written_schema(true);
    schema["properties"]["id"] = shared::id();
    schema["properties"]["values"]["description"] = json!("The open fields");
    schema["properties"]["secrets_set"] = json!({ "type": "array", "items": { "type": "string" } });
    schema["properties"]["abilities"] = json!({ "type": "array", "items": { "type": "string" } });
    schema
}

async fn shown(conn: &mut Conn, cx: &ApiCx, of: &SetUp) -> Result<Value> {
    let module = cx.app.get::<Registrars>()?.find(&of.module).ok();
    let (mut set, mut abilities) = (Vec::new(), Vec::new());
    if let Some(module) = &module {
        set = registrars::secrets_set(conn, &**module, of.id).await?;
        let account = Account::new(&of.name, of.values()?);
        abilities = module.abilities(&account).into_iter().map(|ability| ability.as_str()).collect();
    }
    Ok(json!({
        "id": of.id, "name": of.name, "module": of.module, "title": of.title, "active": of.active,
        "values": of.values()?, "secrets_set": set, "abilities": abilities,
    }))
}

async fn module_list(cx: ApiCx) -> Result<Response, Fail> {
    let modules = cx.app.get::<Registrars>()?;
    let one = |module: &std::sync::Arc<dyn super::Registrar>| {
        let field = |field: &super::contract::Field| {
            json!({
                "key": field.key, "label": field.label, "help": field.help, "default": field.default,
                "required": field.required, "secret": field.kind.is_secret(), "tick": field.kind == FieldKind::Tick,
            })
        };
        json!({
            "module": module.module(), "display_name": module.display_name(),
            "fields": module.fields().iter().map(field).collect::<Vec<_>>(),
        })
    };
    Ok(whole_list(&modules.all().iter().map(one).collect::<Vec<_>>()))
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let mut items = Vec::new();
    for one in registrars::all(&mut conn).await? {
        items.push(shown(&mut conn, &cx, &one).await?);
    }
    Ok(whole_list(&items))
}

async fn show_one(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let of = registrars::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, &cx, &of).await?))
}

fn written(body: &mut Body) -> Configure {
    Configure { title: body.text("title"), active: body.bool("active"), values: body.texts("values") }
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let (module, name) = (body.text("module").unwrap_or_default(), body.text("name"));
    let new = written(&mut body);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let made = registrars::add(&mut tx, &cx.app, &cx.actor, &module, name.as_deref(), new, cx.now).await?;
    let body = shown(&mut tx, &cx, &made).await?;
    cx.commit(tx, 201, body).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let new = written(&mut body);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let done = registrars::configure(&mut tx, &cx.app, &cx.actor, id, new, cx.now).await?;
    let body = shown(&mut tx, &cx, &done).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    registrars::delete(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}

async fn try_out(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&match registrars::test(&cx.app, id).await? {
        Ok(message) => json!({ "works": true, "message": message }),
        Err(error) => json!({ "works": false, "message": error.to_string() }),
    }))
}

async fn log_list(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, log::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let page: Page<log::Logged> = log::query(&request).page(&mut conn, &request, &log::Logged::columns("l")).await?;
    let items = page.rows.iter().map(|line| json!(line)).collect();
    Ok(list_answer(&request, &page, items))
}
