//! Clients in the staff area: the list, the form, the record, closing.

use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Result, nonempty};
use minijinja::value::Serde;
use minijinja::{Value, context};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::settings::Values;
use platform::web::lists::{self, Column, Order, Page, Sort, grouped};
use platform::web::{Fail, Form};

use super::{
    ADD, Client, ClientEdit, ClientPanels, ClientStatus, DELETE, EDIT, Filter, LIST, LinkPlace, Listed, MailKind,
    NewClient, Place, Seen, VIEW, countries, country_name, email_preferences, panels, store,
};
use crate::activity_log::{self, Entry};
use crate::client_groups::{self, ClientGroup};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::users::{self, Owner};
use crate::{clients, company};

const LIST_PAGE: &str = "/admin/clients";
const SECTION: &str = "clients";
/// So many clients are closed in one step, in one transaction.
const BULK: usize = 1_000;
const RECENT: i64 = 10;

pub(super) const SORTS: &[Sort] = &[
    Sort::by("id", &[]).with(&["c.status"]),
    Sort::by("name", &[Column::text("c.last_name"), Column::text("c.first_name")]),
    Sort::by("company", &[Column::text("c.company")]),
    Sort::by("created", &[Column::int("c.created_at")]),
];

pub fn routes() -> Routes {
    Routes::new()
        .get(LIST_PAGE, LIST, index)
        .post(LIST_PAGE, ADD, create)
        .get("/admin/clients/new", ADD, new_page)
        .post("/admin/clients/bulk", DELETE, bulk)
        .post("/admin/clients/close", DELETE, close_many)
        .get("/admin/clients/{id}", VIEW, show)
        .post("/admin/clients/{id}", EDIT, update)
        .get("/admin/clients/{id}/edit", EDIT, edit_page)
        .get("/admin/clients/{id}/close", DELETE, close_page)
        .post("/admin/clients/{id}/close", DELETE, close)
        .post("/admin/clients/{id}/reopen", EDIT, reopen)
        .post("/admin/clients/{id}/users", EDIT, attach_user)
        .post("/admin/clients/{id}/users/remove", EDIT, detach_user)
}

impl Filter {
    /// From the fields of an address: `q`, `status`, `group`, `currency`, `country`.
    pub(super) fn parse(form: &Form) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let status = nonempty(form.text("status")).and_then(|text| errors.take("status", ClientStatus::parse(text)));
        let currency = nonempty(form.text("currency")).and_then(|text| errors.take("currency", Currency::parse(text)));
        let group_id = nonempty(form.text("group")).map(|_| form.id("group", &mut errors));
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            statuses: status.into_iter().collect(),
            group_id,
            currency,
            country: nonempty(form.text("country")).map(str::to_ascii_uppercase),
            ..Filter::default()
        })
    }
}

/// The list hides closed clients unless it is asked for them.
fn page_filter(form: &Form) -> Result<Filter> {
    if form.text("status") == "all" {
        let rest = form.pairs().filter(|(name, _)| *name != "status");
        return Filter::parse(&Form::from_pairs(rest.map(|(name, text)| (name.into(), text.into())).collect()));
    }
    let mut filter = Filter::parse(form)?;
    if filter.statuses.is_empty() {
        filter.statuses = vec![ClientStatus::Active, ClientStatus::Inactive];
    }
    Ok(filter)
}

