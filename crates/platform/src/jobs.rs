//! One table for everything that happens later: mails, asking a provider what became of a charge, batch runs.
//!
//! What must hold:
//! - A job is enqueued in the transaction of what causes it: both happen or neither.
//! - A job may run twice (a lease that ran out, a crash after the work): its work must bear that.
//! - Only the last claim of a job renews its lease and says what became of it. A claim whose lease ran out is another
//!   one than the next, even when the same node takes the job again while it is still doing it.
//! - A job that has used up its attempts stays, visible, as failed; so does one whose worker has died as often. What it
//!   was the job of (a batch's run) is told in the same transaction.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Error, Result, Timestamp};

use crate::context::App;
use crate::db::{Conn, Tx, dialect};
use crate::prune::{After, KEEP_JOBS, Rubbish};
use crate::{cells, enum_column, params, record, runs};

kernel::text_enum! {
    pub enum JobState {
        Ready = "ready",
        Running = "running",
        Done = "done",
        Failed = "failed",
    }
}
enum_column!(JobState);

/// What to enqueue.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub kind: &'static str,
    pub payload: serde_json::Value,
    /// At most one job has this key: enqueueing it again is nothing, as long as the first is kept ([`FINISHED`]).
    pub key: Option<String>,
    /// What it is about, `invoice:17`, so that a record's page can show its jobs.
    pub subject: Option<String>,
    pub run_at: Timestamp,
    pub max_attempts: u32,
}

impl NewJob {
    pub fn now(kind: &'static str, payload: serde_json::Value, now: Timestamp) -> NewJob {
        NewJob { kind, payload, key: None, subject: None, run_at: now, max_attempts: 12 }
    }

    pub fn keyed(mut self, key: impl Into<String>) -> NewJob {
        self.key = Some(key.into());
        self
    }

    pub fn about(mut self, subject: impl Into<String>) -> NewJob {
        self.subject = Some(subject.into());
        self
    }

    pub fn at(mut self, run_at: Timestamp) -> NewJob {
        self.run_at = run_at;
        self
    }

    pub fn attempts(mut self, max: u32) -> NewJob {
        self.max_attempts = max;
        self
    }
}

record! {
    #[derive(Debug, Clone)]
    pub struct Job {
        pub id: i64,
        pub kind: String,
        pub payload: String,
        pub unique_key: Option<String>,
        pub subject: Option<String>,
        pub state: JobState,
        pub run_at: Timestamp,
        pub attempts: u32,
        pub max_attempts: u32,
        pub last_error: Option<String>,
        pub created_at: Timestamp,
        pub finished_at: Option<Timestamp>,
        /// The claim that has it, or had it last.
        lease_owner: Option<String>,
    }
}

impl Job {
    /// Whether the claim that this is of still has the job, even one that was given up for lost meanwhile. Its lease
    /// begins anew, so that nobody takes the job before the transaction has ended.
    pub(crate) async fn is_held(&self, tx: &mut Tx, now: Timestamp) -> Result<bool> {
        let held = tx
            .execute(
                "UPDATE jobs SET lease_until = $2 \
                 WHERE id = $1 AND state IN ('running', 'failed') AND lease_owner = $3",
                params![self.id, lease_from(now), self.lease_owner],
            )
            .await?;
        Ok(held > 0)
    }

    /// A number in the payload.
    pub fn int(&self, key: &str) -> Result<i64> {
        self.payload()?[key]
            .as_i64()
            .ok_or_else(|| Error::broken(format!("job {} of kind {} has no number “{key}”", self.id, self.kind)))
    }

    pub fn payload(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.payload).map_err(|error| Error::broken(format!("job {}: payload: {error}", self.id)))
    }
}

/// Jobs that were done, for [`crate::prune`]. Failed ones stay.
pub const FINISHED: Rubbish = Rubbish {
    name: "finished jobs",
    table: "jobs",
    key: "id",
    condition: "state = 'done' AND finished_at < $1",
    after: After::Days(&KEEP_JOBS),
};

pub const INSERT_COLUMNS: &[&str] =
    &["kind", "payload", "unique_key", "subject", "state", "run_at", "attempts", "max_attempts", "created_at"];

