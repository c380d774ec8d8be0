//! Settings in the JSON API.

use accounts::doors::api::answer;
use accounts::doors::{ApiCx, Operation, Routes};
use accounts::settings as rules;
use axum::response::Response;
use kernel::{FieldErrors, Result};
use platform::settings::{Registry, Setting, Values};
use platform::web::Fail;
use serde_json::{Map, Value, json};

use super::CONFIGURE;
use crate::wiring;

const TAG: &str = "Settings";

pub fn routes() -> Routes {
    let schema =
        || json!({ "type": "object", "properties": { "items": { "type": "array", "items": described_schema() } } });
    let list =
        Operation::new("GET", "/settings", CONFIGURE, TAG, "Every setting with its value").answers(200, schema());
    let change = Operation::new("PATCH", "/settings", CONFIGURE, TAG, "Change the settings that are sent, all or none")
        .body(json!({
            "type": "object",
            "description": "Keys of settings with their new values; null puts the default back",
            "additionalProperties": { "type": ["string", "integer", "boolean", "null"] },
        }))
        .answers(200, schema());
    Routes::new().api(list, index).api(change, update)
}

fn described_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "key": text(), "value": text(), "default": text(), "section": text(), "label": text(), "help": text(),
        "read_by": { "type": "string", "description": "The function of the program that reads it" },
    } })
}

/// A setting as every door of machines shows it.
pub fn described(setting: &Setting, values: &Values) -> Value {
    json!({
        "key": setting.key,
        "value": values.text(setting),
        "default": setting.default,
        "section": setting.section,
        "label": setting.label,
        "help": setting.help,
        "read_by": setting.read_by,
    })
}

fn all(registry: &Registry, values: &Values) -> Value {
    let items: Vec<Value> = registry.all().iter().map(|setting| described(setting, values)).collect();
    json!({ "items": items })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let values = Values::load(&mut cx.app.db.read().await?).await?;
    Ok(answer(&all(&cx.app.settings, &values)))
}

async fn update(cx: ApiCx) -> Result<Response, Fail> {
    let fields = cx.json()?.into_fields();
    let wanted = written(&cx.app.settings, &fields)?;
    let pairs: Vec<(&Setting, &str)> = wanted.iter().map(|(setting, value)| (*setting, value.as_str())).collect();
    let mut tx = cx.app.db.write().await?;
    let stored = rules::store(&mut tx, &cx.actor, &pairs, cx.now).await?;
    let values = Values::load(&mut tx).await?;
    let mut body = all(&cx.app.settings, &values);
    if let Some(note) = stored.note {
        body["note"] = json!(note);
    }
    let response = cx.commit(tx, 200, body).await?;
    wiring::refresh(&cx.app).await?;
    Ok(response)
}

/// What was sent, as the text that settings are stored as.
fn written(registry: &Registry, fields: &Map<String, Value>) -> Result<Vec<(&'static Setting, String)>> {
    let mut errors = FieldErrors::default();
    let mut wanted = Vec::new();
    for (key, value) in fields {
        let Some(setting) = registry.find(key) else {
            errors.add(key.clone(), "There is no such setting. GET /settings lists them all.");
            continue;
        };
        match value {
            Value::String(text) => wanted.push((setting, text.clone())),
            Value::Number(number) => wanted.push((setting, number.to_string())),
            Value::Bool(truth) => wanted.push((setting, truth.to_string())),
            Value::Null => wanted.push((setting, setting.default.to_owned())),
            _ => errors.add(key.clone(), "Write text, a number, true or false."),
        }
    }
    errors.check()?;
    Ok(wanted)
}
