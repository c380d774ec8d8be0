//! The daily clean-up: asked for once a day, and only what is old goes.

use accounts::activity_log::Actor;
use accounts::clients::{self, ClientEdit, NewClient};
use billing::Terms;
use billing::invoices::NewLine;
use billing::invoices::drafts::{self, NewDraft};
use innkeeper::wiring;
use kernel::{Money, Timestamp};
use platform::{jobs, params, runs};

use crate::support::Site;

const TABLES: [&str; 9] = [
    "idempotency_keys",
    "jobs",
    "sessions",
    "pay_links",
    "method_links",
    "admin_links",
    "login_failures",
    "user_sessions",
    "user_links",
];

async fn counts(site: &Site) -> Vec<i64> {
    let mut conn = site.app.db.read().await.unwrap();
    let mut all = Vec::new();
    for table in TABLES {
        let only = if table == "jobs" { " WHERE kind = 'test'" } else { "" };
        all.push(conn.scalar(&format!("SELECT COUNT(*) FROM {table}{only}"), params![]).await.unwrap());
    }
    all
}

/// A row of each kind, from then; what expires does so a day later.
async fn leave(site: &Site, name: &str, then: Timestamp, job: &str) {
    let mut tx = site.app.db.write().await.unwrap();
    let ends = then.plus_seconds(86_400);
    for (sql, at) in [
        (
            "INSERT INTO idempotency_keys (scope, key, request_hash, status, body, created_at) VALUES ('form', $1, '', 303, '', $2)",
            then,
        ),
        ("INSERT INTO pay_links (token_hash, invoice_id, expires_at) VALUES ($1, 1, $2)", ends),
        ("INSERT INTO method_links (token_hash, client_id, gateway, expires_at) VALUES ($1, 1, 'sandbox', $2)", ends),
        ("INSERT INTO admin_links (token_hash, admin_id, expires_at) VALUES ($1, 1, $2)", ends),
        ("INSERT INTO login_failures (account, ip, at) VALUES ($1, '127.0.0.1', $2)", then),
    ] {
        tx.execute(sql, params![name, at]).await.unwrap();
    }
    tx.execute(
        "INSERT INTO sessions (token_hash, admin_id, csrf, ip, created_at, seen_at, expires_at) \
         VALUES ($1, 1, '', '', $2, $2, $3)",
        params![name, then, ends],
    )
    .await
    .unwrap();
    tx.execute(
        "INSERT INTO user_sessions (token_hash, user_id, csrf, ip, user_agent, remembered, created_at, seen_at, \
         confirmed_at, idle_at, expires_at) VALUES ($1, 1, '', '', '', FALSE, $2, $2, $2, $3, $3)",
        params![name, then, ends],
    )
    .await
    .unwrap();
    tx.execute(
        "INSERT INTO user_links (token_hash, user_id, purpose, email, created_at, expires_at) \
         VALUES ($1, 1, 'email', '', $2, $3)",
        params![name, then, ends],
    )
    .await
    .unwrap();
    tx.execute(
        "INSERT INTO jobs (kind, payload, unique_key, state, run_at, attempts, max_attempts, created_at, finished_at) \
         VALUES ('test', '{}', $1, $2, $3, 1, 1, $3, $3)",
        params![name, job, then],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Something for the pay links to point at.
async fn an_invoice(site: &Site) {
    let text = |text: &str| Some(text.to_owned());
    let details = ClientEdit {
        first_name: text("Ada"),
        last_name: text("Lovelace"),
        email: text("ada@example.com"),
        country: text("GB"),
        ..ClientEdit::default()
    };
    let (by, now) = (Actor::system("test"), site.app.clock.now());
    let mut tx = site.app.db.write().await.unwrap();
    let new = NewClient { details, ..NewClient::default() };
    let client = clients::create(&mut tx, &by, new, &site.app.random, now).await.unwrap();
    let terms = Terms::load(&mut tx, now).await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let line = NewLine::item("Work", Money::parse("1.00", client.currency).unwrap(), false);
    let draft = NewDraft { client_id: client.id, lines: vec![line], ..NewDraft::default() };
    drafts::create_draft(&mut locked, &by, &terms, draft).await.unwrap();
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn what_is_old_goes_once_a_day_and_nothing_else(site: Site) {
        site.boss().await;
        let now = Timestamp::parse("2026-03-10T10:00:00Z").unwrap();
        site.app.clock.set(now);
        let mut tx = site.app.db.write().await.unwrap();
        tx.execute("DELETE FROM sessions", params![]).await.unwrap();
        tx.commit().await.unwrap();
        an_invoice(&site).await;
        let days = |count: i64| now.plus_seconds(-count * 86_400);
        leave(&site, "old", days(40), "done").await;
        leave(&site, "failed", days(40), "failed").await;
        leave(&site, "recent", now.plus_seconds(-3600), "done").await;
        assert_eq!(counts(&site).await, [3; 9]);
        for _ in 0..3 {
            wiring::tick(&site.app).await.unwrap();
            jobs::drain(&site.app).await.unwrap();
        }
        // Of jobs the failed one stays, however old.
        assert_eq!(counts(&site).await, [1, 2, 1, 1, 1, 1, 1, 1, 1]);
        let mut conn = site.app.db.read().await.unwrap();
        let all = runs::latest(&mut conn, "clean_up", 9).await.unwrap();
        assert_eq!((all.len(), all[0].state, all[0].done), (1, runs::RunState::Finished, 17));
        let summary: serde_json::Value = serde_json::from_str(&all[0].summary).unwrap();
        assert_eq!((summary["finished_jobs"].as_i64(), summary["pay_links"].as_i64()), (Some(1), Some(2)));
        drop(conn);
        site.app.clock.set(now.plus_seconds(2 * 86_400));
        wiring::tick(&site.app).await.unwrap();
        jobs::drain(&site.app).await.unwrap();
        assert_eq!(counts(&site).await, [1, 2, 0, 0, 0, 0, 0, 0, 0], "what has expired since");
    }
}
