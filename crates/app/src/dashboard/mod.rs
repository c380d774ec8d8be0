//! The page that staff see first: how things stand and what there is to do.

use accounts::admins::admin::HOMEPAGE;
use accounts::doors::{AdminCx, NavSection, PublicCx, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Date, Result, Timestamp};
use minijinja::context;
use platform::charts::{self, ChartSpec, Series};
use platform::db::{ToValue, Value};
use platform::web::Fail;
use platform::web::lists::grouped;
use platform::{Conn, params, runs};

use crate::times::Times;
use crate::{automation, jobs_page};

pub fn routes() -> Routes {
    Routes::new().public_get("/", start).get("/admin", HOMEPAGE, index)
}

pub fn nav() -> Vec<NavSection> {
    vec![NavSection { label: "Dashboard", key: "dashboard", href: "/admin", items: Vec::new() }]
}

async fn start(_: PublicCx) -> Response {
    Redirect::to("/admin").into_response()
}

const MONTHS: i64 = 12;
const RUNS: i64 = 5;

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let times = Times::load(&mut conn).await?;
    let sees_jobs = cx.staff.may(jobs_page::VIEW_JOBS);
    let mut cards = Vec::new();
    if cx.staff.may(accounts::clients::LIST) {
        clients(&mut conn, &mut cards).await?;
    }
    if sees_jobs {
        work(&mut conn, &mut cards).await?;
    }
    let mut figures = Vec::new();
    figures.push(new_clients(&mut conn, &times, cx.now).await?);
    let latest = if sees_jobs { runs::latest(&mut conn, "", RUNS).await? } else { Vec::new() };
    drop(conn);
    let runs: Vec<minijinja::Value> = latest.iter().map(|run| automation::row(run, &times, cx.now)).collect();
    let values = context! { cards, figures, runs, sees_jobs, runs_href => automation::PATH };
    cx.page("app/dashboard/index.html", "dashboard", "Dashboard", values)
}

/// A number at the top of the page; `tone` is of its note.
fn card(label: &str, value: i64, note: String, href: &str, tone: &str) -> minijinja::Value {
    context! { label, value => grouped(value), note, href, tone }
}

async fn clients(conn: &mut Conn, cards: &mut Vec<minijinja::Value>) -> Result<()> {
    let by_status: Vec<(String, i64)> =
        conn.all("SELECT status, COUNT(*) FROM clients GROUP BY status", params![]).await?;
    let of = |status: &str| by_status.iter().find(|(name, _)| name == status).map_or(0, |(_, count)| *count);
    let rest = format!("{} inactive, {} closed", grouped(of("inactive")), grouped(of("closed")));
    cards.push(card("Active clients", of("active"), rest, "/admin/clients?status=active", ""));
    Ok(())
}

async fn work(conn: &mut Conn, cards: &mut Vec<minijinja::Value>) -> Result<()> {
    let (failed, running, ready) = jobs_page::counts(conn).await?;
    let href = |state: &str| format!("{}?state={state}", jobs_page::PATH);
    let note = if failed == 0 { "Nothing to look into" } else { "Look into the reasons" };
    let tone = if failed == 0 { "ok" } else { "bad" };
    cards.push(card("Failed jobs", failed, note.to_owned(), &href("failed"), tone));
    cards.push(card("Waiting jobs", ready, format!("{} running", grouped(running)), &href("ready"), ""));
    Ok(())
}

/// A finished picture with the same numbers as a table.
fn figure(spec: &ChartSpec) -> minijinja::Value {
    context! { title => spec.title.as_str(), svg => charts::bars(spec), table => charts::table(spec) }
}

async fn new_clients(conn: &mut Conn, times: &Times, now: Timestamp) -> Result<minijinja::Value> {
    let this_month = now.date_in(times.zone()).first_of_month();
    let mut months: Vec<Date> = Vec::new();
    for back in (0..MONTHS).rev() {
        if let Ok(month) = this_month.plus_months_anchored(-back, 1) {
            months.push(month);
        }
    }
    // The months' ends are instants that only the time zone knows; each month is one look at an index.
    let starts: Vec<Timestamp> = months.iter().map(|month| Timestamp::at(*month, 0, times.zone())).collect();
    let mut parts = Vec::new();
    let mut parameters = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(Timestamp::from_micros(i64::MAX));
        parameters.push(start.to_value());
        parameters.push(Value::Int(end.micros()));
        parts.push(format!(
            "SELECT CAST({number} AS BIGINT) AS month, COUNT(*) FROM clients WHERE created_at >= ${} AND created_at < ${}",
            number * 2 + 1,
            number * 2 + 2
        ));
    }
    let sql = format!("{} ORDER BY month", parts.join(" UNION ALL "));
    let counted: Vec<(i64, i64)> = conn.all(&sql, &parameters).await?;
    let values = counted.iter().map(|(_, count)| *count as f64).collect();
    Ok(figure(&ChartSpec {
        title: "New clients by month".to_owned(),
        unit: "clients".to_owned(),
        categories: months.iter().map(|month| short(*month)).collect(),
        series: vec![Series { name: "New clients".to_owned(), values }],
    }))
}

/// `Mar` or, for the first month of a year, `2026`.
fn short(month: Date) -> String {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    match month.month() {
        1 => month.year().to_string(),
        number => NAMES.get(usize::from(number) - 1).copied().unwrap_or_default().to_owned(),
    }
}
