//! The button on a client's page that leads into the client area, and the one that leads back.

use axum::extract::Extension;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kernel::Result;
use platform::web::Fail;

use super::{ALLOWED, From};
use crate::doors::admin::or_back;
use crate::doors::cookies;
use crate::doors::user::{give, take_away};
use crate::doors::{AdminCx, Id, Redirect, Routes, Tls, UserCx};
use crate::owner_logins;
use crate::user_sessions::{self, COOKIE, Started};

pub fn routes() -> Routes {
    Routes::new().post("/admin/clients/{id}/login-as-owner", ALLOWED, enter).user_post("/account/leave", leave)
}

async fn enter(cx: AdminCx, Id(id): Id, Extension(tls): Extension<Tls>, headers: HeaderMap) -> Result<Response, Fail> {
    match begin(&cx, id, tls, &headers).await {
        Ok(started) => {
            let mut response = Redirect::to("/account").into_response();
            give(&mut response, &started, tls);
            Ok(response)
        }
        Err(refused) => Ok(or_back(Err(refused), &format!("/admin/clients/{id}"))?.into_response()),
    }
}

async fn begin(cx: &AdminCx, id: i64, tls: Tls, headers: &HeaderMap) -> Result<Started> {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let from = From { ip: &cx.actor.ip, user_agent };
    let mut tx = cx.app.db.write().await?;
    if let Some(before) = cookies::session(headers, COOKIE, tls) {
        user_sessions::end_token(&mut tx, &before).await?;
    }
    let started = owner_logins::begin(&mut tx, &cx.actor, id, from, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(started)
}

async fn leave(cx: UserCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let left = owner_logins::leave(&mut tx, &cx.actor, &cx.logged_in, cx.now).await?;
    tx.commit().await?;
    let Some(client_id) = left else { return Ok(Redirect::to("/account").into_response()) };
    let mut response = Redirect::to(format!("/admin/clients/{client_id}")).into_response();
    take_away(&mut response, cx.tls);
    Ok(response)
}
