//! Runs of batches: one row a run, with true progress and a result that can be read again later.
//!
//! What must hold:
//! - A run key is used once, so a schedule that fires on two nodes, or a button that is pressed twice, makes one run.
//! - Every run has a job, also one that its caller waits for, so a run whose process dies is taken up again, or has failed
//!   in words; none stands as running for ever.

use std::future::Future;

use kernel::{Date, Result, Timestamp};

use crate::App;
use crate::db::{Conn, Tx};
use crate::jobs::{self, Job, NewJob};
use crate::{enum_column, params, record};

kernel::text_enum! {
    pub enum RunState {
        Queued = "queued",
        Running = "running",
        Finished = "finished",
        Failed = "failed",
    }
}
enum_column!(RunState);

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Run {
        pub id: i64,
        pub task: String,
        pub run_key: String,
        pub business_date: Date,
        pub trigger_kind: String,
        pub requested_by: String,
        pub scope: String,
        pub state: RunState,
        pub total: i64,
        pub done: i64,
        pub failed: i64,
        pub summary: String,
        pub queued_at: Timestamp,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }
}

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Failure {
        pub id: i64,
        pub client_id: Option<i64>,
        pub subject: Option<String>,
        pub message: String,
        pub at: Timestamp,
    }
}

/// What to run.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub task: &'static str,
    /// The job kind that does it; its payload is `{"run": id}`.
    pub job: &'static str,
    pub key: String,
    pub business_date: Date,
    pub trigger: &'static str,
    pub requested_by: String,
    /// What the batch is limited to, as JSON (`{}` for everything).
    pub scope: serde_json::Value,
}

/// Records the run and enqueues its job; the id of the run, old or new.
pub async fn request(tx: &mut Tx, new: NewRun, now: Timestamp) -> Result<(i64, bool)> {
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO task_runs (task, run_key, business_date, trigger_kind, requested_by, scope, state, total, \
             done, failed, summary, queued_at) VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, 0, 0, '{}', $7) \
             ON CONFLICT (run_key) DO NOTHING RETURNING id",
            params![new.task, new.key, new.business_date, new.trigger, new.requested_by, new.scope.to_string(), now],
        )
        .await?;
    if let Some((id,)) = inserted {
        jobs::enqueue(tx, job_of(new.job, id, now), now).await?;
        return Ok((id, true));
    }
    let id = tx.scalar("SELECT id FROM task_runs WHERE run_key = $1", params![new.key]).await?;
    Ok((id, false))
}

fn job_of(kind: &'static str, id: i64, now: Timestamp) -> NewJob {
    NewJob::now(kind, serde_json::json!({ "run": id }), now).keyed(subject(id)).about(subject(id))
}

fn subject(id: i64) -> String {
    format!("run:{id}")
}

fn of_subject(subject: &str) -> Option<i64> {
    subject.strip_prefix("run:")?.parse().ok()
}

/// What becomes of a run that is carried out at once when its process dies in the middle.
#[derive(PartialEq)]
enum AfterCrash {
    /// A worker ends it.
    Resume,
    /// It has failed: somebody stopped the command.
    Fail,
}

/// The trigger of a run that somebody started on the command line.
pub const COMMAND_LINE: &str = "cli";

/// Who stops a command wants it stopped; a page or an API call that lost its server wants its answer's work done.
fn after_crash(trigger: &str) -> AfterCrash {
    if trigger == COMMAND_LINE { AfterCrash::Fail } else { AfterCrash::Resume }
}

/// Carries a batch out at once and waits for it, with a run's row like every other. The batch goes on when the caller has
/// gone away: what it has begun, it ends. The run's id and the batch's report.
pub async fn now<R, F, Fut>(app: &App, new: NewRun, summary: fn(&R) -> serde_json::Value, work: F) -> Result<(i64, R)>
where
    R: Send + 'static,
    F: FnOnce(Progress) -> Fut,
    Fut: Future<Output = Result<R>> + Send + 'static,
{
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let run_id: i64 = tx
        .scalar(
            "INSERT INTO task_runs (task, run_key, business_date, trigger_kind, requested_by, scope, state, total, \
             done, failed, summary, queued_at, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 'running', 0, 0, 0, '{}', $7, $7) RETURNING id",
            params![new.task, new.key, new.business_date, new.trigger, new.requested_by, new.scope.to_string(), now],
        )
        .await?;
    let mut job = job_of(new.job, run_id, now);
    if after_crash(new.trigger) == AfterCrash::Fail {
        job = job.attempts(1);
    }
    let claim = jobs::take_up(&mut tx, job, &app.node, now).await?;
    tx.commit().await?;
    let work = tokio::spawn(work(Progress::of(app, run_id)));
    let app = app.clone();
    let ended = tokio::spawn(async move {
        let report = jobs::with_lease(&app, &claim, work).await;
        app.wake.notify_waiters();
        let (state, summary) = match &report {
            Ok(report) => (RunState::Finished, summary(report)),
            Err(error) => (RunState::Failed, failure(&error.to_string())),
        };
        let mut tx = app.db.write().await?;
        let now = app.clock.now();
        // The caller is told of a failure and may ask again; the job has nothing left to do. Unless its lease ran out
        // meanwhile: then the run is what the next claim makes of it.
        if jobs::done(&mut tx, &claim, now).await? {
            finish(&mut tx, run_id, state, &summary, now).await?;
        }
        tx.commit().await?;
        report
    });
    match ended.await {
        Ok(report) => Ok((run_id, report?)),
        Err(panic) => Err(kernel::Error::broken(format!("run {run_id}: {panic}"))),
    }
}

