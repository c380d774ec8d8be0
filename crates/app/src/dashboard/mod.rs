//! The page that staff see first: how things stand and what there is to do.

use accounts::admins::admin::HOMEPAGE;
use accounts::doors::{AdminCx, NavSection, Routes};
use axum::response::Response;
use billing::overview;
use kernel::{Currency, Date, Money, Result, Timestamp};
use minijinja::context;
use platform::charts::{self, ChartSpec, Series};
use platform::db::{ToValue, Value};
use platform::web::Fail;
use platform::web::lists::{self, counted, grouped};
use platform::{Conn, params, runs};

use crate::times::Times;
use crate::{automation, jobs_page};

pub fn routes() -> Routes {
    Routes::new().get("/admin", HOMEPAGE, index)
}

pub fn nav() -> Vec<NavSection> {
    vec![NavSection { label: "Dashboard", key: "dashboard", href: "/admin", items: Vec::new() }]
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
    if cx.staff.may(billing::invoices::LIST) {
        money(&mut conn, &times, cx.now, &mut cards).await?;
    }
    if sees_jobs {
        work(&mut conn, &mut cards).await?;
    }
    let mut figures = Vec::new();
    if cx.staff.may(billing::payments::LIST) {
        let months = months(cx.now.date_in(times.zone()));
        let from = months.first().copied().unwrap_or(Date::MIN);
        let rows = overview::income(&mut conn, from).await?;
        cards.insert(0, received(&months, &rows));
        figures.push(income(&months, &rows));
    }
    if cx.staff.may(billing::invoices::LIST) {
        figures.push(by_status(&mut conn).await?);
    }
    figures.push(new_clients(&mut conn, &times, cx.now).await?);
    let latest = if sees_jobs { runs::latest(&mut conn, "", RUNS).await? } else { Vec::new() };
    drop(conn);
    let runs: Vec<minijinja::Value> = latest.iter().map(|run| automation::row(run, &times, cx.now)).collect();
    let values = context! { cards, figures, runs, sees_jobs, runs_href => automation::PATH };
    cx.page("app/dashboard/index.html", "dashboard", "Dashboard", values)
}

/// A number at the top of the page; `tone` is of its note.
fn card(label: &str, value: String, note: String, href: &str, tone: &str) -> minijinja::Value {
    context! { label, value, note, href, tone }
}

async fn clients(conn: &mut Conn, cards: &mut Vec<minijinja::Value>) -> Result<()> {
    let by_status: Vec<(String, i64)> =
        conn.all("SELECT status, COUNT(*) FROM clients GROUP BY status", params![]).await?;
    let of = |status: &str| by_status.iter().find(|(name, _)| name == status).map_or(0, |(_, count)| *count);
    let rest = format!("{} inactive, {} closed", grouped(of("inactive")), grouped(of("closed")));
    cards.push(card("Active clients", grouped(of("active")), rest, "/admin/clients?status=active", ""));
    Ok(())
}

async fn work(conn: &mut Conn, cards: &mut Vec<minijinja::Value>) -> Result<()> {
    let (failed, running, ready) = jobs_page::counts(conn).await?;
    let href = |state: &str| format!("{}?state={state}", jobs_page::PATH);
    let note = if failed == 0 { "Nothing to look into" } else { "Look into the reasons" };
    let tone = if failed == 0 { "ok" } else { "bad" };
    cards.push(card("Failed jobs", counted(failed), note.to_owned(), &href("failed"), tone));
    cards.push(card("Waiting jobs", counted(ready), format!("{} running", counted(running)), &href("ready"), ""));
    Ok(())
}

