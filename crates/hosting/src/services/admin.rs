//! Services in the staff area: the list, the record, the form, the pages before a change of status.

use accounts::activity_log::{self, Entry};
use accounts::clients;
use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use billing::gateways::{self, Gateways};
use billing::recurring::{self, RecurringCharge};
use kernel::{Currency, Cycle, Date, Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::web::lists::{self, Order, Page, grouped};
use platform::web::{Fail, Form};

use super::charges::service_is_paid_off;
use super::panels::row;
use super::{
    EDIT, Filter, LIST, NamedOption, Recalculate, SERVICE, Service, ServiceAddon, ServiceAddonEdit, ServiceEdit,
    ServiceStatus, VIEW, store,
};
use crate::config_options::{self, FullOption, OptionKind, OptionValue, Picked};
use crate::prices::adverb;
use crate::view::{fields, number, option};
use crate::{products, services};

const PAGE: &str = "/admin/services";
const SECTION: &str = "clients";
const FILE: (&str, &[&str]) = (
    "services",
    &[
        "Id", "Client", "Product", "Domain", "Status", "Quantity", "Amount", "Currency", "Cycle", "Gateway", "Ordered",
        "Next due",
    ],
);

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, index)
        .get("/admin/services/{id}", VIEW, show)
        .post("/admin/services/{id}", EDIT, update)
        .get("/admin/services/{id}/edit", EDIT, edit_page)
        .get("/admin/services/{id}/status", EDIT, status_page)
        .post("/admin/services/{id}/status", EDIT, set_status)
        .post("/admin/services/{id}/recalculate", EDIT, recalculate)
        .get("/admin/service-addons/{id}", EDIT, addon_page)
        .post("/admin/service-addons/{id}", EDIT, update_addon)
}

impl Filter {
    /// From the fields of an address: `q`, `status`, `product`, `cycle`, `gateway`, `client`.
    pub(super) fn parse(form: &Form) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let given = |name: &str| nonempty(form.text(name)).map(str::to_owned);
        let mut id = |name: &str| given(name).map(|_| form.id(name, &mut errors));
        let (product_id, client_id) = (id("product"), id("client"));
        let status = given("status").and_then(|text| errors.take("status", ServiceStatus::parse(&text)));
        let cycle = given("cycle").and_then(|text| errors.take("cycle", Cycle::parse(&text)));
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            client_id,
            status,
            product_id,
            cycle,
            gateway: given("gateway"),
            ..Filter::default()
        })
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let query = store::query(&mut conn, &filter).await?;
    if request.csv {
        drop(conn);
        return Ok(lists::file(&cx.app.db, &request, query, store::LISTED, FILE, csv_row).await?);
    }
    let page: Page<store::Listed> = query.page(&mut conn, &request, store::LISTED).await?;
    let products = products::list(&mut conn, &products::Filter::default()).await?;
    let gateways = gateways::all(&mut conn).await?;
    drop(conn);
    let names = ["q", "status", "product", "cycle", "gateway", "client"];
    let filtered = names.iter().any(|name| !request.filter(name).is_empty());
    cx.page(
        "hosting/services/list.html",
        SECTION,
        "Products/Services",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(names.map(|name| (name, request.filter(name).to_owned()))),
            clear => if filtered { PAGE } else { "" },
            statuses => statuses(),
            products => products.iter().map(|product| option(product.id, &product.name)).collect::<Vec<_>>(),
            cycles => cycles(None),
            gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
            rows => page.rows.iter().map(|service| context! {
                gateway => gateways::title(&gateways, &service.gateway), ..row(service)
            }).collect::<Vec<_>>(),
        },
    )
}

fn csv_row(row: &store::Listed) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.client(),
        row.product.clone(),
        row.domain.clone(),
        row.status.label().to_owned(),
        row.quantity.to_string(),
        Money::new(row.recurring_amount, row.currency).decimal(),
        row.currency.to_string(),
        row.cycle.label(),
        row.gateway.clone(),
        row.registered_on.to_string(),
        row.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
    ]
}

fn statuses() -> Vec<Value> {
    ServiceStatus::ALL.iter().map(|status| option(status, status.label())).collect()
}

