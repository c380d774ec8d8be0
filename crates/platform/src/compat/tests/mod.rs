//! What requests may look like, and what answers do.

#![allow(clippy::unwrap_used)]

mod answers;
mod clients;
mod php_arrays;
mod properties;
mod reading;
mod refusals;
mod variants;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::errors::{Error, FieldErrors};
use kernel::{Currency, Date, Money};
use proptest::prelude::*;
use quick_xml::events::Event;
use serde_json::{Value as Json, json};

use super::php;
use super::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn form(body: &str) -> Request {
    Request::parse(None, FORM, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error:?}"))
}

fn json_body(body: &Json) -> Request {
    Request::parse(None, Some("application/json; charset=utf-8"), body.to_string().as_bytes()).unwrap()
}

fn refused(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> String {
    Request::parse(query, content_type, body).unwrap_err().error.to_string()
}

/// The errors that reading leaves behind.
fn errors<T: std::fmt::Debug>(request: &Request, reader: impl FnOnce(&mut Params) -> T) -> FieldErrors {
    match request.read(|params| Ok(reader(params))) {
        Err(Error::Invalid(errors)) => errors,
        other => panic!("expected invalid parameters, got {other:?}"),
    }
}

fn ints(request: &Request, name: &str) -> Option<Vec<i64>> {
    request.read(|params| Ok(params.ints(name))).unwrap()
}

fn truth(request: &Request, name: &str) -> Option<bool> {
    request.read(|params| Ok(params.bool(name))).unwrap()
}

fn map(request: &Request, name: &str) -> Option<Vec<(String, String)>> {
    request.read(|params| Ok(params.map(name))).unwrap()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn identifier(identifier: &str, secret: &str) -> Login {
    Login::Identifier { identifier: identifier.to_owned(), secret: secret.to_owned() }
}

fn username(username: &str, password: &str) -> Login {
    Login::Username { username: username.to_owned(), password: password.to_owned() }
}
