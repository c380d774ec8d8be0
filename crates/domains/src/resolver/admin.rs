//! The domain resolver in the staff area.

use accounts::clients;
use accounts::company;
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use hosting::view::option;
use kernel::{DomainName, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::runs::{self, Run, RunState};
use platform::settings::Values;
use platform::web::Fail;
use platform::web::lists::{self, Order, Page, grouped};
use serde_json::json;

use super::jobs::{self, TASK};
use super::judge::{Sight, Signed};
use super::{CHECK, MOST, Row, Scope, store};
use crate::{resolver, settings};

const PAGE: &str = "/admin/utilities/resolver";
const SECTION: &str = "utilities";
const TEMPLATE: &str = "domains/resolver/page.html";
const TITLE: &str = "Domain resolver";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CHECK, page)
        .post(PAGE, CHECK, start)
        .get("/admin/utilities/resolver/{id}", CHECK, show)
        .get("/admin/utilities/resolver/{id}/progress.json", CHECK, progress)
}

pub(super) fn sight(of: Sight) -> (&'static str, &'static str) {
    match of {
        Sight::Ours => ("Ours", "ok"),
        Sight::Elsewhere => ("Elsewhere", "warn"),
        Sight::Nowhere => ("Nowhere", "mute"),
        Sight::NoSuchName => ("No such name", "bad"),
        Sight::Unknown => ("Could not find out", "info"),
    }
}

fn signed(of: Signed) -> (&'static str, &'static str) {
    match of {
        Signed::Secure => ("Signed", "ok"),
        Signed::Insecure => ("Not signed", "mute"),
        Signed::Bogus => ("Wrongly signed", "bad"),
        Signed::Unknown => ("Could not find out", "info"),
    }
}

fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "Queued",
        RunState::Running => "Running",
        RunState::Finished => "Finished",
        RunState::Failed => "Failed",
    }
}

async fn form_page(cx: &AdminCx, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let services = resolver::service_names(&mut conn).await?;
    let found = runs::latest(&mut conn, TASK, 50).await?;
    let values = Values::load(&mut conn).await?;
    let zone = company::zone(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = found
        .iter()
        .map(|run| {
            context! {
                href => format!("{PAGE}/{}", run.id), by => &run.requested_by, state => state_word(run.state),
                done => grouped(run.done), total => grouped(run.total),
                at => company::clock(run.queued_at, &zone), instant => run.queued_at.to_string(),
            }
        })
        .collect();
    let typed = |name: &str, default: &str| cx.form.raw(name).unwrap_or(default).to_owned();
    let nothing_is_ours = [&settings::OUR_NETWORKS, &settings::OUR_NAME_SERVERS, &settings::OUR_MAIL_HOSTS]
        .iter()
        .all(|setting| values.text(setting).is_empty());
    let values = context! {
        rows, nothing_is_ours, names => typed("names", ""),
        whole => typed("of", if services > 0 { "services" } else { "names" }),
        choices => vec![
            context! { value => "services", label => format!("The names of all active and suspended services ({})", grouped(services)) },
            context! { value => "names", label => "These names:" },
        ],
        // The same form sent twice asks for the same run.
        key => cx.form.raw("key").map_or_else(|| cx.app.random.token(), str::to_owned),
    };
    if errors.is_empty() {
        cx.page(TEMPLATE, SECTION, TITLE, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, SECTION, TITLE, errors, values)
    }
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, &FieldErrors::default()).await
}

fn scope(cx: &AdminCx) -> Result<Scope> {
    if cx.form.text("of") == "services" {
        return Ok(Scope::Services);
    }
    let mut errors = FieldErrors::default();
    let mut names: Vec<DomainName> = Vec::new();
    let text = cx.form.raw("names").unwrap_or_default();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        match DomainName::parse(word) {
            Ok(name) => names.push(name),
            // A pasted file in the wrong form would fill the page.
            Err(why) if errors.iter().count() < 10 => errors.add("names", why),
            Err(_) => {}
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() && errors.is_empty() {
        errors.add("names", "Enter at least one name.");
    }
    if names.len() > MOST {
        errors.add("names", format!("Ask about at most {} names in one run.", grouped(MOST as i64)));
    }
    errors.check()?;
    Ok(Scope::Names(names))
}

async fn start(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let key = cx.form.text("key");
        if key.len() < 32 || key.len() > 100 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::refused("Open the page again, so that the run has a key of its own."));
        }
        let scope = scope(&cx)?;
        let mut tx = cx.app.db.write().await?;
        let (id, new) = jobs::request(&mut tx, &cx.app, format!("resolver:{key}"), &cx.actor, &scope).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        let to = Redirect::to(format!("{PAGE}/{id}"));
        Ok(if new { to } else { to.warning("This run had been started already; here it is.") })
    };
    match done.await {
        Ok(redirect) => Ok(Redirect::into_response(redirect)),
        Err(Error::Invalid(errors)) => form_page(&cx, &errors).await,
        Err(Error::Refused(reason)) => Ok(Redirect::to(PAGE).refusing(reason).into_response()),
        Err(other) => Err(Fail(other)),
    }
}

async fn find(conn: &mut Conn, id: i64) -> Result<Run> {
    let run = runs::find(conn, id).await?;
    if run.task == TASK { Ok(run) } else { Err(Error::NotFound("Run")) }
}

