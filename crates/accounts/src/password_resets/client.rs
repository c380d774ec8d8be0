//! The pages of a forgotten password.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::context;
use platform::web::{Fail, Form};

use crate::doors::admin::{error_list, noted, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Redirect, Routes, Word};
use crate::passwords;
use crate::security_questions::{self, Proof, client::WRONG};
use crate::users::User;
use crate::{password_resets, users};

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/forgot-password", ask_page)
        .public_post("/forgot-password", ask)
        .public_get("/reset-password/{token}", choose_page)
        .public_post("/reset-password/{token}", choose)
}

async fn ask_page(cx: PublicCx) -> Result<Response, Fail> {
    ask_form(&cx, "", &FieldErrors::default(), false)
}

fn ask_form(cx: &PublicCx, email: &str, errors: &FieldErrors, asked: bool) -> Result<Response, Fail> {
    let page = cx.app.templates.page(
        "accounts/password_resets/ask.html",
        context! { page => plain_frame(&cx.app, "Forgot your password?"), errors => error_list(errors), email, asked },
    )?;
    Ok(page)
}

async fn ask(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let typed = form.text("email");
    let mut errors = FieldErrors::default();
    let Some(email) = errors.take("email", Email::parse(typed)) else {
        let page = ask_form(&cx, typed, &errors, false)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let mut tx = cx.app.db.write().await?;
    password_resets::request(&mut tx, &email, &cx.ip, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    ask_form(&cx, typed, &errors, true)
}

async fn choose_page(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    choose_form(&cx, &token, &FieldErrors::default()).await
}

async fn choose_form(cx: &PublicCx, token: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let user = password_resets::owner(&mut conn, token, cx.now).await?;
    let asked = security_questions::of_user(&mut conn, user.id).await?;
    let page = cx.app.templates.page(
        "accounts/password_resets/choose.html",
        context! {
            page => plain_frame(&cx.app, "Choose a new password"),
            email => user.email, action => &cx.path, minimum => passwords::MIN_USER, errors => error_list(errors),
            question => asked.map(|asked| asked.question),
        },
    )?;
    Ok(page)
}

async fn choose(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>, Word(token): Word) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let user = password_resets::owner(&mut cx.app.db.read().await?, &token, cx.now).await?;
    let (hash, proof) = match understand(&cx, &user, &form).await {
        Ok(understood) => understood,
        Err(Error::Invalid(errors)) => {
            let page = choose_form(&cx, &token, &errors).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
        Err(other) => return Err(Fail(other)),
    };
    let mut tx = cx.app.db.write().await?;
    password_resets::choose(&mut tx, &cx.app, &token, &hash, proof.as_ref(), &cx.ip, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/login").saying("Your password is changed. Log in with it.").into_response())
}

/// The new password, and the proof of whoever is asked a security question.
async fn understand(cx: &PublicCx, user: &User, form: &Form) -> Result<(passwords::Hash, Option<Proof>)> {
    let mut errors = FieldErrors::default();
    let asked = security_questions::of_user(&mut cx.app.db.read().await?, user.id).await?.is_some();
    let mut proof = None;
    if asked {
        let answer = form.raw("answer").unwrap_or_default();
        proof = security_questions::prove(&cx.app, user.id, answer, &cx.ip, cx.now).await?;
        if proof.is_none() {
            errors.add("answer", WRONG);
        }
    }
    let hash = noted(&mut errors, users::client::new_password(&cx.app, user, form).await)?;
    errors.check()?;
    let hash = hash.ok_or_else(|| Error::broken("password reset: unchecked password"))?;
    Ok((hash, proof))
}
