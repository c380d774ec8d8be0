//! TLDs in the JSON API.

use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema as shared};
use axum::response::Response;
use kernel::{Currency, Error, FieldErrors, Money, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::addon_prices::{self, Addon, AddonPrices};
use super::bulk::{Change, Ending};
use super::fields::Field;
use super::prices::{self, Fees, LateFee, Operation as Op, Price, Prices};
use super::{Badge, BulkEdit, CONFIGURE, Filter, Offer, PriceChange, Priced, Tld, TldEdit, file, store};
use crate::tlds;

const TAG: &str = "TLDs";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list = Operation::new("GET", "/tlds", CONFIGURE, TAG, "List the extensions with their prices")
        .query("q", text(), "Part of the extension")
        .query("registrar", text(), "Only those whose orders go to this registrar")
        .query("badge", badge_schema(), "Only with this badge")
        .query("sold", json!({ "type": "boolean" }), "Whether there is any price")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["position", "-position", "extension", "-extension"] }),
            "By position unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/tlds", CONFIGURE, TAG, "Add an extension; without prices it is sold to nobody")
        .body(written_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/tlds/{id}", CONFIGURE, TAG, "One extension").answers(200, schema());
    let change = Operation::new(
        "PATCH",
        "/tlds/{id}",
        CONFIGURE,
        TAG,
        "Change what is sent of an extension; prices are for new orders",
    )
    .body(written_schema())
    .answers(200, schema());
    let remove = Operation::new("DELETE", "/tlds/{id}", CONFIGURE, TAG, "Take an extension off the list")
        .answers(200, hosting::product_groups::api::deleted_schema());
    let copy =
        Operation::new("POST", "/tlds/{id}/duplicate", CONFIGURE, TAG, "Add another extension with the same prices")
            .body(json!({ "type": "object", "required": ["extension"], "properties": { "extension": text() } }))
            .answers(201, schema());
    let many = Operation::new("POST", "/tlds/bulk", CONFIGURE, TAG, "Change many extensions, all of them or none")
        .body(bulk_schema())
        .answers(200, json!({ "type": "object", "properties": { "changed": { "type": "integer" } } }));
    let import = Operation::new(
        "POST",
        "/tlds/import",
        CONFIGURE,
        TAG,
        "Add and change extensions by a CSV file as the list of TLDs gives it; all lines or none",
    )
    .body(json!({ "type": "object", "required": ["csv"], "properties": {
        "csv": { "type": "string" },
        "dry_run": { "type": "boolean", "description": "Only say what would be done" },
    } }))
    .answers(200, imported_schema());
    let addons = Operation::new("GET", "/domain-addon-prices", CONFIGURE, TAG, "What addons of domains cost a year")
        .answers(200, addons_schema());
    let set_addons = Operation::new(
        "PUT",
        "/domain-addon-prices",
        CONFIGURE,
        TAG,
        "Replace the price list of domain addons; what is not in it is not sold",
    )
    .body(addons_schema())
    .answers(200, addons_schema());
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(show, find)
        .api(change, update)
        .api(remove, delete)
        .api(copy, duplicate)
        .api(many, change_many)
        .api(import, import_file)
        .api(addons, addon_list)
        .api(set_addons, set_addon_list)
}

fn badge_schema() -> Value {
    json!({ "type": "string", "enum": store::badge_values() })
}

fn offer_schema() -> Value {
    json!({ "type": "string", "enum": Offer::ALL.iter().map(|offer| offer.as_str()).collect::<Vec<_>>() })
}

fn operation_schema() -> Value {
    json!({ "type": "string", "enum": Op::ALL.iter().map(|operation| operation.as_str()).collect::<Vec<_>>() })
}

fn settings_schema() -> Value {
    json!({
        "position": { "type": "integer", "minimum": 0 },
        "category": { "type": "string", "maxLength": 60 },
        "dns_management": offer_schema(),
        "email_forwarding": offer_schema(),
        "id_protection": offer_schema(),
        "epp_required": { "type": "boolean", "description": "A transfer asks for the authorisation code" },
        "registrar": { "type": "string", "description": "The name of the registrar that orders go to; empty for none" },
        "badge": badge_schema(),
        "spotlight": { "type": "boolean", "description": "Stands out at the search; at most 8 do" },
        "allows_idn": { "type": "boolean", "description": "Names in other scripts can be registered" },
        "grace_days": { "type": "integer", "minimum": 0, "maximum": 365 },
        "redemption_days": { "type": "integer", "minimum": 0, "maximum": 365 },
    })
}

