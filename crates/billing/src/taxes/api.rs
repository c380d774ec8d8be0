//! Tax rules in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Date, Error, Rate, Result};
use platform::web::Fail;
use serde_json::{Value, json};

use super::calculation::TaxCategory;
use super::{CONFIGURE, NewRule, TaxRule};

const TAG: &str = "Tax rules";

pub fn routes() -> Routes {
    let list =
        Operation::new("GET", "/tax-rules", CONFIGURE, TAG, "List the tax rules").answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/tax-rules", CONFIGURE, TAG, "Add a tax rule")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/tax-rules/{id}", CONFIGURE, TAG, "One tax rule").answers(200, schema());
    let change = Operation::new("PUT", "/tax-rules/{id}", CONFIGURE, TAG, "Replace a tax rule")
        .body(written_schema())
        .answers(200, schema());
    let remove =
        Operation::new("DELETE", "/tax-rules/{id}", CONFIGURE, TAG, "Delete a tax rule; issued documents keep it")
            .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    let categories: Vec<&str> = TaxCategory::ALL.iter().map(|category| category.as_str()).collect();
    json!({ "type": "object", "required": ["name", "rate"], "properties": {
        "level": { "type": "integer", "enum": [1, 2], "default": 1 },
        "name": { "type": "string", "maxLength": 60 },
        "country": { "type": ["string", "null"], "description": "ISO 3166-1 alpha-2; none for everywhere" },
        "state": { "type": ["string", "null"] },
        "rate": { "type": "string", "description": "Per cent" },
        "category": { "type": "string", "enum": categories },
        "valid_from": { "type": ["string", "null"], "format": "date" },
        "valid_until": { "type": ["string", "null"], "format": "date", "description": "The last day" },
    } })
}

fn schema() -> Value {
    let mut schema = written_schema();
    schema["properties"]["id"] = json!({ "type": "integer", "format": "int64" });
    schema
}

fn shown(rule: &TaxRule) -> Value {
    json!({
        "id": rule.id,
        "level": rule.level,
        "name": rule.name,
        "country": rule.country,
        "state": rule.state,
        "rate": rule.rate.to_string(),
        "category": rule.category.as_str(),
        "valid_from": rule.valid_from,
        "valid_until": rule.valid_until,
    })
}

fn written(mut body: Body) -> Result<NewRule> {
    let name = body.text("name");
    let name = body.require("name", name).unwrap_or_default();
    let rate = body.parsed("rate", Rate::parse);
    let rate = body.require("rate", rate);
    let category = body.parsed("category", TaxCategory::parse);
    let new = (
        body.int("level").unwrap_or(1),
        body.text("country").unwrap_or_default(),
        body.text("state").unwrap_or_default(),
        body.parsed("valid_from", Date::parse),
        body.parsed("valid_until", Date::parse),
    );
    body.done()?;
    let Some(rate) = rate else { return Err(Error::broken("the rate was refused without a reason")) };
    let (level, country, state, valid_from, valid_until) = new;
    let usual = if rate.is_zero() { TaxCategory::Zero } else { TaxCategory::Standard };
    let category = category.unwrap_or(usual);
    Ok(NewRule { level, name, country, state, rate, category, valid_from, valid_until })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let rules = super::all(&mut cx.app.db.read().await?).await?;
    let items: Vec<Value> = rules.iter().map(shown).collect();
    Ok(whole_list(&items))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&shown(&super::find(&mut cx.app.db.read().await?, id).await?)))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let rule = super::create(&mut tx, &cx.actor, new, cx.now).await?;
    cx.commit(tx, 201, shown(&rule)).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let rule = super::update(&mut tx, &cx.actor, id, new, cx.now).await?;
    cx.commit(tx, 200, shown(&rule)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    super::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
