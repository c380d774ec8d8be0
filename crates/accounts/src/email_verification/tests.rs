//! Proof of addresses.

use crate::clients::ClientEdit;
use crate::email_verification::ASKED;
use crate::testing::{House, PASSWORD, ann};

impl House {
    async fn proof(&self) -> (String, String) {
        let (to, token) = self.mailed("email_verification").await.pop().unwrap();
        (to, format!("/verify-email/{token}"))
    }
}

testkit::both_engines! {
    async fn the_client_area_asks_for_the_proof_until_it_is_there(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        assert!(ann.get("/account").await.text.contains("Is ann@example.com your address?"));
        house.configure(&ASKED, "false").await;
        assert!(!ann.get("/account").await.text.contains("your address?"));
        house.configure(&ASKED, "true").await;
        assert_eq!(ann.post("/account/verify-email", &[]).await.to, "/account");
        let (to, link) = house.proof().await;
        assert_eq!(to, "ann@example.com");
        let mut scanner = house.visitor("203.0.113.1");
        for _ in 0..2 {
            assert!(scanner.get(&link).await.text.contains("Confirm that"), "looking at it changes nothing");
        }
        assert!(ann.get("/account").await.text.contains("your address?"));
        assert_eq!(scanner.bare_post(&link, &[]).await.to, "/account");
        assert!(!ann.get("/account").await.text.contains("your address?"));
        assert_eq!(scanner.bare_post(&link, &[]).await.status, 404);
        ann.post("/account/verify-email", &[]).await;
        assert!(ann.get("/account").await.text.contains("The address is verified already."));
        assert_eq!(house.mailed("email_verification").await.len(), 1);
    }

    async fn another_address_is_proved_before_it_counts_and_the_old_one_is_told(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        for (typed, wrong) in [("nonsense", "e-mail address"), ("ANN@example.com", "This is your address already.")] {
            let again = ann.post("/account/email", &[("email", typed)]).await;
            assert!(again.status == 422 && again.text.contains(wrong) && again.text.contains(typed), "{}", again.text);
        }
        assert_eq!(ann.post("/account/email", &[("email", "anna@example.com")]).await.to, "/account/profile");
        let (to, link) = house.proof().await;
        assert_eq!(to, "anna@example.com");
        assert_eq!(house.visitor("192.0.2.10").log_in("anna@example.com", PASSWORD).await.status, 422, "not yet");
        let mut browser = house.visitor("192.0.2.10");
        assert!(browser.get(&link).await.text.contains("instead of"));
        assert_eq!(browser.bare_post(&link, &[]).await.status, 303);
        assert_eq!(house.visitor("192.0.2.10").log_in("anna@example.com", PASSWORD).await.status, 303);
        assert_eq!(house.visitor("192.0.2.10").log_in("ann@example.com", PASSWORD).await.status, 422);
        assert_eq!(house.mailed("email_changed").await[0].0, "ann@example.com");
        assert!(!ann.get("/account").await.text.contains("your address?"), "the new one is proved");
        assert_eq!(house.logged("User anna@example.com changed").await, ["ann@example.com"]);
        // What staff write is not proved.
        house.api("PATCH", "/users/1", serde_json::json!({ "email": "ann@example.com" })).await;
        assert!(ann.get("/account").await.text.contains("Is ann@example.com your address?"));
    }

    async fn an_address_of_somebody_else_is_not_told_to_be_one(house: House) {
        house.ann().await;
        house.client(ClientEdit { email: Some("bob@example.com".into()), ..ann() }).await;
        let mut ann = house.logged_in("ann@example.com").await;
        let mut said = Vec::new();
        for email in ["bob@example.com", "cy.@example.com".trim_matches('.'), "new@example.com"] {
            let reply = ann.post("/account/email", &[("email", email)]).await;
            said.push((reply.status.as_u16(), reply.to, ann.get("/account/profile").await.text.matches("If nobody else").count()));
        }
        assert_eq!(said[0], said[2]);
        assert!(house.mailed("email_verification").await.iter().all(|(to, _)| to != "bob@example.com"));
        // Somebody takes the address before the link is opened.
        let (_, link) = house.proof().await;
        house.api("PATCH", "/users/2", serde_json::json!({ "email": "new@example.com" })).await;
        assert_eq!(house.visitor("192.0.2.10").bare_post(&link, &[]).await.status, 409);
        for _ in 0..2 {
            ann.post("/account/email", &[("email", "bob2@example.com")]).await;
        }
        ann.post("/account/email", &[("email", "new@example.com")]).await;
        assert!(ann.get("/account/profile").await.text.contains("Too many links"), "these count as the others do");
    }

    async fn a_new_password_ends_the_way_to_another_address(house: House) {
        house.ann().await;
        let mut thief = house.logged_in("ann@example.com").await;
        thief.post("/account/email", &[("email", "thief@example.com")]).await;
        let (to, link) = house.proof().await;
        assert_eq!(to, "thief@example.com");
        let mut ann = house.logged_in("ann@example.com").await;
        let fields = [("current", PASSWORD), ("password", "paper lantern sundial"), ("again", "paper lantern sundial")];
        assert_eq!(ann.post("/account/password", &fields).await.to, "/account/security");
        assert_eq!(house.visitor("192.0.2.10").bare_post(&link, &[]).await.status, 404);
    }

    async fn nobody_turns_to_a_banned_address(house: House) {
        house.ann().await;
        house.post("/admin/banned-emails", &[("email", "mail.example"), ("note", "")]).await;
        let mut ann = house.logged_in("ann@example.com").await;
        let again = ann.post("/account/email", &[("email", "ann@sub.mail.example")]).await;
        assert!(again.status == 422 && again.text.contains("cannot be used here") && again.text.contains("ann@sub.mail.example"), "{}", again.text);
        let ban = house.api("GET", "/security/banned-emails/1", serde_json::Value::Null).await.json();
        assert_eq!((ban["blocked"].as_i64(), house.mailed("email_verification").await.len()), (Some(1), 0));
    }
}
