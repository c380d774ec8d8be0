//! The statements about bans.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use kernel::{Network, Result, Timestamp};
use platform::db::{Conn, Insert, Tx, Value};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{cells, params};

use super::Ban;
use super::lookup::Banned;
use crate::search;

pub const COLUMNS: &str = "b.id, b.network, b.reason, b.set_by, b.automatic, b.created_at, b.expires_at";

/// The orders of the list.
pub const SORTS: &[Sort] =
    &[Sort::by("created", &[Column::int("b.created_at")]), Sort::by("network", &[Column::text("b.first")])];

/// What all bans that are set together have alike.
pub(super) struct Set<'a> {
    pub reason: &'a str,
    pub set_by: &'a str,
    pub automatic: bool,
    pub expires_at: Option<Timestamp>,
    pub now: Timestamp,
}

fn ends(network: &Network) -> (String, String) {
    let (first, last) = network.range();
    (format!("{first:032x}"), format!("{last:032x}"))
}

/// Rows of one statement.
const BLOCK: usize = 500;

/// Bans the networks that have no ban in force; those that were banned now.
pub(super) async fn insert(tx: &mut Tx, networks: &[Network], set: &Set<'_>) -> Result<Vec<Ban>> {
    let texts: Vec<String> = networks.iter().map(Network::to_string).collect();
    for block in texts.chunks(BLOCK) {
        tx.execute("DELETE FROM banned_ips WHERE network IN $1[] AND expires_at <= $2", params![block, set.now])
            .await?;
    }
    let mut added = Vec::new();
    for (block, texts) in networks.chunks(BLOCK).zip(texts.chunks(BLOCK)) {
        let known: Vec<i64> = tx.column("SELECT id FROM banned_ips WHERE network IN $1[]", params![texts]).await?;
        let mut rows = Insert::into(
            "banned_ips",
            &["network", "first", "last", "reason", "set_by", "automatic", "created_at", "expires_at"],
        )
        .then("ON CONFLICT (network) DO NOTHING");
        let ends: Vec<(String, String)> = block.iter().map(ends).collect();
        for (text, (first, last)) in texts.iter().zip(&ends) {
            rows.row(cells![text, first, last, set.reason, set.set_by, set.automatic, set.now, set.expires_at]);
        }
        rows.run(tx).await?;
        let sql = format!("SELECT {COLUMNS} FROM banned_ips b WHERE b.network IN $1[] ORDER BY b.id");
        let all: Vec<Ban> = tx.all(&sql, params![texts]).await?;
        added.extend(all.into_iter().filter(|ban| !known.contains(&ban.id)));
    }
    Ok(added)
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Ban>> {
    conn.optional(&format!("SELECT {COLUMNS} FROM banned_ips b WHERE b.id = $1"), params![id]).await
}

/// The id of the ban of exactly this network.
pub(super) async fn named(conn: &mut Conn, network: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn.optional("SELECT id FROM banned_ips WHERE network = $1", params![network]).await?;
    Ok(found.map(|(id,)| id))
}

pub(super) async fn update(
    tx: &mut Tx,
    id: i64,
    network: &Network,
    reason: &str,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    let (first, last) = ends(network);
    tx.execute(
        "UPDATE banned_ips SET network = $2, first = $3, last = $4, reason = $5, expires_at = $6 WHERE id = $1",
        params![id, network.to_string(), first, last, reason, expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM banned_ips WHERE id = $1", params![id]).await?;
    Ok(())
}

/// Every network that an address is in, as bans are written: 129 names, found by their unique index.
fn around(address: IpAddr) -> Vec<String> {
    Network::all_around(address).map(|network| network.to_string()).collect()
}

/// The ban in force over an address; of several the one that ends last.
pub(super) async fn over(conn: &mut Conn, address: IpAddr, now: Timestamp) -> Result<Option<Ban>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM banned_ips b WHERE b.network IN $1[] AND (b.expires_at IS NULL OR b.expires_at > $2)"
    );
    let bans: Vec<Ban> = conn.all(&sql, params![around(address), now]).await?;
    Ok(bans.into_iter().max_by_key(|ban| ban.expires_at.map_or(i64::MAX, Timestamp::micros)))
}

/// When the network was last banned, whether or not that has ended.
pub(super) async fn banned_at(conn: &mut Conn, network: &str) -> Result<Option<Timestamp>> {
    let found: Option<(Timestamp,)> =
        conn.optional("SELECT created_at FROM banned_ips WHERE network = $1", params![network]).await?;
    Ok(found.map(|(at,)| at))
}

pub(super) async fn in_force(conn: &mut Conn, now: Timestamp) -> Result<Vec<Ban>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM banned_ips b WHERE b.expires_at IS NULL OR b.expires_at > $1 ORDER BY b.first, b.id"
    );
    conn.all(&sql, params![now]).await
}

/// All that are in force, for the look-up in memory.
pub(super) async fn for_look_up(conn: &mut Conn, now: Timestamp) -> Result<Vec<Banned>> {
    let mut all = Vec::new();
    // Most bans have one of a few reasons.
    let mut last: Arc<str> = "".into();
    conn.each(
        "SELECT network, reason, expires_at FROM banned_ips WHERE expires_at IS NULL OR expires_at > $1",
        params![now],
        |row| {
            let (network, reason): (String, String) = (row.get(0)?, row.get(1)?);
            if *last != *reason {
                last = reason.into();
            }
            if let Some(network) = Network::parse(&network) {
                all.push(Banned { network, reason: last.clone(), until: row.get(2)? });
            }
            Ok(())
        },
    )
    .await?;
    Ok(all)
}

/// The bans that a filter lets through: `text` is an address (all bans over it), a network (all bans in it or over it), or
/// words of the reason.
pub fn query(text: &str, ended: Option<bool>, now: Timestamp) -> Query<'static> {
    let mut clauses = Where::default();
    let text = text.trim();
    if let Some(network) = Network::parse(text) {
        let (first, last) = ends(&network);
        let mut values = vec![owned(first), owned(last)];
        let over: Vec<String> = network.all_over().map(|network| network.to_string()).collect();
        let places = vec!["?"; over.len()].join(", ");
        values.extend(over.into_iter().map(owned));
        clauses.and_of(&format!("((b.first >= ? AND b.first <= ?) OR b.network IN ({places}))"), values);
    } else {
        for word in text.split_whitespace() {
            clauses.and_of(
                "(LOWER(b.reason) LIKE ? ESCAPE '\\' OR b.network LIKE ? ESCAPE '\\')",
                vec![search::anywhere(word), search::anywhere(word)],
            );
        }
    }
    match ended {
        Some(true) => clauses.by_index("ended", "b.expires_at <= ?", Value::Int(now.micros())),
        Some(false) => clauses.and("(b.expires_at IS NULL OR b.expires_at > ?)", Value::Int(now.micros())),
        None => {}
    }
    Query { table: "banned_ips b", id: "b.id", joins: "", filter: clauses }
}

fn owned(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}
