//! TLD sync in the JSON API.

use accounts::doors::api::{Body, answer, list_schema, whole_list};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema as shared};
use axum::response::Response;
use kernel::{Error, Money, Result};
use platform::App;
use platform::db::Conn;
use platform::web::Fail;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::proposal::{Daily, Line, MarginKind, Options, Row, Verdict};
use super::{CONFIGURE, Chosen, List};
use crate::tld_sync;
use crate::tlds::Ending;

const TAG: &str = "TLD sync";

pub fn routes() -> Routes {
    let start = Operation::new(
        "POST",
        "/system/tld-sync",
        CONFIGURE,
        TAG,
        "Fetch a registrar's prices, say what ours would be, and import what is asked for",
    )
    .body(asked_schema())
    .answers(200, answered_schema());
    let lists =
        Operation::new("GET", "/system/tld-sync", CONFIGURE, TAG, "The lists that were fetched, the newest first")
            .answers(200, list_schema(fetched_schema()));
    let show =
        Operation::new("GET", "/system/tld-sync/{id}", CONFIGURE, TAG, "What a fetched list would make of our prices")
            .answers(200, answered_schema());
    Routes::new().api(start, run).api(lists, index).api(show, show_one)
}

fn decimal_schema(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn options_schema() -> Value {
    let names = |all: Vec<&str>| json!({ "type": "string", "enum": all });
    json!({
        "margin_kind": names(MarginKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        "margin": decimal_schema("Percent of the cost, or an amount a year in the base currency"),
        "ending": names(Ending::ALL.iter().map(|ending| ending.as_str()).collect()),
        "min_margin": decimal_schema("The least that is earned a year, in the base currency"),
        "hold_above": decimal_schema("Percent: what would move by more is held for review"),
        "set_registrar": { "type": "boolean", "description": "Orders of what is imported go to this registrar" },
        "late": { "type": "boolean", "description": "Import grace and redemption, too" },
        "daily": names(Daily::ALL.iter().map(|daily| daily.as_str()).collect()),
    })
}

fn asked_schema() -> Value {
    let mut properties = options_schema();
    properties["registrar"] = json!({ "type": "string", "description": "The name of a registrar that is set up" });
    properties["list"] = json!({
        "type": ["integer", "null"], "format": "int64",
        "description": "A list that was fetched before, instead of fetching it anew",
    });
    properties["import"] = json!({
        "type": "array",
        "items": { "type": "string" },
        "description": "Extensions to import, held ones too; without it nothing is imported",
    });
    properties["within_limits"] = json!({
        "type": "boolean",
        "description": "Import what is sold already and stays within the limit",
    });
    json!({ "type": "object", "required": ["registrar"], "properties": properties })
}

fn fetched_schema() -> Value {
    json!({ "type": "object", "properties": {
        "id": shared::id(),
        "registrar": { "type": "string" },
        "extensions": { "type": "integer", "minimum": 0 },
        "fetched_at": { "type": "string", "format": "date-time" },
    } })
}

fn answered_schema() -> Value {
    let text = || json!({ "type": "string" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    json!({ "type": "object", "properties": {
        "list": fetched_schema(),
        "options": { "type": "object", "properties": options_schema() },
        "imported": { "type": ["object", "null"], "properties": {
            "added": count(), "changed": count(), "unchanged": count(),
        } },
        "extensions": { "type": "array", "items": { "type": "object", "properties": {
            "extension": text(),
            "state": { "type": "string", "enum": ["new", "changed", "same", "held", "wrong"] },
            "why": { "type": "array", "items": text() },
            "loss": { "type": "boolean", "description": "Sold today for less than it costs" },
            "currency": { "type": "string", "description": "As the registrar writes it" },
            "prices": { "type": "array", "description": "Of one year, in the base currency", "items": {
                "type": "object",
                "properties": {
                    "what": { "type": "string", "enum": ["register", "transfer", "renew", "redemption"] },
                    "cost": text(),
                    "now": { "type": ["string", "null"] },
                    "new": text(),
                    "margin": { "type": ["string", "null"], "description": "Percent: (new − cost) ÷ cost" },
                    "margin_now": { "type": ["string", "null"] },
                },
            } },
        } } },
    } })
}

fn state(verdict: &Verdict) -> (&'static str, Vec<String>) {
    match verdict {
        Verdict::New => ("new", Vec::new()),
        Verdict::Changed => ("changed", Vec::new()),
        Verdict::Same => ("same", Vec::new()),
        Verdict::Held(why) => ("held", why.clone()),
        Verdict::Wrong(why) => ("wrong", why.clone()),
    }
}

fn row_json(row: &Row) -> Value {
    let percent = |margin: Option<Decimal>| margin.map(|margin| margin.to_string());
    let line = |line: &Line| {
        json!({
            "what": line.what,
            "cost": line.cost.decimal(),
            "now": line.now.map(Money::decimal),
            "new": line.new.decimal(),
            "margin": percent(line.margin(line.new)),
            "margin_now": percent(line.now.and_then(|now| line.margin(now))),
        })
    };
    let (state, why) = state(&row.verdict);
    json!({
        "extension": row.extension, "state": state, "why": why, "loss": row.is_loss(), "currency": row.currency,
        "prices": row.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn list_json(list: &List) -> Value {
    json!({
        "id": list.id, "registrar": list.registrar, "extensions": list.items, "fetched_at": list.fetched_at.to_string(),
    })
}

fn options_json(of: &Options) -> Value {
    let text = |decimal: Decimal| decimal.normalize().to_string();
    json!({
        "margin_kind": of.margin_kind, "margin": text(of.margin), "ending": of.ending, "min_margin": text(of.min_margin),
        "hold_above": text(of.hold_above), "set_registrar": of.set_registrar, "late": of.late, "daily": of.daily,
    })
}

async fn answered(conn: &mut Conn, list: &List, options: &Options, imported: Value) -> Result<Value> {
    let rows = tld_sync::rows(conn, list, options).await?;
    Ok(json!({
        "list": list_json(list), "options": options_json(options), "imported": imported,
        "extensions": rows.iter().map(row_json).collect::<Vec<_>>(),
    }))
}

/// What was asked for; what was not named of the options stays as it is.
struct Asked {
    registrar: String,
    list: Option<i64>,
    chosen: Option<Chosen>,
    kind: Option<MarginKind>,
    margin: Option<Decimal>,
    ending: Option<Ending>,
    min_margin: Option<Decimal>,
    hold_above: Option<Decimal>,
    set_registrar: Option<bool>,
    late: Option<bool>,
    daily: Option<Daily>,
}

impl Asked {
    fn read(mut body: Body) -> Result<Asked> {
        let number = |text: &str| text.parse::<Decimal>().map_err(|_| "Write a number such as \"12.5\".");
        let names: Vec<String> = body.array("import").iter().filter_map(Value::as_str).map(extension).collect();
        let within = body.bool("within_limits").unwrap_or_default();
        if body.has("import") && within {
            body.errors.add("within_limits", "Name the extensions, or send within_limits; not both.");
        }
        let chosen = if body.has("import") { Some(Chosen::Extensions(names)) } else { None };
        let asked = Asked {
            registrar: body.text("registrar").unwrap_or_default(),
            list: body.int("list"),
            chosen: chosen.or(within.then_some(Chosen::WithinLimits)),
            kind: body.parsed("margin_kind", MarginKind::parse),
            margin: body.parsed("margin", number),
            ending: body.parsed("ending", Ending::parse),
            min_margin: body.parsed("min_margin", number),
            hold_above: body.parsed("hold_above", number),
            set_registrar: body.bool("set_registrar"),
            late: body.bool("late"),
            daily: body.parsed("daily", Daily::parse),
        };
        body.done()?;
        Ok(asked)
    }

    fn on(&self, of: Options) -> Options {
        Options {
            margin_kind: self.kind.unwrap_or(of.margin_kind),
            margin: self.margin.unwrap_or(of.margin),
            ending: self.ending.unwrap_or(of.ending),
            min_margin: self.min_margin.unwrap_or(of.min_margin),
            hold_above: self.hold_above.unwrap_or(of.hold_above),
            set_registrar: self.set_registrar.unwrap_or(of.set_registrar),
            late: self.late.unwrap_or(of.late),
            daily: self.daily.unwrap_or(of.daily),
        }
    }
}

/// `.com` and `com` are the same, and so are both forms of another script.
fn extension(text: &str) -> String {
    kernel::Extension::parse(text).map_or_else(|_| text.to_owned(), |extension| extension.to_string())
}

async fn run(cx: ApiCx) -> Result<Response, Fail> {
    let asked = Asked::read(cx.json()?)?;
    let inner = cx.clone();
    cx.outside(200, async move { work(&inner.app, &inner, &asked).await }).await
}

async fn work(app: &App, cx: &ApiCx, asked: &Asked) -> Result<Value> {
    let list = match asked.list {
        Some(id) => {
            let list = tld_sync::find(&mut app.db.read().await?, id).await?;
            if list.registrar != asked.registrar {
                return Err(Error::invalid("list", "This list is another registrar's."));
            }
            list
        }
        None => tld_sync::fetch(app, &asked.registrar).await?,
    };
    let mut tx = app.db.write().await?;
    let options = asked.on(tld_sync::options(&mut tx, &asked.registrar).await?);
    tld_sync::set_options(&mut tx, &cx.actor, &asked.registrar, &options, cx.now).await?;
    let imported = match &asked.chosen {
        Some(chosen) => {
            let done = tld_sync::import(&mut tx, &cx.actor, &list, &options, chosen, cx.now).await?;
            json!({ "added": done.added, "changed": done.changed, "unchanged": done.unchanged })
        }
        None => Value::Null,
    };
    let body = answered(&mut tx, &list, &options, imported).await?;
    tx.commit().await?;
    Ok(body)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let lists = tld_sync::latest(&mut cx.app.db.read().await?).await?;
    Ok(whole_list(&lists.iter().map(list_json).collect::<Vec<_>>()))
}

async fn show_one(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let list = tld_sync::find(&mut conn, id).await?;
    let options = tld_sync::options(&mut conn, &list.registrar).await?;
    Ok(answer(&answered(&mut conn, &list, &options, Value::Null).await?))
}
