//! Fetching a price list as a job, by hand and once a day; what a day's run may do by itself.

use accounts::activity_log::Actor;
use kernel::{Error, Result};
use platform::db::Tx;
use platform::jobs::{Done, Job, Registry};
use platform::runs::{self, NewRun, Progress, RunState};
use platform::{App, db::Conn};
use serde_json::{Value, json};

use super::proposal::{Daily, Verdict};
use super::{Chosen, List};

pub const TASK: &str = "tld_sync";
const JOB: &str = "domains.tld_sync";

pub fn register(registry: &mut Registry) {
    registry.add(JOB, perform);
}

/// Asks for a run; a second request with the same key is the same run.
pub async fn request(
    tx: &mut Tx,
    app: &App,
    key: String,
    trigger: &'static str,
    by: &Actor,
    registrar: &str,
    daily: Daily,
) -> Result<(i64, bool)> {
    let now = app.clock.now();
    let new = NewRun {
        task: TASK,
        job: JOB,
        key,
        business_date: hosting::today(tx, now).await?,
        trigger,
        requested_by: by.name.clone(),
        scope: json!({ "registrar": registrar, "daily": daily.as_str() }),
    };
    runs::request(tx, new, now).await
}

async fn perform(app: App, job: Job) -> Result<Done> {
    let run_id = job.int("run")?;
    let mut tx = app.db.write().await?;
    let run = runs::find(&mut tx, run_id).await?;
    if matches!(run.state, RunState::Finished | RunState::Failed) {
        return Ok(Done::Finished);
    }
    runs::start(&mut tx, run_id, app.clock.now()).await?;
    tx.commit().await?;
    let scope: Value = serde_json::from_str(&run.scope).unwrap_or_default();
    let registrar = scope["registrar"].as_str().unwrap_or_default();
    let daily = Daily::parse(scope["daily"].as_str().unwrap_or_default()).unwrap_or(Daily::Off);
    let worked = work(&app, run_id, registrar, daily).await;
    app.wake.notify_waiters();
    let (state, summary) = match &worked {
        Ok(summary) => (RunState::Finished, summary.clone()),
        // What a registrar refuses once it refuses again: the run ends and says why.
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => {
            (RunState::Failed, json!({ "error": error.to_string() }))
        }
        Err(error) if job.attempts >= job.max_attempts => (RunState::Failed, json!({ "error": error.to_string() })),
        Err(_) => return worked.map(|_| Done::Finished),
    };
    runs::end(&app, &job, run_id, state, &summary).await?;
    match worked {
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => Err(error),
        _ => Ok(Done::Finished),
    }
}

async fn work(app: &App, run_id: i64, registrar: &str, daily: Daily) -> Result<Value> {
    let progress = Progress::of(app, run_id);
    progress.step(1, 0, 0, &[]).await?;
    let list = super::fetch(app, registrar).await?;
    let mut summary = propose(&mut app.db.read().await?, &list).await?;
    if daily == Daily::Apply {
        let by = Actor::system("Schedule");
        let mut tx = app.db.write().await?;
        let options = super::options(&mut tx, registrar).await?;
        let done = super::import(&mut tx, &by, &list, &options, &Chosen::WithinLimits, app.clock.now()).await?;
        tx.commit().await?;
        summary["imported"] = json!(done.changed);
    }
    progress.step(1, 1, 0, &[]).await?;
    Ok(summary)
}

/// How many rows of the list there are of each kind.
async fn propose(conn: &mut Conn, list: &List) -> Result<Value> {
    let options = super::options(conn, &list.registrar).await?;
    let rows = super::rows(conn, list, &options).await?;
    let count = |is: fn(&Verdict) -> bool| rows.iter().filter(|row| is(&row.verdict)).count();
    Ok(json!({
        "list": list.id,
        "extensions": rows.len(),
        "new": count(|verdict| *verdict == Verdict::New),
        "changed": count(|verdict| *verdict == Verdict::Changed),
        "unchanged": count(|verdict| *verdict == Verdict::Same),
        "held": count(|verdict| matches!(verdict, Verdict::Held(_))),
        "wrong": count(|verdict| matches!(verdict, Verdict::Wrong(_))),
        "sold at a loss": rows.iter().filter(|row| row.is_loss()).count(),
    }))
}

/// Called now and then by every node that works: asks for the day's runs, each once.
pub async fn tick(app: &App) -> Result<()> {
    let now = app.clock.now();
    let mut conn = app.db.read().await?;
    let daily = super::daily(&mut conn, app).await?;
    if daily.is_empty() || !billing::schedule::is_time(&mut conn, now).await? {
        return Ok(());
    }
    let today = hosting::today(&mut conn, now).await?;
    let mut missing = Vec::new();
    for (registrar, how) in daily {
        let key = format!("schedule:{TASK}:{}:{today}", registrar.name);
        if runs::with_key(&mut conn, &key).await?.is_none() {
            missing.push((key, registrar.name, how));
        }
    }
    drop(conn);
    if missing.is_empty() {
        return Ok(());
    }
    let by = Actor::system("Schedule");
    let mut tx = app.db.write().await?;
    for (key, registrar, how) in missing {
        request(&mut tx, app, key, "schedule", &by, &registrar, how).await?;
    }
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(())
}
