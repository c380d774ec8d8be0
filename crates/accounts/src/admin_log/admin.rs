//! The admin log as a page and a file.

use axum::response::Response;
use kernel::{Date, FieldErrors, Result, Timestamp};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page};
use platform::web::{Fail, Form};

use super::{COLUMNS, Filter, Login, SORTS, VIEW, query};
use crate::company;
use crate::doors::{AdminCx, Routes};

const PAGE: &str = "/admin/logs/admin";
const FILTERS: [&str; 4] = ["admin", "ip", "from", "until"];

pub fn routes() -> Routes {
    Routes::new().get(PAGE, VIEW, index)
}

impl Filter {
    /// From the fields of an address: `admin`, `ip`, `from` and `until` (days, both included).
    pub(super) fn parse(form: &Form, zone: &TimeZone) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let mut day = |name: &str| match form.text(name) {
            "" => None,
            text => errors.take(name, Date::parse(text)),
        };
        let from = day("from").map(|day| company::day_start(day, zone));
        let until = day("until").map(|day| company::day_end(day, zone));
        errors.check()?;
        Ok(Filter { admin: form.text("admin").to_owned(), ip: form.text("ip").to_owned(), from, until })
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = Filter::parse(&request.form, &zone)?;
    let now = cx.now;
    if request.csv {
        drop(conn);
        let head = ["Administrator", "Address", "Logged in", "Last page", "Until"];
        let cells = move |login: &Login| csv_row(login, now, &zone);
        let file = ("admin-log", &head[..]);
        return Ok(lists::file(&cx.app.db, &request, query(&filter), COLUMNS, file, cells).await?);
    }
    let page: Page<Login> = query(&filter).page(&mut conn, &request, COLUMNS).await?;
    drop(conn);
    let filtered = request.form.pairs().any(|(name, value)| FILTERS.contains(&name) && !value.is_empty());
    cx.page(
        "accounts/admin_log/list.html",
        "logs",
        "Admin log",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(FILTERS.map(|name| (name, request.form.text(name).to_owned()))),
            clear => if filtered { PAGE } else { "" },
            rows => page.rows.iter().map(|login| row(login, now, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn row(login: &Login, now: Timestamp, zone: &TimeZone) -> Value {
    let until = login.until(now);
    context! {
        admin => &login.admin,
        ip => &login.ip,
        started => company::clock(login.started_at, zone), started_at => login.started_at.to_string(),
        seen => company::clock(login.seen_at, zone), seen_at => login.seen_at.to_string(),
        until => until.map(|at| company::clock(at, zone)).unwrap_or_default(),
        until_at => until.map(|at| at.to_string()).unwrap_or_default(),
        timed_out => until.is_some() && login.ended_at.is_none(),
    }
}

fn csv_row(login: &Login, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    vec![
        login.admin.clone(),
        login.ip.clone(),
        company::clock(login.started_at, zone),
        company::clock(login.seen_at, zone),
        login.until(now).map(|at| company::clock(at, zone)).unwrap_or_default(),
    ]
}
