//! A new password for administrators who have forgotten theirs: asked for at the login, by a link in a mail.
//!
//! What must hold: the answer, and how long it takes, does not tell whether there is such an administrator. So the door writes
//! down the same for every name, and a job finds out whether there is anybody to write to. The old password stays good until
//! the link is used; asking again within a quarter of an hour sends nothing more.

pub mod admin;
pub mod jobs;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::jobs::{NewJob, enqueue};
use platform::settings::{Values, anything};
use platform::{App, Kind, Setting, crypto, params};
use serde_json::json;

use super::manage::{Letter, send_link};
use crate::activity_log::{self, Activity, Actor};
use crate::admins;
use crate::passwords::guessing;

pub const OFFER: Setting = Setting {
    key: "staff_password_reset",
    kind: Kind::Bool,
    default: "true",
    section: "Security",
    label: "Staff may ask for a new password",
    help: "At the login, by a link in a mail. Off: another administrator or the command line gives the link.",
    rule: anything,
    read_by: "accounts::admins::is_offered",
};

pub const SETTINGS: &[Setting] = &[OFFER];

/// Hours for which the link is good.
pub const HOURS: i64 = 2;
/// Seconds within which a name gets one mail.
const PAUSE: i64 = 15 * 60;
/// The door under which requests are counted, see [`guessing`].
const DOOR: &str = "forgotten";

/// Whether staff may ask for a new password at the login.
pub async fn is_offered(conn: &mut Conn) -> Result<bool> {
    Ok(Values::load(conn).await?.bool(&OFFER))
}

/// Says no to whoever asks too often, for one name or for many.
pub async fn check(conn: &mut Conn, name: &str, ip: &str, now: Timestamp) -> Result<()> {
    if !is_offered(conn).await? {
        return Err(Error::refused("Ask another administrator for a link to a new password."));
    }
    guessing::check(conn, &guessing::account(DOOR, name), ip, now).await
}

/// Writes down that somebody asks for a new password, whether or not there is such an administrator.
pub async fn ask(tx: &mut Tx, name: &str, ip: &str, now: Timestamp) -> Result<()> {
    let account = guessing::account(DOOR, name);
    guessing::note(tx, &account, ip, now).await?;
    let turn = now.micros() / 1_000_000 / PAUSE;
    let key = format!("{account}:{turn}");
    let name: String = name.trim().chars().take(254).collect();
    let job = NewJob::now(jobs::SEND, json!({ "name": name, "ip": ip }), now)
        .keyed(crypto::sha256_hex(key.as_bytes()))
        .attempts(5);
    enqueue(tx, job, now).await?;
    Ok(())
}

/// Sends the link, if there is somebody of this name or address who may log in.
pub(super) async fn send(tx: &mut Tx, app: &App, name: &str, ip: &str, now: Timestamp) -> Result<()> {
    let found: Option<(i64,)> = tx
        .optional(
            "SELECT id FROM admins WHERE (username_lower = $1 OR email_lower = $1) AND NOT disabled",
            params![name.trim().to_lowercase()],
        )
        .await?;
    let (Some((id,)), true) = (found, is_offered(tx).await?) else { return Ok(()) };
    let admin = admins::find(tx, id).await?;
    let token = admins::insert_link(tx, id, &app.random, HOURS * 3600, now).await?;
    send_link(tx, app, &admin, Letter::Forgotten, token, now).await?;
    let nobody = Actor::nobody(ip);
    let activity = Activity::new(format!("A link to a new password of {} was asked for at the login", admin.username));
    activity_log::record(tx, &nobody, activity.about(format!("admin:{id}")), now).await
}
