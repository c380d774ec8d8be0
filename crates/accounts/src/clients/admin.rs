//! Clients in the staff area: the list, the record, closing.

mod form;

use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Result, nonempty};
use minijinja::value::Serde;
use minijinja::{Value, context};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Column, Order, Page, Sort, grouped};
use platform::web::{Fail, Form};

use super::{
    ADD, Client, ClientPanels, ClientStatus, DELETE, EDIT, Filter, LIST, LinkPlace, Listed, Place, Seen, VIEW,
    countries, country_name, panels, store,
};
use crate::activity_log::{self, Entry};
use crate::client_groups::{self, ClientGroup};
use crate::doors::admin::or_back;
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{account_access, clients, company, users};

use form::{create, edit_page, new_page, stored, update};

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

pub(crate) fn option(value: &str, label: &str) -> Value {
    context! { value, label }
}

fn group_options(groups: &[ClientGroup]) -> Vec<Value> {
    groups.iter().map(|group| option(&group.id.to_string(), &group.name)).collect()
}

pub(crate) fn country_options() -> Vec<Value> {
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
    context! { when => company::clock(entry.at, zone), instant => entry.at.to_string(), who => entry.who(), text }
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
        let user = users::attach(&mut tx, &cx.actor, id, cx.form.text("email"), &account_access::ALL, cx.now).await?;
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
