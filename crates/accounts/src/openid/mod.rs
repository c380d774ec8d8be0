//! Logging in through a provider of identities (OpenID Connect): staff's own directory says who somebody is.
//!
//! What must hold:
//! - An answer is good once, within [`LIFE`], in the browser that asked, for the question that it asked: `state`, a cookie,
//!   `nonce` and PKCE each stand for one of these.
//! - An ID token counts only with a signature of the provider's published keys, for this client, in time ([`id_token`]).
//! - Nobody is let in whom nobody meant: an account at the provider belongs to an administrator when it was linked, when the
//!   provider has verified the address that an administrator has, or when the provider gives it a role that was mapped.
//! - Whoever sets up a provider decides who comes in, so that takes every permission there is.
//!
//! What surprises: a role that came from the provider follows it at each login; one that was given here never does. The
//! second factor is asked for as after a password.

pub mod admin;
pub mod id_token;
pub mod login;
mod signatures;
mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Error, FieldErrors, Result, Timestamp, nonempty, single_line};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::{App, crypto, record, secrets};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::activity_log::{self, Activity, Actor, changes};
use crate::admins::manage::{self, AdminEdit};
use crate::admins::{self, NewAdmin};
use crate::roles::{self, Permission};

pub use store::{Identity, Mapped};
pub use wire::Wire;

pub const CONFIGURE: Permission = Permission("Configure OpenID Connect");

/// Seconds that somebody may take at the provider.
pub const LIFE: i64 = 600;

/// Logins that were given up, for [`platform::prune`].
pub const OLD: Rubbish = Rubbish {
    name: "logins at a provider",
    table: "openid_logins",
    key: "state_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(0),
};

/// What is asked for unless somebody says otherwise.
pub const SCOPES: &str = "openid email profile";

record! {
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Provider {
        pub id: i64,
        pub label: String,
        /// Exactly as its tokens name it.
        pub issuer: String,
        pub client_id: String,
        pub scopes: String,
        pub enabled: bool,
        pub link_by_email: bool,
        pub role_claim: String,
        pub created_at: Timestamp,
    }
}

/// A provider as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProvider {
    pub label: String,
    pub issuer: String,
    pub client_id: String,
    /// `None` leaves what is stored.
    pub secret: Option<String>,
    pub scopes: String,
    pub enabled: bool,
    pub link_by_email: bool,
    pub role_claim: String,
    /// Lines such as `sales-team = Sales Operator`; the first that fits counts.
    pub roles: String,
}

/// Where the provider sends the browser back to.
pub const CALLBACK: &str = "/admin/openid/callback";

fn secret_place(id: i64) -> String {
    format!("openid:{id}:client_secret")
}

/// Whether what is sent there cannot be read on the way: TLS, or this machine.
fn is_private(address: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(address) else { return false };
    let local = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    url.username().is_empty()
        && url.password().is_none()
        && (url.scheme() == "https" || (url.scheme() == "http" && local))
}

/// What was checked of a provider.
struct Checked {
    new: NewProvider,
    roles: Vec<Mapped>,
}

async fn checked(tx: &mut Tx, new: NewProvider) -> Result<Checked> {
    let mut errors = FieldErrors::default();
    let mut line = |field: &str, text: &str, most: usize, missing: &str| {
        let text = errors.take(field, single_line(text, most)).unwrap_or_default();
        if text.is_empty() && !missing.is_empty() && errors.of(field).is_none() {
            errors.add(field, missing);
        }
        text
    };
    let label = line("label", &new.label, 60, "Enter what stands on the button, such as the provider’s name.");
    let issuer = line("issuer", &new.issuer, 300, "Enter the provider’s issuer, an address.");
    let client_id = line("client_id", &new.client_id, 300, "Enter the client id that the provider has given.");
    let role_claim = line("role_claim", &new.role_claim, 100, "");
    let scopes = line("scopes", nonempty(&new.scopes).unwrap_or(SCOPES), 300, "");
    if !issuer.is_empty() && (!is_private(&issuer) || issuer.contains(['?', '#'])) {
        errors.add(
            "issuer",
            "Write an address such as https://login.example.com, without a query. Plain http is for this machine only.",
        );
    }
    let words: Vec<&str> = scopes.split_whitespace().collect();
    if !words.contains(&"openid") {
        errors.add("scopes", "One of them must be “openid”.");
    }
    let scopes = words.join(" ");
    let secret = new.secret.filter(|secret| !secret.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.chars().count() > 1_000 || secret.chars().any(char::is_control)) {
        errors.add("secret", "Enter the secret as the provider shows it, in one line.");
    }
    let mapped = mapping(tx, &new.roles, &mut errors).await?;
    if !mapped.is_empty() && role_claim.is_empty() {
        errors.add("role_claim", "Name the claim that the lines below are values of, such as groups.");
    }
    errors.check()?;
    let new = NewProvider { label, issuer, client_id, secret, scopes, role_claim, ..new };
    Ok(Checked { new, roles: mapped })
}

