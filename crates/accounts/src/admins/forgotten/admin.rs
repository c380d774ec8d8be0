//! The page for those who have forgotten their password.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{FieldErrors, Result};
use minijinja::context;
use platform::web::Fail;

use crate::admins::forgotten;
use crate::doors::admin::{error_list, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Routes};

pub const PAGE: &str = "/admin/forgot-password";

pub fn routes() -> Routes {
    Routes::new().public_get(PAGE, form).public_post(PAGE, ask)
}

fn page(cx: &PublicCx, name: &str, sent: bool, errors: &FieldErrors) -> Result<Response> {
    cx.app.templates.page(
        "accounts/admins/forgotten/form.html",
        context! {
            page => plain_frame(&cx.app, "Forgot your password?"),
            action => PAGE,
            hours => forgotten::HOURS,
            name,
            sent,
            errors => error_list(errors),
        },
    )
}

async fn form(cx: PublicCx) -> Result<Response, Fail> {
    forgotten::check(&mut cx.app.db.read().await?, "", &cx.ip, cx.now).await?;
    Ok(page(&cx, "", false, &FieldErrors::default())?)
}

async fn ask(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let name = form.text("name");
    if name.is_empty() {
        let mut errors = FieldErrors::default();
        errors.add("name", "Enter your user name or your e-mail address.");
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&cx, name, false, &errors)?).into_response());
    }
    forgotten::check(&mut cx.app.db.read().await?, name, &cx.ip, cx.now).await?;
    let mut tx = cx.app.db.write().await?;
    forgotten::ask(&mut tx, name, &cx.ip, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(page(&cx, name, true, &FieldErrors::default())?)
}
