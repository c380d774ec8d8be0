//! The capture batch as a job, the job that owns every attempt whose outcome is open, and the one that gives up what
//! waits for a client who has less to pay by now, or nothing.

use accounts::activity_log::Actor;
use accounts::clients;
use kernel::{Result, Timestamp};
use platform::jobs::{self, Done, Job, NewJob, Registry};
use platform::runs::{self, NewRun, Progress, RunState};
use platform::{App, Events, Tx};
use serde_json::{Value, json};

use super::Report;
use super::{resolve, store};
use crate::invoices::{InvoicePaid, InvoiceReduced};
use crate::notes::InvoiceCancelled;
use crate::terms::Terms;

pub const TASK: &str = "capture_payments";
const JOB: &str = "billing.capture_payments";
pub(super) const RESOLVE: &str = "billing.resolve_attempt";
const GIVE_UP: &str = "billing.give_up_attempt";
/// Seconds after which an attempt is asked about: longer than any call of a gateway may take.
pub(super) const FIRST_LOOK: i64 = 120;

pub fn register(registry: &mut Registry) {
    registry.add(JOB, perform);
    registry.add(RESOLVE, owner);
    registry.add(GIVE_UP, give_up);
    registry.add(super::webhooks::JOB, super::webhooks::perform);
}

/// What was paid in another way, credited or cancelled must not be paid once more at the bank.
pub(super) fn events(events: &mut Events) {
    events.on_lasting("billing.captures", |tx, event: &InvoicePaid| {
        Box::pin(less_to_pay(tx, event.client_id, event.invoice_id))
    });
    events.on_lasting("billing.captures", |tx, event: &InvoiceReduced| {
        Box::pin(less_to_pay(tx, event.client_id, event.invoice_id))
    });
    events.on(|tx, event: &InvoiceCancelled| Box::pin(less_to_pay(tx, event.client_id, event.invoice_id)));
}

/// A job may call this, holding nobody's lock; what is owed, and what waits, is read under the client's.
async fn less_to_pay(tx: &mut Tx, client_id: i64, invoice_id: i64) -> Result<()> {
    let mut tx = clients::lock(tx, client_id).await?;
    let Some(waiting) = store::waits_for_too_much(&mut tx, invoice_id).await? else { return Ok(()) };
    let (id, at) = (waiting.id, waiting.started_at);
    // What is owed again before the job looks may become less once more.
    let job = NewJob::now(GIVE_UP, json!({ "attempt": id }), at).about(format!("invoice:{invoice_id}")).attempts(1000);
    jobs::enqueue(&mut tx, job, at).await.map(|_| ())
}

/// Asks for a run; a second request with the same key is the same run.
pub async fn request(
    tx: &mut platform::Tx,
    key: String,
    terms: &Terms,
    trigger: &'static str,
    by: &Actor,
) -> Result<(i64, bool)> {
    let new = NewRun {
        task: TASK,
        job: JOB,
        key,
        business_date: terms.today,
        trigger,
        requested_by: by.name.clone(),
        scope: json!({}),
    };
    runs::request(tx, new, terms.now).await
}

/// Runs at once and waits for the result. See [`runs::now`].
pub async fn run_now(app: &App, by: &Actor, terms: &Terms, trigger: &'static str) -> Result<(i64, Report)> {
    let new = NewRun {
        task: TASK,
        job: JOB,
        key: format!("{trigger}:{}", app.random.uuid(app.clock.now())),
        business_date: terms.today,
        trigger,
        requested_by: by.name.clone(),
        scope: json!({}),
    };
    let (itself, by, terms) = (app.clone(), by.clone(), terms.clone());
    runs::now(app, new, summary, move |progress| async move { super::run(&itself, &by, &terms, &progress).await }).await
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
    let by = Actor::system(&run.requested_by);
    let report = super::run(&app, &by, &terms, &Progress::of(&app, run_id)).await?;
    runs::end(&app, &job, run_id, RunState::Finished, &summary(&report)).await?;
    Ok(Done::Finished)
}

pub fn summary(report: &Report) -> Value {
    let collected: Vec<Value> = report
        .collected
        .iter()
        .map(|sum| json!({ "currency": sum.currency.code(), "amount": sum.decimal() }))
        .collect();
    json!({
        "due": report.due,
        "succeeded": report.succeeded,
        "pending": report.pending,
        "declined": report.declined,
        "action_required": report.action_required,
        "unknown": report.unknown,
        "failed": report.failed,
        "collected": collected,
    })
}

/// Looks at an attempt again and again, less and less often, until its outcome is known.
async fn owner(app: App, job: Job) -> Result<Done> {
    if resolve::resolve(&app, job.int("attempt")?).await? {
        return Ok(Done::Finished);
    }
    Ok(Done::Again(next_look(&app, &job)))
}

async fn give_up(app: App, job: Job) -> Result<Done> {
    if resolve::give_up_if_idle(&app, job.int("attempt")?).await? {
        return Ok(Done::Finished);
    }
    Ok(Done::Again(next_look(&app, &job)))
}

fn next_look(app: &App, job: &Job) -> Timestamp {
    let now = app.clock.now();
    let wait = match now.seconds_since(job.created_at) {
        ..900 => 60,
        900..7200 => 600,
        _ => 3600,
    };
    now.plus_seconds(wait)
}
