//! Asking for a new password, with and without an account.

use axum::http::StatusCode;
use platform::{jobs, params, settings};

use super::*;
use crate::testing::{As, House, system};

const PAGE: &str = admin::PAGE;

async fn ask_for(house: &House, name: &str) -> (StatusCode, String) {
    let reply = house.post_as(As::Stranger, PAGE, &[("name", name)]).await;
    (reply.status, reply.text)
}

/// The links that were mailed, the last first.
async fn links(house: &House) -> Vec<String> {
    jobs::drain(&house.app).await.unwrap();
    let mut conn = house.app.db.read().await.unwrap();
    let rows: Vec<(String, Vec<u8>)> = conn
        .all(
            "SELECT unique_key, sealed_token FROM mails WHERE template = 'admin_forgotten' ORDER BY id DESC",
            params![],
        )
        .await
        .unwrap();
    rows.into_iter()
        .map(|(key, sealed)| {
            String::from_utf8(house.app.vault.open(&format!("mails:{key}"), &sealed).unwrap()).unwrap()
        })
        .collect()
}

testkit::both_engines! {
    async fn a_link_comes_once_and_works_once(house: House) {
        assert!(house.send(As::Stranger, "GET", "/admin/login", "", String::new()).await.text.contains("forgot-password"));
        for name in ["BOSS@example.com", "boss@example.com"] {
            assert_eq!(ask_for(&house, name).await.0, StatusCode::OK);
        }
        let mailed = links(&house).await;
        assert_eq!(mailed.len(), 1, "one mail in a quarter of an hour");
        let path = format!("/admin/welcome/{}", mailed[0]);
        let good = [("password", "violet tram orbits quietly"), ("again", "violet tram orbits quietly")];
        assert_eq!(house.post_as(As::Stranger, &path, &good).await.status, StatusCode::SEE_OTHER);
        assert_eq!(house.post_as(As::Stranger, &path, &good).await.status, StatusCode::NOT_FOUND);
        let entered = [("email", "boss"), ("password", "violet tram orbits quietly")];
        assert_eq!(house.post_as(As::Stranger, "/admin/login", &entered).await.status, StatusCode::SEE_OTHER);
        assert_eq!(house.get("/admin/clients").await.to, "/admin/login?next=%2Fadmin%2Fclients", "older sessions end");
        house.app.clock.set(house.now.plus_seconds(PAUSE));
        ask_for(&house, "boss").await;
        let mailed = links(&house).await;
        let mut conn = house.app.db.read().await.unwrap();
        let late = house.now.plus_seconds(PAUSE + HOURS * 3600);
        assert!(admins::link_owner(&mut conn, &mailed[0], late.plus_seconds(-1)).await.is_ok());
        assert!(admins::link_owner(&mut conn, &mailed[0], late).await.is_err());
    }

    async fn the_answer_does_not_tell_who_is_there(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        let nobody = admins::by_username(&mut tx, "nobody").await.unwrap().unwrap();
        admins::disable(&mut tx, &system(), nobody.id, house.now).await.unwrap();
        tx.commit().await.unwrap();
        let before = house.statements();
        let known = ask_for(&house, "boss").await;
        let cost = house.statements() - before;
        for name in ["zoe", "nobody", "%", "boss' OR 1=1 --"] {
            let before = house.statements();
            assert_eq!(ask_for(&house, name).await, known, "{name}");
            assert_eq!(house.statements() - before, cost, "{name} takes as much work");
        }
        assert_eq!(links(&house).await.len(), 1);
        assert_eq!(ask_for(&house, " ").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn who_asks_too_often_waits(house: House) {
        for _ in 0..guessing::HERE {
            assert_eq!(ask_for(&house, "boss").await.0, StatusCode::OK);
        }
        assert_eq!(ask_for(&house, "boss").await.0, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(links(&house).await.len(), 1);
        house.app.clock.set(house.now.plus_seconds(guessing::WINDOW + 60));
        assert_eq!(ask_for(&house, "boss").await.0, StatusCode::OK);
        assert_eq!(house.post_as(As::Stranger, "/admin/login", &[("email", "boss"), ("password", "x")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn it_can_be_switched_off(house: House) {
        ask_for(&house, "boss").await;
        let mut tx = house.app.db.write().await.unwrap();
        settings::set(&mut tx, &OFFER, "false", house.now).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!house.send(As::Stranger, "GET", "/admin/login", "", String::new()).await.text.contains("forgot-password"));
        assert_eq!(ask_for(&house, "boss").await.0, StatusCode::CONFLICT);
        assert_eq!(links(&house).await, Vec::<String>::new(), "what was asked for before is not answered either");
    }
}
