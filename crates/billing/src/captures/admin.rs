//! Attempt CC Captures in the staff area, the lists of attempts and of gateway events, and the address that gateways
//! send their events to.

use accounts::clients;
use accounts::company;
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::Json;
use axum::response::Response;
use kernel::{Error, Money, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::runs::{self, Run, RunState};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Total, grouped};
use serde_json::json;

use super::store::{self, AttemptFilter, EventFilter};
use super::webhooks::{self, EventState};
use super::{AttemptState, CAPTURE, Due, Ended, OPEN, jobs};
use crate::gateways::{self, VIEW_LOG};
use crate::once;
use crate::payments::LIST;
use crate::terms::Terms;
use crate::view::{add_up, no_file, option, words};

const SECTION: &str = "billing";
const PAGE: &str = "/admin/payments/capture";
const WEBHOOKS: &str = "/admin/payments/webhooks";
const TRIGGER: &str = "staff";
/// So many due invoices are shown before a run.
const SHOWN: usize = 50;

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CAPTURE, preview)
        .post(PAGE, CAPTURE, start)
        .get("/admin/payments/runs/{id}", CAPTURE, run_page)
        .get("/admin/payments/runs/{id}/progress.json", CAPTURE, progress)
        .post("/admin/invoices/{id}/capture", CAPTURE, capture_one)
        .get("/admin/payments/attempts", LIST, attempts)
        .get(WEBHOOKS, VIEW_LOG, events)
        .post("/admin/payments/webhooks/{id}/retry", CAPTURE, retry)
        .webhook("/gateways/{name}/webhook", webhooks::receive)
}

async fn preview(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let due = super::due(&mut conn, &cx.app, &terms).await?;
    let shown: Vec<&Due> = due.iter().take(SHOWN).collect();
    let ids: Vec<i64> = shown.iter().map(|due| due.client_id).collect();
    let names = clients::names(&mut conn, &ids).await?;
    let open = AttemptFilter { states: OPEN.to_vec(), ..AttemptFilter::default() };
    let open = open.query().counted(&mut conn).await?;
    let runs = runs::latest(&mut conn, jobs::TASK, 10).await?;
    let known = gateways::all(&mut conn).await?;
    drop(conn);
    let mut total: Vec<Money> = Vec::new();
    for invoice in &due {
        add_up(&mut total, invoice.amount);
    }
    let rows: Vec<Value> = shown
        .iter()
        .map(|due| {
            context! {
                href => format!("/admin/invoices/{}", due.invoice_id),
                number => &due.number,
                client => names.get(&due.client_id),
                client_href => format!("/admin/clients/{}", due.client_id),
                gateway => gateways::title(&known, &due.gateway),
                slot => due.slot.to_string(),
                amount => due.amount.to_string(),
            }
        })
        .collect();
    cx.page(
        "billing/captures/capture.html",
        SECTION,
        "Attempt CC captures",
        context! {
            once => once::key(&cx.app),
            due => grouped(i64::try_from(due.len()).unwrap_or(i64::MAX)),
            nothing => due.is_empty(),
            more => due.len() > SHOWN,
            totals => total.iter().map(Money::to_string).collect::<Vec<_>>(),
            open => if open == Total::Exactly(0) { String::new() } else { open.words() },
            today => terms.today.to_string(),
            rows,
            runs => runs.iter().map(run_row).collect::<Vec<_>>(),
        },
    )
}

fn run_row(run: &Run) -> Value {
    context! {
        href => format!("/admin/payments/runs/{}", run.id),
        id => run.id,
        day => run.business_date.to_string(),
        by => &run.requested_by,
        state => words(run.state.as_str()),
        done => grouped(run.done),
        failed => grouped(run.failed),
    }
}

/// The form's key is the run's: pressing the button twice leads to one run.
async fn start(cx: AdminCx) -> Result<Redirect, Fail> {
    let key = cx.form.text(once::FIELD);
    if key.is_empty() || key.len() > 100 {
        return Ok(Redirect::to(PAGE).refusing("This form is out of date. Look at the numbers and send it again."));
    }
    let mut tx = cx.app.db.write().await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let (id, _) = jobs::request(&mut tx, format!("form:{key}"), &terms, TRIGGER, &cx.actor).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Redirect::to(format!("/admin/payments/runs/{id}")))
}

