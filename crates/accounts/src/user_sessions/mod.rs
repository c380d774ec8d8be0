//! Sessions of users in the client area: an opaque random cookie, of which only the hash is stored.
//!
//! What must hold:
//! - The cookie's value is a new one after a login, after the password was typed again and when the user turns to another
//!   client: one that somebody has seen before is worth nothing then.
//! - A session shows a client only while the user has a part in it and it is not closed. That is looked up with every
//!   request, so what is taken away is gone at once.
//! - Staff who look at the client area as a user have a session of their own, which names them and ends soon.

pub mod api;
pub mod client;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::settings::{Values, anything};
use platform::{Kind, Random, Setting, crypto, record};

use crate::account_access::{AccountPermission, Part};
use crate::activity_log::{self, Activity, Actor};
use crate::doors::limits::counted;
use crate::users::User;

pub(crate) use store::is_account;
pub use store::{Acts, accounts};

pub const COOKIE: &str = "innkeeper_client";

pub const IDLE_MINUTES: Setting = Setting {
    key: "client_session_idle_minutes",
    kind: Kind::Int { min: 15, max: 43_200 },
    default: "120",
    section: "Security",
    label: "Client sessions end after",
    help: "Minutes without a request, unless the user stays logged in.",
    rule: anything,
    read_by: "accounts::user_sessions::start",
};

pub const REMEMBER_DAYS: Setting = Setting {
    key: "client_remember_days",
    kind: Kind::Int { min: 0, max: 365 },
    default: "30",
    section: "Security",
    label: "“Stay logged in” lasts",
    help: "Days for which a user of the client area may stay logged in on a device. 0 does not offer it.",
    rule: anything,
    read_by: "accounts::user_sessions::start",
};

pub const IP_CHECK: Setting = Setting {
    key: "session_ip_check",
    kind: Kind::Bool,
    default: "false",
    section: "Security",
    label: "Session IP check",
    help: "On: a session of the client area is good only from the address it was begun from. Telephones change theirs often.",
    rule: anything,
    read_by: "accounts::user_sessions::find",
};

pub const SETTINGS: &[Setting] = &[IDLE_MINUTES, REMEMBER_DAYS, IP_CHECK];

/// The longest life of a session that is not remembered, and of one of staff.
const LIFE: i64 = 86_400;
const STAFF_LIFE: i64 = 3_600;
/// So long is a password that was typed good for what needs it again.
const CONFIRMED: i64 = 10 * 60;
/// When somebody was last here is noted as often.
const NOTED_EVERY: i64 = 300;
const USER_AGENT: usize = 200;

/// Sessions that can no longer be used, for [`platform::prune`].
pub const ENDED: &[Rubbish] = &[
    Rubbish {
        name: "sessions of users",
        table: "user_sessions",
        key: "id",
        condition: "expires_at <= $1",
        after: After::Seconds(0),
    },
    Rubbish {
        name: "idle sessions of users",
        table: "user_sessions",
        key: "id",
        condition: "idle_at <= $1",
        after: After::Seconds(0),
    },
];

record! {
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Session {
        pub id: i64,
        pub user_id: i64,
        /// For which client the user acts at the moment, as chosen; see [`LoggedIn::account`].
        pub client_id: Option<i64>,
        /// Staff who look at the client area as this user.
        pub admin_id: Option<i64>,
        pub csrf: String,
        pub ip: String,
        pub user_agent: String,
        pub remembered: bool,
        /// To the client that was chosen at its start.
        pub confined: bool,
        pub created_at: Timestamp,
        pub seen_at: Timestamp,
        /// When the password was last typed.
        pub confirmed_at: Timestamp,
        pub idle_at: Timestamp,
        pub expires_at: Timestamp,
    }
}

impl Session {
    /// Whether the password was typed a moment ago. Of staff it never was.
    pub fn is_confirmed(&self, now: Timestamp) -> bool {
        self.admin_id.is_none() && now.seconds_since(self.confirmed_at) < CONFIRMED
    }
}

/// The client for which a user acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub part: Part,
}

