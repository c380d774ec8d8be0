//! Products in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use axum::response::Response;
use kernel::{FieldErrors, Result, nonempty};
use platform::db::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{AutoSetup, CREATE, DELETE, EDIT, Filter, Product, ProductEdit, ProductKind, QuantityMode, VIEW};
use crate::prices::{self, Owner, PayType, PriceList};
use crate::product_groups::api::deleted_schema;
use crate::products;

const TAG: &str = "Products";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/products", VIEW, TAG, "List the products with their prices")
        .query("group", schema::id(), "Only of this product group")
        .answers(200, list_schema(schema()));
    let add =
        Operation::new("POST", "/products", CREATE, TAG, "Add a product").body(new_schema()).answers(201, schema());
    let show = Operation::new("GET", "/products/{id}", VIEW, TAG, "One product").answers(200, schema());
    let change = Operation::new("PATCH", "/products/{id}", EDIT, TAG, "Change what is sent of a product")
        .body(written_schema())
        .answers(200, schema());
    let remove =
        Operation::new("DELETE", "/products/{id}", DELETE, TAG, "Delete a product that no service was made of")
            .answers(200, deleted_schema());
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(remove, delete)
}

fn written_schema() -> Value {
    let flag = |words: &str| json!({ "type": "boolean", "description": words });
    let one_of = |choices: Vec<&str>| json!({ "type": "string", "enum": choices });
    json!({ "type": "object", "properties": {
        "group_id": { "type": "integer", "format": "int64" },
        "kind": one_of(ProductKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        "name": { "type": "string", "maxLength": 120 },
        "slug": { "type": "string", "description": "Unique; made from the name when it is not sent" },
        "tagline": { "type": "string" },
        "short_description": { "type": "string" },
        "description": { "type": "string" },
        "colour": { "type": "string", "description": "#rrggbb. A note: nothing shows it yet" },
        "pay_type": one_of(PayType::ALL.iter().map(|kind| kind.as_str()).collect()),
        "taxed": flag("Tax is charged by the tax rules"),
        "hidden": flag("Marked as hidden; staff can order it all the same"),
        "featured": flag("A note: nothing reads it yet"),
        "retired": flag("Nobody can order it any more"),
        "needs_domain": flag("A domain is asked for"),
        "stock_control": flag("Orders stop when none is left; what is called off before it was set up goes back"),
        "stock": { "type": "integer", "minimum": 0 },
        "quantity_mode": one_of(QuantityMode::ALL.iter().map(|kind| kind.as_str()).collect()),
        "cycles_limit": { "type": "integer", "minimum": 0, "maximum": 999, "description": "Periods until a service is complete; 0: no end" },
        "prorata": flag("Everything falls due on one day of the month"),
        "prorata_day": { "type": "integer", "minimum": 1, "maximum": 31 },
        "prorata_cutoff": { "type": "integer", "minimum": 0, "maximum": 31, "description": "Orders after this day pay for the next period too" },
        "auto_setup": one_of(AutoSetup::ALL.iter().map(|kind| kind.as_str()).collect()),
        "module": { "type": "string", "description": "A note: nothing reads it yet" },
        "position": { "type": "integer", "minimum": 0 },
        "prices": prices::json::schema(),
    } })
}

fn new_schema() -> Value {
    let mut schema = written_schema();
    schema["required"] = json!(["name", "group_id"]);
    schema
}

fn schema() -> Value {
    let mut schema = written_schema();
    let fields = &mut schema["properties"];
    fields["id"] = json!({ "type": "integer", "format": "int64" });
    fields["created_at"] = json!({ "type": "string", "format": "date-time" });
    fields["updated_at"] = json!({ "type": "string", "format": "date-time" });
    schema
}

fn shown(product: &Product, list: &PriceList) -> Value {
    let mut value = json!(product);
    value["prices"] = prices::json::write(list);
    value
}

fn written(mut body: Body) -> Result<ProductEdit> {
    let edit = ProductEdit {
        group_id: body.int("group_id"),
        kind: body.parsed("kind", ProductKind::parse),
        name: body.text("name"),
        slug: body.text("slug"),
        tagline: body.text("tagline"),
        short_description: body.text("short_description"),
        description: body.text("description"),
        colour: body.text("colour"),
        pay_type: body.parsed("pay_type", PayType::parse),
        taxed: body.bool("taxed"),
        hidden: body.bool("hidden"),
        featured: body.bool("featured"),
        retired: body.bool("retired"),
        needs_domain: body.bool("needs_domain"),
        stock_control: body.bool("stock_control"),
        stock: body.int("stock"),
        quantity_mode: body.parsed("quantity_mode", QuantityMode::parse),
        cycles_limit: body.int("cycles_limit"),
        prorata: body.bool("prorata"),
        prorata_day: body.int("prorata_day"),
        prorata_cutoff: body.int("prorata_cutoff"),
        auto_setup: body.parsed("auto_setup", AutoSetup::parse),
        module: body.text("module"),
        position: body.int("position"),
        prices: prices::json::read(&mut body, "prices"),
    };
    body.done()?;
    Ok(edit)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let form = platform::web::Form::parse(cx.query.as_bytes())?;
    let mut errors = FieldErrors::default();
    let group_id = nonempty(form.text("group")).map(|_| form.id("group", &mut errors));
    errors.check()?;
    let mut conn = cx.app.db.read().await?;
    let products = products::list(&mut conn, &Filter { group_id, ..Filter::default() }).await?;
    let ids: Vec<i64> = products.iter().map(|product| product.id).collect();
    let lists = prices::of_many(&mut conn, Owner::Product, &ids).await?;
    let none = PriceList::default();
    let items: Vec<Value> =
        products.iter().map(|product| shown(product, lists.get(&product.id).unwrap_or(&none))).collect();
    Ok(whole_list(&items))
}

async fn with_prices(conn: &mut Conn, product: &Product) -> Result<Value> {
    Ok(shown(product, &prices::of(conn, Owner::Product, product.id).await?))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let product = products::find(&mut conn, id).await?;
    Ok(answer(&with_prices(&mut conn, &product).await?))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let product = products::create(&mut tx, &cx.actor, &edit, cx.now).await.map_err(|error| places.name(error))?;
    let body = with_prices(&mut tx, &product).await?;
    cx.commit(tx, 201, body).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let places = prices::json::Places::of(&mut body, "prices");
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let product = products::update(&mut tx, &cx.actor, id, &edit, cx.now).await.map_err(|error| places.name(error))?;
    let body = with_prices(&mut tx, &product).await?;
    cx.commit(tx, 200, body).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    products::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