async fn capture_run(conn: &mut Conn, id: i64) -> Result<Run> {
    let run = runs::find(conn, id).await?;
    if run.task == jobs::TASK { Ok(run) } else { Err(Error::NotFound("Run")) }
}

/// How fast it goes and how long it will take, in words.
fn pace(run: &Run, now: kernel::Timestamp) -> (String, String) {
    let Some(started) = run.started_at else { return (String::new(), String::new()) };
    let seconds = run.finished_at.unwrap_or(now).seconds_since(started).max(1);
    if run.done == 0 {
        return (String::new(), String::new());
    }
    let rate = if run.done >= seconds {
        format!("{} a second", grouped(run.done / seconds))
    } else {
        format!("{} a minute", grouped(run.done.saturating_mul(60) / seconds))
    };
    let left = (run.total - run.done).max(0).saturating_mul(seconds) / run.done;
    let left = if left < 120 { format!("{left} seconds") } else { format!("{} minutes", left / 60) };
    (rate, left)
}

async fn progress(cx: AdminCx, Id(id): Id) -> Result<Json<serde_json::Value>, Fail> {
    let run = capture_run(&mut cx.app.db.read().await?, id).await?;
    let (rate, left) = pace(&run, cx.now);
    let state = if run.finished_at.is_some() { "finished" } else { "running" };
    Ok(Json(json!({
        "state": state, "done": run.done, "failed": run.failed, "total": run.total, "rate": rate, "left": left,
    })))
}

async fn run_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let run = capture_run(&mut conn, id).await?;
    let failures = runs::failures(&mut conn, id).await?;
    let ids: Vec<i64> = failures.iter().filter_map(|failure| failure.client_id).collect();
    let names = clients::names(&mut conn, &ids).await?;
    drop(conn);
    let summary: serde_json::Value =
        serde_json::from_str(&run.summary).map_err(|error| Error::broken(format!("run {id}: summary: {error}")))?;
    let count = |name: &str| grouped(summary[name].as_i64().unwrap_or_default());
    let collected: Vec<String> = summary["collected"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|sum| {
            format!("{} {}", sum["amount"].as_str().unwrap_or_default(), sum["currency"].as_str().unwrap_or_default())
        })
        .collect();
    let (rate, left) = pace(&run, cx.now);
    let rows: Vec<Value> = failures
        .iter()
        .map(|failure| {
            let invoice = failure.subject.as_deref().and_then(|subject| subject.strip_prefix("invoice:"));
            context! {
                invoice => invoice.unwrap_or_default(),
                client => failure.client_id.and_then(|id| names.get(&id)).cloned().unwrap_or_default(),
                client_href => failure.client_id.map(|id| format!("/admin/clients/{id}")).unwrap_or_default(),
                message => &failure.message,
                at => company::clock(failure.at, &zone),
                instant => failure.at.to_string(),
            }
        })
        .collect();
    let finished = run.finished_at.is_some();
    cx.page(
        "billing/captures/run.html",
        SECTION,
        &format!("Card captures of {}", run.business_date),
        context! {
            src => format!("/admin/payments/runs/{id}/progress.json"),
            state => words(run.state.as_str()),
            broke => run.state == RunState::Failed,
            finished,
            done => run.done, total => run.total, failed => run.failed, rate, left,
            by => &run.requested_by,
            queued => company::clock(run.queued_at, &zone),
            ended => run.finished_at.map(|at| company::clock(at, &zone)).unwrap_or_default(),
            facts => if finished {
                [
                    ("Due", "due"), ("Charged", "succeeded"), ("Pending at the gateway", "pending"),
                    ("Declined", "declined"), ("Client must authenticate", "action_required"),
                    ("Outcome unknown", "unknown"), ("Not carried out", "failed"),
                ].map(|(label, name)| context! {
                    label, value => count(name), shown => summary[name].as_i64() != Some(0) || matches!(name, "due" | "succeeded" | "declined"),
                }).to_vec()
            } else { Vec::new() },
            collected,
            rows,
        },
    )
}

