//! Logging in to the client area with an e-mail address and a password.
//!
//! What must hold:
//! - Whoever is told no is not told why: an address that nobody logs in with takes as long, and is answered the same.
//! - Wrong passwords count against the account and against the address they come from, at every door where one is typed,
//!   and too many from one address ban it.

pub mod client;
pub mod compat;
#[cfg(test)]
mod tests;

use kernel::{Result, Timestamp};
use platform::App;
use platform::db::Tx;

use crate::activity_log::{self, Activity, Actor};
use crate::banned_ips::{self, Door, InForce};
use crate::passwords::{self, guessing};
use crate::user_sessions::{self, NewSession, Remember, Started};
use crate::users::{self, User};

/// Under which name wrong passwords of users are counted.
const DOOR: &str = "user";

/// Whether wrong passwords count against the address they come from, and too many ban it. It may speak for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bans {
    Yes,
    /// A proxy that nobody trusts: they count.
    No,
    /// A server with a credential that asks for others: with its address, everybody would be shut out by whoever guesses
    /// there.
    Server,
}

/// An address and a password that somebody has typed, and where.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub email: &'a str,
    pub password: &'a str,
    pub ip: &'a str,
    pub bans: Bans,
}

/// The user whose address and password these are. Hashing takes long, so it is done between two transactions of its own.
pub async fn authenticate(app: &App, attempt: Attempt<'_>, now: Timestamp) -> Result<Option<User>> {
    let account = guessing::account(DOOR, attempt.email);
    let mut conn = app.db.read().await?;
    // This node may not have heard yet of a ban that another one has set.
    if let Some(ban) = banned_ips::of_address(&mut conn, attempt.ip, now).await? {
        return Err(ban.refusal());
    }
    match attempt.bans {
        Bans::Server => guessing::check_for_many(&mut conn, &account, now).await?,
        Bans::Yes | Bans::No => guessing::check(&mut conn, &account, attempt.ip, now).await?,
    }
    let counted = if attempt.bans == Bans::Server { guessing::OF_MANY } else { attempt.ip };
    let found = users::password_of(&mut conn, attempt.email).await?;
    drop(conn);
    let stored = found.as_ref().and_then(|(_, hash)| hash.as_deref());
    let right = passwords::matches(attempt.password, stored).await?;
    let mut tx = app.db.write().await?;
    if right {
        guessing::forget(&mut tx, &account, counted).await?;
        tx.commit().await?;
        return Ok(found.map(|(user, _)| user));
    }
    guessing::note(&mut tx, &account, counted, now).await?;
    note_refused(&mut tx, found.map(|(user, _)| user), attempt.ip, now).await?;
    let ban = match attempt.bans {
        Bans::Yes => banned_ips::failed(&mut tx, Door::Client, attempt.ip, now).await?,
        Bans::No | Bans::Server => None,
    };
    tx.commit().await?;
    if let Some(ban) = ban {
        app.get::<InForce>()?.refresh(app).await?;
        return Err(ban.refusal());
    }
    Ok(None)
}

/// Writes down that somebody gave a wrong password. An address that nobody logs in with is not written: it may be anything.
async fn note_refused(tx: &mut Tx, user: Option<User>, ip: &str, now: Timestamp) -> Result<()> {
    let activity = match user {
        Some(user) => Activity::new(format!("Log-in of user {} refused: wrong password", user.email))
            .about(format!("user:{}", user.id)),
        None => Activity::new("Log-in to the client area refused: nobody has this address"),
    };
    activity_log::record(tx, &Actor::nobody(ip), activity, now).await
}

/// Whether this is the password of a user who is logged in; wrong ones count as at the login.
pub async fn is_password(app: &App, user: &User, attempt: Attempt<'_>, now: Timestamp) -> Result<bool> {
    Ok(authenticate(app, attempt, now).await?.is_some_and(|found| found.id == user.id))
}

/// Where a user logs in from.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    pub ip: &'a str,
    pub user_agent: &'a str,
    pub remember: Remember,
    /// The cookie that the browser has: the session of it ends, whoever's it was.
    pub before: Option<&'a str>,
}

/// Begins the session of a user who has shown all that is asked. `how` is what the activity log says.
pub async fn begin(tx: &mut Tx, app: &App, user: &User, from: From<'_>, how: &str, now: Timestamp) -> Result<Started> {
    if let Some(token) = from.before {
        user_sessions::end_token(tx, token).await?;
    }
    let new = NewSession {
        user_id: user.id,
        admin_id: None,
        client_id: None,
        ip: from.ip,
        user_agent: from.user_agent,
        remember: from.remember,
        confined: false,
    };
    let started = user_sessions::start(tx, new, &app.random, now).await?;
    let activity = Activity::new(how).about(format!("user:{}", user.id));
    activity_log::record(tx, &Actor::user(user.id, &user.email, from.ip), activity, now).await?;
    Ok(started)
}
