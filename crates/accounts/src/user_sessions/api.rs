//! Sessions of users in the JSON API, and the link to a new password.

use axum::response::Response;
use kernel::Result;
use platform::web::Fail;
use serde_json::{Value, json};

use super::Session;
use super::client::device;
use crate::clients::{EDIT, LIST};
use crate::doors::api::answer;
use crate::doors::{ApiCx, Id, Operation, Routes};
use crate::{password_resets, user_sessions, users};

const TAG: &str = "Users";

pub fn routes() -> Routes {
    let list =
        Operation::new("GET", "/users/{id}/sessions", LIST, TAG, "Where a user is logged in").answers(200, schema());
    let end = Operation::new("DELETE", "/users/{id}/sessions", EDIT, TAG, "Log a user out everywhere")
        .answers(200, json!({ "type": "object", "properties": { "ended": { "type": "integer" } } }));
    let reset =
        Operation::new("POST", "/users/{id}/password-reset", EDIT, TAG, "Mail a user a link to choose a new password")
            .answers(200, json!({ "type": "object", "properties": { "mailed_to": { "type": "string" } } }));
    Routes::new().api(list, index).api(end, end_all).api(reset, mail_reset)
}

fn schema() -> Value {
    let instant = || json!({ "type": "string", "format": "date-time" });
    json!({ "type": "object", "properties": { "items": { "type": "array", "description": "The latest 200", "items": {
        "type": "object",
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "device": { "type": "string" },
            "ip": { "type": "string" },
            "client_id": { "type": ["integer", "null"], "format": "int64", "description": "For which client the user acts" },
            "admin_id": { "type": ["integer", "null"], "format": "int64", "description": "Staff who act as the user" },
            "remembered": { "type": "boolean" },
            "created_at": instant(), "seen_at": instant(), "expires_at": instant(),
        },
    } } } })
}

fn shown(session: &Session) -> Value {
    json!({
        "id": session.id,
        "device": device(session),
        "ip": session.ip,
        "client_id": session.client_id,
        "admin_id": session.admin_id,
        "remembered": session.remembered,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
        "expires_at": session.expires_at,
    })
}

async fn index(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    users::find(&mut conn, id).await?;
    let sessions = user_sessions::of_user(&mut conn, id, cx.now).await?;
    Ok(answer(&json!({ "items": sessions.iter().map(shown).collect::<Vec<_>>() })))
}

async fn end_all(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let user = users::find(&mut tx, id).await?;
    let ended = user_sessions::end_others(&mut tx, &cx.actor, &user, None, cx.now).await?;
    cx.commit(tx, 200, json!({ "ended": ended })).await
}

async fn mail_reset(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let user = users::find(&mut tx, id).await?;
    password_resets::send(&mut tx, &cx.app, &cx.actor, &user, cx.now).await?;
    cx.commit(tx, 200, json!({ "mailed_to": user.email })).await
}
