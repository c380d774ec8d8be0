//! `GetClientsProducts` and `UpdateClientProduct`.

use std::collections::HashMap;

use accounts::clients;
use accounts::doors::compat::part;
use accounts::doors::{Action, CompatCx, Routes};
use billing::gateways;
use kernel::{Cycle, Date, Error, FieldErrors, Result};
use platform::compat::{Answer, Commas, Params};
use platform::db::Conn;
use serde_json::{Value, json};

use super::{EDIT, Filter, NamedOption, Recalculate, Service, ServiceEdit, ServiceStatus, VIEW, store};
use crate::config_options::{OptionKind, OptionValue};
use crate::services;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetClientsProducts", VIEW, get_clients_products)).action(Action::new(
        "UpdateClientProduct",
        EDIT,
        update_client_product,
    ))
}

const NO_DATE: &str = "0000-00-00";

async fn get_clients_products(cx: CompatCx) -> Result<Answer> {
    let (filter, part) = cx.request.read(|params| {
        let part = part(params);
        let filter = Filter {
            id: params.int("serviceid"),
            client_id: params.int("clientid"),
            product_id: params.int("pid"),
            domain: params.filled("domain").map(str::to_lowercase),
            username: params.filled("username2").map(str::to_owned),
            ..Filter::default()
        };
        Ok((filter, part?))
    })?;
    let mut conn = cx.app.db.read().await?;
    let (page, total) = store::part(&mut conn, &filter, part.start, part.limit).await?;
    let shown = shown(&mut conn, &page).await?;
    drop(conn);
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    let text = |id: Option<i64>| json!(id.map(|id| id.to_string()));
    Ok(Answer::success()
        .with("clientid", text(filter.client_id))
        .with("serviceid", text(filter.id))
        .with("pid", text(filter.product_id))
        .with("domain", json!(filter.domain))
        .with_counts(number(total), number(part.start), u64::try_from(shown.len()).unwrap_or_default())
        .with_list("products", "product", shown))
}

/// The services as callers know them: four further statements, however many there are.
async fn shown(conn: &mut Conn, services: &[Service]) -> Result<Vec<Value>> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = services.iter().map(|service| service.id).collect();
    let mut products: Vec<i64> = services.iter().map(|service| service.product_id).collect();
    products.sort_unstable();
    products.dedup();
    let names: HashMap<i64, (String, String)> = store::product_names(conn, &products).await?;
    let orders: HashMap<i64, String> = store::order_numbers(conn, &ids).await?;
    let mut options: HashMap<i64, Vec<Value>> = HashMap::new();
    for option in services::named_options(conn, &ids).await? {
        options.entry(option.service_id).or_default().push(option_json(&option));
    }
    let gateways: HashMap<String, String> =
        gateways::all(conn).await?.into_iter().map(|gateway| (gateway.name, gateway.display_name)).collect();
    Ok(services
        .iter()
        .map(|service| {
            let (name, group) = names.get(&service.product_id).cloned().unwrap_or_default();
            let chosen = options.remove(&service.id).unwrap_or_default();
            let gateway = gateways.get(&service.gateway).unwrap_or(&service.gateway);
            service_json(service, &name, &group, orders.get(&service.id), gateway, chosen)
        })
        .collect())
}

fn option_json(option: &NamedOption) -> Value {
    let value = match option.kind {
        OptionKind::Dropdown | OptionKind::Radio => option.choice.clone(),
        OptionKind::YesNo | OptionKind::Quantity => option.quantity.to_string(),
    };
    json!({ "id": option.option_id.to_string(), "option": option.option, "type": option.kind, "value": value })
}

