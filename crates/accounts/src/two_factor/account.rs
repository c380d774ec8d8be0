//! What staff do with their own second factors. It takes no permission, and a password shown not long ago.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::escape;
use serde_json::json;
use std::sync::Arc;

use super::login::{answer_of, spaced};
use super::{Passkey, Person, Policy, factors, passkeys, policy, totp};
use crate::doors::admin::{error_list, instance_name, or_back};
use crate::doors::cookies;
use crate::doors::limits::Limits;
use crate::doors::{AdminCx, Id, Redirect, Routes, Tls};
use crate::passwords::guessing;
use crate::{admins, company, sessions};

const PAGE: &str = "/admin/account/security";
const CONFIRM: &str = "/admin/account/confirm";

pub fn routes() -> Routes {
    Routes::new()
        .get_of_anybody(CONFIRM, confirm_page)
        .post_of_anybody(CONFIRM, confirm)
        .get_of_anybody(PAGE, page)
        .post_of_anybody(&at("/app"), confirm_app)
        .post_of_anybody(&at("/app/remove"), remove_app)
        .post_of_anybody(&at("/codes"), renew_codes)
        .post_of_anybody(&at("/passkeys/options"), passkey_options)
        .post_of_anybody(&at("/passkeys"), add_passkey)
        .post_of_anybody("/admin/account/security/passkeys/{id}", rename_passkey)
        .post_of_anybody("/admin/account/security/passkeys/{id}/remove", remove_passkey)
}

fn at(path: &str) -> String {
    format!("{PAGE}{path}")
}

fn person(cx: &AdminCx) -> Person {
    Person::Staff(cx.staff.id)
}

/// Sends whoever has not shown a password for a while to show it again. `None` when it is fresh.
fn stale(cx: &AdminCx) -> Option<Response> {
    (!cx.staff.is_fresh(cx.now)).then(|| Redirect::to(format!("{CONFIRM}?next={}", escape(PAGE))).into_response())
}

async fn confirm_page(cx: AdminCx) -> Result<Response, Fail> {
    let next = cx.params()?.text("next").to_owned();
    confirm_form(&cx, &next, &FieldErrors::default())
}

fn confirm_form(cx: &AdminCx, next: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! { action => CONFIRM, next => admins::admin::safe_next(next), username => &cx.staff.username };
    match errors.is_empty() {
        true => cx.page(
            "accounts/two_factor/confirm.html",
            "",
            "Is it you?",
            context! { errors => error_list(errors), ..values },
        ),
        false => cx.again("accounts/two_factor/confirm.html", "", "Is it you?", errors, values),
    }
}

async fn confirm(
    cx: AdminCx,
    Extension(limits): Extension<Arc<Limits>>,
    Extension(tls): Extension<Tls>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let ip = &cx.actor.ip;
    limits.login(ip, cx.now)?;
    let account = guessing::account("admin", &cx.staff.username);
    let mut conn = cx.app.db.read().await?;
    guessing::check(&mut conn, &account, ip, cx.now).await?;
    let password = cx.form.raw("password").unwrap_or_default();
    let found = admins::authenticate(&mut conn, &cx.staff.username, password).await?;
    drop(conn);
    let mut tx = cx.app.db.write().await?;
    let next = cx.form.text("next");
    if found.is_none_or(|admin| admin.id != cx.staff.id) {
        guessing::note(&mut tx, &account, ip, cx.now).await?;
        tx.commit().await?;
        let mut errors = FieldErrors::default();
        errors.add("password", "This is not your password.");
        return confirm_form(&cx, next, &errors);
    }
    guessing::forget(&mut tx, &account, ip).await?;
    if let Some(token) = cookies::session(&headers, sessions::COOKIE, tls) {
        sessions::confirm(&mut tx, &token, cx.now).await?;
    }
    tx.commit().await?;
    Ok(Redirect::to(admins::admin::safe_next(next)).into_response())
}

async fn page(cx: AdminCx) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    show(&cx, &FieldErrors::default()).await
}

