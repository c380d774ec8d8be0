//! The statements about invitations.

use kernel::{Email, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

use super::Invitation;

pub(super) struct New<'a> {
    pub client_id: i64,
    pub email: &'a Email,
    pub permissions: &'a str,
    pub token_hash: &'a str,
    pub invited_by: &'a str,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

pub(super) async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<Invitation>> {
    let columns = Invitation::columns("");
    let sql =
        format!("SELECT {columns} FROM account_invitations WHERE client_id = $1 AND ended_at IS NULL ORDER BY id DESC");
    conn.all(&sql, params![client_id]).await
}

pub(super) async fn find(conn: &mut Conn, client_id: i64, id: i64) -> Result<Option<Invitation>> {
    let columns = Invitation::columns("");
    let sql =
        format!("SELECT {columns} FROM account_invitations WHERE id = $2 AND client_id = $1 AND ended_at IS NULL");
    conn.optional(&sql, params![client_id, id]).await
}

pub(super) async fn by_token(conn: &mut Conn, token_hash: &str, now: Timestamp) -> Result<Option<Invitation>> {
    let columns = Invitation::columns("");
    let sql = format!(
        "SELECT {columns} FROM account_invitations WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2"
    );
    conn.optional(&sql, params![token_hash, now]).await
}

/// `None` when the address has an open invitation already.
pub(super) async fn insert(tx: &mut Tx, new: &New<'_>) -> Result<Option<Invitation>> {
    let sql = format!(
        "INSERT INTO account_invitations (client_id, email, email_lower, permissions, token_hash, invited_by, \
         created_at, sent_at, sent, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8) \
         ON CONFLICT (client_id, email_lower) WHERE ended_at IS NULL DO NOTHING RETURNING {}",
        Invitation::columns("")
    );
    tx.optional(
        &sql,
        params![
            new.client_id,
            new.email.as_str(),
            new.email.lower(),
            new.permissions,
            new.token_hash,
            new.invited_by,
            new.now,
            new.expires_at
        ],
    )
    .await
}

/// Gives an invitation another link; `None` when it has changed since it was read.
pub(super) async fn renew(
    tx: &mut Tx,
    old: &Invitation,
    token_hash: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<Invitation>> {
    let sql = format!(
        "UPDATE account_invitations SET token_hash = $3, sent_at = $4, sent = sent + 1, expires_at = $5 \
         WHERE id = $1 AND sent = $2 AND ended_at IS NULL RETURNING {}",
        Invitation::columns("")
    );
    tx.optional(&sql, params![old.id, old.sent, token_hash, now, expires_at]).await
}

/// 1 for whoever comes first.
pub(super) async fn end(tx: &mut Tx, id: i64, now: Timestamp) -> Result<u64> {
    let sql = "UPDATE account_invitations SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    tx.execute(sql, params![id, now]).await
}

pub(super) async fn end_expired(tx: &mut Tx, client_id: i64, email_lower: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE account_invitations SET ended_at = $3 \
         WHERE client_id = $1 AND email_lower = $2 AND ended_at IS NULL AND expires_at <= $3",
        params![client_id, email_lower, now],
    )
    .await?;
    Ok(())
}

/// Mails of invitations of a client of which the last came after an instant.
pub(super) async fn mailed(conn: &mut Conn, client_id: i64, since: Timestamp) -> Result<i64> {
    // SUM of BIGINT is NUMERIC on PostgreSQL.
    conn.scalar(
        "SELECT CAST(COALESCE(SUM(sent), 0) AS BIGINT) FROM account_invitations WHERE client_id = $1 AND sent_at > $2",
        params![client_id, since],
    )
    .await
}