fn service_json(
    service: &Service,
    name: &str,
    group: &str,
    order: Option<&String>,
    gateway: &str,
    options: Vec<Value>,
) -> Value {
    let date = |date: Option<Date>| date.map_or(NO_DATE.to_owned(), |date| date.to_string());
    let mut shown = json!({
        "id": service.id.to_string(),
        "qty": service.quantity.to_string(),
        "clientid": service.client_id.to_string(),
        "orderid": service.order_id.unwrap_or_default().to_string(),
        "ordernumber": order.map(String::as_str).unwrap_or_default(),
        "pid": service.product_id.to_string(),
        "regdate": service.registered_on,
        "name": name,
        "translated_name": name,
        "groupname": group,
        "translated_groupname": group,
        "domain": service.domain,
        "dedicatedip": service.dedicated_ip,
        "serverid": "0",
        "servername": "",
        "serverip": "",
        "serverhostname": "",
        "suspensionreason": service.suspend_reason,
        "firstpaymentamount": service.first().decimal(),
        "recurringamount": service.recurring().decimal(),
        "paymentmethod": service.gateway,
        "paymentmethodname": gateway,
        "billingcycle": service.cycle.label(),
        "nextduedate": date(service.next_due_on),
        "status": service.status.label(),
        "username": service.username,
    });
    // The rest in a list of its own: one macro takes only so many.
    for (name, value) in [
        // Passwords of services are not stored.
        ("password", json!("")),
        ("subscriptionid", json!("")),
        ("promoid", json!("0")),
        ("overideautosuspend", json!(if service.no_suspend_until.is_some() { "1" } else { "" })),
        ("overidesuspenduntil", json!(date(service.no_suspend_until))),
        ("ns1", json!(service.ns1)),
        ("ns2", json!(service.ns2)),
        ("assignedips", json!(service.assigned_ips)),
        ("notes", json!(service.notes)),
        ("diskusage", json!("0")),
        ("disklimit", json!("0")),
        ("bwusage", json!("0")),
        ("bwlimit", json!("0")),
        ("lastupdate", json!("0000-00-00 00:00:00")),
        ("customfields", json!({ "customfield": [] })),
        ("configoptions", json!({ "configoption": options })),
    ] {
        shown[name] = value;
    }
    shown
}

async fn update_client_product(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("serviceid"))?;
    let mut tx = cx.app.db.write().await?;
    let client_id = match services::find(&mut tx, id).await {
        Ok(service) => service.client_id,
        Err(Error::NotFound(_)) => return Ok(Answer::error("Service ID Not Found")),
        Err(other) => return Err(other),
    };
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let service = services::find(&mut locked, id).await?;
    let edit = cx.request.read(|params| Ok(written(params, &service)))?;
    match services::update(&mut locked, &cx.actor, id, edit, cx.now).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(Answer::success().with("serviceid", id.to_string()))
        }
        Err(Error::Invalid(errors)) => match errors.of("gateway") {
            Some(documented) => Ok(Answer::error(documented)),
            None => Err(Error::Invalid(as_callers_know(&errors))),
        },
        Err(other) => Err(other),
    }
}

/// Our name of a field, and theirs.
const NAMES: &[(&str, &str)] = &[
    ("product_id", "pid"),
    ("registered_on", "regdate"),
    ("next_due_on", "nextduedate"),
    ("terminated_on", "terminationdate"),
    ("first_amount", "firstpaymentamount"),
    ("recurring_amount", "recurringamount"),
    ("cycle", "billingcycle"),
    ("username", "serviceusername"),
    ("no_suspend_until", "overidesuspenduntil"),
    ("dedicated_ip", "dedicatedip"),
    ("assigned_ips", "assignedips"),
    ("suspend_reason", "suspendreason"),
];

fn as_callers_know(errors: &FieldErrors) -> FieldErrors {
    let mut theirs = FieldErrors::default();
    for (field, message) in errors.iter() {
        let name = NAMES.iter().find(|(ours, _)| *ours == field).map_or(field, |(_, theirs)| *theirs);
        theirs.add(name, message);
    }
    theirs
}

