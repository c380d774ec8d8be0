//! A run of a batch never stands as running for ever: its job is leased like every other.

use billing::generation::jobs::TASK;
use platform::jobs::{self, NewJob};
use platform::params;
use platform::runs::{self, NewRun, RunState};
use serde_json::{Value, json};

use crate::support::Site;

/// Longer than a lease.
const LEASE_OVER: i64 = 121;

fn new(site: &Site, key: &str, trigger: &'static str) -> NewRun {
    NewRun {
        task: TASK,
        job: "billing.generate_invoices",
        key: key.to_owned(),
        business_date: site.app.clock.now().date_in(&platform::jiff::tz::TimeZone::UTC),
        trigger,
        requested_by: "Test".to_owned(),
        scope: json!({}),
    }
}

/// Begins a run whose process never comes to its end.
async fn interrupted(site: &Site, trigger: &'static str) {
    let app = site.app.clone();
    let run = new(site, trigger, trigger);
    let stuck =
        tokio::spawn(async move { runs::now(&app, run, |(): &()| Value::Null, |_| std::future::pending()).await });
    while state(site, trigger).await.is_none() {
        tokio::task::yield_now().await;
    }
    stuck.abort();
}

async fn state(site: &Site, key: &str) -> Option<RunState> {
    let mut conn = site.app.db.read().await.unwrap();
    runs::with_key(&mut conn, key).await.unwrap().map(|run| run.state)
}

async fn later(site: &Site, seconds: i64) {
    site.app.clock.set(site.app.clock.now().plus_seconds(seconds));
    jobs::drain(&site.app).await.unwrap();
}

testkit::both_engines! {
    async fn a_worker_ends_what_a_crash_interrupted_and_a_command_that_was_stopped_has_failed(site: Site) {
        interrupted(&site, "api").await;
        interrupted(&site, runs::COMMAND_LINE).await;
        jobs::drain(&site.app).await.unwrap();
        assert_eq!(state(&site, "api").await, Some(RunState::Running), "its lease holds");

        later(&site, LEASE_OVER).await;
        assert_eq!(state(&site, "api").await, Some(RunState::Finished));
        assert_eq!(state(&site, runs::COMMAND_LINE).await, Some(RunState::Failed));
    }

    async fn a_run_has_failed_when_its_job_has_and_is_taken_up_again_with_it(site: Site) {
        let now = site.app.clock.now();
        let mut tx = site.app.db.write().await.unwrap();
        let (id, _) = runs::request(&mut tx, new(&site, "day", "schedule"), now).await.unwrap();
        // Its job cannot understand it.
        tx.execute("UPDATE task_runs SET scope = 'nonsense' WHERE id = $1", params![id]).await.unwrap();
        tx.execute("UPDATE jobs SET max_attempts = 2", params![]).await.unwrap();
        tx.commit().await.unwrap();
        later(&site, 0).await;
        assert_eq!(state(&site, "day").await, Some(RunState::Running), "it is tried again");
        later(&site, 3600).await;
        assert_eq!(state(&site, "day").await, Some(RunState::Failed));

        let mut tx = site.app.db.write().await.unwrap();
        tx.execute("UPDATE task_runs SET scope = '{}' WHERE id = $1", params![id]).await.unwrap();
        let job: i64 = tx.scalar("SELECT id FROM jobs WHERE state = 'failed'", params![]).await.unwrap();
        jobs::retry(&mut tx, job, site.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        later(&site, 0).await;
        assert_eq!(state(&site, "day").await, Some(RunState::Finished));
    }

    async fn a_job_that_brings_its_process_down_is_not_tried_for_ever(site: Site) {
        let now = site.app.clock.now();
        let mut tx = site.app.db.write().await.unwrap();
        jobs::enqueue(&mut tx, NewJob::now("mail.deliver", json!({ "mail": 0 }), now).attempts(3), now).await.unwrap();
        // Its process has died at the third attempt.
        tx.execute(
            "UPDATE jobs SET state = 'running', attempts = 3, lease_owner = 'gone', lease_until = $1",
            params![now.plus_seconds(LEASE_OVER)],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        later(&site, LEASE_OVER).await;
        let mut conn = site.app.db.read().await.unwrap();
        let ended: (String, i64) = conn.one("SELECT state, attempts FROM jobs", params![]).await.unwrap();
        assert_eq!(ended, ("failed".to_owned(), 3));
    }

    async fn a_connection_is_clean_after_somebody_gave_up_waiting_for_it(site: Site) {
        // Each is dropped at another moment of its way to the open transaction.
        for polls in 0..200 {
            let mut begin = Box::pin(site.app.db.write());
            for _ in 0..polls % 8 {
                if futures::poll!(begin.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        for _ in 0..40 {
            let mut conn = site.app.db.read().await.unwrap();
            // In a transaction that somebody left open, an error would last.
            assert!(conn.scalar::<i64>("SELECT 1 / 0 FROM no_such_table", params![]).await.is_err());
            drop(conn);
            let mut conn = site.app.db.read().await.unwrap();
            assert_eq!(conn.scalar::<i64>("SELECT COUNT(*) FROM task_runs", params![]).await.unwrap(), 0);
        }
    }
}
