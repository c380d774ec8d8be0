//! What administrators change of themselves.
//!
//! What must hold: who sits at somebody's open session does not take the account over. The address and the password are
//! changed only with the current password, and wrong ones are counted like those at the login. A new password ends every other
//! session and every link.

#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::db::Tx;
use platform::{App, params};

use super::{Admin, log, void_links};
use crate::activity_log::Actor;
use crate::passwords::{self, guessing};
use crate::two_factor::{self, Person};
use crate::{admins, sessions};

/// Makes sure that the administrator knows the current password. `field` is where it was typed.
pub async fn prove(app: &App, admin: &Admin, password: &str, field: &str, ip: &str, now: Timestamp) -> Result<()> {
    let account = guessing::account("own", &admin.id.to_string());
    let mut conn = app.db.read().await?;
    guessing::check(&mut conn, &account, ip, now).await?;
    let hash: Option<String> = conn.scalar("SELECT password_hash FROM admins WHERE id = $1", params![admin.id]).await?;
    drop(conn);
    if hash.is_none() {
        return Err(Error::invalid(field, "You have no password yet. Log out and ask for one at the log-in."));
    }
    let matches = passwords::matches(password, hash.as_deref()).await?;
    let mut tx = app.db.write().await?;
    match matches {
        true => guessing::forget(&mut tx, &account, ip).await?,
        false => guessing::note(&mut tx, &account, ip, now).await?,
    }
    tx.commit().await?;
    if matches { Ok(()) } else { Err(Error::invalid(field, "This is not your current password.")) }
}

/// Sets a new password. The session `keep` goes on; all others, and links to a password, end.
pub async fn change_password(
    tx: &mut Tx,
    by: &Actor,
    id: i64,
    keep: &str,
    new: &passwords::Hash,
    now: Timestamp,
) -> Result<()> {
    let admin = admins::find(tx, id).await?;
    tx.execute("UPDATE admins SET password_hash = $2 WHERE id = $1", params![id, new.as_str()]).await?;
    void_links(tx, id, now).await?;
    two_factor::end_half_logins(tx, Person::Staff(id)).await?;
    sessions::end_others(tx, id, keep, now).await?;
    log(tx, by, &admin, "has changed the own password; all other sessions ended", now).await
}

/// Ends one of the own sessions. Ending it again changes nothing.
pub async fn end_session(tx: &mut Tx, by: &Actor, id: i64, token_hash: &str, now: Timestamp) -> Result<()> {
    let admin = admins::find(tx, id).await?;
    if sessions::end_one(tx, id, token_hash, now).await? {
        log(tx, by, &admin, "has ended a session", now).await?;
    }
    Ok(())
}

/// Ends all of the own sessions, this one too.
pub async fn end_all_sessions(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let admin = admins::find(tx, id).await?;
    sessions::end_all(tx, id, now).await?;
    log(tx, by, &admin, "has logged out everywhere", now).await
}
