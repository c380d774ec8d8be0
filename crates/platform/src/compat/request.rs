//! From the bytes of a request to its parameters.

use std::fmt;

use kernel::errors::{Error, Result};
use serde_json::Value as Json;

use super::fields::{Fields, Value};
use super::params::{Noted, Params};
use super::{Answer, Format, multipart};

/// What steers the call rather than the action; each may be sent once.
const CONTROLS: [&str; 7] = ["action", "responsetype", "identifier", "secret", "username", "password", "accesskey"];

/// Above this a JSON number has fewer than three reliable decimals, too few for an amount of money.
const LARGEST_JSON_DECIMAL: f64 = 1e12;

/// One call of the API. Names of parameters ignore letter case.
pub struct Request {
    fields: Fields,
    action: String,
}

/// A request that cannot be read, with the format in which to say so.
#[derive(Debug)]
pub struct WireError {
    pub error: Error,
    pub format: Format,
}

impl Request {
    /// Reads query and body; where both name a parameter, the body counts. The body is a form (also when no
    /// content type is given), a JSON object, or multipart text fields.
    pub fn parse(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> Result<Request, WireError> {
        let (mut in_query, mut in_body) = (Fields::default(), Fields::default());
        let query = parse_form(query.unwrap_or_default().as_bytes(), &mut in_query);
        let body = parse_body(content_type.unwrap_or_default(), body, &mut in_body);
        // After a failure, what was read until then still tells in which format to say so.
        let fields = in_query.overlaid_with(in_body);
        let format = Format::of(text(&fields, "responsetype"));
        match query.and(body).and_then(|()| check_controls(&fields)) {
            Ok(()) => Ok(Request { action: text(&fields, "action").trim().to_ascii_lowercase(), fields }),
            Err(error) => Err(WireError { error, format }),
        }
    }

    /// The action in lower case; empty when none is named.
    pub fn action(&self) -> &str {
        &self.action
    }

    pub fn format(&self) -> Format {
        Format::of(text(&self.fields, "responsetype"))
    }

    pub fn credentials(&self) -> Credentials {
        let value = |name| text(&self.fields, name).to_owned();
        let pair = |name, secret| Some((value(name), value(secret))).filter(|(a, b)| !a.is_empty() && !b.is_empty());
        let login = if let Some((identifier, secret)) = pair("identifier", "secret") {
            Login::Identifier { identifier, secret }
        } else if let Some((username, password)) = pair("username", "password") {
            Login::Username { username, password }
        } else {
            Login::None
        };
        Credentials { login, access_key: Some(value("accesskey")).filter(|key| !key.is_empty()) }
    }

    /// Whether the parameter was sent, even if empty.
    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some()
    }

    /// A single value as it was sent; `None` when missing (or a list).
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.fields.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads typed parameters. Every parameter that does not fit is in the error, provided that `reader` asks for
    /// all of them before it gives up on one:
    ///
    /// ```
    /// # fn main() -> kernel::errors::Result<()> {
    /// # let request = platform::compat::Request::parse(Some("clientid=7"), None, b"").map_err(|e| e.error)?;
    /// let (client, notes) = request.read(|params| {
    ///     let client = params.required_int("clientid");
    ///     let notes = params.text("notes");
    ///     Ok((client?, notes))
    /// })?;
    /// # assert_eq!((client, notes), (7, None));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read<'a, T>(&'a self, reader: impl FnOnce(&mut Params<'a>) -> Result<T, Noted>) -> Result<T> {
        let mut params = Params::over(&self.fields);
        let outcome = reader(&mut params);
        params.finish(outcome)
    }
}

/// Only the names: values may be passwords.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.names().collect();
        f.debug_struct("Request").field("action", &self.action).field("parameters", &names).finish()
    }
}

impl WireError {
    /// 400: nothing was attempted.
    pub fn answer(&self) -> Answer {
        Answer::error(self.error.to_string()).with_status(400)
    }
}

/// Who calls, as claimed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub login: Login,
    /// Lets a caller past the list of allowed addresses.
    pub access_key: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    Identifier {
        identifier: String,
        secret: String,
    },
    /// A staff login with the password or its MD5 in hexadecimal; or an identifier and a secret, which may be
    /// sent in these fields too.
    Username {
        username: String,
        password: String,
    },
    None,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("login", &self.login).finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Identifier { identifier, .. } => write!(f, "Identifier({identifier:?}, …)"),
            Login::Username { username, .. } => write!(f, "Username({username:?}, …)"),
            Login::None => f.write_str("None"),
        }
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    match fields.get(name) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// A list where one value steers the call would leave it to chance which one counts.
fn check_controls(fields: &Fields) -> Result<()> {
    let listed = |name: &&&str| matches!(fields.get(name), Some(Value::Repeated(_) | Value::Map(_)));
    match CONTROLS.iter().find(listed) {
        Some(name) => Err(Error::invalid(*name, "Send a single value, once.")),
        None => Ok(()),
    }
}

fn parse_body(content_type: &str, body: &[u8], fields: &mut Fields) -> Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/x-www-form-urlencoded" => parse_form(body, fields),
        "application/json" => parse_json(body, fields),
        "multipart/form-data" => multipart::parse(content_type, body, fields),
        _ => Err(Error::invalid(
            "Content-Type",
            "Send application/x-www-form-urlencoded, multipart/form-data or application/json.",
        )),
    }
}

fn parse_form(form: &[u8], fields: &mut Fields) -> Result<()> {
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
        let raw_name = unescape(name);
        let name = utf8(&String::from_utf8_lossy(&raw_name), raw_name.clone())?;
        fields.insert(&name, utf8(&name, unescape(value))?)?;
    }
    Ok(())
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_encoding::percent_decode(&spaced).collect()
}

/// `bytes` as text, or an error that names the parameter they belong to.
pub(super) fn utf8(name: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        Error::invalid(name, format!("Send valid UTF-8; byte {position} is not."))
    })
}

fn parse_json(body: &[u8], fields: &mut Fields) -> Result<()> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => object.into_iter().try_for_each(|(name, value)| insert_json(&name, value, fields)),
        Ok(_) => Err(Error::invalid("body", "Send a JSON object.")),
        Err(error) => Err(Error::invalid("body", format!("Send valid JSON: {error}."))),
    }
}

/// As a PHP client would write the same value into a form: null and empty lists vanish.
fn insert_json(name: &str, value: Json, fields: &mut Fields) -> Result<()> {
    match value {
        Json::Null => Ok(()),
        Json::Bool(truth) => fields.insert(name, truth.to_string()),
        Json::Number(number) => {
            let inexact = number.is_f64() && number.as_f64().is_some_and(|float| float.abs() >= LARGEST_JSON_DECIMAL);
            if inexact {
                return Err(Error::invalid(name, "Send numbers of this size as text, so that no digit is lost."));
            }
            fields.insert(name, number.to_string())
        }
        Json::String(text) => fields.insert(name, text),
        Json::Array(items) => {
            items.into_iter().enumerate().try_for_each(|(at, item)| insert_json(&format!("{name}[{at}]"), item, fields))
        }
        Json::Object(object) => {
            object.into_iter().try_for_each(|(key, item)| insert_json(&format!("{name}[{key}]"), item, fields))
        }
    }
}
