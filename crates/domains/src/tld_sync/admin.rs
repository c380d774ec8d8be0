//! TLD sync in the staff area: choose a registrar, look at what its costs would make of the prices, choose, import.

use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use hosting::view::option;
use kernel::{Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::runs::{self, Run, RunState};
use platform::web::lists::{csv_cell, grouped};
use platform::web::{Fail, Form};
use rust_decimal::Decimal;
use serde_json::json;

use super::jobs::{self, TASK};
use super::proposal::{Daily, Line, MarginKind, Options, Row, Verdict};
use super::{CONFIGURE, Chosen, List};
use crate::registrars;
use crate::tld_sync;
use crate::tlds::Ending;

const PAGE: &str = "/admin/utilities/tld-sync";
const SECTION: &str = "utilities";
/// Rows of a page.
const ROWS: usize = 100;

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post("/admin/utilities/tld-sync/fetch", CONFIGURE, fetch)
        .get("/admin/utilities/tld-sync/runs/{id}", CONFIGURE, run_page)
        .get("/admin/utilities/tld-sync/runs/{id}/progress.json", CONFIGURE, progress)
        .get("/admin/utilities/tld-sync/{id}", CONFIGURE, show)
        .post("/admin/utilities/tld-sync/{id}/options", CONFIGURE, save_options)
        .post("/admin/utilities/tld-sync/{id}/preview", CONFIGURE, preview)
        .post("/admin/utilities/tld-sync/{id}/import", CONFIGURE, import)
}

fn number(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let sources = tld_sync::sources(&mut conn, &cx.app).await?;
    let lists = tld_sync::latest(&mut conn).await?;
    let all = registrars::all(&mut conn).await?;
    let zone = company::zone(&mut conn).await?;
    drop(conn);
    let title = |name: &str| all.iter().find(|one| one.name == name).map_or(name.to_owned(), |one| one.title.clone());
    let rows: Vec<Value> = lists
        .iter()
        .map(|list| {
            context! {
                href => format!("{PAGE}/{}", list.id), registrar => title(&list.registrar), items => grouped(list.items),
                at => company::clock(list.fetched_at, &zone), instant => list.fetched_at.to_string(),
            }
        })
        .collect();
    let values = context! {
        rows, sources => sources.iter().map(|one| option(&one.name, &one.title)).collect::<Vec<_>>(),
        chosen => sources.first().map(|one| &one.name),
        // The same form sent twice asks for the same run.
        key => cx.app.random.token(),
    };
    cx.page("domains/tld_sync/index.html", SECTION, "TLD sync", values)
}

async fn fetch(cx: AdminCx) -> Result<Redirect, Fail> {
    let done = async {
        let key = cx.form.text("key");
        if key.len() < 32 || key.len() > 100 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::refused("Open the page again, so that the run has a key of its own."));
        }
        let mut tx = cx.app.db.write().await?;
        let registrar = cx.form.text("registrar");
        let sources = tld_sync::sources(&mut tx, &cx.app).await?;
        if !sources.iter().any(|one| one.name == registrar) {
            return Err(Error::refused("Choose a registrar that has a price list."));
        }
        let key = format!("staff:{key}");
        let (id, _) = jobs::request(&mut tx, &cx.app, key, "staff", &cx.actor, registrar, Daily::Off).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(format!("{PAGE}/runs/{id}")))
    };
    or_back(done.await, PAGE)
}

async fn find_run(cx: &AdminCx, id: i64) -> Result<Run> {
    let run = runs::find(&mut cx.app.db.read().await?, id).await?;
    if run.task == TASK { Ok(run) } else { Err(Error::NotFound("Run")) }
}

fn has_ended(run: &Run) -> bool {
    matches!(run.state, RunState::Finished | RunState::Failed)
}

async fn run_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let run = find_run(&cx, id).await?;
    let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap_or_default();
    if let (RunState::Finished, Some(list)) = (run.state, summary["list"].as_i64()) {
        return Ok(Redirect::to(format!("{PAGE}/{list}")).into_response());
    }
    let values = context! {
        finished => has_ended(&run), done => run.done, total => run.total.max(1), failed => run.failed,
        src => format!("{PAGE}/runs/{id}/progress.json"), error => summary["error"].as_str().map(str::to_owned), back => PAGE,
    };
    cx.page("domains/tld_sync/run.html", SECTION, "Fetching prices", values)
}

