//! The one place where an error becomes an HTTP answer.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::Error;
use serde_json::{Value, json};

/// Who reads the answer: decides between a page and JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Page,
    Api,
    Compat,
}

impl Audience {
    pub fn of(path: &str) -> Audience {
        if path.starts_with("/api/") {
            Audience::Api
        } else if path.starts_with("/includes/") {
            Audience::Compat
        } else {
            Audience::Page
        }
    }
}

/// An error on its way out of a handler. It travels in the response's extensions until the outermost layer, which
/// knows the audience, gives it its form.
#[derive(Debug)]
pub struct Fail(pub Error);

impl From<Error> for Fail {
    fn from(error: Error) -> Fail {
        Fail(error)
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::Refused(_) => StatusCode::CONFLICT,
        Error::Forbidden(_) | Error::Barred(_) => StatusCode::FORBIDDEN,
        Error::Unauthenticated => StatusCode::UNAUTHORIZED,
        Error::Banned { .. } => StatusCode::FORBIDDEN,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A short name of the kind of error: the end of the problem's `type`.
fn slug(error: &Error) -> &'static str {
    match error {
        Error::NotFound(_) => "not-found",
        Error::Invalid(_) => "invalid",
        Error::Conflict(_) => "conflict",
        Error::Refused(_) => "refused",
        Error::Forbidden(_) | Error::Barred(_) => "forbidden",
        Error::Unauthenticated => "unauthenticated",
        Error::Banned { .. } => "banned",
        Error::TooMany { .. } => "too-many-requests",
        Error::TooLarge(_) => "too-large",
        Error::Unavailable(_) => "unavailable",
        Error::Broken(_) => "broken",
    }
}

pub fn title(error: &Error) -> &'static str {
    match error {
        Error::NotFound(_) => "Not found",
        Error::Invalid(_) => "Some fields need attention",
        Error::Conflict(_) => "This conflicts with what is already there",
        Error::Refused(_) => "This cannot be done",
        Error::Forbidden(_) | Error::Barred(_) => "Permission needed",
        Error::Unauthenticated => "Log in first",
        Error::Banned { .. } => "This address is banned",
        Error::TooMany { .. } => "Too many requests",
        Error::TooLarge(_) => "The request is too large",
        Error::Unavailable(_) => "Not available right now",
        Error::Broken(_) => "Something went wrong",
    }
}

/// How errors begin that are for whoever runs the server, on the command line and in the log.
const INSIDE: [&str; 3] = ["database:", "The PostgreSQL server", "The database "];

/// What the reader may see: never the inside of a defect, never SQL.
pub fn message(error: &Error, reference: &str) -> String {
    match error {
        Error::Broken(_) => format!("This is our fault, not yours. Staff can find it in the log as {reference}."),
        // Neither statements nor where the database is.
        Error::Unavailable(text) if INSIDE.iter().any(|beginning| text.starts_with(beginning)) => {
            format!("The database did not answer. Try again in a moment; the log has the reason as {reference}.")
        }
        error if error.is_collision() => {
            "The same thing exists already. Reload the page and look before you try again.".to_owned()
        }
        other => other.to_string(),
    }
}

/// Writes what must be looked into to the log, under the reference that the user is shown.
pub fn log(error: &Error, reference: &str, path: &str) {
    match error {
        Error::Broken(_) => tracing::error!(reference, path, %error, "request failed"),
        Error::Unavailable(_) => tracing::warn!(reference, path, %error, "request failed"),
        _ => tracing::debug!(path, %error, "request refused"),
    }
}

/// The RFC 9457 problem document.
pub fn problem(error: &Error, reference: &str) -> Response {
    let status = status(error);
    let mut body = json!({
        "type": format!("https://innkeeper.example/problems/{}", slug(error)),
        "title": title(error),
        "status": status.as_u16(),
        "detail": message(error, reference),
    });
    if let Error::Invalid(fields) = error {
        body["errors"] = fields.iter().map(|(field, message)| json!({ "field": field, "message": message })).collect();
    }
    if let Error::TooLarge(most) = error {
        body["errors"] = json!([{ "field": "body", "message": format!("Send at most {most} MiB.") }]);
    }
    if let Error::Banned { reason, until } = error {
        body["reason"] = Value::from(reason.as_str());
        body["expires_at"] = json!(until);
    }
    if matches!(error, Error::Broken(_) | Error::Unavailable(_)) {
        body["reference"] = Value::from(reference);
    }
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(error, Error::Unauthenticated) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Innkeeper API\""));
    }
    response
}
