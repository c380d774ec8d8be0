//! The statements about wrong passwords.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;

/// Wrong passwords since an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong {
    /// For the account, from the address.
    pub here: i64,
    /// For the account, from wherever.
    pub of_account: i64,
    /// From the address, behind the same door.
    pub of_address: i64,
}

pub(super) async fn wrong(conn: &mut Conn, account: &str, address: &str, since: Timestamp) -> Result<Wrong> {
    let door = account.split(':').next().unwrap_or_default();
    let (here, of_account): (i64, i64) = conn
        .one(
            "SELECT COALESCE(SUM(CASE WHEN ip = $3 THEN 1 ELSE 0 END), 0), COUNT(*) FROM login_failures \
             WHERE account = $1 AND at > $2",
            params![account, since, address],
        )
        .await?;
    let of_address = of_door(conn, door, address, since).await?;
    Ok(Wrong { here, of_account, of_address })
}

/// Wrong passwords from an address behind a door.
pub(super) async fn of_door(conn: &mut Conn, door: &str, address: &str, since: Timestamp) -> Result<i64> {
    conn.scalar(
        "SELECT COUNT(*) FROM login_failures WHERE ip = $1 AND at > $2 AND account LIKE $3",
        params![address, since, format!("{door}:%")],
    )
    .await
}

pub(super) async fn insert(tx: &mut Tx, account: &str, address: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO login_failures (account, ip, at) VALUES ($1, $2, $3)";
    tx.execute(sql, params![account, address, now]).await?;
    Ok(())
}

pub(super) async fn forget(tx: &mut Tx, account: &str, address: &str) -> Result<()> {
    tx.execute("DELETE FROM login_failures WHERE account = $1 AND ip = $2", params![account, address]).await?;
    Ok(())
}
