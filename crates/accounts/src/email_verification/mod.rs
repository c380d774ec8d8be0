//! Proof that a user's e-mail address is the user's: by a link that is mailed there and works once, for three days.
//!
//! What must hold:
//! - A user logs in with a new address only after a link that was mailed to it was opened, and the old address is told.
//! - Opening the page of a link changes nothing, because mail scanners open links too: the button on it does.
//! - Somebody else's address is never told to be one.

pub mod client;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, Result, Timestamp};
use minijinja::context;
use platform::db::{Conn, Tx};
use platform::settings::{Values, anything};
use platform::{App, Kind, Setting};

use crate::activity_log::{self, Activity, Actor};
use crate::users::links::{self, Link, Purpose};
use crate::users::mail::{Letter, send as post};
use crate::users::{self, User};

pub const ASKED: Setting = Setting {
    key: "email_verification",
    kind: Kind::Bool,
    default: "true",
    section: "Security",
    label: "Verify e-mail addresses",
    help: "On: who registers is mailed a link, and the client area asks for it to be opened. A user who changes the address is always mailed one.",
    rule: anything,
    read_by: "accounts::email_verification::welcome",
};

pub const SETTINGS: &[Setting] = &[ASKED];

/// Mails the link to somebody who has registered, if the setting asks for it.
pub async fn welcome(tx: &mut Tx, app: &App, user: &User, now: Timestamp) -> Result<()> {
    if Values::load(tx).await?.bool(&ASKED) {
        mail_link(tx, app, user, &user.email, now).await?;
    }
    Ok(())
}

/// Whether the client area asks this user to open the link.
pub fn is_wanted(user: &User, values: &Values) -> bool {
    user.email_verified_at.is_none() && values.bool(&ASKED)
}

/// Mails the link again.
pub async fn send(tx: &mut Tx, app: &App, by: &Actor, user: &User, now: Timestamp) -> Result<()> {
    if user.email_verified_at.is_some() {
        return Err(Error::refused("The address is verified already."));
    }
    require(mail_link(tx, app, user, &user.email, now).await?)?;
    let activity = Activity::new(format!("Link to prove the address mailed to user {}", user.email));
    activity_log::record(tx, by, activity.about(format!("user:{}", user.id)), now).await
}

/// Mails a link to the address with which a user wants to log in from now on. Somebody else's gets none, and nobody is
/// told.
pub async fn change(tx: &mut Tx, app: &App, by: &Actor, user: &User, email: &Email, now: Timestamp) -> Result<()> {
    if email.lower() == user.email.to_lowercase() {
        return Err(Error::invalid("email", "This is your address already."));
    }
    let made = match users::by_email(tx, email.as_str()).await? {
        None => mail_link(tx, app, user, email.as_str(), now).await?,
        // Nobody gets this one. It counts as the others do, or else counting would tell.
        Some(_) => links::make(tx, &app.random, user.id, Purpose::Email, email.as_str(), now).await?.is_some(),
    };
    require(made)?;
    let activity = Activity::new(format!("User {} asked to log in with {email}", user.email));
    activity_log::record(tx, by, activity.about(format!("user:{}", user.id)), now).await
}

fn require(mailed: bool) -> Result<()> {
    if mailed {
        return Ok(());
    }
    Err(Error::refused("Too many links were mailed within an hour. The last one may still be on its way."))
}

async fn mail_link(tx: &mut Tx, app: &App, user: &User, to: &str, now: Timestamp) -> Result<bool> {
    let Some(token) = links::make(tx, &app.random, user.id, Purpose::Email, to, now).await? else { return Ok(false) };
    let letter = Letter {
        name: "email_verification",
        template: "accounts/email_verification/verify",
        title: "Is this your e-mail address?",
        to,
        link: Some(("/verify-email/", token)),
        values: context! { email => to },
    };
    post(tx, app, user, letter, now).await?;
    Ok(true)
}

/// What a link is good for, while it is good: the address, and whose.
pub async fn of_link(conn: &mut Conn, token: &str, now: Timestamp) -> Result<(User, String)> {
    let Link { user_id, email } = links::good(conn, Purpose::Email, token, now).await?;
    Ok((users::find(conn, user_id).await?, email))
}

/// Uses a link up: the address is proved, and becomes the one with which the user logs in if it is a new one.
pub async fn prove(tx: &mut Tx, app: &App, token: &str, ip: &str, now: Timestamp) -> Result<User> {
    let Link { user_id, email } = links::use_up(tx, Purpose::Email, token, now).await?;
    let user = users::find(tx, user_id).await?;
    let by = Actor::user(user.id, &user.email, ip);
    if user.email.to_lowercase() == email.to_lowercase() {
        users::verify(tx, &by, &user, now).await?;
        return Ok(user);
    }
    users::move_to(tx, app, &by, &user, &email, now).await
}
