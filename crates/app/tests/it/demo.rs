//! `innkeeper demo`: what it promises to show, that a second start goes on from it, and what becomes of one that broke off.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use platform::db::Db;
use platform::{Conn, Events, params};
use serde_json::Value;
use testkit::Folder;

fn demo(folder: &Folder) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
    command.args(["demo", "--no-serve", "--json"]).env("INNKEEPER_DATA", &**folder);
    command.output().unwrap()
}

/// Serves it, and says where its pages and the links that clients are sent lead to.
fn served(folder: &Folder) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
    command.args(["demo", "--json", "--listen", "127.0.0.1:0"]).env("INNKEEPER_DATA", &**folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let links = testkit::run(async {
        let mut conn = open(folder).await.read().await.unwrap();
        conn.scalar("SELECT value FROM settings WHERE key = 'system_url'", params![]).await.unwrap()
    });
    (told["admin"].as_str().unwrap().to_owned(), links)
}

fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn open(folder: &Folder) -> Db {
    let url = format!("sqlite:{}", folder.join("demo").join("innkeeper.db").display());
    Db::open(&url, Events::default()).await.unwrap()
}

async fn count(conn: &mut Conn, what: &str) -> i64 {
    conn.scalar(&format!("SELECT COUNT(*) FROM {what}"), params![]).await.unwrap()
}

#[test]
fn a_hosting_company_with_a_year_behind_it() {
    let folder = Folder::new();
    let first = told(&demo(&folder));
    testkit::run(async {
        let db = open(&folder).await;
        let mut conn = db.read().await.unwrap();
        for (expected, what) in [
            (200, "clients"),
            (600, "services"),
            (3, "currencies"),
            (5, "(SELECT DISTINCT country FROM clients) AS c"),
            (8, "(SELECT DISTINCT cycle FROM services) AS c"),
        ] {
            assert!(count(&mut conn, what).await >= expected, "{what}");
        }
        assert_eq!((count(&mut conn, "clients").await, count(&mut conn, "services").await), (200, 600));
        assert!(count(&mut conn, "products").await >= 12);
        assert!(count(&mut conn, "service_options").await > 20, "products have options, and some choose them");
        let days: Vec<String> = conn
            .column("SELECT issued_on FROM invoices WHERE issued_on IS NOT NULL ORDER BY issued_on", params![])
            .await
            .unwrap();
        let (oldest, newest) =
            (kernel::Date::parse(&days[0]).unwrap(), kernel::Date::parse(&days[days.len() - 1]).unwrap());
        assert!(oldest.days_until(newest) >= 350, "{oldest} to {newest}");
        // Cards that go through, are declined, need the client, and one whose answer does not come.
        let today = "SELECT DISTINCT state FROM payment_attempts WHERE started_at > (SELECT MAX(started_at) - 600000000 FROM payment_attempts)";
        let states: Vec<String> = conn.column(today, params![]).await.unwrap();
        for state in ["succeeded", "declined", "action_required", "unknown"] {
            assert!(states.iter().any(|found| found == state), "{state}: {states:?}");
        }
        assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
    });

    let second = told(&demo(&folder));
    assert_eq!((&first["username"], &first["password"]), (&second["username"], &second["password"]));
    assert!(
        first["steps"].as_array().unwrap().len() > second["steps"].as_array().unwrap().len(),
        "the year is there already"
    );
    testkit::run(async {
        let db = open(&folder).await;
        let mut conn = db.read().await.unwrap();
        assert_eq!((count(&mut conn, "clients").await, count(&mut conn, "services").await), (200, 600));
    });

    // The port is another one each time, unless staff have said where the pages are.
    for _ in 0..2 {
        let (admin, links) = served(&folder);
        assert!(admin.starts_with(&format!("{links}/")) && links.starts_with("http://127.0.0.1:"), "{admin}, {links}");
    }
    testkit::run(async {
        let mut tx = open(&folder).await.write().await.unwrap();
        let chosen = "UPDATE settings SET value = 'https://host.example' WHERE key = 'system_url'";
        assert_eq!(tx.execute(chosen, params![]).await.unwrap(), 1);
        tx.commit().await.unwrap();
    });
    assert_eq!(served(&folder).1, "https://host.example");

    testkit::run(async {
        let db = open(&folder).await;
        // As if the first start had been killed before it was finished.
        let mut tx = db.write().await.unwrap();
        tx.execute("DELETE FROM instance WHERE key = 'demo_ready'", params![]).await.unwrap();
        tx.commit().await.unwrap();
    });
    let third = demo(&folder);
    assert_eq!(third.status.code(), Some(1));
    let text = String::from_utf8_lossy(&third.stderr).into_owned() + &String::from_utf8_lossy(&third.stdout);
    assert!(text.contains("was not finished") && text.contains("delete the folder"), "{text}");
}