/// Reads the lines of values and roles.
async fn mapping(conn: &mut Conn, text: &str, errors: &mut FieldErrors) -> Result<Vec<Mapped>> {
    let known = roles::all(conn).await?;
    let mut mapped: Vec<Mapped> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let shown: String = line.chars().take(80).collect();
        let Some((value, name)) = line.rsplit_once('=') else {
            errors.add("roles", format!("“{shown}”: write a value, =, and a role."));
            continue;
        };
        let (value, name) = (value.trim(), name.trim());
        let role = known.iter().find(|role| role.name.eq_ignore_ascii_case(name));
        match role {
            _ if value.is_empty() || value.chars().count() > 200 => {
                errors.add("roles", format!("“{shown}”: the value must have 1 to 200 characters."));
            }
            _ if mapped.iter().any(|other| other.value == value) => {
                errors.add("roles", format!("“{shown}”: this value has a line already."));
            }
            Some(role) => mapped.push(Mapped { value: value.to_owned(), role_id: role.id, role: role.name.clone() }),
            None => errors.add("roles", format!("“{shown}”: there is no role “{name}”.")),
        }
    }
    Ok(mapped)
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Provider> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Provider"))
}

/// All of them, by label.
pub async fn all(conn: &mut Conn) -> Result<Vec<Provider>> {
    store::all(conn).await
}

/// Those that are offered at the login.
pub async fn offered(conn: &mut Conn) -> Result<Vec<Provider>> {
    Ok(store::all(conn).await?.into_iter().filter(|provider| provider.enabled).collect())
}

/// The lines of [`NewProvider::roles`] as they are stored.
pub async fn role_lines(conn: &mut Conn, id: i64) -> Result<String> {
    let mapped = store::mapped(conn, id).await?;
    Ok(mapped.iter().map(|line| format!("{} = {}", line.value, line.role)).collect::<Vec<_>>().join("\n"))
}

/// Whether a line of some provider gives this role.
pub(crate) async fn gives(conn: &mut Conn, role_id: i64) -> Result<bool> {
    store::gives(conn, role_id).await
}

pub async fn identities(conn: &mut Conn, id: i64) -> Result<Vec<Identity>> {
    store::identities(conn, id).await
}

const DEED: &str = "set up who comes in through a provider";

pub async fn create(tx: &mut Tx, app: &App, by: &Actor, new: NewProvider, now: Timestamp) -> Result<Provider> {
    roles::require_everything(tx, by, DEED).await?;
    let Checked { new, roles } = checked(tx, new).await?;
    let Some(id) = store::insert(tx, &new, now).await? else {
        return Err(Error::invalid("issuer", "There is a provider with this issuer already."));
    };
    store::map(tx, id, &roles).await?;
    if let Some(secret) = &new.secret {
        secrets::set(tx, &app.vault, &app.random, &secret_place(id), secret, now).await?;
    }
    let activity = Activity::new(format!("OpenID provider “{}” added ({})", new.label, new.issuer)).about(subject(id));
    activity_log::record(tx, by, activity, now).await?;
    find(tx, id).await
}

