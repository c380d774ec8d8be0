//! The users of a client and invitations in the JSON API.

use axum::response::Response;
use kernel::{Email, Error, Result, Timestamp};
use platform::web::Fail;
use serde_json::{Value, json};

use super::invitations::Invitation;
use super::{ALL, AccountPermission, Member, invitations, listed, read};
use crate::account_access;
use crate::clients::{self, EDIT, VIEW};
use crate::doors::api::{Body, list_schema, whole_list};
use crate::doors::{ApiCx, Id, Ids, Operation, Routes};

const TAG: &str = "Users";

pub fn routes() -> Routes {
    let list =
        Operation::new("GET", "/clients/{id}/users", VIEW, TAG, "The users who act for a client, the owner first")
            .answers(200, list_schema(schema()));
    let change =
        Operation::new("PUT", "/clients/{id}/users/{user}", EDIT, TAG, "Say anew what a user may do for a client")
            .body(json!({ "type": "object", "required": ["permissions"], "properties": {
                "permissions": permissions_schema("At least one. The owner may everything") } }))
            .answers(200, schema());
    let owner = Operation::new("PUT", "/clients/{id}/owner", EDIT, TAG, "Make another of a client's users its owner")
        .body(json!({ "type": "object", "required": ["user_id"], "properties": {
            "user_id": { "type": "integer", "format": "int64" } } }))
        .answers(200, schema());
    let invited = Operation::new("GET", "/clients/{id}/invitations", VIEW, TAG, "Who is invited to act for a client")
        .answers(200, list_schema(invitation_schema()));
    let invite =
        Operation::new("POST", "/clients/{id}/invitations", EDIT, TAG, "Mail an invitation to act for a client")
            .body(json!({ "type": "object", "required": ["email"], "properties": {
                "email": { "type": "string" },
                "permissions": permissions_schema("What the user may; everything without it"),
            } }))
            .answers(201, invitation_schema());
    let resend = Operation::new(
        "POST",
        "/clients/{id}/invitations/{invitation}/resend",
        EDIT,
        TAG,
        "Mail an invitation again, with a new link that is good for a week",
    )
    .answers(200, invitation_schema());
    let cancel =
        Operation::new("DELETE", "/clients/{id}/invitations/{invitation}", EDIT, TAG, "Take an invitation back")
            .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    Routes::new()
        .api(list, index)
        .api(change, set_permissions)
        .api(owner, transfer)
        .api(invited, invitations_of)
        .api(invite, create_invitation)
        .api(resend, resend_invitation)
        .api(cancel, cancel_invitation)
}

pub(crate) fn permissions_schema(help: &str) -> Value {
    json!({ "type": "array", "description": help, "items": { "type": "string", "enum": listed(&ALL) } })
}

/// The field `permissions`, where it was sent.
pub(crate) fn permissions(body: &mut Body) -> Option<Vec<AccountPermission>> {
    if !body.has("permissions") {
        return None;
    }
    let values = body.array("permissions");
    let keys: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let read = keys.ok_or_else(|| "Write keys in quotes.".to_owned()).and_then(read);
    body.errors.take("permissions", read)
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "first_name", "last_name", "email", "last_login_at", "is_owner", "permissions"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "first_name": { "type": "string" },
            "last_name": { "type": "string" },
            "email": { "type": "string" },
            "last_login_at": { "type": ["string", "null"], "format": "date-time" },
            "is_owner": { "type": "boolean" },
            "permissions": permissions_schema("Of the owner all"),
        }
    })
}

fn shown(member: &Member) -> Value {
    json!({
        "id": member.id, "first_name": member.first_name, "last_name": member.last_name, "email": member.email,
        "last_login_at": member.last_login_at, "is_owner": member.is_owner, "permissions": listed(&member.keys()),
    })
}

fn invitation_schema() -> Value {
    let moment = || json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object",
        "required": ["id", "email", "permissions", "invited_by", "created_at", "sent_at", "expires_at", "expired"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "email": { "type": "string" },
            "permissions": permissions_schema("What the user may once the invitation is accepted"),
            "invited_by": { "type": "string" },
            "created_at": moment(),
            "sent_at": moment(),
            "expires_at": moment(),
            "expired": { "type": "boolean" },
        }
    })
}

fn invited(invitation: &Invitation, now: Timestamp) -> Value {
    json!({
        "id": invitation.id, "email": invitation.email, "permissions": listed(&invitation.keys()),
        "invited_by": invitation.invited_by, "created_at": invitation.created_at, "sent_at": invitation.sent_at,
        "expires_at": invitation.expires_at, "expired": invitation.has_expired(now),
    })
}

async fn index(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    clients::find(&mut conn, id).await?;
    let members = account_access::members(&mut conn, id).await?;
    Ok(whole_list(&members.iter().map(shown).collect::<Vec<_>>()))
}

async fn set_permissions(cx: ApiCx, Ids(id, user): Ids) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let permissions = permissions(&mut body);
    let permissions = body.require("permissions", permissions).unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let member = account_access::set_permissions(&mut tx, &cx.actor, id, user, &permissions, cx.now).await?;
    cx.commit(tx, 200, shown(&member)).await
}

async fn transfer(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let user = body.int("user_id");
    let user = body.require("user_id", user).unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let member = match account_access::transfer(&mut tx, &cx.actor, id, user, cx.now).await {
        Err(Error::NotFound("User of this client")) => {
            return Err(Fail(Error::invalid(
                "user_id",
                "This is no user of the client. Add the user to the client first.",
            )));
        }
        member => member?,
    };
    cx.commit(tx, 200, shown(&member)).await
}

async fn invitations_of(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    clients::find(&mut conn, id).await?;
    let open = invitations::of_client(&mut conn, id).await?;
    Ok(whole_list(&open.iter().map(|invitation| invited(invitation, cx.now)).collect::<Vec<_>>()))
}

async fn create_invitation(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let email = body.parsed("email", Email::parse);
    let email = body.require("email", email);
    let permissions = permissions(&mut body).unwrap_or(ALL.to_vec());
    body.done()?;
    let email = email.ok_or_else(|| Error::broken("invitation: unchecked e-mail"))?;
    let mut tx = cx.app.db.write().await?;
    let new = invitations::invite(&mut tx, &cx.app, &cx.actor, id, &email, &permissions, cx.now).await?;
    cx.commit(tx, 201, invited(&new, cx.now)).await
}

async fn resend_invitation(cx: ApiCx, Ids(id, invitation): Ids) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let renewed = invitations::resend(&mut tx, &cx.app, &cx.actor, id, invitation, cx.now).await?;
    cx.commit(tx, 200, invited(&renewed, cx.now)).await
}

async fn cancel_invitation(cx: ApiCx, Ids(id, invitation): Ids) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    invitations::cancel(&mut tx, &cx.actor, id, invitation, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
