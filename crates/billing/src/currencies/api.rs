//! Currencies in the JSON API.

use accounts::doors::api::{list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::Currency;
use platform::web::Fail;
use serde_json::{Value, json};

use super::CONFIGURE;

const TAG: &str = "Currencies";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/currencies", CONFIGURE, TAG, "List the currencies that are dealt in")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/currencies", CONFIGURE, TAG, "Add a currency")
        .body(json!({ "type": "object", "required": ["code", "rate"], "properties": properties() }))
        .answers(201, schema());
    let change = Operation::new("PATCH", "/currencies/{id}", CONFIGURE, TAG, "Change what is sent of a currency")
        .body(json!({ "type": "object", "properties": properties() }))
        .answers(200, schema());
    Routes::new().api(list, index).api(add, create).api(change, update)
}

fn properties() -> Value {
    json!({
        "code": { "type": "string", "description": "ISO 4217; only when it is added" },
        "prefix": { "type": "string", "maxLength": 10 },
        "suffix": { "type": "string", "maxLength": 10 },
        "rate": { "type": "string", "description": "Units of it for one unit of the base currency" },
    })
}

fn schema() -> Value {
    let mut properties = properties();
    properties["id"] = json!({ "type": "integer", "format": "int64" });
    properties["is_base"] = json!({ "type": "boolean" });
    json!({ "type": "object", "properties": properties })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let all = super::all(&mut cx.app.db.read().await?).await?;
    Ok(whole_list(&all))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let code = body.parsed("code", Currency::parse);
    let code = body.require("code", code);
    let (prefix, suffix) = (body.text("prefix").unwrap_or_default(), body.text("suffix").unwrap_or_default());
    let rate = body.text("rate");
    let rate = body.require("rate", rate).unwrap_or_default();
    body.done()?;
    let Some(code) = code else { return Err(Fail(kernel::Error::broken("the code was refused without a reason"))) };
    let mut tx = cx.app.db.write().await?;
    let dealt = super::create(&mut tx, &cx.actor, code, &prefix, &suffix, &rate, cx.now).await?;
    cx.commit(tx, 201, json!(dealt)).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let before = super::by_id(&mut tx, id).await?;
    let prefix = body.text("prefix").unwrap_or(before.prefix);
    let suffix = body.text("suffix").unwrap_or(before.suffix);
    let rate = body.text("rate").unwrap_or(before.rate);
    if body.has("code") {
        body.errors.add("code", "A currency's code stays. Add another currency instead.");
    }
    body.done()?;
    let dealt = super::update(&mut tx, &cx.actor, id, &prefix, &suffix, &rate, cx.now).await?;
    cx.commit(tx, 200, json!(dealt)).await
}