/// The cycles to choose from, with the one that a service has even if it is unusual.
fn cycles(own: Option<Cycle>) -> Vec<Value> {
    let mut all = vec![Cycle::Free, Cycle::OneTime];
    all.extend(Cycle::RECURRING);
    all.extend(own.filter(|own| !all.contains(own)));
    all.into_iter().map(|cycle| option(cycle, cycle.label())).collect()
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, service.client_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    let addons = services::addons_of(&mut conn, id).await?;
    let options = services::named_options(&mut conn, &[id]).await?;
    let charge = recurring::of_owner(&mut conn, SERVICE, id).await?;
    let activity = match cx.staff.may(activity_log::VIEW) {
        true => Some(activity_log::about(&mut conn, &services::subject(id)).await?),
        false => None,
    };
    let zone = company::zone(&mut conn).await?;
    drop(conn);
    let event = |entry: &Entry| {
        let fields: Vec<String> = entry
            .changes()
            .into_iter()
            .map(|change| format!("{} {} → {}", change.field, change.old, change.new))
            .collect();
        let text = if fields.is_empty() {
            entry.description.clone()
        } else {
            format!("{}: {}", entry.description, fields.join("; "))
        };
        context! { when => company::clock(entry.at, &zone), instant => entry.at.to_string(), who => &entry.actor_name, text }
    };
    let (next_invoice, invoice_note) = next_invoice(&service, charge.as_ref());
    cx.page(
        "hosting/services/show.html",
        SECTION,
        &service.title(&product.name),
        context! {
            s => context! {
                gateway => cx.app.get::<Gateways>()?.title(&service.gateway), ..summary(&service)
            },
            here => format!("{PAGE}/{id}"),
            client => context! { name => client.display_name(), href => format!("/admin/clients/{}", client.id) },
            product => context! { name => &product.name, href => format!("/admin/setup/products/{}", product.id) },
            periods => match charge.as_ref().and_then(|charge| charge.remaining) {
                Some(left) if service.cycle.is_recurring() => grouped(left),
                _ => "No end".to_owned(),
            },
            due_note => if service.status.is_over() { "over" } else { "start of the next unpaid period" },
            next_invoice, invoice_note,
            addons => addons.iter().map(|addon| addon_row(addon, service.currency)).collect::<Vec<_>>(),
            options => options.iter().map(|option| context! {
                name => &option.option, value => option_words(option),
            }).collect::<Vec<_>>(),
            activity => activity.map(|entries| entries.iter().map(event).collect::<Vec<_>>()),
            actions => actions(&service),
        },
    )
}

fn summary(service: &Service) -> Value {
    let name_servers = [service.ns1.as_str(), service.ns2.as_str()].join(" ");
    context! {
        id => service.id,
        domain => &service.domain,
        username => &service.username,
        status => service.status.label(),
        quantity => service.quantity,
        amount => service.recurring().to_string(),
        first => service.first().to_string(),
        cycle => if service.cycle.is_recurring() { adverb(service.cycle) } else { service.cycle.label() },
        registered => service.registered_on.to_string(),
        due => service.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
        terminated => service.terminated_on.map(|date| date.to_string()).unwrap_or_default(),
        reason => &service.suspend_reason,
        dedicated_ip => &service.dedicated_ip,
        assigned_ips => &service.assigned_ips,
        name_servers => name_servers.trim(),
        notes => &service.notes,
    }
}

/// When the next invoice is for, and why there is none.
fn next_invoice(service: &Service, charge: Option<&RecurringCharge>) -> (String, &'static str) {
    let none = |why| ("None".to_owned(), why);
    match charge {
        None => none("it is free"),
        Some(charge) if charge.remaining == Some(0) => none("every period is invoiced"),
        Some(_) if service.status == ServiceStatus::Pending => none("it is pending"),
        Some(_) if !service.status.is_billable() => none("it is over"),
        Some(charge) if charge.next_invoice_on > charge.next_due_on => {
            (charge.next_invoice_on.to_string(), "the period before is invoiced, and unpaid")
        }
        Some(charge) => (charge.next_invoice_on.to_string(), "start of the next period without an invoice"),
    }
}

