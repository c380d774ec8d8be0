//! The activity log's seals: a chain of hashes over its entries, which `innkeeper doctor` computes again.
//!
//! Entries are written by many transactions at once, so they are not chained as they are written: every half minute a node
//! seals what has been committed since, at most [`BATCH`] entries a seal. An entry belongs to the seal that took it in, not
//! to one that its id or time would suggest: on PostgreSQL a smaller id may be committed after a larger one.
//!
//! What must hold:
//! - A seal's hash is over the hash of the seal before, its own number and moment, and every column of its entries in the
//!   order of their ids. Seals are numbered without a gap; the primary key decides who of two nodes makes the next.
//! - Both engines refuse to change an entry at all, and to delete one but of a seal that retention has marked.
//! - Retention takes whole seals from the oldest on, and leaves the last of them as the checkpoint that the chain begins
//!   with from then on.
//!
//! What is promised: a sealed entry that was edited, removed or added is found, and so is a seal, as long as a later seal is
//! known from elsewhere (`doctor` and the daily line in the log tell the newest; `doctor --seal` compares). What is not:
//! whoever has the database may drop the triggers and make a chain anew, which only a seal that was kept elsewhere shows; and
//! what was not sealed yet, for at most a minute while a node works, is guarded by the triggers alone.

mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::crypto::Hasher;
use platform::db::{Conn, Db, FromRow, Tx};
use platform::settings::{Setting, Values, anything};
use platform::{App, Kind, record};

use super::{Activity, Actor};

/// What `doctor` calls the look over the chain.
pub const CHECK: &str = "the activity log is as it was sealed";

/// Entries of one seal, at most.
pub const BATCH: i64 = 1_000;
/// Seconds that an entry waits for others.
const WAIT: i64 = 30;
/// Seals of one round, so that a large old log is sealed in pieces.
const ROUND: usize = 50;
/// Seals that are verified together.
const PART: i64 = 500;
/// Findings that are told.
const TOLD: usize = 50;

pub const KEEP: Setting = Setting {
    key: "keep_activity_log_days",
    kind: Kind::Int { min: 0, max: 36_500 },
    default: "0",
    section: "Clean-up",
    label: "Keep the activity log",
    help: "Days after which its oldest entries are cleared away, in whole seals. 0 keeps them for ever.",
    rule: anything,
    read_by: "accounts::activity_log::seals::retire",
};

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Seal {
        pub id: i64,
        pub hash: String,
        pub sealed_at: Timestamp,
        pub entries: i64,
        pub last_at: Timestamp,
        pub pruned_at: Option<Timestamp>,
    }
}

record! {
    /// Every column of an entry but the seal.
    struct Whole {
        id: i64,
        at: Timestamp,
        actor_kind: String,
        actor_id: Option<i64>,
        actor_name: String,
        ip: String,
        client_id: Option<i64>,
        subject: Option<String>,
        description: String,
        changes: String,
        behalf: Option<String>,
    }
}

impl Whole {
    /// A line of JSON, which says for every value where it begins and ends.
    fn line(&self) -> String {
        let Whole { id, at, actor_kind, actor_id, actor_name, ip, client_id, subject, description, changes, behalf } =
            self;
        let at = at.micros();
        let all = (id, at, actor_kind, actor_id, actor_name, ip, client_id, subject, description, changes, behalf);
        serde_json::json!(all).to_string() + "\n"
    }
}

/// The hash of a seal in the making.
struct Chained {
    hasher: Hasher,
    entries: i64,
    last_at: Timestamp,
}

impl Chained {
    fn after(previous: &str, id: i64, sealed_at: Timestamp) -> Chained {
        let mut hasher = Hasher::default();
        hasher.update(format!("{previous}\n{id} {}\n", sealed_at.micros()).as_bytes());
        Chained { hasher, entries: 0, last_at: Timestamp::from_micros(0) }
    }

