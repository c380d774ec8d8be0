//! Mails the link that somebody has asked for, if somebody logs in with the address.

use kernel::Result;
use platform::App;
use platform::jobs::{Done, Job, Registry};

use super::mail_link;
use crate::activity_log::Actor;
use crate::users;

pub(super) const SEND: &str = "accounts.password_reset";

pub fn register(registry: &mut Registry) {
    registry.add(SEND, deliver);
}

async fn deliver(app: App, job: Job) -> Result<Done> {
    let (payload, now) = (job.payload()?, app.clock.now());
    let text = |name: &str| payload[name].as_str().unwrap_or_default();
    let mut tx = app.db.write().await?;
    if let Some(user) = users::by_email(&mut tx, text("email")).await? {
        let by = Actor { ip: text("ip").to_owned(), ..Actor::system("Somebody at the login") };
        // More than an hour may have are not mailed, and nobody is told.
        mail_link(&mut tx, &app, &by, &user, now).await?;
        tx.commit().await?;
    }
    Ok(Done::Finished)
}
