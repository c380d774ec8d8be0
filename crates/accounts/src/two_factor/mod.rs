//! The second factor at a login: codes of an authenticator app (TOTP, RFC 6238), passkeys (Web Authentication), and
//! recovery codes for the day on which both are lost. Staff and users have the same.
//!
//! What must hold:
//! - A code, a recovery code and an answer of a passkey are good once, on all nodes together.
//! - There is no session before the second factor was shown: who knows the password only has a [`half::HalfLogin`].
//! - Others can take a person's factors away, never add one.
//! - The secret of an app is encrypted at rest, recovery codes are stored as hashes; both are shown once.
//!
//! What surprises: a passkey that was asked for by name is a second factor, and one that names its owner itself is the
//! whole login: the device has checked the finger or the PIN, so it is two factors already.

pub mod account;
pub mod admin;
pub mod api;
pub mod half;
pub mod login;
pub mod passkeys;
mod store;
#[cfg(test)]
mod tests;
pub mod totp;

use std::fmt;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::settings::{Values, anything};
use platform::{App, Kind, Random, Setting, crypto, secrets};

use crate::activity_log::{self, Activity, Actor};
use crate::admins;
use crate::roles::{self, Permission};

pub use store::Passkey;

pub const CONFIGURE: Permission = Permission("Configure Two-Factor Authentication");

kernel::text_enum! {
    /// What is asked of those whom it is for.
    pub enum Policy {
        /// Nobody has one; what was set up waits.
        Off = "off",
        Allowed = "allowed",
        /// Who has none sets one up at the next login, before anything else.
        Required = "required",
    }
}
platform::enum_column!(Policy);

pub const OF_USERS: Setting = Setting {
    key: "client_two_factor",
    kind: Kind::Choice(&[("off", "Off"), ("allowed", "Allowed"), ("required", "Required at the next login")]),
    default: "allowed",
    section: "Security",
    label: "Second factor of users",
    help: "For those who log in to the client area. What is asked of staff stands with each role.",
    rule: anything,
    read_by: "accounts::two_factor::policy",
};

pub const SETTINGS: &[Setting] = &[OF_USERS];

/// What need not be kept, for [`platform::prune`].
pub const ENDED: &[Rubbish] = &[
    Rubbish {
        name: "logins without a second factor",
        table: "half_logins",
        key: "token_hash",
        condition: "expires_at <= $1",
        after: After::Seconds(0),
    },
    Rubbish {
        name: "questions to passkeys",
        table: "passkey_questions",
        key: "token_hash",
        condition: "expires_at <= $1",
        after: After::Seconds(0),
    },
];

/// Somebody who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person {
    Staff(i64),
    User(i64),
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Person::Staff(id) => write!(f, "staff:{id}"),
            Person::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl Person {
    fn parse(text: &str) -> Result<Person> {
        let wrong = || Error::broken(format!("two_factor: “{text}” is nobody"));
        let (kind, id) = text.split_once(':').ok_or_else(wrong)?;
        let id = id.parse().or(Err(wrong()))?;
        match kind {
            "staff" => Ok(Person::Staff(id)),
            "user" => Ok(Person::User(id)),
            _ => Err(wrong()),
        }
    }

    /// As the activity log names whom something is about.
    pub fn subject(&self) -> String {
        match self {
            Person::Staff(id) => format!("admin:{id}"),
            Person::User(id) => format!("user:{id}"),
        }
    }
}

/// What somebody can show.
#[derive(Debug, Clone, Default)]
pub struct Factors {
    pub totp_since: Option<Timestamp>,
    pub passkeys: Vec<Passkey>,
    /// Recovery codes that were not used.
    pub recovery_codes: i64,
}

impl Factors {
    pub fn any(&self) -> bool {
        self.totp_since.is_some() || !self.passkeys.is_empty()
    }

