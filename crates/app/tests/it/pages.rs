//! The pages that belong to no feature.

use accounts::doors::Access;
use axum::http::StatusCode;
use innkeeper::wiring;
use platform::runs::{self, NewRun};
use platform::{jobs, params};
use serde_json::{Value, json};

use crate::support::Site;

testkit::both_engines! {
    async fn every_page_of_an_empty_installation_is_shown(site: Site) {
        let boss = site.boss().await;
        let pages = wiring::routes().table.into_iter().filter(|entry| entry.method == "GET");
        for entry in pages.filter(|entry| matches!(entry.access, Access::Staff(_)) && !entry.path.contains('{')) {
            let (status, body) = site.get(&entry.path, Some(&boss)).await;
            assert_eq!(status, StatusCode::OK, "{}: {body}", entry.path);
        }
        let (status, docs) = site.get("/api/docs", None).await;
        assert_eq!(status, 200);
        assert!(docs.contains("&#x2f;api&#x2f;v1&#x2f;clients"), "{docs}");
    }

    async fn a_changed_setting_is_in_the_activity_log(site: Site) {
        let boss = site.boss().await;
        let fields = [("was.company_name", ""), ("company_name", "Harbour Hosting"), ("was.smtp_port", "587"), ("smtp_port", "587")];
        let (status, place) = site.post("/admin/setup/settings", &boss, &fields).await;
        assert_eq!((status.as_u16(), place.as_str()), (303, "/admin/setup/settings"));
        let mut conn = site.app.db.read().await.unwrap();
        let entries = accounts::activity_log::about(&mut conn, "setting:company_name").await.unwrap();
        drop(conn);
        let changes: Value = serde_json::from_str(&entries[0].changes).unwrap();
        assert_eq!(changes, json!([{ "field": "company_name", "old": "", "new": "Harbour Hosting" }]));
        assert_eq!(entries[0].actor_name, "boss");
        let (_, page) = site.get("/admin", Some(&boss)).await;
        assert!(page.contains("Harbour Hosting"), "the frame has the new name");
    }

    async fn wrong_settings_are_all_told_and_none_is_stored(site: Site) {
        let boss = site.boss().await;
        let fields = [
            ("was.company_name", ""), ("company_name", "Harbour Hosting"),
            ("was.smtp_port", "587"), ("smtp_port", "many"),
            ("was.mail_from", ""), ("mail_from", "nobody"),
        ];
        let (status, page) = site.post("/admin/setup/settings", &boss, &fields).await;
        assert_eq!(status, 422);
        for told in ["Write a whole number from 1 to 65535.", "Write an e-mail address", "Harbour Hosting", "value=\"many\""] {
            assert!(page.contains(told), "{told} is missing");
        }
        let count: i64 = site.app.db.read().await.unwrap().scalar("SELECT COUNT(*) FROM settings", params![]).await.unwrap();
        assert_eq!(count, 0);
    }

    async fn a_setting_that_somebody_else_has_changed_is_not_replaced_unseen(site: Site) {
        let boss = site.boss().await;
        let mine = [("was.smtp_port", "587"), ("smtp_port", "25"), ("was.company_name", ""), ("company_name", "")];
        site.post("/admin/setup/settings", &boss, &[("was.smtp_port", "587"), ("smtp_port", "465"), ("was.company_name", ""), ("company_name", "Theirs")]).await;
        let (status, page) = site.post("/admin/setup/settings", &boss, &mine).await;
        assert_eq!(status, 422);
        assert!(page.contains("changed this to “465” meanwhile"), "{page}");
        assert!(page.contains("value=\"Theirs\""), "what I did not touch is shown as it is now");
    }

    async fn a_failed_job_is_tried_again(site: Site) {
        let boss = site.boss().await;
        let now = site.app.clock.now();
        let mut tx = site.app.db.write().await.unwrap();
        let job = jobs::NewJob::now("nobody.knows", json!({ "secret": "<b>" }), now).attempts(1).about("client:1");
        jobs::enqueue(&mut tx, job, now).await.unwrap();
        tx.commit().await.unwrap();
        jobs::drain(&site.app).await.unwrap();
        let (_, list) = site.get("/admin/utilities/jobs", Some(&boss)).await;
        assert!(list.contains("nobody.knows") && list.contains("Failed"), "{list}");
        let (_, one) = site.get("/admin/utilities/jobs/1", Some(&boss)).await;
        assert!(one.contains("no handler for jobs of kind") && one.contains("&lt;b&gt;"), "{one}");
        let (_, failed) = site.json(&boss, "GET", "/jobs?state=failed", Value::Null).await;
        assert_eq!((&failed["items"][0]["payload"]["secret"], &failed["total"]), (&json!("<b>"), &json!(1)));
        let (status, again) = site.json(&boss, "POST", "/jobs/1/retry", Value::Null).await;
        assert_eq!((status.as_u16(), &again["state"], &again["attempts"]), (200, &json!("ready"), &json!(0)));
        assert_eq!(site.json(&boss, "POST", "/jobs/1/retry", Value::Null).await.0, 409);
        jobs::drain(&site.app).await.unwrap();
        assert_eq!(site.json(&boss, "GET", "/jobs/1", Value::Null).await.1["state"], "failed");
        assert_eq!(site.json(&boss, "GET", "/jobs/99", Value::Null).await.0, 404);
        let (status, place) = site.post("/admin/utilities/jobs/1/retry", &boss, &[]).await;
        assert_eq!((status.as_u16(), place.as_str()), (303, "/admin/utilities/jobs/1"));
        let state: String = site.app.db.read().await.unwrap().scalar("SELECT state FROM jobs WHERE id = 1", params![]).await.unwrap();
        assert_eq!(state, "ready");
        assert_eq!(site.get("/admin/utilities/jobs/x", Some(&boss)).await.0, 404);
        assert_eq!(site.get("/admin/utilities/jobs/99", Some(&boss)).await.0, 404);
    }

    async fn a_run_shows_its_progress_and_its_failures(site: Site) {
        let boss = site.boss().await;
        let now = site.app.clock.now();
        let new = NewRun {
            task: "generate_invoices",
            job: "test",
            key: "today".to_owned(),
            business_date: kernel::Date::new(2026, 3, 1).unwrap(),
            trigger: "manual",
            requested_by: "boss".to_owned(),
            scope: json!({}),
        };
        let mut tx = site.app.db.write().await.unwrap();
        let (id, _) = runs::request(&mut tx, new, now).await.unwrap();
        runs::start(&mut tx, id, now.plus_seconds(-10)).await.unwrap();
        runs::progress(&mut tx, id, 400, 99, 1).await.unwrap();
        runs::fail(&mut tx, id, Some(7), None, "The product has no price in EUR.", now).await.unwrap();
        tx.commit().await.unwrap();
        let (_, listed) = site.json(&boss, "GET", "/runs?task=generate_invoices", Value::Null).await;
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["done"]), (&json!(id), &json!(99)));
        assert_eq!(site.json(&boss, "GET", "/runs?task=capture", Value::Null).await.1["total"], 0);
        let (_, shown) = site.json(&boss, "GET", &format!("/runs/{id}"), Value::Null).await;
        let failure = &shown["failures"][0];
        assert_eq!((&failure["client_id"], &failure["message"]), (&json!(7), &json!("The product has no price in EUR.")));
        assert_eq!((shown["failures"].as_array().unwrap().len(), &shown["failed"]), (1, &json!(1)));
        let path = format!("/admin/utilities/automation/{id}");
        let (_, body) = site.get(&format!("{path}/progress.json"), Some(&boss)).await;
        let progress: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&progress["state"], &progress["done"], &progress["total"]), (&"running".into(), &100.into(), &400.into()));
        let (_, page) = site.get(&path, Some(&boss)).await;
        assert!(page.contains("no price in EUR") && page.contains("data-progress-src"), "{page}");

        let mut tx = site.app.db.write().await.unwrap();
        let done = "UPDATE task_runs SET state = 'finished', summary = '{\"invoices\": 1234}', finished_at = $2 WHERE id = $1";
        tx.execute(done, platform::params![id, now]).await.unwrap();
        tx.commit().await.unwrap();
        let (_, page) = site.get(&path, Some(&boss)).await;
        assert!(page.contains("1,234") && !page.contains("data-progress-src"), "{page}");
        let (_, list) = site.get("/admin/utilities/automation", Some(&boss)).await;
        assert!(list.contains("Generate invoices"), "{list}");
    }

    async fn the_command_bar_finds_clients_for_those_who_may_see_them(site: Site) {
        let boss = site.boss().await;
        let fields = [("first_name", "Elena"), ("last_name", "Márquez"), ("company", "Brightwood 100%"), ("email", "elena@example.com"), ("country", "ES"), ("currency", "USD")];
        let (status, place) = site.post("/admin/clients", &boss, &fields).await;
        assert_eq!(status, 303, "{place}");
        for q in ["elena@", "MÁRQUEZ bright", "1", "100%25"] {
            let (_, body) = site.get(&format!("/admin/search.json?q={}", platform::web::lists::escape(q).replace("%2525", "%25")), Some(&boss)).await;
            let found: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(found["groups"][0]["items"][0]["href"], "/admin/clients/1", "{q}: {body}");
        }
        let (_, none) = site.get("/admin/search.json?q=zzz", Some(&boss)).await;
        assert_eq!(none, r#"{"groups":[]}"#);
        let support = site.log_in("sue", "May do nothing").await;
        let mut tx = site.app.db.write().await.unwrap();
        tx.execute("INSERT INTO role_permissions (role_id, permission) SELECT id, 'Main Homepage' FROM roles WHERE name = 'May do nothing'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let (_, hidden) = site.get("/admin/search.json?q=elena", Some(&support)).await;
        assert_eq!(hidden, r#"{"groups":[]}"#);
    }
}
