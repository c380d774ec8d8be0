//! A new password for users who have forgotten theirs: by a link that is mailed to them, works once, and for an hour.
//!
//! What must hold:
//! - Whoever asks is told the same, and as fast, whether somebody logs in with the address or not: what differs happens in
//!   a job.
//! - The link is worth nothing once the user has another address or another password, or a newer link.
//! - After the password was chosen every session of the user has ended.

pub mod client;
pub mod compat;
mod jobs;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, Result, Timestamp};
use minijinja::context;
use platform::App;
use platform::db::{Conn, Tx};
use platform::jobs::{NewJob, enqueue};

use crate::activity_log::{self, Activity, Actor};
use crate::passwords;
use crate::security_questions::{self, Proof};
use crate::user_sessions;
use crate::users::links::{self, Purpose};
use crate::users::mail::{Letter, send as post};
use crate::users::{self, User};

pub use jobs::register;

/// Asks for a link to be mailed to an address, once a minute at most. Says the same whoever has it.
pub async fn request(tx: &mut Tx, email: &Email, ip: &str, now: Timestamp) -> Result<()> {
    let minute = now.micros() / 60_000_000;
    let email = email.lower();
    let payload = serde_json::json!({ "email": email, "ip": ip });
    let job = NewJob::now(jobs::SEND, payload, now).keyed(format!("{}:{email}:{minute}", jobs::SEND));
    enqueue(tx, job, now).await?;
    Ok(())
}

/// Mails a link to a user. Too many within an hour are refused.
pub async fn send(tx: &mut Tx, app: &App, by: &Actor, user: &User, now: Timestamp) -> Result<()> {
    if !mail_link(tx, app, by, user, now).await? {
        return Err(Error::refused(format!(
            "{} links were mailed to {} within an hour. The last one may still be on its way.",
            links::AN_HOUR,
            user.email
        )));
    }
    Ok(())
}

async fn mail_link(tx: &mut Tx, app: &App, by: &Actor, user: &User, now: Timestamp) -> Result<bool> {
    let made = links::make(tx, &app.random, user.id, Purpose::Password, &user.email, now).await?;
    let Some(token) = made else { return Ok(false) };
    let letter = Letter {
        name: "password_reset",
        template: "accounts/password_resets/reset",
        title: "A new password",
        to: &user.email,
        link: Some(("/reset-password/", token)),
        values: context! {},
    };
    post(tx, app, user, letter, now).await?;
    let activity = Activity::new(format!("Link to a new password mailed to user {}", user.email));
    activity_log::record(tx, by, activity.about(format!("user:{}", user.id)), now).await?;
    Ok(true)
}

/// Whose link it is, while it is good.
pub async fn owner(conn: &mut Conn, token: &str, now: Timestamp) -> Result<User> {
    let link = links::good(conn, Purpose::Password, token, now).await?;
    users::find(conn, link.user_id).await
}

/// Sets the password by a link, which is used up in the same step. That the mail arrived proves the address. A user with a
/// security question must have been asked it.
pub async fn choose(
    tx: &mut Tx,
    app: &App,
    token: &str,
    hash: &passwords::Hash,
    proof: Option<&Proof>,
    ip: &str,
    now: Timestamp,
) -> Result<User> {
    let link = links::use_up(tx, Purpose::Password, token, now).await?;
    let user = users::find(tx, link.user_id).await?;
    if !security_questions::is_proved(tx, user.id, proof).await? {
        return Err(Error::invalid("answer", security_questions::client::WRONG));
    }
    let by = Actor::user(user.id, &user.email, ip);
    users::set_password(tx, app, &by, &user, hash, now).await?;
    user_sessions::end_others(tx, &by, &user, None, now).await?;
    if user.email.eq_ignore_ascii_case(&link.email) {
        users::verify(tx, &by, &user, now).await?;
    }
    Ok(user)
}
