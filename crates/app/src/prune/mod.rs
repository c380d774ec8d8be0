//! The daily clean-up: a run like every other, with what it cleared away in its result.
//!
//! What must hold: nothing of the books is touched. What is cleared and how long it is kept is said by the features
//! themselves, see [`platform::prune`].

use accounts::activity_log::seals;
use kernel::{Date, Result};
use platform::jobs::{Done, Job, Registry};
use platform::prune::{self, Prunes};
use platform::runs::{self, NewRun, RunState};
use platform::{App, jiff};
use serde_json::{Map, json};

const TASK: &str = "clean_up";
const JOB: &str = "app.clean_up";

pub fn jobs(registry: &mut Registry) {
    registry.add(JOB, perform);
}

/// Called now and then by every node that works: asks for the day's run, once.
pub async fn tick(app: &App) -> Result<()> {
    let now = app.clock.now();
    let today: Date = now.date_in(&jiff::tz::TimeZone::UTC);
    let key = format!("schedule:{TASK}:{today}");
    // Most minutes find that today's run is there; they need not write.
    if runs::latest(&mut app.db.read().await?, TASK, 1).await?.iter().any(|run| run.run_key == key) {
        return Ok(());
    }
    let new = NewRun {
        task: TASK,
        job: JOB,
        key,
        business_date: today,
        trigger: "schedule",
        requested_by: "Schedule".to_owned(),
        scope: json!({}),
    };
    let mut tx = app.db.write().await?;
    runs::request(&mut tx, new, now).await?;
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(())
}

async fn perform(app: App, job: Job) -> Result<Done> {
    let run_id = job.int("run")?;
    let mut tx = app.db.write().await?;
    runs::start(&mut tx, run_id, app.clock.now()).await?;
    tx.commit().await?;
    let mut cleared = prune::run(&app.db, &app.get::<Prunes>()?.0, app.clock.now()).await?;
    cleared.push(("entries of the activity log", seals::retire(&app.db, app.clock.now()).await?));
    // In the program's own output, which is kept elsewhere than the database: `doctor --seal` compares the two.
    if let Some(newest) = seals::newest(&mut app.db.read().await?).await? {
        tracing::info!(seal = newest.note(), "newest seal of the activity log");
    }
    let all: u64 = cleared.iter().map(|(_, count)| count).sum();
    let summary: Map<_, _> = cleared.into_iter().map(|(name, count)| (name.replace(' ', "_"), json!(count))).collect();
    let mut tx = app.db.write().await?;
    let count = i64::try_from(all).unwrap_or(i64::MAX);
    runs::progress(&mut tx, run_id, count, count, 0).await?;
    tx.commit().await?;
    runs::end(&app, &job, run_id, RunState::Finished, &summary.into()).await?;
    Ok(Done::Finished)
}
