//! The jobs table as staff see it: what waits, what runs, what has failed and may be tried again.

mod api;

use accounts::activity_log::{self, Activity, Actor};
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Permission, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result, Timestamp};
use minijinja::{Value, context};
use platform::db::{Conn, ToValue, Tx};
use platform::jobs::{Job, JobState};
use platform::web::Fail;
use platform::web::lists::{self, COUNT_LIMIT, Order, Page, Query, Sort, Where};
use platform::{jobs, mail, params};

use crate::times::Times;
use crate::wiring::Links;

pub const VIEW_JOBS: Permission = Permission("View System Jobs");
pub const RETRY: Permission = Permission("Retry System Jobs");
pub const PATH: &str = "/admin/utilities/jobs";

pub fn routes() -> Routes {
    Routes::new()
        .get(PATH, VIEW_JOBS, list)
        .post("/admin/utilities/jobs/retry", RETRY, retry_ticked)
        .get("/admin/utilities/jobs/{id}", VIEW_JOBS, one)
        .post("/admin/utilities/jobs/{id}/retry", RETRY, retry_one)
        .merge(api::routes())
}

const FAILED: &str = "j.failed";
const SORTS: &[Sort] = &[Sort::by("id", &[]).with(&[FAILED])];
const FILE: (&str, &[&str]) =
    ("jobs", &["Id", "Kind", "About", "State", "Due", "Attempts", "Of", "Last error", "Made", "Ended"]);
const STATES: [JobState; 4] = [JobState::Failed, JobState::Running, JobState::Ready, JobState::Done];

/// The state in words for staff.
pub fn words(state: JobState) -> &'static str {
    match state {
        JobState::Ready => "Waiting",
        JobState::Running => "Running",
        JobState::Done => "Done",
        JobState::Failed => "Failed",
    }
}

fn tone(state: JobState) -> &'static str {
    match state {
        JobState::Ready => "mute",
        JobState::Running => "info",
        JobState::Done => "ok",
        JobState::Failed => "bad",
    }
}

/// How many jobs are failed, running and ready, each counted to one more than lists count. Partial indexes answer this,
/// however long the table is.
pub async fn counts(conn: &mut Conn) -> Result<(i64, i64, i64)> {
    let count = |state: &str| {
        format!("(SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = '{state}' LIMIT {}) AS few)", COUNT_LIMIT + 1)
    };
    conn.one(&format!("SELECT {}, {}, {}", count("failed"), count("running"), count("ready")), params![]).await
}

/// The jobs of a state and a kind. States are text in the statement, so that their partial indexes fit.
fn query(state: Option<JobState>, kind: &str) -> Query<'_> {
    let mut filter = Where::default();
    match state {
        None => {}
        Some(JobState::Failed) => filter.equal_by(FAILED, "j.state = 'failed'"),
        Some(JobState::Running) => filter.by_index_of("running", "j.state = 'running'", Vec::new()),
        Some(JobState::Ready) => filter.by_index_of("ready", "j.state = 'ready'", Vec::new()),
        // Nearly all are done.
        Some(JobState::Done) => filter.nearly("j.state = 'done'"),
    }
    if !kind.is_empty() {
        filter.and("j.kind = ?", kind.to_value());
    }
    Query { table: "jobs j", id: "j.id", joins: "", filter }
}

async fn list(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let times = Times::load(&mut conn).await?;
    let (failed, running, ready) = counts(&mut conn).await?;
    // Failures come first: without a choice the page shows them, when there are any.
    let wanted = match request.filter("state") {
        "" if failed > 0 => "failed",
        "" => "all",
        other => other,
    };
    let state = STATES.into_iter().find(|state| state.as_str() == wanted);
    let kind = request.filter("kind");
    let query = query(state, kind);
    let columns = Job::columns("j");
    if request.csv {
        drop(conn);
        let cells = move |job: &Job| csv_row(job, &times);
        return Ok(lists::file(&cx.app.db, &request, query, &columns, FILE, cells).await?);
    }
    let page: Page<Job> = query.page(&mut conn, &request, &columns).await?;
    let mails = mail::of_jobs(&mut conn, &page.rows).await?;
    drop(conn);
    let links = cx.app.get::<Links>()?;
    let rows: Vec<Value> = page.rows.iter().map(|job| row(job, mails.get(&job.id), &times, &links)).collect();
    let mut kinds: Vec<&str> = cx.app.jobs.kinds().collect();
    kinds.sort_unstable();
    let tab = |label: &str, key: &str, count: Option<i64>| {
        let href = format!("{PATH}{}", request.link(&[("state", key), ("page", ""), ("after", ""), ("before", "")]));
        context! { label, href, current => key == wanted, count => count.map(lists::counted) }
    };
    let values = context! {
        tabs => vec![
            tab("All", "all", None),
            tab("Failed", "failed", Some(failed)),
            tab("Running", "running", Some(running)),
            tab("Waiting", "ready", Some(ready)),
            tab("Done", "done", None),
        ],
        wanted,
        kind,
        kinds => kinds.iter().map(|kind| context! { value => *kind, label => what(kind) }).collect::<Vec<_>>(),
        rows,
        failed_shown => state == Some(JobState::Failed),
        list => request.view(&page),
    };
    cx.page("app/jobs_page/list.html", "utilities", "Jobs", values)
}

