//! The line before the hash function.
//!
//! A hash takes 19 MiB and a core for some tens of milliseconds. Half of the cores work at hashes, so that the other half
//! goes on answering; some more wait in line; whoever comes then is asked to come back.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::{Error, Result};
use platform::crypto;
use tokio::sync::Semaphore;

/// The hash of a password, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many may wait, and how long.
const MOST_WAITING: usize = 256;
const PATIENCE: Duration = Duration::from_secs(15);

static LINE: LazyLock<Line> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Line::new((cores / 2).max(1), MOST_WAITING)
});

pub(super) struct Line {
    turns: Semaphore,
    waiting: AtomicUsize,
    most: usize,
}

/// Somebody in line; leaves it when dropped.
struct Waiting<'a>(&'a Line);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Error {
    Error::TooMany { retry_after: PATIENCE.as_secs() }
}

impl Line {
    pub(super) fn new(at_once: usize, most: usize) -> Line {
        Line { turns: Semaphore::new(at_once), waiting: AtomicUsize::new(0), most }
    }

    fn stand(&self) -> Result<Waiting<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(self);
        if before >= self.most { Err(busy()) } else { Ok(waiting) }
    }

    /// Does work with a hash when it is its turn.
    pub(super) async fn in_turn<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let waiting = self.stand()?;
        let turn = match tokio::time::timeout(PATIENCE, self.turns.acquire()).await {
            Ok(turn) => turn.map_err(|closed| Error::broken(closed.to_string()))?,
            Err(_) => return Err(busy()),
        };
        drop(waiting);
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request: who gives up waiting does not make room for one more at once.
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| Error::broken(format!("password hash: {error}")))
    }
}

/// Hashes a password that was checked.
pub async fn hash(password: &str) -> Result<Hash> {
    let password = password.to_owned();
    LINE.in_turn(move || crypto::hash_password(&password)).await?.map(Hash)
}

/// Whether this is the password of which the hash is stored. `None` (no such account, or one without a password) takes as
/// long and is never right.
pub async fn matches(password: &str, stored: Option<&str>) -> Result<bool> {
    if password.chars().count() > super::MAX {
        return Ok(false);
    }
    let (password, exists) = (password.to_owned(), stored.is_some());
    let stored = stored.unwrap_or(NOBODYS).to_owned();
    LINE.in_turn(move || crypto::password_matches(&password, &stored) && exists).await
}

/// A hash that no password has, with the work factor of those that are stored.
pub(super) const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$3vjyIbQ5rqUqO0Qbq1lQbQ5rqUqO0Qbq1lQbQ5rqUqM";
