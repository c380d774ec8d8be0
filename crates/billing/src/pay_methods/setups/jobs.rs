//! The job that owns every setup: a client who does not come back has left a method all the same.

use kernel::Result;
use platform::App;
use platform::jobs::{Done, Job, Registry};

pub(super) const RESOLVE: &str = "billing.resolve_setup";
/// Seconds after which a setup is asked about: longer than a call of a gateway may take, and than most clients take.
pub(super) const FIRST_LOOK: i64 = 900;

pub fn register(registry: &mut Registry) {
    registry.add(RESOLVE, owner);
}

/// Asks now and then until the client has finished or the provider has closed the page.
async fn owner(app: App, job: Job) -> Result<Done> {
    if super::resolve(&app, job.int("setup")?).await? {
        return Ok(Done::Finished);
    }
    Ok(Done::Again(app.clock.now().plus_seconds(3600)))
}