async fn money(conn: &mut Conn, times: &Times, now: Timestamp, cards: &mut Vec<minijinja::Value>) -> Result<()> {
    let work = overview::work(conn, now.date_in(times.zone())).await?;
    let tone = |count: i64| if count == 0 { "ok" } else { "bad" };
    let overdue = if work.overdue == 0 { "Nothing is late" } else { "Past their due date" };
    cards.push(card(
        "Overdue invoices",
        counted(work.overdue),
        overdue.to_owned(),
        "/admin/invoices?status=overdue",
        tone(work.overdue),
    ));
    let open = work.unknown + work.waiting;
    let parts = [(work.unknown, "with an unknown outcome"), (work.waiting, "waiting for the client")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", grouped(*count)))
        .collect();
    let note = if parts.is_empty() { "Nothing to look into".to_owned() } else { parts.join(", ") };
    cards.push(card("Charges to look into", grouped(open), note, "/admin/payments/attempts?state=open", tone(open)));
    if work.events > 0 {
        let href = "/admin/payments/webhooks?state=parked";
        cards.push(card(
            "Parked webhook events",
            grouped(work.events),
            "Nobody could place them".to_owned(),
            href,
            "bad",
        ));
    }
    if work.holds > 0 {
        let note = "Restored from a backup. On the server, run: innkeeper payments reconcile";
        cards.push(card("Payments on hold", grouped(work.holds), note.to_owned(), automation::PATH, "bad"));
    }
    let disputes = if work.disputes == 0 { "No bank takes money back" } else { "Give evidence at the gateway" };
    let (count, href) = (work.disputes, "/admin/payments/disputes?state=open");
    cards.push(card("Open disputes", grouped(count), disputes.to_owned(), href, tone(count)));
    let parked = if work.parked == 0 { "Everybody is billed" } else { "Not billed until looked into" };
    cards.push(card(
        "Parked clients",
        grouped(work.parked),
        parked.to_owned(),
        "/admin/invoices/parked",
        tone(work.parked),
    ));
    Ok(())
}

/// What came in by month, a series for each currency: amounts of different currencies are not added up.
fn income(months: &[Date], rows: &[(String, Currency, i64)]) -> minijinja::Value {
    let mut series: Vec<Series> = Vec::new();
    for (month, currency, minor) in rows {
        let Some(at) = months.iter().position(|known| known.to_string().starts_with(month.as_str())) else { continue };
        let name = currency.code();
        let index = series.iter().position(|known| known.name == name).unwrap_or_else(|| {
            series.push(Series { name: name.to_owned(), values: vec![0.0; months.len()] });
            series.len() - 1
        });
        series[index].values[at] = *minor as f64 / 10f64.powi(i32::try_from(currency.exponent()).unwrap_or(2));
    }
    figure(&ChartSpec {
        title: "Income by month".to_owned(),
        unit: "in each currency".to_owned(),
        categories: months.iter().map(|month| short(*month)).collect(),
        series,
    })
}

/// What came in this month, the largest number first and the other currencies below it.
fn received(months: &[Date], rows: &[(String, Currency, i64)]) -> minijinja::Value {
    let this = months.last().map(|month| month.to_string()).unwrap_or_default();
    let mut sums: Vec<Money> = rows
        .iter()
        .filter(|(month, _, _)| this.starts_with(month.as_str()))
        .map(|(_, currency, minor)| Money::new(*minor, *currency))
        .collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.minor));
    let mut told = sums.iter().map(Money::to_string);
    let value = told.next().unwrap_or_else(|| "Nothing yet".to_owned());
    let note = told.collect::<Vec<_>>().join(", ");
    context! { label => "Received this month", value, note, href => "/admin/transactions", tone => "" }
}

/// `payment_pending` as `Payment pending`.
fn words(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

async fn by_status(conn: &mut Conn) -> Result<minijinja::Value> {
    let counts: Vec<_> =
        overview::invoices_by_status(conn).await?.into_iter().filter(|(_, count)| *count > 0).collect();
    let spec = ChartSpec {
        title: "Invoices by status".to_owned(),
        unit: "invoices".to_owned(),
        categories: counts
            .iter()
            .map(|(status, count)| {
                let name = words(status.as_str());
                if *count > lists::COUNT_LIMIT { format!("{name} (over 10,000)") } else { name }
            })
            .collect(),
        series: vec![Series {
            name: "Invoices".to_owned(),
            values: counts.iter().map(|(_, count)| *count as f64).collect(),
        }],
    };
    Ok(context! { title => spec.title.as_str(), svg => charts::doughnut(&spec), table => charts::table(&spec) })
}

/// The first days of the last months, this one included.
fn months(today: Date) -> Vec<Date> {
    let this = today.first_of_month();
    (0..MONTHS).rev().filter_map(|back| this.plus_months_anchored(-back, 1).ok()).collect()
}

/// A finished picture with the same numbers as a table.
fn figure(spec: &ChartSpec) -> minijinja::Value {
    context! { title => spec.title.as_str(), svg => charts::bars(spec), table => charts::table(spec) }
}

async fn new_clients(conn: &mut Conn, times: &Times, now: Timestamp) -> Result<minijinja::Value> {
    let months = months(now.date_in(times.zone()));
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
