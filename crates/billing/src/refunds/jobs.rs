//! The job that owns every refund whose outcome is open.

use kernel::Result;
use platform::App;
use platform::jobs::{Done, Job, Registry};

use super::outcome::{Asking, ask};

pub(super) const RESOLVE: &str = "billing.resolve_refund";
/// Seconds after which a refund is asked about: longer than any call of a gateway may take.
pub(super) const FIRST_LOOK: i64 = 120;

pub fn register(registry: &mut Registry) {
    registry.add(RESOLVE, resolve);
}

/// Asks again and again, less and less often, until the outcome is known.
async fn resolve(app: App, job: Job) -> Result<Done> {
    if ask(&app, job.int("refund")?, Asking::Again).await?.is_settled() {
        return Ok(Done::Finished);
    }
    let now = app.clock.now();
    let wait = match now.seconds_since(job.created_at) {
        ..900 => 60,
        900..7200 => 600,
        _ => 3600,
    };
    Ok(Done::Again(now.plus_seconds(wait)))
}
