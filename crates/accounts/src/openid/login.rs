//! The way to a provider and back.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use platform::App;
use platform::web::lists::escape;
use platform::web::{Fail, Form};
use serde_json::Value;

use super::id_token::{self, Expected, Wrong};
use super::wire::{Anew, plain};
use super::{Answered, CALLBACK, LIFE, Wire};
use crate::activity_log::{self, Activity, Actor};
use crate::admins::admin::{go_in, safe_next};
use crate::doors::cookies::{self, Keep};
use crate::doors::limits::Limits;
use crate::doors::{Id, PublicCx, Redirect, Routes};
use crate::two_factor::half::Wish;
use crate::{company, openid};

/// Ties an answer to the browser that asked.
const COOKIE: &str = "innkeeper_openid";
const LOGIN: &str = "/admin/login";

pub fn routes() -> Routes {
    Routes::new().public_get("/admin/openid/{id}", start).public_get(CALLBACK, callback)
}

async fn redirect_uri(app: &App) -> Result<String> {
    Ok(format!("{}{CALLBACK}", company::system_url(&mut app.db.read().await?).await?))
}

/// Leads to the provider. What the address says of where to go afterwards is taken only for pages of our own.
async fn start(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>, Id(id): Id) -> Result<Response, Fail> {
    limits.login(&cx.ip, cx.now)?;
    let query = Form::parse(cx.query.as_bytes())?;
    let provider = openid::find(&mut cx.app.db.read().await?, id).await?;
    if !provider.enabled {
        return Err(Fail(Error::NotFound("Provider")));
    }
    let published = match cx.app.get::<Wire>()?.published(&provider, cx.now).await {
        Ok(published) => published,
        Err(error) => return Ok(refused(&provider.label, &error)),
    };
    let back = redirect_uri(&cx.app).await?;
    let mut tx = cx.app.db.write().await?;
    let asked = openid::ask(&mut tx, &cx.app, &provider, safe_next(query.text("next")), cx.now).await?;
    tx.commit().await?;
    let fields = [
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &back),
        ("scope", &provider.scopes),
        ("state", &asked.state),
        ("nonce", &asked.nonce),
        ("code_challenge", &asked.challenge),
        ("code_challenge_method", "S256"),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let joint = if published.authorization.contains('?') { '&' } else { '?' };
    let mut response = Redirect::to(format!("{}{joint}{}", published.authorization, fields.join("&"))).into_response();
    cookies::set_session(response.headers_mut(), COOKIE, &asked.browser, cx.tls, Keep::Seconds(LIFE));
    Ok(response)
}

fn refused(label: &str, error: &Error) -> Response {
    tracing::warn!(provider = label, %error, "a login at a provider of identities failed");
    let text = match error {
        Error::Refused(text) => text.clone(),
        Error::Unavailable(_) => format!("{label} does not answer as it should. Try again, or log in otherwise."),
        _ => format!("The log-in by {label} failed. Start again."),
    };
    Redirect::to(LOGIN).refusing(text).into_response()
}

/// Takes the provider's answer.
async fn callback(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    limits.login(&cx.ip, cx.now)?;
    let query = Form::parse(cx.query.as_bytes())?;
    let browser = cookies::session(&cx.headers, COOKIE, cx.tls).unwrap_or_default();
    let mut tx = cx.app.db.write().await?;
    let found = openid::take(&mut tx, &cx.app, query.text("state"), &browser, cx.now).await?;
    tx.commit().await?;
    let mut response = match found {
        Some(found) => enter(&cx, found, &query).await?,
        None => Redirect::to(LOGIN)
            .refusing("This log-in was finished already, took too long, or was begun in another browser. Start again.")
            .into_response(),
    };
    cookies::clear_session(response.headers_mut(), COOKIE, cx.tls);
    Ok(response)
}

async fn enter(cx: &PublicCx, found: Answered, query: &Form) -> Result<Response> {
    let claims = match claims(cx, &found, query).await {
        Ok(claims) => claims,
        Err(error @ (Error::Refused(_) | Error::Unavailable(_))) => {
            note(cx, &found, &error).await?;
            return Ok(refused(&found.provider.label, &error));
        }
        Err(defect) => return Err(defect),
    };
    let mut tx = cx.app.db.write().await?;
    let admin_id = match openid::who_is(&mut tx, &found.provider, &claims, cx.now).await {
        Ok(id) => id,
        Err(error @ Error::Refused(_)) => {
            tx.rollback().await?;
            note(cx, &found, &error).await?;
            return Ok(refused(&found.provider.label, &error));
        }
        Err(other) => return Err(other),
    };
    let wish = Wish { next: safe_next(&found.next), remember: false };
    match go_in(cx, tx, admin_id, wish, &format!("Logged in by {}", found.provider.label)).await {
        Err(error @ Error::Refused(_)) => Ok(refused(&found.provider.label, &error)),
        other => other,
    }
}

/// What the provider says of whoever came back, once everything about it is right.
async fn claims(cx: &PublicCx, found: &Answered, query: &Form) -> Result<Value> {
    let wire = cx.app.get::<Wire>()?;
    let provider = &found.provider;
    let published = wire.published(provider, cx.now).await?;
    // RFC 9207: the answer is of the provider that was asked.
    let from = query.raw("iss");
    if from.is_some_and(|from| from != provider.issuer) || (from.is_none() && published.names_issuer) {
        return Err(Error::refused(format!("The answer is not of {}.", provider.label)));
    }
    if query.has("error") {
        let code = plain(query.text("error"));
        return Err(Error::refused(format!("{} did not let you in ({code}).", provider.label)));
    }
    let secret = openid::secret(&mut cx.app.db.read().await?, &cx.app, provider.id).await?;
    let back = redirect_uri(&cx.app).await?;
    let code = query.text("code");
    let token = wire.exchange(&published, provider, secret.as_deref(), code, &found.verifier, &back).await?;
    let expected = Expected { issuer: &provider.issuer, client_id: &provider.client_id, nonce_hash: &found.nonce_hash };
    let keys = wire.keys(provider, Anew::No, cx.now).await?;
    let mut checked = id_token::verify(&token, &keys, expected, cx.now);
    if checked == Err(Wrong::UnknownKey) {
        let keys = wire.keys(provider, Anew::Yes, cx.now).await?;
        checked = id_token::verify(&token, &keys, expected, cx.now);
    }
    let why = match checked {
        Ok(claims) => return Ok(claims),
        Err(Wrong::UnknownKey) => "none of the published keys is its",
        Err(Wrong::Because(why)) => why,
    };
    tracing::warn!(provider = provider.label, why, "an ID token was refused");
    Err(Error::refused(format!("What {} says of you cannot be relied on. Start again.", provider.label)))
}

/// A login that was refused is in the activity log.
async fn note(cx: &PublicCx, found: &Answered, error: &Error) -> Result<()> {
    let nobody = Actor::nobody(&cx.ip);
    let activity = Activity::new(format!("Login by {} refused: {error}", found.provider.label));
    let mut tx = cx.app.db.write().await?;
    activity_log::record(&mut tx, &nobody, activity, cx.now).await?;
    tx.commit().await
}
