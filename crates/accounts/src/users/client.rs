//! What users change of themselves: name, address, password.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::context;
use platform::App;
use platform::web::{Fail, Form, lists};

use super::{User, UserEdit};
use crate::doors::admin::error_list;
use crate::doors::limits::Limits;
use crate::doors::{Redirect, Routes, UserCx};
use crate::logins::client::{WRONG, right_password};
use crate::passwords::{self, Kinds, Owner};
use crate::{email_verification, user_sessions, users};

const PROFILE: &str = "/account/profile";
const EMAIL: &str = "/account/email";
const PASSWORD: &str = "/account/password";

pub fn routes() -> Routes {
    Routes::new()
        .user_get(PROFILE, profile_page)
        .user_post(PROFILE, save_profile)
        .user_get(EMAIL, email_page)
        .user_post(EMAIL, change_email)
        .user_get(PASSWORD, password_page)
        .user_post(PASSWORD, change_password)
}

async fn profile_page(cx: UserCx) -> Result<Response, Fail> {
    let v = context! {
        first_name => &cx.user.first_name, last_name => &cx.user.last_name, language => &cx.user.language,
    };
    let errors = error_list(&FieldErrors::default());
    cx.page("accounts/users/profile.html", "Your profile", context! { v, email => &cx.user.email, errors })
}

async fn save_profile(cx: UserCx) -> Result<Response, Fail> {
    let text = |name: &str| Some(cx.form.raw(name).unwrap_or_default().to_owned());
    let edit = UserEdit {
        first_name: text("first_name"),
        last_name: text("last_name"),
        email: None,
        language: text("language"),
    };
    let mut tx = cx.app.db.write().await?;
    match users::update(&mut tx, &cx.actor, cx.user.id, edit, cx.now).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(Redirect::to(PROFILE).saying("Your profile is saved.").into_response())
        }
        Err(Error::Invalid(errors)) => {
            let v = context! {
                first_name => cx.form.raw("first_name").unwrap_or_default(),
                last_name => cx.form.raw("last_name").unwrap_or_default(),
                language => cx.form.raw("language").unwrap_or_default(),
            };
            let values = context! { v, email => &cx.user.email };
            cx.again("accounts/users/profile.html", "Your profile", &errors, values)
        }
        Err(other) => Err(Fail(other)),
    }
}

/// The page with what was typed before the password had to be.
async fn email_page(cx: UserCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    email_form(&cx, query.text("email"), &FieldErrors::default())
}

fn email_form(cx: &UserCx, typed: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    if let Some(first) = confirm_email_first(cx, typed)? {
        return Ok(first.into_response());
    }
    let values = context! { now => &cx.user.email, typed };
    let (template, title) = ("accounts/users/email.html", "Your e-mail address");
    if errors.is_empty() {
        cx.page(template, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, title, errors, values)
    }
}

fn confirm_email_first(cx: &UserCx, typed: &str) -> Result<Option<Redirect>> {
    let typed = if typed.is_empty() { String::new() } else { format!("?email={}", lists::escape(typed)) };
    cx.confirm_first(&format!("{EMAIL}{typed}"))
}

async fn change_email(cx: UserCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let typed = cx.form.text("email").to_owned();
    if let Some(first) = confirm_email_first(&cx, &typed)? {
        return Ok(first.into_response());
    }
    limits.login(&cx.ip, cx.now)?;
    match ask_to_change(&cx, &typed).await {
        Ok(email) => {
            cx.app.wake.notify_waiters();
            let told = format!(
                "If nobody else logs in with {email}, a link is on its way there. Until you open it you log in with {}.",
                cx.user.email
            );
            Ok(Redirect::to(PROFILE).saying(told).into_response())
        }
        Err(Error::Invalid(errors)) => email_form(&cx, &typed, &errors),
        Err(Error::Refused(why)) => Ok(Redirect::to(PROFILE).refusing(why).into_response()),
        Err(other) => Err(Fail(other)),
    }
}

async fn ask_to_change(cx: &UserCx, typed: &str) -> Result<Email> {
    let email = Email::parse(typed).map_err(|message| Error::invalid("email", message))?;
    let mut tx = cx.app.db.write().await?;
    email_verification::change(&mut tx, &cx.app, &cx.actor, &cx.user, &email, cx.now).await?;
    tx.commit().await?;
    Ok(email)
}

async fn password_page(cx: UserCx) -> Result<Response, Fail> {
    password_form(&cx, &FieldErrors::default())
}

fn password_form(cx: &UserCx, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! { email => &cx.user.email, minimum => passwords::MIN_USER };
    let (template, title) = ("accounts/users/password.html", "Your password");
    if errors.is_empty() {
        cx.page(template, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, title, errors, values)
    }
}

/// The new password that was typed twice, good enough and hashed.
pub(crate) async fn new_password(app: &App, user: &User, form: &Form) -> Result<passwords::Hash> {
    let password = form.raw("password").unwrap_or_default();
    let mut errors = FieldErrors::default();
    let known = [user.first_name.as_str(), &user.last_name, &user.email];
    if let Some(why) = passwords::check(app, Owner { kind: Kinds::User, known: &known }, password).await? {
        errors.add("password", why);
    }
    if form.raw("again").unwrap_or_default() != password {
        errors.add("again", "The two passwords differ.");
    }
    errors.check()?;
    passwords::hash(password).await
}

/// Asks for the password up to now in the same form, so that nothing else is asked before.
async fn change_password(
    cx: UserCx,
    Extension(limits): Extension<Arc<Limits>>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    if cx.session.admin_id.is_some() {
        cx.confirm_first(PASSWORD)?;
    }
    if !right_password(&cx, &limits, &headers, "current").await? {
        let mut errors = FieldErrors::default();
        errors.add("current", WRONG);
        return password_form(&cx, &errors);
    }
    let hash = match new_password(&cx.app, &cx.user, &cx.form).await {
        Ok(hash) => hash,
        Err(Error::Invalid(errors)) => return password_form(&cx, &errors),
        Err(other) => return Err(Fail(other)),
    };
    let mut tx = cx.app.db.write().await?;
    users::set_password(&mut tx, &cx.app, &cx.actor, &cx.user, &hash, cx.now).await?;
    user_sessions::end_others(&mut tx, &cx.actor, &cx.user, Some(cx.session.id), cx.now).await?;
    let started = user_sessions::confirm(&mut tx, &cx.session, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    let told = "Your password is changed. You are logged out everywhere else.";
    Ok(cx.renewed(Redirect::to("/account/security").saying(told), &started))
}