fn failure(reason: &str) -> serde_json::Value {
    serde_json::json!({ "error": reason })
}

/// A job about a run has used up its attempts.
pub(crate) async fn give_up(tx: &mut Tx, subject: &str, reason: &str, now: Timestamp) -> Result<()> {
    let Some(id) = of_subject(subject) else { return Ok(()) };
    tx.execute(
        "UPDATE task_runs SET state = 'failed', summary = $2, finished_at = $3 WHERE id = $1 AND finished_at IS NULL",
        params![id, failure(reason).to_string(), now],
    )
    .await?;
    Ok(())
}

/// The job of a failed run is tried again.
pub(crate) async fn take_up_again(tx: &mut Tx, subject: &str) -> Result<()> {
    let Some(id) = of_subject(subject) else { return Ok(()) };
    tx.execute(
        "UPDATE task_runs SET state = 'queued', finished_at = NULL WHERE id = $1 AND state = 'failed'",
        params![id],
    )
    .await?;
    Ok(())
}

/// The run that has this key.
pub async fn with_key(conn: &mut Conn, key: &str) -> Result<Option<Run>> {
    let sql = format!("SELECT {} FROM task_runs WHERE run_key = $1", Run::columns(""));
    conn.optional(&sql, params![key]).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Run> {
    let sql = format!("SELECT {} FROM task_runs WHERE id = $1", Run::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(kernel::Error::NotFound("Run"))
}

/// The last runs, newest first; of one task, or of all when it is empty.
pub async fn latest(conn: &mut Conn, task: &str, limit: i64) -> Result<Vec<Run>> {
    let sql =
        format!("SELECT {} FROM task_runs WHERE ($1 = '' OR task = $1) ORDER BY id DESC LIMIT $2", Run::columns(""));
    conn.all(&sql, params![task, limit]).await
}

pub async fn failures(conn: &mut Conn, run: i64) -> Result<Vec<Failure>> {
    let sql = format!("SELECT {} FROM task_failures WHERE run_id = $1 ORDER BY id LIMIT 1000", Failure::columns(""));
    conn.all(&sql, params![run]).await
}

pub async fn start(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE task_runs SET state = 'running', started_at = COALESCE(started_at, $2) WHERE id = $1",
        params![id, now],
    )
    .await?;
    Ok(())
}

/// Stores how far a run is. Absolute numbers: a batch that is repeated after a crash counts itself anew.
pub async fn progress(tx: &mut Tx, id: i64, total: i64, done: i64, failed: i64) -> Result<()> {
    tx.execute(
        "UPDATE task_runs SET total = $2, done = $3, failed = $4 WHERE id = $1",
        params![id, total, done, failed],
    )
    .await?;
    Ok(())
}

pub async fn fail(
    tx: &mut Tx,
    run: i64,
    client_id: Option<i64>,
    subject: Option<&str>,
    message: &str,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO task_failures (run_id, client_id, subject, message, at) VALUES ($1, $2, $3, $4, $5)",
        params![run, client_id, subject, message, now],
    )
    .await?;
    Ok(())
}

/// Ends the run that a job carries out, and commits. A worker that has lost the job to the next one says nothing: the run
/// is what that one makes of it.
pub async fn end(app: &App, job: &Job, id: i64, state: RunState, summary: &serde_json::Value) -> Result<()> {
    let mut tx = app.db.write().await?;
    let now = app.clock.now();
    if job.is_held(&mut tx, now).await? {
        finish(&mut tx, id, state, summary, now).await?;
    }
    tx.commit().await
}

async fn finish(tx: &mut Tx, id: i64, state: RunState, summary: &serde_json::Value, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE task_runs SET state = $2, summary = $3, finished_at = $4 WHERE id = $1",
        params![id, state, summary.to_string(), now],
    )
    .await?;
    Ok(())
}

/// Tells a run's row how far its batch is. A batch without a row (a dry run) tells nobody.
#[derive(Clone, Default)]
pub struct Progress(Option<(App, i64)>);

/// Something that a batch could not do.
#[derive(Debug, Clone)]
pub struct Failed {
    pub client_id: Option<i64>,
    pub subject: Option<String>,
    pub message: String,
}

impl Progress {
    pub fn of(app: &App, run_id: i64) -> Progress {
        Progress(Some((app.clone(), run_id)))
    }

    pub fn run_id(&self) -> Option<i64> {
        self.0.as_ref().map(|(_, id)| *id)
    }

    /// `done` of `total` are done, `failed` of them without success; `new` says which failed since the last step.
    pub async fn step(&self, total: usize, done: usize, failed: usize, new: &[Failed]) -> Result<()> {
        let Some((app, run_id)) = &self.0 else { return Ok(()) };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut tx = app.db.write().await?;
        progress(&mut tx, *run_id, count(total), count(done), count(failed)).await?;
        for failure in new {
            let now = app.clock.now();
            fail(&mut tx, *run_id, failure.client_id, failure.subject.as_deref(), &failure.message, now).await?;
        }
        tx.commit().await
    }
}
