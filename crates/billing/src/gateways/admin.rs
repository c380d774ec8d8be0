//! Payment gateways and their log in the staff area.

use std::collections::BTreeMap;

use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Redirect, Routes, Word};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page};

use super::store::{self, LogFilter, Logged};
use super::{CONFIGURE, Configure, Gateway, Gateways, Move, VIEW_LOG, contract::Capabilities};
use crate::view::{option, words};

const PAGE: &str = "/admin/setup/gateways";
const SECTION: &str = "configuration";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .get("/admin/setup/gateways/{name}", CONFIGURE, configure_page)
        .post("/admin/setup/gateways/{name}", CONFIGURE, configure)
        .post("/admin/setup/gateways/{name}/switch", CONFIGURE, switch)
        .post("/admin/setup/gateways/{name}/move", CONFIGURE, rearrange)
        .get("/admin/payments/gateway-log", VIEW_LOG, log)
}

fn abilities(of: Capabilities) -> String {
    let mut words = Vec::new();
    if of.off_session {
        words.push("charges stored methods");
    }
    if of.refunds {
        words.push("refunds");
    }
    if of.webhooks {
        words.push("reports by webhook");
    }
    if of.manual {
        words.push("payments are recorded by hand");
    }
    words.join(", ")
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let set_up = super::all(&mut cx.app.db.read().await?).await?;
    let modules = cx.app.get::<Gateways>()?;
    let row = |name: &str, title: &str, active: bool, known: bool| {
        let module = modules.all().iter().find(|module| module.name() == name);
        context! {
            name, title, active, known,
            href => format!("{PAGE}/{name}"),
            does => module.map(|module| abilities(module.capabilities())).unwrap_or_default(),
            missing => module.is_none(),
        }
    };
    let rows: Vec<Value> =
        set_up.iter().map(|gateway| row(&gateway.name, &gateway.display_name, gateway.active, true)).collect();
    let others: Vec<Value> = super::addable(&cx.app, &set_up)?
        .iter()
        .map(|module| row(module.name(), module.display_name(), false, false))
        .collect();
    cx.page("billing/gateways/list.html", SECTION, "Payment gateways", context! { rows, others })
}

async fn configure_page(cx: AdminCx, Word(name): Word) -> Result<Response, Fail> {
    form_page(&cx, &name, None).await
}

/// The form with what is stored, or again with what was typed. Secrets are never shown, not even when just typed.
async fn form_page(cx: &AdminCx, name: &str, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let module = cx.app.get::<Gateways>()?.find(name).or(Err(Error::NotFound("Gateway")))?;
    let mut conn = cx.app.db.read().await?;
    let stored = super::all(&mut conn).await?.into_iter().find(|gateway| gateway.name == name);
    let set = super::secrets_set(&mut conn, &cx.app, &*module).await?;
    drop(conn);
    let values = match &stored {
        Some(gateway) => gateway.values()?,
        None => BTreeMap::new(),
    };
    let typed = |key: &str| wrong.and_then(|_| cx.form.raw(key)).map(str::to_owned);
    let fields: Vec<Value> = module
        .fields()
        .iter()
        .map(|field| {
            let shown = if field.secret {
                String::new()
            } else {
                typed(field.key).or_else(|| values.get(field.key).cloned()).unwrap_or_else(|| field.default.to_owned())
            };
            context! {
                key => field.key, label => field.label, help => field.help, secret => field.secret,
                required => field.required, value => shown, set => set.contains(&field.key),
            }
        })
        .collect();
    let title = stored.as_ref().map_or(module.display_name(), |gateway| gateway.display_name.as_str()).to_owned();
    let values = context! {
        name,
        fields,
        action => format!("{PAGE}/{name}"),
        display_name => typed("display_name").unwrap_or_else(|| title.clone()),
        active => stored.as_ref().is_some_and(|gateway| gateway.active),
        is_new => stored.is_none(),
        webhook => if module.capabilities().webhooks { format!("/gateways/{name}/webhook") } else { String::new() },
        does => abilities(module.capabilities()),
    };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("billing/gateways/form.html", SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again("billing/gateways/form.html", SECTION, &title, errors, values),
    }
}

