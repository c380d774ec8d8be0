//! From an action's answer to the bytes of a response.

use std::fmt::Write;

use kernel::errors::Error;
use quick_xml::escape::{escape, partial_escape};
use serde_json::{Map, Value, json};

use crate::web::errors;

/// How an answer is written.
///
/// The public reference lists json (recommended), xml and nvp (deprecated), and names no default. Only `xml` asks
/// for XML; everything else, also nothing, `nvp` and what we do not know, is answered in the recommended JSON, so
/// that every caller gets an answer that a current client library reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Json,
    Xml,
}

impl Format {
    /// From the parameter `responsetype`.
    pub fn of(responsetype: &str) -> Format {
        if responsetype.trim().eq_ignore_ascii_case("xml") { Format::Xml } else { Format::Json }
    }
}

/// What an action answers: named values in the order in which they are shown.
///
/// The reference documents no HTTP status for this endpoint. Clients look at `result`, and some at nothing else
/// once the status is not 2xx (whmcs-api-client loses the message), while whmcspy tells a missing permission by
/// 403. So: 403 for who may not, 400 for what cannot be read, 429, 500 and 503 for what they say, and 200 for
/// everything that an action itself refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    status: u16,
    values: Map<String, Value>,
}

/// A response but for the sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Answer {
    /// `result=success`, to be added to.
    pub fn success() -> Answer {
        Answer { status: 200, values: Map::new() }.with("result", "success")
    }

    /// `result=error` with one of the messages that the action documents.
    pub fn error(message: impl Into<String>) -> Answer {
        Answer { status: 200, values: Map::new() }.with("result", "error").with("message", message.into())
    }

    /// The caller is unknown, comes from a wrong address or lacks a permission.
    pub fn denied(message: impl Into<String>) -> Answer {
        Answer::error(message).with_status(403)
    }

    /// `reference` leads from a defect that the caller reports to the line in our log. What the database said stays there.
    pub fn from_error(error: &Error, reference: &str) -> Answer {
        let message = errors::message(error, reference);
        match error {
            Error::Unauthenticated => Answer::denied("Authentication Failed"),
            Error::Forbidden(_) | Error::Barred(_) | Error::Banned { .. } => Answer::denied(message),
            Error::TooMany { .. } => Answer::error(message).with_status(429),
            Error::TooLarge(_) => Answer::error(message).with_status(413),
            Error::Unavailable(_) => Answer::error(message).with_status(503),
            Error::Broken(_) => {
                Answer::error(format!("An internal error occurred. Reference: {reference}")).with_status(500)
            }
            Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Refused(_) => Answer::error(message),
        }
    }

    pub fn with_status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    /// Adds a value, or replaces the one of this name where it stands.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Answer {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// `totalresults`, `startnumber` and `numreturned`; clients page by them and need numbers.
    pub fn with_counts(self, total: u64, start: u64, returned: u64) -> Answer {
        self.with("totalresults", total).with("startnumber", start).with("numreturned", returned)
    }

    /// `{"clients": {"client": […]}}`, the form in which most actions answer lists.
    pub fn with_list(self, name: &str, element: &str, elements: Vec<Value>) -> Answer {
        self.with(name, json!({ element: elements }))
    }

    /// The value of this name, for tests and hooks.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// `action` is the caller's, in lower case; `version` is the product version that XML answers carry.
    pub fn render(&self, format: Format, action: &str, version: &str) -> Rendered {
        let (content_type, body) = match format {
            Format::Json => ("application/json", Value::Object(self.values.clone()).to_string()),
            Format::Xml => ("application/xml; charset=utf-8", self.xml(action, version)),
        };
        Rendered { status: self.status, content_type, body }
    }

    fn xml(&self, action: &str, version: &str) -> String {
        let version = legal(version);
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi version=\"{}\">\n<action>{}</action>\n",
            escape(version.as_str()),
            content(action)
        );
        write_object(&mut xml, &self.values);
        xml.push_str("</whmcsapi>");
        xml
    }
}

fn write_object(xml: &mut String, object: &Map<String, Value>) {
    for (name, value) in object {
        write_named(xml, &element_name(name), value);
    }
}

/// A list repeats its element; a list within a list has no name of its own and gets `item`.
fn write_named(xml: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            for item in items {
                write_element(xml, name, item);
            }
        }
        _ => write_element(xml, name, value),
    }
}

fn write_element(xml: &mut String, name: &str, value: &Value) {
    // Writing to a String cannot fail.
    let _ = write!(xml, "<{name}>");
    match value {
        Value::Null => {}
        Value::Bool(truth) => xml.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => xml.push_str(&number.to_string()),
        Value::String(text) => xml.push_str(&content(text)),
        Value::Array(_) => {
            xml.push('\n');
            write_named(xml, "item", value);
        }
        Value::Object(object) => {
            xml.push('\n');
            write_object(xml, object);
        }
    }
    let _ = writeln!(xml, "</{name}>");
}

fn content(text: &str) -> String {
    partial_escape(legal(text)).into_owned()
}

/// Characters that XML 1.0 (section 2.2) cannot carry, not even escaped, become U+FFFD.
fn legal(text: &str) -> String {
    let is_legal = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        _ => c >= ' ',
    };
    text.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// JSON keys such as `1` or `co.uk` need not be XML names: `_1`, and `_` for each character that may not be there.
fn element_name(key: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut name: String = key.chars().map(|c| if inner(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name
}
