//! A forgotten password.

use platform::settings::Setting;
use serde_json::json;

use crate::doors::limits::LOGINS;
use crate::testing::{House, PASSWORD};

const NEW: &str = "paper lantern orchard";

async fn set(house: &House, setting: &Setting, value: &str) {
    house.configure(setting, value).await;
}

impl House {
    async fn ask_for_link(&self, email: &str) -> String {
        let reply = self.visitor("192.0.2.10").bare_post("/forgot-password", &[("email", email)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.drain().await;
        reply.text
    }

    async fn link(&self) -> String {
        format!("/reset-password/{}", self.mailed("password_reset").await.last().unwrap().1)
    }
}

fn twice(password: &str) -> [(&str, &str); 2] {
    [("password", password), ("again", password)]
}

testkit::both_engines! {
    async fn a_link_is_mailed_works_once_and_ends_every_session(house: House) {
        house.ann().await;
        let mut old = house.logged_in("ann@example.com").await;
        let told = house.ask_for_link("Ann@example.com").await;
        assert!(told.contains("If somebody logs in with"), "{told}");
        assert_eq!(house.mailed("password_reset").await[0].0, "ann@example.com");
        let link = house.link().await;
        let mut browser = house.visitor("192.0.2.10");
        assert!(browser.get(&link).await.text.contains("ann@example.com"));
        for (fields, wrong) in [
            ([("password", NEW), ("again", "other")], "The two passwords differ."),
            (twice("short"), "Use at least 8 characters."),
            (twice("ann@example.com"), "too easy to guess"),
        ] {
            let again = browser.bare_post(&link, &fields).await;
            assert!(again.status == 422 && again.text.contains(wrong), "{}", again.text);
        }
        assert!(old.is_logged_in().await);
        assert_eq!(browser.bare_post(&link, &twice(NEW)).await.to, "/login");
        assert!(browser.get("/login").await.text.contains("Your password is changed."));
        assert!(!old.is_logged_in().await, "every session has ended");
        for _ in 0..2 {
            assert_eq!(browser.bare_post(&link, &twice("another orchard lantern")).await.status, 404);
            assert_eq!(browser.get(&link).await.status, 404);
        }
        assert_eq!(browser.log_in("ann@example.com", PASSWORD).await.status, 422);
        assert_eq!(browser.log_in("ann@example.com", NEW).await.status, 303);
        assert_eq!(house.mailed("password_changed").await, [("ann@example.com".to_owned(), String::new())]);
        assert!(!browser.get("/account").await.text.contains("Send it again"), "the mail that arrived proves the address");
        assert_eq!(house.logged("Password of user ann@example.com changed").await, ["ann@example.com"]);
    }

    async fn whether_somebody_has_the_address_is_not_told(house: House) {
        house.ann().await;
        let known = house.ask_for_link("ann@example.com").await;
        let unknown = house.ask_for_link("bob@example.com").await;
        assert_eq!(known, unknown.replace("bob@", "ann@"));
        assert_eq!(house.mailed("password_reset").await.len(), 1);
        // What the handler does is the same for both: a job.
        assert_eq!(house.logged("new password mailed").await, ["Somebody at the login"]);
        let wrong = house.visitor("192.0.2.10").bare_post("/forgot-password", &[("email", "nonsense")]).await;
        assert_eq!(wrong.status, 422);
    }

    async fn only_the_last_link_works_for_an_hour_and_five_are_mailed(house: House) {
        house.ann().await;
        house.ask_for_link("ann@example.com").await;
        house.ask_for_link("ann@example.com").await;
        assert_eq!(house.mailed("password_reset").await.len(), 1, "one a minute");
        let first = house.link().await;
        house.pass(60);
        house.ask_for_link("ann@example.com").await;
        let second = house.link().await;
        let mut browser = house.visitor("192.0.2.10");
        assert_eq!([browser.get(&first).await.status, browser.get(&second).await.status], [404, 200]);
        house.pass(3_600);
        assert_eq!(browser.get(&second).await.status, 404);
        for _ in 0..7 {
            house.pass(60);
            house.ask_for_link("ann@example.com").await;
        }
        assert_eq!(house.mailed("password_reset").await.len(), 2 + 5);
        assert_eq!(house.post("/admin/users/1/password-reset", &[]).await.status, 303);
        let page = house.get("/admin/users/1").await;
        assert_eq!(page.status, 200);
        assert_eq!(house.mailed("password_reset").await.len(), 2 + 5, "staff mail no more than that");
    }

    async fn a_link_is_worth_nothing_after_another_password_or_another_address(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        house.ask_for_link("ann@example.com").await;
        let link = house.link().await;
        let fields = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
        assert_eq!(ann.post("/account/password", &fields).await.to, "/account/security");
        assert_eq!(house.visitor("192.0.2.10").get(&link).await.status, 404);
        house.pass(60);
        house.ask_for_link("ann@example.com").await;
        let link = house.link().await;
        house.api("PATCH", "/users/1", json!({ "email": "anna@example.com" })).await;
        assert_eq!(house.visitor("192.0.2.10").bare_post(&link, &twice("paper lantern sundial")).await.status, 404);
    }

    async fn a_link_used_by_two_at_once_works_for_one(house: House) {
        set(&house, &LOGINS, "0").await;
        house.ann().await;
        house.ask_for_link("ann@example.com").await;
        let link = house.link().await;
        let (mut one, mut two) = (house.visitor("192.0.2.10"), house.visitor("192.0.2.11"));
        let (fields, others) = (twice(NEW), twice("another orchard lantern"));
        let (first, second) = tokio::join!(one.bare_post(&link, &fields), two.bare_post(&link, &others));
        let done = [first.status.as_u16(), second.status.as_u16()];
        assert_eq!(done.iter().filter(|status| **status == 303).count(), 1, "{done:?}");
        assert_eq!(house.mailed("password_changed").await.len(), 1);
    }

    async fn the_compatible_api_mails_a_link(house: House) {
        house.ann().await;
        for fields in [&[("id", "1")][..], &[("email", "ann@example.com")], &[("id", "1"), ("email", "x")]] {
            assert_eq!(house.action("ResetPassword", fields).await["result"], "success", "{fields:?}");
        }
        assert_eq!(house.mailed("password_reset").await.len(), 3);
        for (fields, message) in [
            (&[][..], "Please enter the email address or provide the id"),
            (&[("email", "nonsense")], "Please provide a valid email address"),
            (&[("email", "bob@example.com")], "User Not Found"),
            (&[("id", "9")], "User Not Found"),
        ] {
            let answer = house.action("ResetPassword", fields).await;
            assert_eq!((&answer["result"], &answer["message"]), (&json!("error"), &json!(message)));
        }
    }

    async fn whoever_has_a_security_question_is_asked_it(house: House) {
        house.ann().await;
        house.api("POST", "/security/questions", json!({ "question": "Where were you born?" })).await;
        let answer = crate::security_questions::choose(&house.app, 1, "Linz").await.unwrap();
        let mut tx = house.app.db.write().await.unwrap();
        let user = crate::users::find(&mut tx, 1).await.unwrap();
        crate::security_questions::set(&mut tx, &crate::testing::system(), &user, answer, None, house.now).await.unwrap();
        tx.commit().await.unwrap();
        house.ask_for_link("ann@example.com").await;
        let link = house.link().await;
        let mut browser = house.visitor("192.0.2.10");
        assert!(browser.get(&link).await.text.contains("Where were you born?"));
        for answer in ["", "Graz"] {
            let again = browser.bare_post(&link, &[&twice(NEW)[..], &[("answer", answer)]].concat()).await;
            assert!(again.status == 422 && again.text.contains("This is not your answer."), "{}", again.text);
        }
        let again = browser.bare_post(&link, &[&twice("short")[..], &[("answer", "Graz")]].concat()).await;
        assert!(again.text.contains("This is not your answer.") && again.text.contains("at least 8"), "{}", again.text);
        // The rule itself refuses, whatever a door forgets.
        let mut tx = house.app.db.write().await.unwrap();
        let hash = crate::passwords::hash(NEW).await.unwrap();
        let token = link.rsplit('/').next().unwrap();
        let refused = super::choose(&mut tx, &house.app, token, &hash, None, "192.0.2.10", house.now).await;
        assert!(refused.unwrap_err().to_string().contains("answer"));
        drop(tx);
        assert_eq!(browser.bare_post(&link, &[&twice(NEW)[..], &[("answer", "linz")]].concat()).await.to, "/login");
        assert_eq!(browser.log_in("ann@example.com", NEW).await.status, 303);
    }
}
