//! The statements about seals.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Row, Tx};
use platform::params;

use super::{Seal, Whole};

pub(super) async fn newest(conn: &mut Conn) -> Result<Option<Seal>> {
    let sql = format!("SELECT {} FROM activity_seals ORDER BY id DESC LIMIT 1", Seal::columns(""));
    conn.optional(&sql, params![]).await
}

/// Seals after one, in their order.
pub(super) async fn after(conn: &mut Conn, id: i64, limit: i64) -> Result<Vec<Seal>> {
    let sql = format!("SELECT {} FROM activity_seals WHERE id > $1 ORDER BY id LIMIT {limit}", Seal::columns(""));
    conn.all(&sql, params![id]).await
}

/// The oldest whose entries are there.
pub(super) async fn oldest(conn: &mut Conn, limit: i64) -> Result<Vec<Seal>> {
    let columns = Seal::columns("");
    let sql = format!("SELECT {columns} FROM activity_seals WHERE pruned_at IS NULL ORDER BY id LIMIT {limit}");
    conn.all(&sql, params![]).await
}

/// The oldest entries that are not sealed.
pub(super) async fn waiting(conn: &mut Conn, limit: i64) -> Result<Vec<Whole>> {
    let columns = Whole::columns("");
    conn.all(&format!("SELECT {columns} FROM activity_log WHERE seal IS NULL ORDER BY id LIMIT {limit}"), params![])
        .await
}

pub(super) async fn oldest_waiting(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let found: Option<(Timestamp,)> =
        conn.optional("SELECT at FROM activity_log WHERE seal IS NULL ORDER BY id LIMIT 1", params![]).await?;
    Ok(found.map(|(at,)| at))
}

/// `false` when somebody else has made this one.
pub(super) async fn insert(tx: &mut Tx, seal: &Seal) -> Result<bool> {
    let made = tx
        .execute(
            "INSERT INTO activity_seals (id, hash, sealed_at, entries, last_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO NOTHING",
            params![seal.id, seal.hash, seal.sealed_at, seal.entries, seal.last_at],
        )
        .await?;
    Ok(made == 1)
}

pub(super) async fn mark(tx: &mut Tx, ids: &[i64], seal: i64) -> Result<u64> {
    tx.execute("UPDATE activity_log SET seal = $2 WHERE id IN $1[] AND seal IS NULL", params![ids, seal]).await
}

/// Every entry of some seals with the number of its seal, seal by seal and in the order of their ids.
pub(super) async fn each(
    conn: &mut Conn,
    first: i64,
    last: i64,
    take: impl FnMut(&Row<'_>) -> Result<()> + Send,
) -> Result<()> {
    let columns = Whole::columns("");
    let sql = format!(
        "SELECT {columns}, seal FROM activity_log WHERE seal IS NOT NULL AND seal >= $1 AND seal <= $2 ORDER BY seal, id"
    );
    conn.each(&sql, params![first, last], take).await
}

/// Entries of seals that there are not.
pub(super) async fn strays(conn: &mut Conn) -> Result<i64> {
    conn.scalar(
        "SELECT COUNT(*) FROM activity_log a WHERE a.seal IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM activity_seals s WHERE s.id = a.seal)",
        params![],
    )
    .await
}

/// Clears away the entries up to a seal, which stays; how many.
pub(super) async fn prune(tx: &mut Tx, last: i64, now: Timestamp) -> Result<u64> {
    tx.execute("UPDATE activity_seals SET pruned_at = $2 WHERE id <= $1 AND pruned_at IS NULL", params![last, now])
        .await?;
    let gone = tx.execute("DELETE FROM activity_log WHERE seal IS NOT NULL AND seal <= $1", params![last]).await?;
    tx.execute("DELETE FROM activity_seals WHERE id < $1", params![last]).await?;
    Ok(gone)
}
