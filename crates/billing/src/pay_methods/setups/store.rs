//! SQL of setups and of the links to them.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

use super::{Invited, Setup};
use crate::gateways::Page;

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Setup>> {
    let sql = format!("SELECT {} FROM method_setups WHERE id = $1", Setup::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_public_id(conn: &mut Conn, gateway: &str, public_id: &str) -> Result<Option<Setup>> {
    let sql = format!("SELECT {} FROM method_setups WHERE public_id = $1 AND gateway = $2", Setup::columns(""));
    conn.optional(&sql, params![public_id, gateway]).await
}

pub(super) async fn latest(conn: &mut Conn, client_id: i64, gateway: &str) -> Result<Option<Setup>> {
    let sql = format!(
        "SELECT {} FROM method_setups WHERE client_id = $1 AND gateway = $2 ORDER BY id DESC LIMIT 1",
        Setup::columns("")
    );
    conn.optional(&sql, params![client_id, gateway]).await
}

pub(super) async fn count_since(conn: &mut Conn, client_id: i64, since: Timestamp) -> Result<i64> {
    conn.scalar(
        "SELECT COUNT(*) FROM method_setups WHERE client_id = $1 AND created_at > $2",
        params![client_id, since],
    )
    .await
}

pub(super) async fn insert(tx: &mut Tx, public_id: &str, invited: &Invited, now: Timestamp) -> Result<i64> {
    tx.scalar(
        "INSERT INTO method_setups (public_id, client_id, gateway, state, reason, created_at) \
         VALUES ($1, $2, $3, 'intent', '', $4) RETURNING id",
        params![public_id, invited.client_id, invited.gateway, now],
    )
    .await
}

pub(super) async fn set_open(tx: &mut Tx, id: i64, page: &Page) -> Result<()> {
    tx.execute(
        "UPDATE method_setups SET state = 'open', page_id = $2, url = $3 WHERE id = $1 AND state = 'intent'",
        params![id, page.id, page.url],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_failed(tx: &mut Tx, id: i64, reason: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE method_setups SET state = 'failed', reason = $2, url = NULL, finished_at = $3 \
         WHERE id = $1 AND state IN ('intent', 'open')",
        params![id, reason, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_stored(tx: &mut Tx, id: i64, pay_method_id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE method_setups SET state = 'stored', pay_method_id = $2, url = NULL, finished_at = $3 WHERE id = $1",
        params![id, pay_method_id, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_link(
    tx: &mut Tx,
    hash: &str,
    client_id: i64,
    gateway: &str,
    expires_at: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO method_links (token_hash, client_id, gateway, expires_at) VALUES ($1, $2, $3, $4)",
        params![hash, client_id, gateway, expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn invited(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<Invited>> {
    let found: Option<(i64, String)> = conn
        .optional(
            "SELECT client_id, gateway FROM method_links WHERE token_hash = $1 AND expires_at > $2",
            params![hash, now],
        )
        .await?;
    Ok(found.map(|(client_id, gateway)| Invited { client_id, gateway }))
}
