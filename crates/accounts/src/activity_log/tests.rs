//! The activity log: its page, its API, the compatible actions.

use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::testing::{House, system};

async fn said(house: &House, text: &str, client_id: Option<i64>, at: &str) {
    let mut tx = house.app.db.write().await.unwrap();
    let activity = Activity { client_id, ..Activity::new(text) };
    record(&mut tx, &system(), activity, Timestamp::parse(at).unwrap()).await.unwrap();
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn the_page_shows_what_the_filter_lets_through(house: House) {
        house.ann().await;
        said(&house, "Backup done", None, "2026-01-31T23:30:00Z").await;
        said(&house, "Backup <failed>", Some(1), "2026-02-01T08:00:00Z").await;
        let all = house.get("/admin/logs/activity").await.text;
        assert!(all.contains("Backup done") && all.contains("Backup &lt;failed&gt;"), "{all}");
        let page = house.get("/admin/logs/activity?q=BACKUP&client=1").await.text;
        assert!(page.contains("failed") && !page.contains("done"));
        let day = house.get("/admin/logs/activity?from=2026-01-31&until=2026-01-31").await.text;
        assert!(day.contains("Backup done") && !day.contains("failed"));
        house.sql("INSERT INTO settings (key, value, updated_at) VALUES ('time_zone', 'Europe/Vienna', 0)").await;
        let day = house.get("/admin/logs/activity?from=2026-02-01&until=2026-02-01").await.text;
        assert!(day.contains("2026-02-01 00:30:00"), "a day is the business's day: {day}");
        assert!(house.get("/admin/logs/activity?q=nothing+like+it").await.text.contains("Nothing matches"));
        let wrong = house.get("/admin/logs/activity?from=yesterday&client=x").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn the_file_holds_the_filtered_entries_and_no_formulas(house: House) {
        said(&house, "@SUM(1)", None, "2026-01-31T10:00:00Z").await;
        let file = house.get("/admin/logs/activity?q=sum&format=csv").await.text;
        assert_eq!(file.lines().count(), 2, "{file}");
        assert!(file.contains("2026-01-31 10:00:00,'@SUM(1)"), "{file}");
    }

    async fn the_page_shows_old_and_new(house: House) {
        house.ann().await;
        house.api("PATCH", "/clients/1", json!({ "city": "Wien" })).await;
        let page = house.get("/admin/logs/activity?client=1").await.text;
        assert!(page.contains("<del><bdi>Linz</bdi></del>") && page.contains("<ins><bdi>Wien</bdi></ins>"), "{page}");
    }

    async fn the_api_lists_entries_with_their_changes(house: House) {
        house.ann().await;
        house.api("PATCH", "/clients/1", json!({ "city": "Wien" })).await;
        let list = house.api("GET", "/activity-log?client=1", json!(null)).await.json();
        assert_eq!(list["total"], 3, "{list}");
        let entry = &list["items"][0];
        assert_eq!(entry["changes"], json!([{ "field": "City", "old": "Linz", "new": "Wien" }]));
        assert_eq!((&entry["actor"]["name"], &entry["at"]), (&json!("boss"), &json!("2026-03-01T12:00:00Z")));
    }

    async fn compatible_actions_write_and_read_the_log(house: House) {
        house.ann().await;
        assert_eq!(house.action("LogActivity", &[("description", "Rang them"), ("clientid", "1")]).await["result"], "success");
        assert_eq!(house.action("LogActivity", &[("description", "x"), ("clientid", "9")]).await["result"], "error");
        assert_eq!(house.action("LogActivity", &[("description", " ")]).await["result"], "error");
        for forged in ["Rang them\nLogged in", "Rang them\u{202e}", "x".repeat(2_001).as_str()] {
            let answer = house.action("LogActivity", &[("description", forged)]).await;
            assert!(answer["message"].as_str().unwrap().starts_with("description:"), "{answer}");
        }
        let log = house.action("GetActivityLog", &[("user", "BOSS"), ("date", "2026-03-01"), ("description", "rang")]).await;
        assert_eq!((&log["totalresults"], &log["startnumber"]), (&json!(1), &json!(0)), "{log}");
        let mut entry = log["activity"]["entry"][0].clone();
        assert!(entry["id"].take().is_i64());
        assert_eq!(entry, json!({
            "id": null, "clientId": 1, "userId": 0, "adminId": 1, "date": "2026-03-01 12:00:00",
            "description": "Rang them", "username": "boss", "ipaddress": "127.0.0.1", "userid": 1,
        }));
        let none = house.action("GetActivityLog", &[("ipaddress", "192.0.2.1"), ("limitnum", "5")]).await;
        assert_eq!(none["totalresults"], 0);
        assert_eq!(house.action("GetActivityLog", &[("limitstart", "-1")]).await["result"], "error");
    }
}
