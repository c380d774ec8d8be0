//! Product addons in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{Addon, AddonEdit, CONFIGURE};
use crate::prices::{self, Owner, PayType, PriceList};
use crate::product_groups::api::deleted_schema;
use crate::{addons, products};

const TAG: &str = "Product addons";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/addons", products::VIEW, TAG, "List the product addons with their prices")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/addons", CONFIGURE, TAG, "Add a product addon")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/addons/{id}", products::VIEW, TAG, "One product addon").answers(200, schema());
    let change = Operation::new("PATCH", "/addons/{id}", CONFIGURE, TAG, "Change what is sent of a product addon")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/addons/{id}", CONFIGURE, TAG, "Delete an addon that no service ever had")
        .answers(200, deleted_schema());
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "maxLength": 120 },
        "description": { "type": "string" },
        "pay_type": { "type": "string", "enum": PayType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() },
        "taxed": { "type": "boolean" },
        "prorata": { "type": "boolean", "description": "Falls due on its product's day of the month" },
        "hidden": { "type": "boolean" },
        "position": { "type": "integer", "minimum": 0 },
        "product_ids": { "type": "array", "items": { "type": "integer", "format": "int64" } },
        "prices": prices::json::schema(),
    } })
}

fn schema() -> Value {
    let mut schema = written_schema();
    schema["properties"]["id"] = json!({ "type": "integer", "format": "int64" });
    schema
}

fn written(mut body: Body) -> Result<AddonEdit> {
    let edit = AddonEdit {
        name: body.text("name"),
        description: body.text("description"),
        pay_type: body.parsed("pay_type", PayType::parse),
        taxed: body.bool("taxed"),
        prorata: body.bool("prorata"),
        hidden: body.bool("hidden"),
        position: body.int("position"),
        product_ids: if body.has("product_ids") { Some(body.ints("product_ids")) } else { None },
        prices: prices::json::read(&mut body, "prices"),
    };
    body.done()?;
    Ok(edit)
}

fn shown(addon: &Addon, list: &PriceList) -> Value {
    let mut value = json!(addon);
    value["prices"] = prices::json::write(list);
    value
}

async fn whole(conn: &mut Conn, addon: &Addon) -> Result<Value> {
    let mut value = shown(addon, &prices::of(conn, Owner::Addon, addon.id).await?);
    value["product_ids"] = json!(addons::product_ids(conn, addon.id).await?);
    Ok(value)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let all = addons::all(&mut conn).await?;
    let ids: Vec<i64> = all.iter().map(|addon| addon.id).collect();
    let lists = prices::of_many(&mut conn, Owner::Addon, &ids).await?;
    let none = PriceList::default();
    let items: Vec<Value> = all.iter().map(|addon| shown(addon, lists.get(&addon.id).unwrap_or(&none))).collect();
    Ok(whole_list(&items))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let addon = addons::find(&mut conn, id).await?;
    Ok(answer(&whole(&mut conn, &addon).await?))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let addon = addons::create(&mut tx, &cx.actor, &edit, cx.now).await.map_err(|error| places.name(error))?;
    let body = whole(&mut tx, &addon).await?;
    cx.commit(tx, 201, body).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let addon = addons::update(&mut tx, &cx.actor, id, &edit, cx.now).await.map_err(|error| places.name(error))?;
    let body = whole(&mut tx, &addon).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    addons::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
