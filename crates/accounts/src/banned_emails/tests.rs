//! Who is refused with which address, what is counted, and the doors.

use serde_json::{Value, json};

use super::*;
use crate::clients::ClientEdit;
use crate::testing::{As, House, ann};

impl House {
    async fn ban_email(&self, email: &str) -> BannedEmail {
        let new = NewBan { email: Pattern::parse(email).unwrap(), note: String::new() };
        let mut tx = self.app.db.write().await.unwrap();
        let banned = ban(&mut tx, &crate::testing::system(), new, self.now).await.unwrap();
        tx.commit().await.unwrap();
        banned
    }

    async fn is_refused(&self, email: &str) -> bool {
        match check(&self.app, email, self.app.clock.now()).await {
            Ok(()) => false,
            Err(Error::Invalid(errors)) => errors.of("email").is_some_and(|text| text == REFUSAL),
            Err(other) => panic!("{other}"),
        }
    }

    /// Addresses with their counters, in the order in which they were banned.
    async fn blocked(&self) -> Vec<(String, i64)> {
        let sql = "SELECT email, blocked FROM banned_emails ORDER BY id";
        self.app.db.read().await.unwrap().all(sql, platform::params![]).await.unwrap()
    }
}

fn counted(email: &str, blocked: i64) -> (String, i64) {
    (email.to_owned(), blocked)
}

