//! A request of the JSON API beside the operation's description: what the document does not know is refused by name
//! instead of being passed over, because a filter that is misspelt would find everything, and a field nothing.

use kernel::{Date, FieldErrors, Result};
use platform::web::Form;
use serde_json::Value;

use super::Operation;

/// The parameters of the address: known, sent once, and of the kind that is described.
pub(super) fn check_query(operation: &Operation, query: &str) -> Result<()> {
    if query.is_empty() {
        return Ok(());
    }
    let form = Form::parse(query.as_bytes())?;
    let mut errors = FieldErrors::default();
    for (at, (name, value)) in form.pairs().enumerate() {
        let schema = operation.query.iter().find(|(known, ..)| *known == name).map(|(_, schema, _)| schema);
        if form.pairs().take(at).any(|(earlier, _)| earlier == name) {
            errors.add(name, "Send this once.");
        } else if let Some(schema) = schema {
            errors.take(name, fits(schema, value));
        } else {
            errors.add(shown(name), unknown(operation.query.iter().map(|(known, ..)| *known)));
        }
    }
    errors.check()
}

/// Fields of the body that the description does not have, also within lists and objects; and `null` where it is no
/// value, for it might be meant as one.
pub(super) fn strangers(operation: &Operation, body: &Value) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if let Some(schema) = &operation.body {
        check(schema, body, "", &mut errors);
    }
    errors
}

fn check(schema: &Value, value: &Value, path: &str, errors: &mut FieldErrors) {
    match value {
        Value::Object(fields) => {
            let Some(known) = schema["properties"].as_object() else { return };
            for (name, value) in fields {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match known.get(name) {
                    Some(schema) => check(schema, value, &place, errors),
                    None => errors.add(shown(&place), unknown(known.keys().map(String::as_str))),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{path}[{at}]"), errors);
            }
        }
        Value::Null if !takes_null(schema) => errors.add(shown(path), "Send a value, or leave this out."),
        _ => {}
    }
}

fn takes_null(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == "null",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "null"),
        _ => true,
    }
}

fn unknown<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        "Nothing is taken here.".to_owned()
    } else {
        format!("There is no such field. There are: {}.", known.join(", "))
    }
}

fn shown(name: &str) -> String {
    if name.is_empty() { "(no name)".to_owned() } else { name.chars().take(100).collect() }
}

/// The kinds of parameters that operations have.
fn fits(schema: &Value, value: &str) -> Result<(), String> {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return if choices.contains(&value) { Ok(()) } else { Err(format!("Choose one of: {}.", choices.join(", "))) };
    }
    if schema["type"] == "integer" {
        let digits = value.strip_prefix('-').unwrap_or(value);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<i64>().ok().filter(|_| plain).ok_or("Write a whole number.")?;
        return match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), _) if number < least => Err(format!("Write {least} or more.")),
            (_, Some(most)) if number > most => Err(format!("Write {most} or less.")),
            _ => Ok(()),
        };
    }
    if schema["format"] == "date" {
        return Date::parse(value).map(|_| ()).map_err(|error| error.to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kernel::Error;
    use serde_json::json;

    use super::*;
    use crate::roles::Permission;

    fn operation() -> Operation {
        Operation::new("GET", "/things", Permission("See things"), "Things", "List things")
            .query("page", json!({ "type": "integer", "minimum": 1, "maximum": 10 }), "")
            .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "")
            .query("from", json!({ "type": "string", "format": "date" }), "")
            .query("q", json!({ "type": "string" }), "")
            .body(json!({ "type": "object", "properties": {
                "name": { "type": "string" },
                "group": { "type": ["integer", "null"] },
                "lines": { "type": "array", "items": { "type": "object", "properties": { "amount": { "type": "string" } } } },
            } }))
    }

    fn named(result: Result<()>) -> Vec<(String, String)> {
        match result {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(errors)) => {
                errors.iter().map(|(name, message)| (name.to_owned(), message.to_owned())).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_described_passes() {
        for query in ["", "page=1", "page=10&sort=-id&from=2026-01-31&q=", "q=%C3%A9"] {
            assert_eq!(named(check_query(&operation(), query)), [], "{query}");
        }
        let body = json!({ "name": 7, "group": null, "lines": [{ "amount": "1" }, 5] });
        assert_eq!(named(strangers(&operation(), &body).check()), [], "kinds of fields are the handler's matter");
    }

    #[test]
    fn what_is_not_described_is_refused_by_name() {
        for (query, name, message) in [
            ("page=0", "page", "Write 1 or more."),
            ("page=11", "page", "Write 10 or less."),
            ("page=", "page", "Write a whole number."),
            ("page=%2B1", "page", "Write a whole number."),
            ("page=1.5", "page", "Write a whole number."),
            ("page=1&page=2", "page", "Send this once."),
            ("sort=name", "sort", "Choose one of: id, -id."),
            ("sort=", "sort", "Choose one of: id, -id."),
            ("Page=1", "Page", "There is no such field. There are: page, sort, from, q."),
            ("q=%FF", "q", "The text is not valid UTF-8."),
        ] {
            assert_eq!(named(check_query(&operation(), query)), [(name.to_owned(), message.to_owned())], "{query}");
        }
        assert_eq!(named(check_query(&operation(), "from=31.1.2026"))[0].0, "from");
        let body = json!({ "nam": "x", "lines": [{ "amount": "1" }, { "amout": "2" }] });
        let fields: Vec<String> =
            named(strangers(&operation(), &body).check()).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["nam", "lines[1].amout"]);
        let null =
            named(strangers(&operation(), &json!({ "name": null, "lines": [null, { "amount": null }] })).check());
        let fields: Vec<&str> = null.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["name", "lines[0]", "lines[1].amount"]);
    }
}
