//! `DeleteUserClient`, `CreateClientInvite`, `GetUserPermissions`, `UpdateUserPermissions`, `GetPermissionsList`.
//!
//! What surprises: an answer names what is wrong in the words that the reference documents for it, because callers compare
//! them.

use kernel::{Email, Error, Result};
use platform::compat::{Answer, Commas, Params};
use platform::db::Conn;
use serde_json::{Value, json};

use super::{ALL, AccountPermission, Member, invitations, listed, member, read};
use crate::clients::{self, EDIT, LIST};
use crate::doors::{Action, CompatCx, Routes};
use crate::{account_access, users};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("DeleteUserClient", EDIT, delete_user_client))
        .action(Action::new("CreateClientInvite", EDIT, create_client_invite))
        .action(Action::new("GetUserPermissions", LIST, get_user_permissions))
        .action(Action::new("UpdateUserPermissions", EDIT, update_user_permissions))
        .action(Action::new("GetPermissionsList", LIST, get_permissions_list))
}

const NO_USER: &str = "Invalid user id";
const NO_CLIENT: &str = "Invalid client id";

fn permissions_answer(permissions: &[AccountPermission]) -> Value {
    json!({ "permission": listed(permissions) })
}

/// The reference's list of fields has `result`, its example `status`.
async fn get_permissions_list(_: CompatCx) -> Result<Answer> {
    Ok(Answer::success().with("status", "success").with("permissions", permissions_answer(&ALL)))
}

/// The user as one of the client's, or the documented sentence.
async fn of_client(conn: &mut Conn, client_id: Option<i64>, user_id: Option<i64>) -> Result<Result<Member, Answer>> {
    let missing = |found: Result<bool>| match found {
        Ok(_) => Ok(false),
        Err(Error::NotFound(_)) => Ok(true),
        Err(other) => Err(other),
    };
    let (client_id, user_id) = (client_id.unwrap_or_default(), user_id.unwrap_or_default());
    if missing(users::find(conn, user_id).await.map(|_| true))? {
        return Ok(Err(Answer::error(NO_USER)));
    }
    if missing(clients::find(conn, client_id).await.map(|_| true))? {
        return Ok(Err(Answer::error(NO_CLIENT)));
    }
    match member(conn, client_id, user_id).await {
        Ok(member) => Ok(Ok(member)),
        Err(Error::NotFound(_)) => Ok(Err(Answer::error("User is not associated with client"))),
        Err(other) => Err(other),
    }
}

/// `user_id` and `client_id`.
fn ids(params: &mut Params<'_>) -> (Option<i64>, Option<i64>) {
    (params.int("user_id"), params.int("client_id"))
}

async fn get_user_permissions(cx: CompatCx) -> Result<Answer> {
    let (user_id, client_id) = cx.request.read(|params| Ok(ids(params)))?;
    let mut conn = cx.app.db.read().await?;
    Ok(match of_client(&mut conn, client_id, user_id).await? {
        Ok(member) => Answer::success().with("permissions", permissions_answer(&member.keys())),
        Err(answer) => answer,
    })
}

/// The keys of `permissions`; none when it was not sent.
fn permissions(params: &mut Params<'_>) -> Vec<AccountPermission> {
    let keys = params.list("permissions", Commas::Split).unwrap_or_default();
    match read(keys) {
        Ok(permissions) => permissions,
        Err(message) => {
            params.refuse("permissions", message);
            Vec::new()
        }
    }
}

async fn update_user_permissions(cx: CompatCx) -> Result<Answer> {
    let (user_id, client_id, wanted) = cx.request.read(|params| {
        let (user_id, client_id) = ids(params);
        Ok((user_id, client_id, permissions(params)))
    })?;
    let mut tx = cx.app.db.write().await?;
    let member = match of_client(&mut tx, client_id, user_id).await? {
        Ok(member) => member,
        Err(answer) => return Ok(answer),
    };
    if member.is_owner {
        return Ok(Answer::error("Permissions cannot be set on a client owner"));
    }
    if wanted.is_empty() {
        return Ok(Answer::error("Missing permissions definition"));
    }
    let client_id = client_id.unwrap_or_default();
    account_access::set_permissions(&mut tx, &cx.actor, client_id, member.id, &wanted, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success())
}

async fn delete_user_client(cx: CompatCx) -> Result<Answer> {
    let (user_id, client_id) = cx.request.read(|params| Ok(ids(params)))?;
    let mut tx = cx.app.db.write().await?;
    let member = match of_client(&mut tx, client_id, user_id).await? {
        Ok(member) => member,
        Err(answer) => return Ok(answer),
    };
    if member.is_owner {
        return Ok(Answer::error("You cannot remove the account owner"));
    }
    account_access::remove(&mut tx, &cx.actor, client_id.unwrap_or_default(), member.id, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success())
}

async fn create_client_invite(cx: CompatCx) -> Result<Answer> {
    let (client_id, email, wanted) = cx.request.read(|params| {
        let email = params.filled("email").map(str::to_owned);
        Ok((params.int("client_id"), email, permissions(params)))
    })?;
    let Some(email) = email else { return Ok(Answer::error("Email is required")) };
    let client_id = client_id.unwrap_or_default();
    let mut tx = cx.app.db.write().await?;
    if let Err(error) = clients::find(&mut tx, client_id).await {
        return if matches!(error, Error::NotFound(_)) { Ok(Answer::error(NO_CLIENT)) } else { Err(error) };
    }
    let Ok(email) = Email::parse(&email) else { return Ok(Answer::error("The email address entered is not valid")) };
    if wanted.is_empty() {
        return Ok(Answer::error("User permissions are required"));
    }
    match invitations::invite(&mut tx, &cx.app, &cx.actor, client_id, &email, &wanted, cx.now).await {
        Ok(_) => {}
        Err(Error::Invalid(errors)) if errors.of("email").is_some_and(|text| text.contains(invitations::MEMBER)) => {
            return Ok(Answer::error("User already associated with client"));
        }
        Err(other) => return Err(other),
    }
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success())
}