/// Changes everything but the issuer: accounts are only told apart within one.
pub async fn update(tx: &mut Tx, app: &App, by: &Actor, id: i64, new: NewProvider, now: Timestamp) -> Result<Provider> {
    roles::require_everything(tx, by, DEED).await?;
    let old = find(tx, id).await?;
    let lines = role_lines(tx, id).await?;
    let Checked { new, roles } = checked(tx, NewProvider { issuer: old.issuer.clone(), ..new }).await?;
    store::update(tx, id, &new).await?;
    store::map(tx, id, &roles).await?;
    if let Some(secret) = &new.secret {
        secrets::set(tx, &app.vault, &app.random, &secret_place(id), secret, now).await?;
    }
    let mut log = changes([
        ("Label", old.label, new.label.clone()),
        ("Client id", old.client_id, new.client_id.clone()),
        ("Scopes", old.scopes, new.scopes.clone()),
        ("Enabled", old.enabled.to_string(), new.enabled.to_string()),
        ("Link by e-mail", old.link_by_email.to_string(), new.link_by_email.to_string()),
        ("Role claim", old.role_claim, new.role_claim.clone()),
        ("Roles", lines, role_lines(tx, id).await?),
    ]);
    if new.secret.is_some() {
        log.push(activity_log::Change { field: "Secret".into(), old: "•••".into(), new: "(replaced)".into() });
    }
    if !log.is_empty() {
        let activity = Activity::new(format!("OpenID provider “{}” changed", new.label)).about(subject(id));
        activity_log::record(tx, by, activity.changed(log), now).await?;
    }
    find(tx, id).await
}