async fn progress(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let run = find_run(&cx, id).await?;
    let state = if has_ended(&run) { "finished" } else { "running" };
    let body =
        json!({ "state": state, "done": run.done, "total": run.total, "failed": run.failed, "rate": "", "left": "" });
    Ok(axum::Json(body).into_response())
}

/// Which rows the page shows: `q`, `state`.
#[derive(Default)]
struct Shown {
    text: String,
    state: String,
}

impl Shown {
    fn of(form: &Form) -> Shown {
        Shown { text: form.text("q").trim_start_matches('.').to_lowercase(), state: form.text("state").to_owned() }
    }

    fn takes(&self, row: &Row) -> bool {
        let text = row.extension.as_str().contains(&self.text) || row.extension.shown().contains(&self.text);
        let state = match self.state.as_str() {
            "loss" => row.is_loss(),
            "" => true,
            state => state == word(&row.verdict).0,
        };
        text && state
    }
}

/// For filters, for people, and how it is coloured.
fn word(verdict: &Verdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Verdict::New => ("new", "New", "info"),
        Verdict::Changed => ("changed", "Changed", "ok"),
        Verdict::Same => ("same", "As it is", "mute"),
        Verdict::Held(_) => ("held", "Held", "warn"),
        Verdict::Wrong(_) => ("wrong", "Wrong", "bad"),
    }
}

fn reasons(verdict: &Verdict) -> &[String] {
    match verdict {
        Verdict::Held(why) | Verdict::Wrong(why) => why,
        _ => &[],
    }
}

async fn load(cx: &AdminCx, id: i64) -> Result<(List, Options, Vec<Row>)> {
    let mut conn = cx.app.db.read().await?;
    let list = tld_sync::find(&mut conn, id).await?;
    let options = tld_sync::options(&mut conn, &list.registrar).await?;
    let rows = tld_sync::rows(&mut conn, &list, &options).await?;
    Ok((list, options, rows))
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    show_page(&cx, id, None, &FieldErrors::default()).await
}

