//! API credentials: an identifier and a secret that belong to an administrator and have that role's permissions, or those
//! of them that an [API role](crate::api_roles) allows. The secret has 256 random bits, so its SHA-256 is stored; it is
//! shown once.
//!
//! What must hold:
//! - Nobody makes or renews a credential of somebody who may do more: that would be a way to that person's permissions.
//! - What is revoked stays so. What has expired may be given a later end.
//! - A credential that was rotated has two secrets for as long as was asked for, at most [`MOST_HOURS`]; then one.
//! - The form that makes one brings its identifier along, and the form that rotates one the moment of the last rotation,
//!   so that sending either twice does nothing the second time.

pub mod access_key;
pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Network, Result, Timestamp, single_line};
use platform::db::{Conn, Tx};
use platform::settings::networks;
use platform::{Random, crypto, record};

use crate::activity_log::{self, Activity, Actor, Rights};
use crate::roles::Permission;
use crate::{admins, api_roles};

pub use store::{COLUMNS, Filter, SORTS, find, list, query};

/// Who makes administrators may make the keys that act for them.
pub const MANAGE: Permission = Permission("Configure Administrators");

/// The longest that an old secret goes on after a rotation.
pub const MOST_HOURS: i64 = 24;
/// The most that a credential's own limit may say.
pub const MOST_REQUESTS: i64 = 1_000_000;

/// An identifier, and the secret that is told once.
#[derive(Debug)]
pub struct NewCredential {
    pub id: i64,
    pub identifier: String,
    pub secret: String,
}

/// What can be changed of a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    pub description: String,
    /// `None`: everything that the administrator may do.
    pub role_id: Option<i64>,
    /// Addresses and networks that it is taken from; empty: from everywhere.
    pub networks: String,
    pub expires_at: Option<Timestamp>,
    /// `None`: as the setting says.
    pub requests_per_minute: Option<i64>,
}

record! {
    /// A credential without its secret, which is not known here.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub identifier: String,
        pub description: String,
        pub admin_id: i64,
        pub admin: String,
        /// Of no use while its administrator is disabled.
        pub admin_disabled: bool,
        pub role_id: Option<i64>,
        pub role: Option<String>,
        pub networks: String,
        pub requests_per_minute: Option<i64>,
        pub created_at: Timestamp,
        pub expires_at: Option<Timestamp>,
        pub last_used_at: Option<Timestamp>,
        pub last_used_ip: String,
        pub rotated_at: Option<Timestamp>,
        /// Until then the secret before the last rotation is good too.
        pub old_secret_until: Option<Timestamp>,
        pub revoked_at: Option<Timestamp>,
    }
}

kernel::text_enum! {
    /// Whether a credential opens anything.
    pub enum State {
        Good = "good",
        Expired = "expired",
        /// Its administrator is disabled.
        Resting = "resting",
        Revoked = "revoked",
    }
}

impl Listed {
    pub fn state(&self, now: Timestamp) -> State {
        if self.revoked_at.is_some() {
            State::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            State::Expired
        } else if self.admin_disabled {
            State::Resting
        } else {
            State::Good
        }
    }

    /// The beginning of the identifier, which is enough to tell it by.
    pub fn short(&self) -> &str {
        short(&self.identifier)
    }

    fn details(&self) -> Details {
        Details {
            description: self.description.clone(),
            role_id: self.role_id,
            networks: self.networks.clone(),
            expires_at: self.expires_at,
            requests_per_minute: self.requests_per_minute,
        }
    }
}

fn short(identifier: &str) -> &str {
    identifier.get(..8).unwrap_or(identifier)
}

