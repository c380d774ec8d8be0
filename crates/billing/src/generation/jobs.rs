//! The batch as a job: progress and result in `task_runs`.

use std::collections::HashSet;

use accounts::activity_log::Actor;
use kernel::{Error, Result};
use platform::App;
use platform::jobs::{Done, Job, Registry};
use platform::runs::{self, NewRun, Progress, RunState};
use serde_json::{Value, json};

use super::{Detail, Mode, Report, Scope};
use crate::terms::Terms;

pub const TASK: &str = "generate_invoices";
const JOB: &str = "billing.generate_invoices";

pub fn register(registry: &mut Registry) {
    registry.add(JOB, perform);
}

/// Asks for a run; a second request with the same key is the same run.
pub async fn request(
    tx: &mut platform::Tx,
    key: String,
    terms: &Terms,
    trigger: &'static str,
    by: &Actor,
    scope: &Scope,
) -> Result<(i64, bool)> {
    let new = NewRun {
        task: TASK,
        job: JOB,
        key,
        business_date: terms.today,
        trigger,
        requested_by: by.name.clone(),
        scope: scope_json(scope),
    };
    runs::request(tx, new, terms.now).await
}

fn scope_json(scope: &Scope) -> Value {
    let owners: Option<Vec<(String, i64)>> = scope.owners.as_ref().map(|owners| owners.iter().cloned().collect());
    json!({ "client_id": scope.client_id, "owners": owners, "no_mails": scope.no_mails })
}

fn scope_from(text: &str) -> Result<Scope> {
    let value: Value = serde_json::from_str(text).map_err(|error| Error::broken(format!("run scope: {error}")))?;
    let owners = value["owners"].as_array().map(|owners| {
        owners
            .iter()
            .filter_map(|owner| Some((owner[0].as_str()?.to_owned(), owner[1].as_i64()?)))
            .collect::<HashSet<_>>()
    });
    Ok(Scope { client_id: value["client_id"].as_i64(), owners, no_mails: value["no_mails"].as_bool().unwrap_or(false) })
}

/// Runs at once and waits for the result. See [`runs::now`].
pub async fn run_now(
    app: &App,
    by: &Actor,
    terms: &Terms,
    scope: &Scope,
    trigger: &'static str,
) -> Result<(i64, Report)> {
    let new = NewRun {
        task: TASK,
        job: JOB,
        key: format!("{trigger}:{}", app.random.uuid(app.clock.now())),
        business_date: terms.today,
        trigger,
        requested_by: by.name.clone(),
        scope: scope_json(scope),
    };
    let (db, by, terms, scope) = (app.db.clone(), by.clone(), terms.clone(), scope.clone());
    runs::now(app, new, summary, move |progress| async move {
        super::run(&db, &by, &terms, &scope, Mode::Real, Detail::Counts, &progress).await
    })
    .await
}

async fn perform(app: App, job: Job) -> Result<Done> {
    let run_id = job.int("run")?;
    let mut tx = app.db.write().await?;
    let run = runs::find(&mut tx, run_id).await?;
    if matches!(run.state, RunState::Finished | RunState::Failed) {
        return Ok(Done::Finished);
    }
    runs::start(&mut tx, run_id, app.clock.now()).await?;
    let terms = Terms::load(&mut tx, app.clock.now()).await?;
    tx.commit().await?;
    let scope = scope_from(&run.scope)?;
    let by = Actor::system(&run.requested_by);
    let progress = Progress::of(&app, run_id);
    let report = super::run(&app.db, &by, &terms, &scope, Mode::Real, Detail::Counts, &progress).await;
    app.wake.notify_waiters();
    let (state, summary) = match &report {
        Ok(report) => (RunState::Finished, summary(report)),
        // The run has an end, whatever comes: what waits for it, as the day's captures do, goes on.
        Err(error) if job.attempts >= job.max_attempts => (RunState::Failed, json!({ "error": error.to_string() })),
        Err(_) => return report.map(|_| Done::Finished),
    };
    runs::end(&app, &job, run_id, state, &summary).await?;
    report.map(|_| Done::Finished)
}

pub fn summary(report: &Report) -> Value {
    let totals: Vec<Value> = report
        .totals
        .iter()
        .map(|total| json!({ "currency": total.currency.code(), "amount": total.decimal() }))
        .collect();
    json!({
        "clients": report.clients,
        "billed": report.billed,
        "invoices": report.invoices,
        "lines": report.lines,
        "totals": totals,
        "failed": report.failures.len(),
    })
}
