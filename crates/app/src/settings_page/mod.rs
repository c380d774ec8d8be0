//! The settings registry as a form.
//!
//! A field is saved only when it differs from what the form showed, so two administrators who change different
//! settings do not undo each other; who changes one that has changed meanwhile is told.

pub mod api;
pub mod compat;

use accounts::doors::{AdminCx, Permission, Redirect, Routes};
use accounts::settings as rules;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::settings::{Registry, Setting, Values};
use platform::web::{Fail, Form};
use platform::{Kind, Tx};

use crate::wiring;

pub const CONFIGURE: Permission = Permission("Configure General Settings");
pub const PATH: &str = "/admin/setup/settings";
const TEMPLATE: &str = "app/settings_page/form.html";

pub fn routes() -> Routes {
    Routes::new().get(PATH, CONFIGURE, show).post(PATH, CONFIGURE, save).merge(api::routes()).merge(compat::routes())
}

async fn show(cx: AdminCx) -> Result<Response, Fail> {
    let values = Values::load(&mut cx.app.db.read().await?).await?;
    let sections = sections(&cx, &values, None);
    cx.page(
        TEMPLATE,
        "configuration",
        "General settings",
        context! { sections, zones => zones(), errors => Vec::<i64>::new() },
    )
}

/// The form's sections in the order of the registry; what was typed stands in for what is stored.
fn sections(cx: &AdminCx, values: &Values, typed: Option<&Form>) -> Vec<Value> {
    by_section(&cx.app.settings)
        .into_iter()
        .map(|(name, settings)| {
            let fields: Vec<Value> = settings.iter().map(|setting| field(setting, values, typed)).collect();
            context! { name, fields }
        })
        .collect()
}

/// Every setting under its section. Several crates may contribute to one.
pub fn by_section(registry: &Registry) -> Vec<(&'static str, Vec<&'static Setting>)> {
    let mut sections: Vec<(&str, Vec<&Setting>)> = Vec::new();
    for setting in registry.all().iter().copied() {
        match sections.iter_mut().find(|(name, _)| *name == setting.section) {
            Some((_, settings)) => settings.push(setting),
            None => sections.push((setting.section, vec![setting])),
        }
    }
    sections
}

fn field(setting: &Setting, values: &Values, typed: Option<&Form>) -> Value {
    let stored = values.text(setting);
    // What was not touched is shown as it is now, so that saving again does not bring back what it was.
    let value = typed
        .and_then(|form| form.raw(&was(setting)).filter(|shown| *shown != given(setting, form)).and(Some(form)))
        .map_or(stored, |form| given(setting, form));
    let (kind, low, high) = match setting.kind {
        Kind::Text { .. } | Kind::Networks => ("text", None, None),
        Kind::Lines { .. } => ("lines", None, None),
        Kind::Bool => ("bool", None, None),
        Kind::Int { min, max } | Kind::OptionalInt { min, max } => ("int", Some(min), Some(max)),
        Kind::Choice(_) => ("choice", None, None),
        Kind::TimeZone => ("zone", None, None),
        Kind::Email => ("email", None, None),
    };
    let options: Vec<Value> = match setting.kind {
        Kind::Choice(choices) => {
            choices.iter().map(|(value, label)| context! { value => *value, label => *label }).collect()
        }
        _ => Vec::new(),
    };
    let long = matches!(setting.kind, Kind::Networks) || matches!(setting.kind, Kind::Text { max } if max > 40);
    context! {
        key => setting.key,
        label => setting.label,
        help => setting.help,
        kind, value, options, low, high, long,
        was => stored,
        ticked => value == "true",
    }
}

/// The hidden field with the value that the form showed.
fn was(setting: &Setting) -> String {
    format!("was.{}", setting.key)
}

/// What was typed. A box that is not ticked sends nothing.
fn given<'a>(setting: &Setting, form: &'a Form) -> &'a str {
    match setting.kind {
        Kind::Bool => {
            if form.ticked(setting.key) {
                "true"
            } else {
                "false"
            }
        }
        _ => form.raw(setting.key).unwrap_or_default(),
    }
}

fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).filter(|name| name.contains('/')).collect()
}

async fn save(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    match apply(&cx, &mut tx).await {
        Ok(Saved { count: 0, .. }) => Ok(Redirect::to(PATH).warning("Nothing was changed.").into_response()),
        Ok(Saved { count, note }) => {
            tx.commit().await?;
            wiring::refresh(&cx.app).await?;
            let said = if count == 1 {
                "One setting was changed.".to_owned()
            } else {
                format!("{count} settings were changed.")
            };
            let back = Redirect::to(PATH);
            Ok(match note {
                Some(note) => back.warning(format!("{said} {note}")),
                None => back.saying(said),
            }
            .into_response())
        }
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            let values = Values::load(&mut cx.app.db.read().await?).await?;
            let sections = sections(&cx, &values, Some(&cx.form));
            cx.again(TEMPLATE, "configuration", "General settings", &errors, context! { sections, zones => zones() })
        }
        Err(other) => Err(Fail(other)),
    }
}

/// How many settings were stored, and what else that did.
struct Saved {
    count: usize,
    note: Option<&'static str>,
}

/// Stores what was changed; every error is found first.
async fn apply(cx: &AdminCx, tx: &mut Tx) -> Result<Saved> {
    let stored = Values::load(tx).await?;
    let mut errors = FieldErrors::default();
    let mut wanted = Vec::new();
    for setting in cx.app.settings.all().iter().copied() {
        let Some(shown) = cx.form.raw(&was(setting)) else { continue };
        let shown = shown.replace("\r\n", "\n");
        // At the top of a long form the sentence alone would not say what it is about.
        let checked =
            setting.check(given(setting, &cx.form)).map_err(|message| format!("{}: {message}", setting.label));
        let Some(new) = errors.take(setting.key, checked) else { continue };
        if new == shown.trim() {
            continue;
        }
        let now = stored.text(setting);
        if now != shown && now != new {
            errors.add(
                setting.key,
                format!("Somebody else has changed this to “{now}” meanwhile. Save again to replace it."),
            );
        }
        wanted.push((setting, new));
    }
    errors.check()?;
    let pairs: Vec<(&Setting, &str)> = wanted.iter().map(|(setting, value)| (*setting, value.as_str())).collect();
    match rules::store(tx, &cx.actor, &pairs, cx.now).await {
        Ok(stored) => Ok(Saved { count: stored.changes.len(), note: stored.note }),
        Err(Error::Invalid(wrong)) => Err(Error::Invalid(labelled(&wrong, &cx.app.settings))),
        Err(other) => Err(other),
    }
}

/// At the top of a long form the sentence alone would not say what it is about.
fn labelled(wrong: &FieldErrors, registry: &Registry) -> FieldErrors {
    let mut errors = FieldErrors::default();
    for (key, message) in wrong.iter() {
        let label = registry.find(key).map_or(key, |setting| setting.label);
        errors.add(key, format!("{label}: {message}"));
    }
    errors
}
