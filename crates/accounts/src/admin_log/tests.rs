//! Logins of staff, from the first page to the end.

use axum::http::StatusCode;
use kernel::Timestamp;
use serde_json::{Value, json};

use crate::testing::{As, House};
use crate::{admins, sessions};

async fn log(house: &House, query: &str) -> Vec<Value> {
    let list = house.api("GET", &format!("/admin-log{query}"), json!(null)).await.json();
    list["items"].as_array().unwrap().clone()
}

async fn log_in(house: &House, admin: i64, ip: &str, now: Timestamp) -> String {
    let mut tx = house.app.db.write().await.unwrap();
    let token = sessions::start(&mut tx, admin, ip, &house.app.random, now).await.unwrap();
    tx.commit().await.unwrap();
    token
}

testkit::both_engines! {
    async fn a_login_is_listed_until_it_ends(house: House) {
        let later = house.now.plus_seconds(600);
        let token = log_in(&house, 2, "192.0.2.4", later).await;
        let listed = log(&house, "?admin=NOB&sort=-started").await;
        assert_eq!((&listed[0]["ip"], &listed[0]["until"], listed.len()), (&json!("192.0.2.4"), &json!(null), 2));
        house.app.clock.set(house.now.plus_seconds(3_600));
        let mut tx = house.app.db.write().await.unwrap();
        sessions::touch(&mut tx, &sessions::hash(&token), house.now.plus_seconds(1_200)).await.unwrap();
        sessions::end(&mut tx, &token, house.now.plus_seconds(1_800)).await.unwrap();
        sessions::end(&mut tx, &token, house.now.plus_seconds(2_400)).await.unwrap();
        tx.commit().await.unwrap();
        let ended = log(&house, "?ip=192.0.2.4").await;
        assert_eq!(ended[0]["seen_at"], json!("2026-03-01T12:20:00Z"));
        assert_eq!(ended[0]["until"], json!("2026-03-01T12:30:00Z"), "once is once");
    }

    async fn a_session_that_nobody_uses_times_out_in_the_log(house: House) {
        let day = house.now.plus_seconds(86_400);
        log_in(&house, 1, "192.0.2.5", house.now).await;
        let reader = log_in(&house, 1, "192.0.2.6", day).await;
        house.app.clock.set(day);
        let (status, page) = house.get_with(&reader, "/admin/logs/admin?ip=192.0.2.5").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("(timed out)") && page.contains("2026-03-02 00:00:00"), "{page}");
    }

    async fn whoever_is_disabled_is_logged_out(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        admins::disable(&mut tx, &crate::testing::system(), 2, house.now.plus_seconds(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(log(&house, "?admin=nobody").await[0]["ended_at"], json!("2026-03-01T12:01:00Z"));
        assert_eq!(log(&house, "?admin=boss").await[0]["ended_at"], json!(null));
    }

    async fn logging_out_is_in_the_log_and_its_file(house: House) {
        house.post("/admin/logout", &[]).await;
        let reader = log_in(&house, 1, "192.0.2.6", house.now).await;
        let (_, file) = house.get_with(&reader, "/admin/logs/admin?format=csv&sort=started").await;
        assert_eq!(file.lines().count(), 4, "{file}");
        assert!(file.contains("boss,127.0.0.1,2026-03-01 12:00:00,2026-03-01 12:00:00,2026-03-01 12:00:00"), "{file}");
        assert_eq!(house.send(As::Nobody, "GET", "/admin/logs/admin", "text/plain", String::new()).await.status, StatusCode::FORBIDDEN);
        assert_eq!(house.get_with(&reader, "/admin/logs/admin?from=x").await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(house.get_with(&reader, "/admin/logs/admin?from=2026-03-02").await.1.contains("Nothing matches"));
    }
}
