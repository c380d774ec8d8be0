//! Services in the JSON API. Orders make them; here they are read and changed.

use accounts::clients;
use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use axum::response::Response;
use billing::recurring;
use kernel::{Cycle, Date, Money, Result};
use platform::db::Conn;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{
    EDIT, Filter, LIST, Listed, Recalculate, SERVICE, Service, ServiceAddon, ServiceAddonEdit, ServiceEdit,
    ServiceStatus, VIEW, store,
};
use crate::config_options::OptionValue;
use crate::services;

const TAG: &str = "Services";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list = Operation::new("GET", "/services", LIST, TAG, "List services")
        .query("q", text(), "How a domain or a word of the client's name or e-mail address begins, or an id")
        .query("status", status_schema(), "Only these")
        .query("product", schema::id(), "Only of this product")
        .query("client", schema::id(), "Only of this client")
        .query("cycle", text(), "Only of this billing cycle")
        .query("gateway", text(), "Only paid by this gateway")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "domain", "-domain", "due", "-due"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(listed_schema()));
    let show = Operation::new("GET", "/services/{id}", VIEW, TAG, "One service with its options and addons")
        .answers(200, schema());
    let change = Operation::new(
        "PATCH",
        "/services/{id}",
        EDIT,
        TAG,
        "Change what is sent of a service, and its charge with it",
    )
    .body(edit_schema())
    .answers(200, schema());
    let act = |path, summary| Operation::new("POST", path, EDIT, TAG, summary).answers(200, schema());
    let suspend = act("/services/{id}/suspend", "Suspend a service; invoices go on")
        .body(json!({ "type": "object", "properties": { "reason": { "type": "string", "maxLength": 500 } } }));
    let change_addon = Operation::new("PATCH", "/service-addons/{id}", EDIT, TAG, "Change an addon of a service")
        .body(addon_edit_schema())
        .answers(200, schema());
    Routes::new()
        .api(list, index)
        .api(show, find)
        .api(change, update)
        .api(act("/services/{id}/activate", "Activate or unsuspend a service"), activate)
        .api(suspend, suspend_it)
        .api(act("/services/{id}/terminate", "Terminate a service: nothing more is invoiced"), terminate)
        .api(act("/services/{id}/cancel", "Cancel a service: nothing more is invoiced"), cancel)
        .api(act("/services/{id}/recalculate", "Calculate the recurring amount anew from today's prices"), recalculate)
        .api(change_addon, update_addon)
}

fn status_schema() -> Value {
    json!({ "type": "string", "enum": ServiceStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>() })
}

fn amount_schema() -> Value {
    json!({ "type": "string", "description": "Decimal amount in the service's currency" })
}

fn date_schema() -> Value {
    json!({ "type": ["string", "null"], "format": "date" })
}

fn edit_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "product_id": { "type": "integer", "format": "int64" },
        "domain": text(),
        "username": text(),
        "status": status_schema(),
        "quantity": { "type": "integer", "minimum": 1 },
        "first_amount": {
            "type": "string",
            "description": "What the first invoice bills, with the setup fee, in the service's currency. Once that invoice \
                            is made it is a note of what was billed",
        },
        "recurring_amount": amount_schema(),
        "cycle": text(),
        "gateway": text(),
        "registered_on": schema::date(),
        "next_due_on": schema::date(),
        "terminated_on": { "type": "string", "description": "A date; empty takes it away" },
        "suspend_reason": text(),
        "no_suspend_until": {
            "type": "string",
            "description": "A date; empty takes it away. A note: nothing is suspended by itself yet",
        },
        "dedicated_ip": text(),
        "assigned_ips": text(),
        "ns1": text(),
        "ns2": text(),
        "notes": text(),
        "options": { "type": "array", "items": { "type": "object", "required": ["option_id", "value"], "properties": {
            "option_id": { "type": "integer", "format": "int64" },
            "value": { "type": "integer", "description": "The id of a choice; 0 or 1 for a yes-or-no; a quantity" },
        } } },
        "recalculate": { "type": "boolean", "description": "Calculate the recurring amount anew from today's prices" },
    } })
}

fn addon_edit_schema() -> Value {
    json!({ "type": "object", "properties": {
        "status": status_schema(),
        "quantity": { "type": "integer", "minimum": 1 },
        "recurring_amount": amount_schema(),
        "cycle": { "type": "string" },
        "next_due_on": schema::date(),
    } })
}

