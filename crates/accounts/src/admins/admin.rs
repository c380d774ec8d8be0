//! Logging in and out, and choosing a password by a one-time link.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::db::Tx;
use platform::web::lists::escape;
use platform::web::{Fail, Form};

use crate::activity_log::{self, Activity};
use crate::banned_ips::{self, InForce};
use crate::doors::admin::{error_list, plain_frame};
use crate::doors::cookies::{self, Keep};
use crate::doors::limits::Limits;
use crate::doors::{AdminCx, PublicCx, Redirect, Routes, Tls, Word};
use crate::passwords::{self, Kinds, Owner, guessing};
use crate::roles::Permission;
use crate::two_factor::half::{self, Wish};
use crate::two_factor::{self, Person, Step};
use crate::{admins, openid, sessions};

use super::forgotten;

pub const HOMEPAGE: Permission = Permission("Main Homepage");

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/admin/login", login_page)
        .public_post("/admin/login", login)
        .public_get("/admin/welcome/{token}", welcome)
        .public_post("/admin/welcome/{token}", choose_password)
        .post_of_anybody("/admin/logout", logout)
}

/// Only addresses of our own pages: no scheme, no other host.
pub(crate) fn safe_next(next: &str) -> &str {
    let own = next.starts_with("/admin") && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', ':']);
    if own { next } else { "/admin" }
}

async fn login_page(cx: PublicCx) -> Result<Response, Fail> {
    let query = Form::parse(cx.query.as_bytes())?;
    login_form(&cx, "", query.text("next"), &FieldErrors::default()).await
}

async fn login_form(cx: &PublicCx, name: &str, next: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let may_ask = forgotten::is_offered(&mut conn).await?;
    let providers = openid::offered(&mut conn).await?;
    drop(conn);
    let next = safe_next(next);
    let others: Vec<Value> = providers
        .iter()
        .map(|provider| {
            let href = format!("/admin/openid/{}?next={}", provider.id, escape(next));
            context! { label => &provider.label, href }
        })
        .collect();
    let page = cx.app.templates.page(
        "login.html",
        context! {
            page => cx.plain_frame("Log in"),
            action => "/admin/login",
            passkey => "/admin/login/passkey",
            errors => error_list(errors),
            login => context! { email => name, next },
            others,
            forgot_href => if may_ask { forgotten::admin::PAGE } else { "" },
        },
    )?;
    Ok(page)
}