    fn add(&mut self, entry: &Whole) {
        self.hasher.update(entry.line().as_bytes());
        self.entries += 1;
        self.last_at = self.last_at.max(entry.at);
    }
}

impl Seal {
    /// As it is written down elsewhere, see [`has`].
    pub fn note(&self) -> String {
        format!("{}:{}", self.id, self.hash)
    }
}

/// Seals what waits, a batch. `None` when nothing waits, or another node was faster.
pub async fn seal(tx: &mut Tx, now: Timestamp) -> Result<Option<Seal>> {
    let last = store::newest(tx).await?;
    let waiting = store::waiting(tx, BATCH).await?;
    if waiting.is_empty() {
        return Ok(None);
    }
    let (previous, id) = last.map_or((String::new(), 1), |last| (last.hash, last.id + 1));
    let mut chained = Chained::after(&previous, id, now);
    waiting.iter().for_each(|entry| chained.add(entry));
    let Chained { hasher, entries, last_at } = chained;
    let seal = Seal { id, hash: hasher.hex(), sealed_at: now, entries, last_at, pruned_at: None };
    if !store::insert(tx, &seal).await? {
        return Ok(None);
    }
    let ids: Vec<i64> = waiting.iter().map(|entry| entry.id).collect();
    if store::mark(tx, &ids, id).await? != ids.len() as u64 {
        return Err(Error::broken(format!("activity log: seal {id} could not take in all its entries")));
    }
    Ok(Some(seal))
}

