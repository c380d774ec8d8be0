//! The form for a new client, and for one that is changed.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result, nonempty};
use minijinja::value::Serde;
use minijinja::{Value, context};
use platform::settings::Values;
use platform::web::{Fail, Form};

use super::{LIST_PAGE, SECTION, country_options, group_options, option, word};
use crate::clients::{Client, ClientEdit, ClientStatus, DELETE, MailKind, NewClient, email_preferences, panels, store};
use crate::doors::admin::error_list;
use crate::doors::{AdminCx, Id, Redirect};
use crate::users::Owner;
use crate::{client_groups, clients, company};

/// The fields of the form that are text.
const TEXTS: &[&str] = &[
    "first_name",
    "last_name",
    "company",
    "email",
    "address1",
    "address2",
    "city",
    "state",
    "postcode",
    "country",
    "phone",
    "tax_id",
    "currency",
    "default_gateway",
    "group_id",
    "status",
    "language",
    "notes",
];
const FLAGS: &[&str] =
    &["tax_exempt", "no_overdue_notices", "separate_invoices", "no_auto_capture", "marketing_opt_in"];

fn edit_of(form: &Form) -> Result<ClientEdit> {
    let text = |name: &str| Some(form.raw(name).unwrap_or_default().to_owned());
    let status = match nonempty(form.text("status")).map(ClientStatus::parse).transpose() {
        Ok(status) => status,
        Err(message) => return Err(Error::invalid("status", message)),
    };
    Ok(ClientEdit {
        first_name: text("first_name"),
        last_name: text("last_name"),
        company: text("company"),
        email: text("email"),
        address1: text("address1"),
        address2: text("address2"),
        city: text("city"),
        state: text("state"),
        postcode: text("postcode"),
        country: text("country"),
        phone: text("phone"),
        tax_id: text("tax_id"),
        currency: nonempty(form.text("currency")).map(str::to_owned),
        default_gateway: text("default_gateway"),
        // What is no number is no group either, and the rule says so beside the field.
        group_id: Some(nonempty(form.text("group_id")).map_or(0, |id| id.parse().unwrap_or(-1))),
        status,
        language: text("language"),
        notes: text("notes"),
        tax_exempt: Some(form.ticked("tax_exempt")),
        no_overdue_notices: Some(form.ticked("no_overdue_notices")),
        separate_invoices: Some(form.ticked("separate_invoices")),
        no_auto_capture: Some(form.ticked("no_auto_capture")),
        marketing_opt_in: Some(form.ticked("marketing_opt_in")),
        email_preferences: ticked_kinds(form),
        ..ClientEdit::default()
    })
}

/// A form without the boxes says nothing of them. Those that cannot be unticked are not sent.
fn ticked_kinds(form: &Form) -> Vec<(MailKind, bool)> {
    if !form.has(email_preferences::FIELD) {
        return Vec::new();
    }
    let ticked = |kind: MailKind| form.all(email_preferences::FIELD).any(|value| value == kind.as_str());
    MailKind::ALL.iter().filter(|kind| kind.may_be_unwanted()).map(|kind| (*kind, ticked(*kind))).collect()
}

/// What the form shows as it was typed.
fn typed(form: &Form) -> Value {
    let texts = TEXTS
        .iter()
        .chain(&["owner", "owner_email"])
        .map(|name| (*name, Value::from(form.raw(name).unwrap_or_default())));
    let flags = FLAGS.iter().map(|name| (*name, Value::from(form.ticked(name))));
    let unticked: Vec<MailKind> =
        ticked_kinds(form).into_iter().filter(|(_, wanted)| !wanted).map(|(kind, _)| kind).collect();
    let wanted = wanted_kinds(|kind| !unticked.contains(&kind));
    Value::from_pairs(texts.chain(flags).chain([(email_preferences::FIELD, wanted)]))
}

fn wanted_kinds(wants: impl Fn(MailKind) -> bool) -> Value {
    MailKind::ALL.iter().filter(|kind| wants(**kind)).map(|kind| kind.as_str()).collect()
}

fn kind_options() -> Vec<Value> {
    MailKind::ALL
        .iter()
        .map(|kind| {
            let (value, label, help) = (kind.as_str(), kind.label(), kind.help());
            context! { value, label, help, disabled => !kind.may_be_unwanted() }
        })
        .collect()
}

