//! The form of a service.

use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use billing::{gateways, recurring};
use kernel::{Cycle, Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, change, cycles, date};
use crate::config_options::{self, FullOption, OptionKind, OptionValue, Picked};
use crate::services::{Recalculate, SERVICE, Service, ServiceEdit};
use crate::view::{fields, number, option};
use crate::{products, services};

const FIELDS: &[&str] = &[
    "product_id",
    "domain",
    "username",
    "quantity",
    "recurring_amount",
    "first_amount",
    "cycle",
    "gateway",
    "registered_on",
    "next_due_on",
    "ns1",
    "ns2",
    "dedicated_ip",
    "assigned_ips",
    "notes",
];

fn stored(service: &Service, picked: &[Picked], options: &[FullOption]) -> Form {
    let mut pairs = vec![
        ("product_id".to_owned(), service.product_id.to_string()),
        ("domain".to_owned(), service.domain.clone()),
        ("username".to_owned(), service.username.clone()),
        ("quantity".to_owned(), service.quantity.to_string()),
        ("recurring_amount".to_owned(), service.recurring().decimal()),
        ("first_amount".to_owned(), service.first().decimal()),
        ("cycle".to_owned(), service.cycle.to_string()),
        ("gateway".to_owned(), service.gateway.clone()),
        ("registered_on".to_owned(), service.registered_on.to_string()),
        ("next_due_on".to_owned(), service.next_due_on.map(|date| date.to_string()).unwrap_or_default()),
        ("ns1".to_owned(), service.ns1.clone()),
        ("ns2".to_owned(), service.ns2.clone()),
        ("dedicated_ip".to_owned(), service.dedicated_ip.clone()),
        ("assigned_ips".to_owned(), service.assigned_ips.clone()),
        ("notes".to_owned(), service.notes.clone()),
    ];
    for pick in picked {
        let kind = options.iter().find(|full| full.option.id == pick.option_id).map(|full| full.option.kind);
        let value = match kind {
            Some(OptionKind::YesNo | OptionKind::Quantity) => pick.quantity,
            _ => pick.choice_id,
        };
        pairs.push((option_field(pick.option_id), value.to_string()));
    }
    Form::from_pairs(pairs)
}

fn option_field(id: i64) -> String {
    format!("configoptions[{id}]")
}

fn option_input(full: &FullOption, form: &Form) -> Value {
    let field = option_field(full.option.id);
    let value = form.text(&field).to_owned();
    let choices: Vec<Value> = match full.option.kind {
        OptionKind::Dropdown | OptionKind::Radio => full
            .choices
            .iter()
            .filter(|choice| !choice.choice.hidden || choice.choice.id.to_string() == value)
            .map(|choice| option(choice.choice.id, &choice.choice.name))
            .collect(),
        _ => Vec::new(),
    };
    context! { field, name => &full.option.name, value, choices, yesno => full.option.kind == OptionKind::YesNo }
}

/// The options as they were typed; those without a field stay as they are.
fn option_values(options: &[FullOption], form: &Form, errors: &mut FieldErrors) -> Vec<OptionValue> {
    let mut values = Vec::new();
    for full in options {
        let (option_id, field) = (full.option.id, option_field(full.option.id));
        if full.option.kind == OptionKind::YesNo {
            if form.has(&format!("{field}_shown")) {
                values.push(OptionValue { option_id, value: i64::from(form.ticked(&field)) });
            }
        } else if let Some(value) = number(form, &field, errors) {
            values.push(OptionValue { option_id, value });
        }
    }
    values
}

fn written(form: &Form, service: &Service, options: &[FullOption]) -> Result<ServiceEdit> {
    let mut errors = FieldErrors::default();
    let text = |name: &str| Some(form.raw(name).unwrap_or_default().to_owned());
    let mut money = |name: &str| errors.take(name, Money::parse(form.text(name), service.currency));
    let recurring_amount = money("recurring_amount");
    // Only asked for while the first invoice is not made.
    let first_amount = form.raw("first_amount").and_then(|_| money("first_amount"));
    let edit = ServiceEdit {
        product_id: Some(form.id("product_id", &mut errors)),
        domain: text("domain"),
        username: text("username"),
        quantity: number(form, "quantity", &mut errors),
        recurring_amount,
        first_amount,
        cycle: errors.take("cycle", Cycle::parse(form.text("cycle"))),
        gateway: Some(form.text("gateway").to_owned()),
        registered_on: date(form, "registered_on", &mut errors),
        next_due_on: date(form, "next_due_on", &mut errors),
        ns1: text("ns1"),
        ns2: text("ns2"),
        dedicated_ip: text("dedicated_ip"),
        assigned_ips: text("assigned_ips"),
        notes: text("notes"),
        options: Some(option_values(options, form, &mut errors)),
        recalculate: form.ticked("recalculate").then_some(Recalculate),
        ..ServiceEdit::default()
    };
    errors.check()?;
    Ok(edit)
}

async fn form_page(cx: &AdminCx, id: i64, typed: Option<&Form>, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    let products = products::list(&mut conn, &products::Filter::default()).await?;
    let options = config_options::of_product(&mut conn, service.product_id).await?;
    let picked = services::options_of(&mut conn, id).await?;
    let first = recurring::first::of_owner(&mut conn, SERVICE, id).await?;
    let mut offered = gateways::all(&mut conn).await?;
    drop(conn);
    offered.retain(|gateway| gateway.active || gateway.name == service.gateway);
    let shown = typed.cloned().unwrap_or_else(|| stored(&service, &picked, &options));
    let name = products.iter().find(|product| product.id == service.product_id).map(|product| product.name.as_str());
    let title = service.title(name.unwrap_or_default());
    let values = context! {
        id,
        v => fields(FIELDS, &shown),
        recalculate => shown.ticked("recalculate"),
        first_waits => first.is_some(),
        currency => service.currency.to_string(),
        products => products.iter()
            .filter(|product| !product.retired || product.id == service.product_id)
            .map(|product| option(product.id, &product.name)).collect::<Vec<_>>(),
        gateways => offered.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
        cycles => cycles(Some(service.cycle)),
        options => options.iter().map(|full| option_input(full, &shown)).collect::<Vec<_>>(),
        action => format!("{PAGE}/{id}"),
    };
    // The price calculation names its fields as orders do.
    let errors = renamed(errors);
    if errors.is_empty() {
        let context = context! { errors => error_list(&errors), ..values };
        cx.page("hosting/services/form.html", SECTION, &title, context)
    } else {
        cx.again("hosting/services/form.html", SECTION, &title, &errors, values)
    }
}

fn renamed(errors: &FieldErrors) -> FieldErrors {
    let mut ours = FieldErrors::default();
    for (field, message) in errors.iter() {
        let field = match field {
            "billingcycle" => "cycle",
            "qty" => "quantity",
            other => other,
        };
        ours.add(field, message);
    }
    ours
}

pub(super) async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, id, None, &FieldErrors::default()).await
}

pub(super) async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut conn = cx.app.db.read().await?;
        let service = services::find(&mut conn, id).await?;
        let options = config_options::of_product(&mut conn, service.product_id).await?;
        drop(conn);
        let mut edit = written(&cx.form, &service, &options)?;
        if edit.product_id != Some(service.product_id) {
            // The fields were those of the product before.
            edit.options = None;
        }
        change(&cx, id, edit).await
    };
    match done.await {
        Ok(_) => Ok(Redirect::to(format!("{PAGE}/{id}")).saying("Service saved").into_response()),
        Err(Error::Invalid(errors)) => form_page(&cx, id, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}
