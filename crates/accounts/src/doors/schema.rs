//! JSON Schemas that the descriptions of many operations share.

use serde_json::{Value, json};

/// The id of something.
pub fn id() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

/// A day that the calendar of the books has.
pub fn date() -> Value {
    json!({ "type": "string", "format": "date", "pattern": "^(19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$" })
}
