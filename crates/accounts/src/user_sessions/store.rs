//! The statements about sessions of users.

use kernel::{Result, Timestamp};
use platform::db::{Conn, FromRow, Row, Tx};
use platform::{params, record};

use super::{Account, LoggedIn, Session};
use crate::account_access::Part;
use crate::clients::{self, ClientStatus};
use crate::owner_logins;
use crate::users::User;

/// Who is logged in, and what the setting says of addresses.
pub(super) struct Found {
    pub logged_in: LoggedIn,
    pub ip_check: Option<String>,
}

record! {
    /// The client of a session; all empty when the user has no part in it.
    struct Joined {
        client_id: Option<i64>,
        company: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        is_owner: Option<bool>,
        permissions: Option<String>,
        admin: Option<String>,
        ip_check: Option<String>,
    }
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Found> {
        let users = Session::COLUMNS.len();
        let session = Session::from_row_at(row, 0)?;
        let user = User::from_row_at(row, users)?;
        let joined = Joined::from_row_at(row, users + User::COLUMNS.len())?;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let account = joined.client_id.map(|id| Account {
            id,
            name: clients::name(&text(&joined.company), &text(&joined.first_name), &text(&joined.last_name)),
            part: Part::of(joined.is_owner.unwrap_or_default(), &text(&joined.permissions)),
        });
        Ok(Found { logged_in: LoggedIn { user, session, account, admin: joined.admin }, ip_check: joined.ip_check })
    }
}

/// Everything about a session in one statement, because every request asks it.
pub(super) async fn find(conn: &mut Conn, token_hash: &str, now: Timestamp) -> Result<Option<Found>> {
    let sql = format!(
        "SELECT {}, {}, c.id, c.company, c.first_name, c.last_name, cu.is_owner, cu.permissions, a.username, \
         (SELECT value FROM settings WHERE key = 'session_ip_check') \
         FROM user_sessions s JOIN users u ON u.id = s.user_id \
         LEFT JOIN client_users cu ON cu.client_id = s.client_id AND cu.user_id = s.user_id \
         LEFT JOIN clients c ON c.id = cu.client_id AND c.status <> 'closed' \
         LEFT JOIN admins a ON a.id = s.admin_id \
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.idle_at > $2 \
         AND (s.admin_id IS NULL OR (NOT a.disabled AND EXISTS (SELECT 1 FROM role_permissions rp \
         WHERE rp.role_id = a.role_id AND rp.permission = $3)))",
        Session::columns("s"),
        User::columns("u"),
    );
    conn.optional(&sql, params![token_hash, now, owner_logins::ALLOWED.0]).await
}

pub(super) async fn insert(tx: &mut Tx, session: &Session, token_hash: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO user_sessions (token_hash, user_id, client_id, admin_id, csrf, ip, user_agent, remembered, \
         confined, created_at, seen_at, confirmed_at, idle_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            token_hash,
            session.user_id,
            session.client_id,
            session.admin_id,
            session.csrf,
            session.ip,
            session.user_agent,
            session.remembered,
            session.confined,
            session.created_at,
            session.seen_at,
            session.confirmed_at,
            session.idle_at,
            session.expires_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn note_login(tx: &mut Tx, user_id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE users SET last_login_at = $2 WHERE id = $1", params![user_id, now]).await?;
    Ok(())
}

pub(super) async fn touch(tx: &mut Tx, id: i64, now: Timestamp, idle_at: Timestamp) -> Result<()> {
    tx.execute("UPDATE user_sessions SET seen_at = $2, idle_at = $3 WHERE id = $1", params![id, now, idle_at]).await?;
    Ok(())
}

pub(super) async fn choose(tx: &mut Tx, id: i64, client_id: i64) -> Result<()> {
    tx.execute("UPDATE user_sessions SET client_id = $2 WHERE id = $1", params![id, client_id]).await?;
    Ok(())
}

pub(super) async fn rotate(tx: &mut Tx, id: i64, token_hash: &str, csrf: &str) -> Result<()> {
    let sql = "UPDATE user_sessions SET token_hash = $2, csrf = $3 WHERE id = $1";
    tx.execute(sql, params![id, token_hash, csrf]).await?;
    Ok(())
}

pub(super) async fn confirm(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE user_sessions SET confirmed_at = $2 WHERE id = $1", params![id, now]).await?;
    Ok(())
}

pub(super) async fn end_token(tx: &mut Tx, token_hash: &str) -> Result<()> {
    tx.execute("DELETE FROM user_sessions WHERE token_hash = $1", params![token_hash]).await?;
    Ok(())
}

pub(super) async fn end(tx: &mut Tx, user_id: i64, id: i64) -> Result<u64> {
    tx.execute("DELETE FROM user_sessions WHERE id = $2 AND user_id = $1", params![user_id, id]).await
}

pub(super) async fn end_others(tx: &mut Tx, user_id: i64, kept: Option<i64>) -> Result<u64> {
    let sql = "DELETE FROM user_sessions WHERE user_id = $1 AND id <> $2";
    tx.execute(sql, params![user_id, kept.unwrap_or_default()]).await
}

pub(super) async fn of_user(conn: &mut Conn, user_id: i64, now: Timestamp) -> Result<Vec<Session>> {
    let sql = format!(
        "SELECT {} FROM user_sessions WHERE user_id = $1 AND expires_at > $2 AND idle_at > $2 \
         ORDER BY seen_at DESC, id DESC LIMIT 200",
        Session::columns("")
    );
    conn.all(&sql, params![user_id, now]).await
}

record! {
    /// A client for which a user may act.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Acts {
        pub id: i64,
        pub name: String,
        pub status: ClientStatus,
        pub is_owner: bool,
    }
}

impl Acts {
    /// A closed client's account cannot be used.
    pub fn is_open(&self) -> bool {
        self.status != ClientStatus::Closed
    }
}

/// The clients of a user, the own ones first. At most 500 are told.
pub async fn accounts(conn: &mut Conn, user_id: i64) -> Result<Vec<Acts>> {
    conn.all(
        "SELECT c.id, COALESCE(NULLIF(c.company, ''), c.first_name || ' ' || c.last_name), c.status, cu.is_owner \
         FROM client_users cu JOIN clients c ON c.id = cu.client_id WHERE cu.user_id = $1 \
         ORDER BY cu.is_owner DESC, c.id LIMIT 500",
        params![user_id],
    )
    .await
}

pub(super) async fn first_account(conn: &mut Conn, user_id: i64) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn
        .optional(
            "SELECT c.id FROM client_users cu JOIN clients c ON c.id = cu.client_id \
             WHERE cu.user_id = $1 AND c.status <> 'closed' ORDER BY cu.is_owner DESC, c.id LIMIT 1",
            params![user_id],
        )
        .await?;
    Ok(found.map(|(id,)| id))
}

/// Whether the user has a part in the client, and it is open.
pub(crate) async fn is_account(conn: &mut Conn, user_id: i64, client_id: i64) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM client_users cu JOIN clients c ON c.id = cu.client_id \
         WHERE cu.user_id = $1 AND cu.client_id = $2 AND c.status <> 'closed')",
        params![user_id, client_id],
    )
    .await
}
