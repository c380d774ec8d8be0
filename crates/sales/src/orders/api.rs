//! Orders in the JSON API.

use accounts::clients::Locked;
use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use axum::response::Response;
use billing::invoices::Tell;
use hosting::config_options::OptionValue;
use kernel::{Cycle, Date, Error, FieldErrors, Money, Result, nonempty};
use platform::db::Conn;
use platform::web::lists::{Order as Direction, Page, Request};
use platform::web::{Fail, Form};
use serde_json::{Value, json};

use super::{
    ADD, AddonItem, AddonOrder, DELETE, Ended, Filter, Invoicing, Item, LIST, Listed, NewItem, NewOrder, Order,
    OrderStatus, VIEW, store,
};
use crate::orders;

const TAG: &str = "Orders";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list = Operation::new("GET", "/orders", LIST, TAG, "List orders")
        .query(
            "q",
            text(),
            "An id, an order number, or how words of the client's name, company and e-mail address begin",
        )
        .query("status", status_schema(), "Only these")
        .query("client", schema::id(), "Only of this client")
        .query("gateway", text(), "Only with this way to pay")
        .query("from", schema::date(), "Ordered on this day or later")
        .query("until", schema::date(), "Ordered on this day or earlier")
        .query("currency", text(), "Of the amounts that follow; the base currency unless it is sent")
        .query("at_least", text(), "Only orders of this amount or more, in the currency")
        .query("at_most", text(), "Only orders of this amount or less, in the currency")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "ordered_on", "-ordered_on", "amount", "-amount"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(listed_schema()));
    let add = Operation::new("POST", "/orders", ADD, TAG, "Place an order for a client")
        .body(new_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/orders/{id}", VIEW, TAG, "One order with its items").answers(200, schema());
    let step = |path, words| Operation::new("POST", path, ADD, TAG, words).answers(200, schema());
    let remove = Operation::new(
        "DELETE",
        "/orders/{id}",
        DELETE,
        TAG,
        "Delete a cancelled or fraudulent order; its invoice and services stay",
    )
    .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "integer" } } }));
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(show, find)
        .api(step("/orders/{id}/accept", "Accept a pending order: its services become active"), accept)
        .api(step("/orders/{id}/cancel", "Cancel an order: what is pending of it is cancelled"), cancel)
        .api(step("/orders/{id}/pending", "Set an order back to pending"), set_pending)
        .api(step("/orders/{id}/fraud", "Mark an order as fraud: its services are stopped"), set_fraud)
        .api(remove, delete)
}

fn status_schema() -> Value {
    json!({ "type": "string", "enum": ["pending", "active", "cancelled", "fraud"] })
}

fn new_schema() -> Value {
    let amount = |words: &str| json!({ "type": ["string", "number"], "description": words });
    let cycle = || json!({ "type": "string", "description": "monthly, annually …; the shortest that is sold unless it is sent" });
    let addon = json!({
        "addon_id": { "type": "integer", "format": "int64" },
        "quantity": { "type": "integer", "minimum": 1, "default": 1 },
        "cycle": cycle(),
        "price": amount("For a period, instead of the price list's"),
    });
    let mut for_service = addon.clone();
    for_service["service_id"] = json!({ "type": "integer", "format": "int64" });
    json!({
        "type": "object",
        "required": ["client_id"],
        "properties": {
            "client_id": { "type": "integer", "format": "int64" },
            "gateway": { "type": "string", "description": "The client's usual one unless it is sent" },
            "items": { "type": "array", "items": {
                "type": "object",
                "required": ["product_id"],
                "properties": {
                    "product_id": { "type": "integer", "format": "int64" },
                    "quantity": { "type": "integer", "minimum": 1, "default": 1 },
                    "cycle": cycle(),
                    "domain": { "type": "string" },
                    "options": { "type": "array", "items": { "type": "object", "properties": {
                        "option_id": { "type": "integer", "format": "int64" },
                        "value": { "type": "integer", "description": "The id of a choice, 0 or 1 for a yes-or-no, or the quantity" },
                    } } },
                    "addons": { "type": "array", "items": { "type": "object", "required": ["addon_id"], "properties": addon } },
                    "price": amount("For a period, instead of the price list's"),
                    "setup": amount("The setup fee, instead of the price list's"),
                }
            } },
            "addons": { "type": "array", "description": "For services that the client has",
                "items": { "type": "object", "required": ["service_id", "addon_id"], "properties": for_service } },
            "invoice": { "type": "boolean", "default": true, "description": "false: nothing is invoiced until the generation of due invoices" },
            "mail": { "type": "boolean", "default": true, "description": "Whether the client is told of the invoice" },
            "ip": { "type": "string" },
            "notes": { "type": "string", "description": "Only staff see them" },
        }
    })
}

