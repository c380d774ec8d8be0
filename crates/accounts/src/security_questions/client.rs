//! Where users choose a question and an answer for themselves.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::web::Fail;

use super::{Proof, WRONG};
use crate::clients::admin::option;
use crate::doors::admin::error_list;
use crate::doors::limits::Limits;
use crate::doors::{Redirect, Routes, UserCx};
use crate::security_questions;

const PAGE: &str = "/account/security-question";
const SECURITY: &str = "/account/security";

pub fn routes() -> Routes {
    Routes::new().user_get(PAGE, page).user_post(PAGE, save)
}

/// The questions to choose from.
pub(crate) async fn options(conn: &mut Conn) -> Result<Vec<Value>> {
    let questions = security_questions::all(conn).await?;
    Ok(questions.iter().map(|question| option(&question.id.to_string(), &question.question)).collect())
}

async fn page(cx: UserCx) -> Result<Response, Fail> {
    if let Some(first) = cx.confirm_first(PAGE)? {
        return Ok(first.into_response());
    }
    form(&cx, &FieldErrors::default()).await
}

async fn form(cx: &UserCx, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let chosen = security_questions::of_user(&mut conn, cx.user.id).await?;
    let questions = options(&mut conn).await?;
    drop(conn);
    let values =
        context! { chosen => chosen.map(|chosen| chosen.question), questions, typed => cx.form.text("question") };
    let (template, title) = ("accounts/security_questions/choose.html", "Your security question");
    match errors.is_empty() {
        true => cx.page(template, title, context! { errors => error_list(errors), ..values }),
        false => cx.again(template, title, errors, values),
    }
}

async fn save(cx: UserCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    if let Some(first) = cx.confirm_first(PAGE)? {
        return Ok(first.into_response());
    }
    limits.login(&cx.ip, cx.now)?;
    match set(&cx).await {
        Ok(()) => Ok(Redirect::to(SECURITY).saying("Your security question is set.").into_response()),
        Err(Error::Invalid(errors)) => form(&cx, &errors).await,
        Err(Error::Conflict(why)) if !why.starts_with("database:") => {
            Ok(Redirect::to(SECURITY).refusing(why).into_response())
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn set(cx: &UserCx) -> Result<()> {
    let question_id = cx.form.text("question").parse().unwrap_or_default();
    let answer = cx.form.raw("answer").unwrap_or_default();
    let mut conn = cx.app.db.read().await?;
    let chosen = security_questions::of_user(&mut conn, cx.user.id).await?;
    let choice = security_questions::check_choice(&mut conn, question_id, answer).await;
    drop(conn);
    let mut errors = FieldErrors::default();
    errors.gather(choice)?;
    let proof = match chosen {
        Some(_) => errors.gather(present(cx).await)?,
        None => None,
    };
    errors.check()?;
    let new = security_questions::choose(&cx.app, question_id, answer).await?;
    let mut tx = cx.app.db.write().await?;
    security_questions::set(&mut tx, &cx.actor, &cx.user, new, proof.as_ref(), cx.now).await?;
    tx.commit().await
}

/// That the present answer was typed.
async fn present(cx: &UserCx) -> Result<Proof> {
    let typed = cx.form.raw("current_answer").unwrap_or_default();
    let proof = security_questions::prove(&cx.app, cx.user.id, typed, &cx.ip, cx.now).await?;
    proof.ok_or_else(|| Error::invalid("current_answer", WRONG))
}
