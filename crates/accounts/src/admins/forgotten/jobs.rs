//! The mail with the link.

use kernel::{Error, Result};
use platform::App;
use platform::jobs::{Done, Job, Registry};

pub const SEND: &str = "accounts.forgotten_password";

pub fn register(registry: &mut Registry) {
    registry.add(SEND, send);
}

async fn send(app: App, job: Job) -> Result<Done> {
    let payload = job.payload()?;
    let text = |name: &str| payload[name].as_str().ok_or_else(|| Error::broken(format!("job {}: no {name}", job.id)));
    let mut tx = app.db.write().await?;
    super::send(&mut tx, &app, text("name")?, text("ip")?, app.clock.now()).await?;
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(Done::Finished)
}
