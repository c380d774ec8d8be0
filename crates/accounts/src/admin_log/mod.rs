//! The admin log: who of the staff was logged in, from where, from when until when.
//!
//! What must hold: every session has its line from its beginning on, written in the same transaction; when it is ended, by
//! the one whose it is or by anything that ends all, so is the line. One that is not used any more times out by itself: its
//! end follows from the last page and is nowhere written.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Result, Timestamp};
use platform::db::Tx;
use platform::prune::{After, Rubbish};
use platform::settings::{Setting, anything};
use platform::{Kind, record};

use crate::roles::Permission;
use crate::sessions;

pub use store::{COLUMNS, Filter, SORTS, query};

pub const VIEW: Permission = Permission("View Admin Log");

pub const KEEP: Setting = Setting {
    key: "keep_admin_log_days",
    kind: Kind::Int { min: 1, max: 36_500 },
    default: "730",
    section: "Clean-up",
    label: "Keep the admin log",
    help: "Days after the last page for which a login of staff is listed.",
    rule: anything,
    read_by: "platform::prune::run",
};

pub const OLD: Rubbish = Rubbish {
    name: "old logins",
    table: "admin_logins",
    key: "id",
    condition: "seen_at <= $1",
    after: After::Days(&KEEP),
};

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Login {
        pub id: i64,
        pub admin_id: i64,
        pub admin: String,
        pub ip: String,
        pub started_at: Timestamp,
        /// The last page, to a few minutes.
        pub seen_at: Timestamp,
        pub ended_at: Option<Timestamp>,
    }
}

impl Login {
    /// When it ended; `None` while it goes on.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.ended_at.or_else(|| Some(sessions::ends(self.started_at, self.seen_at)).filter(|end| *end <= now))
    }
}

/// A session began.
pub async fn began(tx: &mut Tx, session: &str, admin_id: i64, ip: &str, now: Timestamp) -> Result<()> {
    store::insert(tx, session, admin_id, ip, now).await
}

/// A page was asked for.
pub async fn seen(tx: &mut Tx, session: &str, now: Timestamp) -> Result<()> {
    store::seen(tx, session, now).await
}

/// Sessions of the table of sessions end.
/// The session has another cookie from now on.
pub async fn follow(tx: &mut Tx, session: &str, renewed: &str) -> Result<()> {
    store::follow(tx, session, renewed).await
}

pub async fn ending(tx: &mut Tx, which: Which<'_>, now: Timestamp) -> Result<()> {
    store::end(tx, which, now).await
}

/// Which sessions end, by the hashes of their cookies.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Session(&'a str),
    /// One, if it is this administrator's.
    OfAdmin(i64, &'a str),
    /// All of an administrator but one.
    Others(i64, &'a str),
}