fn option_words(option: &NamedOption) -> String {
    match option.kind {
        OptionKind::YesNo => "Yes".to_owned(),
        OptionKind::Quantity => grouped(option.quantity),
        _ => option.choice.clone(),
    }
}

fn addon_row(addon: &ServiceAddon, currency: Currency) -> Value {
    context! {
        href => format!("/admin/service-addons/{}", addon.id),
        name => &addon.name,
        quantity => addon.quantity,
        status => addon.status.label(),
        amount => Money::new(addon.recurring_amount, currency).to_string(),
        cycle => if addon.cycle.is_recurring() { adverb(addon.cycle) } else { addon.cycle.label() },
        due => addon.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
    }
}

/// What can be done about a status, the likeliest first.
fn moves(status: ServiceStatus) -> &'static [(ServiceStatus, &'static str)] {
    use ServiceStatus::*;
    match status {
        Pending => &[(Active, "Activate"), (Cancelled, "Cancel"), (Fraud, "Mark as fraud")],
        Active => &[(Suspended, "Suspend"), (Terminated, "Terminate"), (Cancelled, "Cancel")],
        Suspended => &[(Active, "Unsuspend"), (Terminated, "Terminate"), (Cancelled, "Cancel")],
        Terminated | Cancelled | Fraud | Completed => &[(Active, "Activate again"), (Pending, "Make pending")],
    }
}

fn actions(service: &Service) -> Vec<Value> {
    let action = |(to, label): &(ServiceStatus, &str)| {
        context! { label => *label, href => format!("{PAGE}/{}/status?to={to}", service.id), danger => to.is_over() }
    };
    moves(service.status).iter().map(action).collect()
}

async fn status_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let wanted = cx.params()?.text("to").to_owned();
    let to = ServiceStatus::parse(&wanted).or(Err(Fail(Error::NotFound("This page"))))?;
    let mut conn = cx.app.db.read().await?;
    let service = services::find(&mut conn, id).await?;
    let client = clients::find(&mut conn, service.client_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    let addons = services::addons_of(&mut conn, id).await?;
    let paid_off = service_is_paid_off(&mut conn, id).await?;
    drop(conn);
    let back = format!("{PAGE}/{id}");
    let Some((_, label)) = moves(service.status).iter().find(|(target, _)| *target == to) else {
        return Ok(Redirect::to(back).refusing(format!("The service is {} already.", service.status)).into_response());
    };
    let along = addons.iter().filter(|addon| super::change::goes_along(addon, service.status, to)).count();
    let due = service.next_due_on.map_or_else(|| "nothing more".to_owned(), |date| format!("the period from {date}"));
    let anew = product.periods().filter(|_| paid_off && service.status == ServiceStatus::Completed).map(|periods| {
        format!("The count of its periods begins anew: {} more, each invoiced as it falls due.", grouped(periods))
    });
    let (text, billing) = match to {
        ServiceStatus::Active if anew.is_some() => (anew.as_deref().unwrap_or_default(), due),
        ServiceStatus::Active if paid_off && service.status != ServiceStatus::Completed => {
            ("All of its periods are paid: it is complete at once.", "nothing more".to_owned())
        }
        ServiceStatus::Active => ("It is invoiced as it falls due.", due),
        ServiceStatus::Suspended => ("It stays on the books: invoices go on.", due),
        ServiceStatus::Pending => {
            ("It waits: nothing is invoiced until it is active.", "nothing until then".to_owned())
        }
        _ => ("Nothing more is invoiced for it. Invoices that are open stay open.", "nothing more".to_owned()),
    };
    let facts = vec![
        ("Service".to_owned(), service.title(&product.name)),
        ("Client".to_owned(), client.display_name()),
        ("Amount".to_owned(), format!("{} {}", service.recurring(), adverb(service.cycle))),
        ("Addons that go along".to_owned(), along.to_string()),
        ("Invoiced next".to_owned(), billing),
    ];
    cx.page(
        "hosting/services/status.html",
        SECTION,
        &format!("{label}: {}", service.title(&product.name)),
        context! {
            id, text, facts,
            label => *label,
            to => to.as_str(),
            action => format!("{back}/status"),
            cancel => back,
            kind => if to.is_over() { "danger" } else { "primary" },
            asks_reason => to == ServiceStatus::Suspended,
        },
    )
}

