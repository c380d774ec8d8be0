//! The OpenAPI document as a page for people.

use std::sync::{Arc, OnceLock};

use accounts::doors::admin::plain_frame;
use accounts::doors::{PublicCx, Routes, api};
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use platform::web::Fail;
use serde_json::Value;

pub fn routes() -> Routes {
    Routes::new().public_get("/api/docs", page)
}

/// The document as the page shows it, made when somebody first asks for the page.
pub struct Document {
    operations: Vec<Arc<api::Operation>>,
    shown: OnceLock<Shown>,
}

struct Shown {
    groups: Vec<Group>,
    about: String,
}

#[derive(Debug, serde::Serialize)]
struct Group {
    tag: String,
    operations: Vec<Operation>,
}

#[derive(Debug, serde::Serialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    permission: String,
    parameters: Vec<Property>,
    body: Vec<Property>,
    status: String,
    answer: Vec<Property>,
}

/// One line of a table: a parameter, a field of a body or an answer.
#[derive(Debug, serde::Serialize, PartialEq)]
struct Property {
    name: String,
    kind: String,
    required: bool,
    help: String,
}

impl Document {
    pub fn of(routes: &Routes) -> Document {
        Document { operations: routes.operations.clone(), shown: OnceLock::new() }
    }

    fn shown(&self) -> &Shown {
        self.shown.get_or_init(|| Shown::of(&api::document(&self.operations)))
    }
}

impl Shown {
    fn of(document: &Value) -> Shown {
        let mut groups: Vec<Group> = Vec::new();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, described) in methods.as_object().into_iter().flatten() {
                let operation = operation(path, method, described);
                let tag = text(&described["tags"][0]);
                match groups.iter_mut().find(|group| group.tag == tag) {
                    Some(group) => group.operations.push(operation),
                    None => groups.push(Group { tag, operations: vec![operation] }),
                }
            }
        }
        Shown { groups, about: text(&document["info"]["description"]) }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn operation(path: &str, method: &str, described: &Value) -> Operation {
    let parameters = described["parameters"].as_array().into_iter().flatten().map(|parameter| Property {
        name: text(&parameter["name"]),
        kind: kind(&parameter["schema"]),
        required: parameter["required"].as_bool().unwrap_or_default(),
        help: match text(&parameter["in"]).as_str() {
            "path" => "Part of the address".to_owned(),
            "header" => format!("Header. {}", text(&parameter["description"])),
            _ => text(&parameter["description"]),
        },
    });
    let answers = described["responses"].as_object();
    let done = answers.and_then(|answers| answers.iter().find(|(status, _)| status.starts_with('2')));
    let answer = done.map(|(_, answer)| &answer["content"]["application/json"]["schema"]);
    Operation {
        id: text(&described["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&described["summary"]),
        permission: text(&described["description"]).trim_start_matches("Permission: ").to_owned(),
        parameters: parameters.collect(),
        body: properties(&described["requestBody"]["content"]["application/json"]["schema"]),
        status: done.map(|(status, _)| status.clone()).unwrap_or_default(),
        answer: answer.map(properties).unwrap_or_default(),
    }
}

/// Deeper than this a table helps nobody; the document itself has the rest.
const DEPTH: usize = 4;

fn properties(schema: &Value) -> Vec<Property> {
    let mut out = Vec::new();
    collect("", schema, 0, &mut out);
    out
}

fn collect(prefix: &str, schema: &Value, depth: usize, out: &mut Vec<Property>) {
    if depth >= DEPTH {
        return;
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        out.push(Property {
            name: full.clone(),
            kind: kind(property),
            required: required.contains(&name.as_str()),
            help: text(&property["description"]),
        });
        collect(&full, property, depth + 1, out);
        collect(&format!("{full}[]"), &property["items"], depth + 1, out);
    }
}

/// The type of a value in words.
fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        return choices
            .iter()
            .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" | ");
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => return String::new(),
    };
    match (name.as_str(), schema["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(&schema["items"])).trim_end_matches(" of ").to_owned(),
        ("integer", _) => "integer".to_owned(),
        (_, Some(format)) => format!("{name} ({format})"),
        _ => name,
    }
}

async fn page(cx: PublicCx) -> Result<Response, Fail> {
    let document = cx.app.get::<Document>()?;
    let shown = document.shown();
    let page = context! { wide => true, home => "/admin", ..plain_frame(&cx.app, "API") };
    let values = context! { page, groups => Serde(&shown.groups), about => &shown.about };
    Ok(cx.app.templates.page("app/api_docs/page.html", values)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_becomes_a_table_with_the_inside_of_lists() {
        let schema = json!({
            "type": "object",
            "required": ["total"],
            "properties": {
                "total": { "type": "integer", "format": "int64" },
                "items": { "type": "array", "items": { "type": "object", "properties": {
                    "status": { "enum": ["paid", "unpaid"], "description": "How it stands" }
                } } }
            }
        });
        let lines: Vec<String> = properties(&schema)
            .into_iter()
            .map(|line| format!("{} {}{} {}", line.name, line.kind, if line.required { "!" } else { "" }, line.help))
            .collect();
        assert_eq!(lines, ["total integer! ", "items list of object ", "items[].status paid | unpaid How it stands"]);
    }
}