fn written(cx: &AdminCx, module: &dyn Gateway) -> Configure {
    let mut new = Configure {
        display_name: Some(cx.form.text("display_name").to_owned()),
        active: Some(cx.form.ticked("active")),
        ..Configure::default()
    };
    for field in module.fields() {
        let typed = cx.form.text(field.key).to_owned();
        match (field.secret, typed.is_empty()) {
            // A secret's field that is left empty keeps the secret.
            (true, true) => {}
            (true, false) => new.secrets.push((field.key.to_owned(), typed)),
            (false, _) => new.values.push((field.key.to_owned(), typed)),
        }
    }
    new
}

async fn configure(cx: AdminCx, Word(name): Word) -> Result<Response, Fail> {
    let module = cx.app.get::<Gateways>()?.find(&name).or(Err(Error::NotFound("Gateway")))?;
    let new = written(&cx, &*module);
    let mut tx = cx.app.db.write().await?;
    match super::configure(&mut tx, &cx.app, &cx.actor, &name, new, cx.now).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("{} saved", module.display_name())).into_response())
        }
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            form_page(&cx, &name, Some(&errors)).await
        }
        Err(Error::Refused(reason)) => Ok(Redirect::to(PAGE).refusing(reason).into_response()),
        Err(other) => Err(Fail(other)),
    }
}

async fn switch(cx: AdminCx, Word(name): Word) -> Result<Redirect, Fail> {
    let active = cx.form.ticked("on");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let new = Configure { active: Some(active), ..Configure::default() };
        super::configure(&mut tx, &cx.app, &cx.actor, &name, new, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(if active { "Switched on" } else { "Switched off" }))
    };
    or_back(done.await, PAGE)
}

async fn rearrange(cx: AdminCx, Word(name): Word) -> Result<Redirect, Fail> {
    let towards = if cx.form.text("towards") == "up" { Move::Up } else { Move::Down };
    let mut tx = cx.app.db.write().await?;
    super::rearrange(&mut tx, &cx.actor, &name, towards, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(PAGE))
}

const LOG_FILTERS: [&str; 7] = ["q", "gateway", "result", "client", "invoice", "from", "to"];

async fn log(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = LogFilter::of(&request, &zone)?;
    let columns = Logged::columns("l");
    if request.csv {
        drop(conn);
        let file = ("gateway-log", &["At", "Gateway", "What", "Result", "Client", "Invoice", "Detail"][..]);
        return Ok(lists::file(&cx.app.db, &request, filter.query(), &columns, file, csv_row).await?);
    }
    let page: Page<Logged> = filter.query().page(&mut conn, &request, &columns).await?;
    let gateways = super::all(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|line| {
            context! {
                gateway => super::title(&gateways, &line.gateway), what => words(&line.what), result => words(&line.result),
                failed => line.result == "error", detail => &line.detail,
                client => line.client_id, invoice => line.invoice_id,
                at => company::clock(line.at, &zone), instant => line.at.to_string(),
            }
        })
        .collect();
    cx.page(
        "billing/gateways/log.html",
        "billing",
        "Gateway log",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(LOG_FILTERS.map(|name| (name, request.filter(name).to_owned()))),
            filtered => LOG_FILTERS.iter().any(|name| !request.filter(name).is_empty()),
            gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
            results => vec![option("answer", "Answer"), option("error", "Error")],
            rows,
        },
    )
}

fn csv_row(line: &Logged) -> Vec<String> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    vec![
        line.at.to_string(),
        line.gateway.clone(),
        line.what.clone(),
        line.result.clone(),
        id(line.client_id),
        id(line.invoice_id),
        line.detail.clone(),
    ]
}