fn listed_schema() -> Value {
    let id = || json!({ "type": "integer", "format": "int64" });
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "id": id(), "client_id": id(), "client": text(), "product_id": id(), "product": text(), "domain": text(),
        "status": status_schema(), "quantity": { "type": "integer" }, "currency": text(),
        "recurring_amount": amount_schema(), "cycle": text(), "gateway": text(),
        "registered_on": date_schema(), "next_due_on": date_schema(),
    } })
}

fn schema() -> Value {
    let mut schema = edit_schema();
    let fields = &mut schema["properties"];
    for name in ["id", "client_id"] {
        fields[name] = json!({ "type": "integer", "format": "int64" });
    }
    fields["order_id"] = json!({ "type": ["integer", "null"], "format": "int64" });
    fields["currency"] = json!({ "type": "string" });
    fields["first_invoice"] = json!({
        "type": ["object", "null"],
        "description": "What the generation of due invoices will bill first; null once it has, or when the order did",
        "properties": {
            "from": { "type": "string", "format": "date" },
            "until": { "type": "string", "format": "date", "description": "The day after the period" },
            "amount": amount_schema(),
            "setup": amount_schema(),
        },
    });
    for name in ["registered_on", "next_due_on", "next_invoice_on", "terminated_on", "no_suspend_until"] {
        fields[name] = date_schema();
    }
    fields["periods_left"] = json!({ "type": ["integer", "null"], "description": "null: no end" });
    fields["addons"] = json!({ "type": "array", "items": { "type": "object" } });
    fields["created_at"] = json!({ "type": "string", "format": "date-time" });
    fields["updated_at"] = json!({ "type": "string", "format": "date-time" });
    schema
}

fn listed(row: &Listed) -> Value {
    json!({
        "id": row.id,
        "client_id": row.client_id,
        "client": row.client(),
        "product_id": row.product_id,
        "product": row.product,
        "domain": row.domain,
        "status": row.status,
        "quantity": row.quantity,
        "currency": row.currency,
        "recurring_amount": Money::new(row.recurring_amount, row.currency).decimal(),
        "cycle": row.cycle,
        "gateway": row.gateway,
        "registered_on": row.registered_on,
        "next_due_on": row.next_due_on,
    })
}

fn addon_json(addon: &ServiceAddon, service: &Service) -> Value {
    let mut value = json!(addon);
    value["first_amount"] = json!(Money::new(addon.first_amount, service.currency).decimal());
    value["recurring_amount"] = json!(Money::new(addon.recurring_amount, service.currency).decimal());
    value
}

async fn whole(conn: &mut Conn, service: &Service) -> Result<Value> {
    let addons = services::addons_of(conn, service.id).await?;
    let options = services::named_options(conn, &[service.id]).await?;
    let charge = recurring::of_owner(conn, SERVICE, service.id).await?;
    let first = recurring::first::of_owner(conn, SERVICE, service.id).await?;
    let mut value = json!(service);
    value["first_invoice"] = json!(first.map(|first| json!({
        "from": first.period.from,
        "until": first.period.until,
        "amount": first.amount.decimal(),
        "setup": first.setup.decimal(),
    })));
    value["first_amount"] = json!(service.first().decimal());
    value["recurring_amount"] = json!(service.recurring().decimal());
    value["next_invoice_on"] =
        json!(charge.as_ref().filter(|charge| charge.billable).map(|charge| charge.next_invoice_on));
    value["periods_left"] = json!(charge.as_ref().and_then(|charge| charge.remaining));
    value["addons"] = addons.iter().map(|addon| addon_json(addon, service)).collect();
    value["options"] = options
        .iter()
        .map(|option| {
            json!({
                "option_id": option.option_id,
                "name": option.option,
                "value": option.value(),
                "choice": option.choice,
            })
        })
        .collect();
    Ok(value)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Order::Descending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let query = store::query(&mut conn, &filter).await?;
    let page: Page<Listed> = query.whole_page(&mut conn, &request, store::LISTED).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(listed).collect()))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    Ok(answer(&whole(&mut conn, &service).await?))
}