/// `billing.capture_payments` as `Capture payments`; the two kinds of one word say whose they are.
fn what(kind: &str) -> String {
    let (whose, name) = kind.split_once('.').unwrap_or(("", kind));
    let words = if name.contains('_') { name.to_owned() } else { format!("{name} {whose}") };
    sentence(&words)
}

/// `run:2` as `Run 2`.
fn sentence(name: &str) -> String {
    let spaced = name.replace(['_', ':', '.'], " ");
    let mut letters = spaced.trim().chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn csv_row(job: &Job, times: &Times) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.kind.clone(),
        job.subject.clone().unwrap_or_default(),
        words(job.state).to_owned(),
        times.write(Some(job.run_at)),
        job.attempts.to_string(),
        job.max_attempts.to_string(),
        job.last_error.clone().unwrap_or_default(),
        times.write(Some(job.created_at)),
        times.write(job.finished_at),
    ]
}

fn row(job: &Job, mail: Option<&mail::Named>, times: &Times, links: &Links) -> Value {
    let about = job.subject.as_deref().or_else(|| mail.and_then(|mail| mail.subject.as_deref()));
    let subject = match mail {
        Some(mail) => Some(format!("{} to {}", mail.title, mail.recipient)),
        None => about.map(sentence),
    };
    context! {
        what => what(&job.kind),
        id => job.id,
        href => format!("{PATH}/{}", job.id),
        kind => &job.kind,
        subject,
        subject_href => about.and_then(|subject| links.of(subject)),
        state => words(job.state),
        tone => tone(job.state),
        failed => job.state == JobState::Failed,
        run_at => times.show(job.run_at),
        attempts => format!("{} of {}", job.attempts, job.max_attempts),
        error => job.last_error.as_deref(),
    }
}

async fn find(conn: &mut Conn, id: i64) -> Result<Job> {
    let sql = format!("SELECT {} FROM jobs WHERE id = $1", Job::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Job"))
}

async fn one(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let job = find(&mut conn, id).await?;
    let times = Times::load(&mut conn).await?;
    let mails = mail::of_jobs(&mut conn, std::slice::from_ref(&job)).await?;
    drop(conn);
    let payload = match job.payload() {
        Ok(payload) => serde_json::to_string_pretty(&payload).unwrap_or_else(|_| job.payload.clone()),
        Err(_) => job.payload.clone(),
    };
    let values = context! {
        job => row(&job, mails.get(&job.id), &times, cx.app.get::<Links>()?.as_ref()),
        payload,
        key => job.unique_key,
        created => times.show(job.created_at),
        finished => times.show_some(job.finished_at),
        retry => format!("{PATH}/{id}/retry"),
        jobs_href => PATH,
    };
    cx.page("app/jobs_page/one.html", "utilities", &format!("Job {id}"), values)
}

async fn retry_one(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(or_back(try_again(&cx, &[id]).await, &format!("{PATH}/{id}"))?.into_response())
}

async fn retry_ticked(cx: AdminCx) -> Result<Response, Fail> {
    let ids: Vec<i64> =
        cx.form.all("id").filter_map(|id| id.parse().ok()).take(lists::PAGE_SIZE.unsigned_abs() as usize).collect();
    if ids.is_empty() {
        return Ok(Redirect::to(PATH).warning("No job was ticked.").into_response());
    }
    Ok(or_back(try_again(&cx, &ids).await, PATH)?.into_response())
}

/// Gives failed jobs a fresh set of attempts: all of them, or none.
async fn retry(tx: &mut Tx, by: &Actor, ids: &[i64], now: Timestamp) -> Result<()> {
    for id in ids {
        let job = find(tx, *id).await?;
        jobs::retry(tx, *id, now).await?;
        let activity = Activity::new(format!("Job {id} ({}) told to try again", job.kind)).about(format!("job:{id}"));
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(())
}

async fn try_again(cx: &AdminCx, ids: &[i64]) -> Result<Redirect> {
    let mut tx = cx.app.db.write().await?;
    retry(&mut tx, &cx.actor, ids, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    let (to, said) = match ids {
        [id] => (format!("{PATH}/{id}"), format!("Job {id} is tried again now.")),
        many => (PATH.to_owned(), format!("{} jobs are tried again now.", many.len())),
    };
    Ok(Redirect::to(to).saying(said))
}
