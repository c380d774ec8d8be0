//! Where a user sees the own sessions and ends them, and turns from one client to another.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::Fail;

use super::Session;
use crate::doors::user::take_away;
use crate::doors::{Id, Redirect, Routes, UserCx};
use crate::two_factor::{self, Person};
use crate::{company, user_sessions};

const SECURITY: &str = "/account/security";
const SWITCH: &str = "/account/switch";

pub fn routes() -> Routes {
    Routes::new()
        .user_get(SECURITY, security)
        .user_post("/account/security/sessions/{id}/end", end)
        .user_post("/account/security/log-out", log_out_everywhere)
        .user_get(SWITCH, choose)
        .user_post(SWITCH, switch)
}

async fn security(cx: UserCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let sessions = user_sessions::of_user(&mut conn, cx.user.id, cx.now).await?;
    let factors = two_factor::factors(&mut conn, Person::User(cx.user.id)).await?.in_words();
    drop(conn);
    let sessions: Vec<Value> = sessions.iter().map(|session| row(session, cx.session.id, &zone)).collect();
    cx.page("accounts/user_sessions/security.html", "Security", context! { sessions, factors })
}

/// A session as its user and staff are shown it.
pub(crate) fn row(session: &Session, current: i64, zone: &TimeZone) -> Value {
    context! {
        id => session.id,
        device => device(session),
        ip => &session.ip,
        remembered => session.remembered,
        current => session.id == current,
        since => company::clock(session.created_at, zone), since_at => session.created_at.to_string(),
        seen => company::clock(session.seen_at, zone), seen_at => session.seen_at.to_string(),
    }
}

/// The browser and the system, as far as a browser says what it is.
pub(crate) fn device(session: &Session) -> String {
    if session.admin_id.is_some() {
        return "Our staff, on behalf of the owner".to_owned();
    }
    let told = &session.user_agent;
    let named = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| told.contains(mark)).map(|(_, name)| *name)
    };
    // The order decides: each of these names those after it too.
    let browser = named(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = named(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if told.is_empty() => "A program that does not say what it is".to_owned(),
        (None, None) => told.chars().take(60).collect(),
    }
}

async fn end(cx: UserCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    user_sessions::end(&mut tx, &cx.actor, &cx.user, id, cx.now).await?;
    tx.commit().await?;
    if id != cx.session.id {
        return Ok(Redirect::to(SECURITY).saying("The session has ended.").into_response());
    }
    let mut response = Redirect::to("/login").saying("You are logged out.").into_response();
    take_away(&mut response, cx.tls);
    Ok(response)
}

/// Everywhere, or everywhere else.
async fn log_out_everywhere(cx: UserCx) -> Result<Response, Fail> {
    let kept = cx.form.ticked("others").then_some(cx.session.id);
    let mut tx = cx.app.db.write().await?;
    user_sessions::end_others(&mut tx, &cx.actor, &cx.user, kept, cx.now).await?;
    if kept.is_some() {
        let started = user_sessions::rotate(&mut tx, &cx.session, &cx.app.random, cx.now).await?;
        tx.commit().await?;
        return Ok(cx.renewed(Redirect::to(SECURITY).saying("You are logged out everywhere else."), &started));
    }
    tx.commit().await?;
    let mut response = Redirect::to("/login").saying("You are logged out everywhere.").into_response();
    take_away(&mut response, cx.tls);
    Ok(response)
}

async fn choose(cx: UserCx) -> Result<Response, Fail> {
    let accounts = user_sessions::accounts(&mut cx.app.db.read().await?, cx.user.id).await?;
    let current = cx.logged_in.account.as_ref().map(|account| account.id);
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|account| {
            context! {
                id => account.id, name => &account.name, is_owner => account.is_owner, open => account.is_open(),
                current => current == Some(account.id),
            }
        })
        .collect();
    cx.page("accounts/user_sessions/switch.html", "Accounts", context! { accounts })
}

async fn switch(cx: UserCx) -> Result<Response, Fail> {
    let mut errors = FieldErrors::default();
    let client_id = cx.form.id("client", &mut errors);
    errors.check()?;
    let mut tx = cx.app.db.write().await?;
    let switched = user_sessions::switch(&mut tx, &cx.logged_in, client_id, &cx.app.random, cx.now).await;
    match switched {
        Ok(started) => {
            tx.commit().await?;
            Ok(cx.renewed(Redirect::to("/account"), &started))
        }
        Err(Error::Refused(why)) => Ok(Redirect::to(SWITCH).refusing(why).into_response()),
        Err(other) => Err(Fail(other)),
    }
}
