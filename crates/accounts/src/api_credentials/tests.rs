//! Credentials at the doors.

use axum::http::StatusCode;
use platform::params;
use serde_json::json;

use super::*;
use crate::doors::by_credential;
use crate::testing::{As, House, system};

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

    async fn a_credential_is_taken_from_its_networks_only(house: House) {
        let made = house.api("POST", "/api-credentials", json!({ "admin_id": 1, "networks": "192.0.2.0/24 2001:db8::/32" })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let made = made.json();
        assert_eq!(made["networks"], "192.0.2.0/24, 2001:db8::/32");
        let (identifier, secret) = (made["identifier"].as_str().unwrap(), made["secret"].as_str().unwrap());
        for (ip, status) in [
            ("192.0.2.7", 200), ("::ffff:192.0.2.7", 200), ("2001:db8::9", 200), ("198.51.100.7", 403), ("2001:db9::1", 403),
        ] {
            let answer = house.basic_from(ip, (identifier, secret), "GET", "/clients").await;
            assert_eq!(answer.status.as_u16(), status, "{ip}: {}", answer.text);
        }
        let fields = [("identifier", identifier), ("secret", secret), ("action", "GetClients")];
        let (status, answer) = house.compat_from("198.51.100.7", &fields).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(answer, json!({ "result": "error", "message": "Invalid IP 198.51.100.7" }));
    }

    async fn an_access_key_opens_the_compatible_api_to_other_addresses(house: House) {
        let (identifier, secret) = house.credential();
        house.configure_all(&[("api_networks", "10.0.0.0/8")]).await;
        let ask = async |ip: &str, key: &str| {
            let fields = [("identifier", identifier.as_str()), ("secret", &secret), ("action", "GetClients"), ("accesskey", key)];
            house.compat_from(ip, &fields).await.0.as_u16()
        };
        assert_eq!([ask("10.1.2.3", "").await, ask("192.0.2.1", "").await, ask("192.0.2.1", "x").await], [200, 403, 403]);
        assert_eq!(house.basic_from("192.0.2.1", (&identifier, &secret), "GET", "/clients").await.status, StatusCode::FORBIDDEN);
        let page = house.get("/admin/api-credentials/access-key").await.text;
        assert!(page.contains("There is no access key"), "{page}");
        let made = house.post("/admin/api-credentials/access-key", &[]).await;
        let key = made.text.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let key = key.replace("&#x2f;", "/");
        assert!(key.len() == 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || "!@#$%.()*[]-_".contains(c)), "{key}");
        assert_eq!([ask("192.0.2.1", &key).await, ask("192.0.2.1", "x").await], [200, 403]);
        assert_eq!(house.basic_from("192.0.2.1", (&identifier, &secret), "GET", "/clients").await.status, StatusCode::FORBIDDEN);
        let stored: String = house.app.db.read().await.unwrap()
            .scalar("SELECT value FROM settings WHERE key = 'api_access_key_hash'", params![]).await.unwrap();
        assert!(stored.len() == 64 && stored != key);
        assert!(!house.get("/admin/api-credentials/access-key").await.text.contains(&key), "it is shown once");
        // The form sent once more replaces nothing.
        assert_eq!(house.post("/admin/api-credentials/access-key", &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(ask("192.0.2.1", &key).await, 200);
        house.post("/admin/api-credentials/access-key/remove", &[]).await;
        assert_eq!(ask("192.0.2.1", &key).await, 403);
        let log = house.api("GET", "/activity-log?q=access+key", json!(null)).await.text;
        assert!(log.contains("API access key made") && log.contains("API access key removed") && !log.contains(&key));
    }

    async fn guessing_an_access_key_is_banned_and_an_old_secret_is_not(house: House) {
        let (identifier, secret) = house.credential();
        house.configure_all(&[("api_networks", "10.0.0.0/8"), ("failed_api_requests", "3"), ("log_api_authentication", "true")]).await;
        for _ in 0..2 {
            let fields = [("identifier", identifier.as_str()), ("secret", &secret), ("action", "GetClients"), ("accesskey", "guess")];
            assert_eq!(house.compat_from("192.0.2.1", &fields).await.1["message"], "Invalid IP 192.0.2.1");
        }
        let fields = [("identifier", identifier.as_str()), ("secret", &secret), ("action", "GetClients"), ("accesskey", "guess")];
        let (status, answer) = house.compat_from("192.0.2.1", &fields).await;
        assert!(status == StatusCode::FORBIDDEN && answer["message"].as_str().unwrap().contains("banned"), "{answer}");
        house.configure_all(&[("api_networks", "")]).await;
        let mut tx = house.app.db.write().await.unwrap();
        revoke(&mut tx, &system(), &identifier, house.now).await.unwrap();
        tx.commit().await.unwrap();
        for _ in 0..5 {
            let refused = house.basic_from("192.0.2.2", (&identifier, &secret), "GET", "/clients").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "who has the secret guesses nothing: {}", refused.text);
        }
        // Once a minute for each address.
        let sql = "SELECT ip || ': ' || description FROM activity_log WHERE description LIKE 'API authentication%' ORDER BY id";
        let told: Vec<String> = house.app.db.read().await.unwrap().column(sql, params![]).await.unwrap();
        assert_eq!(told, [
            "192.0.2.1: API authentication failed: the access key is wrong",
            "192.0.2.2: API authentication failed: the credential is revoked, has expired, or its administrator is disabled",
        ]);
    }

    async fn nothing_is_written_of_failures_unless_the_setting_says_so(house: House) {
        let before = house.count("activity_log").await;
        assert_eq!(house.basic_from("192.0.2.1", ("nobody", "knows"), "GET", "/clients").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(house.count("activity_log").await, before);
        house.configure_all(&[("log_api_authentication", "true")]).await;
        house.basic_from("192.0.2.1", ("nobody", "knows"), "GET", "/clients").await;
        assert_eq!(house.count("activity_log").await, before + 2, "the setting's change and the failure");
    }

    async fn an_expired_credential_opens_nothing_and_can_be_given_a_later_end(house: House) {
        let end = house.now.plus_seconds(3600).to_string();
        let made = house.api("POST", "/api-credentials", json!({ "admin_id": 1, "expires_at": end })).await.json();
        let (identifier, secret) = (made["identifier"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let ask = async || house.basic_from("192.0.2.1", (identifier, secret), "GET", "/clients").await.status.as_u16();
        assert_eq!(ask().await, 200);
        house.app.clock.set(house.now.plus_seconds(3600));
        assert_eq!(ask().await, 401);
        let path = format!("/api-credentials/{}", made["id"]);
        assert_eq!(house.api("GET", &path, json!(null)).await.json()["state"], "expired");
        let past = house.api("PATCH", &path, json!({ "expires_at": house.now.plus_seconds(60).to_string() })).await;
        assert_eq!(past.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", past.text);
        assert_eq!(house.api("PATCH", &path, json!({ "expires_at": null, "description": "Monitor" })).await.status, StatusCode::OK);
        assert_eq!(ask().await, 200);
    }

    async fn a_rotated_credential_has_its_old_secret_as_long_as_was_asked_for(house: House) {
        let made = house.api("POST", "/api-credentials", json!({ "admin_id": 1 })).await.json();
        let identifier = made["identifier"].as_str().unwrap();
        let secrets = |answer: &serde_json::Value| answer["secret"].as_str().unwrap().to_owned();
        let ask = async |secret: &str| house.basic_from("192.0.2.1", (identifier, secret), "GET", "/clients").await.status.as_u16();
        let path = format!("/api-credentials/{}/rotate", made["id"]);
        let first = secrets(&made);
        assert_eq!(house.api("POST", &path, json!({ "hours": 25 })).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let second = secrets(&house.api("POST", &path, json!({ "hours": 2, "rotated_at": null })).await.json());
        assert_eq!([ask(&first).await, ask(&second).await], [200, 200]);
        let again = house.api("POST", &path, json!({ "hours": 2, "rotated_at": null })).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
        assert_eq!([ask(&first).await, ask(&second).await], [200, 200], "sent twice, done once");
        house.app.clock.set(house.now.plus_seconds(7200));
        assert_eq!([ask(&first).await, ask(&second).await], [401, 200]);
        let third = secrets(&house.api("POST", &path, json!({})).await.json());
        assert_eq!([ask(&second).await, ask(&third).await], [401, 200], "without hours the old one ends at once");
        let revoked = house.api("DELETE", &format!("/api-credentials/{}", made["id"]), json!(null)).await;
        assert_eq!(revoked.json()["state"], "revoked", "{}", revoked.text);
        assert_eq!(ask(&third).await, 401);
        assert_eq!(house.api("POST", &path, json!({})).await.status, StatusCode::CONFLICT, "what is revoked stays so");
        let text = house.api("GET", "/activity-log?q=rotated", json!(null)).await.text;
        assert!(text.contains("the old secret ends at 2026-03-01T14:00:00Z") && !text.contains(&third), "{text}");
    }

    async fn nobody_gets_at_the_rights_of_somebody_who_may_do_more(house: House) {
        house.sql("INSERT INTO role_permissions SELECT id, 'Configure Administrators' FROM roles WHERE name = 'Nothing'").await;
        let as_nobody = async |method: &str, path: &str, body: serde_json::Value| {
            house.send(As::Nobody, method, &format!("/api/v1{path}"), "application/json", body.to_string()).await
        };
        let refused = as_nobody("POST", "/api-credentials", json!({ "admin_id": 1 })).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains("boss may do what you may not"), "{}", refused.text);
        assert_eq!(as_nobody("POST", "/api-credentials/1/rotate", json!({})).await.status, StatusCode::CONFLICT);
        assert_eq!(as_nobody("PATCH", "/api-credentials/1", json!({ "networks": "10.0.0.0/8" })).await.status, StatusCode::CONFLICT);
        assert_eq!(as_nobody("POST", "/api-credentials", json!({ "admin_id": 2 })).await.status, StatusCode::CREATED);
        assert_eq!(house.basic("GET", "/clients", &[], "").await.status, StatusCode::OK, "the boss's goes on");
    }

    async fn a_credential_has_a_limit_of_its_own(house: House) {
        house.configure_all(&[("api_requests_per_minute", "100")]).await;
        let made = house.api("POST", "/api-credentials", json!({ "admin_id": 1, "requests_per_minute": 2 })).await.json();
        let (identifier, secret) = (made["identifier"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(house.basic_from("192.0.2.1", (identifier, secret), "GET", "/clients").await.status.as_u16());
        }
        assert_eq!(answers, [200, 200, 429]);
        assert_eq!(house.basic("GET", "/clients", &[], "").await.status, StatusCode::OK, "another one has another");
        for wrong in [0, -1, 1_000_001] {
            let refused = house.api("PATCH", "/api-credentials/2", json!({ "requests_per_minute": wrong })).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        }
    }

    async fn the_last_use_is_written_once_a_minute(house: House) {
        let used = async || -> (Option<i64>, String) {
            let sql = "SELECT last_used_at, last_used_ip FROM api_credentials WHERE id = 1";
            house.app.db.read().await.unwrap().one(sql, params![]).await.unwrap()
        };
        let (identifier, secret) = house.credential();
        let ask = async |ip: &str| house.basic_from(ip, (&identifier, &secret), "GET", "/clients").await;
        ask("192.0.2.1").await;
        assert_eq!(used().await, (Some(house.now.micros()), "192.0.2.1".to_owned()));
        let before = house.statements();
        ask("192.0.2.2").await;
        let each = house.statements() - before;
        assert_eq!(used().await.1, "192.0.2.1", "not within a minute");
        house.app.clock.set(house.now.plus_seconds(30));
        let before = house.statements();
        ask("192.0.2.2").await;
        assert_eq!(house.statements() - before, each, "and no request writes");
        house.app.clock.set(house.now.plus_seconds(61));
        ask("192.0.2.2").await;
        assert_eq!(used().await, (Some(house.now.plus_seconds(61).micros()), "192.0.2.2".to_owned()));
    }

    async fn a_form_that_is_sent_twice_makes_one_credential(house: House) {
        let page = house.get("/admin/api-credentials/new").await.text;
        let identifier = page.split("name=\"identifier\" value=\"").nth(1).unwrap()[..32].to_owned();
        let wrong = [("admin_id", "1"), ("identifier", identifier.as_str()), ("networks", "nowhere"), ("description", "Backup")];
        let refused = house.post("/admin/api-credentials", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("value=\"Backup\"") && refused.text.contains(&identifier), "nothing typed is lost");
        let form = [
            ("admin_id", "1"), ("identifier", identifier.as_str()), ("description", "Backup"), ("networks", "10.0.0.0/8"),
            ("expires_at", "2026-06-01T00:00"), ("requests_per_minute", "5"), ("role_id", ""),
        ];
        let made = house.post("/admin/api-credentials", &form).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text);
        assert!(made.text.contains("This is shown once") && made.text.contains(&identifier));
        let secret = made.text.split("data-copy=\"").nth(2).unwrap()[..64].to_owned();
        assert_eq!(house.post("/admin/api-credentials", &form).await.status, StatusCode::SEE_OTHER);
        assert_eq!(house.count("api_credentials").await, 2);
        assert_eq!(house.basic_from("10.9.9.9", (&identifier, &secret), "GET", "/clients").await.status, StatusCode::OK);
        let list = house.get("/admin/api-credentials?q=back&state=good").await.text;
        assert!(list.contains("Backup") && list.contains("10.9.9.9") && list.contains("2026-06-01"), "{list}");
        assert!(house.get("/admin/api-credentials?state=revoked").await.text.contains("Nothing matches"));
        let csv = house.get("/admin/api-credentials?format=csv&sort=used").await.text;
        assert_eq!(csv.lines().count(), 3, "{csv}");
        assert!(!csv.contains(&secret));
        let page = house.get("/admin/api-credentials/2").await.text;
        assert!(page.contains("value=\"2026-06-01T00:00:00\"") && page.contains("Rotate"), "{page}");
        let saved = [("description", "Nightly"), ("networks", ""), ("expires_at", ""), ("requests_per_minute", ""), ("role_id", "")];
        assert_eq!(house.post("/admin/api-credentials/2", &saved).await.to, "/admin/api-credentials");
        let rotated = house.post("/admin/api-credentials/2/rotate", &[("hours", "1"), ("rotated_at", "0")]).await;
        assert!(rotated.text.contains("This is shown once"), "{}", rotated.text);
        assert_eq!(house.post("/admin/api-credentials/2/rotate", &[("hours", "1"), ("rotated_at", "0")]).await.to, "/admin/api-credentials/2");
        assert_eq!(house.post("/admin/api-credentials/2/revoke", &[]).await.to, "/admin/api-credentials");
        assert!(house.get("/admin/api-credentials/2").await.text.contains("Revoked"));
    }
}
