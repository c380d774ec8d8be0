//! Staff who look at the client area as the owner of a client, to see what the owner sees.
//!
//! What must hold:
//! - It takes a permission of its own, and ends with it, with the administrator's account, by a button, or after an hour.
//! - Every page says so, and the activity log names both.
//! - What takes the owner's password (another password, another address) cannot be done so.

pub mod client;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::Random;
use platform::db::Tx;

use crate::activity_log::{self, Activity, Actor};
use crate::clients::{self, ClientStatus};
use crate::roles::Permission;
use crate::user_sessions::{self, LoggedIn, NewSession, Remember, Started};
use crate::users;

pub const ALLOWED: Permission = Permission("Allow Login as Owner");

/// Where staff ask from.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    pub ip: &'a str,
    pub user_agent: &'a str,
}

/// Lets an administrator in to the client area as the owner of a client.
pub async fn begin(
    tx: &mut Tx,
    by: &Actor,
    client_id: i64,
    from: From<'_>,
    random: &Random,
    now: Timestamp,
) -> Result<Started> {
    by.require(ALLOWED)?;
    let Some(admin_id) = by.id else { return Err(Error::refused("Only staff can log in as an owner.")) };
    let client = clients::find(tx, client_id).await?;
    if client.status == ClientStatus::Closed {
        return Err(Error::refused(format!("{} is closed, so nobody can use its account.", client.display_name())));
    }
    let users = users::of_client(tx, client_id).await?;
    let Some(owner) = users.into_iter().find(|user| user.is_owner) else {
        return Err(Error::refused(format!("{} has no owner.", client.display_name())));
    };
    let new = NewSession {
        user_id: owner.id,
        admin_id: Some(admin_id),
        client_id: Some(client_id),
        ip: from.ip,
        user_agent: from.user_agent,
        remember: Remember::No,
        confined: true,
    };
    let started = user_sessions::start(tx, new, random, now).await?;
    log(tx, by, client_id, owner.id, format!("Logged in as the owner {}", owner.email), now).await?;
    Ok(started)
}

/// Ends it; the client to whose page staff go back. `None` for a user who is nobody else.
pub async fn leave(tx: &mut Tx, by: &Actor, logged_in: &LoggedIn, now: Timestamp) -> Result<Option<i64>> {
    let (Some(_), Some(client_id)) = (logged_in.session.admin_id, logged_in.session.client_id) else { return Ok(None) };
    user_sessions::log_out(tx, logged_in).await?;
    let told = format!("Left the client area as the owner {}", logged_in.user.email);
    log(tx, by, client_id, logged_in.user.id, told, now).await?;
    Ok(Some(client_id))
}

async fn log(tx: &mut Tx, by: &Actor, client_id: i64, user_id: i64, told: String, now: Timestamp) -> Result<()> {
    let activity = Activity::new(told).client(client_id).about(format!("user:{user_id}"));
    activity_log::record(tx, by, activity, now).await
}