fn has_ended(run: &Run) -> bool {
    matches!(run.state, RunState::Finished | RunState::Failed)
}

const FILTERS: [&str; 5] = ["q", "points", "mail", "servers", "dnssec"];

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Ascending)?;
    let mut conn = cx.app.db.read().await?;
    let run = find(&mut conn, id).await?;
    let columns = Row::columns("r");
    if request.csv {
        drop(conn);
        let file = (
            "domains",
            &["Name", "Points to", "Mail", "Name servers", "DNSSEC", "A", "AAAA", "NS", "MX", "Service", "Client"][..],
        );
        return Ok(lists::file(&cx.app.db, &request, store::query(id, &request), &columns, file, csv_row).await?);
    }
    let page: Page<Row> = store::query(id, &request).page(&mut conn, &request, &columns).await?;
    let ids: Vec<i64> = page.rows.iter().filter_map(|row| row.client_id).collect();
    let names = clients::names(&mut conn, &ids).await?;
    let counts = store::points(&mut conn, id).await?;
    let zone = company::zone(&mut conn).await?;
    drop(conn);
    let own = format!("{PAGE}/{id}");
    let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap_or_default();
    let sights: Vec<Value> = Sight::ALL.iter().map(|one| option(one, sight(*one).0)).collect();
    let count = |one: Sight| grouped(counts.get(&one).map_or(0, |count| i64::try_from(*count).unwrap_or(i64::MAX)));
    let values = context! {
        own => &own, back => PAGE, by => &run.requested_by, state => state_word(run.state),
        at => company::clock(run.queued_at, &zone), instant => run.queued_at.to_string(),
        finished => has_ended(&run), done => run.done, total => run.total.max(1), failed => run.failed,
        src => format!("{own}/progress.json"), error => summary["error"].as_str().map(str::to_owned),
        stats => Sight::ALL.iter().map(|one| context! {
            label => sight(*one).0, count => count(*one), href => format!("{own}?points={one}"),
        }).collect::<Vec<_>>(),
        list => request.view(&page),
        filter => Value::from_pairs(FILTERS.map(|name| (name, request.filter(name).to_owned()))),
        clear => if FILTERS.iter().any(|name| !request.filter(name).is_empty()) { own.as_str() } else { "" },
        sights, signed => Signed::ALL.iter().map(|one| option(one, signed(*one).0)).collect::<Vec<_>>(),
        rows => page.rows.iter().map(|row| view(row, row.client_id.and_then(|id| names.get(&id)))).collect::<Vec<_>>(),
    };
    cx.page("domains/resolver/run.html", SECTION, &format!("Names of run {id}"), values)
}

/// The records of a type, or why there is none.
fn records(answers: &serde_json::Value, kind: &str) -> String {
    let of = &answers[kind];
    match (of["failure"].as_str(), of["records"].as_array()) {
        (Some(why), _) => why.to_owned(),
        (None, Some(records)) => records.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "),
        (None, None) => String::new(),
    }
}

fn view(row: &Row, client: Option<&String>) -> Value {
    let answers: serde_json::Value = serde_json::from_str(&row.answers).unwrap_or_default();
    let name = DomainName::parse(&row.name).map_or(row.name.clone(), |name| name.unicode());
    let pill = |(label, tone): (&str, &str)| context! { label, tone };
    let kinds = ["A", "AAAA", "NS", "MX", "TXT", "CAA", "SOA"];
    context! {
        name, points => pill(sight(row.points)), mail => pill(sight(row.mail)), servers => pill(sight(row.servers)),
        dnssec => pill(signed(row.dnssec)), address => records(&answers, "A"),
        records => kinds.map(|kind| context! { kind, text => records(&answers, kind) }),
        service => row.service_id.map(|id| format!("/admin/services/{id}")),
        client, client_href => row.client_id.map(|id| format!("/admin/clients/{id}")),
    }
}

fn csv_row(row: &Row) -> Vec<String> {
    let answers: serde_json::Value = serde_json::from_str(&row.answers).unwrap_or_default();
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    vec![
        row.name.clone(),
        row.points.to_string(),
        row.mail.to_string(),
        row.servers.to_string(),
        row.dnssec.to_string(),
        records(&answers, "A"),
        records(&answers, "AAAA"),
        records(&answers, "NS"),
        records(&answers, "MX"),
        id(row.service_id),
        id(row.client_id),
    ]
}

async fn progress(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let run = find(&mut cx.app.db.read().await?, id).await?;
    let seconds = run.started_at.map_or(0, |at| run.finished_at.unwrap_or(cx.now).seconds_since(at)).max(1);
    let rate = run.done / seconds;
    let left = if run.done == 0 { 0 } else { run.total.saturating_sub(run.done).saturating_mul(seconds) / run.done };
    let body = json!({
        "state": if has_ended(&run) { "finished" } else { "running" },
        "done": run.done, "total": run.total, "failed": run.failed,
        "rate": if rate > 0 { format!("{} a second", grouped(rate)) } else { String::new() },
        "left": if left > 0 { format!("{left} seconds") } else { String::new() },
    });
    Ok(axum::Json(body).into_response())
}
