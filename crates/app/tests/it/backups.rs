//! Backups: whole, consistent while the server runs, and readable by either engine.

use std::path::{Path, PathBuf};

use platform::params;
use testkit::{Engine, Open};

use crate::support::{Place, Site};

/// The lines between the header and the checksum.
fn content(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut content = lines[1..lines.len() - 1].to_vec();
    // A restore leaves a row of its own.
    if let Some(at) = content.iter().position(|line| line.contains(r#""table":"restores""#)) {
        let rows = content[at + 1..].iter().take_while(|line| line.starts_with('[')).count();
        content.drain(at..=at + rows);
    }
    // Tables without an id have no order of their own.
    content.sort();
    content
}

fn back_up(place: &Place, name: &str) -> PathBuf {
    let file = place.folder.join(name);
    place.done(&["backup", file.to_str().unwrap()]);
    file
}

/// Values that the engines keep in different ways: truth, bytes, nothing, text of many scripts, ids that were given back.
async fn fill(place: &Place) {
    assert_eq!(place.run_with(&["setting", "set", "smtp_password"], "geheim\n").code, 0);
    place.done(&["setting", "set", "company_name", "Müller “Søn” شركة 株式会社 \u{1f3e8}"]);
    let app = place.app().await;
    let now = app.clock.now();
    let mut tx = app.db.write().await.unwrap();
    for number in 0..120 {
        let job = platform::jobs::NewJob::now("test", serde_json::json!({ "n": number }), now);
        platform::jobs::enqueue(&mut tx, job, now).await.unwrap();
    }
    tx.execute("DELETE FROM jobs WHERE id > 110", params![]).await.unwrap();
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn what_is_restored_is_what_was_backed_up(place: Place) {
        place.done(&["init", "--sandbox"]);
        fill(&place).await;
        let (_server, _) = place.serve(&["--no-worker"]);
        let original = back_up(&place, "original.jsonl");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&original.metadata().unwrap().permissions()) & 0o777, 0o600);

        let mut engines = vec![Engine::Sqlite];
        if testkit::postgres::available().is_ok() {
            engines.push(Engine::Postgres);
        }
        for engine in engines {
            let other = Place::open(engine).await;
            std::fs::copy(place.key_file(), other.key_file()).unwrap();
            let restored = other.run(&["restore", original.to_str().unwrap(), "--json"]).json();
            assert!(restored["key"].as_str().unwrap().contains("fits"), "{restored}");
            let again = back_up(&other, "again.jsonl");
            assert_eq!(content(&original), content(&again), "{engine:?}");

            let app = other.app().await;
            assert!(app.sandbox);
            let mut conn = app.db.read().await.unwrap();
            let secret = platform::secrets::get(&mut conn, &app.vault, platform::mail::PASSWORD_PLACE).await.unwrap();
            assert_eq!(secret.as_deref(), Some("geheim"));
            drop(conn);
            let mut tx = app.db.write().await.unwrap();
            let now = app.clock.now();
            let job = platform::jobs::NewJob::now("test", serde_json::json!({}), now);
            platform::jobs::enqueue(&mut tx, job, now).await.unwrap();
            let id: i64 = tx.scalar("SELECT MAX(id) FROM jobs", params![]).await.unwrap();
            assert_eq!(id, 121, "an id that was given out once does not come back");
        }
    }

    async fn nobody_else_reads_what_is_written(place: Place) {
        place.done(&["init"]);
        let private = |file: &Path| {
            std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777 == 0o600
        };
        // What somebody else has put in the way of a backup does not decide who reads it.
        let part = place.folder.join("file.jsonl.part");
        std::fs::write(&part, "").unwrap();
        std::fs::set_permissions(&part, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let file = back_up(&place, "file.jsonl");
        assert!(private(&file) && !part.exists());
        let Some(path) = place.url.strip_prefix("sqlite:") else { return };
        // A database of the version before the last migration is copied before it is migrated.
        let undo = "ALTER TABLE mails DROP COLUMN sealed_token; DELETE FROM innkeeper_migrations WHERE name LIKE '0012%'";
        rusqlite::Connection::open(path).unwrap().execute_batch(undo).unwrap();
        drop(place.serve(&["--no-worker"]));
        let copy = PathBuf::from(format!("{path}.before-0012"));
        assert!(private(&copy), "{:o}", std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions()));
        let tables: i64 = rusqlite::Connection::open(&copy)
            .unwrap()
            .query_row("SELECT COUNT(*) FROM sqlite_master WHERE name = 'mails'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 1);
        place.done(&["restore", file.to_str().unwrap(), "--force"]);
        assert!(private(Path::new(path)));
        let beside = std::fs::read_dir(&place.folder).unwrap().flatten().map(|entry| entry.path());
        let open: Vec<PathBuf> = beside.filter(|file| file.is_file() && !private(file)).collect();
        assert_eq!(open, [] as [PathBuf; 0]);
    }

    async fn a_restore_takes_nothing_that_is_there_by_accident(place: Place) {
        place.done(&["init"]);
        let file = back_up(&place, "file.jsonl");
        let file = file.to_str().unwrap();
        let refused = place.run(&["restore", file]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("--force"), "{}", refused.err);

        let (server, _) = place.serve(&[]);
        let used = place.run(&["restore", file, "--force"]);
        assert_eq!(used.code, 1, "{used:?}");
        assert!(used.err.contains("server"), "{}", used.err);
        drop(server);

        place.done(&["setting", "set", "invoice_lead_days", "3"]);
        place.done(&["restore", file, "--force"]);
        assert_eq!(place.done(&["setting", "get", "invoice_lead_days"]).out, "14\n");
    }

    async fn a_damaged_backup_leaves_nothing_behind(place: Place) {
        place.done(&["init"]);
        let file = back_up(&place, "file.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let cut = format!("{}\n", lines[..lines.len() - 1].join("\n"));
        let altered = text.replacen("Bank Transfer", "Bank Robbery", 1);
        let newer = text.replacen("0001_platform", "9999_later", 1);
        let cases = [
            ("cut off", cut),
            ("damaged", altered),
            ("newer version", newer),
            ("no backup", "hello\n".to_owned()),
            ("no backup", String::new()),
        ];
        for (reason, text) in cases {
            let broken = place.folder.join("broken.jsonl");
            std::fs::write(&broken, text).unwrap();
            let empty = Place::open(if place.url.starts_with("sqlite") { Engine::Sqlite } else { Engine::Postgres }).await;
            let ended = empty.run(&["restore", broken.to_str().unwrap()]);
            assert_eq!(ended.code, 1);
            assert!(ended.err.contains(reason), "{reason}: {}", ended.err);
            empty.done(&["init"]);
        }
    }
}

/// Takes the migration of orders back, and those that hang on it, as if the database were of an older version.
async fn age(place: &Place) {
    let db = platform::Db::open(&place.url, platform::Events::default()).await.unwrap();
    let mut tx = db.write().await.unwrap();
    tx.batch("DROP TABLE order_invoices; DROP TABLE taken_stock; DROP TABLE order_items; DROP TABLE orders")
        .await
        .unwrap();
    for migration in ["0005_sales", "0016_split_orders_and_stock", "0018_orders_split_before"] {
        tx.execute("DELETE FROM innkeeper_migrations WHERE name = $1", params![migration]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn a_database_of_an_older_version_is_brought_up_to_date(place: Place) {
        place.done(&["init"]);
        age(&place).await;
        let waiting = place.run(&["setting", "list"]);
        assert_eq!(waiting.code, 1);
        assert!(waiting.err.contains("migrations that wait: 3"), "{}", waiting.err);
        let old = back_up(&place, "old.jsonl");
        place.serve(&["--no-worker"]);
        place.done(&["setting", "list"]);
        if let Some(path) = place.url.strip_prefix("sqlite:") {
            platform::db::verify(Path::new(&format!("{path}.before-0005"))).unwrap();
        }

        place.done(&["restore", old.to_str().unwrap(), "--force"]);
        place.done(&["setting", "list"]);
        let now = back_up(&place, "now.jsonl");
        let has_orders = content(&now).iter().any(|line| line.starts_with(r#"{"table":"orders""#));
        assert!(has_orders, "what the backup did not have was made");
    }
}

#[test]
fn a_database_is_copied_while_it_is_in_use() {
    testkit::run(async {
        let site = Site::open(Engine::Sqlite).await;
        let copy = site.place.folder.join("copy.db");
        site.app.db.sqlite().unwrap().copy_to(&copy).unwrap();
        platform::db::verify(&copy).unwrap();
        assert!(site.app.db.sqlite().unwrap().copy_to(&copy).is_err(), "a copy is not written over");
    });
}