testkit::both_engines! {
    async fn a_domain_covers_what_is_under_it_and_the_nearest_ban_counts(house: House) {
        for email in ["spam.example", "ann@mail.spam.example", ".top", "müller.example"] {
            house.ban_email(email).await;
        }
        for refused in [
            "x@spam.example",
            "X@Spam.Example",
            " x@a.b.spam.example ",
            "ann@mail.spam.example",
            "x@anything.top",
            "x@MÜLLER.example",
            "x@xn--mller-kva.example",
        ] {
            assert!(house.is_refused(refused).await, "{refused}");
        }
        for free in ["x@notspam.example", "x@example", "x@spam.example.org", "ann@spam.example.org", "x@top.example", "not an address", ""] {
            assert!(!house.is_refused(free).await, "{free}");
        }
        assert_eq!(
            house.blocked().await,
            [counted("spam.example", 3), counted("ann@mail.spam.example", 1), counted(".top", 1), counted("xn--mller-kva.example", 2)]
        );
    }

    async fn tries_are_counted_with_the_time_of_the_last(house: House) {
        let id = house.ban_email("spam.example").await.id;
        let now = house.app.clock.now();
        house.is_refused("a@spam.example").await;
        house.app.clock.set(now.plus_seconds(60));
        house.is_refused("b@spam.example").await;
        let banned = find(&mut house.app.db.read().await.unwrap(), id).await.unwrap();
        assert_eq!((banned.blocked, banned.blocked_at), (2, Some(now.plus_seconds(60))));
        assert_eq!(house.log("spam.example").await, 1, "tries are no deeds");
    }

    async fn staff_give_such_an_address_to_a_client_all_the_same(house: House) {
        house.ban_email("example.com").await;
        house.client(ann()).await;
        let fields = ClientEdit { email: Some("bob@example.com".to_owned()), ..ann() };
        house.client(fields).await;
        assert_eq!((house.count("clients").await, house.blocked().await), (2, vec![counted("example.com", 0)]));
    }

    async fn staff_ban_many_at_once_change_and_lift(house: House) {
        let page = house.get("/admin/banned-emails").await.text;
        assert!(page.contains("No e-mail is banned") && page.contains("covers its subdomains"), "{page}");
        let wrong = [("email", "spam.example\nnonsense, a@b"), ("note", "Rubbish")];
        let again = house.post("/admin/banned-emails", &wrong).await;
        assert!(again.status == 422 && again.text.contains("“nonsense”, “a@b”: no address or domain"), "{}", again.text);
        assert!(again.text.contains("spam.example\nnonsense, a@b") && again.text.contains("Rubbish"), "{}", again.text);
        let wrong = [("email", "spam.example"), ("note", &"x".repeat(201))];
        assert_eq!(house.post("/admin/banned-emails", &wrong).await.status, 422);
        assert_eq!(house.count("banned_emails").await, 0);
        let good = [("email", "spam.example\nann@lee.example, SPAM.example"), ("note", "Rubbish")];
        assert_eq!(house.post("/admin/banned-emails", &good).await.status, 303);
        assert_eq!(house.post("/admin/banned-emails", &good).await.status, 303);
        assert_eq!((house.count("banned_emails").await, house.log("banned").await), (2, 2));
        house.post("/admin/banned-emails", &[("email", ".top spam.example"), ("note", "")]).await;
        assert!(house.is_refused("x@mail.spam.example").await);
        for (filter, found) in [
            ("", vec![".top", "ann@lee.example", "spam.example"]),
            ("q=spam", vec!["spam.example"]),
            ("q=RUBBISH+lee", vec!["ann@lee.example"]),
            ("q=x%40mail.spam.example", vec!["spam.example"]),
            ("kind=address", vec!["ann@lee.example"]),
            ("kind=domain", vec![".top", "spam.example"]),
            ("sort=email", vec![".top", "ann@lee.example", "spam.example"]),
            ("sort=-email", vec!["spam.example", "ann@lee.example", ".top"]),
            ("sort=-blocked", vec!["spam.example", ".top", "ann@lee.example"]),
            ("q=nobody", vec![]),
        ] {
            let csv = house.get(&format!("/admin/banned-emails?{filter}&format=csv")).await.text;
            let mut emails: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
            if filter == "sort=-blocked" {
                emails[1..].sort_unstable();
            }
            assert_eq!(emails, found, "{filter}: {csv}");
        }
        let page = house.get("/admin/banned-emails?sort=-last").await.text;
        assert!(page.find("spam.example").unwrap() < page.find("ann@lee.example").unwrap(), "{page}");

        let taken = house.post("/admin/banned-emails/2", &[("email", "Spam.example"), ("note", "x")]).await;
        assert!(taken.status == 422 && taken.text.contains("has a ban of its own"), "{}", taken.text);
        let edit = [("email", "lee.example"), ("note", "All of them")];
        assert_eq!(house.post("/admin/banned-emails/2", &edit).await.status, 303);
        assert_eq!(house.log("changed").await, 1);
        assert!(house.get("/admin/banned-emails/2").await.text.contains("All of them"));
        assert!(house.is_refused("bob@lee.example").await);
        assert_eq!(house.post("/admin/banned-emails/lift", &[("id", "1"), ("id", "2"), ("id", "99")]).await.status, 303);
        assert_eq!(house.post("/admin/banned-emails/1/lift", &[]).await.status, 303, "lifted is lifted");
        assert!(!house.is_refused("x@spam.example").await);
        assert_eq!((house.count("banned_emails").await, house.log("lifted, which had refused 1 tries").await), (1, 2));
    }

    async fn only_who_may_configures_them(house: House) {
        for path in ["/admin/banned-emails", "/admin/banned-emails/new"] {
            let refused = house.send(As::Nobody, "GET", path, "text/plain", String::new()).await;
            assert_eq!(refused.status, 403, "{path}");
        }
        assert_eq!(house.post_as(As::Nobody, "/admin/banned-emails", &[("email", "a.example")]).await.status, 403);
        assert_eq!(house.count("banned_emails").await, 0);
    }

    async fn the_api_bans_lists_changes_and_lifts(house: House) {
        let new = json!({ "email": "*.Spam.example", "note": "Rubbish" });
        let made = house.api("POST", "/security/banned-emails", new.clone()).await;
        assert_eq!((made.status.as_u16(), &made.json()["email"]), (201, &json!("spam.example")));
        assert_eq!(house.api("POST", "/security/banned-emails", new).await.status, 409);
        for (wrong, field) in [
            (json!({}), "email"),
            (json!({ "email": "spam" }), "email"),
            (json!({ "email": "a.example", "note": "x\ny" }), "note"),
            (json!({ "email": "a.example", "reason": "x" }), "reason"),
        ] {
            let refused = house.api("POST", "/security/banned-emails", wrong.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{wrong}");
        }
        house.is_refused("x@spam.example").await;
        let change = json!({ "email": "rubbish.example" });
        let changed = house.api("PUT", "/security/banned-emails/1", change).await.json();
        assert_eq!((&changed["blocked"], &changed["note"], &changed["blocked_at"]), (&json!(1), &json!(""), &json!("2026-03-01T12:00:00Z")));
        let listed = house.api("GET", "/security/banned-emails?q=x%40rubbish.example&kind=domain&sort=-last", Value::Null).await.json();
        assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &json!(1)));
        assert_eq!(house.api("GET", "/security/banned-emails?kind=address", Value::Null).await.json()["total"], 0);
        assert_eq!(house.api("GET", "/security/banned-emails/1", Value::Null).await.status, 200);
        assert_eq!(house.api("DELETE", "/security/banned-emails/1", Value::Null).await.status, 200);
        assert_eq!(house.api("DELETE", "/security/banned-emails/1", Value::Null).await.status, 404);
    }

    async fn ten_thousand_are_pasted_at_once(house: House) {
        let list: String = (0..MOST).map(|at| format!("{at}.example\n")).collect();
        assert_eq!(house.post("/admin/banned-emails", &[("email", &list), ("note", "List")]).await.status, 303);
        assert_eq!(house.count("banned_emails").await, 10_000);
        assert!(house.is_refused("x@9999.example").await && !house.is_refused("x@10000.example").await);
    }
}
