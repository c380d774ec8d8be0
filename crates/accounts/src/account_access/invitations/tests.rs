//! Invitations: who is mailed, who may accept, and how often.

use serde_json::{Value, json};

use super::*;
use crate::clients::ClientEdit;
use crate::testing::{As, House, PASSWORD, Visitor, ann};

const MAIL: &str = "account_invitation";

impl House {
    /// A client of Ann's, and one of Bob's, who is a user too.
    async fn ann_and_bob(&self) {
        self.ann().await;
        let bob = ClientEdit { first_name: Some("Bob".into()), email: Some("bob@example.com".into()), ..ann() };
        self.client(ClientEdit { company: Some("Bobs".into()), ..bob }).await;
    }

    async fn invited(&self, email: &str, keys: &[&str]) -> String {
        let body = json!({ "email": email, "permissions": keys });
        let made = self.key("POST", "/clients/1/invitations", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        self.last_link().await
    }

    /// The secret part of the link in the last mail.
    async fn last_link(&self) -> String {
        self.mailed(MAIL).await.pop().unwrap().1
    }

    async fn keys_of(&self, user_id: i64) -> Vec<&'static str> {
        let mut conn = self.app.db.read().await.unwrap();
        let member = super::super::member(&mut conn, 1, user_id).await.unwrap();
        crate::account_access::listed(&member.keys())
    }

    /// A call of the JSON API with a credential, which does not end as sessions do.
    async fn key(&self, method: &str, path: &str, body: Value) -> crate::testing::Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.basic(method, path, &[("content-type", "application/json")], &body).await
    }

    /// How many users act for Ann's client.
    async fn users(&self) -> usize {
        super::super::members(&mut self.app.db.read().await.unwrap(), 1).await.unwrap().len()
    }
}

const NEW: [(&str, &str); 4] = [
    ("first_name", "Cy"),
    ("last_name", "Dee"),
    ("password", "lantern gravel 81 pony"),
    ("again", "lantern gravel 81 pony"),
];

async fn accepted(browser: &mut Visitor<'_>, token: &str) -> u16 {
    browser.post(&format!("/account/invitation/{token}"), &[]).await.status.as_u16()
}

