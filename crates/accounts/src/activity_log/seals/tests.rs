//! The chain: made by ticks, verified, tampered with, cleared away.

use platform::params;

use super::*;
use crate::testing::{House, system};

/// Writes so many entries at once, so many days after the beginning.
async fn write(house: &House, count: usize, days: i64) {
    let mut tx = house.app.db.write().await.unwrap();
    let all: Vec<Activity> =
        (0..count).map(|at| Activity::new(format!("Entry {at} “ü”\\")).about("client:1")).collect();
    super::super::record_all(&mut tx, &system(), &all, house.now.plus_seconds(days * 86_400)).await.unwrap();
    tx.commit().await.unwrap();
}

/// A tick a minute after that day.
async fn tick_on(house: &House, days: i64) {
    house.app.clock.set(house.now.plus_seconds(days * 86_400 + 60));
    tick(&house.app).await.unwrap();
}

async fn look(house: &House) -> Verified {
    verify(&mut house.app.db.read().await.unwrap()).await.unwrap()
}

/// A statement that the engine must refuse; the words of its refusal.
async fn refused(house: &House, sql: &str) -> String {
    let mut tx = house.app.db.write().await.unwrap();
    tx.execute(sql, params![]).await.expect_err(sql).to_string()
}

/// What whoever has the whole database can do.
async fn forge(house: &House, sql: &str) {
    let mut tx = house.app.db.write().await.unwrap();
    for (trigger, table) in [
        ("activity_log_is_appended", "activity_log"),
        ("activity_log_is_sealed_once", "activity_log"),
        ("activity_log_is_kept", "activity_log"),
        ("activity_seals_stay", "activity_seals"),
        ("activity_seals_are_kept", "activity_seals"),
    ] {
        let on = if tx.engine() == platform::db::Engine::Postgres { format!(" ON {table}") } else { String::new() };
        tx.batch(&format!("DROP TRIGGER IF EXISTS {trigger}{on}")).await.unwrap();
    }
    tx.batch(sql).await.unwrap();
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn what_is_written_is_sealed_after_a_while_and_fits(house: House) {
        tick(&house.app).await.unwrap();
        assert_eq!(house.count("activity_seals").await, 0, "entries wait for others");
        write(&house, 2_500, 0).await;
        tick_on(&house, 0).await;
        let all = house.count("activity_log").await;
        let first = look(&house).await;
        assert_eq!((first.wrong.as_slice(), first.seals, first.entries), (&[][..], 3, all.unsigned_abs()));
        tick_on(&house, 0).await;
        assert_eq!(house.count("activity_seals").await, 3, "nothing waits, nothing is made");
        write(&house, 1, 1).await;
        tick_on(&house, 1).await;
        assert_eq!(look(&house).await.seals, 4);
    }

    async fn of_two_who_seal_at_once_one_does(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        let made = seal(&mut tx, house.now).await.unwrap().unwrap();
        assert!(!store::insert(&mut tx, &made).await.unwrap(), "the number is taken");
        assert_eq!(seal(&mut tx, house.now).await.unwrap(), None);
        tx.commit().await.unwrap();
    }

    async fn an_entry_with_a_smaller_id_may_come_later(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        let insert = |id: i64| format!("INSERT INTO activity_log (id, at, actor_kind, actor_name, ip, description, changes) \
                                        VALUES ({id}, {id}, 'system', 'x', '', 'late', '[]')");
        tx.execute(&insert(9_000), params![]).await.unwrap();
        seal(&mut tx, house.now).await.unwrap().unwrap();
        tx.execute(&insert(8_000), params![]).await.unwrap();
        seal(&mut tx, house.now).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let found = look(&house).await;
        assert!(found.wrong.is_empty() && found.seals == 2, "{found:?}");
    }

    async fn the_engine_refuses_to_change_the_log(house: House) {
        write(&house, 3, 0).await;
        for sql in [
            "UPDATE activity_log SET description = 'nothing'", "UPDATE activity_log SET behalf = 'x' WHERE id = 1",
            "DELETE FROM activity_log", "DELETE FROM activity_log WHERE id = 1",
        ] {
            assert!(refused(&house, sql).await.contains("activity log"), "unsealed: {sql}");
        }
        tick_on(&house, 0).await;
        for sql in [
            "UPDATE activity_log SET actor_name = 'nobody'", "UPDATE activity_log SET seal = NULL",
            "UPDATE activity_log SET seal = 7", "DELETE FROM activity_log", "UPDATE activity_seals SET hash = 'x'",
            "UPDATE activity_seals SET entries = 1", "DELETE FROM activity_seals",
        ] {
            let words = refused(&house, sql).await;
            assert!(words.contains("activity log"), "{sql}: {words}");
        }
        assert!(look(&house).await.wrong.is_empty());
    }

    async fn whoever_has_the_database_is_found_out(house: House) {
        write(&house, 1_500, 0).await;
        tick_on(&house, 0).await;
        write(&house, 10, 1).await;
        tick_on(&house, 1).await;
        let noted = newest(&mut house.app.db.read().await.unwrap()).await.unwrap().unwrap();
        let kept = |table: &str, undo: &str| format!("{undo}; DROP TABLE {table}");
        let cases = [
            ("UPDATE activity_log SET description = 'nothing' WHERE id = 100", "Seal 1 of the activity log does not fit"),
            ("UPDATE activity_log SET behalf = 'x' WHERE id = 100", "Seal 1 of the activity log does not fit"),
            ("DELETE FROM activity_log WHERE id = 100", "was made over 1000 entries and has 999"),
            ("UPDATE activity_log SET seal = NULL WHERE id = 100", "was made over 1000 entries and has 999"),
            ("INSERT INTO activity_log (at, actor_kind, actor_name, ip, description, changes, seal) VALUES (1, 'system', '', '', 'x', '[]', 2)",
             "Seal 2 of the activity log was made over"),
            ("UPDATE activity_log SET seal = 99 WHERE seal = 1", "1000 entries of the activity log say that they are of a seal that there is not"),
            ("UPDATE activity_seals SET hash = 'forged' WHERE id = 1", "Seal 2 of the activity log does not fit"),
            ("DELETE FROM activity_seals WHERE id = 2", "Seal 2 of the activity log is missing"),
            ("UPDATE activity_seals SET pruned_at = 1 WHERE id = 2", "Seal 2 of the activity log is marked as cleared away"),
        ];
        for (sql, words) in cases {
            // Each on what the one before has left in order.
            forge(&house, "CREATE TABLE kept_log AS SELECT * FROM activity_log; CREATE TABLE kept_seals AS SELECT * FROM activity_seals").await;
            forge(&house, sql).await;
            let found = look(&house).await;
            assert!(found.wrong.iter().any(|sentence| sentence.contains(words)), "{sql}: {:?}", found.wrong);
            forge(&house, &kept("kept_log", "DELETE FROM activity_log; INSERT INTO activity_log SELECT * FROM kept_log")).await;
            forge(&house, &kept("kept_seals", "DELETE FROM activity_seals; INSERT INTO activity_seals SELECT * FROM kept_seals")).await;
            assert!(look(&house).await.wrong.is_empty(), "{sql}");
        }
        // A chain that ends earlier fits in itself; what was noted elsewhere tells.
        forge(&house, "DELETE FROM activity_log WHERE seal = 3; DELETE FROM activity_seals WHERE id = 3").await;
        assert!(look(&house).await.wrong.is_empty());
        let mut conn = house.app.db.read().await.unwrap();
        assert!(!has(&mut conn, &format!("{}:{}", noted.id, noted.hash)).await.unwrap());
        assert!(has(&mut conn, "nonsense").await.is_err());
        let still = newest(&mut conn).await.unwrap().unwrap();
        assert!(has(&mut conn, &format!("{}:{}", still.id, still.hash)).await.unwrap());
    }

    async fn retention_takes_whole_seals_from_the_oldest_on(house: House) {
        house.configure_all(&[("keep_activity_log_days", "0")]).await;
        write(&house, 1_200, 0).await;
        tick_on(&house, 0).await;
        write(&house, 5, 40).await;
        tick_on(&house, 40).await;
        let later = house.now.plus_seconds(45 * 86_400);
        assert_eq!(retire(&house.app.db, later).await.unwrap(), 0, "0 keeps it for ever");
        house.configure_all(&[("keep_activity_log_days", "10")]).await;
        house.app.clock.set(later);
        tick(&house.app).await.unwrap();
        let before = house.count("activity_log").await;
        let gone = retire(&house.app.db, later).await.unwrap();
        assert!(gone >= 1_200, "{gone}");
        // One entry says so.
        assert_eq!(house.count("activity_log").await, before - i64::try_from(gone).unwrap() + 1);
        assert_eq!(retire(&house.app.db, later).await.unwrap(), 0, "once is once");
        let found = look(&house).await;
        assert!(found.wrong.is_empty(), "the checkpoint holds the chain: {:?}", found.wrong);
        let first: i64 = house.app.db.read().await.unwrap().scalar("SELECT MIN(id) FROM activity_seals", params![]).await.unwrap();
        assert!(first > 1);
        assert!(matches!(has(&mut house.app.db.read().await.unwrap(), "1:x").await, Err(Error::Refused(_))));
        write(&house, 2, 45).await;
        tick_on(&house, 46).await;
        assert!(look(&house).await.wrong.is_empty());
        // What retention left is guarded as before.
        assert!(refused(&house, "DELETE FROM activity_log").await.contains("activity log"));
        assert!(refused(&house, "DELETE FROM activity_seals").await.contains("seal"));
    }
}