fn listed_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "number": { "type": "string" },
            "client_id": { "type": "integer", "format": "int64" },
            "client": { "type": "string" },
            "status": status_schema(),
            "currency": { "type": "string" },
            "amount": { "type": "string", "description": "What was to be paid at once, with tax" },
            "gateway": { "type": "string" },
            "invoice_id": { "type": ["integer", "null"], "format": "int64" },
            "invoice_status": { "type": ["string", "null"] },
            "ordered_on": { "type": "string", "format": "date" },
            "ordered_by": { "type": "string" },
        }
    })
}

fn schema() -> Value {
    let amount = || json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "number": { "type": "string" },
            "client_id": { "type": "integer", "format": "int64" },
            "status": status_schema(),
            "currency": { "type": "string" },
            "amount": { "type": "string", "description": "What was to be paid at once, with tax" },
            "gateway": { "type": "string" },
            "invoice_id": { "type": ["integer", "null"], "format": "int64" },
            "ordered_on": { "type": "string", "format": "date" },
            "ip": { "type": "string" },
            "notes": { "type": "string" },
            "ordered_by": { "type": "string" },
            "created_at": { "type": "string", "format": "date-time" },
            "updated_at": { "type": "string", "format": "date-time" },
            "items": { "type": "array", "items": { "type": "object", "properties": {
                "kind": { "type": "string", "enum": ["product", "addon"] },
                "service_id": { "type": "integer", "format": "int64" },
                "service_addon_id": { "type": ["integer", "null"], "format": "int64" },
                "name": { "type": "string" },
                "domain": { "type": "string" },
                "description": { "type": "string" },
                "cycle": { "type": "string" },
                "quantity": { "type": "integer" },
                "setup": amount(),
                "first_amount": amount(),
                "recurring_amount": amount(),
                "status": { "type": "string", "description": "Of the service or addon, as it is now" },
            } } },
            "invoice": { "type": "string", "enum": ["untouched", "left_open", "cancelled"],
                "description": "After cancelling or marking as fraud: what became of the order's invoice" },
        }
    })
}

fn shown(order: &Order, items: &[Item]) -> Value {
    let decimal = |minor: i64| Money::new(minor, order.currency).decimal();
    let items: Vec<Value> = items
        .iter()
        .map(|item| {
            json!({
                "kind": item.kind.as_str(),
                "service_id": item.service_id,
                "service_addon_id": item.service_addon_id,
                "name": item.name,
                "domain": item.domain,
                "description": item.description,
                "cycle": item.cycle.text(),
                "quantity": item.quantity,
                "setup": decimal(item.setup),
                "first_amount": decimal(item.first_amount),
                "recurring_amount": decimal(item.recurring_amount),
                "status": item.status.as_str(),
            })
        })
        .collect();
    json!({
        "id": order.id,
        "number": order.number,
        "client_id": order.client_id,
        "status": order.status.as_str(),
        "currency": order.currency,
        "amount": order.total().decimal(),
        "gateway": order.gateway,
        "invoice_id": order.invoice_id,
        "ordered_on": order.ordered_on,
        "ip": order.ip,
        "notes": order.notes,
        "ordered_by": order.ordered_by,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "items": items,
    })
}

fn listed(order: &Listed) -> Value {
    json!({
        "id": order.id,
        "number": order.number,
        "client_id": order.client_id,
        "client": order.client(),
        "status": order.status.as_str(),
        "currency": order.currency,
        "amount": Money::new(order.amount, order.currency).decimal(),
        "gateway": order.gateway,
        "invoice_id": order.invoice_id,
        "invoice_status": order.invoice_status.map(|status| status.as_str()),
        "ordered_on": order.ordered_on,
        "ordered_by": order.ordered_by,
    })
}