impl Details {
    /// As it will be stored. What is wrong is told by field.
    async fn checked(self, conn: &mut Conn, before: &Details, now: Timestamp) -> Result<Details> {
        let mut errors = FieldErrors::default();
        let description = errors.take("description", single_line(&self.description, 200)).unwrap_or_default();
        let networks = errors.take("networks", written_evenly(&self.networks)).unwrap_or_default();
        if let Some(id) = self.role_id
            && api_roles::find(conn, id).await.is_err()
        {
            errors.add("role_id", "There is no such API role.");
        }
        if self.expires_at != before.expires_at && self.expires_at.is_some_and(|end| end <= now) {
            errors.add("expires_at", "Choose a moment that is still to come, or revoke the credential.");
        }
        if self.requests_per_minute.is_some_and(|most| !(1..=MOST_REQUESTS).contains(&most)) {
            errors.add("requests_per_minute", "Enter 1 to 1000000, or nothing for the setting's.");
        }
        errors.check()?;
        Ok(Details { description, networks, ..self })
    }
}

fn written_evenly(text: &str) -> Result<String, String> {
    let found = networks(text)?;
    if found.len() > 100 {
        return Err("Use at most 100 networks.".to_owned());
    }
    Ok(found.iter().map(Network::to_string).collect::<Vec<_>>().join(", "))
}

/// A credential that may do whatever the administrator may, from everywhere, until it is revoked.
pub async fn create(tx: &mut Tx, by: &Actor, admin_id: i64, random: &Random, now: Timestamp) -> Result<NewCredential> {
    make(tx, by, admin_id, Details::default(), &new_identifier(random), random, now).await
}

/// An identifier that nobody has, for a form or a program that may send its request twice.
pub fn new_identifier(random: &Random) -> String {
    random.token()[..32].to_owned()
}

/// Makes a credential under an identifier; a second one under the same is a conflict.
pub async fn make(
    tx: &mut Tx,
    by: &Actor,
    admin_id: i64,
    details: Details,
    identifier: &str,
    random: &Random,
    now: Timestamp,
) -> Result<NewCredential> {
    if identifier.len() != 32 || !identifier.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Error::invalid("identifier", "Send 32 hexadecimal digits, or none to have them made."));
    }
    let admin = admins::find(tx, admin_id).await?;
    if admin.disabled {
        return Err(Error::refused(format!("The administrator {} is disabled.", admin.username)));
    }
    check_rights(tx, by, admin_id, &admin.username).await?;
    let details = details.checked(tx, &Details::default(), now).await?;
    let secret = random.token();
    let hash = crypto::sha256_hex(secret.as_bytes());
    let Some(id) = store::insert(tx, identifier, &hash, admin_id, &details, now).await? else {
        return Err(Error::conflict(
            "This credential was made already, and its secret was shown then. Rotate it for a new one.",
        ));
    };
    let text = format!("API credential {}… created", short(identifier));
    let activity = Activity::new(text).about(subject(admin_id)).changed(differences(&Details::default(), &details));
    activity_log::record(tx, by, activity, now).await?;
    Ok(NewCredential { id, identifier: identifier.to_owned(), secret })
}

/// Refuses whoever lacks something that the administrator may.
async fn check_rights(tx: &mut Tx, by: &Actor, admin_id: i64, username: &str) -> Result<()> {
    let Rights::These(mine) = &by.rights else { return Ok(()) };
    by.require(MANAGE)?;
    let theirs = store::permissions(tx, admin_id).await?;
    match theirs.into_iter().find(|name| !mine.contains(name)) {
        None => Ok(()),
        Some(more) => Err(Error::refused(format!(
            "{username} may do what you may not (“{more}”), so this credential is not yours to hand out."
        ))),
    }
}

/// Refuses whoever lacks something that an administrator may whose credential has this role: with more in the role, the
/// credential would do it.
pub(crate) async fn check_holders(tx: &mut Tx, by: &Actor, role_id: i64) -> Result<()> {
    for (admin_id, username) in store::holders(tx, role_id).await? {
        check_rights(tx, by, admin_id, &username).await?;
    }
    Ok(())
}