/// Takes away a provider, its secret, and who was linked to it. Administrators stay, and their sessions.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    roles::require_everything(tx, by, DEED).await?;
    let provider = find(tx, id).await?;
    store::delete(tx, id).await?;
    secrets::remove(tx, &secret_place(id)).await?;
    let activity = Activity::new(format!("OpenID provider “{}” deleted", provider.label)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

/// Whoever this is at the provider is nobody here any more, until linked anew.
pub async fn unlink(tx: &mut Tx, by: &Actor, id: i64, account: &str, now: Timestamp) -> Result<()> {
    roles::require_everything(tx, by, DEED).await?;
    let provider = find(tx, id).await?;
    let Some(identity) = store::identity(tx, id, account).await? else { return Ok(()) };
    let admin = admins::find(tx, identity.admin_id).await?;
    store::unlink(tx, id, account).await?;
    let said = format!("Administrator {} is no longer linked to “{}”", admin.username, provider.label);
    activity_log::record(tx, by, Activity::new(said).about(format!("admin:{}", admin.id)), now).await
}

/// What the browser takes along to the provider.
pub struct Question {
    pub state: String,
    pub nonce: String,
    /// The S256 challenge of the PKCE verifier.
    pub challenge: String,
    /// For the browser's cookie.
    pub browser: String,
}

/// Writes down that a browser is sent to a provider.
pub async fn ask(tx: &mut Tx, app: &App, provider: &Provider, next: &str, now: Timestamp) -> Result<Question> {
    let random = &app.random;
    let (state, nonce, verifier, browser) = (random.token(), random.token(), random.token(), random.token());
    let state_hash = crypto::sha256_hex(state.as_bytes());
    let login = store::Login {
        browser_hash: crypto::sha256_hex(browser.as_bytes()),
        nonce_hash: crypto::sha256_hex(nonce.as_bytes()),
        provider_id: provider.id,
        sealed_verifier: app.vault.seal(random, &format!("openid_logins:{state_hash}"), verifier.as_bytes())?,
        next: next.chars().take(500).collect(),
    };
    store::begin(tx, &state_hash, &login, now.plus_seconds(LIFE)).await?;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    Ok(Question { state, nonce, challenge, browser })
}

/// A question to which an answer has come.
pub struct Answered {
    pub provider: Provider,
    pub nonce_hash: String,
    pub verifier: String,
    pub next: String,
}

/// Takes a question back by what the answer says: once, from the browser that asked, in time.
pub async fn take(tx: &mut Tx, app: &App, state: &str, browser: &str, now: Timestamp) -> Result<Option<Answered>> {
    let state_hash = crypto::sha256_hex(state.as_bytes());
    let browser_hash = crypto::sha256_hex(browser.as_bytes());
    let Some(login) = store::take(tx, &state_hash, &browser_hash, now).await? else { return Ok(None) };
    let Some(provider) = store::find(tx, login.provider_id).await?.filter(|provider| provider.enabled) else {
        return Ok(None);
    };
    let verifier = app.vault.open(&format!("openid_logins:{state_hash}"), &login.sealed_verifier)?;
    let verifier = String::from_utf8(verifier).or(Err(Error::broken("openid: the verifier is no text")))?;
    Ok(Some(Answered { provider, nonce_hash: login.nonce_hash, verifier, next: login.next }))
}

/// The secret of the client, if the provider has given one.
pub async fn secret(conn: &mut Conn, app: &App, id: i64) -> Result<Option<String>> {
    secrets::get(conn, &app.vault, &secret_place(id)).await
}

/// The administrator whom an account at a provider belongs to, found, linked or made. What the claims say is the provider's
/// word, checked by [`id_token`].
pub async fn who_is(tx: &mut Tx, provider: &Provider, claims: &Value, now: Timestamp) -> Result<i64> {
    let by = Actor::system(&format!("OpenID Connect: {}", provider.label));
    let account = claims["sub"].as_str().unwrap_or_default();
    let given = given_role(tx, provider, claims).await?;
    if let Some(identity) = store::identity(tx, provider.id, account).await? {
        if identity.managed {
            follow(tx, &by, provider, identity.admin_id, given, now).await?;
        }
        store::used(tx, provider.id, account, now).await?;
        return Ok(identity.admin_id);
    }
    let address = verified_address(claims);
    if let (Some(address), true) = (&address, provider.link_by_email)
        && let Some(id) = store::enabled_with_address(tx, address).await?
    {
        return link(tx, &by, provider, account, id, Managed::Here, now).await;
    }
    let Some(role) = given else { return Err(stranger(provider)) };
    let Some(address) = address else {
        return Err(Error::refused(format!("{} has not verified your e-mail address.", provider.label)));
    };
    let username = store::free_username(tx, &wish(claims, &address)).await?;
    let new = NewAdmin { username, email: address, role: role.role, password: None };
    let admin = match admins::create(tx, &by, new, now).await {
        Ok(admin) => admin,
        Err(Error::Invalid(_)) => {
            return Err(Error::refused(
                "There is an administrator with your e-mail address who is not linked to this account.",
            ));
        }
        Err(other) => return Err(other),
    };
    link(tx, &by, provider, account, admin.id, Managed::ByProvider, now).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Managed {
    Here,
    ByProvider,
}

fn stranger(provider: &Provider) -> Error {
    Error::refused(format!("Your account at {} belongs to no administrator here.", provider.label))
}

/// The role of somebody who was made by the provider's word is what the provider says now.
async fn follow(
    tx: &mut Tx,
    by: &Actor,
    provider: &Provider,
    admin_id: i64,
    given: Option<Mapped>,
    now: Timestamp,
) -> Result<()> {
    let role = given.ok_or_else(|| stranger(provider))?;
    if admins::find(tx, admin_id).await?.role_id != role.role_id {
        let edit = AdminEdit { role_id: Some(role.role_id), ..AdminEdit::default() };
        manage::update(tx, by, admin_id, edit, now).await?;
    }
    Ok(())
}

async fn link(
    tx: &mut Tx,
    by: &Actor,
    provider: &Provider,
    account: &str,
    admin_id: i64,
    managed: Managed,
    now: Timestamp,
) -> Result<i64> {
    store::link(tx, provider.id, account, admin_id, managed == Managed::ByProvider, now).await?;
    let admin = admins::find(tx, admin_id).await?;
    let said = format!("Administrator {} linked to “{}”", admin.username, provider.label);
    activity_log::record(tx, by, Activity::new(said).about(format!("admin:{admin_id}")), now).await?;
    Ok(admin_id)
}

/// The first line of the mapping that fits the claim, which is a text or a list of them.
async fn given_role(conn: &mut Conn, provider: &Provider, claims: &Value) -> Result<Option<Mapped>> {
    if provider.role_claim.is_empty() {
        return Ok(None);
    }
    let claim = &claims[provider.role_claim.as_str()];
    let has = |value: &str| match claim {
        Value::String(text) => text == value,
        Value::Array(all) => all.iter().any(|one| one.as_str() == Some(value)),
        _ => false,
    };
    Ok(store::mapped(conn, provider.id).await?.into_iter().find(|line| has(&line.value)))
}

/// The address, if the provider says that it is the owner's.
fn verified_address(claims: &Value) -> Option<String> {
    (claims["email_verified"] == true)
        .then(|| claims["email"].as_str().unwrap_or_default().trim().to_owned())
        .filter(|address| !address.is_empty())
}

/// A user name after what the provider calls the person.
fn wish(claims: &Value, address: &str) -> String {
    let called = claims["preferred_username"].as_str().and_then(nonempty).unwrap_or(address);
    let local = called.split('@').next().unwrap_or_default();
    let plain: String =
        local.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')).take(50).collect();
    let starts_well = plain.starts_with(|first: char| first.is_ascii_alphabetic());
    if starts_well { plain } else { format!("staff{plain}") }
}

fn subject(id: i64) -> String {
    format!("openid_provider:{id}")
}
