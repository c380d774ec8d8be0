//! Where a program asks for a token: the token endpoint of RFC 6749, for the grant `single_sign_on`.

use std::sync::Arc;

use accounts::doors::limits::Limits;
use accounts::doors::{PublicCx, Routes, basic};
use axum::extract::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use platform::web::{Fail, Form};
use serde_json::{Value, json};

use super::{Asked, Denied, Granted};
use crate::oauth_credentials;

pub fn routes() -> Routes {
    Routes::new().public_post("/oauth/token.php", token)
}

const GRANT: &str = "single_sign_on";

async fn token(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = match cx.form() {
        Ok(form) => form,
        Err(error) => return Ok(refused(StatusCode::BAD_REQUEST, "invalid_request", &error.to_string())),
    };
    if form.text("grant_type") != GRANT {
        let told = format!("Send grant_type={GRANT}.");
        let kind = if form.has("grant_type") { "unsupported_grant_type" } else { "invalid_request" };
        return Ok(refused(StatusCode::BAD_REQUEST, kind, &told));
    }
    let (identifier, secret) = credential(&cx, &form);
    let path = form.raw("sso_redirect_path").filter(|path| !path.is_empty());
    let asked = Asked { identifier: &identifier, secret: &secret, scope: form.text("scope"), path, ip: &cx.ip };
    let known = oauth_credentials::known(&mut cx.app.db.read().await?, &identifier, &secret).await?;
    let granted = match known {
        None => Err(Denied::Client),
        Some(known) => {
            if let Err(Error::TooMany { retry_after }) = limits.program(known.id, cx.now) {
                return Ok(too_many(retry_after));
            }
            let mut tx = cx.app.db.write().await?;
            let granted = oauth_credentials::grant(&mut tx, &cx.app, asked, cx.now).await?;
            if granted.is_ok() {
                tx.commit().await?;
            }
            granted
        }
    };
    Ok(match granted {
        Ok(granted) => answer(StatusCode::OK, &shown(&granted)),
        // Of an address only what is wrong is counted: a server speaks for many users.
        Err(denied) => match limits.login(&cx.ip, cx.now) {
            Err(Error::TooMany { retry_after }) => too_many(retry_after),
            _ => told(&denied),
        },
    })
}

/// In the form, or as the name and the password of Basic authentication.
fn credential(cx: &PublicCx, form: &Form) -> (String, String) {
    let in_form = || (form.text("client_id").to_owned(), form.text("client_secret").to_owned());
    basic(&cx.headers).unwrap_or_else(in_form)
}

fn shown(granted: &Granted) -> Value {
    json!({
        "access_token": granted.token,
        "token_type": "Bearer",
        "expires_in": granted.seconds,
        "scope": granted.scope,
        "redirect_url": granted.url,
    })
}

fn told(denied: &Denied) -> Response {
    match denied {
        Denied::Client => {
            let told = "No credential has this client_id and this client_secret.";
            let mut response = refused(StatusCode::UNAUTHORIZED, "invalid_client", told);
            let challenge = HeaderValue::from_static("Basic realm=\"oauth\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        Denied::Scope(message) => refused(StatusCode::BAD_REQUEST, "invalid_scope", message),
        Denied::Grant(message) => refused(StatusCode::BAD_REQUEST, "invalid_grant", message),
    }
}

fn too_many(retry_after: u64) -> Response {
    let told = format!("Too many requests. Try again in {retry_after} seconds.");
    let mut response = refused(StatusCode::TOO_MANY_REQUESTS, "invalid_request", &told);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    response
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    answer(status, &json!({ "error": kind, "error_description": message }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kept = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];
    (status, kept, body.to_string()).into_response()
}