/// Somebody who is logged in to the client area.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub user: User,
    pub session: Session,
    /// None when the user acts for nobody, or the client was closed.
    pub account: Option<Account>,
    /// The user name of staff who look at the client area as this user.
    pub admin: Option<String>,
}

impl LoggedIn {
    /// The one whom rules and the activity log know. Staff stay who they are, and the log names both.
    pub fn actor(&self, ip: &str) -> Actor {
        match (&self.admin, self.session.admin_id) {
            (Some(admin), Some(id)) => Actor::staff_as(id, admin, &self.user.email, ip),
            _ => Actor::user(self.user.id, &self.user.email, ip),
        }
    }

    /// The account, if it is one in which the user has this key.
    pub fn require(&self, permission: AccountPermission) -> Result<&Account> {
        match &self.account {
            None => Err(Error::refused("You act for no account at the moment. Choose one under “Accounts”.")),
            Some(account) if account.part.may(permission) => Ok(account),
            Some(_) => Err(Error::Forbidden(permission.0)),
        }
    }
}

/// Whether a browser is to keep the session when it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    Yes,
    No,
}

/// A session to start.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub user_id: i64,
    pub admin_id: Option<i64>,
    /// None chooses one.
    pub client_id: Option<i64>,
    pub ip: &'a str,
    pub user_agent: &'a str,
    pub remember: Remember,
    /// Whether it stays with the client.
    pub confined: bool,
}

/// What the browser is given.
#[derive(Debug, Clone)]
pub struct Started {
    pub token: String,
    /// Seconds for which a browser keeps it; `None` until it is closed.
    pub keep: Option<i64>,
}

pub(crate) fn hash(token: &str) -> String {
    crypto::sha256_hex(token.as_bytes())
}

/// Starts a session, for the first open client of the user unless one is named.
pub async fn start(tx: &mut Tx, new: NewSession<'_>, random: &Random, now: Timestamp) -> Result<Started> {
    begin(tx, new, now, random, now).await
}

/// As [`start`], for a user for whom somebody vouches: the password was not typed.
pub async fn start_vouched_for(tx: &mut Tx, new: NewSession<'_>, random: &Random, now: Timestamp) -> Result<Started> {
    begin(tx, new, Timestamp::from_micros(0), random, now).await
}

async fn begin(
    tx: &mut Tx,
    new: NewSession<'_>,
    confirmed_at: Timestamp,
    random: &Random,
    now: Timestamp,
) -> Result<Started> {
    let values = Values::load(tx).await?;
    let days = values.int(&REMEMBER_DAYS);
    let remembered = new.remember == Remember::Yes && days > 0 && new.admin_id.is_none();
    let life = match (new.admin_id, remembered) {
        (Some(_), _) => STAFF_LIFE,
        (None, true) => days * 86_400,
        (None, false) => LIFE,
    };
    let expires_at = now.plus_seconds(life);
    let client_id = match new.client_id {
        Some(id) => Some(id),
        None => store::first_account(tx, new.user_id).await?,
    };
    let session = Session {
        id: 0,
        user_id: new.user_id,
        client_id,
        admin_id: new.admin_id,
        csrf: random.token(),
        ip: new.ip.to_owned(),
        user_agent: printable(new.user_agent),
        remembered,
        confined: new.confined,
        created_at: now,
        seen_at: now,
        confirmed_at,
        idle_at: if remembered { expires_at } else { idle_from(&values, now) },
        expires_at,
    };
    let token = random.token();
    store::insert(tx, &session, &hash(&token)).await?;
    if new.admin_id.is_none() {
        store::note_login(tx, new.user_id, now).await?;
    }
    Ok(Started { token, keep: remembered.then_some(life) })
}

fn idle_from(values: &Values, now: Timestamp) -> Timestamp {
    now.plus_seconds(values.int(&IDLE_MINUTES) * 60)
}

/// What a browser says of itself, as far as it can be shown.
fn printable(user_agent: &str) -> String {
    user_agent.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(USER_AGENT).collect()
}

