//! Generate Due Invoices in the staff area: the preview in numbers, the run with its progress and result, the clients
//! whose billing stands still.

use accounts::clients;
use accounts::company;
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::runs::{self, Run, RunState};
use platform::web::Fail;
use platform::web::lists::{Order, grouped};
use serde_json::json;

use super::{GENERATE, Scope, jobs};
use crate::terms::Terms;
use crate::view::no_file;
use crate::{gateways, settings};

const SECTION: &str = "billing";
pub const PAGE: &str = "/admin/invoices/generate";
const PARKED: &str = "/admin/invoices/parked";
/// A preview takes so many clients; the batch itself takes all.
const PREVIEWED: usize = 2_000;

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, GENERATE, preview)
        .post(PAGE, GENERATE, start)
        .get("/admin/invoices/runs", GENERATE, latest)
        .get("/admin/invoices/runs/{id}", GENERATE, show)
        .get("/admin/invoices/runs/{id}/progress.json", GENERATE, progress)
        .get(PARKED, GENERATE, parked)
        .post("/admin/invoices/parked/{id}/unpark", GENERATE, unpark)
}

/// Whether only one client is meant, from a form or an address.
fn scope_of(text: &str, no_mails: bool) -> Result<Scope> {
    let client_id = match nonempty(text) {
        None => None,
        Some(text) => match text.parse::<i64>() {
            Ok(id) if id > 0 => Some(id),
            _ => return Err(Error::invalid("client", "Write the id of a client, or nothing for all.")),
        },
    };
    Ok(Scope { client_id, owners: None, no_mails })
}

async fn preview(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.params()?;
    let title = "Generate due invoices";
    let template = "billing/generation/preview.html";
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let mut errors = FieldErrors::default();
    let scope = match scope_of(form.text("client"), false) {
        Ok(scope) => scope,
        Err(Error::Invalid(found)) => {
            errors = found;
            Scope::default()
        }
        Err(other) => return Err(Fail(other)),
    };
    let client = match scope.client_id {
        Some(id) => match clients::find(&mut conn, id).await {
            Ok(client) => Some(client),
            Err(Error::NotFound(_)) => {
                errors.add("client", format!("There is no client {id}."));
                None
            }
            Err(other) => return Err(Fail(other)),
        },
        None => None,
    };
    let waiting = super::count_parked(&mut conn).await?;
    let known = gateways::all(&mut conn).await?;
    drop(conn);
    // What cannot be previewed as asked is not previewed as something else.
    let (report, due) = if errors.is_empty() {
        super::preview(&cx.app.db, &cx.actor, &terms, &scope, PREVIEWED).await?
    } else {
        Default::default()
    };
    let ids: Vec<i64> = report
        .made
        .iter()
        .map(|made| made.client_id)
        .chain(report.failures.iter().map(|failure| failure.client_id))
        .collect();
    let names = clients::names(&mut cx.app.db.read().await?, &ids).await?;
    let rows: Vec<Value> = report
        .made
        .iter()
        .map(|made| {
            context! {
                client_id => made.client_id,
                href => format!("/admin/clients/{}", made.client_id),
                due => made.due_on.to_string(),
                gateway => gateways::title(&known, &made.gateway),
                client => names.get(&made.client_id),
                lines => &made.lines,
                total => made.total.to_string(),
                credit => (!made.credit_applied.is_zero()).then(|| made.credit_applied.to_string()),
            }
        })
        .collect();
    let failures: Vec<Value> = report
        .failures
        .iter()
        .map(|failure| context! { client_id => failure.client_id, client => names.get(&failure.client_id), message => &failure.message })
        .collect();
    let partly = due > PREVIEWED;
    let values = context! {
        typed => form.text("client"),
        client => client.map(|client| client.display_name()),
        today => terms.today.to_string(),
        mails => terms.settings.bool(&settings::MAIL_INVOICES),
        clients => grouped(count(due)),
        billed => grouped(count(report.billed)),
        previewed => partly.then(|| grouped(count(PREVIEWED))),
        invoices => grouped(count(report.invoices)),
        line_count => grouped(count(report.lines)),
        totals => report.totals.iter().map(Money::to_string).collect::<Vec<_>>(),
        listed => rows.len(),
        more => report.invoices > rows.len(),
        // A preview of some of the clients does not say that nothing is due.
        nothing => report.invoices == 0 && !partly,
        rows, failures, parked => waiting,
        // The same form sent twice asks for the same run.
        key => cx.app.random.token(),
    };
    if errors.is_empty() {
        cx.page(template, SECTION, title, context! { errors => Vec::<String>::new(), ..values })
    } else {
        cx.again(template, SECTION, title, &errors, values)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

async fn start(cx: AdminCx) -> Result<Redirect, Fail> {
    let done = async {
        let key = cx.form.text("key");
        if key.len() < 32 || key.len() > 100 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::refused("Open the page again, so that the run has a key of its own."));
        }
        let scope = scope_of(cx.form.text("client"), cx.form.ticked("no_mails"))?;
        let mut tx = cx.app.db.write().await?;
        if let Some(id) = scope.client_id {
            clients::find(&mut tx, id).await?;
        }
        let terms = Terms::load(&mut tx, cx.now).await?;
        let (id, new) = jobs::request(&mut tx, format!("staff:{key}"), &terms, "staff", &cx.actor, &scope).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        let to = Redirect::to(format!("/admin/invoices/runs/{id}"));
        Ok(if new { to } else { to.warning("This run had been started already; here it is.") })
    };
    or_back(done.await, PAGE)
}

fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "Queued",
        RunState::Running => "Running",
        RunState::Finished => "Finished",
        RunState::Failed => "Failed",
    }
}

