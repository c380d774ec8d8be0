//! SQL of keys and their answers.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

use super::Key;

/// What was asked, and the status and body of the answer.
pub(super) async fn find(conn: &mut Conn, key: &Key) -> Result<Option<(String, i64, String)>> {
    let sql = "SELECT request_hash, status, body FROM idempotency_keys WHERE scope = $1 AND key = $2";
    conn.optional(sql, params![key.scope, key.key]).await
}

pub(super) async fn take(tx: &mut Tx, key: &Key, status: i64, body: &str, now: Timestamp) -> Result<bool> {
    let taken = tx
        .execute(
            "INSERT INTO idempotency_keys (scope, key, request_hash, status, body, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope, key) DO NOTHING",
            params![key.scope, key.key, key.request_hash, status, body, now],
        )
        .await?;
    Ok(taken == 1)
}

pub(super) async fn end(tx: &mut Tx, key: &Key, status: i64, body: &str) -> Result<()> {
    let sql = "UPDATE idempotency_keys SET status = $3, body = $4 WHERE scope = $1 AND key = $2";
    tx.execute(sql, params![key.scope, key.key, status, body]).await?;
    Ok(())
}

pub(super) async fn free(tx: &mut Tx, key: &Key) -> Result<()> {
    tx.execute("DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2", params![key.scope, key.key]).await?;
    Ok(())
}