/// Log-in needs no token: there is no session yet, and the browser tells when another site sends the form.
async fn login(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    limits.login(&cx.ip, cx.now)?;
    let form = cx.form()?;
    let name = form.text("email").to_owned();
    let account = guessing::account("admin", &name);
    let mut conn = cx.app.db.read().await?;
    // This node may not have heard yet of a ban that another one has set.
    if let Some(ban) = banned_ips::of_address(&mut conn, &cx.ip, cx.now).await? {
        return Err(Fail(ban.refusal()));
    }
    guessing::check(&mut conn, &account, &cx.ip, cx.now).await?;
    drop(conn);
    let found = admins::authenticate(&cx.app.db, &name, form.raw("password").unwrap_or_default()).await?;
    let mut tx = cx.app.db.write().await?;
    let Some(admin) = found else {
        guessing::note(&mut tx, &account, &cx.ip, cx.now).await?;
        admins::note_refused(&mut tx, &name, &cx.ip, cx.now).await?;
        let ban = match limits.is_crowd(&cx.ip, &cx.headers) {
            true => None,
            false => banned_ips::failed(&mut tx, banned_ips::Door::Staff, &cx.ip, cx.now).await?,
        };
        tx.commit().await?;
        if let Some(ban) = ban {
            cx.app.get::<InForce>()?.refresh(&cx.app).await?;
            return Err(Fail(ban.refusal()));
        }
        let mut errors = FieldErrors::default();
        errors.add("password", "The name or the password is wrong.");
        let page = login_form(&cx, &name, form.text("next"), &errors).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    guessing::forget(&mut tx, &account, &cx.ip).await?;
    let wish = Wish { next: safe_next(form.text("next")), remember: false };
    Ok(go_in(&cx, tx, admin.id, wish, "Logged in").await?)
}

/// Goes on with the login of somebody of whom it is known who they are: to the second factor, or in.
pub(crate) async fn go_in(cx: &PublicCx, mut tx: Tx, id: i64, wish: Wish<'_>, how: &str) -> Result<Response> {
    let person = Person::Staff(id);
    let step = two_factor::after_password(&mut tx, person).await?;
    if step == Step::Done {
        return let_in(cx, tx, id, wish, how).await;
    }
    let token = half::begin(&mut tx, person, wish, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(two_factor::login::go_on(two_factor::login::STAFF, step, &token, cx))
}

/// Starts the session of somebody who has shown all that is asked. `how` is what the activity log says.
pub(crate) async fn let_in(cx: &PublicCx, mut tx: Tx, id: i64, wish: Wish<'_>, how: &str) -> Result<Response> {
    let admin = admins::find(&mut tx, id).await?;
    if admin.disabled {
        return Err(Error::refused("This administrator is disabled."));
    }
    if let Some(before) = cookies::session(&cx.headers, sessions::COOKIE, cx.tls) {
        sessions::end(&mut tx, &before, cx.now).await?;
    }
    let token = sessions::start(&mut tx, id, &cx.ip, &cx.app.random, cx.now).await?;
    let activity = Activity::new(how).about(format!("admin:{id}"));
    activity_log::record(&mut tx, &admin.actor(&cx.ip), activity, cx.now).await?;
    tx.commit().await?;
    let mut response = Redirect::to(safe_next(wish.next)).into_response();
    cookies::set_session(response.headers_mut(), sessions::COOKIE, &token, cx.tls, Keep::UntilClosed);
    Ok(response)
}

async fn logout(cx: AdminCx, Extension(tls): Extension<Tls>, headers: HeaderMap) -> Result<Response, Fail> {
    if let Some(token) = cookies::session(&headers, sessions::COOKIE, tls) {
        let mut tx = cx.app.db.write().await?;
        sessions::end(&mut tx, &token, cx.now).await?;
        activity_log::record(&mut tx, &cx.actor, Activity::new("Logged out"), cx.now).await?;
        tx.commit().await?;
    }
    let mut response = Redirect::to("/admin/login").into_response();
    cookies::leave(response.headers_mut(), sessions::COOKIE, tls);
    Ok(response)
}

async fn welcome(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    welcome_form(&cx, &token, &FieldErrors::default()).await
}

async fn welcome_form(cx: &PublicCx, token: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let admin = admins::link_owner(&mut conn, token, cx.now).await?;
    let page = cx.app.templates.page(
        "accounts/admins/welcome.html",
        context! {
            page => plain_frame(&cx.app, "Choose a password"),
            username => admin.username,
            action => &cx.path,
            minimum => Kinds::Staff.shortest(),
            errors => error_list(errors),
        },
    )?;
    Ok(page)
}

async fn choose_password(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let form = cx.form()?;
    let password = form.raw("password").unwrap_or_default().to_owned();
    let admin = admins::link_owner(&mut cx.app.db.read().await?, &token, cx.now).await?;
    let owner = Owner { kind: Kinds::Staff, known: &[&admin.username, &admin.email] };
    let mut errors = FieldErrors::default();
    errors.take("password", passwords::check(&cx.app, owner, &password).await?.map_or(Ok(()), Err));
    if form.raw("again").unwrap_or_default() != password {
        errors.add("again", "The two passwords differ.");
    }
    if !errors.is_empty() {
        let page = welcome_form(&cx, &token, &errors).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let hash = passwords::hash(&password).await?;
    let mut tx = cx.app.db.write().await?;
    admins::use_link(&mut tx, &token, &hash, &cx.ip, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/admin/login").saying("Your password is set. Log in with it.").into_response())
}