/// What the form and the record show of a client.
pub(super) fn stored(client: &Client) -> Value {
    context! {
        email_preferences => wanted_kinds(|kind| client.email_preferences.wants(kind)),
        group_id => client.group_id.map(|id| id.to_string()).unwrap_or_default(),
        default_gateway => client.default_gateway.clone().unwrap_or_default(),
        ..Value::from(Serde(client))
    }
}

enum Target<'a> {
    New,
    Edit(&'a Client),
}

async fn form_page(cx: &AdminCx, target: Target<'_>, values: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let groups = client_groups::all(&mut conn).await?;
    let currencies = store::currencies(&mut conn).await?;
    let gateways = store::gateways(&mut conn).await?;
    drop(conn);
    let (title, action, cancel, new) = match target {
        Target::New => ("New client".to_owned(), LIST_PAGE.to_owned(), LIST_PAGE.to_owned(), true),
        Target::Edit(client) => {
            let href = format!("/admin/clients/{}", client.id);
            (format!("Edit {}", client.display_name()), href.clone(), href, false)
        }
    };
    // What may not be chosen is not offered; a closed client's form shows what it is.
    let is_closed = matches!(target, Target::Edit(client) if client.status == ClientStatus::Closed);
    let offered = |status: &&ClientStatus| **status != ClientStatus::Closed || is_closed || cx.staff.may(DELETE);
    let statuses: Vec<Value> =
        ClientStatus::ALL.iter().filter(offered).map(|status| option(status.as_str(), word(*status))).collect();
    let (tabs, name) = match target {
        Target::New => (Vec::new(), String::new()),
        Target::Edit(client) => (panels::tabs(cx, client.id), client.display_name()),
    };
    let context = context! {
        v => values,
        new, action, cancel, statuses, tabs, name,
        groups => group_options(&groups),
        currencies => currencies.iter().map(|dealt| option(dealt.code.code(), dealt.code.code())).collect::<Vec<_>>(),
        gateways => gateways.iter().map(|(name, title)| option(name, title)).collect::<Vec<_>>(),
        countries => country_options(),
        mail_kinds => kind_options(),
    };
    if errors.is_empty() {
        cx.page("accounts/clients/form.html", SECTION, &title, context! { errors => error_list(errors), ..context })
    } else {
        cx.again("accounts/clients/form.html", SECTION, &title, errors, context)
    }
}

pub(super) async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let settings = Values::load(&mut conn).await?;
    let base = store::currencies(&mut conn).await?.into_iter().find(|dealt| dealt.is_base);
    drop(conn);
    let country = settings.text(&company::DEFAULT_COUNTRY).to_ascii_uppercase();
    let blank = Form::from_pairs(vec![
        ("country".into(), country),
        ("currency".into(), base.map(|dealt| dealt.code.to_string()).unwrap_or_default()),
        ("status".into(), ClientStatus::Active.to_string()),
        ("owner".into(), "new".into()),
    ]);
    form_page(&cx, Target::New, typed(&blank), &FieldErrors::default()).await
}

pub(super) async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let owner = match cx.form.text("owner") {
        "existing" => Owner::ByEmail(cx.form.text("owner_email").to_owned()),
        _ => Owner::default(),
    };
    let new = NewClient { details: edit_of(&cx.form)?, owner };
    let mut tx = cx.app.db.write().await?;
    match clients::create(&mut tx, &cx.actor, new, &cx.app.random, cx.now).await {
        Ok(client) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            let to = format!("/admin/clients/{}", client.id);
            Ok(Redirect::to(to).saying(format!("{} added", client.display_name())).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            form_page(&cx, Target::New, typed(&cx.form), &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

pub(super) async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let client = clients::find(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, Target::Edit(&client), stored(&client), &FieldErrors::default()).await
}

pub(super) async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let edit = edit_of(&cx.form)?;
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, id).await?;
    match clients::update(&mut locked, &cx.actor, id, edit, cx.now).await {
        Ok(client) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            let to = format!("/admin/clients/{id}");
            Ok(Redirect::to(to).saying(format!("{} saved", client.display_name())).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            let client = clients::find(&mut cx.app.db.read().await?, id).await?;
            form_page(&cx, Target::Edit(&client), typed(&cx.form), &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}
