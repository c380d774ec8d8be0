//! Credentials at the doors.

use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::doors::by_credential;
use crate::testing::{House, system};

testkit::both_engines! {
    async fn a_revoked_credential_opens_nothing(house: House) {
        let (identifier, secret) = house.credential();
        let before = house.count("activity_log").await;
        let mut tx = house.app.db.write().await.unwrap();
        let listed = list(&mut tx).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].revoked_at.is_none() && listed[0].admin == "boss");
        revoke(&mut tx, &system(), &identifier, house.now).await.unwrap();
        assert!(by_credential(&mut tx, &identifier, &secret).await.unwrap().is_none());
        let again = revoke(&mut tx, &system(), &identifier, house.now.plus_seconds(60)).await.unwrap();
        assert_eq!(again.revoked_at, Some(house.now), "once is once");
        assert!(matches!(revoke(&mut tx, &system(), "nothing", house.now).await, Err(Error::NotFound(_))));
        tx.commit().await.unwrap();
        assert_eq!(house.count("activity_log").await, before + 1);
        assert_eq!(house.basic("GET", "/clients", &[], "").await.status, StatusCode::UNAUTHORIZED);
    }

    async fn a_credential_is_for_roles_that_may_use_apis(house: House) {
        assert_eq!(house.basic("GET", "/clients", &[], "").await.status, StatusCode::OK);
        house.sql("DELETE FROM role_permissions WHERE permission = 'API Access'").await;
        let refused = house.basic("GET", "/clients", &[], "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.text.contains("API Access"), "{}", refused.text);
        assert_eq!(house.get("/admin/clients").await.status, StatusCode::OK, "pages do not ask for it");
    }

    async fn a_browser_that_knows_the_credential_is_not_misused_by_another_site(house: House) {
        let group = json!({ "name": "Friends" }).to_string();
        let json_kind = ("content-type", "application/json");
        let post = async |headers: &[(&str, &str)]| house.basic("POST", "/client-groups", headers, &group).await.status;
        for foreign in [
            ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"),
            ("origin", "null"), ("origin", "http://localhost.evil.example"),
        ] {
            assert_eq!(post(&[json_kind, ("host", "localhost"), foreign]).await, StatusCode::CONFLICT, "{foreign:?}");
        }
        // What a form, or a script that asks nobody, can send.
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json"] {
            let refused = house.basic("POST", "/client-groups", &[("content-type", kind)], &group).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
            assert_eq!(refused.json()["errors"][0]["field"], "Content-Type");
        }
        let untyped = house.basic("POST", "/client-groups", &[("host", "localhost"), ("origin", "http://localhost")], &group);
        assert_eq!(untyped.await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.count("client_groups").await, 0);
        let bare = house.basic("POST", "/client-groups", &[], &group).await;
        assert_eq!(bare.status, StatusCode::CREATED, "what says nothing of itself is no browser: {}", bare.text);
        // A program, and the own site's page with and without TLS.
        for (at, own) in [
            ("host", "localhost"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("origin", "http://localhost"),
        ].into_iter().enumerate() {
            let group = json!({ "name": format!("Friends {at}") }).to_string();
            let headers = [("content-type", "application/json; charset=utf-8"), ("host", "localhost"), own];
            let made = house.basic("POST", "/client-groups", &headers, &group).await;
            assert_eq!(made.status, StatusCode::CREATED, "{own:?}: {}", made.text);
        }
    }
}
