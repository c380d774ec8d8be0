//! The address that logs a browser in.
//!
//! What surprises: a GET that changes something, because users come by a link or a redirect and expect to be in. It works
//! once and for a minute; what only looks (a preview, a prefetch, an image) is refused before it uses the token up.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use platform::web::{Fail, Form};

use super::From;
use crate::doors::limits::Limits;
use crate::doors::user::give;
use crate::doors::{PublicCx, Redirect, Routes, Word, cookies};
use crate::sso_tokens;
use crate::user_sessions::COOKIE;

pub const PATH: &str = "/sso";
/// Where the compatible API has it.
pub const REFERENCE_PATH: &str = "/oauth/singlesignon.php";

pub fn routes() -> Routes {
    Routes::new().public_get("/sso/{token}", by_path).public_get(REFERENCE_PATH, by_query)
}

async fn by_path(
    cx: PublicCx,
    method: Method,
    Extension(limits): Extension<Arc<Limits>>,
    Word(token): Word,
) -> Result<Response, Fail> {
    enter(&cx, &method, &limits, &token).await
}

async fn by_query(cx: PublicCx, method: Method, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let query = Form::parse(cx.query.as_bytes())?;
    enter(&cx, &method, &limits, query.text("access_token")).await
}

async fn enter(cx: &PublicCx, method: &Method, limits: &Limits, token: &str) -> Result<Response, Fail> {
    if *method != Method::GET {
        return Ok((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response());
    }
    if only_looks(&cx.headers) {
        return Err(Fail(Error::refused("This address logs somebody in. Open it as a page.")));
    }
    limits.login(&cx.ip, cx.now)?;
    let before = cookies::session(&cx.headers, COOKIE, cx.tls);
    let user_agent = text(&cx.headers, header::USER_AGENT.as_str());
    let from = From { ip: &cx.ip, user_agent, before: before.as_deref() };
    let mut tx = cx.app.db.write().await?;
    let (started, target) = sso_tokens::open(&mut tx, &cx.app, token, from, cx.now).await?;
    tx.commit().await?;
    let mut response = Redirect::to(target.path()).into_response();
    // The address has been a key: nobody keeps it, and the next page is not told of it.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    give(&mut response, &started, cx.tls);
    Ok(response)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether nobody is there to see the page: it is fetched in advance, or as a part of another page.
fn only_looks(headers: &HeaderMap) -> bool {
    let says = |name: &str, word: &str| text(headers, name).to_ascii_lowercase().contains(word);
    let ahead = says("sec-purpose", "prefetch") || says("purpose", "prefetch") || says("x-moz", "prefetch");
    ahead || !matches!(text(headers, "sec-fetch-dest"), "" | "document")
}