async fn set_status(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let to = match ServiceStatus::parse(cx.form.text("to")) {
            Ok(to) => to,
            Err(why) => return Err(Error::invalid("to", why)),
        };
        let reason = Some(cx.form.text("reason").to_owned()).filter(|_| to == ServiceStatus::Suspended);
        let edit = ServiceEdit { status: Some(to), suspend_reason: reason, ..ServiceEdit::default() };
        let service = change(&cx, id, edit).await?;
        Ok(Redirect::to(&back).saying(format!("The service is {} now", service.status)))
    };
    or_back(done.await, &back)
}

async fn recalculate(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let edit = ServiceEdit { recalculate: Some(Recalculate), ..ServiceEdit::default() };
        let service = change(&cx, id, edit).await?;
        Ok(Redirect::to(&back).saying(format!("The amount is {} from the next invoice on", service.recurring())))
    };
    or_back(done.await, &back)
}

async fn change(cx: &AdminCx, id: i64, edit: ServiceEdit) -> Result<Service> {
    let mut tx = cx.app.db.write().await?;
    let client_id = services::find(&mut tx, id).await?.client_id;
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let service = services::update(&mut locked, &cx.actor, id, edit, cx.now).await?;
    tx.commit().await?;
    Ok(service)
}

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

fn date(form: &Form, name: &str, errors: &mut FieldErrors) -> Option<Date> {
    let text = nonempty(form.text(name))?;
    errors.take(name, Date::parse(text))
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

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, id, None, &FieldErrors::default()).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
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

async fn addon_form(cx: &AdminCx, id: i64, typed: Option<&Form>, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let addon = services::find_addon(&mut conn, id).await?;
    let service = services::find(&mut conn, addon.service_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    drop(conn);
    let as_stored = || {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        Form::from_pairs(vec![
            pair("status", addon.status.to_string()),
            pair("quantity", addon.quantity.to_string()),
            pair("recurring_amount", Money::new(addon.recurring_amount, service.currency).decimal()),
            pair("cycle", addon.cycle.to_string()),
            pair("next_due_on", addon.next_due_on.map(|date| date.to_string()).unwrap_or_default()),
        ])
    };
    let shown = typed.cloned().unwrap_or_else(as_stored);
    let values = context! {
        v => fields(&["status", "quantity", "recurring_amount", "cycle", "next_due_on"], &shown),
        currency => service.currency.to_string(),
        statuses => statuses(),
        cycles => cycles(Some(addon.cycle)),
        action => format!("/admin/service-addons/{id}"),
        service => context! { title => service.title(&product.name), href => format!("{PAGE}/{}", service.id) },
    };
    if errors.is_empty() {
        let context = context! { errors => error_list(errors), ..values };
        cx.page("hosting/services/addon.html", SECTION, &addon.name, context)
    } else {
        cx.again("hosting/services/addon.html", SECTION, &addon.name, errors, values)
    }
}

async fn addon_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    addon_form(&cx, id, None, &FieldErrors::default()).await
}

async fn update_addon(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let addon = services::find_addon(&mut tx, id).await?;
        let service = services::find(&mut tx, addon.service_id).await?;
        let mut errors = FieldErrors::default();
        let edit = ServiceAddonEdit {
            status: errors.take("status", ServiceStatus::parse(cx.form.text("status"))),
            quantity: number(&cx.form, "quantity", &mut errors),
            recurring_amount: errors
                .take("recurring_amount", Money::parse(cx.form.text("recurring_amount"), service.currency)),
            cycle: errors.take("cycle", Cycle::parse(cx.form.text("cycle"))),
            next_due_on: date(&cx.form, "next_due_on", &mut errors),
        };
        errors.check()?;
        let mut locked = clients::lock(&mut tx, service.client_id).await?;
        let addon = services::update_addon(&mut locked, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(format!("{PAGE}/{}", addon.service_id)).saying(format!("Addon “{}” saved", addon.name)))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => addon_form(&cx, id, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}