async fn show(cx: &AdminCx, errors: &FieldErrors) -> Result<Response, Fail> {
    let issuer = instance_name(&cx.app);
    let mut tx = cx.app.db.write().await?;
    let admin = admins::find(&mut tx, cx.staff.id).await?;
    let zone = company::zone(&mut tx).await?;
    let policy = policy(&mut tx, person(cx)).await?;
    let known = factors(&mut tx, person(cx)).await?;
    let set_up = match known.totp_since.is_none() && policy != Policy::Off {
        true => Some(totp::begin(&mut tx, &cx.app, person(cx), &admin.email, &issuer).await?),
        false => None,
    };
    let no_passkeys = passkeys::site(&mut tx, &issuer).await.err().map(|why| why.to_string());
    tx.commit().await?;
    let values = context! {
        base => PAGE,
        off => policy == Policy::Off, required => policy == Policy::Required,
        app_since => known.totp_since.map(|at| company::clock(at, &zone)),
        app_since_at => known.totp_since.map(|at| at.to_string()),
        set_up => set_up.map(|set_up| context! { picture => set_up.picture, secret => spaced(&set_up.secret) }),
        passkeys => known.passkeys.iter().map(|key| shown(key, &zone)).collect::<Vec<_>>(),
        no_passkeys, any => known.any(), codes_left => known.recovery_codes,
    };
    let title = "My second factor";
    match errors.is_empty() {
        true => cx.page(SHOW, "", title, context! { errors => error_list(errors), ..values }),
        false => cx.again(SHOW, "", title, errors, values),
    }
}

const SHOW: &str = "accounts/two_factor/account.html";

fn shown(key: &Passkey, zone: &platform::jiff::tz::TimeZone) -> Value {
    context! {
        id => key.id, name => &key.name,
        since => company::clock(key.created_at, zone), since_at => key.created_at.to_string(),
        used => key.last_used_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        used_at => key.last_used_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

/// The recovery codes, once; or back to the page when there are none to show.
fn codes_or_back(cx: &AdminCx, codes: Option<Vec<String>>, said: &str) -> Result<Response, Fail> {
    match codes {
        Some(codes) => {
            let title = "Your recovery codes";
            cx.page("accounts/two_factor/codes_in_frame.html", "", title, context! { codes, next => PAGE })
        }
        None => Ok(Redirect::to(PAGE).saying(said).into_response()),
    }
}

async fn confirm_app(cx: AdminCx) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    let mut tx = cx.app.db.write().await?;
    let code = cx.form.raw("code").unwrap_or_default();
    match totp::confirm(&mut tx, &cx.app, &cx.actor, person(&cx), code, cx.now).await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, codes, "The authenticator app is set up")
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            show(&cx, &errors).await
        }
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}

async fn remove_app(cx: AdminCx) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    let mut tx = cx.app.db.write().await?;
    let removed = super::remove_totp(&mut tx, &cx.actor, person(&cx), cx.now).await;
    let done = removed.map(|()| Redirect::to(PAGE).saying("The authenticator app is removed"));
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(or_back(done, PAGE)?.into_response())
}

async fn renew_codes(cx: AdminCx) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    let mut tx = cx.app.db.write().await?;
    match super::renew_by_owner(&mut tx, &cx.actor, person(&cx), &cx.app.random, cx.now).await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, Some(codes), "")
        }
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}

async fn passkey_options(cx: AdminCx) -> Result<Response, Fail> {
    if !cx.staff.is_fresh(cx.now) {
        return Err(Error::refused("Show your password again: reload the page.").into());
    }
    let mut tx = cx.app.db.write().await?;
    let admin = admins::find(&mut tx, cx.staff.id).await?;
    let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
    let asked = passkeys::ask_for_new(&mut tx, &cx.app, &site, person(&cx), &admin.email, &admin.username).await?;
    tx.commit().await?;
    Ok(Json(json!({ "token": asked.token, "options": asked.options })).into_response())
}

async fn add_passkey(cx: AdminCx) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    let mut tx = cx.app.db.write().await?;
    let added = async {
        let answer = answer_of(&cx.form)?;
        let site = passkeys::site(&mut tx, &instance_name(&cx.app)).await?;
        passkeys::add(&mut tx, &cx.app, &site, &cx.actor, person(&cx), cx.form.text("name"), answer).await
    };
    match added.await {
        Ok(codes) => {
            tx.commit().await?;
            codes_or_back(&cx, codes, "The passkey is added")
        }
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}

async fn rename_passkey(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let renamed = passkeys::rename(&mut tx, &cx.actor, person(&cx), id, cx.form.text("name"), cx.now).await;
    let done = renamed.map(|()| Redirect::to(PAGE).saying("The passkey has its new name"));
    if done.is_ok() {
        tx.commit().await?;
    }
    or_back(done, PAGE)
}

async fn remove_passkey(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    if let Some(elsewhere) = stale(&cx) {
        return Ok(elsewhere);
    }
    let mut tx = cx.app.db.write().await?;
    let removed = passkeys::remove(&mut tx, &cx.actor, person(&cx), id, cx.now).await;
    let done = removed.map(|()| Redirect::to(PAGE).saying("The passkey is removed"));
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(or_back(done, PAGE)?.into_response())
}