fn differences(old: &Details, new: &Details) -> Vec<activity_log::Change> {
    let number = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    activity_log::changes([
        ("Description", old.description.clone(), new.description.clone()),
        ("API role", number(old.role_id), number(new.role_id)),
        ("Networks", old.networks.clone(), new.networks.clone()),
        ("Expires", instant(old.expires_at), instant(new.expires_at)),
        ("Requests a minute", number(old.requests_per_minute), number(new.requests_per_minute)),
    ])
}

fn instant(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Changes what can be changed. The same again changes nothing.
pub async fn change(tx: &mut Tx, by: &Actor, id: i64, details: Details, now: Timestamp) -> Result<Listed> {
    let known = in_use(tx, by, id).await?;
    let before = known.details();
    let details = details.checked(tx, &before, now).await?;
    let changes = differences(&before, &details);
    if changes.is_empty() {
        return Ok(known);
    }
    store::update(tx, id, &details).await?;
    let activity = Activity::new(format!("API credential {}… of {} changed", known.short(), known.admin));
    activity_log::record(tx, by, activity.about(subject(known.admin_id)).changed(changes), now).await?;
    find(tx, id).await
}

/// One that is not revoked, for somebody who may do what its administrator may.
async fn in_use(tx: &mut Tx, by: &Actor, id: i64) -> Result<Listed> {
    let known = find(tx, id).await?;
    if known.revoked_at.is_some() {
        return Err(Error::refused("This credential is revoked, for good. Make another one."));
    }
    check_rights(tx, by, known.admin_id, &known.admin).await?;
    Ok(known)
}

/// A new secret. The old one ends at once, or after so many hours; one from before that ends in either case. `last` is the
/// last rotation as the caller knows it: when there was another one since, nothing happens.
pub async fn rotate(
    tx: &mut Tx,
    by: &Actor,
    id: i64,
    hours: i64,
    last: Option<Timestamp>,
    random: &Random,
    now: Timestamp,
) -> Result<NewCredential> {
    if !(0..=MOST_HOURS).contains(&hours) {
        return Err(Error::invalid("hours", format!("Enter 0 to {MOST_HOURS} hours.")));
    }
    let known = in_use(tx, by, id).await?;
    let secret = random.token();
    let hash = crypto::sha256_hex(secret.as_bytes());
    let until = (hours > 0).then(|| now.plus_seconds(hours * 3600));
    if !store::rotate(tx, id, &hash, until, last, now).await? {
        return Err(Error::conflict(
            "This credential has been rotated meanwhile, and its secret was shown then. Rotate it once more for a new one.",
        ));
    }
    let ends = until.map_or("at once".to_owned(), |until| format!("at {until}"));
    let text = format!("API credential {}… of {} rotated; the old secret ends {ends}", known.short(), known.admin);
    activity_log::record(tx, by, Activity::new(text).about(subject(known.admin_id)), now).await?;
    Ok(NewCredential { id, identifier: known.identifier, secret })
}

/// One by its identifier.
pub async fn by_identifier(conn: &mut Conn, identifier: &str) -> Result<Listed> {
    store::by_identifier(conn, identifier).await?.ok_or(Error::NotFound("API credential"))
}

/// Makes a credential useless for ever. Doing it again changes nothing. Whoever may manage credentials may take one from
/// anybody.
pub async fn revoke(tx: &mut Tx, by: &Actor, identifier: &str, now: Timestamp) -> Result<Listed> {
    by.require(MANAGE)?;
    let known = by_identifier(tx, identifier).await?;
    if !store::revoke(tx, known.id, now).await? {
        return Ok(known);
    }
    let text = format!("API credential {}… of {} revoked", known.short(), known.admin);
    activity_log::record(tx, by, Activity::new(text).about(subject(known.admin_id)), now).await?;
    Ok(Listed { revoked_at: Some(now), old_secret_until: None, ..known })
}

/// Writes down that a credential was used, and from where: once a minute at most.
pub async fn used(tx: &mut Tx, id: i64, ip: &str, now: Timestamp) -> Result<()> {
    store::used(tx, id, ip, now.plus_seconds(-60), now).await
}

fn subject(admin_id: i64) -> String {
    format!("admin:{admin_id}")
}
