//! Second factors of others in the JSON API: looking, and taking away.

use axum::response::Response;
use kernel::Result;
use platform::db::Conn;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{CONFIGURE, Person, factors, policy, remove_all};
use crate::doors::api::answer;
use crate::doors::{ApiCx, Id, Operation, Routes};
use crate::{admins, users};

const TAG: &str = "Security";

pub fn routes() -> Routes {
    let of = |method: &'static str, path: &'static str, about: &'static str| {
        Operation::new(method, path, CONFIGURE, TAG, about).answers(200, schema())
    };
    Routes::new()
        .api(of("GET", "/users/{id}/two-factor", "What second factors a user has"), of_user)
        .api(of("DELETE", "/users/{id}/two-factor", "Take all second factors of a user away"), remove_of_user)
        .api(of("GET", "/administrators/{id}/two-factor", "What second factors an administrator has"), of_staff)
        .api(
            of("DELETE", "/administrators/{id}/two-factor", "Take all second factors of an administrator away"),
            remove_of_staff,
        )
}

fn schema() -> Value {
    let moment = || json!({ "type": ["string", "null"], "format": "date-time" });
    json!({
        "type": "object",
        "required": ["policy", "app_since", "passkeys", "recovery_codes_left"],
        "properties": {
            "policy": { "type": "string", "enum": ["off", "allowed", "required"] },
            "app_since": moment(),
            "passkeys": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "name", "created_at", "last_used_at"],
                "properties": {
                    "id": { "type": "integer", "format": "int64" },
                    "name": { "type": "string" },
                    "created_at": { "type": "string", "format": "date-time" },
                    "last_used_at": moment(),
                },
            } },
            "recovery_codes_left": { "type": "integer" },
        },
    })
}

async fn shown(conn: &mut Conn, person: Person) -> Result<Value> {
    let known = factors(conn, person).await?;
    let passkeys: Vec<Value> = known
        .passkeys
        .iter()
        .map(|key| {
            json!({ "id": key.id, "name": key.name, "created_at": key.created_at, "last_used_at": key.last_used_at })
        })
        .collect();
    Ok(json!({
        "policy": policy(conn, person).await?.to_string(),
        "app_since": known.totp_since,
        "passkeys": passkeys,
        "recovery_codes_left": known.recovery_codes,
    }))
}

async fn of_user(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    users::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, Person::User(id)).await?))
}

async fn of_staff(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    admins::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, Person::Staff(id)).await?))
}

async fn remove_of_user(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    users::find(&mut tx, id).await?;
    remove(&cx, tx, Person::User(id)).await
}

async fn remove_of_staff(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    admins::find(&mut tx, id).await?;
    remove(&cx, tx, Person::Staff(id)).await
}

async fn remove(cx: &ApiCx, mut tx: platform::db::Tx, person: Person) -> Result<Response, Fail> {
    remove_all(&mut tx, &cx.actor, person, cx.now).await?;
    let left = shown(&mut tx, person).await?;
    cx.commit(tx, 200, left).await
}
