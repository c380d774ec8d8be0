//! Logging in and out, and typing the password again before something that matters.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{FieldErrors, Result};
use minijinja::context;
use platform::db::Tx;
use platform::settings::Values;
use platform::web::{Fail, Form};

use super::{Attempt, Bans, From};
use crate::activity_log::{self, Activity};
use crate::captcha::{self, Guarded};
use crate::doors::admin::error_list;
use crate::doors::cookies;
use crate::doors::limits::Limits;
use crate::doors::user::{give, of_headers, take_away};
use crate::doors::{PublicCx, Redirect, Routes, UserCx};
use crate::two_factor::half::{self, Wish};
use crate::two_factor::{self, Person, Step};
use crate::user_sessions::{self, COOKIE, REMEMBER_DAYS, Remember};
use crate::{logins, registration, users};

const HOME: &str = "/account";
const LOGIN: &str = "/login";

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/", front)
        .public_get(LOGIN, login_page)
        .public_post(LOGIN, login)
        .user_post("/logout", logout)
        .user_get("/account/confirm", confirm_page)
        .user_post("/account/confirm", confirm)
}

/// Only addresses of our own pages: no scheme, no other host, nothing of staff's.
pub(crate) fn safe_next(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/admin");
    let plain = !next.contains(['\\', ':']) && !next.chars().any(char::is_control);
    if own && plain && !next.starts_with(LOGIN) { next } else { HOME }
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn is_logged_in(cx: &PublicCx) -> Result<bool> {
    Ok(of_headers(&cx.app, &cx.headers, cx.tls, &cx.ip, cx.now).await?.is_some())
}

async fn front(cx: PublicCx) -> Result<Redirect, Fail> {
    Ok(Redirect::to(if is_logged_in(&cx).await? { HOME } else { LOGIN }))
}

async fn login_page(cx: PublicCx) -> Result<Response, Fail> {
    let query = Form::parse(cx.query.as_bytes())?;
    let next = safe_next(query.text("next"));
    if is_logged_in(&cx).await? {
        return Ok(Redirect::to(next).into_response());
    }
    login_form(&cx, "", next, &FieldErrors::default()).await
}

async fn login_form(cx: &PublicCx, email: &str, next: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = Values::load(&mut cx.app.db.read().await?).await?;
    let slot = captcha::slot(&cx.app, Guarded::Login, cx.now).await?;
    let page = cx.app.templates.page(
        "accounts/logins/login.html",
        context! {
            page => cx.plain_frame("Log in"),
            errors => error_list(errors),
            email, next,
            remember => values.int(&REMEMBER_DAYS),
            register => values.bool(&registration::ALLOWED),
            captcha => &slot.view,
        },
    )?;
    Ok(slot.dress(page))
}

/// Log-in needs no token: there is no session yet, and the browser tells when another site sends the form.
async fn login(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let email = form.text("email");
    let attempt = Attempt {
        email,
        password: form.raw("password").unwrap_or_default(),
        ip: &cx.ip,
        bans: bans(&limits, &cx.ip, &cx.headers),
    };
    let wish = Wish { next: safe_next(form.text("next")), remember: form.ticked("remember") };
    let mut errors = FieldErrors::default();
    if errors.gather(captcha::check(&cx.app, &form, Guarded::Login, &cx.ip, cx.now).await)?.is_none() {
        let page = login_form(&cx, email, wish.next, &errors).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Some(user) = logins::authenticate(&cx.app, attempt, cx.now).await? else {
        let mut errors = FieldErrors::default();
        errors.add("password", "The e-mail address or the password is wrong.");
        let page = login_form(&cx, email, wish.next, &errors).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let tx = cx.app.db.write().await?;
    Ok(after_password(&cx, tx, user.id, wish).await?)
}

/// Lets a user in whose password was right, or asks for the second factor.
pub(crate) async fn after_password(cx: &PublicCx, mut tx: Tx, id: i64, wish: Wish<'_>) -> Result<Response> {
    let person = Person::User(id);
    let step = two_factor::after_password(&mut tx, person).await?;
    if step == Step::Done {
        return let_in(cx, tx, id, wish, "Logged in").await;
    }
    let token = half::begin(&mut tx, person, wish, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(two_factor::login::go_on(two_factor::login::USERS, step, &token, cx))
}

/// Starts the session of a user who has shown all that is asked. `how` is what the activity log says.
pub(crate) async fn let_in(cx: &PublicCx, mut tx: Tx, id: i64, wish: Wish<'_>, how: &str) -> Result<Response> {
    let before = cookies::session(&cx.headers, COOKIE, cx.tls);
    let from = From {
        ip: &cx.ip,
        user_agent: user_agent(&cx.headers),
        remember: if wish.remember { Remember::Yes } else { Remember::No },
        before: before.as_deref(),
    };
    let user = users::find(&mut tx, id).await?;
    let started = logins::begin(&mut tx, &cx.app, &user, from, how, cx.now).await?;
    tx.commit().await?;
    let mut response = Redirect::to(safe_next(wish.next)).into_response();
    give(&mut response, &started, cx.tls);
    Ok(response)
}

/// Whether wrong passwords ban this address.
pub(crate) fn bans(limits: &Limits, ip: &str, headers: &HeaderMap) -> Bans {
    if limits.is_crowd(ip, headers) { Bans::No } else { Bans::Yes }
}

async fn logout(cx: UserCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    user_sessions::log_out(&mut tx, &cx.logged_in).await?;
    let activity = Activity::new("Logged out").about(format!("user:{}", cx.user.id));
    activity_log::record(&mut tx, &cx.actor, activity, cx.now).await?;
    tx.commit().await?;
    let mut response = Redirect::to(LOGIN).saying("You are logged out.").into_response();
    take_away(&mut response, cx.tls);
    Ok(response)
}

async fn confirm_page(cx: UserCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    confirm_form(&cx, safe_next(query.text("next")), None)
}

fn confirm_form(cx: &UserCx, next: &str, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let (template, title) = ("accounts/logins/confirm.html", "Your password, please");
    let values = context! { next, email => &cx.user.email };
    match wrong {
        None => cx.page(template, title, context! { errors => error_list(&FieldErrors::default()), ..values }),
        Some(errors) => cx.again(template, title, errors, values),
    }
}

async fn confirm(cx: UserCx, Extension(limits): Extension<Arc<Limits>>, headers: HeaderMap) -> Result<Response, Fail> {
    let next = safe_next(cx.form.text("next"));
    cx.confirm_first(next)?;
    if !right_password(&cx, &limits, &headers, "password").await? {
        let mut errors = FieldErrors::default();
        errors.add("password", WRONG);
        return confirm_form(&cx, next, Some(&errors));
    }
    let mut tx = cx.app.db.write().await?;
    let started = user_sessions::confirm(&mut tx, &cx.session, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(cx.renewed(Redirect::to(next), &started))
}

pub(crate) const WRONG: &str = "This is not your password.";

/// Whether the user's password was typed into a field. Tries are limited as at the login.
pub(crate) async fn right_password(cx: &UserCx, limits: &Limits, headers: &HeaderMap, field: &str) -> Result<bool> {
    limits.login(&cx.ip, cx.now)?;
    let attempt = Attempt {
        email: &cx.user.email,
        password: cx.form.raw(field).unwrap_or_default(),
        ip: &cx.ip,
        bans: bans(limits, &cx.ip, headers),
    };
    logins::is_password(&cx.app, &cx.user, attempt, cx.now).await
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn a_login_leads_to_our_own_pages_and_nowhere_else() {
        for next in ["/account", "/account/security?x=1", "/"] {
            assert_eq!(safe_next(next), next);
        }
        for next in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/admin",
            "/admin/clients",
            "/login?next=/login",
            "/a\r\nSet-Cookie",
            "/x:y",
        ] {
            assert_eq!(safe_next(next), "/account", "{next}");
        }
    }
}
