//! Credentials with which a program that runs a client's service, such as a control panel, leads the client into the
//! client area: the way of OAuth 2.0 to [single sign-on](accounts::sso_tokens).
//!
//! What must hold:
//! - A credential opens the account of its service's owner and no other, while the service is active and the client open.
//! - What is asked for with it is within its scope.
//! - The secret has 256 random bits, so its SHA-256 is stored; it is told once.
//! - Deleted, or given another secret or service, it takes along what was asked for with it and not used yet.
//! - Who makes one could log in as the client with it, so that takes both permissions.

pub mod admin;
pub mod api;
mod client;
pub mod compat;
mod scope;
mod store;

use accounts::activity_log::{self, Activity, Actor, ActorKind, Rights, changes};
use accounts::clients::{self, ClientStatus};
use accounts::company;
use accounts::doors::{Permission, Routes};
use accounts::owner_logins::ALLOWED;
use accounts::sso_tokens::{self, ByProgram, REFERENCE_PATH, SECONDS};
use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::{Conn, Tx};
use platform::{App, Random, crypto, record};

use crate::services::{self, Service, ServiceStatus};

pub use scope::Scope;
pub use store::{SORTS, query};

pub const MANAGE: Permission = Permission("Configure Application Links");

pub fn routes() -> Routes {
    client::routes().merge(admin::routes()).merge(api::routes()).merge(compat::routes())
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct OAuthCredential {
        pub id: i64,
        pub identifier: String,
        pub service_id: i64,
        pub name: String,
        pub description: String,
        /// See [`Scope`].
        pub scope: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub last_used_at: Option<Timestamp>,
    }
}

/// What can be said of a credential; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct Details {
    pub service_id: Option<i64>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub scope: Option<Scope>,
}

/// A credential and its secret, which is told once.
#[derive(Debug)]
pub struct Made {
    pub credential: OAuthCredential,
    pub secret: String,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<OAuthCredential> {
    store::find(conn, id).await?.ok_or(Error::NotFound("OAuth credential"))
}

pub async fn by_identifier(conn: &mut Conn, identifier: &str) -> Result<Option<OAuthCredential>> {
    store::by_identifier(conn, identifier).await
}

/// Makes a credential for a service.
pub async fn create(
    tx: &mut Tx,
    random: &Random,
    by: &Actor,
    service_id: i64,
    scope: &Scope,
    details: Details,
    now: Timestamp,
) -> Result<Made> {
    require(by)?;
    let nothing = OAuthCredential {
        id: 0,
        identifier: random.token()[..32].to_owned(),
        service_id,
        name: String::new(),
        description: String::new(),
        scope: scope.text(),
        created_at: now,
        updated_at: now,
        last_used_at: None,
    };
    let mut credential = with(nothing, Details { service_id: None, scope: None, ..details })?;
    let service = usable(tx, service_id).await?;
    let secret = random.token();
    credential.id = store::insert(tx, &credential, &hash(&secret)).await?;
    log(tx, by, &credential, &service, "made", Vec::new(), now).await?;
    Ok(Made { credential, secret })
}

/// Changes what is said of a credential.
pub async fn update(tx: &mut Tx, by: &Actor, id: i64, details: Details, now: Timestamp) -> Result<OAuthCredential> {
    require(by)?;
    let before = find(tx, id).await?;
    let after = with(before.clone(), details)?;
    let service = usable(tx, after.service_id).await?;
    let changed = changes([
        ("service", before.service_id.to_string(), after.service_id.to_string()),
        ("name", before.name.clone(), after.name.clone()),
        ("description", before.description.clone(), after.description.clone()),
        ("scope", before.scope.clone(), after.scope.clone()),
    ]);
    if changed.is_empty() {
        return Ok(before);
    }
    store::update(tx, &after, now).await?;
    if changed.iter().any(|change| matches!(change.field.as_str(), "service" | "scope")) {
        sso_tokens::forget_program(tx, id).await?;
    }
    log(tx, by, &after, &service, "changed", changed, now).await?;
    find(tx, id).await
}

/// Gives a credential a new secret; the old one opens nothing any more.
pub async fn renew(tx: &mut Tx, random: &Random, by: &Actor, id: i64, now: Timestamp) -> Result<String> {
    require(by)?;
    let credential = find(tx, id).await?;
    let service = services::find(tx, credential.service_id).await?;
    let secret = random.token();
    store::set_secret(tx, id, &hash(&secret), now).await?;
    sso_tokens::forget_program(tx, id).await?;
    log(tx, by, &credential, &service, "given a new secret", Vec::new(), now).await?;
    Ok(secret)
}

/// Deletes a credential: from this moment on it opens nothing.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    by.require(MANAGE)?;
    let credential = find(tx, id).await?;
    let service = services::find(tx, credential.service_id).await?;
    sso_tokens::forget_program(tx, id).await?;
    store::delete(tx, id).await?;
    log(tx, by, &credential, &service, "deleted", Vec::new(), now).await
}

/// What a program asks with.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub identifier: &'a str,
    pub secret: &'a str,
    pub scope: &'a str,
    pub path: Option<&'a str>,
    pub ip: &'a str,
}

