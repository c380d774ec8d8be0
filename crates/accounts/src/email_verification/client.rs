//! The page that a mailed link opens, and the button that mails it again.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use kernel::Result;
use minijinja::context;
use platform::web::Fail;

use crate::doors::admin::{or_back, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Redirect, Routes, UserCx, Word};
use crate::email_verification;

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/verify-email/{token}", page)
        .public_post("/verify-email/{token}", prove)
        .user_post("/account/verify-email", again)
}

async fn page(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let (user, email) = email_verification::of_link(&mut conn, &token, cx.now).await?;
    let page = cx.app.templates.page(
        "accounts/email_verification/prove.html",
        context! {
            page => plain_frame(&cx.app, "Is this your e-mail address?"),
            action => &cx.path, old => (user.email.to_lowercase() != email.to_lowercase()).then_some(user.email), email,
        },
    )?;
    Ok(page)
}

async fn prove(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>, Word(token): Word) -> Result<Response, Fail> {
    cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let mut tx = cx.app.db.write().await?;
    let user = email_verification::prove(&mut tx, &cx.app, &token, &cx.ip, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Redirect::to("/account").saying(format!("{} is verified.", user.email)).into_response())
}

async fn again(cx: UserCx) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    let sent = email_verification::send(&mut tx, &cx.app, &cx.actor, &cx.user, cx.now).await;
    if sent.is_ok() {
        tx.commit().await?;
        cx.app.wake.notify_waiters();
    }
    let told = sent.map(|()| Redirect::to("/account").saying(format!("A link is on its way to {}.", cx.user.email)));
    or_back(told, "/account")
}
