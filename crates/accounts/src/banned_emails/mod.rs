//! E-mail addresses and domains with which nobody opens an account.
//!
//! What must hold:
//! - A domain covers what is under it: `example.com` bans `ann@mail.example.com` too.
//! - Every try that is refused is counted, also when everything else of it is undone.
//! - Nobody turns to such an address later either, to log in with it.
//! - Staff may give such an address to a client all the same: they know whom they write to.
//!
//! What surprises: whoever logs in already goes on logging in. To keep somebody out, close the client or ban the network.

pub mod admin;
pub mod api;
mod pattern;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, FieldErrors, Result, Timestamp, single_line};
use platform::App;
use platform::db::{Conn, Tx};
use platform::record;

use crate::activity_log::{self, Activity, Actor, changes};
use crate::roles::Permission;

pub use pattern::{MOST, Pattern, list};
pub use store::{COLUMNS, SORTS, query};

pub const CONFIGURE: Permission = Permission("Configure Banned Emails");

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct BannedEmail {
        pub id: i64,
        /// See [`Pattern`].
        pub email: String,
        /// For staff alone.
        pub note: String,
        /// Who set it.
        pub set_by: String,
        /// Tries that were refused.
        pub blocked: i64,
        /// The last of them.
        pub blocked_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }
}

kernel::text_enum! {
    /// What is banned.
    pub enum Kind {
        Address = "address",
        Domain = "domain",
    }
}

/// A ban as somebody wants it.
#[derive(Debug, Clone)]
pub struct NewBan {
    pub email: Pattern,
    pub note: String,
}

/// What became of several bans.
#[derive(Debug, Default)]
pub struct Banned {
    pub added: Vec<BannedEmail>,
    /// What was banned already.
    pub already: Vec<String>,
}

const NOTE: usize = 200;
const REFUSAL: &str = "This e-mail address cannot be used here. Use another one.";

/// Refuses an address with which nobody may open an account, and counts the try in a transaction of its own:
/// so it is called before the transaction of whatever is wanted. The field of the error is `email`.
pub async fn check(app: &App, email: &str, now: Timestamp) -> Result<()> {
    let found = of_address(&mut app.db.read().await?, email).await?;
    let Some(banned) = found else { return Ok(()) };
    let mut tx = app.db.write().await?;
    store::count(&mut tx, banned.id, now).await?;
    tx.commit().await?;
    Err(Error::invalid("email", REFUSAL))
}

/// As [`check`] within a transaction, for the rule behind a door that has counted already: counts nothing.
pub async fn require_free(conn: &mut Conn, email: &str) -> Result<()> {
    match of_address(conn, email).await? {
        Some(_) => Err(Error::invalid("email", REFUSAL)),
        None => Ok(()),
    }
}

/// The ban that an address is under; of several the nearest. What is no address is somebody else's to say.
pub async fn of_address(conn: &mut Conn, email: &str) -> Result<Option<BannedEmail>> {
    let Ok(email) = Email::parse(email) else { return Ok(None) };
    let bans = store::over(conn, &email).await?;
    // The nearest has the most letters: every other one is an end of it.
    Ok(bans.into_iter().max_by_key(|banned| banned.email.len()))
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<BannedEmail> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Banned e-mail"))
}

/// Bans an address or a domain. Banning it again is a conflict.
pub async fn ban(tx: &mut Tx, by: &Actor, new: NewBan, now: Timestamp) -> Result<BannedEmail> {
    let email = new.email;
    let banned = ban_all(tx, by, std::slice::from_ref(&email), &new.note, now).await?;
    match banned.added.into_iter().next() {
        Some(banned) => Ok(banned),
        None => Err(Error::conflict(format!("{} is banned already.", email.as_str()))),
    }
}

/// Bans several with the same note: those that are not banned yet.
pub async fn ban_all(tx: &mut Tx, by: &Actor, emails: &[Pattern], note: &str, now: Timestamp) -> Result<Banned> {
    let note = checked_note(note)?;
    let added = store::insert(tx, emails, &note, &by.name, now).await?;
    let already = emails
        .iter()
        .map(|email| email.as_str().to_owned())
        .filter(|email| !added.iter().any(|banned| banned.email == *email))
        .collect();
    let told: Vec<Activity> = added
        .iter()
        .map(|banned| Activity::new(format!("E-mail {} banned", banned.email)).about(subject(banned.id)))
        .collect();
    activity_log::record_all(tx, by, &told, now).await?;
    Ok(Banned { added, already })
}

/// Changes what is banned, and the note. What was counted stays.
pub async fn change(tx: &mut Tx, by: &Actor, id: i64, new: NewBan, now: Timestamp) -> Result<BannedEmail> {
    let old = find(tx, id).await?;
    let email = new.email.as_str();
    let mut errors = FieldErrors::default();
    let note = errors.take("note", single_line(&new.note, NOTE)).unwrap_or_default();
    if store::named(tx, email).await?.is_some_and(|other| other != id) {
        errors.add("email", format!("{email} has a ban of its own."));
    }
    errors.check()?;
    let changes = changes([("E-mail", old.email.clone(), email.to_owned()), ("Note", old.note.clone(), note.clone())]);
    if changes.is_empty() {
        return Ok(old);
    }
    store::update(tx, id, email, &note).await?;
    let activity = Activity::new(format!("Ban of e-mail {email} changed")).about(subject(id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    find(tx, id).await
}

/// Lifts a ban, and with it what was counted.
pub async fn lift(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<BannedEmail> {
    let banned = find(tx, id).await?;
    store::delete(tx, id).await?;
    let text = format!("Ban of e-mail {} lifted, which had refused {} tries", banned.email, banned.blocked);
    activity_log::record(tx, by, Activity::new(text).about(subject(id)), now).await?;
    Ok(banned)
}

fn checked_note(note: &str) -> Result<String> {
    single_line(note, NOTE).map_err(|message| Error::invalid("note", message))
}

fn subject(id: i64) -> String {
    format!("banned_email:{id}")
}
