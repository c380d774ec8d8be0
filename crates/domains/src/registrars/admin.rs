//! Registrars and their log in the staff area.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::company;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use hosting::view::option;
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page};

use super::contract::{Account, FieldKind, Registrar};
use super::{CONFIGURE, Configure, Registrars, SetUp, log};
use crate::registrars;

const PAGE: &str = "/admin/setup/registrars";
const SECTION: &str = "configuration";
const FORM: &str = "domains/registrars/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .get("/admin/setup/registrars/new", CONFIGURE, new_page)
        .post("/admin/setup/registrars/new", CONFIGURE, create)
        .get("/admin/setup/registrars/{id}", CONFIGURE, edit_page)
        .post("/admin/setup/registrars/{id}", CONFIGURE, save)
        .post("/admin/setup/registrars/{id}/switch", CONFIGURE, switch)
        .post("/admin/setup/registrars/{id}/test", CONFIGURE, test)
        .post("/admin/setup/registrars/{id}/delete", CONFIGURE, delete)
        .get("/admin/logs/registrars", CONFIGURE, log_page)
}

/// What a module can do, in words.
fn abilities(module: &dyn Registrar, account: &Account) -> String {
    let words: Vec<String> =
        module.abilities(account).into_iter().map(|ability| ability.as_str().replace('_', " ")).collect();
    words.join(", ")
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let all = registrars::all(&mut conn).await?;
    let mut rows = Vec::new();
    for one in &all {
        let known = registrars::account(&mut conn, &cx.app, one).await.ok();
        let does = known.as_ref().map(|(module, account)| abilities(&**module, account));
        rows.push(context! {
            href => format!("{PAGE}/{}", one.id), name => &one.name, title => &one.title, active => one.active,
            module => known.as_ref().map_or(one.module.as_str(), |(module, _)| module.display_name()),
            does, missing => known.is_none(),
        });
    }
    drop(conn);
    let blank = Account::new("", BTreeMap::new());
    let modules: Vec<Value> = cx
        .app
        .get::<Registrars>()?
        .all()
        .iter()
        .map(|module| {
            context! {
                href => format!("{PAGE}/new?module={}", module.module()), title => module.display_name(),
                does => abilities(&**module, &blank),
            }
        })
        .collect();
    cx.page("domains/registrars/list.html", SECTION, "Registrars", context! { rows, modules })
}

/// What the form is about: a registrar that is set up, or a module that is to be.
struct Subject {
    module: Arc<dyn Registrar>,
    stored: Option<SetUp>,
    set: Vec<&'static str>,
}

async fn subject(cx: &AdminCx, id: Option<i64>) -> Result<Subject> {
    let mut conn = cx.app.db.read().await?;
    let modules = cx.app.get::<Registrars>()?;
    match id {
        Some(id) => {
            let stored = registrars::find(&mut conn, id).await?;
            let module = modules.find(&stored.module).or(Err(Error::NotFound("Registrar module")))?;
            let set = registrars::secrets_set(&mut conn, &*module, id).await?;
            Ok(Subject { module, stored: Some(stored), set })
        }
        None => {
            let params = cx.params()?;
            let module = modules.find(params.text("module")).or(Err(Error::NotFound("Registrar module")))?;
            Ok(Subject { module, stored: None, set: Vec::new() })
        }
    }
}

/// The form with what is stored, or again with what was typed. Secrets are never shown, not even when just typed.
fn form_page(cx: &AdminCx, of: &Subject, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let values = of.stored.as_ref().map(SetUp::values).transpose()?.unwrap_or_default();
    let typed = |key: &str| wrong.and_then(|_| cx.form.raw(key)).map(str::to_owned);
    let fields: Vec<Value> = of
        .module
        .fields()
        .iter()
        .map(|field| {
            let stored = values.get(field.key).cloned().unwrap_or_else(|| field.default.to_owned());
            let value = if field.kind.is_secret() { String::new() } else { typed(field.key).unwrap_or(stored) };
            context! {
                key => field.key, label => field.label, help => field.help, required => field.required,
                secret => field.kind.is_secret(), tick => field.kind == FieldKind::Tick,
                lines => matches!(field.kind, FieldKind::Lines | FieldKind::SecretLines),
                value, set => of.set.contains(&field.key),
            }
        })
        .collect();
    let own = of.stored.as_ref().map(|stored| format!("{PAGE}/{}", stored.id));
    let title = of.stored.as_ref().map_or(of.module.display_name(), |stored| stored.title.as_str()).to_owned();
    let ticked = |stored: bool| if wrong.is_some() { cx.form.ticked("active") } else { stored };
    let values = context! {
        fields, cancel => PAGE, own => own.clone(),
        action => own.unwrap_or_else(|| format!("{PAGE}/new?module={}", of.module.module())),
        v => context! {
            title => typed("title").unwrap_or_else(|| title.clone()),
            name => of.stored.as_ref().map_or_else(|| typed("name").unwrap_or_default(), |stored| stored.name.clone()),
        },
        active => ticked(of.stored.as_ref().is_none_or(|stored| stored.active)),
        on => of.stored.as_ref().is_some_and(|stored| stored.active),
        new => of.stored.is_none(),
        module => of.module.display_name(),
    };
    let heading = if of.stored.is_none() { format!("Set up {title}") } else { title };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page(FORM, SECTION, &heading, context! { errors, ..values })
        }
        Some(errors) => cx.again(FORM, SECTION, &heading, errors, values),
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    if cx.params()?.text("module").is_empty() {
        // The list of modules is where one is chosen.
        return index(cx).await;
    }
    let of = subject(&cx, None).await?;
    form_page(&cx, &of, None)
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let of = subject(&cx, Some(id)).await?;
    form_page(&cx, &of, None)
}