testkit::both_engines! {
    async fn a_stranger_accepts_with_the_invited_address_and_is_logged_in(house: House) {
        house.ann_and_bob().await;
        let token = house.invited("cy@example.com", &["invoices", "tickets"]).await;
        let path = format!("/invitation/{token}");
        let mut cy = house.visitor("192.0.2.7");
        let page = cy.get(&path).await.text;
        assert!(page.contains("Lee &amp; Söhne") && page.contains("See and pay invoices") && page.contains("cy@example.com"), "{page}");
        let wrong = [("first_name", "Cy"), ("last_name", ""), ("password", "short"), ("again", "other")];
        let again = cy.bare_post(&path, &wrong).await;
        assert!(again.status == 422 && again.text.contains(r#"value="Cy""#), "{}", again.text);
        for field in ["f-last_name", "f-password", "f-again"] {
            assert!(again.text.contains(&format!("href=\"#{field}\"")) || again.text.contains(&format!("#{field}")), "{field}");
        }
        assert_eq!((house.count("users").await, house.users().await), (2, 1));
        let done = cy.bare_post(&path, &NEW).await;
        assert_eq!((done.status.as_u16(), done.to.as_str()), (303, "/account"), "{}", done.text);
        assert!(cy.get("/account").await.text.contains("Lee &amp; Söhne"));
        let user = users::by_email(&mut house.app.db.read().await.unwrap(), "cy@example.com").await.unwrap().unwrap();
        assert_eq!((user.name().as_str(), user.email_verified_at.is_some()), ("Cy Dee", true));
        assert_eq!(house.keys_of(user.id).await, ["invoices", "tickets"]);
        // Once is all.
        assert_eq!(house.visitor("192.0.2.8").get(&path).await.status, 404);
        assert_eq!(cy.bare_post(&path, &NEW).await.status, 404);
        assert_eq!(accepted(&mut cy, &token).await, 404);
        assert_eq!(house.logged("accepted the invitation of cy@example.com").await, ["cy@example.com"]);
    }

    async fn whoever_logs_in_already_accepts_with_whatever_address(house: House) {
        house.ann_and_bob().await;
        let token = house.invited("bob@example.com", &["orders"]).await;
        let path = format!("/invitation/{token}");
        let page = house.visitor("192.0.2.7").get(&path).await.text;
        assert!(page.contains("/login?next=") && !page.contains("name=\"password\""), "{page}");
        let taken = house.visitor("192.0.2.7").bare_post(&path, &NEW).await;
        assert!(taken.status == 422 && taken.text.contains("logs in with this address already"), "{}", taken.text);
        let mut bob = house.logged_in("bob@example.com").await;
        assert!(bob.get(&path).await.text.contains("You are logged in as"));
        let without = bob.bare_post(&format!("/account/invitation/{token}"), &[]).await;
        assert_ne!(without.status, 303, "a form needs its token");
        assert_eq!(accepted(&mut bob, &token).await, 303);
        assert!(bob.get("/account").await.text.contains("Lee &amp; Söhne"), "the account is chosen");
        assert_eq!(house.keys_of(2).await, ["orders"]);
        // Another link, accepted once more, changes nothing of what the user may.
        let token = house.invited("robert@example.org", &["invoices"]).await;
        assert_eq!(accepted(&mut bob, &token).await, 303);
        assert_eq!((house.keys_of(2).await, house.users().await), (vec!["orders"], 2));
    }

    async fn a_link_is_good_for_a_week_and_the_last_one_alone(house: House) {
        house.ann_and_bob().await;
        let first = house.invited("cy@example.com", &["orders"]).await;
        let good = async |token: &str| house.visitor("192.0.2.7").get(&format!("/invitation/{token}")).await.status == 200;
        house.pass(6 * 86_400);
        let again = house.key("POST", "/clients/1/invitations/1/resend", Value::Null).await.json();
        let second = house.last_link().await;
        assert_eq!(again["expires_at"], "2026-03-14T12:00:00Z");
        assert!(!good(&first).await && good(&second).await && first != second);
        house.pass(7 * 86_400);
        assert!(!good(&second).await);
        let listed = house.key("GET", "/clients/1/invitations", Value::Null).await.json();
        assert_eq!(listed["items"][0]["expired"], true);
        // Invited anew, as the one before has expired.
        let third = house.invited("Cy@example.com", &["tickets"]).await;
        assert!(good(&third).await);
        let open = house.key("GET", "/clients/1/invitations", Value::Null).await.json();
        assert_eq!((&open["total"], &open["items"][0]["permissions"]), (&json!(1), &json!(["tickets"])));
        let id = open["items"][0]["id"].as_i64().unwrap();
        assert_eq!(house.key("DELETE", &format!("/clients/1/invitations/{id}"), Value::Null).await.status, 200);
        assert!(!good(&third).await);
        assert_eq!(house.key("DELETE", &format!("/clients/1/invitations/{id}"), Value::Null).await.status, 404);
        assert_eq!(house.key("POST", &format!("/clients/1/invitations/{id}/resend"), Value::Null).await.status, 404);
        house.pass(60 * 86_400);
        platform::prune::run(&house.app.db, &[OLD], house.app.clock.now()).await.unwrap();
        assert_eq!(house.count("account_invitations").await, 0);
    }

    async fn an_address_has_one_open_invitation_and_mails_are_limited(house: House) {
        house.ann_and_bob().await;
        house.invited("cy@example.com", &["orders"]).await;
        for (body, field) in [
            (json!({ "email": "CY@example.com" }), "email"),
            (json!({ "email": "ann@example.com" }), "email"),
            (json!({ "email": "nonsense" }), "email"),
            (json!({ "email": "dee@example.com", "permissions": [] }), "permissions"),
            (json!({ "email": "dee@example.com", "permissions": ["owner"] }), "permissions"),
        ] {
            let refused = house.api("POST", "/clients/1/invitations", body.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{body}");
        }
        assert_eq!(house.mailed(MAIL).await.len(), 1);
        // The same address to another client is another invitation, which the first client's door does not reach.
        assert_eq!(house.api("POST", "/clients/2/invitations", json!({ "email": "cy@example.com" })).await.status, 201);
        for (method, path) in [("DELETE", "/clients/2/invitations/1"), ("POST", "/clients/2/invitations/1/resend")] {
            assert_eq!(house.api(method, path, Value::Null).await.status, 404, "{path}");
        }
        for _ in 1..EACH {
            assert_eq!(house.api("POST", "/clients/1/invitations/1/resend", Value::Null).await.status, 200);
        }
        let refused = house.api("POST", "/clients/1/invitations/1/resend", Value::Null).await;
        assert!(refused.status == 409 && refused.text.contains("mailed 5 times"), "{}", refused.text);
        for at in 0..AN_HOUR - EACH {
            house.invited(&format!("user{at}@example.com"), &["orders"]).await;
        }
        let refused = house.api("POST", "/clients/1/invitations", json!({ "email": "one@example.com" })).await;
        assert!(refused.status == 409 && refused.text.contains("within an hour"), "{}", refused.text);
        house.pass(3_601);
        house.invited("one@example.com", &["orders"]).await;
    }

    async fn a_banned_address_signs_up_by_no_invitation(house: House) {
        house.ann_and_bob().await;
        let token = house.invited("cy@spam.example", &["orders"]).await;
        house.api("POST", "/security/banned-emails", json!({ "email": "spam.example" })).await;
        let refused = house.visitor("192.0.2.7").bare_post(&format!("/invitation/{token}"), &NEW).await;
        assert!(refused.status == 422 && refused.text.contains("cannot be used here"), "{}", refused.text);
        assert_eq!(house.api("GET", "/security/banned-emails/1", Value::Null).await.json()["blocked"], 1);
        assert_eq!(house.count("users").await, 2);
    }

    async fn a_closed_account_takes_nobody_in(house: House) {
        house.ann_and_bob().await;
        let token = house.invited("cy@example.com", &["orders"]).await;
        house.sql("UPDATE clients SET status = 'closed' WHERE id = 1").await;
        assert_eq!(house.visitor("192.0.2.7").bare_post(&format!("/invitation/{token}"), &NEW).await.status, 409);
        assert_eq!(house.api("POST", "/clients/1/invitations", json!({ "email": "d@example.com" })).await.status, 409);
        assert_eq!((house.count("users").await, house.users().await), (2, 1));
    }

    async fn the_owner_invites_after_typing_the_password(house: House) {
        house.ann_and_bob().await;
        let mut ann = house.logged_in("ann@example.com").await;
        let form = [("email", "cy@example.com"), ("permissions", "orders"), ("permissions", "invoices")];
        house.pass(601);
        let asked = ann.post("/account/users/invite", &form).await;
        assert!(asked.status == 303 && asked.to.starts_with("/account/confirm?next="), "{}", asked.to);
        let next = "/account/users/invite?email=cy%40example%2Ecom&permissions=orders&permissions=invoices";
        let confirmed = ann.post("/account/confirm", &[("password", PASSWORD), ("next", next)]).await;
        let page = ann.get(&confirmed.to).await.text;
        assert!(page.contains("cy@example.com") && page.matches(" checked").count() == 2, "{page}");
        let wrong = ann.post("/account/users/invite", &[("email", "cy")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("Choose at least one permission"), "{}", wrong.text);
        assert_eq!(ann.post("/account/users/invite", &form).await.to, "/account/users");
        assert_eq!(house.mailed(MAIL).await[0].0, "cy@example.com");
        let page = ann.get("/account/users").await.text;
        assert!(page.contains("cy@example.com") && page.contains("may invoices, orders"), "{page}");
        assert_eq!(ann.post("/account/invitations/1/resend", &[]).await.status, 303);
        assert_eq!(house.mailed(MAIL).await.len(), 2);
        // Bob owns another account.
        let mut bob = house.logged_in("bob@example.com").await;
        assert_eq!(bob.post("/account/invitations/1/cancel", &[]).await.status, 404);
        assert_eq!(ann.post("/account/invitations/1/cancel", &[]).await.status, 303);
        assert_eq!(house.logged("invited to act").await, ["ann@example.com"]);
        assert_eq!(house.logged("Invitation of cy@example.com cancelled").await.len(), 1);
    }

    async fn staff_invite_resend_and_cancel(house: House) {
        house.ann_and_bob().await;
        let path = "/admin/clients/1/invitations";
        let wrong = house.post(path, &[("email", "cy"), ("permissions", "orders")]).await;
        assert!(wrong.status == 422 && wrong.text.contains(r#"value="cy""#) && wrong.text.matches(" checked").count() == 1, "{}", wrong.text);
        assert_eq!(house.post_as(As::Nobody, path, &[("email", "cy@example.com"), ("permissions", "orders")]).await.status, 403);
        assert_eq!(house.post(path, &[("email", "cy@example.com"), ("permissions", "orders")]).await.status, 303);
        let page = house.get("/admin/clients/1/users").await.text;
        assert!(page.contains("cy@example.com") && page.contains("Ann Lee"), "{page}");
        assert_eq!(house.post("/admin/clients/1/invitations/1/resend", &[]).await.status, 303);
        assert_eq!(house.post("/admin/clients/1/invitations/1/cancel", &[]).await.status, 303);
        assert_eq!(house.mailed(MAIL).await.len(), 2);
        assert!(!house.get("/admin/clients/1/users").await.text.contains("cy@example.com"));
    }
}
