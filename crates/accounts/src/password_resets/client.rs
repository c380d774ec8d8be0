//! The pages of a forgotten password.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::context;
use platform::web::{Fail, Form};

use crate::captcha::{self, Guarded};
use crate::doors::admin::{error_list, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Redirect, Routes, Word};
use crate::passwords;
use crate::users::User;
use crate::{password_resets, security_questions, users};

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/forgot-password", ask_page)
        .public_post("/forgot-password", ask)
        .public_get("/reset-password/{token}", choose_page)
        .public_post("/reset-password/{token}", choose)
}

async fn ask_page(cx: PublicCx) -> Result<Response, Fail> {
    ask_form(&cx, "", &FieldErrors::default(), false).await
}

async fn ask_form(cx: &PublicCx, email: &str, errors: &FieldErrors, asked: bool) -> Result<Response, Fail> {
    let slot = captcha::slot(&cx.app, Guarded::PasswordReset, cx.now).await?;
    let page = cx.app.templates.page(
        "accounts/password_resets/ask.html",
        context! {
            page => plain_frame(&cx.app, "Forgot your password?"), errors => error_list(errors), email, asked,
            captcha => &slot.view,
        },
    )?;
    Ok(slot.dress(page))
}

async fn ask(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let typed = form.text("email");
    let mut errors = FieldErrors::default();
    let email = errors.take("email", Email::parse(typed));
    if errors.is_empty() {
        errors.gather(captcha::check(&cx.app, &form, Guarded::PasswordReset, &cx.ip, cx.now).await)?;
    }
    let Some(email) = email.filter(|_| errors.is_empty()) else {
        let page = ask_form(&cx, typed, &errors, false).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let mut tx = cx.app.db.write().await?;
    password_resets::request(&mut tx, &email, &cx.ip, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    ask_form(&cx, typed, &errors, true).await
}

async fn choose_page(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    choose_form(&cx, &token, &FieldErrors::default()).await
}

async fn choose_form(cx: &PublicCx, token: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let user = password_resets::owner(&mut conn, token, cx.now).await?;
    let question = security_questions::of_user(&mut conn, user.id).await?.map(|chosen| chosen.question);
    let page = cx.app.templates.page(
        "accounts/password_resets/choose.html",
        context! {
            page => plain_frame(&cx.app, "Choose a new password"),
            email => user.email, action => &cx.path, minimum => passwords::MIN_USER, question,
            errors => error_list(errors),
        },
    )?;
    Ok(page)
}

async fn choose(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>, Word(token): Word) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let user = password_resets::owner(&mut cx.app.db.read().await?, &token, cx.now).await?;
    match set(&cx, &token, &user, &form).await {
        Ok(()) => Ok(Redirect::to("/login").saying("Your password is changed. Log in with it.").into_response()),
        Err(Error::Invalid(errors)) => {
            let page = choose_form(&cx, &token, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn set(cx: &PublicCx, token: &str, user: &User, form: &Form) -> Result<()> {
    let mut errors = FieldErrors::default();
    let answer = form.raw("answer").unwrap_or_default();
    let proof = errors.gather(security_questions::ask(&cx.app, user.id, answer, &cx.ip, cx.now).await)?.flatten();
    let hash = errors.gather(users::client::new_password(&cx.app, user, form).await)?;
    errors.check()?;
    let hash = hash.ok_or_else(|| Error::broken("password reset: unchecked password"))?;
    let mut tx = cx.app.db.write().await?;
    password_resets::choose(&mut tx, &cx.app, token, &hash, proof.as_ref(), &cx.ip, cx.now).await?;
    tx.commit().await
}
