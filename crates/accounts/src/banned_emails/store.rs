//! The statements about banned e-mail addresses.

use kernel::{Email, Result, Timestamp};
use platform::db::{Conn, Insert, Tx, Value};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{cells, params};

use super::pattern::{self, Pattern};
use super::{BannedEmail, Kind};
use crate::search;

pub const COLUMNS: &str = "b.id, b.email, b.note, b.set_by, b.blocked, b.blocked_at, b.created_at";

/// The orders of the list.
pub const SORTS: &[Sort] = &[
    Sort::by("created", &[Column::int("b.created_at")]),
    Sort::by("email", &[Column::text("b.email")]),
    Sort::by("blocked", &[Column::int("b.blocked")]),
    Sort::by("last", &[Column::int("b.blocked_at").or_missing()]),
];

/// Rows of one statement.
const BLOCK: usize = 500;

/// Bans those that are not banned yet; those that were banned now.
pub(super) async fn insert(
    tx: &mut Tx,
    patterns: &[Pattern],
    note: &str,
    set_by: &str,
    now: Timestamp,
) -> Result<Vec<BannedEmail>> {
    let mut added = Vec::new();
    for block in patterns.chunks(BLOCK) {
        let texts: Vec<String> = block.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        let known: Vec<i64> = tx.column("SELECT id FROM banned_emails WHERE email IN $1[]", params![texts]).await?;
        let mut rows = Insert::into("banned_emails", &["email", "note", "set_by", "blocked", "created_at"])
            .then("ON CONFLICT (email) DO NOTHING");
        for text in &texts {
            rows.row(cells![text, note, set_by, 0i64, now]);
        }
        rows.run(tx).await?;
        let sql = format!("SELECT {COLUMNS} FROM banned_emails b WHERE b.email IN $1[] ORDER BY b.id");
        let all: Vec<BannedEmail> = tx.all(&sql, params![texts]).await?;
        added.extend(all.into_iter().filter(|banned| !known.contains(&banned.id)));
    }
    Ok(added)
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<BannedEmail>> {
    conn.optional(&format!("SELECT {COLUMNS} FROM banned_emails b WHERE b.id = $1"), params![id]).await
}

/// The id of the ban of exactly this.
pub(super) async fn named(conn: &mut Conn, email: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn.optional("SELECT id FROM banned_emails WHERE email = $1", params![email]).await?;
    Ok(found.map(|(id,)| id))
}

/// All that are over an address, in no order.
pub(super) async fn over(conn: &mut Conn, email: &Email) -> Result<Vec<BannedEmail>> {
    let sql = format!("SELECT {COLUMNS} FROM banned_emails b WHERE b.email IN $1[]");
    conn.all(&sql, params![pattern::over(email)]).await
}

pub(super) async fn update(tx: &mut Tx, id: i64, email: &str, note: &str) -> Result<()> {
    tx.execute("UPDATE banned_emails SET email = $2, note = $3 WHERE id = $1", params![id, email, note]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM banned_emails WHERE id = $1", params![id]).await?;
    Ok(())
}

pub(super) async fn count(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE banned_emails SET blocked = blocked + 1, blocked_at = $2 WHERE id = $1";
    tx.execute(sql, params![id, now]).await?;
    Ok(())
}

/// The bans that a filter lets through: `text` is an address (all bans over it), or words of what is banned or of the note.
pub fn query(text: &str, kind: Option<Kind>) -> Query<'static> {
    let mut filter = Where::default();
    if let Ok(email) = Email::parse(text) {
        let over = pattern::over(&email);
        let places = vec!["?"; over.len()].join(", ");
        let values = over.into_iter().map(|text| Value::Text(text.into())).collect();
        filter.by_index_of("b.email", &format!("b.email IN ({places})"), values);
    } else {
        for word in text.split_whitespace() {
            filter.and_of(
                "(b.email LIKE ? ESCAPE '\\' OR LOWER(b.note) LIKE ? ESCAPE '\\')",
                vec![search::anywhere(&pattern::ascii(word)), search::anywhere(word)],
            );
        }
    }
    match kind {
        Some(Kind::Address) => filter.plain("b.email LIKE '%@%'"),
        Some(Kind::Domain) => filter.plain("b.email NOT LIKE '%@%'"),
        None => {}
    }
    Query { table: "banned_emails b", id: "b.id", joins: "", filter }
}
