//! The activity log as a page, and as a file of exactly what the page has filtered.

use axum::response::Response;
use kernel::{Date, FieldErrors, Result};
use minijinja::value::Serde;
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page};
use platform::web::{Fail, Form};

use super::{ActorKind, COLUMNS, Change, Filter, Listed, SORTS, VIEW, query};
use crate::company;
use crate::doors::{AdminCx, Routes};

const PAGE: &str = "/admin/logs/activity";

const FILTERS: [&str; 8] = ["q", "client", "actor", "kind", "subject", "ip", "from", "until"];

pub fn routes() -> Routes {
    Routes::new().get(PAGE, VIEW, index)
}

impl Filter {
    /// From the fields of an address: `q`, `client`, `actor`, `ip`, `from` and `until` (days, both included).
    pub(super) fn parse(form: &Form, zone: &TimeZone) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let mut day = |name: &str| match form.text(name) {
            "" => None,
            text => errors.take(name, Date::parse(text)),
        };
        let from = day("from").map(|day| company::day_start(day, zone));
        let until = day("until").map(|day| company::day_end(day, zone));
        let client = form.id("client", &mut errors);
        let kind = Some(form.text("kind")).filter(|kind| !kind.is_empty());
        let kind = kind.and_then(|kind| errors.take("kind", ActorKind::parse(kind)));
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            client_id: (client != 0).then_some(client),
            actor: form.text("actor").to_owned(),
            kind,
            subject: form.text("subject").to_owned(),
            ip: form.text("ip").to_owned(),
            from,
            until,
        })
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = Filter::parse(&request.form, &zone)?;
    if request.csv {
        drop(conn);
        let head = ["Time", "What", "Changes", "Client", "Client name", "By", "Kind", "Address", "On behalf of"];
        let cells = move |entry: &Listed| csv_row(entry, &zone);
        let file = ("activity-log", &head[..]);
        return Ok(lists::file(&cx.app.db, &request, query(&filter), COLUMNS, file, cells).await?);
    }
    if request.form.text("format") == "jsonl" {
        drop(conn);
        let line = |entry: &Listed| super::api::shown(entry).to_string();
        return Ok(lists::json_lines(&cx.app.db, &request, query(&filter), COLUMNS, "activity-log", line).await?);
    }
    let page: Page<Listed> = query(&filter).page(&mut conn, &request, COLUMNS).await?;
    drop(conn);
    let filtered = request.form.pairs().any(|(name, value)| FILTERS.contains(&name) && !value.is_empty());
    cx.page(
        "accounts/activity_log/list.html",
        "logs",
        "Activity log",
        context! {
            list => request.view(&page),
            filter => filter_values(&request.form),
            kinds => ActorKind::ALL.iter().map(|kind| kind_choice(*kind)).collect::<Vec<_>>(),
            json_lines => request.link(&[("format", "jsonl")]),
            clear => if filtered { PAGE } else { "" },
            rows => page.rows.iter().map(|entry| row(entry, &zone)).collect::<Vec<_>>(),
        },
    )
}

fn kind_choice(kind: ActorKind) -> Value {
    let label = match kind {
        ActorKind::Admin => "Staff",
        ActorKind::Api => "API clients",
        ActorKind::Client => "Clients",
        ActorKind::User => "Users",
        ActorKind::System => "The system",
    };
    context! { value => kind.as_str(), label }
}

fn filter_values(form: &Form) -> Value {
    Value::from_pairs(FILTERS.map(|name| (name, form.text(name).to_owned())))
}

fn row(entry: &Listed, zone: &TimeZone) -> Value {
    context! {
        id => entry.id,
        at => company::clock(entry.at, zone),
        instant => entry.at.to_string(),
        text => &entry.description,
        changes => Value::from(Serde(entry.changes())),
        actor => &entry.actor_name,
        kind => entry.actor_kind.as_str(),
        behalf => &entry.behalf,
        ip => &entry.ip,
        client_id => entry.client_id,
        client => &entry.client_name,
    }
}

fn csv_row(entry: &Listed, zone: &TimeZone) -> Vec<String> {
    let changes = entry.changes().iter().map(told).collect::<Vec<_>>().join("; ");
    vec![
        company::clock(entry.at, zone),
        entry.description.clone(),
        changes,
        entry.client_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.client_name.clone(),
        entry.actor_name.clone(),
        entry.actor_kind.to_string(),
        entry.ip.clone(),
        entry.behalf.clone().unwrap_or_default(),
    ]
}

fn told(change: &Change) -> String {
    format!("{}: {} → {}", change.field, change.old, change.new)
}

impl Listed {
    pub fn changes(&self) -> Vec<Change> {
        super::parse_changes(&self.changes)
    }
}