fn written(params: &mut Params<'_>, service: &Service) -> ServiceEdit {
    refuse_unbuilt(params);
    let mut text = |name: &str| params.text(name).map(str::to_owned);
    let mut edit = ServiceEdit {
        domain: text("domain"),
        username: text("serviceusername"),
        suspend_reason: text("suspendreason"),
        dedicated_ip: text("dedicatedip"),
        assigned_ips: text("assignedips"),
        ns1: text("ns1"),
        ns2: text("ns2"),
        notes: text("notes"),
        ..ServiceEdit::default()
    };
    edit.product_id = params.int("pid").filter(|id| *id != 0);
    edit.registered_on = params.date("regdate");
    edit.next_due_on = params.date("nextduedate");
    edit.terminated_on = clearable(params, "terminationdate");
    edit.first_amount = params.money("firstpaymentamount", service.currency);
    edit.recurring_amount = params.money("recurringamount", service.currency);
    edit.gateway = params.filled("paymentmethod").map(str::to_owned);
    edit.cycle = params.parsed("billingcycle", Cycle::parse);
    edit.status = params.parsed("status", ServiceStatus::parse);
    edit.no_suspend_until = no_suspend_until(params, service);
    edit.recalculate = params.bool("autorecalc").filter(|wanted| *wanted).map(|_| Recalculate);
    edit.options = options(params);
    unset(params, &mut edit);
    edit
}

/// A date that is taken away by `0000-00-00` or nothing.
fn clearable(params: &mut Params<'_>, name: &str) -> Option<Option<Date>> {
    let sent = params.text(name)?.trim();
    let is_nothing = sent.is_empty() || sent.starts_with(NO_DATE);
    match params.date(name) {
        Some(date) => Some(Some(date)),
        None => is_nothing.then_some(None),
    }
}

fn no_suspend_until(params: &mut Params<'_>, service: &Service) -> Option<Option<Date>> {
    let until = clearable(params, "overidesuspenduntil");
    match params.bool("overideautosuspend") {
        Some(false) => Some(None),
        Some(true) if until.flatten().or(service.no_suspend_until).is_none() => {
            params.refuse("overidesuspenduntil", "Send the date until which the service is not suspended.");
            None
        }
        _ => until,
    }
}

fn options(params: &mut Params<'_>) -> Option<Vec<OptionValue>> {
    let entries = params.map("configoptions")?;
    let mut values = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match (key.trim().parse(), value.trim().parse()) {
            (Ok(option_id), Ok(value)) => values.push(OptionValue { option_id, value }),
            _ => {
                params.refuse(
                    &format!("configoptions[{key}]"),
                    "Send the option's id with the id of a choice, 0 or 1, or a quantity.",
                );
            }
        }
    }
    Some(values)
}

fn unset(params: &mut Params<'_>, edit: &mut ServiceEdit) {
    for name in params.list("unset", Commas::Split).unwrap_or_default() {
        let field = match name {
            "domain" => &mut edit.domain,
            "serviceusername" => &mut edit.username,
            "ns1" => &mut edit.ns1,
            "ns2" => &mut edit.ns2,
            "dedicatedip" => &mut edit.dedicated_ip,
            "assignedips" => &mut edit.assigned_ips,
            "notes" => &mut edit.notes,
            "suspendreason" => &mut edit.suspend_reason,
            // There is nothing to take away.
            "servicepassword" | "subscriptionid" | "serverid" => continue,
            other => {
                params.refuse("unset", format!("“{other}” cannot be unset."));
                continue;
            }
        };
        *field = Some(String::new());
    }
}

/// Says no to what would otherwise be swallowed.
fn refuse_unbuilt(params: &mut Params<'_>) {
    for (name, message) in [
        ("serverid", "There are no servers to choose from yet. Leave this out."),
        ("servicepassword", "Passwords of services are not stored yet. Leave this out."),
        ("subscriptionid", "Subscriptions at a gateway are not supported. Leave this out."),
        ("promoid", "There are no promotions yet. Leave this out."),
        ("diskusage", "Usage is not recorded yet. Leave this out."),
        ("disklimit", "Usage is not recorded yet. Leave this out."),
        ("bwusage", "Usage is not recorded yet. Leave this out."),
        ("bwlimit", "Usage is not recorded yet. Leave this out."),
    ] {
        if params.text(name).is_some_and(|value| !matches!(value.trim(), "" | "0")) {
            params.refuse(name, message);
        }
    }
    let custom = params.map("customfields").unwrap_or_default();
    if let Some((field, _)) = custom.iter().find(|(_, value)| !value.trim().is_empty()) {
        params
            .refuse("customfields", format!("There are no custom fields of products, so “{field}” cannot be stored."));
    }
}
