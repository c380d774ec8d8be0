//! `CreateOAuthCredential`, `UpdateOAuthCredential`, `DeleteOAuthCredential`, `ListOAuthCredentials`.
//!
//! What surprises: answers name the first thing that is wrong in the words that the reference documents for it, because
//! callers compare them. Of its two grant types there is one here.

use accounts::company;
use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Error, Result};
use platform::compat::{Answer, Noted, Params};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::lists::Order;
use serde_json::{Value, json};

use super::{Details, MANAGE, OAuthCredential, SORTS, Scope, query};
use crate::oauth_credentials;

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("CreateOAuthCredential", MANAGE, create))
        .action(Action::new("UpdateOAuthCredential", MANAGE, update))
        .action(Action::new("DeleteOAuthCredential", MANAGE, delete))
        .action(Action::new("ListOAuthCredentials", MANAGE, list))
}

const GRANT: &str = "single_sign_on";
const NO_SERVICE: &str = "A service ID is required for the single sign-on grant type.";
const NO_CREDENTIAL: &str = "Invalid Credential ID provided.";

/// What was sent of a credential.
struct Sent {
    grant_type: Option<String>,
    scope: Option<String>,
    service_id: Option<i64>,
    details: Details,
}

fn sent(params: &mut Params<'_>) -> Result<Sent, Noted> {
    let grant_type = params.filled("grantType").map(str::to_owned);
    let scope = params.text("scope").map(str::to_owned);
    let service_id = params.int("serviceId").filter(|id| *id != 0);
    let (name, description) = (params.text("name").map(str::to_owned), params.text("description").map(str::to_owned));
    for name in ["logoUri", "redirectUri"] {
        let is_empty = params.keys(name).is_empty();
        if !is_empty {
            params.refuse(name, "Leave this out: nobody is asked or sent back with single sign-on.");
        }
    }
    Ok(Sent { grant_type, scope, service_id, details: Details { name, description, ..Details::default() } })
}

/// What is wrong with the grant type.
fn wrong_grant(grant_type: Option<&str>) -> Option<String> {
    let grant_type = grant_type.filter(|grant_type| *grant_type != GRANT)?;
    let shown: String = grant_type.chars().take(60).collect();
    Some(format!("The requested grant type \"{shown}\" is invalid."))
}

/// The first sentence about a field.
fn documented(error: Error) -> Result<Answer> {
    let Error::Invalid(errors) = error else { return Err(error) };
    let first = errors.iter().next().map(|(field, message)| match field {
        "service_id" => message.to_owned(),
        field => format!("{field}: {message}"),
    });
    first.map(Answer::error).ok_or(Error::Invalid(errors))
}

async fn create(cx: CompatCx) -> Result<Answer> {
    let sent = cx.request.read(sent)?;
    let Some(grant_type) = sent.grant_type.as_deref() else {
        return Ok(Answer::error("A valid grant type is required."));
    };
    if let Some(wrong) = wrong_grant(Some(grant_type)) {
        return Ok(Answer::error(wrong));
    }
    let Some(service_id) = sent.service_id else { return Ok(Answer::error(NO_SERVICE)) };
    let scope = match Scope::parse(sent.scope.as_deref().unwrap_or_default()) {
        Ok(scope) => scope,
        Err(message) => return Ok(Answer::error(message)),
    };
    let mut tx = cx.app.db.write().await?;
    let random = &cx.app.random;
    let made = oauth_credentials::create(&mut tx, random, &cx.actor, service_id, &scope, sent.details, cx.now).await;
    let made = match made {
        Ok(made) => made,
        Err(error) => return documented(error),
    };
    tx.commit().await?;
    Ok(Answer::success()
        .with("credentialId", made.credential.id.to_string())
        .with("clientIdentifier", made.credential.identifier)
        .with("clientSecret", made.secret))
}

/// By its id, or by its identifier.
async fn named(conn: &mut Conn, id: Option<i64>, identifier: Option<&str>) -> Result<Result<i64, &'static str>> {
    let found = match (id, identifier) {
        (Some(id), _) => match oauth_credentials::find(conn, id).await {
            Err(Error::NotFound(_)) => Err(NO_CREDENTIAL),
            found => Ok(found?.id),
        },
        (None, Some(identifier)) => match oauth_credentials::by_identifier(conn, identifier).await? {
            Some(found) => Ok(found.id),
            None => Err("Invalid Client Identifier provided."),
        },
        (None, None) => Err("A Credential ID or Client Identifier is required."),
    };
    Ok(found)
}

