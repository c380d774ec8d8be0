//! Claims of jobs: who holds one, and who has lost it.

use serde_json::json;

use super::*;
use crate::clock::{Clock, Random};
use crate::context::{Extensions, Parts};
use crate::crypto::Vault;
use crate::db::Db;
use crate::events::Events;
use crate::runs::RunState;
use crate::web::templates::Templates;

const KIND: &str = "test.slow";
/// Longer than a lease.
const LEASE_OVER: i64 = 121;

struct Desk {
    app: App,
    _folder: testkit::Folder,
}

impl testkit::Open for Desk {
    async fn open(engine: testkit::Engine) -> Desk {
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let clock = Clock::fixed(Timestamp::parse("2026-03-01T12:00:00Z").unwrap());
        let db = Db::create(&url, Events::default()).await.unwrap();
        db.migrate(clock.now()).await.unwrap();
        let app = App::new(Parts {
            db,
            clock,
            random: Random::seeded(7),
            vault: Vault::new(&[1; 32]),
            settings: Default::default(),
            jobs: Default::default(),
            templates: Templates::builder().build(),
            sandbox: false,
            node: "test".to_owned(),
            wake: Default::default(),
            extensions: Extensions::default(),
        });
        Desk { app, _folder: folder }
    }
}

impl Desk {
    async fn enqueue(&self) {
        let now = self.app.clock.now();
        let mut tx = self.app.db.write().await.unwrap();
        enqueue(&mut tx, NewJob::now(KIND, json!({}), now).attempts(3), now).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn later(&self) {
        self.app.clock.set(self.app.clock.now().plus_seconds(LEASE_OVER));
    }

    async fn take(&self) -> (Job, Claimed) {
        let mut taken = claim(&self.app, 4).await.unwrap();
        assert_eq!(taken.len(), 1);
        taken.remove(0)
    }

    /// State, attempts, error and end of the only job.
    async fn row(&self) -> (String, i64, Option<String>, Option<Timestamp>, Option<Timestamp>) {
        let sql = "SELECT state, attempts, last_error, finished_at, lease_until FROM jobs";
        self.app.db.read().await.unwrap().one(sql, params![]).await.unwrap()
    }

    async fn ends(&self, (job, claim): &(Job, Claimed), outcome: Result<Done>) {
        conclude(&self.app, claim, job.attempts, job.max_attempts, outcome).await.unwrap();
    }
}

fn refused() -> Result<Done> {
    Err(Error::refused("The server hung up."))
}

testkit::both_engines! {
    // Its work is slow and its database was away: the node takes a job that it is still doing.
    async fn a_claim_that_lost_its_lease_has_no_say_even_on_its_own_node(desk: Desk) {
        desk.enqueue().await;
        let first = desk.take().await;
        desk.later();
        let second = desk.take().await;
        assert_eq!((first.0.id, first.0.attempts, second.0.attempts), (second.0.id, 1, 2));
        assert_ne!(first.1, second.1);
        let before = desk.row().await;
        assert_eq!(before.0, "running");
        let soon = desk.app.clock.now().plus_seconds(1);
        desk.app.clock.set(soon);
        for outcome in [refused(), Ok(Done::Again(soon)), Ok(Done::Finished)] {
            desk.ends(&first, outcome).await;
            assert_eq!(desk.row().await, before);
        }
        assert!(!renew(&desk.app, &first.1).await.unwrap());
        assert_eq!(desk.row().await, before);
        assert!(renew(&desk.app, &second.1).await.unwrap());
        assert_eq!(desk.row().await.4, Some(lease_from(soon)));
        assert!(claim(&desk.app, 4).await.unwrap().is_empty(), "the job is nobody else's");

        desk.ends(&second, Ok(Done::Finished)).await;
        let ended = desk.row().await;
        assert_eq!((ended.0.as_str(), ended.3), ("done", Some(soon)));
        desk.ends(&first, refused()).await;
        assert_eq!(desk.row().await, ended);
    }

    // The next claim is still at it: a worker that was late must not say that the run has ended.
    async fn a_claim_that_lost_its_lease_does_not_end_its_run(desk: Desk) {
        let now = desk.app.clock.now();
        let new = runs::NewRun {
            task: "test",
            job: KIND,
            key: "one".to_owned(),
            business_date: kernel::Date::new(2026, 3, 1).unwrap(),
            trigger: "schedule",
            requested_by: "Schedule".to_owned(),
            scope: json!({}),
        };
        let mut tx = desk.app.db.write().await.unwrap();
        let (run, _) = runs::request(&mut tx, new, now).await.unwrap();
        runs::start(&mut tx, run, now).await.unwrap();
        tx.commit().await.unwrap();
        let state = async || runs::find(&mut desk.app.db.read().await.unwrap(), run).await.unwrap().state;
        let end = async |job: &Job| runs::end(&desk.app, job, run, RunState::Finished, &json!({})).await.unwrap();
        let first = desk.take().await;
        desk.later();
        let second = desk.take().await;
        end(&first.0).await;
        assert_eq!(state().await, RunState::Running);
        // It was slow, and long enough for nobody to have it: nobody takes it while its end is written down.
        desk.later();
        end(&second.0).await;
        assert_eq!(state().await, RunState::Finished);
        assert!(claim(&desk.app, 4).await.unwrap().is_empty());
        desk.ends(&second, Ok(Done::Finished)).await;
        assert_eq!(desk.row().await.0, "done");
    }

    // Asking again later counts an attempt back, and a fresh set begins at one: the number alone would lie.
    async fn a_claim_is_told_from_one_with_the_same_number(desk: Desk) {
        desk.enqueue().await;
        let first = desk.take().await;
        desk.ends(&first, Ok(Done::Again(desk.app.clock.now()))).await;
        let second = desk.take().await;
        assert_eq!((first.0.attempts, second.0.attempts), (1, 1));
        desk.ends(&first, refused()).await;
        assert_eq!(desk.row().await.0, "running");

        desk.later();
        desk.take().await;
        desk.later();
        let last = desk.take().await;
        desk.later();
        assert!(claim(&desk.app, 4).await.unwrap().is_empty());
        assert_eq!(desk.row().await.0, "failed", "given up for lost");
        let mut tx = desk.app.db.write().await.unwrap();
        retry(&mut tx, last.0.id, desk.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for stuck in [&second, &last] {
            desk.ends(stuck, Ok(Done::Finished)).await;
            assert_eq!(desk.row().await.0, "ready");
        }
        let fresh = desk.take().await;
        assert_eq!(fresh.0.attempts, 1);
        desk.ends(&second, Ok(Done::Finished)).await;
        assert_eq!(desk.row().await.0, "running");
        desk.ends(&fresh, Ok(Done::Finished)).await;
        assert_eq!(desk.row().await.0, "done");
    }

    async fn what_was_given_up_for_lost_and_done_after_all_is_done(desk: Desk) {
        desk.enqueue().await;
        let mut tx = desk.app.db.write().await.unwrap();
        tx.execute("UPDATE jobs SET max_attempts = 1", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let only = desk.take().await;
        desk.later();
        assert!(claim(&desk.app, 4).await.unwrap().is_empty());
        assert_eq!(desk.row().await.0, "failed");
        desk.ends(&only, Ok(Done::Finished)).await;
        let ended = desk.row().await;
        assert_eq!((ended.0.as_str(), ended.2), ("done", None));
    }
}