/// Who is logged in by a cookie, from an address.
pub async fn find(conn: &mut Conn, token: &str, ip: &str, now: Timestamp) -> Result<Option<LoggedIn>> {
    let Some(found) = store::find(conn, &hash(token), now).await? else { return Ok(None) };
    let checks = Values::of(found.ip_check.map(|value| (IP_CHECK.key.to_owned(), value))).bool(&IP_CHECK);
    let elsewhere = checks && counted(&found.logged_in.session.ip) != counted(ip);
    Ok((!elsewhere).then_some(found.logged_in))
}

/// Whether it is time to note that somebody is here.
pub fn is_stale(session: &Session, now: Timestamp) -> bool {
    now.seconds_since(session.seen_at) >= NOTED_EVERY
}

/// Notes that somebody is here, which puts the end of an idle session off.
pub async fn touch(tx: &mut Tx, session: &Session, now: Timestamp) -> Result<()> {
    let idle_at = match session.remembered {
        true => session.expires_at,
        false => idle_from(&Values::load(tx).await?, now),
    };
    store::touch(tx, session.id, now, idle_at).await
}

/// Turns to another client of the user; what the browser is given from now on. Someone else's client is not found.
pub async fn switch(
    tx: &mut Tx,
    logged_in: &LoggedIn,
    client_id: i64,
    random: &Random,
    now: Timestamp,
) -> Result<Started> {
    let session = &logged_in.session;
    if !store::is_account(tx, session.user_id, client_id).await? {
        return Err(Error::NotFound("Account"));
    }
    // Staff were let in to one client, not to all of its owner's.
    if session.admin_id.is_some() && session.client_id != Some(client_id) {
        return Err(Error::refused("You are logged in as the owner of one client. Leave, and choose the other one."));
    }
    if session.confined && session.client_id != Some(client_id) {
        return Err(Error::refused("This login is for one account. Log in with your password to turn to another one."));
    }
    store::choose(tx, session.id, client_id).await?;
    rotate(tx, session, random, now).await
}

/// Gives the session a new cookie and a new form token.
pub async fn rotate(tx: &mut Tx, session: &Session, random: &Random, now: Timestamp) -> Result<Started> {
    let token = random.token();
    store::rotate(tx, session.id, &hash(&token), &random.token()).await?;
    let keep = session.remembered.then(|| session.expires_at.seconds_since(now).max(1));
    Ok(Started { token, keep })
}

/// Notes that the password was typed again just now.
pub async fn confirm(tx: &mut Tx, session: &Session, random: &Random, now: Timestamp) -> Result<Started> {
    store::confirm(tx, session.id, now).await?;
    rotate(tx, session, random, now).await
}

/// Ends the session of whoever asks.
pub async fn log_out(tx: &mut Tx, logged_in: &LoggedIn) -> Result<()> {
    store::end(tx, logged_in.user.id, logged_in.session.id).await?;
    Ok(())
}

/// Ends the session of a cookie, if there is one.
pub async fn end_token(tx: &mut Tx, token: &str) -> Result<()> {
    store::end_token(tx, &hash(token)).await
}

/// Ends one session of a user; someone else's is not found.
pub async fn end(tx: &mut Tx, by: &Actor, user: &User, id: i64, now: Timestamp) -> Result<()> {
    if store::end(tx, user.id, id).await? == 0 {
        return Err(Error::NotFound("Session"));
    }
    log(tx, by, user, "A session ended", now).await
}

/// Ends every session of a user but one; how many there were. Doing it again ends none.
pub async fn end_others(tx: &mut Tx, by: &Actor, user: &User, kept: Option<i64>, now: Timestamp) -> Result<u64> {
    let ended = store::end_others(tx, user.id, kept).await?;
    if ended > 0 {
        log(tx, by, user, &format!("{ended} sessions ended"), now).await?;
    }
    Ok(ended)
}

async fn log(tx: &mut Tx, by: &Actor, user: &User, what: &str, now: Timestamp) -> Result<()> {
    let activity = Activity::new(format!("{what} of user {}", user.email)).about(format!("user:{}", user.id));
    activity_log::record(tx, by, activity, now).await
}

/// The sessions of a user that have not ended, the latest first. At most 200 are told.
pub async fn of_user(conn: &mut Conn, user_id: i64, now: Timestamp) -> Result<Vec<Session>> {
    store::of_user(conn, user_id, now).await
}