/// Enqueues in the caller's transaction. `false` when a job with its key is already there.
pub async fn enqueue(tx: &mut Tx, job: NewJob, now: Timestamp) -> Result<bool> {
    Ok(enqueue_all(tx, vec![job], now).await? > 0)
}

/// Enqueues many in few statements; how many were new.
pub async fn enqueue_all(tx: &mut Tx, jobs: Vec<NewJob>, now: Timestamp) -> Result<u64> {
    let payloads: Vec<String> = jobs.iter().map(|job| job.payload.to_string()).collect();
    let mut rows = crate::db::Insert::into("jobs", INSERT_COLUMNS)
        .then("ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING");
    for (job, payload) in jobs.iter().zip(&payloads) {
        rows.row(cells![job.kind, payload, job.key, job.subject, "ready", job.run_at, 0i64, job.max_attempts, now]);
    }
    rows.run(tx).await
}

/// Records a job that this node is doing already, so that its lease, and what follows when it runs out, are those of
/// every other job.
pub(crate) async fn take_up(tx: &mut Tx, job: NewJob, node: &str, now: Timestamp) -> Result<Claimed> {
    let by = next_claim(node);
    let id = tx
        .scalar(
            "INSERT INTO jobs (kind, payload, unique_key, subject, state, run_at, attempts, max_attempts, created_at, \
         lease_until, lease_owner) VALUES ($1, $2, $3, $4, 'running', $5, 1, $6, $5, $7, $8) RETURNING id",
            params![
                job.kind,
                job.payload.to_string(),
                job.key,
                job.subject,
                now,
                job.max_attempts,
                lease_from(now),
                by
            ],
        )
        .await?;
    Ok(Claimed { id, by })
}

/// A job in the hands of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    id: i64,
    by: String,
}

/// Names a claim. The count tells those of one process apart; the job's attempts would not, because who asks again later
/// and who tries a failed job again count them back.
fn next_claim(node: &str) -> String {
    static CLAIMS: AtomicU64 = AtomicU64::new(1);
    format!("{node}/{}", CLAIMS.fetch_add(1, Ordering::Relaxed))
}

fn lease_from(now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::try_from(LEASE.as_secs()).unwrap_or_default())
}

/// What a handler says when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Finished,
    /// Not yet decided (a payment in the provider's hands): look again then, without counting an attempt.
    Again(Timestamp),
}

pub type Work = Pin<Box<dyn Future<Output = Result<Done>> + Send>>;
type Handler = Arc<dyn Fn(App, Job) -> Work + Send + Sync>;