/// How fast a run is and how long it still takes, in words; empty before it can be told.
fn pace(run: &Run, now: kernel::Timestamp) -> (String, String) {
    let Some(started) = run.started_at else { return (String::new(), String::new()) };
    let seconds = run.finished_at.unwrap_or(now).seconds_since(started).max(1);
    if run.done == 0 {
        return (String::new(), String::new());
    }
    let rate = run.done / seconds;
    let left = run.total.saturating_sub(run.done).saturating_mul(seconds) / run.done;
    let left = match left {
        0..90 => format!("{left} seconds"),
        _ => format!("{} minutes", left / 60 + 1),
    };
    (if rate == 0 { "under 1 a second".to_owned() } else { format!("{} a second", grouped(rate)) }, left)
}

async fn latest(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let found = runs::latest(&mut conn, jobs::TASK, 50).await?;
    drop(conn);
    let rows: Vec<Value> = found
        .iter()
        .map(|run| {
            let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap_or_default();
            context! {
                id => run.id, href => format!("/admin/invoices/runs/{}", run.id),
                day => run.business_date.to_string(), by => &run.requested_by, trigger => &run.trigger_kind,
                state => state_word(run.state), invoices => summary["invoices"].as_i64().map(grouped),
                failed => run.failed, at => company::clock(run.queued_at, &zone), instant => run.queued_at.to_string(),
            }
        })
        .collect();
    cx.page("billing/generation/runs.html", SECTION, "Runs of invoice generation", context! { rows })
}

/// The run, if it is one of generation.
async fn find(conn: &mut platform::Conn, id: i64) -> Result<Run> {
    let run = runs::find(conn, id).await?;
    if run.task == jobs::TASK { Ok(run) } else { Err(Error::NotFound("Run")) }
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let run = find(&mut conn, id).await?;
    let failures = runs::failures(&mut conn, id).await?;
    let ids: Vec<i64> = failures.iter().filter_map(|failure| failure.client_id).collect();
    let parked = super::parked_among(&mut conn, &ids).await?;
    let names = clients::names(&mut conn, &ids).await?;
    drop(conn);
    let (rate, left) = pace(&run, cx.now);
    let finished = matches!(run.state, RunState::Finished | RunState::Failed);
    let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap_or_default();
    let totals: Vec<String> = summary["totals"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|total| {
            format!(
                "{} {}",
                total["amount"].as_str().unwrap_or_default(),
                total["currency"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let number = |name: &str| grouped(summary[name].as_i64().unwrap_or_default());
    let rows: Vec<Value> = failures
        .iter()
        .map(|failure| {
            context! {
                client_id => failure.client_id, message => &failure.message,
                client => failure.client_id.and_then(|id| names.get(&id)),
                parked => failure.client_id.is_some_and(|id| parked.contains(&id)),
                at => company::clock(failure.at, &zone), instant => failure.at.to_string(),
            }
        })
        .collect();
    let values = context! {
        run => context! {
            id, state => state_word(run.state), day => run.business_date.to_string(), by => &run.requested_by,
            trigger => &run.trigger_kind, done => grouped(run.done), total => grouped(run.total), failed => run.failed,
            queued => company::clock(run.queued_at, &zone), queued_at => run.queued_at.to_string(),
            finished => run.finished_at.map(|at| company::clock(at, &zone)),
        },
        src => format!("/admin/invoices/runs/{id}/progress.json"),
        done => run.done, total => run.total, failed => run.failed, rate, left, finished,
        clients => number("clients"), billed => summary["billed"].as_i64().map(grouped), invoices => number("invoices"), line_count => number("lines"), totals,
        error => summary["error"].as_str().map(str::to_owned),
        rows,
    };
    cx.page("billing/generation/run.html", SECTION, &format!("Invoice generation {id}"), values)
}

async fn progress(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let run = find(&mut cx.app.db.read().await?, id).await?;
    let (rate, left) = pace(&run, cx.now);
    let finished = matches!(run.state, RunState::Finished | RunState::Failed);
    let body = json!({
        "state": if finished { "finished" } else { "running" },
        "done": run.done, "total": run.total, "failed": run.failed, "rate": rate, "left": left,
    });
    Ok(axum::Json(body).into_response())
}

async fn parked(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(super::PARKED_SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let page = super::parked_page(&mut conn, &request).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|parked| {
            context! {
                id => parked.client_id,
                href => format!("/admin/clients/{}", parked.client_id),
                name => clients::name(&parked.company, &parked.first_name, &parked.last_name),
                reason => &parked.reason,
                at => company::clock(parked.at, &zone), instant => parked.at.to_string(),
            }
        })
        .collect();
    let values = context! { list => no_file(request.view(&page)), rows };
    cx.page("billing/generation/parked.html", SECTION, "Parked clients", values)
}

/// Puts a client back into the batches; with `do=retry` its invoices are generated at once.
async fn unpark(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = match cx.form.text("back") {
        back if back.starts_with("/admin/invoices/runs/") => back.to_owned(),
        _ => PARKED.to_owned(),
    };
    let done = async {
        let mut tx = cx.app.db.write().await?;
        super::unpark(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        if cx.form.text("do") != "retry" {
            return Ok(Redirect::to(&back).saying(format!("Client {id} is billed again")));
        }
        let terms = Terms::load(&mut cx.app.db.read().await?, cx.now).await?;
        let scope = Scope { client_id: Some(id), ..Scope::default() };
        let (_, report) = jobs::run_now(&cx.app, &cx.actor, &terms, &scope, "staff").await?;
        Ok(match report.failures.first() {
            Some(failure) => Redirect::to(&back).refusing(format!("Still not possible: {}", failure.message)),
            None => Redirect::to(&back).saying(format!("Client {id}: {} invoices made", report.invoices)),
        })
    };
    or_back(done.await, &back)
}