/// A token, and where to send the client with it.
#[derive(Debug)]
pub struct Granted {
    pub token: String,
    pub seconds: i64,
    pub scope: String,
    pub url: String,
}

/// Why there is none, by the kinds of RFC 6749, section 5.2.
#[derive(Debug, PartialEq, Eq)]
pub enum Denied {
    /// No credential has this identifier and this secret.
    Client,
    Scope(String),
    Grant(&'static str),
}

/// The credential that this is the secret of. Writes nothing, so that a stranger cannot make the database write.
pub async fn known(conn: &mut Conn, identifier: &str, secret: &str) -> Result<Option<OAuthCredential>> {
    let Some(found) = store::by_identifier(conn, identifier).await? else { return Ok(None) };
    let stored = store::secret_hash(conn, found.id).await?;
    Ok(crypto::same(&stored, &hash(secret)).then_some(found))
}

/// Makes a token for whoever has a credential and its secret.
pub async fn grant(tx: &mut Tx, app: &App, asked: Asked<'_>, now: Timestamp) -> Result<Result<Granted, Denied>> {
    let Some(credential) = known(tx, asked.identifier, asked.secret).await? else { return Ok(Err(Denied::Client)) };
    let scope = match Scope::parse(asked.scope) {
        Ok(scope) if Scope::stored(&credential.scope).covers(&scope) => scope,
        Ok(_) => return Ok(Err(Denied::Scope("This is not in the scope of the credential.".to_owned()))),
        Err(message) => return Ok(Err(Denied::Scope(message))),
    };
    let target = match scope.target(asked.path) {
        Ok(target) => target,
        Err(message) => return Ok(Err(Denied::Scope(message))),
    };
    let service = services::find(tx, credential.service_id).await?;
    if service.status != ServiceStatus::Active {
        return Ok(Err(Denied::Grant("The service is not active.")));
    }
    let Ok(whom) = sso_tokens::whom(tx, Some(service.client_id), None).await? else {
        return Ok(Err(Denied::Grant("The client's account cannot be used.")));
    };
    let called = format!("the OAuth credential {}", called(&credential));
    let by = Actor {
        kind: ActorKind::Api,
        id: None,
        name: called.clone(),
        ip: asked.ip.to_owned(),
        rights: Rights::These(Default::default()),
        behalf: None,
    };
    let program = ByProgram { oauth_credential_id: credential.id, called: &called };
    let made = sso_tokens::create_for_program(tx, app, &by, program, &whom, &target, now).await?;
    store::used(tx, credential.id, now).await?;
    let url = format!("{}{REFERENCE_PATH}?access_token={}", company::system_url(tx).await?, made.token);
    Ok(Ok(Granted { token: made.token, seconds: SECONDS, scope: scope.text(), url }))
}

fn require(by: &Actor) -> Result<()> {
    by.require(MANAGE)?;
    by.require(ALLOWED)
}

fn hash(secret: &str) -> String {
    crypto::sha256_hex(secret.as_bytes())
}

/// How the log names a credential.
fn called(credential: &OAuthCredential) -> String {
    let name = if credential.name.is_empty() { String::new() } else { format!("“{}” ", credential.name) };
    let short = credential.identifier.get(..8).unwrap_or(&credential.identifier);
    format!("{name}{short} of service {}", credential.service_id)
}

/// The credential as it will be.
fn with(credential: OAuthCredential, details: Details) -> Result<OAuthCredential> {
    let mut errors = FieldErrors::default();
    let name = details.name.map_or(Ok(credential.name), |name| single_line(&name, 100));
    let name = errors.take("name", name).unwrap_or_default();
    let description = details.description.map_or(Ok(credential.description), |text| single_line(&text, 500));
    let description = errors.take("description", description).unwrap_or_default();
    errors.check()?;
    let scope = details.scope.map_or(credential.scope, |scope| scope.text());
    Ok(OAuthCredential {
        service_id: details.service_id.unwrap_or(credential.service_id),
        name,
        description,
        scope,
        ..credential
    })
}

/// The service, if somebody could be logged in by it.
async fn usable(tx: &mut Tx, service_id: i64) -> Result<Service> {
    let service = match services::find(tx, service_id).await {
        Err(Error::NotFound(_)) => return Err(Error::invalid("service_id", "A valid Service ID is required.")),
        service => service?,
    };
    if clients::find(tx, service.client_id).await?.status == ClientStatus::Closed {
        return Err(Error::invalid("service_id", "Service ID not associated with valid Client."));
    }
    Ok(service)
}

async fn log(
    tx: &mut Tx,
    by: &Actor,
    credential: &OAuthCredential,
    service: &Service,
    deed: &str,
    changed: Vec<activity_log::Change>,
    now: Timestamp,
) -> Result<()> {
    let activity = Activity::new(format!("OAuth credential {} was {deed}", called(credential)))
        .client(service.client_id)
        .about(services::subject(service.id))
        .changed(changed);
    activity_log::record(tx, by, activity, now).await
}