/// Which function does a kind of job.
#[derive(Clone, Default)]
pub struct Registry(HashMap<&'static str, Handler>);

impl Registry {
    pub fn add<F, Fut>(&mut self, kind: &'static str, handler: F)
    where
        F: Fn(App, Job) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done>> + Send + 'static,
    {
        self.0.insert(kind, Arc::new(move |app, job| Box::pin(handler(app, job))));
    }

    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

const LEASE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(1000);
const AT_ONCE: usize = 4;

/// Does jobs until `stop` says so, then finishes what is in hand.
pub async fn work(app: App, mut stop: tokio::sync::watch::Receiver<bool>) {
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let mut claimed = 0;
        if !*stop.borrow() {
            match claim(&app, AT_ONCE - running.len().min(AT_ONCE)).await {
                Ok(jobs) => {
                    claimed = jobs.len();
                    for (job, claim) in jobs {
                        let app = app.clone();
                        running.spawn(async move { perform(&app, job, claim).await });
                    }
                }
                Err(error) => tracing::error!(%error, "jobs cannot be claimed"),
            }
        }
        if *stop.borrow() {
            while running.join_next().await.is_some() {}
            return;
        }
        if claimed > 0 && running.len() < AT_ONCE {
            continue;
        }
        tokio::select! {
            _ = running.join_next(), if !running.is_empty() => {}
            () = app.wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Does every job that is due now, one after the other, and those that they enqueue; for the CLI and tests.
/// How many were done.
pub async fn drain(app: &App) -> Result<u32> {
    let mut count = 0;
    loop {
        let jobs = claim(app, 16).await?;
        if jobs.is_empty() {
            return Ok(count);
        }
        for (job, claim) in jobs {
            perform(app, job, claim).await;
            count += 1;
        }
    }
}

/// Takes due jobs, and jobs whose worker has died, for this node.
async fn claim(app: &App, limit: usize) -> Result<Vec<(Job, Claimed)>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    // Most polls find nothing; a look without a write keeps the single writer of SQLite free.
    let mut conn = app.db.read().await?;
    let (ready, abandoned): (bool, bool) = conn
        .one(
            "SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'ready' AND run_at <= $1), \
                    EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until <= $1)",
            params![now],
        )
        .await?;
    drop(conn);
    if !ready && !abandoned {
        return Ok(Vec::new());
    }
    let by = next_claim(&app.node);
    let mut tx = app.db.write().await?;
    let mut jobs = Vec::new();
    // In two steps, each along an index that ends with the limit: together they would sort all that is due, each time.
    if abandoned {
        bury(&mut tx, now).await?;
        jobs =
            take(&mut tx, &by, now, limit, "state = 'running' AND lease_until <= $1 ORDER BY lease_until, id").await?;
    }
    if ready && jobs.len() < limit {
        let rest = limit - jobs.len();
        jobs.extend(take(&mut tx, &by, now, rest, "state = 'ready' AND run_at <= $1 ORDER BY run_at, id").await?);
    }
    tx.commit().await?;
    jobs.sort_by_key(|job| (job.run_at, job.id));
    let claims: Vec<Claimed> = jobs.iter().map(|job| Claimed { id: job.id, by: by.clone() }).collect();
    Ok(jobs.into_iter().zip(claims).collect())
}

async fn take(tx: &mut Tx, by: &str, now: Timestamp, limit: usize, which: &str) -> Result<Vec<Job>> {
    let sql = format!(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until = $2, lease_owner = $3 \
         WHERE id IN (SELECT id FROM jobs WHERE {which} LIMIT $4{}) RETURNING {}",
        dialect::for_update_skip_locked(tx.engine()),
        Job::columns("")
    );
    let limit = i64::try_from(limit).unwrap_or(1);
    tx.all(&sql, params![now, lease_from(now), by, limit]).await
}

/// A job that brings its process down is not tried for ever: after its attempts it has failed.
async fn bury(tx: &mut Tx, now: Timestamp) -> Result<()> {
    const REASON: &str = "The process that did this job ended in the middle of it, at every attempt.";
    let sql = format!(
        "UPDATE jobs SET state = 'failed', last_error = $2, finished_at = $1, lease_until = NULL \
         WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_until <= $1 \
                         AND attempts >= max_attempts ORDER BY lease_until LIMIT 100{}) \
         RETURNING subject",
        dialect::for_update_skip_locked(tx.engine())
    );
    let subjects: Vec<Option<String>> = tx.column(&sql, params![now, REASON]).await?;
    for subject in subjects.iter().flatten() {
        runs::give_up(tx, subject, REASON, now).await?;
    }
    Ok(())
}

async fn perform(app: &App, job: Job, claim: Claimed) {
    let id = job.id;
    let kind = job.kind.clone();
    let attempts = job.attempts;
    let max_attempts = job.max_attempts;
    let outcome = match app.jobs.0.get(kind.as_str()) {
        Some(handler) => {
            let handler = handler.clone();
            let work = tokio::spawn(handler(app.clone(), job));
            with_lease(app, &claim, work).await
        }
        None => Err(Error::broken(format!("no handler for jobs of kind {kind}"))),
    };
    if let Err(error) = &outcome {
        tracing::warn!(job = id, kind, attempts, %error, "job failed");
        metrics::counter!("innkeeper_jobs_failed_total", "kind" => kind.clone()).increment(1);
    } else {
        metrics::counter!("innkeeper_jobs_done_total", "kind" => kind.clone()).increment(1);
    }
    if let Err(error) = conclude(app, &claim, attempts, max_attempts, outcome).await {
        tracing::error!(job = id, kind, %error, "the outcome of a job could not be stored; its lease will run out");
    }
}

/// Waits for the work and renews the lease meanwhile. Work whose lease was lost goes on to its end, because what is
/// stopped in the middle of a call is what nobody knows the outcome of; but it has no say any more.
pub(crate) async fn with_lease<R>(
    app: &App,
    claim: &Claimed,
    mut work: tokio::task::JoinHandle<Result<R>>,
) -> Result<R> {
    let mut held = true;
    loop {
        tokio::select! {
            done = &mut work => return match done {
                Ok(outcome) => outcome,
                Err(panic) => Err(Error::broken(format!("the job's code panicked: {panic}"))),
            },
            () = tokio::time::sleep(LEASE / 3), if held => match renew(app, claim).await {
                Ok(renewed) => held = renewed,
                Err(error) => tracing::warn!(job = claim.id, %error, "the lease of a job could not be renewed"),
            }
        }
    }
}

/// `false` when the job is in other hands by now, or was given up.
async fn renew(app: &App, claim: &Claimed) -> Result<bool> {
    let mut tx = app.db.write().await?;
    let renewed = tx
        .execute(
            "UPDATE jobs SET lease_until = $2 WHERE id = $1 AND state = 'running' AND lease_owner = $3",
            params![claim.id, lease_from(app.clock.now()), claim.by],
        )
        .await?;
    tx.commit().await?;
    Ok(renewed > 0)
}

/// Ends a job that this claim has done, even one that was given up for lost meanwhile; `false` when the job is not this
/// claim's any more.
pub(crate) async fn done(tx: &mut Tx, claim: &Claimed, now: Timestamp) -> Result<bool> {
    let ended = tx
        .execute(
            "UPDATE jobs SET state = 'done', finished_at = $2, lease_until = NULL, last_error = NULL \
             WHERE id = $1 AND state IN ('running', 'failed') AND lease_owner = $3",
            params![claim.id, now, claim.by],
        )
        .await?;
    Ok(ended > 0)
}

/// Writes down what became of a job, unless it is not this claim's any more.
async fn conclude(app: &App, claim: &Claimed, attempts: u32, max_attempts: u32, outcome: Result<Done>) -> Result<()> {
    let Claimed { id, by } = claim;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let ours = match outcome {
        Ok(Done::Finished) => done(&mut tx, claim, now).await?,
        Ok(Done::Again(at)) => {
            let put_off = tx
                .execute(
                    "UPDATE jobs SET state = 'ready', run_at = $2, attempts = attempts - 1, lease_until = NULL \
                     WHERE id = $1 AND state = 'running' AND lease_owner = $3",
                    params![id, at, by],
                )
                .await?;
            put_off > 0
        }
        Err(error) => {
            let state = if attempts >= max_attempts { JobState::Failed } else { JobState::Ready };
            let finished = (state == JobState::Failed).then_some(now);
            let reason = error.to_string();
            let subject: Option<(Option<String>,)> = tx
                .optional(
                    "UPDATE jobs SET state = $2, run_at = $3, last_error = $4, finished_at = $5, lease_until = NULL \
                     WHERE id = $1 AND state = 'running' AND lease_owner = $6 RETURNING subject",
                    params![id, state, now.plus_seconds(backoff(attempts)), reason, finished, by],
                )
                .await?;
            if let (JobState::Failed, Some((Some(subject),))) = (state, &subject) {
                runs::give_up(&mut tx, subject, &reason, now).await?;
            }
            subject.is_some()
        }
    };
    if !ours {
        tracing::warn!(
            job = id,
            "a job's lease ran out before it was done; what became of it is for its next claim to say"
        );
    }
    tx.commit().await
}

/// Seconds until the next attempt: 5, 10, 20 … at most an hour.
fn backoff(attempts: u32) -> i64 {
    (5i64 << attempts.saturating_sub(1).min(12)).min(3600)
}

/// Gives a failed job a fresh set of attempts.
pub async fn retry(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    let retried: Option<(Option<String>,)> = tx
        .optional(
            "UPDATE jobs SET state = 'ready', run_at = $2, attempts = 0, finished_at = NULL, lease_owner = NULL \
             WHERE id = $1 AND state = 'failed' RETURNING subject",
            params![id, now],
        )
        .await?;
    let Some((subject,)) = retried else { return Err(Error::refused("Only a failed job can be tried again.")) };
    if let Some(subject) = subject {
        runs::take_up_again(tx, &subject).await?;
    }
    Ok(())
}

/// The jobs about a thing, newest first.
pub async fn about(conn: &mut Conn, subject: &str) -> Result<Vec<Job>> {
    let sql = format!("SELECT {} FROM jobs WHERE subject = $1 ORDER BY id DESC LIMIT 50", Job::columns(""));
    conn.all(&sql, params![subject]).await
}
