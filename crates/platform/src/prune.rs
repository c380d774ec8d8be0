//! What the database need not keep for ever: answers to repeated requests, finished jobs, what has expired. Each feature
//! says what of its own that is; a daily run clears it away, a block a transaction, so that nobody waits for it.

use kernel::{Result, Timestamp};

use crate::db::Db;
use crate::settings::{Kind, Setting, Values, anything};
use crate::{jobs, params};

pub const KEEP_KEYS: Setting = Setting {
    key: "keep_request_keys_days",
    kind: Kind::Int { min: 1, max: 3650 },
    default: "30",
    section: "Clean-up",
    label: "Keep answers to repeated requests",
    help: "Days for which a repeated request or form (the same Idempotency-Key) is recognised and not carried out again.",
    read_by: "platform::prune::run",
    rule: anything,
};
pub const KEEP_JOBS: Setting = Setting {
    key: "keep_finished_jobs_days",
    kind: Kind::Int { min: 1, max: 3650 },
    default: "30",
    section: "Clean-up",
    label: "Keep finished jobs",
    help: "Days for which a job that was done is listed. Jobs that failed stay until somebody has dealt with them.",
    read_by: "platform::prune::run",
    rule: anything,
};
pub const SETTINGS: &[Setting] = &[KEEP_KEYS, KEEP_JOBS];

/// Rows that nobody needs any more.
#[derive(Debug, Clone, Copy)]
pub struct Rubbish {
    /// As the report names it: `finished jobs`.
    pub name: &'static str,
    pub table: &'static str,
    /// The columns of the primary key.
    pub key: &'static str,
    /// Which rows; `$1` is the instant before which they are old.
    pub condition: &'static str,
    pub after: After,
}

/// When something is old.
#[derive(Debug, Clone, Copy)]
pub enum After {
    /// So many days, by a setting.
    Days(&'static Setting),
    /// So many seconds; 0 for what says itself when it expires.
    Seconds(i64),
}

pub const RUBBISH: &[Rubbish] = &[jobs::FINISHED];

/// What there is to clear away, from every crate; wiring adds it.
#[derive(Debug, Clone, Default)]
pub struct Prunes(pub Vec<Rubbish>);

/// Rows a transaction.
const BLOCK: i64 = 1_000;

/// Clears everything away that is old; how many rows of each kind.
pub async fn run(db: &Db, all: &[Rubbish], now: Timestamp) -> Result<Vec<(&'static str, u64)>> {
    let values = Values::load(&mut db.read().await?).await?;
    let mut cleared = Vec::with_capacity(all.len());
    for rubbish in all {
        let before = match rubbish.after {
            After::Days(setting) => now.plus_seconds(-values.int(setting) * 86_400),
            After::Seconds(seconds) => now.plus_seconds(-seconds),
        };
        cleared.push((rubbish.name, clear(db, rubbish, before).await?));
    }
    Ok(cleared)
}

async fn clear(db: &Db, rubbish: &Rubbish, before: Timestamp) -> Result<u64> {
    let Rubbish { table, key, condition, .. } = rubbish;
    let sql =
        format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT {BLOCK})");
    let mut all = 0;
    loop {
        let mut tx = db.write().await?;
        let gone = tx.execute(&sql, params![before]).await?;
        tx.commit().await?;
        all += gone;
        if gone == 0 {
            return Ok(all);
        }
        tokio::task::yield_now().await;
    }
}
