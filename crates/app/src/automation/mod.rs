//! Runs of batches: how far one is, how the last ones ended, what failed and why.

mod api;

use accounts::doors::{AdminCx, Id, Routes};
use axum::Json;
use axum::response::{IntoResponse, Response};
use kernel::{Result, Timestamp};
use minijinja::{Value, context};
use platform::db::ToValue;
use platform::params;
use platform::runs::{self, Run, RunState};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page, Query, Sort, Where, grouped};
use serde_json::json;

use crate::jobs_page::VIEW_JOBS;
use crate::times::{Times, span};
use crate::wiring::Links;

pub const PATH: &str = "/admin/utilities/automation";

pub fn routes() -> Routes {
    Routes::new()
        .get(PATH, VIEW_JOBS, list)
        .get("/admin/utilities/automation/{id}", VIEW_JOBS, one)
        .get("/admin/utilities/automation/{id}/progress.json", VIEW_JOBS, progress)
        .merge(api::routes())
}

const SORTS: &[Sort] = &[Sort::by("id", &[]).with(&["r.task"])];
const FILE: (&str, &[&str]) = (
    "runs",
    &[
        "Id",
        "Task",
        "For",
        "State",
        "Started by",
        "Asked for by",
        "Queued",
        "Started",
        "Finished",
        "Of",
        "Done",
        "Failed",
    ],
);

/// The names of tasks are few among many runs: one look into the index for each.
const TASKS: &str = "WITH RECURSIVE names (task) AS (SELECT MIN(task) FROM task_runs UNION ALL \
    SELECT (SELECT MIN(r.task) FROM task_runs r WHERE r.task > names.task) FROM names WHERE names.task IS NOT NULL) \
    SELECT task FROM names WHERE task IS NOT NULL";

/// The runs of a task, or all.
fn query(task: &str) -> Query<'_> {
    let mut filter = Where::default();
    if !task.is_empty() {
        filter.equal("r.task", task.to_value());
    }
    Query { table: "task_runs r", id: "r.id", joins: "", filter }
}

async fn list(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let task = request.filter("task");
    let query = query(task);
    let columns = Run::columns("r");
    let mut conn = cx.app.db.read().await?;
    let times = Times::load(&mut conn).await?;
    if request.csv {
        drop(conn);
        let cells = move |run: &Run| csv_row(run, &times);
        return Ok(lists::file(&cx.app.db, &request, query, &columns, FILE, cells).await?);
    }
    let page: Page<Run> = query.page(&mut conn, &request, &columns).await?;
    let tasks: Vec<String> = conn.column(TASKS, params![]).await?;
    drop(conn);
    let rows: Vec<Value> = page.rows.iter().map(|run| row(run, &times, cx.now)).collect();
    let values = context! {
        rows,
        task,
        tasks => tasks.iter().map(|task| context! { value => task, label => words(task) }).collect::<Vec<_>>(),
        list => request.view(&page),
    };
    cx.page("app/automation/list.html", "utilities", "Automation status", values)
}

fn csv_row(run: &Run, times: &Times) -> Vec<String> {
    vec![
        run.id.to_string(),
        run.task.clone(),
        run.business_date.to_string(),
        run.state.to_string(),
        run.trigger_kind.clone(),
        run.requested_by.clone(),
        times.write(Some(run.queued_at)),
        times.write(run.started_at),
        times.write(run.finished_at),
        run.total.to_string(),
        run.done.to_string(),
        run.failed.to_string(),
    ]
}

/// A run for the list and for the head of its own page.
pub fn row(run: &Run, times: &Times, now: Timestamp) -> Value {
    let took = run.started_at.map(|started| span(run.finished_at.unwrap_or(now).seconds_since(started)));
    context! {
        id => run.id,
        href => format!("{PATH}/{}", run.id),
        task => words(&run.task),
        state => state_words(run.state),
        tone => tone(run),
        under_way => under_way(run),
        trigger => words(&run.trigger_kind),
        requested_by => &run.requested_by,
        business_date => run.business_date.to_string(),
        queued => times.show(run.queued_at),
        started => times.show_some(run.started_at),
        finished => times.show_some(run.finished_at),
        took,
        total => grouped(run.total),
        done => grouped(run.done),
        failed => grouped(run.failed),
        has_failures => run.failed > 0,
    }
}