async fn show_page(cx: &AdminCx, id: i64, typed: Option<&Form>, errors: &FieldErrors) -> Result<Response, Fail> {
    let (list, options, rows) = load(cx, id).await?;
    let params = cx.params()?;
    let shown = Shown::of(&params);
    let matching: Vec<&Row> = rows.iter().filter(|row| shown.takes(row)).collect();
    if params.text("format") == "csv" {
        return Ok(csv(&list, &matching));
    }
    let page = params.text("page").parse::<usize>().unwrap_or(1).clamp(1, matching.len().div_ceil(ROWS).max(1));
    let zone = company::zone(&mut cx.app.db.read().await?).await?;
    let known = registrars::by_name(&mut cx.app.db.read().await?, &list.registrar).await?;
    let count = |state: &str| number(rows.iter().filter(|row| word(&row.verdict).0 == state).count());
    let own = format!("{PAGE}/{id}");
    let link = |page: usize| {
        let (q, state) = (platform::web::lists::escape(&shown.text), platform::web::lists::escape(&shown.state));
        format!("{own}?q={q}&state={state}&page={page}")
    };
    let text = |name: &str, stored: String| typed.and_then(|form| form.raw(name)).map_or(stored, str::to_owned);
    let ticked = |name: &str, stored: bool| typed.map_or(stored, |form| form.ticked(name));
    let values = context! {
        own => &own, cancel => PAGE, registrar => known.as_ref().map_or(&list.registrar, |one| &one.title),
        at => company::clock(list.fetched_at, &zone), instant => list.fetched_at.to_string(),
        counts => context! {
            new => count("new"), changed => count("changed"), same => count("same"), held => count("held"),
            wrong => count("wrong"), loss => number(rows.iter().filter(|row| row.is_loss()).count()),
        },
        filter => context! { q => &shown.text, state => &shown.state },
        clear => if shown.text.is_empty() && shown.state.is_empty() { "" } else { &own },
        query => format!("q={}&state={}", platform::web::lists::escape(&shown.text), platform::web::lists::escape(&shown.state)),
        states => vec![
            option("new", "New"), option("changed", "Changed"), option("held", "Held"), option("same", "As it is"),
            option("wrong", "Wrong"), option("loss", "Sold at a loss"),
        ],
        o => context! {
            margin_kind => text("margin_kind", options.margin_kind.to_string()),
            margin => text("margin", options.margin.normalize().to_string()),
            ending => text("ending", options.ending.to_string()),
            min_margin => text("min_margin", options.min_margin.normalize().to_string()),
            hold_above => text("hold_above", options.hold_above.normalize().to_string()),
            daily => text("daily", options.daily.to_string()),
            set_registrar => ticked("set_registrar", options.set_registrar), late => ticked("late", options.late),
        },
        kinds => vec![option("percent", "Percent of the cost"), option("fixed", "Amount a year, in the base currency")],
        endings => vec![option("99", "Up to .99"), option("95", "Up to .95"), option("whole", "Up to whole units")],
        dailies => vec![
            option("off", "Nothing"), option("propose", "Fetch the list; staff import"),
            option("apply", "Import what is sold and within the limit"),
        ],
        rows => matching.iter().skip((page - 1) * ROWS).take(ROWS).map(|row| view(row)).collect::<Vec<_>>(),
        pager => context! {
            first => number((page - 1) * ROWS + 1), last => number((page * ROWS).min(matching.len())), total => number(matching.len()),
            prev => if page > 1 { link(page - 1) } else { String::new() },
            next => if page * ROWS < matching.len() { link(page + 1) } else { String::new() },
            csv => format!("{}&format=csv", link(1)),
        },
        all => number(matching.iter().filter(|row| row.importable()).count()),
    };
    let title = "Prices of a registrar";
    if errors.is_empty() {
        cx.page("domains/tld_sync/list.html", SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again("domains/tld_sync/list.html", SECTION, title, errors, values)
    }
}

fn percent(margin: Option<Decimal>) -> String {
    margin.map(|margin| format!("{margin} %")).unwrap_or_default()
}

fn view(row: &Row) -> Value {
    let (state, label, tone) = word(&row.verdict);
    let line = |what: &str| {
        row.lines.iter().find(|line| line.what == what).map(|line: &Line| {
            context! {
                cost => line.cost.decimal(), now => line.now.map(Money::decimal), new => line.new.decimal(),
                same => line.now == Some(line.new), margin => percent(line.margin(line.new)),
                margin_now => line.now.map(|now| percent(line.margin(now))), loss => line.is_loss(),
            }
        })
    };
    context! {
        extension => row.extension.as_str(), shown => row.extension.shown(), state, label, tone, loss => row.is_loss(),
        importable => row.importable(), reasons => reasons(&row.verdict).to_vec(), currency => &row.currency,
        years => row.min_years, href => row.tld_id.map(|id| format!("/admin/setup/tlds/{id}")),
        cells => ["register", "transfer", "renew", "redemption"].map(line),
    }
}

fn csv(list: &List, rows: &[&Row]) -> Response {
    let mut text =
        String::from("Extension,State,Currency,What,Cost,Price now,Price new,Margin now %,Margin new %,Loss,Why\r\n");
    for row in rows {
        let why = reasons(&row.verdict).join(" ");
        let mut put = |cells: &[String]| {
            text.push_str(&cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
            text.push_str("\r\n");
        };
        let head = [row.extension.to_string(), word(&row.verdict).1.to_owned()];
        for line in &row.lines {
            let margin = |price: Option<Money>| {
                price.and_then(|price| line.margin(price)).map(|margin| margin.to_string()).unwrap_or_default()
            };
            put(&[
                head[0].clone(),
                head[1].clone(),
                line.cost.currency.to_string(),
                line.what.to_owned(),
                line.cost.decimal(),
                line.now.map(Money::decimal).unwrap_or_default(),
                line.new.decimal(),
                margin(line.now),
                margin(Some(line.new)),
                line.is_loss().to_string(),
                why.clone(),
            ]);
        }
        if row.lines.is_empty() {
            let none = String::new;
            put(&[
                head[0].clone(),
                head[1].clone(),
                row.currency.clone(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                why,
            ]);
        }
    }
    let name = format!("attachment; filename=\"tld-prices-{}.csv\"", list.id);
    let headers = [
        (axum::http::header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (axum::http::header::CONTENT_DISPOSITION, name),
    ];
    (headers, text).into_response()
}

fn quoted(cell: &str) -> String {
    let safe = csv_cell(cell);
    if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

fn written(form: &Form) -> Result<Options> {
    let mut errors = FieldErrors::default();
    let mut decimal = |name: &str| {
        let typed = form.text(name);
        let typed = if typed.is_empty() { "0" } else { typed };
        errors.take(name, typed.parse::<Decimal>().map_err(|_| "Enter a number such as 12.5."))
    };
    let (margin, min_margin, hold_above) = (decimal("margin"), decimal("min_margin"), decimal("hold_above"));
    let kind = errors.take("margin_kind", MarginKind::parse(form.text("margin_kind")));
    let ending = errors.take("ending", Ending::parse(form.text("ending")));
    let daily = errors.take("daily", Daily::parse(form.text("daily")));
    errors.check()?;
    let base = Options::default();
    Ok(Options {
        margin_kind: kind.unwrap_or(base.margin_kind),
        margin: margin.unwrap_or_default(),
        ending: ending.unwrap_or(base.ending),
        min_margin: min_margin.unwrap_or_default(),
        hold_above: hold_above.unwrap_or_default(),
        set_registrar: form.ticked("set_registrar"),
        late: form.ticked("late"),
        daily: daily.unwrap_or(base.daily),
    })
}

async fn save_options(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let options = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let list = tld_sync::find(&mut tx, id).await?;
        tld_sync::set_options(&mut tx, &cx.actor, &list.registrar, &options, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(format!("{PAGE}/{id}")).saying("This is what the prices would be. Nothing is imported yet."))
    };
    match done.await {
        Ok(redirect) => Ok(Redirect::into_response(redirect)),
        Err(Error::Invalid(errors)) => show_page(&cx, id, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}

/// The extensions that were ticked, or all that match the filter and can be imported.
fn chosen(cx: &AdminCx, rows: &[Row]) -> Result<Vec<String>> {
    if !cx.form.ticked("all") {
        return Ok(cx.form.all("id").map(str::to_owned).collect());
    }
    let shown = Shown::of(&cx.params()?);
    Ok(rows.iter().filter(|row| shown.takes(row) && row.importable()).map(|row| row.extension.to_string()).collect())
}

async fn preview(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let (list, options, rows) = load(&cx, id).await?;
    let names = chosen(&cx, &rows)?;
    let back = format!("{PAGE}/{id}?{}", cx.query);
    if names.is_empty() {
        return Ok(Redirect::to(back).warning("Tick the extensions first.").into_response());
    }
    let mut tx = cx.app.db.write().await?;
    let would = tld_sync::import(&mut tx, &cx.actor, &list, &options, &Chosen::Extensions(names.clone()), cx.now).await;
    tx.rollback().await?;
    let would = match would {
        Ok(would) => would,
        Err(Error::Invalid(errors)) => {
            let words = errors.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            return Ok(Redirect::to(back).refusing(words).into_response());
        }
        Err(other) => return Err(Fail(other)),
    };
    let picked = || rows.iter().filter(|row| names.iter().any(|name| name == row.extension.as_str()));
    let held = picked().filter(|row| matches!(row.verdict, Verdict::Held(_))).count();
    let loss = picked().filter(|row| row.is_loss()).count();
    let facts = vec![
        ("Extensions to be added", number(would.added)),
        ("Extensions to be changed", number(would.changed)),
        ("Extensions that are so already", number(would.unchanged)),
        ("Of them held for review", number(held)),
        ("Of them sold at a loss until now", number(loss)),
    ];
    let count = would.added + would.changed;
    let label =
        if count == 1 { "Import one extension".to_owned() } else { format!("Import {} extensions", number(count)) };
    let values = context! {
        facts, names => names.join(","), label => &label, cancel => back, action => format!("{PAGE}/{id}/import"),
        nothing => count == 0, own => format!("{PAGE}/{id}"),
    };
    cx.page("domains/tld_sync/preview.html", SECTION, &label, values)
}

async fn import(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let names: Vec<String> =
            cx.form.text("names").split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut tx = cx.app.db.write().await?;
        let list = tld_sync::find(&mut tx, id).await?;
        let options = tld_sync::options(&mut tx, &list.registrar).await?;
        let done = tld_sync::import(&mut tx, &cx.actor, &list, &options, &Chosen::Extensions(names), cx.now).await?;
        tx.commit().await?;
        let (added, changed) = (number(done.added), number(done.changed));
        Ok(Redirect::to(&back)
            .saying(format!("Imported: {added} added, {changed} changed. New orders pay the new prices.")))
    };
    match done.await {
        Err(Error::Invalid(errors)) => {
            let words = errors.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            Ok(Redirect::to(back).refusing(words))
        }
        other => or_back(other, &back),
    }
}