const FILE: (&str, &[&str]) = (
    "clients",
    &["Id", "First name", "Last name", "Company", "E-mail", "Country", "Currency", "Group", "Status", "Added"],
);

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let filter = page_filter(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let groups = client_groups::all(&mut conn).await?;
    let query = store::query(&mut conn, &filter).await?;
    let columns = Listed::columns("c");
    if request.csv {
        drop(conn);
        let cells = move |row: &Listed| csv_row(row, &groups, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, &columns, FILE, cells).await?);
    }
    let currencies = store::currencies(&mut conn).await?;
    let page: Page<Listed> = query.page(&mut conn, &request, &columns).await?;
    drop(conn);
    let filtered = ["q", "status", "group", "currency", "country"].iter().any(|name| !request.filter(name).is_empty());
    let typed = ["q", "status", "group", "currency", "country"].map(|name| (name, request.filter(name).to_owned()));
    cx.page(
        "accounts/clients/list.html",
        SECTION,
        "Clients",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(typed),
            clear => if filtered { LIST_PAGE } else { "" },
            statuses => [("active", "Active"), ("inactive", "Inactive"), ("closed", "Closed"), ("all", "All, closed too")]
                .map(|(value, label)| option(value, label)).to_vec(),
            groups => group_options(&groups),
            currencies => currencies.iter().map(|dealt| option(dealt.code.code(), dealt.code.code())).collect::<Vec<_>>(),
            countries => country_options(),
            rows => page.rows.iter().map(|row| list_row(row, &groups, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn option(value: &str, label: &str) -> Value {
    context! { value, label }
}

fn group_options(groups: &[ClientGroup]) -> Vec<Value> {
    groups.iter().map(|group| option(&group.id.to_string(), &group.name)).collect()
}

fn country_options() -> Vec<Value> {
    countries().iter().map(|(code, name)| option(code, name)).collect()
}

fn word(status: ClientStatus) -> &'static str {
    match status {
        ClientStatus::Active => "Active",
        ClientStatus::Inactive => "Inactive",
        ClientStatus::Closed => "Closed",
    }
}

fn group_of(groups: &[ClientGroup], id: Option<i64>) -> Option<&ClientGroup> {
    groups.iter().find(|group| Some(group.id) == id)
}

fn list_row(row: &Listed, groups: &[ClientGroup], zone: &TimeZone) -> Value {
    let name = [row.first_name.as_str(), row.last_name.as_str()].join(" ").trim().to_owned();
    context! {
        id => row.id,
        href => format!("/admin/clients/{}", row.id),
        name => if name.is_empty() { row.company.clone() } else { name },
        company => &row.company,
        email => &row.email,
        country => &row.country,
        country_name => country_name(&row.country).unwrap_or_default(),
        group => group_of(groups, row.group_id).map(|group| context! { name => &group.name, colour => &group.colour }),
        status => word(row.status),
        added => company::day(row.created_at, zone),
        added_at => row.created_at.to_string(),
    }
}

fn csv_row(row: &Listed, groups: &[ClientGroup], zone: &TimeZone) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.first_name.clone(),
        row.last_name.clone(),
        row.company.clone(),
        row.email.clone(),
        row.country.clone(),
        row.currency.to_string(),
        group_of(groups, row.group_id).map(|group| group.name.clone()).unwrap_or_default(),
        word(row.status).to_owned(),
        company::day(row.created_at, zone),
    ]
}

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

/// What the form shows: as typed, or as stored.
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