    /// `authenticator app, 2 passkeys`; empty without any.
    pub fn in_words(&self) -> String {
        let app = self.totp_since.map(|_| "authenticator app".to_owned());
        let keys = match self.passkeys.len() {
            0 => None,
            1 => Some("1 passkey".to_owned()),
            many => Some(format!("{many} passkeys")),
        };
        app.into_iter().chain(keys).collect::<Vec<_>>().join(", ")
    }
}

pub async fn factors(conn: &mut Conn, person: Person) -> Result<Factors> {
    let name = person.to_string();
    Ok(Factors {
        totp_since: store::totp(conn, &name).await?.and_then(|totp| totp.confirmed_at),
        passkeys: store::passkeys(conn, &name).await?,
        recovery_codes: store::recovery_codes(conn, &name).await?,
    })
}

/// What is asked of somebody.
pub async fn policy(conn: &mut Conn, person: Person) -> Result<Policy> {
    let text = match person {
        Person::Staff(id) => store::policy_of_role(conn, id).await?,
        Person::User(_) => Values::load(conn).await?.text(&OF_USERS).to_owned(),
    };
    Ok(Policy::parse(&text).unwrap_or(Policy::Required))
}

/// What comes after the right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the login is done.
    Done,
    /// A factor is to be shown.
    Prove,
    /// There is none, and there must be.
    SetUp,
}

pub async fn after_password(conn: &mut Conn, person: Person) -> Result<Step> {
    let policy = policy(conn, person).await?;
    if policy == Policy::Off {
        return Ok(Step::Done);
    }
    match (factors(conn, person).await?.any(), policy) {
        (true, _) => Ok(Step::Prove),
        (false, Policy::Required) => Ok(Step::SetUp),
        (false, _) => Ok(Step::Done),
    }
}

/// Refuses to add a factor where nobody is asked for one: it would never be.
pub async fn check_wanted(conn: &mut Conn, person: Person) -> Result<()> {
    if policy(conn, person).await? == Policy::Off {
        return Err(Error::refused("Second factors are switched off. Ask whoever runs this installation."));
    }
    Ok(())
}

/// So many recovery codes are made at once.
const RECOVERY_CODES: usize = 10;

/// New recovery codes; the old ones are of no use from then on. They are not known afterwards.
pub async fn renew_recovery_codes(tx: &mut Tx, person: Person, random: &Random) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code(random)).collect();
    let hashes: Vec<String> = codes.iter().map(|code| hash_of_recovery_code(code)).collect();
    store::replace_recovery_codes(tx, &person.to_string(), &hashes).await?;
    Ok(codes)
}

/// As [`renew_recovery_codes`], by the person, who has a factor to recover from.
pub async fn renew_by_owner(
    tx: &mut Tx,
    by: &Actor,
    person: Person,
    random: &Random,
    now: Timestamp,
) -> Result<Vec<String>> {
    if !factors(tx, person).await?.any() {
        return Err(Error::refused("Set up an authenticator app or a passkey first."));
    }
    let codes = renew_recovery_codes(tx, person, random).await?;
    log(tx, by, person, "New recovery codes made; the old ones are of no use", now).await?;
    Ok(codes)
}

/// 25 signs that nobody mistakes for each other, 125 random bits: `K7QW3-…`. A fast hash of so many is enough.
fn recovery_code(random: &Random) -> String {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = [0u8; 25];
    random.fill(&mut bytes);
    let signs: Vec<char> = bytes.iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    signs.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn hash_of_recovery_code(code: &str) -> String {
    let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    crypto::sha256_hex(plain.to_ascii_uppercase().as_bytes())
}

/// What a typed code was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    App,
    /// So many are left.
    Recovery(i64),
}

/// Uses up a code that somebody has typed: six digits of the app, or a recovery code. `None` when it is wrong or was
/// used before.
pub async fn use_code(tx: &mut Tx, app: &App, person: Person, code: &str, now: Timestamp) -> Result<Option<Shown>> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let is_of_app = typed.len() == totp::DIGITS && typed.bytes().all(|byte| byte.is_ascii_digit());
    if is_of_app {
        return Ok(totp::use_code(tx, app, person, &typed, now).await?.then_some(Shown::App));
    }
    let name = person.to_string();
    if !factors(tx, person).await?.any()
        || !store::use_recovery_code(tx, &name, &hash_of_recovery_code(&typed), now).await?
    {
        return Ok(None);
    }
    Ok(Some(Shown::Recovery(store::recovery_codes(tx, &name).await?)))
}

