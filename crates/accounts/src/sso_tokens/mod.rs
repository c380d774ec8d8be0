//! Single sign-on: a program that knows the user by its own means asks for a token, and the browser that opens the
//! token's address is logged in.
//!
//! What must hold:
//! - A token is good once, for a minute, and only its hash is stored. Of two who open it at the same time one gets in.
//! - Only programs get one, with an API credential or one of their own: staff with a session have [`crate::owner_logins`],
//!   where every page shows who they are.
//! - It leads to a page of the client area, and nowhere else.
//! - What is closed meanwhile (the credential, its administrator, the client, the user's part in it) closes the token.
//!
//! What surprises: nobody asks for a password or a second factor, because the program vouches for the user. So the
//! password counts as not typed: what needs it typed a moment ago asks for it.

pub mod api;
pub mod client;
pub mod compat;
mod store;
mod target;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::App;
use platform::crypto;
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};

use crate::activity_log::{self, Activity, Actor};
use crate::api_credentials::{self, Listed, State};
use crate::banned_ips;
use crate::clients::{self, ClientStatus};
use crate::owner_logins::ALLOWED;
use crate::user_sessions::{self, NewSession, Remember, Started};
use crate::users::{self, User};

pub use client::REFERENCE_PATH;
pub use target::{CUSTOM, Target, destinations, in_field};

/// How long a token is good.
pub const SECONDS: i64 = 60;

/// Tokens that no longer work, for [`platform::prune`].
pub const OLD: Rubbish = Rubbish {
    name: "single sign-on tokens",
    table: "sso_tokens",
    key: "token_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(3_600),
};

/// A user who can be logged in, and for which client; to be had from [`whom`].
#[derive(Debug, Clone)]
pub struct Whom {
    user: User,
    client_id: Option<i64>,
}

/// Why nobody can be logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    Nobody,
    NoClient,
    NoUser,
    /// The user has no part in the client.
    NotOfClient,
    Closed(i64),
    NoOwner(i64),
}

/// The user, or the owner of the client; who is named must be there and go together.
pub async fn whom(conn: &mut Conn, client_id: Option<i64>, user_id: Option<i64>) -> Result<Result<Whom, Unfit>> {
    if let Some(id) = client_id {
        match clients::find(conn, id).await {
            Err(Error::NotFound(_)) => return Ok(Err(Unfit::NoClient)),
            client => {
                if client?.status == ClientStatus::Closed {
                    return Ok(Err(Unfit::Closed(id)));
                }
            }
        }
    }
    let user_id = match (client_id, user_id) {
        (None, None) => return Ok(Err(Unfit::Nobody)),
        (Some(client_id), None) => match owner(conn, client_id).await? {
            Some(id) => id,
            None => return Ok(Err(Unfit::NoOwner(client_id))),
        },
        (_, Some(user_id)) => user_id,
    };
    let user = match users::find(conn, user_id).await {
        Err(Error::NotFound(_)) => return Ok(Err(Unfit::NoUser)),
        user => user?,
    };
    match client_id {
        Some(id) if !user_sessions::is_account(conn, user.id, id).await? => Ok(Err(Unfit::NotOfClient)),
        _ => Ok(Ok(Whom { user, client_id })),
    }
}

async fn owner(conn: &mut Conn, client_id: i64) -> Result<Option<i64>> {
    let users = users::of_client(conn, client_id).await?;
    Ok(users.into_iter().find(|user| user.is_owner).map(|user| user.id))
}

/// What the caller is told, once.
#[derive(Debug)]
pub struct Made {
    pub token: String,
    pub expires_at: Timestamp,
}

/// Makes a token for the caller behind an API credential.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    credential: Option<i64>,
    whom: &Whom,
    target: &Target,
    now: Timestamp,
) -> Result<Made> {
    by.require(ALLOWED)?;
    let Some(credential_id) = credential else {
        return Err(Error::refused("Only an API credential gets such a token. Staff press “Log in as owner”."));
    };
    let voucher = name(&api_credentials::find(tx, credential_id).await?);
    let vouches = Vouches { credential_id: Some(credential_id), oauth_credential_id: None, voucher };
    issue(tx, app, by, vouches, whom, target, now).await
}

/// A program with a credential of its own, which the log calls so. Where it stands, it is looked after: see
/// [`forget_program`].
#[derive(Debug, Clone, Copy)]
pub struct ByProgram<'a> {
    pub oauth_credential_id: i64,
    pub called: &'a str,
}