fn written_schema() -> Value {
    let mut properties = settings_schema();
    properties["extension"] =
        json!({ "type": "string", "description": "With or without its dot, in any script; it stays" });
    properties["fields"] =
        json!({ "type": "array", "description": "What the registry asks of registrants", "items": field_schema() });
    properties["prices"] = json!({ "type": "array", "description": "The whole list: what is not in it is not sold", "items": {
        "type": "object",
        "required": ["currency", "operation", "years", "price"],
        "properties": {
            "currency": { "type": "string", "description": "ISO 4217" },
            "operation": operation_schema(),
            "years": { "type": "integer", "minimum": 1, "maximum": 10 },
            "price": { "type": "string", "description": "Decimal amount for all the years together" },
            "client_group_id": { "type": ["integer", "null"], "format": "int64", "description": "null: everybody's price" },
        },
    } });
    properties["fees"] = json!({ "type": "array", "description": "The whole list: without a fee, nobody can renew in that period", "items": {
        "type": "object",
        "required": ["kind", "currency", "amount"],
        "properties": {
            "kind": { "type": "string", "enum": LateFee::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() },
            "currency": { "type": "string", "description": "ISO 4217" },
            "amount": { "type": "string", "description": "Decimal amount on top of the renewal" },
        },
    } });
    json!({ "type": "object", "properties": properties })
}

fn field_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "required": ["name", "label", "kind"], "properties": {
        "name": text(),
        "label": text(),
        "kind": { "type": "string", "enum": ["text", "choice", "tick"] },
        "options": { "type": "array", "items": { "type": "object", "required": ["value", "label"], "properties": {
            "value": text(), "label": text(),
        } } },
        "required": { "type": "boolean" },
        "help": text(),
    } })
}

fn schema() -> Value {
    let mut schema = written_schema();
    schema["properties"]["id"] = shared::id();
    schema["properties"]["shown"] = json!({ "type": "string", "description": "As people write it, with its dot" });
    schema
}

fn bulk_schema() -> Value {
    let mut properties = settings_schema();
    properties["ids"] = json!({ "type": "array", "minItems": 1, "items": shared::id() });
    properties["prices"] = json!({ "type": "object", "description": "A change of the prices there are", "properties": {
        "percent": { "type": "string", "description": "Such as 2.5 or -10; or else an amount" },
        "amount": { "type": "string", "description": "Decimal amount a year, in the currency" },
        "currency": { "type": "string", "description": "ISO 4217; without it all, which is for percents" },
        "operation": operation_schema(),
        "ending": { "type": "string", "enum": ["", "whole", "99", "95"] },
    } });
    json!({ "type": "object", "required": ["ids"], "properties": properties })
}

fn imported_schema() -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    json!({ "type": "object", "properties": { "added": count(), "changed": count(), "unchanged": count() } })
}

fn addons_schema() -> Value {
    json!({ "type": "object", "required": ["prices"], "properties": { "prices": { "type": "array", "items": {
        "type": "object",
        "required": ["addon", "currency", "price"],
        "properties": {
            "addon": { "type": "string", "enum": Addon::ALL.iter().map(|addon| addon.as_str()).collect::<Vec<_>>() },
            "currency": { "type": "string", "description": "ISO 4217" },
            "price": { "type": "string", "description": "Decimal amount of a year" },
        },
    } } } })
}

fn settings(body: &mut Body) -> TldEdit {
    TldEdit {
        position: body.int("position"),
        category: body.text("category"),
        dns_management: body.parsed("dns_management", Offer::parse),
        email_forwarding: body.parsed("email_forwarding", Offer::parse),
        id_protection: body.parsed("id_protection", Offer::parse),
        epp_required: body.bool("epp_required"),
        registrar: body.text("registrar"),
        badge: body.parsed("badge", Badge::parse),
        spotlight: body.bool("spotlight"),
        allows_idn: body.bool("allows_idn"),
        grace_days: body.int("grace_days"),
        redemption_days: body.int("redemption_days"),
        ..TldEdit::default()
    }
}

fn written(mut body: Body) -> Result<TldEdit> {
    let edit = TldEdit {
        extension: body.text("extension"),
        fields: read_fields(&mut body),
        prices: listed(&mut body, "prices", price).map(Prices::new),
        fees: listed(&mut body, "fees", fee).map(Fees::new),
        ..settings(&mut body)
    };
    body.done()?;
    Ok(edit)
}

fn read_fields(body: &mut Body) -> Option<Vec<Field>> {
    listed(body, "fields", |item| serde_json::from_value(item.clone()).map_err(|why| ("", why.to_string())))
}