impl Filter {
    /// From the fields of an address: `q`, `status`, `client`, `gateway`, `from`, `until`, `currency`, `at_least`,
    /// `at_most`.
    pub(super) async fn parse(conn: &mut Conn, form: &Form) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let status = nonempty(form.text("status")).and_then(|text| errors.take("status", OrderStatus::parse(text)));
        let client = form.id("client", &mut errors);
        let mut day = |name: &str| nonempty(form.text(name)).and_then(|text| errors.take(name, Date::parse(text)));
        let (from, until) = (day("from"), day("until"));
        let (mut at_least, mut at_most) = (None, None);
        if !form.text("at_least").is_empty() || !form.text("at_most").is_empty() {
            let dealt = hosting::prices::currencies(conn).await?;
            let currency = match form.text("currency") {
                "" => dealt.first().copied(),
                code => dealt.into_iter().find(|known| known.code().eq_ignore_ascii_case(code)),
            };
            match currency {
                Some(currency) => {
                    let mut bound = |name: &str| {
                        nonempty(form.text(name)).and_then(|text| errors.take(name, Money::parse(text, currency)))
                    };
                    (at_least, at_most) = (bound("at_least"), bound("at_most"));
                }
                None => errors.add("currency", "Choose one of the currencies that you deal in."),
            }
        }
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            id: None,
            client_id: Some(client).filter(|id| *id != 0),
            status,
            gateway: nonempty(form.text("gateway")).map(str::to_owned),
            from,
            until,
            at_least,
            at_most,
        })
    }
}

/// A part of the body, which names its fields by its place: `items[0].cycle`.
struct Part<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Part<'a> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    fn int(&self, name: &str, errors: &mut FieldErrors) -> Option<i64> {
        let value = self.get(name)?;
        let number = value.as_i64();
        if number.is_none() {
            errors.add(self.field(name), "Write a whole number.");
        }
        number
    }

    fn required(&self, name: &str, errors: &mut FieldErrors) -> i64 {
        if self.get(name).is_none() {
            errors.add(self.field(name), "This field is required.");
        }
        self.int(name, errors).unwrap_or_default()
    }

    fn text(&self, name: &str, errors: &mut FieldErrors) -> Option<String> {
        let value = self.get(name)?;
        let text = value.as_str().map(|text| text.trim().to_owned());
        if text.is_none() {
            errors.add(self.field(name), "Write text in quotes.");
        }
        text
    }

    fn amount(&self, name: &str, errors: &mut FieldErrors) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                errors.add(self.field(name), "Write an amount such as \"12.50\".");
                None
            }
        }
    }

    fn cycle(&self, errors: &mut FieldErrors) -> Option<Cycle> {
        let text = self.text("cycle", errors).filter(|text| !text.is_empty())?;
        errors.take(&self.field("cycle"), Cycle::parse(&text))
    }

    fn parts(&self, name: &str, errors: &mut FieldErrors) -> Vec<Part<'a>> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => parts(values, &self.field(name), errors),
            Some(_) => {
                errors.add(self.field(name), "Write a list in square brackets.");
                Vec::new()
            }
        }
    }

    fn addon(&self, errors: &mut FieldErrors) -> AddonItem {
        AddonItem {
            addon_id: self.required("addon_id", errors),
            quantity: self.int("quantity", errors).unwrap_or(1),
            cycle: self.cycle(errors),
            price: self.amount("price", errors),
        }
    }

    fn item(&self, errors: &mut FieldErrors) -> NewItem {
        let addons = self.parts("addons", errors);
        let options = self.parts("options", errors);
        NewItem {
            product_id: self.required("product_id", errors),
            quantity: self.int("quantity", errors).unwrap_or(1),
            cycle: self.cycle(errors),
            domain: self.text("domain", errors).unwrap_or_default(),
            options: options
                .iter()
                .map(|option| OptionValue {
                    option_id: option.required("option_id", errors),
                    value: option.required("value", errors),
                })
                .collect(),
            addons: addons.iter().map(|addon| addon.addon(errors)).collect(),
            price: self.amount("price", errors),
            setup: self.amount("setup", errors),
        }
    }
}