/// As [`create`], for a program that has proved itself.
pub async fn create_for_program(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    program: ByProgram<'_>,
    whom: &Whom,
    target: &Target,
    now: Timestamp,
) -> Result<Made> {
    let oauth_credential_id = Some(program.oauth_credential_id);
    let vouches = Vouches { credential_id: None, oauth_credential_id, voucher: program.called.to_owned() };
    issue(tx, app, by, vouches, whom, target, now).await
}

/// Makes the tokens of a program useless, whose credential is given up or changed.
pub async fn forget_program(tx: &mut Tx, oauth_credential_id: i64) -> Result<()> {
    store::forget_program(tx, oauth_credential_id).await
}

/// Who vouches for the user; `voucher` is what the log calls it.
struct Vouches {
    credential_id: Option<i64>,
    oauth_credential_id: Option<i64>,
    voucher: String,
}

async fn issue(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    vouches: Vouches,
    whom: &Whom,
    target: &Target,
    now: Timestamp,
) -> Result<Made> {
    let made = Made { token: app.random.token(), expires_at: now.plus_seconds(SECONDS) };
    let Vouches { credential_id, oauth_credential_id, voucher } = vouches;
    let told = format!("{voucher} asked for a single sign-on of user {} to {}", whom.user.email, target.path());
    let token = store::Token {
        user_id: whom.user.id,
        client_id: whom.client_id,
        credential_id,
        oauth_credential_id,
        voucher,
        target: target.path().to_owned(),
    };
    store::insert(tx, &hash(&made.token), &token, now, made.expires_at).await?;
    activity_log::record(tx, by, about(told, whom), now).await?;
    Ok(made)
}

/// Where a browser is that opens a token.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    pub ip: &'a str,
    pub user_agent: &'a str,
    /// The cookie that it has: the session of it ends, as with every login.
    pub before: Option<&'a str>,
}

const GONE: &str = "This link has been used or has expired. Go back to where you followed it and follow it again.";

/// Logs the user in for whom the token was made; what the browser is given, and where it goes.
pub async fn open(tx: &mut Tx, app: &App, token: &str, from: From<'_>, now: Timestamp) -> Result<(Started, Target)> {
    // This node may not have heard yet of a ban that another one has set.
    if let Some(ban) = banned_ips::of_address(tx, from.ip, now).await? {
        return Err(ban.refusal());
    }
    let Some(token) = store::take(tx, &hash(token), now).await? else { return Err(Error::refused(GONE)) };
    let allowed = match token.credential_id {
        Some(id) => {
            let credential = api_credentials::find(tx, id).await?;
            credential.state(now) == State::Good && store::may(tx, credential.admin_id, ALLOWED).await?
        }
        // That of a program takes its tokens along when it is given up.
        None => true,
    };
    let whom = whom(tx, token.client_id, Some(token.user_id)).await?;
    let (true, Ok(whom)) = (allowed, whom) else { return Err(Error::refused(GONE)) };
    if let Some(before) = from.before {
        user_sessions::end_token(tx, before).await?;
    }
    let new = NewSession {
        user_id: whom.user.id,
        admin_id: None,
        client_id: whom.client_id,
        ip: from.ip,
        user_agent: from.user_agent,
        remember: Remember::No,
        // The program of one service is no friend of the owner's other clients.
        confined: token.credential_id.is_none(),
    };
    let started = user_sessions::start_vouched_for(tx, new, &app.random, now).await?;
    let told = format!("Logged in by single sign-on, for {}", token.voucher);
    let user = Actor::user(whom.user.id, &whom.user.email, from.ip);
    activity_log::record(tx, &user, about(told, &whom), now).await?;
    Ok((started, Target::stored(&token.target)))
}

fn hash(token: &str) -> String {
    crypto::sha256_hex(token.as_bytes())
}

/// How the log names a credential.
fn name(credential: &Listed) -> String {
    let Listed { description, admin, .. } = credential;
    let called = if description.is_empty() { String::new() } else { format!("“{description}” ") };
    format!("the API credential {called}{} of {admin}", credential.short())
}

fn about(told: String, whom: &Whom) -> Activity {
    let activity = Activity::new(told).about(format!("user:{}", whom.user.id));
    match whom.client_id {
        Some(id) => activity.client(id),
        None => activity,
    }
}
