//! Single sign-on at its doors.

use axum::http::StatusCode;
use platform::prune;
use serde_json::{Value, json};

use super::OLD;
use crate::clients::ClientEdit;
use crate::testing::{As, House, PASSWORD, Reply, Visitor, ann};
use crate::two_factor::OF_USERS;

const ADDRESS: &str = "http://localhost:8080";
const SSO: &str = "192.0.2.30";

impl House {
    /// The address, without the host, that an action's answer has.
    async fn asked(&self, fields: &[(&str, &str)]) -> String {
        let answer = self.action("CreateSsoToken", fields).await;
        assert_eq!(answer["result"], "success", "{answer}");
        let (url, token) = (answer["redirect_url"].as_str().unwrap(), answer["access_token"].as_str().unwrap());
        assert_eq!(url, format!("{ADDRESS}/oauth/singlesignon.php?access_token={token}"));
        assert_eq!(token.len(), 64);
        url.strip_prefix(ADDRESS).unwrap().to_owned()
    }

    /// What is said against it.
    async fn refused(&self, fields: &[(&str, &str)]) -> String {
        let answer = self.action("CreateSsoToken", fields).await;
        assert_eq!(answer["result"], "error", "{fields:?}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    async fn asked_by_json(&self, path: &str, body: Value) -> Reply {
        self.basic("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    async fn bob(&self) {
        self.client(ClientEdit { email: Some("bob@example.com".to_owned()), ..ann() }).await;
    }

    async fn look(&self) -> Vec<(i64, Option<i64>, i64)> {
        let mut conn = self.app.db.read().await.unwrap();
        conn.all("SELECT user_id, client_id, confirmed_at FROM user_sessions ORDER BY id", &[]).await.unwrap()
    }
}

impl Visitor<'_> {
    /// Opens the address, and is in.
    async fn gets_in(&mut self, path: &str, to: &str) {
        let reply = self.get(path).await;
        assert_eq!((reply.status, reply.to.as_str()), (StatusCode::SEE_OTHER, to), "{}", reply.text);
        assert!(self.is_logged_in().await);
    }

    async fn stays_out(&mut self, path: &str) {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::CONFLICT, "{}", reply.text);
        assert!(reply.set_cookies.is_empty(), "{:?}", reply.set_cookies);
        assert!(reply.text.contains("has been used or has expired"), "{}", reply.text);
    }
}

