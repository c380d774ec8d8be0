//! A run of the domain resolver as a job.

use accounts::activity_log::Actor;
use kernel::{DomainName, Error, Result};
use platform::App;
use platform::db::Tx;
use platform::jobs::{Done, Job, Registry};
use platform::runs::{self, NewRun, Progress, RunState};
use serde_json::{Value, json};

use super::{MOST, Outcome, Scope};

pub const TASK: &str = "domain_resolver";
const JOB: &str = "domains.resolve";

pub fn register(registry: &mut Registry) {
    registry.add(JOB, perform);
}

/// Asks for a run; a second request with the same key is the same run.
pub async fn request(tx: &mut Tx, app: &App, key: String, by: &Actor, scope: &Scope) -> Result<(i64, bool)> {
    if let Scope::Names(names) = scope {
        check(names)?;
    }
    let now = app.clock.now();
    let new = NewRun {
        task: TASK,
        job: JOB,
        key,
        business_date: hosting::today(tx, now).await?,
        trigger: "staff",
        requested_by: by.name.clone(),
        scope: serde_json::to_value(scope).map_err(|error| Error::broken(format!("resolver scope: {error}")))?,
    };
    runs::request(tx, new, now).await
}

fn check(names: &[DomainName]) -> Result<()> {
    match names.len() {
        0 => Err(Error::invalid("names", "Enter at least one name.")),
        many if many > MOST => {
            Err(Error::invalid("names", format!("Ask about at most {MOST} names in one run; these are {many}.")))
        }
        _ => Ok(()),
    }
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
    let scope: Scope =
        serde_json::from_str(&run.scope).map_err(|error| Error::broken(format!("resolver scope: {error}")))?;
    let worked = super::run(&app, run_id, &scope, &Progress::of(&app, run_id)).await;
    let (state, summary) = match &worked {
        Ok(outcome) => (RunState::Finished, summary(outcome)),
        // A setting that is wrong is wrong the next time, too: the run ends and says so.
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => {
            (RunState::Failed, json!({ "error": error.to_string() }))
        }
        Err(error) if job.attempts >= job.max_attempts => (RunState::Failed, json!({ "error": error.to_string() })),
        Err(_) => return worked.map(|_| Done::Finished),
    };
    runs::end(&app, &job, run_id, state, &summary).await?;
    Ok(Done::Finished)
}

fn summary(outcome: &Outcome) -> Value {
    let mut summary = json!({ "names": outcome.names });
    for (sight, count) in &outcome.points {
        summary[sight.as_str()] = json!(count);
    }
    summary
}