async fn update(cx: CompatCx) -> Result<Answer> {
    let (id, identifier, resets, sent) = cx.request.read(|params| {
        let id = params.int("credentialId").filter(|id| *id != 0);
        let identifier = params.filled("clientApiIdentifier").map(str::to_owned);
        let resets = params.bool("resetSecret").unwrap_or(false);
        Ok((id, identifier, resets, sent(params)?))
    })?;
    let mut tx = cx.app.db.write().await?;
    let id = match named(&mut tx, id, identifier.as_deref()).await? {
        Ok(id) => id,
        Err(message) => return Ok(Answer::error(message)),
    };
    if let Some(wrong) = wrong_grant(sent.grant_type.as_deref()) {
        return Ok(Answer::error(wrong));
    }
    let scope = match sent.scope.as_deref().map(Scope::parse).transpose() {
        Ok(scope) => scope,
        Err(message) => return Ok(Answer::error(message)),
    };
    let details = Details { service_id: sent.service_id, scope, ..sent.details };
    if let Err(error) = oauth_credentials::update(&mut tx, &cx.actor, id, details, cx.now).await {
        return documented(error);
    }
    let mut answer = Answer::success().with("credentialId", id.to_string());
    if resets {
        let secret = oauth_credentials::renew(&mut tx, &cx.app.random, &cx.actor, id, cx.now).await?;
        answer = answer.with("newClientSecret", secret);
    }
    tx.commit().await?;
    Ok(answer)
}

async fn delete(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| Ok(params.int("credentialId")))?;
    let mut tx = cx.app.db.write().await?;
    let id = match named(&mut tx, Some(id.unwrap_or_default()), None).await? {
        Ok(id) => id,
        Err(message) => return Ok(Answer::error(message)),
    };
    oauth_credentials::delete(&mut tx, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success().with("credentialId", id.to_string()))
}

/// The most that are listed.
const MOST: i64 = 1_000;

/// Fields to sort by, and what they are here.
const FIELDS: &[(&str, &str)] = &[("credentialId", "id"), ("createdAt", "created"), ("updatedAt", "updated")];

async fn list(cx: CompatCx) -> Result<Answer> {
    let (grant_type, sort, order, limit) = cx.request.read(|params| {
        let grant_type = params.filled("grantType").map(str::to_owned);
        let field = params.filled("sortField").unwrap_or("credentialId");
        let sort = FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
        let sort = sort.and_then(|(_, key)| SORTS.iter().find(|sort| sort.key == *key));
        let Some(sort) = sort else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            return Err(params.refuse("sortField", format!("Send one of: {}.", names.join(", "))));
        };
        let order = match params.filled("sortOrder").unwrap_or("ASC").to_ascii_uppercase().as_str() {
            "ASC" => Order::Ascending,
            "DESC" => Order::Descending,
            _ => return Err(params.refuse("sortOrder", "Send ASC or DESC.")),
        };
        let limit = params.int("limit").unwrap_or(MOST);
        if !(1..=MOST).contains(&limit) {
            return Err(params.refuse("limit", format!("Enter 1 to {MOST}.")));
        }
        Ok((grant_type, sort, order, limit))
    })?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let all: Vec<OAuthCredential> = match grant_type.as_deref() {
        None | Some(GRANT) => {
            query(None).part(&mut conn, &OAuthCredential::columns("c"), (sort, order), 0, limit).await?
        }
        // There are none of the other grant types.
        Some(_) => Vec::new(),
    };
    Ok(Answer::success().with("clients", all.iter().map(|one| shown(one, &zone)).collect::<Vec<_>>()))
}

/// The secret is not told: only its hash is kept.
fn shown(credential: &OAuthCredential, zone: &TimeZone) -> Value {
    json!({
        "credentialId": credential.id,
        "name": credential.name,
        "description": credential.description,
        "grantTypes": GRANT,
        "scope": credential.scope,
        "clientIdentifier": credential.identifier,
        "clientSecret": "",
        "uuid": null,
        "serviceId": credential.service_id,
        "logoUri": "",
        "redirectUri": [],
        "rsaKeyPairId": 0,
        "createdAt": company::clock(credential.created_at, zone),
        "updatedAt": company::clock(credential.updated_at, zone),
    })
}