/// Takes the app away, by its owner. The last factor cannot go while one is required.
pub async fn remove_totp(tx: &mut Tx, by: &Actor, person: Person, now: Timestamp) -> Result<()> {
    let known = factors(tx, person).await?;
    if known.totp_since.is_none() {
        return Err(Error::NotFound("Authenticator app"));
    }
    check_not_last(tx, person, !known.passkeys.is_empty()).await?;
    forget_totp(tx, person).await?;
    forget_recovery_without_factor(tx, person).await?;
    log(tx, by, person, "Authenticator app removed", now).await
}

async fn check_not_last(conn: &mut Conn, person: Person, another: bool) -> Result<()> {
    if !another && policy(conn, person).await? == Policy::Required {
        return Err(Error::refused("This is your only second factor and one is required. Add another one first."));
    }
    Ok(())
}

async fn forget_totp(tx: &mut Tx, person: Person) -> Result<()> {
    store::remove_totp(tx, &person.to_string()).await?;
    secrets::remove(tx, &totp::place(person)).await.map(|_| ())
}

async fn forget_recovery_without_factor(tx: &mut Tx, person: Person) -> Result<()> {
    if !factors(tx, person).await?.any() {
        store::replace_recovery_codes(tx, &person.to_string(), &[]).await?;
    }
    Ok(())
}

/// Takes every factor of somebody else away: for who has lost them all. Doing it again changes nothing.
pub async fn remove_all(tx: &mut Tx, by: &Actor, person: Person, now: Timestamp) -> Result<bool> {
    if let Person::Staff(id) = person {
        if admins::is_self(by, id) {
            return Err(Error::refused("Remove your own factors in “My account”, which asks for your password."));
        }
        let admin = admins::find(tx, id).await?;
        admins::check_rank(tx, by, &admin).await?;
    }
    let name = person.to_string();
    let known = factors(tx, person).await?;
    forget_totp(tx, person).await?;
    store::replace_recovery_codes(tx, &name, &[]).await?;
    store::remove_passkeys(tx, &name).await?;
    store::remove_half_logins(tx, &name).await?;
    if known.any() {
        log(tx, by, person, "All second factors removed", now).await?;
    }
    Ok(known.any())
}

/// Ends logins that wait for the second factor, and forgets an app that was not confirmed: the password that began them is
/// another one now.
pub async fn end_half_logins(tx: &mut Tx, person: Person) -> Result<()> {
    totp::forget_unconfirmed(tx, person).await?;
    store::remove_half_logins(tx, &person.to_string()).await
}

async fn log(tx: &mut Tx, by: &Actor, person: Person, what: &str, now: Timestamp) -> Result<()> {
    activity_log::record(tx, by, Activity::new(what).about(person.subject()), now).await
}

/// Sets what is asked of those with a role.
pub async fn set_policy(tx: &mut Tx, by: &Actor, role_id: i64, policy: Policy, now: Timestamp) -> Result<()> {
    let Some((name, before)) = store::role(tx, role_id).await? else { return Err(Error::NotFound("Role")) };
    if before == policy {
        return Ok(());
    }
    if let Some(more) = roles::beyond(tx, by, role_id).await? {
        return Err(Error::refused(format!(
            "“{name}” may do what you may not: {more}. Only who may do that says what is asked of it."
        )));
    }
    store::set_policy(tx, role_id, policy).await?;
    let changed = activity_log::changes([("Second factor", before.to_string(), policy.to_string())]);
    let activity = Activity::new(format!("Second factor of the role {name} changed")).about(format!("role:{role_id}"));
    activity_log::record(tx, by, activity.changed(changed), now).await
}
