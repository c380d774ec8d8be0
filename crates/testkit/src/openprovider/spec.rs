//! Openprovider's own description of its API, condensed to the names and types of what is used here: does it know this
//! parameter, could it give this answer?

use serde_json::Value;

const TEXT: &str = include_str!("operations.json");

/// The condensed description. Its `info` says what it was condensed from.
#[derive(Debug, Clone)]
pub struct Spec(Value);

impl Spec {
    /// # Panics
    /// When the file is no JSON.
    #[must_use]
    pub fn load() -> Spec {
        Spec(serde_json::from_str(TEXT).unwrap_or_else(|why| panic!("operations: {why}")))
    }

    /// Whether the answer to an operation, such as `GET /v1beta/domains`, has this field at a place in its `data`, such as
    /// `/results/0`.
    #[must_use]
    pub fn answers(&self, operation: &str, place: &str, field: &str) -> bool {
        let data = self.0["operations"][operation]["data"].pointer(place);
        data.is_some_and(|fields| fields.get(field).is_some())
    }

    /// The operation that a request asks for.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let all = self.0["operations"].as_object()?;
        let asked = format!("{method} {path}");
        all.get(&asked).or_else(|| all.iter().find(|(template, _)| fits(template, &asked)).map(|(_, found)| found))
    }

    /// What is wrong with a request: parameters and fields that the description does not know, or of another type.
    #[must_use]
    pub fn check_request(&self, method: &str, path: &str, query: &[(String, String)], body: &Value) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("{method} {path}: no such operation")];
        };
        let mut wrong = Vec::new();
        for (name, value) in query {
            match operation["query"].get(name) {
                None => wrong.push(format!("{method} {path}: no parameter {name}")),
                Some(kind) if !readable(kind, value) => wrong.push(format!("{method} {path}: {name}={value}")),
                Some(_) => {}
            }
        }
        if !body.is_null() {
            check(&operation["body"], body, &format!("{method} {path}"), &mut wrong);
        }
        wrong
    }

    /// What the description does not know of the `data` of an answer.
    #[must_use]
    pub fn check_answer(&self, method: &str, path: &str, data: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(operation) = self.operation(method, path) {
            check(&operation["data"], data, &format!("answer to {method} {path}"), &mut wrong);
        }
        wrong
    }
}

fn fits(template: &str, asked: &str) -> bool {
    let (template, asked): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), asked.split('/').collect());
    template.len() == asked.len()
        && template.iter().zip(&asked).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
}

fn readable(kind: &Value, text: &str) -> bool {
    match kind.as_str() {
        Some("integer") => text.parse::<i64>().is_ok(),
        Some("boolean") => text == "true" || text == "false",
        _ => true,
    }
}

fn check(kind: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    match (kind, value) {
        (Value::Object(fields), Value::Object(given)) => {
            for (name, value) in given {
                match fields.get(name) {
                    Some(kind) => check(kind, value, &format!("{at}.{name}"), wrong),
                    None => wrong.push(format!("{at}: no field {name}")),
                }
            }
        }
        (Value::Array(kinds), Value::Array(items)) => {
            for item in items {
                check(&kinds[0], item, at, wrong);
            }
        }
        (Value::String(name), _) if is_a(name, value) => {}
        _ => wrong.push(format!("{at}: {value} is no {kind}")),
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(method: &str, path: &str, query: &[(&str, &str)], body: &Value) -> usize {
        let query: Vec<_> = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Spec::load().check_request(method, path, &query, body).len()
    }

    #[test]
    fn what_the_description_does_not_know_is_wrong() {
        let domain = json!({ "name": "example", "extension": "com" });
        let renew = "/v1beta/domains/7/renew";
        assert_eq!(wrong("POST", renew, &[], &json!({ "id": 7, "period": 1, "domain": domain })), 0);
        assert_eq!(wrong("POST", renew, &[], &json!({ "period": "1" })), 1, "text for a number");
        assert_eq!(wrong("POST", renew, &[], &json!({ "current_expiry": "2026-01-01" })), 1);
        assert_eq!(wrong("GET", "/v1beta/domains", &[("limit", "100"), ("full_name", "example.com")], &Value::Null), 0);
        assert_eq!(wrong("GET", "/v1beta/domains", &[("limit", "all"), ("name", "example.com")], &Value::Null), 2);
        assert_eq!(wrong("POST", "/v1beta/domains/7/renewal", &[], &Value::Null), 1);
    }
}