/// A date that may be taken away by sending it empty.
fn clearable(body: &mut Body, name: &str) -> Option<Option<Date>> {
    let text = body.text(name)?;
    if text.is_empty() { Some(None) } else { body.errors.take(name, Date::parse(&text)).map(Some) }
}

fn written(mut body: Body, service: &Service) -> Result<ServiceEdit> {
    if body.has("currency") {
        body.errors.add("currency", format!("The service is billed in {}, and that cannot change.", service.currency));
    }
    let mut edit = ServiceEdit {
        product_id: body.int("product_id"),
        domain: body.text("domain"),
        username: body.text("username"),
        status: body.parsed("status", ServiceStatus::parse),
        quantity: body.int("quantity"),
        first_amount: body.money("first_amount", service.currency),
        recurring_amount: body.money("recurring_amount", service.currency),
        cycle: body.parsed("cycle", Cycle::parse),
        gateway: body.text("gateway"),
        registered_on: body.parsed("registered_on", Date::parse),
        next_due_on: body.parsed("next_due_on", Date::parse),
        terminated_on: clearable(&mut body, "terminated_on"),
        suspend_reason: body.text("suspend_reason"),
        no_suspend_until: clearable(&mut body, "no_suspend_until"),
        dedicated_ip: body.text("dedicated_ip"),
        assigned_ips: body.text("assigned_ips"),
        ns1: body.text("ns1"),
        ns2: body.text("ns2"),
        notes: body.text("notes"),
        ..ServiceEdit::default()
    };
    if body.has("options") {
        let mut values = Vec::new();
        for (at, item) in body.array("options").iter().enumerate() {
            let number = |field: &str| item.get(field).and_then(Value::as_i64);
            match (number("option_id"), number("value")) {
                (Some(option_id), Some(value)) => values.push(OptionValue { option_id, value }),
                _ => body.errors.add(format!("options[{at}]"), "Send option_id and value, both whole numbers."),
            }
        }
        edit.options = Some(values);
    }
    edit.recalculate = body.bool("recalculate").filter(|wanted| *wanted).map(|_| Recalculate);
    body.done()?;
    Ok(edit)
}

/// Changes the service as `edit` says, which may look at it first, under its client's lock.
async fn change(cx: &ApiCx, id: i64, edit: impl FnOnce(&Service) -> Result<ServiceEdit>) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let client_id = services::find(&mut tx, id).await?.client_id;
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let before = services::find(&mut locked, id).await?;
    let service = services::update(&mut locked, &cx.actor, id, edit(&before)?, cx.now).await?;
    let body = whole(&mut tx, &service).await?;
    cx.commit(tx, 200, body).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let body = cx.json()?;
    change(&cx, id, |service| written(body, service)).await
}

async fn to(cx: ApiCx, id: i64, status: ServiceStatus) -> Result<Response, Fail> {
    change(&cx, id, |_| Ok(ServiceEdit { status: Some(status), ..ServiceEdit::default() })).await
}

async fn activate(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    to(cx, id, ServiceStatus::Active).await
}

async fn terminate(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    to(cx, id, ServiceStatus::Terminated).await
}

async fn cancel(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    to(cx, id, ServiceStatus::Cancelled).await
}

async fn suspend_it(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let reason = body.text("reason");
    body.done()?;
    let status = Some(ServiceStatus::Suspended);
    change(&cx, id, |_| Ok(ServiceEdit { status, suspend_reason: reason, ..ServiceEdit::default() })).await
}

async fn recalculate(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    change(&cx, id, |_| Ok(ServiceEdit { recalculate: Some(Recalculate), ..ServiceEdit::default() })).await
}

async fn update_addon(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let addon = services::find_addon(&mut tx, id).await?;
    let service = services::find(&mut tx, addon.service_id).await?;
    let edit = ServiceAddonEdit {
        status: body.parsed("status", ServiceStatus::parse),
        quantity: body.int("quantity"),
        recurring_amount: body.money("recurring_amount", service.currency),
        cycle: body.parsed("cycle", Cycle::parse),
        next_due_on: body.parsed("next_due_on", Date::parse),
    };
    body.done()?;
    let mut locked = clients::lock(&mut tx, service.client_id).await?;
    services::update_addon(&mut locked, &cx.actor, id, &edit, cx.now).await?;
    let body = whole(&mut tx, &service).await?;
    cx.commit(tx, 200, body).await
}
