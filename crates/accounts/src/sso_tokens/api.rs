//! Single sign-on in the JSON API.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, Result};
use platform::web::Fail;
use serde_json::json;

use super::client::PATH;
use super::{Unfit, in_field};
use crate::doors::{ApiCx, Id, Operation, Routes};
use crate::owner_logins::ALLOWED;
use crate::{company, sso_tokens};

pub fn routes() -> Routes {
    let make = Operation::new(
        "POST",
        "/users/{id}/sso-tokens",
        ALLOWED,
        "Users",
        "Make an address that logs a user in to the client area, once and within a minute, without password and second \
         factor: send there only whom you know to be this user. It takes an API credential",
    )
    .body(json!({ "type": "object", "properties": {
        "client_id": { "type": ["integer", "null"], "format": "int64",
                       "description": "For which client the user then acts; the first that is open without it" },
        "path": { "type": ["string", "null"], "description": "A page of the client area, such as /account/security" },
    } }))
    .answers(
        201,
        json!({ "type": "object", "required": ["url", "token", "expires_at"], "properties": {
        "url": { "type": "string", "description": "Told once: only its hash is kept" },
        "token": { "type": "string" },
        "expires_at": { "type": "string", "format": "date-time" },
    } }),
    )
    .never_repeated();
    Routes::new().api(make, create)
}

async fn create(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let client_id = body.int("client_id");
    let path = body.text("path");
    body.done()?;
    let target = in_field("path", path.as_deref())?;
    let mut tx = cx.app.db.write().await?;
    let whom = sso_tokens::whom(&mut tx, client_id, Some(id)).await?.map_err(told)?;
    let credential = cx.staff.credential();
    let made = sso_tokens::create(&mut tx, &cx.app, &cx.actor, credential, &whom, &target, cx.now).await?;
    let address = company::system_url(&mut tx).await?;
    tx.commit().await?;
    let url = format!("{address}{PATH}/{}", made.token);
    let value = json!({ "url": url, "token": made.token, "expires_at": made.expires_at });
    Ok((StatusCode::CREATED, axum::Json(value)).into_response())
}

fn told(unfit: Unfit) -> Error {
    match unfit {
        Unfit::Nobody | Unfit::NoUser => Error::NotFound("User"),
        Unfit::NoClient => Error::invalid("client_id", "There is no such client."),
        Unfit::NotOfClient => Error::invalid("client_id", "The user has no part in this client."),
        Unfit::Closed(id) => Error::refused(format!("Client {id} is closed, so nobody can use its account.")),
        Unfit::NoOwner(id) => Error::refused(format!("Client {id} has no owner.")),
    }
}
