//! Configurable options and their choices in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{ChoiceEdit, FullOption, OptionEdit, OptionKind};
use crate::product_groups::api::deleted_schema;
use crate::products::{EDIT, VIEW};
use crate::{config_options, prices};

const TAG: &str = "Configurable options";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/config-options", VIEW, TAG, "List the configurable options with their choices")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/config-options", EDIT, TAG, "Add a configurable option")
        .body(written_schema())
        .answers(201, schema());
    let show =
        Operation::new("GET", "/config-options/{id}", VIEW, TAG, "One configurable option").answers(200, schema());
    let change = Operation::new("PATCH", "/config-options/{id}", EDIT, TAG, "Change what is sent of an option")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/config-options/{id}", EDIT, TAG, "Delete an option that no service has")
        .answers(200, deleted_schema());
    let add_choice = Operation::new("POST", "/config-options/{id}/choices", EDIT, TAG, "Add a choice to an option")
        .body(choice_schema())
        .answers(201, schema());
    let change_choice = Operation::new("PATCH", "/config-choices/{id}", EDIT, TAG, "Change what is sent of a choice")
        .body(choice_schema())
        .answers(200, schema());
    let remove_choice =
        Operation::new("DELETE", "/config-choices/{id}", EDIT, TAG, "Delete a choice that no service has")
            .answers(200, deleted_schema());
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(show, find)
        .api(change, update)
        .api(remove, delete)
        .api(add_choice, create_choice)
        .api(change_choice, update_choice)
        .api(remove_choice, delete_choice)
}

fn written_schema() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "maxLength": 120 },
        "kind": { "type": "string", "enum": OptionKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() },
        "min_quantity": { "type": "integer", "minimum": 0 },
        "max_quantity": { "type": "integer", "minimum": 0, "description": "0: no limit" },
        "hidden": { "type": "boolean" },
        "position": { "type": "integer", "minimum": 0 },
        "product_ids": { "type": "array", "items": { "type": "integer", "format": "int64" } },
    } })
}

fn choice_schema() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "maxLength": 120 },
        "hidden": { "type": "boolean" },
        "position": { "type": "integer", "minimum": 0 },
        "prices": prices::json::schema(),
    } })
}

fn schema() -> Value {
    let id = json!({ "type": "integer", "format": "int64" });
    let mut choice = choice_schema();
    choice["properties"]["id"] = id.clone();
    let mut schema = written_schema();
    schema["properties"]["id"] = id;
    schema["properties"]["choices"] = json!({ "type": "array", "items": choice });
    schema
}

fn shown(full: &FullOption, product_ids: Option<&[i64]>) -> Value {
    let mut value = json!(full.option);
    value["choices"] = full
        .choices
        .iter()
        .map(|choice| {
            json!({
                "id": choice.choice.id,
                "name": choice.choice.name,
                "hidden": choice.choice.hidden,
                "position": choice.choice.position,
                "prices": prices::json::write(&choice.prices),
            })
        })
        .collect();
    if let Some(ids) = product_ids {
        value["product_ids"] = json!(ids);
    }
    value
}

async fn whole(conn: &mut Conn, id: i64) -> Result<Value> {
    let full = config_options::full(conn, id).await?;
    let products = config_options::product_ids(conn, id).await?;
    Ok(shown(&full, Some(&products)))
}

fn written(mut body: Body) -> Result<OptionEdit> {
    let edit = OptionEdit {
        name: body.text("name"),
        kind: body.parsed("kind", OptionKind::parse),
        min_quantity: body.int("min_quantity"),
        max_quantity: body.int("max_quantity"),
        hidden: body.bool("hidden"),
        position: body.int("position"),
        product_ids: if body.has("product_ids") { Some(body.ints("product_ids")) } else { None },
    };
    body.done()?;
    Ok(edit)
}

fn written_choice(mut body: Body) -> Result<ChoiceEdit> {
    let edit = ChoiceEdit {
        name: body.text("name"),
        hidden: body.bool("hidden"),
        position: body.int("position"),
        prices: prices::json::read(&mut body, "prices"),
    };
    body.done()?;
    Ok(edit)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let all = config_options::all_full(&mut conn).await?;
    let items: Vec<Value> = all.iter().map(|full| shown(full, None)).collect();
    Ok(whole_list(&items))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(answer(&whole(&mut cx.app.db.read().await?, id).await?))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let edit = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let option = config_options::create(&mut tx, &cx.actor, &edit, cx.now).await?;
    let body = whole(&mut tx, option.id).await?;
    cx.commit(tx, 201, body).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let edit = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    config_options::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
    let body = whole(&mut tx, id).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    config_options::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}

async fn create_choice(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written_choice(body)?;
    let mut tx = cx.app.db.write().await?;
    config_options::create_choice(&mut tx, &cx.actor, id, &edit, cx.now).await.map_err(|error| places.name(error))?;
    let body = whole(&mut tx, id).await?;
    cx.commit(tx, 201, body).await
}

async fn update_choice(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written_choice(body)?;
    let mut tx = cx.app.db.write().await?;
    let choice = config_options::update_choice(&mut tx, &cx.actor, id, &edit, cx.now)
        .await
        .map_err(|error| places.name(error))?;
    let body = whole(&mut tx, choice.option_id).await?;
    cx.commit(tx, 200, body).await
}

async fn delete_choice(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    config_options::delete_choice(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