fn stored(client: &Client) -> Value {
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

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
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

async fn create(cx: AdminCx) -> Result<Response, Fail> {
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

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let client = clients::find(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, Target::Edit(&client), stored(&client), &FieldErrors::default()).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
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

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let (client, group, zone) = store::with_group(&mut conn, id).await?.ok_or(Error::NotFound("Client"))?;
    let zone = company::zone_of(zone);
    let users = users::of_client(&mut conn, id).await?;
    let activity = if cx.staff.may(activity_log::VIEW) {
        activity_log::of_client(&mut conn, id, RECENT).await?
    } else {
        Vec::new()
    };
    let seen = Seen::new(client, cx.now.date_in(&zone));
    let (figures, main, side) = contributed(&cx, &mut conn, &seen).await?;
    drop(conn);
    let client = seen.client;
    let flags = flags_of(&client);
    cx.page(
        "accounts/clients/show.html",
        SECTION,
        &client.display_name(),
        context! {
            client => stored(&client),
            person => client.name(),
            status => word(client.status),
            since => company::day(client.created_at, &zone),
            since_at => client.created_at.to_string(),
            address => client.party().lines().into_iter()
                .filter(|line| *line != client.name() && *line != client.company).collect::<Vec<_>>(),
            group => group.map(|(name, colour)| context! { name, colour }),
            flags, figures, main, side,
            tabs => panels::tabs(&cx, id),
            actions => panels::links(&cx, id, LinkPlace::Action),
            users => users.iter().map(|user| context! {
                id => user.id, name => user.name(), email => &user.email, is_owner => user.is_owner,
                last => user.last_login_at.map(|at| company::clock(at, &zone)).unwrap_or_default(),
            }).collect::<Vec<_>>(),
            activity => activity.iter().map(|entry| event(entry, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn flags_of(client: &Client) -> Vec<String> {
    let mut flags: Vec<String> = [
        (client.tax_exempt, "Pays no tax"),
        (client.no_overdue_notices, "Gets no payment reminders"),
        (client.separate_invoices, "Gets an invoice for each service"),
        (client.no_auto_capture, "Cards are not charged automatically"),
        (client.marketing_opt_in, "Wants marketing mail"),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, words)| words.to_owned())
    .collect();
    let unwanted: Vec<String> = client.email_preferences.unwanted().map(|kind| kind.label().to_lowercase()).collect();
    if !unwanted.is_empty() {
        flags.push(format!("Wants no mail of these kinds: {}", unwanted.join(", ")));
    }
    flags
}

fn event(entry: &Entry, zone: &TimeZone) -> Value {
    let changed: Vec<String> = entry.changes().into_iter().map(|change| change.field).collect();
    let text = if changed.is_empty() {
        entry.description.clone()
    } else {
        format!("{} ({})", entry.description, changed.join(", ").to_lowercase())
    };
    context! { when => company::clock(entry.at, zone), instant => entry.at.to_string(), who => &entry.actor_name, text }
}

/// The panels that the reader may see, by their place.
async fn contributed(cx: &AdminCx, conn: &mut Conn, seen: &Seen) -> Result<(Vec<String>, Vec<Value>, Vec<Value>)> {
    let (mut figures, mut main, mut side) = (Vec::new(), Vec::new(), Vec::new());
    let Some(contributed) = cx.app.extensions.get::<ClientPanels>() else { return Ok((figures, main, side)) };
    let mut wanted: Vec<_> = contributed.panels.iter().filter(|panel| cx.staff.may(panel.permission)).collect();
    wanted.sort_by_key(|panel| panel.order);
    for panel in wanted {
        let Some(inside) = (panel.load)(&cx.app, conn, seen).await? else { continue };
        let shown = |inside| context! { title => panel.title, ..Value::from(Serde(inside)) };
        match panel.place {
            Place::Figures => figures.push(inside.html),
            Place::Main => main.push(shown(inside)),
            Place::Side => side.push(shown(inside)),
        }
    }
    Ok((figures, main, side))
}

/// What closing these clients does, in numbers.
async fn consequences(cx: &AdminCx, conn: &mut Conn, ids: &[i64]) -> Result<Vec<(String, String)>> {
    let mut facts = Vec::new();
    let statuses = store::statuses(conn, ids).await?;
    let open: i64 = statuses.iter().filter(|(status, _)| *status != ClientStatus::Closed).map(|(_, count)| count).sum();
    let closed: i64 = statuses.iter().map(|(_, count)| count).sum::<i64>() - open;
    facts.push(("Clients that are closed".to_owned(), grouped(open)));
    if closed > 0 {
        facts.push(("Closed already".to_owned(), grouped(closed)));
    }
    if let Some(contributed) = cx.app.extensions.get::<ClientPanels>() {
        for effect in &contributed.closing {
            facts.push((effect.label.to_owned(), grouped((effect.count)(conn, ids).await?)));
        }
    }
    Ok(facts)
}

async fn close_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let client = clients::find(&mut conn, id).await?;
    let facts = consequences(&cx, &mut conn, &[id]).await?;
    drop(conn);
    let href = format!("/admin/clients/{id}");
    cx.page(
        "accounts/clients/close.html",
        SECTION,
        &format!("Close {}", client.display_name()),
        context! { facts, ids => "", action => format!("{href}/close"), cancel => href, label => "Close the client" },
    )
}

async fn close(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let name = clients::find(&mut tx, id).await?.display_name();
    let mut locked = clients::lock(&mut tx, id).await?;
    clients::close(&mut locked, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Redirect::to(format!("/admin/clients/{id}")).saying(format!("{name} closed")))
}

async fn reopen(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, id).await?;
    let client = clients::reopen(&mut locked, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(format!("/admin/clients/{id}")).saying(format!("{} is active again", client.display_name())))
}

/// The ticked rows, or all that the list's filter matches.
async fn bulk(cx: AdminCx) -> Result<Response, Fail> {
    let back = if cx.query.is_empty() { LIST_PAGE.to_owned() } else { format!("{LIST_PAGE}?{}", cx.query) };
    let mut conn = cx.app.db.read().await?;
    let ids = if cx.form.ticked("all") {
        let filter = page_filter(&cx.params()?)?;
        let limit = i64::try_from(BULK + 1).unwrap_or(i64::MAX);
        store::query(&mut conn, &filter).await?.ids(&mut conn, limit).await?
    } else {
        cx.form.all("id").filter_map(|id| id.parse().ok()).collect()
    };
    if ids.is_empty() {
        return Ok(Redirect::to(back).warning("Tick the clients first.").into_response());
    }
    if ids.len() > BULK {
        let refusal = format!("Close at most {} clients at a time. Narrow the filter.", grouped(BULK as i64));
        return Ok(Redirect::to(back).refusing(refusal).into_response());
    }
    let facts = consequences(&cx, &mut conn, &ids).await?;
    drop(conn);
    let (title, label) = match ids.len() {
        1 => ("Close one client".to_owned(), "Close the client".to_owned()),
        many => (format!("Close {} clients", grouped(many as i64)), format!("Close {} clients", grouped(many as i64))),
    };
    let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let context = context! { facts, ids, action => "/admin/clients/close", cancel => back, label };
    cx.page("accounts/clients/close.html", SECTION, &title, context)
}

async fn close_many(cx: AdminCx) -> Result<Redirect, Fail> {
    let ids: Vec<i64> = cx.form.text("ids").split(',').filter_map(|id| id.parse().ok()).collect();
    let done = async {
        if ids.is_empty() || ids.len() > BULK {
            return Err(Error::refused("Tick the clients first."));
        }
        let mut tx = cx.app.db.write().await?;
        let mut locked = clients::lock_many(&mut tx, &ids).await?;
        let closed = clients::close_all(&mut locked, &cx.actor, cx.now).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        let words = if closed == 1 { "One client closed".to_owned() } else { format!("{closed} clients closed") };
        Ok(Redirect::to(LIST_PAGE).saying(words))
    };
    or_back(done.await, LIST_PAGE)
}

async fn attach_user(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("/admin/clients/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        clients::find(&mut tx, id).await?;
        let user = users::attach(&mut tx, &cx.actor, id, cx.form.text("email"), cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(&back).saying(format!("{} may act for this client", user.name())))
    };
    match done.await {
        Err(Error::Invalid(errors)) => {
            let words = errors.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            Ok(Redirect::to(back).refusing(words))
        }
        other => or_back(other, &back),
    }
}

async fn detach_user(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("/admin/clients/{id}");
    let done = async {
        let mut errors = FieldErrors::default();
        let user = cx.form.id("user", &mut errors);
        errors.check()?;
        let mut tx = cx.app.db.write().await?;
        users::detach(&mut tx, &cx.actor, id, user, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(&back).saying("The user may no longer act for this client"))
    };
    or_back(done.await, &back)
}