fn written(cx: &AdminCx, module: &dyn Registrar) -> Configure {
    let mut values = Vec::new();
    for field in module.fields() {
        let typed = match field.kind {
            FieldKind::Tick => if cx.form.ticked(field.key) { "1" } else { "0" }.to_owned(),
            _ => cx.form.raw(field.key).unwrap_or_default().to_owned(),
        };
        // A secret's field that is left empty keeps the secret.
        if !(field.kind.is_secret() && typed.trim().is_empty()) {
            values.push((field.key.to_owned(), typed));
        }
    }
    Configure { title: Some(cx.form.text("title").to_owned()), active: Some(cx.form.ticked("active")), values }
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let of = subject(&cx, None).await?;
    let new = written(&cx, &*of.module);
    let mut tx = cx.app.db.write().await?;
    let name = Some(cx.form.text("name"));
    let done = registrars::add(&mut tx, &cx.app, &cx.actor, of.module.module(), name, new, cx.now).await;
    match done {
        Ok(made) => {
            tx.commit().await?;
            let to = format!("{PAGE}/{}", made.id);
            Ok(Redirect::to(to).saying(format!("{} is set up. Test whether it answers.", made.title)).into_response())
        }
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            form_page(&cx, &of, Some(&errors))
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn save(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let of = subject(&cx, Some(id)).await?;
    let new = written(&cx, &*of.module);
    let mut tx = cx.app.db.write().await?;
    match registrars::configure(&mut tx, &cx.app, &cx.actor, id, new, cx.now).await {
        Ok(done) => {
            tx.commit().await?;
            Ok(Redirect::to(format!("{PAGE}/{id}")).saying(format!("{} saved", done.title)).into_response())
        }
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            form_page(&cx, &of, Some(&errors))
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn switch(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let active = cx.form.ticked("on");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let new = Configure { active: Some(active), ..Configure::default() };
        let done = registrars::configure(&mut tx, &cx.app, &cx.actor, id, new, cx.now).await?;
        tx.commit().await?;
        let state = if active { "on" } else { "off" };
        Ok(Redirect::to(PAGE).saying(format!("{} switched {state}", done.title)))
    };
    match done.await {
        // What is missing is said where it can be filled in.
        Err(Error::Invalid(errors)) => {
            let words = errors.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            Ok(Redirect::to(format!("{PAGE}/{id}")).refusing(words))
        }
        other => or_back(other, PAGE),
    }
}

async fn test(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let to = Redirect::to(format!("{PAGE}/{id}"));
    Ok(match registrars::test(&cx.app, id).await? {
        Ok(words) => to.saying(words),
        Err(error) => to.refusing(error.to_string()),
    })
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        registrars::delete(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Registrar deleted"))
    };
    or_back(done.await, &format!("{PAGE}/{id}"))
}

const FILTERS: [&str; 4] = ["q", "registrar", "result", "domain"];

async fn log_page(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(log::SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let columns = log::Logged::columns("l");
    if request.csv {
        drop(conn);
        let file = ("registrar-log", &["At", "Registrar", "What", "Result", "Domain", "Detail"][..]);
        return Ok(lists::file(&cx.app.db, &request, log::query(&request), &columns, file, csv_row).await?);
    }
    let page: Page<log::Logged> = log::query(&request).page(&mut conn, &request, &columns).await?;
    let all = registrars::all(&mut conn).await?;
    drop(conn);
    let title = |name: &str| all.iter().find(|one| one.name == name).map_or(name.to_owned(), |one| one.title.clone());
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|line| {
            context! {
                registrar => title(&line.registrar), what => line.what.replace('_', " "), domain => &line.domain,
                failed => line.result == "error", detail => &line.detail,
                at => log::when(line.at, &zone), instant => line.at.to_string(),
            }
        })
        .collect();
    cx.page(
        "domains/registrars/log.html",
        "logs",
        "Registrar log",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(FILTERS.map(|name| (name, request.filter(name).to_owned()))),
            filtered => FILTERS.iter().any(|name| !request.filter(name).is_empty()),
            registrars => all.iter().map(|one| option(&one.name, &one.title)).collect::<Vec<_>>(),
            results => vec![option("answer", "Answer"), option("error", "Error")],
            rows,
        },
    )
}

fn csv_row(line: &log::Logged) -> Vec<String> {
    vec![
        line.at.to_string(),
        line.registrar.clone(),
        line.what.clone(),
        line.result.clone(),
        line.domain.clone(),
        line.detail.clone(),
    ]
}
