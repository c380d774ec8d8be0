//! The line before the hash function.
//!
//! A hash takes 19 MiB and a core for some tens of milliseconds. Half of the cores work at hashes, so that the other half
//! goes on answering; some more wait in line; whoever comes then is asked to come back. Whoever waits holds nothing that
//! others need, such as a connection to the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Error, Result};
use platform::crypto;
use tokio::sync::{Semaphore, oneshot};

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

type Work = Box<dyn FnOnce() + Send>;

pub(super) struct Line {
    /// Threads of its own: an allocator keeps pieces as large as a hash takes for every thread that has ever asked for one,
    /// and those that others share are hundreds.
    workers: Sender<Work>,
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
        let (workers, work) = channel();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..at_once {
            let work = work.clone();
            let started = std::thread::Builder::new().name("passwords".to_owned()).spawn(move || do_all(&work));
            if let Err(error) = started {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Line { workers, turns: Semaphore::new(at_once), waiting: AtomicUsize::new(0), most }
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
        let (answer, answered) = oneshot::channel();
        let work = move || {
            // Held by the work, not by the request: who gives up waiting does not make room for one more at once.
            let _turn = turn;
            // Whoever has given up does not hear of it.
            let _ = answer.send(work());
        };
        self.workers.send(Box::new(work)).map_err(|_| Error::broken("passwords: no thread hashes"))?;
        answered.await.map_err(|_| Error::broken("passwords: a hash was not finished"))
    }
}

fn do_all(work: &Mutex<Receiver<Work>>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // What panics has told nobody its answer, which is an error there; the thread goes on with the next.
        let _ = catch_unwind(AssertUnwindSafe(next));
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