fn state_words(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "Queued",
        RunState::Running => "Running",
        RunState::Finished => "Finished",
        RunState::Failed => "Failed",
    }
}

fn tone(run: &Run) -> &'static str {
    match run.state {
        RunState::Queued | RunState::Running => "info",
        RunState::Finished if run.failed > 0 => "warn",
        RunState::Finished => "ok",
        RunState::Failed => "bad",
    }
}

fn under_way(run: &Run) -> bool {
    matches!(run.state, RunState::Queued | RunState::Running)
}

/// `generate_invoices` as `Generate invoices`.
fn words(name: &str) -> String {
    let spaced = name.replace(['_', '.', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

async fn one(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let run = runs::find(&mut conn, id).await?;
    let failures = runs::failures(&mut conn, id).await?;
    let times = Times::load(&mut conn).await?;
    drop(conn);
    let links = cx.app.get::<Links>()?;
    let failures: Vec<Value> = failures
        .iter()
        .map(|failure| {
            let subject =
                failure.subject.clone().or_else(|| failure.client_id.map(|client| format!("client:{client}")));
            let href = subject.as_deref().and_then(|subject| links.of(subject));
            let what = subject.map(|subject| words(&subject.replace(':', " ")));
            context! { what, href, message => &failure.message, at => times.show(failure.at) }
        })
        .collect();
    let speed = Speed::of(&run, cx.now);
    let values = context! {
        run => row(&run, &times, cx.now),
        progress => context! {
            src => format!("{PATH}/{id}/progress.json"),
            done => run.done + run.failed,
            total => run.total,
            failed => run.failed,
            rate => speed.rate,
            left => speed.left,
        },
        failures,
        summary => summary(&run),
        scope => facts(&run.scope),
        runs_href => PATH,
    };
    cx.page("app/automation/one.html", "utilities", &format!("{} #{id}", words(&run.task)), values)
}

/// The numbers that a run ended with; what it counted itself stands beside them.
fn summary(run: &Run) -> Vec<(String, String)> {
    facts(&run.summary)
}

/// A flat JSON object as labels and values.
fn facts(text: &str) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text) else { return Vec::new() };
    fields
        .into_iter()
        .map(|(name, value)| {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Null => String::new(),
                serde_json::Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), grouped),
                serde_json::Value::Bool(yes) => if yes { "Yes" } else { "No" }.to_owned(),
                serde_json::Value::Array(items) => listed(&items),
                other => other.to_string(),
            };
            (words(&name), text)
        })
        .collect()
}

/// Sums by currency as amounts, other lists as they are; "Nothing" when empty.
fn listed(items: &[serde_json::Value]) -> String {
    let one = |item: &serde_json::Value| match (item["amount"].as_str(), item["currency"].as_str()) {
        (Some(amount), Some(currency)) => format!("{amount} {currency}"),
        _ => item.to_string(),
    };
    let told: Vec<String> = items.iter().map(one).collect();
    if told.is_empty() { "Nothing".to_owned() } else { told.join(", ") }
}

/// How fast a run is and how long it will take at that rate.
struct Speed {
    rate: String,
    left: String,
}

impl Speed {
    fn of(run: &Run, now: Timestamp) -> Speed {
        let seconds = run.started_at.map_or(0, |started| run.finished_at.unwrap_or(now).seconds_since(started));
        let past = run.done + run.failed;
        if past == 0 {
            return Speed { rate: String::new(), left: String::new() };
        }
        // Within the first second everything is instant.
        let seconds = seconds.max(1);
        let rate = if past >= seconds {
            format!("{} a second", grouped(past / seconds))
        } else {
            format!("{} a minute", grouped(past * 60 / seconds))
        };
        let remaining = (run.total - past).max(0);
        let left = if under_way(run) { span(remaining * seconds / past) } else { String::new() };
        Speed { rate, left }
    }
}

async fn progress(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let run = runs::find(&mut cx.app.db.read().await?, id).await?;
    let speed = Speed::of(&run, cx.now);
    let state = if under_way(&run) { "running" } else { "finished" };
    let body = json!({
        "state": state,
        "done": run.done + run.failed,
        "failed": run.failed,
        "total": run.total,
        "rate": speed.rate,
        "left": speed.left,
    });
    Ok(Json(body).into_response())
}