fn parts<'a>(values: &'a [Value], place: &str, errors: &mut FieldErrors) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let place = format!("{place}[{at}]");
        if value.is_object() {
            parts.push(Part { value, place });
        } else {
            errors.add(place, "Write an object in curly brackets.");
        }
    }
    parts
}

fn new_order(mut body: Body) -> Result<NewOrder> {
    let client_id = body.int("client_id");
    let client_id = body.require("client_id", client_id).unwrap_or_default();
    let (items, addons) = (body.array("items"), body.array("addons"));
    let errors = &mut body.errors;
    let items = parts(&items, "items", errors).iter().map(|part| part.item(errors)).collect();
    let addons = parts(&addons, "addons", errors)
        .iter()
        .map(|part| AddonOrder { service_id: part.required("service_id", errors), addon: part.addon(errors) })
        .collect();
    let new = NewOrder {
        client_id,
        gateway: body.text("gateway").unwrap_or_default(),
        items,
        addons,
        invoicing: if body.bool("invoice") == Some(false) { Invoicing::WhenDue } else { Invoicing::AtOnce },
        tell: if body.bool("mail") == Some(false) { Tell::Nobody } else { Tell::Client },
        ip: body.text("ip").unwrap_or_default(),
        notes: body.text("notes").unwrap_or_default(),
        request_key: None,
    };
    body.done()?;
    Ok(new)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Direction::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let filter = Filter::parse(&mut conn, &request.form).await?;
    let query = store::query(&mut conn, &filter).await?;
    let page: Page<Listed> = query.whole_page(&mut conn, &request, &store::columns()).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(listed).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let new = new_order(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock_client(&mut tx, new.client_id).await?;
    let placed = orders::place(&mut locked, &cx.actor, new, &cx.app.random, cx.now).await?;
    let items = orders::items(&mut tx, placed.order.id).await?;
    cx.commit(tx, 201, shown(&placed.order, &items)).await
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let order = orders::find(&mut conn, id).await?;
    let items = orders::items(&mut conn, id).await?;
    Ok(answer(&shown(&order, &items)))
}

async fn changed(tx: &mut Locked<'_>, order: &Order) -> Result<Value> {
    let items = orders::items(tx, order.id).await?;
    Ok(shown(order, &items))
}

async fn ended(tx: &mut Locked<'_>, ended: Ended) -> Result<Value> {
    let mut value = changed(tx, &ended.order).await?;
    value["invoice"] = json!(ended.invoice.as_str());
    Ok(value)
}

async fn accept(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock(&mut tx, id).await?;
    let order = orders::accept(&mut locked, &cx.actor, id, cx.now).await?;
    let value = changed(&mut locked, &order).await?;
    cx.commit(tx, 200, value).await
}

async fn set_pending(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock(&mut tx, id).await?;
    let order = orders::set_pending(&mut locked, &cx.actor, id, cx.now).await?;
    let value = changed(&mut locked, &order).await?;
    cx.commit(tx, 200, value).await
}

async fn cancel(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock(&mut tx, id).await?;
    let done = orders::cancel(&mut locked, &cx.actor, id, cx.now).await?;
    let value = ended(&mut locked, done).await?;
    cx.commit(tx, 200, value).await
}

async fn set_fraud(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock(&mut tx, id).await?;
    let done = orders::set_fraud(&mut locked, &cx.actor, id, cx.now).await?;
    let value = ended(&mut locked, done).await?;
    cx.commit(tx, 200, value).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = orders::lock(&mut tx, id).await?;
    orders::delete(&mut locked, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": id })).await
}

/// An error that the rule words as the compatible API documents it.
pub(super) fn message(error: &Error) -> Option<&str> {
    match error {
        Error::Invalid(errors) => errors.iter().next().map(|(_, message)| message),
        Error::Refused(text) => Some(text),
        _ => None,
    }
}
