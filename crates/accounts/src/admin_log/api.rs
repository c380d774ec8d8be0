//! The admin log in the JSON API.

use axum::response::Response;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{COLUMNS, Filter, Login, SORTS, VIEW, query};
use crate::company;
use crate::doors::api::{list_answer, list_schema};
use crate::doors::{ApiCx, Operation, Routes, schema};

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let operation = Operation::new("GET", "/admin-log", VIEW, "Activity log", "Logins of staff, the latest first")
        .query("admin", text(), "Part of the administrator's name")
        .query("ip", text(), "The address they came from")
        .query("from", schema::date(), "From this day on")
        .query("until", schema::date(), "Up to and with this day")
        .query("sort", json!({ "type": "string", "enum": ["started", "-started", "seen", "-seen"] }), "By which moment")
        .paged()
        .answers(200, list_schema(schema()));
    Routes::new().api(operation, index)
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "admin_id", "admin", "ip", "started_at", "seen_at", "until"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "admin_id": { "type": "integer", "format": "int64" },
            "admin": { "type": "string" },
            "ip": { "type": "string" },
            "started_at": { "type": "string", "format": "date-time" },
            "seen_at": { "type": "string", "format": "date-time", "description": "The last page, to a few minutes" },
            "ended_at": { "type": ["string", "null"], "format": "date-time", "description": "When it was ended" },
            "until": { "type": ["string", "null"], "format": "date-time",
                       "description": "When it was ended or timed out; null while it goes on" },
        }
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let filter = Filter::parse(&request.form, &zone)?;
    let page: Page<Login> = query(&filter).whole_page(&mut conn, &request, COLUMNS).await?;
    let shown = |login: &Login| {
        let mut value = json!(login);
        value["until"] = json!(login.until(cx.now));
        value
    };
    Ok(list_answer(&request, &page, page.rows.iter().map(shown).collect()))
}