testkit::both_engines! {
    async fn the_address_logs_the_user_in_once(house: House) {
        house.ann().await;
        let path = house.asked(&[("client_id", "1")]).await;
        let mut browser = house.visitor(SSO);
        browser.gets_in(&path, "/account").await;
        assert!(browser.get("/account").await.text.contains("Welcome, Ann Lee"));
        house.visitor(SSO).stays_out(&path).await;
        browser.stays_out(&path).await;
        assert!(browser.is_logged_in().await, "a link that is used up ends no session");
        assert_eq!(house.look().await, [(1, Some(1), 0)], "the password was not typed");
        assert_eq!(house.logged("asked for a single sign-on of user ann@example.com to /account").await, ["boss"]);
        assert_eq!(house.logged("Logged in by single sign-on, for the API credential").await, ["ann@example.com"]);
        let token = path.split('=').nth(1).unwrap();
        assert_eq!(house.logged(token).await.len(), 0);
        let mut conn = house.app.db.read().await.unwrap();
        let stored: Vec<String> = conn.column("SELECT token_hash FROM sso_tokens", &[]).await.unwrap();
        assert_ne!(stored, [token]);
    }

    async fn of_two_at_the_same_time_one_gets_in(house: House) {
        house.ann().await;
        for _ in 0..3 {
            let path = house.asked(&[("user_id", "1")]).await;
            let (mut first, mut second) = (house.visitor(SSO), house.visitor(SSO));
            let (first, second) = tokio::join!(first.get(&path), second.get(&path));
            let mut both = [first.status.as_u16(), second.status.as_u16()];
            both.sort_unstable();
            assert_eq!(both, [303, 409]);
        }
        assert_eq!(house.count("user_sessions").await, 3);
    }

    async fn it_is_good_for_a_minute_and_cleared_away_later(house: House) {
        house.ann().await;
        let (first, second) = (house.asked(&[("client_id", "1")]).await, house.asked(&[("client_id", "1")]).await);
        house.pass(59);
        house.visitor(SSO).gets_in(&first, "/account").await;
        house.pass(1);
        house.visitor(SSO).stays_out(&second).await;
        let cleared = async || prune::run(&house.app.db, &[OLD], house.app.clock.now()).await.unwrap()[0].1;
        assert_eq!(cleared().await, 0);
        house.pass(3_600);
        assert_eq!(cleared().await, 2);
    }

    async fn what_only_looks_does_not_use_it_up(house: House) {
        house.ann().await;
        let path = house.asked(&[("client_id", "1")]).await;
        for header in [
            ("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "Prefetch"),
            ("sec-fetch-dest", "image"), ("sec-fetch-dest", "iframe"), ("sec-fetch-dest", "empty"),
        ] {
            let mut browser = house.visitor(SSO);
            browser.headers.push(header);
            let reply = browser.get(&path).await;
            assert!(reply.status == StatusCode::CONFLICT && reply.set_cookies.is_empty(), "{header:?}: {}", reply.text);
        }
        let head = house.send(As::Stranger, "HEAD", &path, "text/plain", String::new()).await;
        assert!(head.status == StatusCode::METHOD_NOT_ALLOWED && head.set_cookies.is_empty());
        let post = house.send(As::Stranger, "POST", &path, "application/x-www-form-urlencoded", String::new()).await;
        assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(house.count("user_sessions").await, 0);
        let mut browser = house.visitor(SSO);
        browser.headers.extend([("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")]);
        browser.gets_in(&path, "/account").await;
    }

    async fn the_second_factor_is_not_asked_for_and_the_password_where_it_matters(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        house.configure(&OF_USERS, "required").await;
        let mut by_password = house.visitor(SSO);
        let reply = by_password.log_in("ann@example.com", PASSWORD).await;
        assert_ne!(reply.to, "/account", "the door of the password asks for more");
        let path = house.asked(&[("user_id", "1")]).await;
        let mut browser = house.visitor(SSO);
        browser.gets_in(&path, "/account").await;
        assert!(browser.get("/account/email").await.to.starts_with("/account/confirm"));
        assert_eq!(browser.post("/account/confirm", &[("password", PASSWORD)]).await.to, "/account");
        assert_eq!(browser.get("/account/email").await.status, StatusCode::OK);
    }

    async fn the_session_of_the_browser_is_replaced_and_no_other(house: House) {
        house.ann().await;
        house.bob().await;
        let mut at_home = house.logged_in("ann@example.com").await;
        let mut here = house.logged_in("bob@example.com").await;
        let bobs = here.cookies.clone();
        let path = house.asked(&[("client_id", "1")]).await;
        here.gets_in(&path, "/account").await;
        assert!(here.get("/account").await.text.contains("ann@example.com"));
        assert!(at_home.is_logged_in().await);
        here.cookies = bobs;
        assert!(!here.is_logged_in().await, "nobody finds Bob's session in this browser again");
        // Wrong tokens end nothing.
        for path in ["/sso/x", "/oauth/singlesignon.php", "/oauth/singlesignon.php?access_token=", "/sso/%00", "/sso/%C3%A9"] {
            at_home.stays_out(path).await;
        }
        assert!(at_home.is_logged_in().await);
    }

    async fn it_leads_to_pages_of_the_client_area(house: House) {
        house.ann().await;
        let client = ("client_id", "1");
        let custom = ("destination", "sso:custom_redirect");
        for (fields, to) in [
            (vec![client, ("destination", "clientarea:profile")], "/account/details"),
            (vec![client, ("destination", "")], "/account"),
            (vec![client, custom, ("sso_redirect_path", "/account/security?x=1")], "/account/security?x=1"),
        ] {
            house.visitor(SSO).gets_in(&house.asked(&fields).await, to).await;
        }
        let before = house.count("sso_tokens").await;
        for destination in ["clientarea:invoices", "clientarea:nothing", "https://evil.example", "/account"] {
            assert_eq!(house.refused(&[client, ("destination", destination)]).await, "Invalid destination");
        }
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "/admin", "/account/../admin", "cart.php", ""] {
            let told = house.refused(&[client, custom, ("sso_redirect_path", path)]).await;
            assert!(told.contains("sso_redirect_path"), "{path}: {told}");
        }
        let told = house.refused(&[client, ("sso_redirect_path", "/account/security")]).await;
        assert!(told.contains("sso_redirect_path: Send it with destination=sso:custom_redirect"), "{told}");
        for name in ["service_id", "domain_id"] {
            assert!(house.refused(&[client, (name, "7")]).await.contains(name));
        }
        assert!(house.refused(&[("client_id", "one")]).await.contains("client_id"));
        assert_eq!(house.count("sso_tokens").await, before);
    }

    async fn who_is_named_must_be_there_and_go_together(house: House) {
        house.ann().await;
        house.bob().await;
        for (fields, told) in [
            (&[][..], "A valid client_id or user_id is required"),
            (&[("client_id", "0"), ("user_id", "")], "A valid client_id or user_id is required"),
            (&[("client_id", "9")], "Invalid client_id"),
            (&[("user_id", "9")], "Invalid user_id"),
            (&[("client_id", "1"), ("user_id", "9")], "Invalid user_id"),
            (&[("client_id", "-1")], "Invalid client_id"),
            (&[("client_id", "1"), ("user_id", "2")], "Invalid user_id for client"),
        ] {
            assert_eq!(house.refused(fields).await, told, "{fields:?}");
        }
        house.sql("DELETE FROM client_users WHERE client_id = 2").await;
        assert_eq!(house.refused(&[("client_id", "2")]).await, "Token could not be provisioned: client 2 has no owner");
        house.sql("UPDATE clients SET status = 'closed' WHERE id = 1").await;
        assert_eq!(house.refused(&[("client_id", "1")]).await, "SSO authentication blocked for client 1");
        assert_eq!((house.count("sso_tokens").await, house.logged("single sign-on").await.len()), (0, 0));
        // A user without an account logs in too, as at the login.
        let path = house.asked(&[("user_id", "2")]).await;
        house.visitor(SSO).gets_in(&path, "/account").await;
        assert_eq!(house.look().await, [(2, None, 0)]);
    }

    async fn a_user_turns_to_the_client_that_was_named(house: House) {
        house.ann().await;
        house.bob().await;
        house.sql("INSERT INTO client_users (client_id, user_id, is_owner, permissions) VALUES (2, 1, FALSE, 'invoices')").await;
        let path = house.asked(&[("client_id", "2"), ("user_id", "1")]).await;
        house.visitor(SSO).gets_in(&path, "/account").await;
        assert_eq!(house.look().await, [(1, Some(2), 0)]);
    }

    async fn what_is_closed_meanwhile_closes_it(house: House) {
        house.ann().await;
        for (close, open) in [
            ("UPDATE clients SET status = 'closed'", "UPDATE clients SET status = 'active'"),
            ("UPDATE client_users SET client_id = 2", "UPDATE client_users SET client_id = 1"),
            ("UPDATE api_credentials SET revoked_at = 1", "UPDATE api_credentials SET revoked_at = NULL"),
            ("UPDATE api_credentials SET expires_at = 1", "UPDATE api_credentials SET expires_at = NULL"),
            ("UPDATE admins SET disabled = TRUE", "UPDATE admins SET disabled = FALSE"),
            (
                "UPDATE role_permissions SET permission = 'Login as Owner' WHERE permission = 'Allow Login as Owner'",
                "UPDATE role_permissions SET permission = 'Allow Login as Owner' WHERE permission = 'Login as Owner'",
            ),
        ] {
            if close.contains("client_id = 2") && house.count("clients").await == 1 {
                house.bob().await;
                house.sql("DELETE FROM client_users WHERE client_id = 2").await;
            }
            let path = house.asked(&[("client_id", "1")]).await;
            house.sql(close).await;
            house.visitor(SSO).stays_out(&path).await;
            house.sql(open).await;
        }
        assert_eq!(house.count("user_sessions").await, 0);
        // A ban of which this node has not heard yet.
        let path = house.asked(&[("client_id", "1")]).await;
        let new = json!({ "network": "192.0.2.31", "reason": "Out" });
        house.api("POST", "/security/banned-ips", new).await;
        let reply = house.visitor("192.0.2.31").get(&path).await;
        assert!(reply.status == StatusCode::FORBIDDEN && reply.text.contains("Out"), "{}", reply.text);
        house.visitor(SSO).gets_in(&path, "/account").await;
    }

    async fn the_json_api_makes_the_same(house: House) {
        house.ann().await;
        house.bob().await;
        let path = "/users/1/sso-tokens";
        let made = house.asked_by_json(path, json!({ "client_id": 1, "path": "/account/security" })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let made = made.json();
        assert_eq!(made["url"], format!("{ADDRESS}/sso/{}", made["token"].as_str().unwrap()));
        assert_eq!(made["expires_at"], "2026-03-01T12:01:00Z");
        let url = made["url"].as_str().unwrap().strip_prefix(ADDRESS).unwrap().to_owned();
        let mut browser = house.visitor(SSO);
        browser.gets_in(&url, "/account/security").await;
        browser.stays_out(&url).await;
        let bare = house.asked_by_json(path, json!({})).await.json();
        let token = bare["token"].as_str().unwrap();
        house.visitor(SSO).gets_in(&format!("/oauth/singlesignon.php?access_token={token}"), "/account").await;
        for (path, body, status, field) in [
            (path, json!({ "client_id": 2 }), 422, "client_id"),
            (path, json!({ "client_id": 9 }), 422, "client_id"),
            (path, json!({ "client_id": "x" }), 422, "client_id"),
            (path, json!({ "path": "//evil.example" }), 422, "path"),
            (path, json!({ "destination": "x" }), 422, "destination"),
            ("/users/9/sso-tokens", json!({}), 404, ""),
        ] {
            let reply = house.asked_by_json(path, body.clone()).await;
            assert!(reply.status.as_u16() == status && reply.text.contains(field), "{body}: {}", reply.text);
        }
        house.sql("UPDATE clients SET status = 'closed' WHERE id = 1").await;
        assert_eq!(house.asked_by_json(path, json!({ "client_id": 1 })).await.status, StatusCode::CONFLICT);
        assert_eq!(house.count("sso_tokens").await, 2);
    }

    async fn staff_with_a_session_get_none(house: House) {
        house.ann().await;
        let reply = house.api("POST", "/users/1/sso-tokens", json!({})).await;
        assert!(reply.status == StatusCode::CONFLICT && reply.text.contains("Log in as owner"), "{}", reply.text);
        let nobody = house.send(As::Nobody, "POST", "/api/v1/users/1/sso-tokens", "application/json", "{}".to_owned()).await;
        assert_eq!(nobody.status, StatusCode::FORBIDDEN);
        house.sql("DELETE FROM role_permissions WHERE permission = 'Allow Login as Owner'").await;
        assert_eq!(house.asked_by_json("/users/1/sso-tokens", json!({})).await.status, StatusCode::FORBIDDEN);
        assert_eq!(house.count("sso_tokens").await, 0);
    }

    async fn a_credential_is_named_as_it_is_called(house: House) {
        house.ann().await;
        house.sql("UPDATE api_credentials SET description = 'Portal'").await;
        let path = house.asked(&[("client_id", "1")]).await;
        house.visitor(SSO).gets_in(&path, "/account").await;
        assert_eq!(house.logged("API credential “Portal”").await, ["boss", "ann@example.com"]);
    }
}