/// One invoice, now. The form's key is taken before the gateway is asked: a second press must not charge twice.
async fn capture_one(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("/admin/invoices/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let first = once::take(&mut tx, cx.form.text(once::FIELD), cx.now).await?;
        tx.commit().await?;
        if !first {
            return Ok(Redirect::to(back.as_str()).warning("This attempt was made already."));
        }
        let ended = super::attempt_now(&cx.app, &cx.actor, id).await?;
        let redirect = Redirect::to(back.as_str());
        Ok(match ended {
            Ended::Succeeded { .. } => redirect.saying(ended.words()),
            Ended::Pending | Ended::ActionRequired | Ended::Unknown { .. } | Ended::Nothing => {
                redirect.warning(ended.words())
            }
            Ended::Declined { .. } | Ended::NotSent { .. } => redirect.refusing(ended.words()),
        })
    };
    or_back(done.await, &back)
}

fn states() -> Vec<Value> {
    let mut all = vec![option("open", "Work to do")];
    all.extend(AttemptState::ALL.iter().map(|state| option(state.as_str(), words(state.as_str()))));
    all
}

async fn attempts(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::ATTEMPT_SORTS, Order::Descending)?;
    let filter = AttemptFilter::of(&request)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let columns = store::attempt_columns();
    let page: Page<store::ListedAttempt> = filter.query().page(&mut conn, &request, &columns).await?;
    let gateways = gateways::all(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|attempt| {
            context! {
                invoice => attempt.number.clone().unwrap_or_else(|| attempt.invoice_id.to_string()),
                href => format!("/admin/invoices/{}", attempt.invoice_id),
                client => &attempt.client,
                client_href => format!("/admin/clients/{}", attempt.client_id),
                gateway => gateways::title(&gateways, &attempt.gateway),
                amount => Money::new(attempt.amount, attempt.currency).to_string(),
                state => words(attempt.state.as_str()),
                reason => &attempt.reason,
                transaction => attempt.transaction_id,
                started => company::clock(attempt.started_at, &zone),
                instant => attempt.started_at.to_string(),
            }
        })
        .collect();
    cx.page(
        "billing/captures/attempts.html",
        SECTION,
        "Payment attempts",
        context! {
            list => no_file(request.view(&page)),
            filter => context! {
                state => request.filter("state"), gateway => request.filter("gateway"), client => request.filter("client"),
            },
            states => states(),
            gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
            rows,
        },
    )
}

async fn events(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::EVENT_SORTS, Order::Descending)?;
    let filter = EventFilter::of(&request)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let columns = store::ListedEvent::columns("e");
    let page: Page<store::ListedEvent> = filter.query().page(&mut conn, &request, &columns).await?;
    let gateways = gateways::all(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|event| {
            context! {
                id => event.id,
                gateway => gateways::title(&gateways, &event.gateway),
                external_id => &event.external_id,
                kind => &event.kind,
                state => words(event.state.as_str()),
                reason => &event.reason,
                parked => event.state == EventState::Parked,
                retry => format!("{WEBHOOKS}/{}/retry", event.id),
                received => company::clock(event.received_at, &zone),
                instant => event.received_at.to_string(),
            }
        })
        .collect();
    cx.page(
        "billing/captures/webhooks.html",
        SECTION,
        "Webhook events",
        context! {
            list => no_file(request.view(&page)),
            filter => context! { state => request.filter("state"), gateway => request.filter("gateway") },
            states => EventState::ALL.iter().map(|state| option(state.as_str(), words(state.as_str()))).collect::<Vec<_>>(),
            gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
            rows,
        },
    )
}

async fn retry(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        webhooks::retry(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(WEBHOOKS).saying("The event is applied again"))
    };
    or_back(done.await, WEBHOOKS)
}
