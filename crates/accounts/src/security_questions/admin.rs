//! Security questions in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::counted;

use super::{CONFIGURE, store};
use crate::clients::EDIT;
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::security_questions;

const PAGE: &str = "/admin/security-questions";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/security_questions/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/security-questions/new", CONFIGURE, new_page)
        .get("/admin/security-questions/{id}", CONFIGURE, edit_page)
        .post("/admin/security-questions/{id}", CONFIGURE, update)
        .post("/admin/security-questions/{id}/delete", CONFIGURE, delete)
        .post("/admin/users/{id}/security-question/remove", EDIT, remove_of_user)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let questions = store::counted(&mut cx.app.db.read().await?).await?;
    let rows: Vec<Value> = questions
        .iter()
        .map(|question| {
            context! {
                question => &question.question,
                href => format!("{PAGE}/{}", question.id),
                users => counted(question.users),
            }
        })
        .collect();
    cx.page("accounts/security_questions/list.html", SECTION, "Security questions", context! { rows })
}

fn form_page(cx: &AdminCx, id: Option<i64>, question: &str, errors: &FieldErrors) -> Result<Response, Fail> {
    let action = id.map_or_else(|| PAGE.to_owned(), |id| format!("{PAGE}/{id}"));
    let title = if id.is_some() { "Security question" } else { "New security question" };
    let values = context! { action, new => id.is_none(), cancel => PAGE, question };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, "", &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let question = cx.form.text("question");
    let mut tx = cx.app.db.write().await?;
    match security_questions::create(&mut tx, &cx.actor, question, cx.now).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying("Question added").into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, None, question, &errors),
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let question = security_questions::find(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, Some(id), &question.question, &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let question = cx.form.text("question");
    let mut tx = cx.app.db.write().await?;
    match security_questions::update(&mut tx, &cx.actor, id, question, cx.now).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying("Question saved").into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, Some(id), question, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        security_questions::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Question deleted"))
    };
    or_back(done.await, PAGE)
}

async fn remove_of_user(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("/admin/users/{id}");
    let mut tx = cx.app.db.write().await?;
    match security_questions::remove(&mut tx, &cx.actor, id, cx.now).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Redirect::to(back).saying("The security question is removed."))
        }
        // Another one was faster.
        Err(Error::NotFound("Security question of this user")) => {
            Ok(Redirect::to(back).warning("The user has no security question."))
        }
        Err(other) => Err(Fail(other)),
    }
}
