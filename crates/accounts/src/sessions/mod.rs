//! Sessions of staff: an opaque random cookie, of which only the hash is stored.

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::{Random, crypto, params, record};

use crate::admin_log::{self, Which};

pub const COOKIE: &str = "innkeeper_session";
/// Seconds without a request after which a session ends, and its longest life.
const IDLE: i64 = 12 * 3600;
const LIFE: i64 = 7 * 86_400;

/// Sessions that can no longer be used, for [`platform::prune`].
pub const ENDED: &[Rubbish] = &[
    Rubbish {
        name: "sessions",
        table: "sessions",
        key: "token_hash",
        condition: "expires_at <= $1",
        after: After::Seconds(0),
    },
    Rubbish {
        name: "idle sessions",
        table: "sessions",
        key: "token_hash",
        condition: "seen_at <= $1",
        after: After::Seconds(IDLE),
    },
];

pub struct Session {
    pub admin_id: i64,
    pub csrf: String,
    pub seen_at: Timestamp,
    pub token_hash: String,
}

/// Starts a session; the cookie's value.
pub async fn start(tx: &mut Tx, admin_id: i64, ip: &str, random: &Random, now: Timestamp) -> Result<String> {
    let token = random.token();
    tx.execute(
        "INSERT INTO sessions (token_hash, admin_id, csrf, ip, created_at, seen_at, confirmed_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $5, $5, $6)",
        params![crypto::sha256_hex(token.as_bytes()), admin_id, random.token(), ip, now, now.plus_seconds(LIFE)],
    )
    .await?;
    admin_log::began(tx, &hash(&token), admin_id, ip, now).await?;
    tx.execute("UPDATE admins SET last_login_at = $2 WHERE id = $1", params![admin_id, now]).await?;
    Ok(token)
}

/// What is stored of a cookie.
pub(crate) fn hash(token: &str) -> String {
    crypto::sha256_hex(token.as_bytes())
}

/// A session without a request since then has ended.
pub(crate) fn idle_since(now: Timestamp) -> Timestamp {
    now.plus_seconds(-IDLE)
}

pub async fn find(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Option<Session>> {
    let token_hash = hash(token);
    let row: Option<(i64, String, Timestamp)> = conn
        .optional(
            "SELECT admin_id, csrf, seen_at FROM sessions WHERE token_hash = $1 AND expires_at > $2 AND seen_at > $3",
            params![token_hash, now, idle_since(now)],
        )
        .await?;
    Ok(row.map(|(admin_id, csrf, seen_at)| Session { admin_id, csrf, seen_at, token_hash }))
}

/// The password was shown again in this session, which `token_hash` names; its new cookie's value. The old one, which
/// somebody may have seen, is worth nothing from then on. Forms in other tabs stay good.
pub async fn confirm(tx: &mut Tx, token_hash: &str, random: &Random, now: Timestamp) -> Result<String> {
    let token = random.token();
    let renewed = hash(&token);
    let set = "UPDATE sessions SET token_hash = $2, confirmed_at = $3 WHERE token_hash = $1";
    if tx.execute(set, params![token_hash, renewed, now]).await? == 0 {
        return Err(Error::Unauthenticated);
    }
    admin_log::follow(tx, token_hash, &renewed).await?;
    Ok(token)
}

pub async fn touch(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE sessions SET seen_at = $2 WHERE token_hash = $1", params![token_hash, now]).await?;
    admin_log::seen(tx, token_hash, now).await
}

/// When a session ends by itself.
pub(crate) fn ends(started_at: Timestamp, seen_at: Timestamp) -> Timestamp {
    seen_at.plus_seconds(IDLE).min(started_at.plus_seconds(LIFE))
}

pub async fn end(tx: &mut Tx, token: &str, now: Timestamp) -> Result<()> {
    admin_log::ending(tx, Which::Session(&hash(token)), now).await?;
    tx.execute("DELETE FROM sessions WHERE token_hash = $1", params![crypto::sha256_hex(token.as_bytes())]).await?;
    Ok(())
}

record! {
    /// A session as its owner sees it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Open {
        /// Names the session; nobody gets in with it.
        pub token_hash: String,
        pub ip: String,
        pub created_at: Timestamp,
        pub seen_at: Timestamp,
    }
}

/// The sessions of an administrator that have not ended, the last used first.
pub async fn of_admin(conn: &mut Conn, admin_id: i64, now: Timestamp) -> Result<Vec<Open>> {
    let sql = format!(
        "SELECT {} FROM sessions WHERE admin_id = $1 AND expires_at > $2 AND seen_at > $3 \
         ORDER BY seen_at DESC, token_hash",
        Open::columns("")
    );
    conn.all(&sql, params![admin_id, now, idle_since(now)]).await
}

/// Ends one session of an administrator; `false` when there is none of that name.
pub async fn end_one(tx: &mut Tx, admin_id: i64, token_hash: &str, now: Timestamp) -> Result<bool> {
    admin_log::ending(tx, Which::OfAdmin(admin_id, token_hash), now).await?;
    let sql = "DELETE FROM sessions WHERE admin_id = $1 AND token_hash = $2";
    Ok(tx.execute(sql, params![admin_id, token_hash]).await? > 0)
}

/// Ends every session of an administrator but one.
pub async fn end_others(tx: &mut Tx, admin_id: i64, token_hash: &str, now: Timestamp) -> Result<()> {
    admin_log::ending(tx, Which::Others(admin_id, token_hash), now).await?;
    let sql = "DELETE FROM sessions WHERE admin_id = $1 AND token_hash <> $2";
    tx.execute(sql, params![admin_id, token_hash]).await?;
    Ok(())
}

/// Ends every session of an administrator.
pub async fn end_all(tx: &mut Tx, admin_id: i64, now: Timestamp) -> Result<()> {
    admin_log::ending(tx, Which::Others(admin_id, ""), now).await?;
    tx.execute("DELETE FROM sessions WHERE admin_id = $1", params![admin_id]).await?;
    Ok(())
}
