//! The domain resolver in the JSON API.

use accounts::doors::api::{answer, list_fields, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema as shared};
use axum::response::Response;
use kernel::{DomainName, Error, Result};
use platform::runs;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::jobs::{self, TASK};
use super::judge::{Sight, Signed};
use super::{CHECK, Row, Scope, store};

const TAG: &str = "Domain resolver";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let start = Operation::new("POST", "/system/domain-resolver", CHECK, TAG, "Ask DNS where names point to, as a run")
        .body(json!({ "type": "object", "properties": {
            "names": { "type": "array", "items": text() },
            "all_services": { "type": "boolean", "description": "The names of all active and suspended services instead" },
        } }))
        .answers(202, json!({ "type": "object", "properties": { "run": shared::id() } }));
    let sights = || json!({ "type": "string", "enum": Sight::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>() });
    let signed = || json!({ "type": "string", "enum": Signed::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>() });
    let mut rows = list_schema(json!({ "type": "object", "properties": {
        "name": text(), "points": sights(), "mail": sights(), "servers": sights(), "dnssec": signed(),
        "service_id": { "type": ["integer", "null"], "format": "int64" },
        "client_id": { "type": ["integer", "null"], "format": "int64" },
        "answers": { "type": "object", "description": "By type: records, aliases, or why there are none" },
        "at": { "type": "string", "format": "date-time" },
    } }));
    rows["properties"]["state"] = json!({ "type": "string", "enum": ["queued", "running", "finished", "failed"] });
    rows["properties"]["done"] = json!({ "type": "integer" });
    rows["properties"]["names"] = json!({ "type": "integer", "description": "How many the run asks about" });
    rows["properties"]["error"] = json!({ "type": ["string", "null"] });
    let show = Operation::new("GET", "/system/domain-resolver/{id}", CHECK, TAG, "How far a run is, and what it found")
        .query("points", sights(), "Only names that point there")
        .query("mail", sights(), "Only names whose mail goes there")
        .query("servers", sights(), "Only names with name servers there")
        .query("dnssec", signed(), "Only these")
        .query("q", text(), "Part of the name")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "name", "-name"] }),
            "As they were found without it",
        )
        .paged()
        .answers(200, rows);
    Routes::new().api(start, start_run).api(show, show_run)
}

async fn start_run(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let all = body.bool("all_services").unwrap_or_default();
    let mut names = Vec::new();
    for (at, item) in body.array("names").iter().enumerate() {
        match DomainName::parse(item.as_str().unwrap_or_default()) {
            Ok(name) => names.push(name),
            Err(why) => body.errors.add(format!("names[{at}]"), why),
        }
    }
    if all && body.has("names") {
        body.errors.add("names", "Send names, or all_services; not both.");
    }
    body.done()?;
    names.sort();
    names.dedup();
    let scope = if all { Scope::Services } else { Scope::Names(names) };
    let mut tx = cx.app.db.write().await?;
    let key = format!("resolver:{}", cx.app.random.uuid(cx.now));
    let (run, _) = jobs::request(&mut tx, &cx.app, key, &cx.actor, &scope).await?;
    cx.commit(tx, 202, json!({ "run": run })).await
}

fn shown(row: &Row) -> Value {
    json!({
        "name": row.name, "points": row.points, "mail": row.mail, "servers": row.servers, "dnssec": row.dnssec,
        "service_id": row.service_id, "client_id": row.client_id, "at": row.at.to_string(),
        "answers": serde_json::from_str::<Value>(&row.answers).unwrap_or_default(),
    })
}

async fn show_run(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Order::Ascending)?;
    for name in ["points", "mail", "servers"] {
        if !request.filter(name).is_empty() {
            Sight::parse(request.filter(name)).map_err(|why| Error::invalid(name, why))?;
        }
    }
    if !request.filter("dnssec").is_empty() {
        Signed::parse(request.filter("dnssec")).map_err(|why| Error::invalid("dnssec", why))?;
    }
    let mut conn = cx.app.db.read().await?;
    let run = runs::find(&mut conn, id).await?;
    if run.task != TASK {
        return Err(Fail(Error::NotFound("Run")));
    }
    let page: Page<Row> = store::query(id, &request).page(&mut conn, &request, &Row::columns("r")).await?;
    let mut fields = list_fields(&request, &page, page.rows.iter().map(shown).collect());
    let summary: Value = serde_json::from_str(&run.summary).unwrap_or_default();
    fields.insert("state".to_owned(), json!(run.state));
    fields.insert("done".to_owned(), json!(run.done));
    fields.insert("names".to_owned(), json!(run.total));
    fields.insert("error".to_owned(), summary["error"].clone());
    Ok(answer(&Value::Object(fields)))
}