/// Called now and then by every node that works: seals what has waited long enough.
pub async fn tick(app: &App) -> Result<()> {
    let now = app.clock.now();
    for _ in 0..ROUND {
        let oldest = store::oldest_waiting(&mut app.db.read().await?).await?;
        if oldest.is_none_or(|at| now.seconds_since(at) < WAIT) {
            return Ok(());
        }
        let mut tx = app.db.write().await?;
        let Some(sealed) = seal(&mut tx, now).await? else { return Ok(()) };
        tx.commit().await?;
        if sealed.entries < BATCH {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// The last link of the chain.
pub async fn newest(conn: &mut Conn) -> Result<Option<Seal>> {
    store::newest(conn).await
}

/// Whether a seal that was written down elsewhere, as `12:0123…`, is still in the chain. What retention has cleared away is
/// told as an error, because nothing can be said of it.
pub async fn has(conn: &mut Conn, noted: &str) -> Result<bool> {
    let wrong = || Error::invalid("seal", "Write the number and the hash as doctor tells them, such as 12:0123….");
    let (id, hash) = noted.trim().split_once(':').ok_or_else(wrong)?;
    let id: i64 = id.parse().map_err(|_| wrong())?;
    let first = store::after(conn, 0, 1).await?.into_iter().next();
    if first.is_some_and(|first| id < first.id) {
        return Err(Error::refused(format!("Seal {id} was cleared away with its entries; compare a later one.")));
    }
    let found = store::after(conn, id - 1, 1).await?.into_iter().next();
    Ok(found.is_some_and(|found| found.id == id && found.hash == hash.trim()))
}

/// What a look over the whole chain found.
#[derive(Debug, Default)]
pub struct Verified {
    pub seals: u64,
    pub entries: u64,
    /// What is wrong, a sentence each; at most [`TOLD`] of them.
    pub wrong: Vec<String>,
}

impl Verified {
    fn find(&mut self, sentence: String) {
        if self.wrong.len() < TOLD {
            self.wrong.push(sentence);
        }
    }
}

/// Computes every seal again. Reads the log once, entry by entry; memory does not grow with it.
pub async fn verify(conn: &mut Conn) -> Result<Verified> {
    let mut verified = Verified::default();
    let mut last: Option<Seal> = None;
    loop {
        let part = store::after(conn, last.as_ref().map_or(0, |last| last.id), PART).await?;
        let Some(end) = part.last().cloned() else { break };
        verify_part(conn, last.as_ref(), &part, &mut verified).await?;
        last = Some(end);
    }
    let strays = store::strays(conn).await?;
    if strays > 0 {
        verified.find(format!("{strays} entries of the activity log say that they are of a seal that there is not"));
    }
    Ok(verified)
}

async fn verify_part(conn: &mut Conn, before: Option<&Seal>, part: &[Seal], verified: &mut Verified) -> Result<()> {
    let (Some(first), Some(end)) = (part.first(), part.last()) else { return Ok(()) };
    let mut made: Vec<Chained> = Vec::with_capacity(part.len());
    let mut previous = before.map_or(String::new(), |before| before.hash.clone());
    let mut expected = before.map_or(if first.pruned_at.is_some() { first.id } else { 1 }, |before| before.id + 1);
    for seal in part {
        if seal.id != expected {
            verified.find(format!("Seal {expected} of the activity log is missing"));
        }
        if seal.pruned_at.is_some() && (before.is_some() || seal.id != first.id) {
            verified.find(format!(
                "Seal {} of the activity log is marked as cleared away, and older ones are not",
                seal.id
            ));
        }
        made.push(Chained::after(&previous, seal.id, seal.sealed_at));
        previous.clone_from(&seal.hash);
        expected = seal.id + 1;
    }
    store::each(conn, first.id, end.id, |row| {
        let entry = Whole::from_row(row)?;
        let of: i64 = row.get(Whole::COLUMNS.len())?;
        if let Ok(at) = part.binary_search_by_key(&of, |seal| seal.id) {
            made[at].add(&entry);
        }
        Ok(())
    })
    .await?;
    for (seal, made) in part.iter().zip(made) {
        verified.seals += 1;
        verified.entries += made.entries.unsigned_abs();
        compare(seal, made, verified);
    }
    Ok(())
}

fn compare(seal: &Seal, made: Chained, verified: &mut Verified) {
    if seal.pruned_at.is_some() {
        // The checkpoint: its hash is what the next one builds on.
        if made.entries != 0 {
            verified.find(format!("Seal {} of the activity log was cleared away and has entries", seal.id));
        }
    } else if made.entries != seal.entries {
        let (has, had) = (made.entries, seal.entries);
        verified.find(format!("Seal {} of the activity log was made over {had} entries and has {has}", seal.id));
    } else if made.hasher.hex() != seal.hash || made.last_at != seal.last_at {
        verified.find(format!(
            "Seal {} of the activity log does not fit: it, an entry of it or the seal before was changed",
            seal.id
        ));
    }
}

/// Clears away what is older than the setting says, in whole seals from the oldest on; how many entries that were.
pub async fn retire(db: &Db, now: Timestamp) -> Result<u64> {
    let days = Values::load(&mut db.read().await?).await?.int(&KEEP);
    if days == 0 {
        return Ok(0);
    }
    let before = now.plus_seconds(-days * 86_400);
    let mut all = 0;
    loop {
        let mut tx = db.write().await?;
        let gone = retire_some(&mut tx, before, now).await?;
        if gone == 0 {
            break;
        }
        tx.commit().await?;
        all += gone;
        tokio::task::yield_now().await;
    }
    if all > 0 {
        let mut tx = db.write().await?;
        let text = format!("{all} entries of the activity log from before {before} cleared away");
        super::record(&mut tx, &Actor::system("Schedule"), Activity::new(text), now).await?;
        tx.commit().await?;
    }
    Ok(all)
}

/// A few of the oldest seals, with about a batch of entries.
async fn retire_some(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64> {
    let mut entries = 0;
    let mut last = None;
    for seal in store::oldest(tx, 100).await? {
        if seal.last_at >= before || (entries > 0 && entries + seal.entries > BATCH) {
            break;
        }
        entries += seal.entries;
        last = Some(seal.id);
    }
    match last {
        Some(last) => store::prune(tx, last, now).await,
        None => Ok(0),
    }
}
