//! Stripe's own description of its API (OpenAPI), condensed to what is used here: are these parameters Stripe's, is this
//! an answer that Stripe could give?

use serde_json::{Map, Value};

const TEXT: &str = include_str!("openapi-2023-08-16.json");

/// The condensed description. Its `info` says what it was condensed from.
#[derive(Debug, Clone)]
pub struct Spec(Value);

/// Names and values of a form or a query, decoded.
pub type Pairs = [(String, String)];

impl Spec {
    /// The description of the version that the file's name has.
    ///
    /// # Panics
    /// When the file is no JSON.
    #[must_use]
    pub fn load() -> Spec {
        Spec(serde_json::from_str(TEXT).unwrap_or_else(|why| panic!("openapi: {why}")))
    }

    /// `2023-08-16`
    #[must_use]
    pub fn version(&self) -> &str {
        self.0["info"]["version"].as_str().unwrap_or_default()
    }

    /// Whether webhooks may have this kind of event.
    #[must_use]
    pub fn has_event(&self, kind: &str) -> bool {
        self.0["x-events"].as_array().is_some_and(|all| all.iter().any(|known| known == kind))
    }

    /// Whether a schema has a property.
    #[must_use]
    pub fn has_property(&self, schema: &str, property: &str) -> bool {
        self.schema(schema)["properties"].get(property).is_some()
    }

    /// The values that a property of a schema may have.
    #[must_use]
    pub fn values(&self, schema: &str, property: &str) -> Vec<&str> {
        let all = self.schema(schema)["properties"][property]["enum"].as_array();
        all.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }

    /// The operation that a request asks for, by its method and path.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let method = method.to_ascii_lowercase();
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            let same = |(want, part): (&&str, &&str)| want == part || (want.starts_with('{') && !part.is_empty());
            wanted.len() == parts.len() && wanted.iter().zip(&parts).all(same)
        };
        // A path without places comes first.
        let paths = self.0["paths"].as_object()?;
        let exact = paths.get(path);
        exact.or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, found)| found))?.get(&method)
    }

    /// What is wrong with a request.
    #[must_use]
    pub fn check_request(&self, method: &str, path: &str, query: &Pairs, form: &Pairs) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("{method} {path} is not in the description")];
        };
        let mut wrong = Vec::new();
        let body = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
        for (key, value) in form {
            self.check_pair(&body["properties"], key, value, &mut wrong);
        }
        for name in body["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !form.iter().any(|(key, _)| key == name || key.starts_with(&format!("{name}["))) {
                wrong.push(format!("{name} is required"));
            }
        }
        let places = operation["parameters"].as_array().into_iter().flatten();
        let queried: Map<String, Value> = places
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| Some((parameter["name"].as_str()?.to_owned(), parameter["schema"].clone())))
            .collect();
        let queried = Value::Object(queried);
        for (key, value) in query {
            self.check_pair(&queried, key, value, &mut wrong);
        }
        wrong.into_iter().map(|text| format!("{method} {path}: {text}")).collect()
    }

    fn check_pair(&self, properties: &Value, key: &str, value: &str, wrong: &mut Vec<String>) {
        let (name, rest) = key.split_once('[').unwrap_or((key, ""));
        let steps: Vec<&str> =
            if rest.is_empty() { Vec::new() } else { rest.trim_end_matches(']').split("][").collect() };
        let verdict = match properties.get(name) {
            None => Err("is not a parameter".to_owned()),
            Some(schema) => self.check_value(schema, &steps, value),
        };
        if let Err(why) = verdict {
            wrong.push(format!("{key}={value} {why}"));
        }
    }

    fn check_value(&self, schema: &Value, steps: &[&str], value: &str) -> Result<(), String> {
        if schema.as_object().is_some_and(Map::is_empty) {
            return Err("was condensed away; describe it".to_owned());
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let fits = choices.iter().any(|choice| self.check_value(choice, steps, value).is_ok());
            return if fits { Ok(()) } else { Err("is none of what it may be".to_owned()) };
        }
        match (schema["type"].as_str(), steps) {
            (Some("object"), [step, rest @ ..]) => {
                match schema["properties"].get(step).or_else(|| schema.get("additionalProperties")) {
                    Some(inner) if inner.is_object() => self.check_value(inner, rest, value),
                    _ => Err(format!("has no [{step}]")),
                }
            }
            (Some("array"), [step, rest @ ..]) if step.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.check_value(&schema["items"], rest, value)
            }
            (_, [_, ..]) => Err("has nothing inside".to_owned()),
            (Some("integer"), []) if value.parse::<i64>().is_ok() => Ok(()),
            (Some("boolean"), []) if matches!(value, "true" | "false") => Ok(()),
            (Some("string"), []) => match schema["enum"].as_array() {
                Some(known) if !known.iter().any(|known| known == value) => Err("is not one of its values".to_owned()),
                _ => Ok(()),
            },
            (kind, []) => Err(format!("is no {}", kind.unwrap_or("known type"))),
        }
    }

    /// What is wrong with an answer to a request.
    #[must_use]
    pub fn check_answer(&self, method: &str, path: &str, status: u16, answer: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        if status >= 400 {
            self.conforms(self.schema("error"), answer, "error", &mut wrong);
        } else if let Some(operation) = self.operation(method, path) {
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            self.conforms(schema, answer, "answer", &mut wrong);
        }
        wrong.into_iter().map(|text| format!("{method} {path} → {status}: {text}")).collect()
    }

    /// What is wrong with an object as this schema.
    #[must_use]
    pub fn check_object(&self, schema: &str, object: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.conforms(self.schema(schema), object, schema, &mut wrong);
        wrong
    }

    fn conforms(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.conforms(self.schema(name), value, at, wrong);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let mut first = Vec::new();
            for choice in choices {
                let mut found = Vec::new();
                self.conforms(choice, value, at, &mut found);
                if found.is_empty() {
                    return;
                }
                if first.is_empty() {
                    first = found;
                }
            }
            return wrong.push(format!("{at} is none of what it may be ({})", first.join("; ")));
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            return wrong.push(format!("{at} is no {}: {value}", schema["type"]));
        }
        if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
            wrong.push(format!("{at} is not one of its values: {value}"));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                wrong.push(format!("{at}.{name} is missing"));
            }
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
                Some(schema) => self.conforms(schema, inner, &format!("{at}.{name}"), wrong),
                // An object of which nothing is described may hold anything.
                None if schema["properties"].is_null() => {}
                None => wrong.push(format!("{at}.{name} is not described")),
            }
        }
        for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
            self.conforms(&schema["items"], inner, &format!("{at}[{index}]"), wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn wrong(method: &str, path: &str, query: &[(&str, &str)], form: &[(&str, &str)]) -> usize {
        Spec::load().check_request(method, path, &pairs(query), &pairs(form)).len()
    }

    #[test]
    fn what_stripe_knows_passes_and_nothing_else() {
        let good = [("amount", "100"), ("currency", "eur"), ("off_session", "true"), ("metadata[a]", "b")];
        assert_eq!(wrong("POST", "/v1/payment_intents", &[], &good), 0);
        for (key, value) in [
            ("amount", "ten"),
            ("amonut", "100"),
            ("capture_method", "sometimes"),
            ("confirm", "yes"),
            ("automatic_payment_methods[enabeld]", "true"),
            ("automatic_payment_methods", "true"),
            ("currency[0]", "eur"),
        ] {
            let form = [("amount", "100"), ("currency", "eur"), (key, value)];
            assert_eq!(wrong("POST", "/v1/payment_intents", &[], &form), 1, "{key}");
        }
        assert_eq!(wrong("POST", "/v1/payment_intents", &[], &[("amount", "100")]), 1, "without a currency");
        assert_eq!(wrong("GET", "/v1/payment_intents", &[("created[gte]", "1"), ("limit", "100")], &[]), 0);
        assert_eq!(wrong("GET", "/v1/payment_intents", &[("created[from]", "1")], &[]), 1);
        assert_eq!(wrong("GET", "/v1/charges/ch_1", &[("expand[]", "balance_transaction")], &[]), 0);
        assert_eq!(wrong("DELETE", "/v1/charges/ch_1", &[], &[]), 1);
        assert_eq!(wrong("POST", "/v1/nothing", &[], &[]), 1);
        let line = [("success_url", "https://x"), ("line_items[0][price_data][unit_amount]", "5")];
        assert_eq!(wrong("POST", "/v1/checkout/sessions", &[], &line), 0);
    }

    #[test]
    fn an_answer_has_what_is_promised() {
        let spec = Spec::load();
        let refund = json!({ "id": "re_1", "object": "refund", "amount": 5, "currency": "eur", "created": 1,
            "payment_intent": "pi_1", "charge": null, "metadata": { "a": "b" } });
        assert_eq!(spec.check_object("refund", &refund), Vec::<String>::new());
        for (key, value) in
            [("amount", json!("5")), ("object", json!("charge")), ("made_up", json!(1)), ("charge", json!(7))]
        {
            let mut refund = refund.clone();
            refund[key] = value;
            assert_eq!(spec.check_object("refund", &refund).len(), 1, "{key}");
        }
        assert_eq!(spec.check_answer("GET", "/v1/refunds", 400, &json!({ "error": { "type": "api_error" } })).len(), 0);
        assert_eq!(spec.check_answer("GET", "/v1/refunds", 400, &json!({ "message": "no" })).len(), 2);
    }
}