/// A list whose items are read one by one; `prices[2].currency` is where an error is.
fn listed<T>(
    body: &mut Body,
    name: &str,
    read: impl Fn(&Value) -> Result<T, (&'static str, String)>,
) -> Option<Vec<T>> {
    if !body.has(name) {
        return None;
    }
    let mut list = Vec::new();
    for (at, item) in body.array(name).iter().enumerate() {
        match read(item) {
            Ok(item) => list.push(item),
            Err(("", message)) => body.errors.add(format!("{name}[{at}]"), message),
            Err((field, message)) => body.errors.add(format!("{name}[{at}].{field}"), message),
        }
    }
    Some(list)
}

fn text<'a>(item: &'a Value, field: &'static str) -> Result<&'a str, (&'static str, String)> {
    let text = item.get(field).and_then(Value::as_str).map(str::trim);
    text.ok_or((field, "This field is required, as text.".to_owned()))
}

fn money(item: &Value, field: &'static str) -> Result<Money, (&'static str, String)> {
    let currency = Currency::parse(text(item, "currency")?).map_err(|why| ("currency", why.to_string()))?;
    Money::parse(text(item, field)?, currency).map_err(|why| (field, why.to_string()))
}

fn price(item: &Value) -> Result<Price, (&'static str, String)> {
    let years = item.get("years").and_then(Value::as_u64).and_then(|years| u8::try_from(years).ok());
    let group_id = match item.get("client_group_id") {
        None | Some(Value::Null) => None,
        Some(id) => Some(id.as_i64().ok_or(("client_group_id", "Write the id of a client group.".to_owned()))?),
    };
    Ok(Price {
        group_id,
        operation: Op::parse(text(item, "operation")?).map_err(|why| ("operation", why))?,
        years: years.ok_or(("years", "Write a whole number from 1 to 10.".to_owned()))?,
        amount: money(item, "price")?,
    })
}

fn fee(item: &Value) -> Result<(LateFee, Money), (&'static str, String)> {
    let kind = LateFee::parse(text(item, "kind")?).map_err(|why| ("kind", why))?;
    Ok((kind, money(item, "amount")?))
}

/// The rules name a price as the form does; the caller knows it by its place in the list that was sent.
fn by_place(error: Error, edit: &TldEdit, body: &Value) -> Error {
    let Error::Invalid(errors) = error else { return error };
    let sent = |list: &str| body.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let price_name = |price: Price| prices::field(price.group_id, price.currency(), price.operation, price.years);
    let price_names = sent("prices").iter().map(|item| price(item).ok().map(price_name)).collect::<Vec<_>>();
    let fee_name = |(kind, amount): (LateFee, Money)| prices::fee_field(kind, amount.currency);
    let fee_names = sent("fees").iter().map(|item| fee(item).ok().map(fee_name)).collect::<Vec<_>>();
    let place = |names: &[Option<String>], field: &str| names.iter().rposition(|name| name.as_deref() == Some(field));
    let mut named = FieldErrors::default();
    for (field, message) in errors.iter() {
        match (place(&price_names, field), place(&fee_names, field)) {
            (Some(at), _) if edit.prices.is_some() => named.add(format!("prices[{at}]"), message),
            (_, Some(at)) if edit.fees.is_some() => named.add(format!("fees[{at}]"), message),
            _ => named.add(field, message),
        }
    }
    Error::Invalid(named)
}

fn shown(of: &Priced) -> Value {
    let tld = &of.tld;
    let price = |price: &Price| {
        json!({
            "currency": price.currency(),
            "operation": price.operation,
            "years": price.years,
            "price": price.amount.decimal(),
            "client_group_id": price.group_id,
        })
    };
    let fee = |(kind, amount): &(LateFee, Money)| json!({ "kind": kind, "currency": amount.currency, "amount": amount.decimal() });
    json!({
        "id": tld.id,
        "extension": tld.extension,
        "shown": tld.shown(),
        "position": tld.position,
        "category": tld.category,
        "dns_management": tld.dns_management,
        "email_forwarding": tld.email_forwarding,
        "id_protection": tld.id_protection,
        "epp_required": tld.epp_required,
        "registrar": tld.registrar,
        "badge": tld.badge,
        "spotlight": tld.spotlight,
        "allows_idn": tld.allows_idn,
        "grace_days": tld.grace_days,
        "redemption_days": tld.redemption_days,
        "fields": tld.questions(),
        "prices": of.prices.iter().map(price).collect::<Vec<_>>(),
        "fees": of.fees.iter().map(fee).collect::<Vec<_>>(),
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, tlds::SORTS, Order::Ascending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let page: Page<Tld> = store::query(&filter).page(&mut conn, &request, &Tld::columns("t")).await?;
    let priced = tlds::priced_many(&mut conn, page.rows.clone()).await?;
    Ok(list_answer(&request, &page, priced.iter().map(shown).collect()))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let tld = tlds::find(&mut conn, id).await?;
    Ok(answer(&shown(&tlds::priced(&mut conn, tld).await?)))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let body = cx.json()?;
    let sent = Value::Object(cx.json()?.into_fields());
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let made = tlds::create(&mut tx, &cx.actor, &edit, cx.now).await.map_err(|error| by_place(error, &edit, &sent))?;
    cx.commit(tx, 201, shown(&made)).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let body = cx.json()?;
    let sent = Value::Object(cx.json()?.into_fields());
    let edit = written(body)?;
    let mut tx = cx.app.db.write().await?;
    let done =
        tlds::update(&mut tx, &cx.actor, id, &edit, cx.now).await.map_err(|error| by_place(error, &edit, &sent))?;
    cx.commit(tx, 200, shown(&done)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    tlds::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}

async fn duplicate(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let extension = body.text("extension").unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let made = tlds::duplicate(&mut tx, &cx.actor, id, &extension, cx.now).await?;
    cx.commit(tx, 201, shown(&made)).await
}

fn price_change(item: &Value) -> Result<PriceChange, (&'static str, String)> {
    let given = |field: &'static str| item.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let currency = given("currency").map(Currency::parse).transpose().map_err(|why| ("currency", why.to_string()))?;
    let operation = given("operation").map(Op::parse).transpose().map_err(|why| ("operation", why))?;
    let ending = Ending::parse(given("ending").unwrap_or_default()).map_err(|why| ("ending", why))?;
    let by = match (given("percent"), given("amount"), currency) {
        (Some(percent), None, _) => Change::percent(percent).map_err(|why| ("percent", why))?,
        (None, Some(amount), Some(currency)) => {
            Change::Amount(Money::parse(amount, currency).map_err(|why| ("amount", why.to_string()))?)
        }
        (None, Some(_), None) => return Err(("currency", "An amount is of one currency. Choose it.".to_owned())),
        _ => return Err(("percent", "Send a percent or an amount.".to_owned())),
    };
    Ok(PriceChange { currency, operation, by, ending })
}

async fn change_many(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let ids = body.ints("ids");
    let change =
        body.has("prices").then(|| cx.json().map(|body| body.into_fields().get("prices").cloned())).transpose()?;
    let prices = match change.flatten().as_ref().map(price_change) {
        Some(Ok(change)) => Some(change),
        Some(Err((field, message))) => {
            body.errors.add(format!("prices.{field}"), message);
            None
        }
        None => None,
    };
    let edit = BulkEdit { edit: settings(&mut body), prices };
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let changed = tlds::change_many(&mut tx, &cx.actor, &ids, &edit, cx.now).await?;
    cx.commit(tx, 200, json!({ "changed": changed })).await
}

async fn import_file(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let text = body.text("csv").unwrap_or_default();
    let dry_run = body.bool("dry_run").unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let done = file::import(&mut tx, &cx.actor, &text, cx.now).await?;
    let answer = json!({ "added": done.added, "changed": done.changed, "unchanged": done.unchanged });
    if dry_run {
        tx.rollback().await?;
        return Ok(accounts::doors::api::answer(&answer));
    }
    cx.commit(tx, 200, answer).await
}

fn addons_json(list: &AddonPrices) -> Value {
    let one = |(addon, amount): (Addon, Money)| json!({ "addon": addon, "currency": amount.currency, "price": amount.decimal() });
    json!({ "prices": list.iter().map(one).collect::<Vec<_>>() })
}

async fn addon_list(cx: ApiCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    Ok(answer(&addons_json(&addon_prices::all(&mut conn).await?)))
}

async fn set_addon_list(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    if !body.has("prices") {
        body.errors.add("prices", "Send the whole list; an empty one sells no addon.");
    }
    let list = listed(&mut body, "prices", |item| {
        let addon = Addon::parse(text(item, "addon")?).map_err(|why| ("addon", why))?;
        Ok((addon, money(item, "price")?))
    });
    body.done()?;
    let list = AddonPrices::new(list.unwrap_or_default());
    let mut tx = cx.app.db.write().await?;
    addon_prices::replace(&mut tx, &cx.actor, &list, cx.now).await?;
    cx.commit(tx, 200, addons_json(&list)).await
}
