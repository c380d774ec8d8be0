//! The daily batch: once a day from the business's hour on, on one node, by itself.
//!
//! What must hold: the run's key is the task and the day, and it is unique, so several nodes and restarts make one run.
//! A day on which nothing ran is made up for by the next run, because it takes everything that is due by then.
//! After a restore nothing runs until the books were compared with the gateways': see [`crate::restores`].

#[cfg(test)]
mod tests;

use accounts::activity_log::Actor;
use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{App, runs};

use crate::terms::Terms;
use crate::{captures, generation, restores, settings};

const TRIGGER: &str = "schedule";

/// Called now and then by every node that works. Requests what is due; how many runs were new.
pub async fn tick(app: &App) -> Result<u32> {
    let now = app.clock.now();
    let mut conn = app.db.read().await?;
    let terms = Terms::load(&mut conn, now).await?;
    let hour = now.hour_in(&terms.settings.time_zone(&accounts::company::TIME_ZONE));
    let starts = terms.settings.int(&settings::AUTOMATION_HOUR);
    if !terms.settings.bool(&settings::AUTOMATION_ENABLED) || i64::from(hour) < starts {
        return Ok(0);
    }
    if restores::hold(&mut conn).await?.is_some() {
        return Ok(0);
    }
    // Most minutes find that today's runs are there; they need not write.
    let key = |task: &str| format!("{TRIGGER}:{task}:{}", terms.today);
    let generation = runs::with_key(&mut conn, &key(generation::jobs::TASK)).await?;
    let generate = generation.is_none();
    // Cards are charged when the invoices of the day are there, or cannot be had: what was issued before is due all the
    // same.
    let capture = generation.is_some_and(|run| run.finished_at.is_some())
        && runs::with_key(&mut conn, &key(captures::jobs::TASK)).await?.is_none();
    drop(conn);
    if !generate && !capture {
        return Ok(0);
    }
    let by = Actor::system("Schedule");
    let mut tx = app.db.write().await?;
    let new = u32::from(generate && request_generation(&mut tx, &terms, &by, key(generation::jobs::TASK)).await?)
        + u32::from(
            capture && captures::jobs::request(&mut tx, key(captures::jobs::TASK), &terms, TRIGGER, &by).await?.1,
        );
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(new)
}

/// Whether the hour of the daily batch has come, and runs may begin by themselves.
pub async fn is_time(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    let settings = platform::settings::Values::load(conn).await?;
    let hour = now.hour_in(&settings.time_zone(&accounts::company::TIME_ZONE));
    Ok(settings.bool(&settings::AUTOMATION_ENABLED)
        && i64::from(hour) >= settings.int(&settings::AUTOMATION_HOUR)
        && restores::hold(conn).await?.is_none())
}

async fn request_generation(tx: &mut Tx, terms: &Terms, by: &Actor, key: String) -> Result<bool> {
    let scope = generation::Scope::default();
    Ok(generation::jobs::request(tx, key, terms, TRIGGER, by, &scope).await?.1)
}
