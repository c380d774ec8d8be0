//! Where users choose what they are asked before their password is reset.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{Question, choose, prove};
use crate::doors::admin::error_list;
use crate::doors::{Redirect, Routes, UserCx};
use crate::{company, security_questions};

const PAGE: &str = "/account/security-question";

pub fn routes() -> Routes {
    Routes::new().user_get(PAGE, page).user_post(PAGE, save)
}

/// The questions as a form offers them.
pub(crate) fn options(questions: &[Question]) -> Vec<Value> {
    questions.iter().map(|question| context! { value => question.id, label => &question.question }).collect()
}

async fn page(cx: UserCx) -> Result<Response, Fail> {
    show(&cx, &FieldErrors::default()).await
}

async fn show(cx: &UserCx, errors: &FieldErrors) -> Result<Response, Fail> {
    if let Some(first) = cx.confirm_first(PAGE)? {
        return Ok(first.into_response());
    }
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let questions = security_questions::all(&mut conn).await?;
    let chosen = security_questions::of_user(&mut conn, cx.user.id).await?;
    drop(conn);
    let present = chosen.map(|chosen| {
        context! { words => chosen.question, since => company::clock(chosen.set_at, &zone), since_at => chosen.set_at.to_string() }
    });
    let values =
        context! { questions => options(&questions), present, question => cx.form.text("question").to_owned() };
    let (template, title) = ("accounts/security_questions/account.html", "Security question");
    if errors.is_empty() {
        cx.page(template, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, title, errors, values)
    }
}

async fn save(cx: UserCx) -> Result<Response, Fail> {
    if let Some(first) = cx.confirm_first(PAGE)? {
        return Ok(first.into_response());
    }
    match change(&cx).await {
        Ok(()) => Ok(Redirect::to("/account/security").saying("Your security question is set.").into_response()),
        Err(Error::Invalid(errors)) => show(&cx, &errors).await,
        Err(other) => Err(Fail(other)),
    }
}

async fn change(cx: &UserCx) -> Result<()> {
    let asked = security_questions::of_user(&mut cx.app.db.read().await?, cx.user.id).await?.is_some();
    let proof = match asked {
        true => prove(&cx.app, cx.user.id, cx.form.raw("current_answer").unwrap_or_default(), &cx.ip, cx.now).await?,
        false => None,
    };
    if asked && proof.is_none() {
        return Err(Error::invalid("current_answer", WRONG));
    }
    let new = choose(&cx.app, question_of(&cx.form), cx.form.raw("answer").unwrap_or_default()).await?;
    let mut tx = cx.app.db.write().await?;
    security_questions::set(&mut tx, &cx.actor, &cx.user, new, proof.as_ref(), cx.now).await?;
    tx.commit().await
}

/// What is said to a wrong answer.
pub(crate) const WRONG: &str = "This is not your answer.";

/// The number of the question that a form has chosen; 0 for none.
pub(crate) fn question_of(form: &Form) -> i64 {
    form.text("question").parse().unwrap_or_default()
}
