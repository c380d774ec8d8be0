//! The captcha in the staff area: its secret key, and a place to try it before clients meet it.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::context;
use platform::settings::Values;
use platform::web::Fail;

use super::{FIELD, Guarded, Provider, WHICH};
use crate::captcha;
use crate::doors::admin::error_list;
use crate::doors::{AdminCx, Permission, Redirect, Routes};

pub const CONFIGURE: Permission = Permission("Configure General Settings");

const PAGE: &str = "/admin/captcha";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, show)
        .post("/admin/captcha/secret", CONFIGURE, store)
        .post("/admin/captcha/secret/remove", CONFIGURE, remove)
        .post("/admin/captcha/try", CONFIGURE, try_it)
}

async fn show(cx: AdminCx) -> Result<Response, Fail> {
    page(&cx, &FieldErrors::default()).await
}

async fn page(cx: &AdminCx, errors: &FieldErrors) -> Result<Response, Fail> {
    let slot = captcha::slot(&cx.app, Guarded::Trial, cx.now).await?;
    let mut conn = cx.app.db.read().await?;
    let values = Values::load(&mut conn).await?;
    let has_secret = captcha::has_secret(&mut conn).await?;
    drop(conn);
    let provider = Provider::parse(values.text(&WHICH)).ok();
    let shown = context! {
        which => values.text(&WHICH), provider => provider.map(Provider::label), has_secret, captcha => &slot.view,
    };
    let (template, title) = ("accounts/captcha/show.html", "Captcha");
    let page = match errors.is_empty() {
        true => cx.page(template, "configuration", title, context! { errors => error_list(errors), ..shown })?,
        false => cx.again(template, "configuration", title, errors, shown)?,
    };
    Ok(slot.dress(page))
}

async fn store(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let secret = cx.form.raw("secret").unwrap_or_default();
    match captcha::set_secret(&mut tx, &cx.app, &cx.actor, Some(secret), cx.now).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying("Secret key stored").into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            page(&cx, &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn remove(cx: AdminCx) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    captcha::set_secret(&mut tx, &cx.app, &cx.actor, None, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(PAGE).saying("Secret key removed"))
}

async fn try_it(cx: AdminCx) -> Result<Response, Fail> {
    match captcha::check(&cx.app, &cx.form, Guarded::Trial, &cx.actor.ip, cx.now).await {
        Ok(()) => Ok(Redirect::to(PAGE).saying("You have passed: the captcha works").into_response()),
        Err(Error::Invalid(errors)) => page(&cx, &errors).await,
        Err(Error::Unavailable(_)) => {
            let mut errors = FieldErrors::default();
            errors.add(FIELD, "It could not be checked: no secret key is stored, the provider refuses it, or it does not answer. The program's output says which.");
            page(&cx, &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}
