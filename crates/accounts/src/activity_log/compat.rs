//! `GetActivityLog` and `LogActivity`.

use kernel::Result;
use platform::compat::Answer;
use platform::jiff::tz::TimeZone;
use platform::web::lists::Order;
use serde_json::{Value, json};

use super::{ADD, ActorKind, COLUMNS, Filter, Listed, SORTS, VIEW, note, query};
use crate::company;
use crate::doors::compat::part;
use crate::doors::{Action, CompatCx, Routes};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetActivityLog", VIEW, get_activity_log)).action(Action::new(
        "LogActivity",
        ADD,
        log_activity,
    ))
}

async fn get_activity_log(cx: CompatCx) -> Result<Answer> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let (part, filter) = cx.request.read(|params| {
        let part = part(params);
        let day = params.date("date");
        let filter = Filter {
            text: params.filled("description").unwrap_or_default().to_owned(),
            client_id: params.int("clientid").filter(|id| *id != 0),
            actor: params.filled("user").unwrap_or_default().to_owned(),
            kind: None,
            subject: String::new(),
            ip: params.filled("ipaddress").unwrap_or_default().to_owned(),
            from: day.map(|day| company::day_start(day, &zone)),
            until: day.map(|day| company::day_end(day, &zone)),
        };
        Ok((part?, filter))
    })?;
    let query = query(&filter);
    let total = query.count_all(&mut conn).await?;
    let order = (&SORTS[0], Order::Descending);
    let entries: Vec<Listed> = query.part(&mut conn, COLUMNS, order, part.start, part.limit).await?;
    let shown: Vec<Value> = entries.iter().map(|listed| entry(listed, &zone)).collect();
    Ok(Answer::success()
        .with("totalresults", total)
        .with("startnumber", part.start)
        .with_list("activity", "entry", shown))
}

fn entry(entry: &Listed, zone: &TimeZone) -> Value {
    let client = entry.client_id.unwrap_or_default();
    let actor = |kinds: &[ActorKind]| {
        if kinds.contains(&entry.actor_kind) { entry.actor_id.unwrap_or_default() } else { 0 }
    };
    json!({
        "id": entry.id,
        "clientId": client,
        "userId": actor(&[ActorKind::Client, ActorKind::User]),
        "adminId": actor(&[ActorKind::Admin, ActorKind::Api]),
        "date": company::clock(entry.at, zone),
        "description": entry.description,
        "username": entry.actor_name,
        "ipaddress": entry.ip,
        // The name of `clientId` before users and clients were told apart.
        "userid": client,
    })
}

async fn log_activity(cx: CompatCx) -> Result<Answer> {
    let (client, text) = cx.request.read(|params| {
        let client = params.int("clientid").filter(|id| *id != 0);
        let text = params.required("description");
        Ok((client, text?))
    })?;
    let mut tx = cx.app.db.write().await?;
    note(&mut tx, &cx.actor, client, text, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success())
}
