//! Look-ups and their log in the staff area.

use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Redirect, Routes};
use axum::response::Response;
use hosting::view::option;
use kernel::{DomainName, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page, grouped};

use super::store::{self, Logged};
use super::{Answer, Freshness, LOOK_UP, MOST, State, VIEW_LOG};
use crate::lookups;

const PAGE: &str = "/admin/utilities/whois";
const LOG: &str = "/admin/logs/whois";
const SECTION: &str = "utilities";
const TEMPLATE: &str = "domains/lookups/page.html";
const TITLE: &str = "WHOIS look-ups";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LOOK_UP, page)
        .post(PAGE, LOOK_UP, look_up)
        .post("/admin/utilities/whois/servers", LOOK_UP, refresh)
        .get(LOG, VIEW_LOG, log)
}

pub(super) fn label(state: State) -> (&'static str, &'static str) {
    match state {
        State::Available => ("Available", "ok"),
        State::Registered => ("Registered", "mute"),
        State::Reserved => ("Reserved", "info"),
        State::Unknown => ("Could not find out", "warn"),
    }
}

fn source(of: &str) -> String {
    match of {
        "rdap" => "Registry, by RDAP".to_owned(),
        "whois" => "Registry, by WHOIS".to_owned(),
        other => other.strip_prefix("registrar:").map_or(other.to_owned(), |name| format!("Registrar {name}")),
    }
}

async fn show(cx: &AdminCx, typed: &str, answers: &[Answer], errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let servers = lookups::servers(&mut conn).await?;
    let zone = company::zone(&mut conn).await?;
    drop(conn);
    let row = |answer: &Answer| {
        let (state, tone) = label(answer.state);
        let premium: Vec<String> = answer.premium.iter().map(|(what, cost)| format!("{what} {cost}")).collect();
        context! {
            name => answer.name.as_str(), shown => answer.name.unicode(), idn => answer.name.is_idn(), state, tone,
            source => source(&answer.source), why => &answer.why, premium => premium.join(", "),
            registrar => &answer.registrar, created => &answer.created, expires => &answer.expires,
            nameservers => &answer.nameservers, statuses => &answer.statuses, text => &answer.text,
            at => company::clock(answer.at, &zone), instant => answer.at.to_string(),
        }
    };
    let values = context! {
        names => typed, most => MOST, rows => answers.iter().map(row).collect::<Vec<_>>(), fresh => cx.form.ticked("fresh"),
        publication => servers.publication, fetched => servers.fetched_at.map(|at| company::clock(at, &zone)),
        may_see_log => cx.staff.may(VIEW_LOG),
    };
    if errors.is_empty() {
        cx.page(TEMPLATE, SECTION, TITLE, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, SECTION, TITLE, errors, values)
    }
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    let params = cx.params()?;
    show(&cx, params.text("names"), &[], &FieldErrors::default()).await
}

/// Names apart by lines, spaces or commas; the same name once.
fn parse(text: &str, errors: &mut FieldErrors) -> Vec<DomainName> {
    let mut names: Vec<DomainName> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        match DomainName::parse(word) {
            Ok(name) if names.contains(&name) => {}
            Ok(name) => names.push(name),
            Err(why) => errors.add("names", why),
        }
    }
    if names.is_empty() && errors.is_empty() {
        errors.add("names", "Enter a domain name.");
    }
    if names.len() > MOST {
        errors.add(
            "names",
            format!("Look up at most {MOST} names at a time; these are {}.", grouped(names.len() as i64)),
        );
    }
    names
}

async fn look_up(cx: AdminCx) -> Result<Response, Fail> {
    let typed = cx.form.raw("names").unwrap_or_default().to_owned();
    let mut errors = FieldErrors::default();
    let names = parse(&typed, &mut errors);
    if !errors.is_empty() {
        return show(&cx, &typed, &[], &errors).await;
    }
    let freshness = if cx.form.ticked("fresh") { Freshness::Now } else { Freshness::Kept };
    let answers = lookups::look_up(&cx.app, &cx.actor, &names, freshness).await?;
    show(&cx, &typed, &answers, &FieldErrors::default()).await
}

async fn refresh(cx: AdminCx) -> Result<Redirect, Fail> {
    let done = async {
        let done = lookups::refresh_servers(&cx.app, &cx.actor).await?;
        let extensions = grouped(done.extensions as i64);
        Ok(Redirect::to(PAGE).saying(format!("IANA’s list of {} is used: {extensions} extensions", done.publication)))
    };
    or_back(done.await, PAGE)
}

async fn log(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let columns = Logged::columns("l");
    if request.csv {
        drop(conn);
        let file = ("whois-log", &["At", "Name", "State", "Source", "By", "Why"][..]);
        return Ok(lists::file(&cx.app.db, &request, store::query(&request), &columns, file, csv_row).await?);
    }
    let page: Page<Logged> = store::query(&request).page(&mut conn, &request, &columns).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|line| {
            let (state, tone) = label(line.state);
            context! {
                name => &line.name, state, tone, source => source(&line.source), by => &line.asked_by, why => &line.why,
                at => company::clock(line.at, &zone), instant => line.at.to_string(),
            }
        })
        .collect();
    let filters = ["q", "state"];
    cx.page(
        "domains/lookups/log.html",
        "logs",
        "WHOIS look-up log",
        context! {
            list => request.view(&page), rows,
            filter => Value::from_pairs(filters.map(|name| (name, request.filter(name).to_owned()))),
            clear => if filters.iter().any(|name| !request.filter(name).is_empty()) { LOG } else { "" },
            states => State::ALL.iter().map(|state| option(state, label(*state).0)).collect::<Vec<_>>(),
        },
    )
}

fn csv_row(line: &Logged) -> Vec<String> {
    vec![
        line.at.to_string(),
        line.name.clone(),
        line.state.to_string(),
        line.source.clone(),
        line.asked_by.clone(),
        line.why.clone(),
    ]
}
