//! Bans at every door, by hand and by themselves.

use kernel::Timestamp;
use platform::params;
use platform::settings::Setting;
use serde_json::{Value, json};

use super::*;
use crate::admins;
use crate::testing::{As, House};

const PASSWORD: &str = "correct horse battery";

impl House {
    async fn ban(&self, network: &str, minutes: Option<i64>) -> Ban {
        let new = NewBan {
            network: Network::parse(network).unwrap(),
            reason: "Guesses passwords".to_owned(),
            expires_at: minutes.map(|minutes| self.clock_now().plus_seconds(minutes * 60)),
        };
        let mut tx = self.app.db.write().await.unwrap();
        let by = crate::testing::system();
        let ban = ban(&mut tx, &by, new, OwnAddress::Refuse, self.clock_now()).await.unwrap();
        tx.commit().await.unwrap();
        self.refresh().await;
        ban
    }

    async fn refresh(&self) {
        self.app.get::<InForce>().unwrap().refresh(&self.app).await.unwrap();
    }

    fn clock_now(&self) -> Timestamp {
        self.app.clock.now()
    }

    fn later(&self, minutes: i64) {
        self.app.clock.set(self.clock_now().plus_seconds(minutes * 60));
    }

    async fn set(&self, setting: &Setting, value: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        platform::settings::set(&mut tx, setting, value, self.clock_now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The status of a page of staff, asked for from an address by somebody who is logged in.
    async fn page_from(&self, ip: &str) -> u16 {
        self.from(ip, As::Boss, "GET", "/admin/banned-ips", &[]).await.status.as_u16()
    }

    async fn log_in(&self, ip: &str, username: &str, password: &str) -> u16 {
        let fields = [("email", username), ("password", password)];
        self.from(ip, As::Stranger, "POST", "/admin/login", &fields).await.status.as_u16()
    }

    async fn with_password(&self) {
        let mut tx = self.app.db.write().await.unwrap();
        let new = admins::NewAdmin {
            username: "ana".to_owned(),
            email: "ana@example.com".to_owned(),
            role: crate::roles::FULL_ADMINISTRATOR.to_owned(),
            password: Some(crate::passwords::hash(PASSWORD).await.unwrap()),
        };
        admins::create(&mut tx, &crate::testing::system(), new, self.clock_now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn log(&self, words: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM activity_log WHERE description LIKE $1";
        let mut conn = self.app.db.read().await.unwrap();
        conn.scalar(sql, platform::params![format!("%{words}%")]).await.unwrap()
    }
}

testkit::both_engines! {
    async fn a_ban_is_met_by_every_address_in_it_until_it_ends(house: House) {
        house.ban("10.1.*.*", Some(60)).await;
        house.ban("2001:db8::/32", None).await;
        for (ip, status) in [
            ("10.1.200.7", 403), ("::ffff:10.1.200.7", 403), ("10.2.0.1", 200), ("2001:db8:1::7", 403), ("2001:db9::1", 200),
        ] {
            assert_eq!(house.page_from(ip).await, status, "{ip}");
        }
        house.later(60);
        assert_eq!((house.page_from("10.1.200.7").await, house.page_from("2001:db8::1").await), (200, 403));
    }

    async fn who_is_banned_is_shown_why_and_until_when_and_nothing_else(house: House) {
        house.ban("192.0.2.1", Some(60)).await;
        house.ban("192.0.2.2", None).await;
        let page = house.from("192.0.2.1", As::Boss, "GET", "/admin/clients", &[]).await.text;
        assert!(page.contains("Guesses passwords") && page.contains("2026-03-01 13:00:00 UTC"), "{page}");
        assert!(!page.contains("/admin") && !page.contains("boss"), "{page}");
        let page = house.from("192.0.2.2", As::Stranger, "GET", "/nowhere", &[]).await;
        assert!(page.status == 403 && page.text.contains("does not end by itself"), "{}", page.text);
        let problem = house.from("192.0.2.1", As::Stranger, "GET", "/api/v1/clients", &[]).await.json();
        assert_eq!((&problem["status"], &problem["reason"]), (&json!(403), &json!("Guesses passwords")));
        assert_eq!(problem["expires_at"], json!("2026-03-01T13:00:00Z"));
        let (identifier, secret) = house.credential();
        let fields = [("action", "GetClients"), ("identifier", &identifier), ("secret", &secret)];
        let answer = house.from("192.0.2.1", As::Stranger, "POST", "/includes/api.php", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.json()["result"].clone()), (403, json!("error")));
        assert!(answer.text.contains("Guesses passwords"), "{}", answer.text);
    }

    async fn a_login_from_a_banned_address_fails_with_the_right_password_and_is_logged(house: House) {
        house.with_password().await;
        house.ban("192.0.2.1", None).await;
        for _ in 0..5 {
            assert_eq!(house.log_in("192.0.2.1", "ana", PASSWORD).await, 403);
        }
        assert_eq!(house.log("Login refused: 192.0.2.1 is banned").await, 1, "a flood of them is one line a minute");
        house.later(2);
        house.log_in("192.0.2.1", "ana", PASSWORD).await;
        assert_eq!(house.log("Login refused").await, 2);
        for (at, (method, path)) in [
            ("POST", "/admin/login/passkey"), ("POST", "/login/passkey"), ("POST", "/login/second"), ("GET", "/sso/token"),
            ("GET", "/oauth/singlesignon.php"), ("GET", "/admin/openid/callback"),
        ].into_iter().enumerate() {
            let ip = format!("198.51.100.{at}");
            house.ban(&ip, None).await;
            assert_eq!(house.from(&ip, As::Stranger, method, path, &[]).await.status, 403);
            assert_eq!(house.log(&format!("Login refused: {ip} is banned")).await, 1, "{path}");
        }
        assert_eq!(house.log_in("192.0.2.2", "ana", PASSWORD).await, 303);
        // Set on another node a moment ago, of which this one has not heard.
        let new = NewBan { network: Network::parse("192.0.2.2").unwrap(), reason: "x".to_owned(), expires_at: None };
        let mut tx = house.app.db.write().await.unwrap();
        ban(&mut tx, &crate::testing::system(), new, OwnAddress::Refuse, house.clock_now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.page_from("192.0.2.2").await, 200);
        assert_eq!(house.log_in("192.0.2.2", "ana", PASSWORD).await, 403);
    }

    async fn the_third_wrong_password_bans_for_a_quarter_of_an_hour(house: House) {
        house.with_password().await;
        let ip = "198.51.100.7";
        assert_eq!([house.log_in(ip, "ana", "wrong").await, house.log_in(ip, "bob", "wrong").await], [422, 422]);
        assert_eq!(house.log_in("198.51.100.8", "ana", "wrong").await, 422, "another address counts for itself");
        assert_eq!(house.log_in(ip, "ana", "wrong").await, 403, "this is the ban");
        assert_eq!(house.log_in(ip, "ana", PASSWORD).await, 403);
        assert_eq!(house.log("198.51.100.7 banned, until 2026-03-01T12:15:00Z: Too many wrong passwords").await, 1);
        house.later(15);
        // What was wrong before the ban does not count again.
        assert_eq!([house.log_in(ip, "ana", "wrong").await, house.log_in(ip, "ana", PASSWORD).await], [422, 303]);
        // Nor does what was wrong before the right one.
        assert_eq!([house.log_in(ip, "ana", "wrong").await, house.log_in(ip, "ana", "wrong").await], [422, 422]);
        assert_eq!(house.log_in(ip, "ana", "wrong").await, 403);
        house.later(15);
        house.set(&automatic::STAFF_MINUTES, "0").await;
        for _ in 0..9 {
            assert_eq!(house.log_in(ip, "ana", "wrong").await, 422, "nobody is banned by themselves");
        }
    }

    async fn some_are_never_banned_by_themselves_and_a_machine_has_a_whole_64(house: House) {
        house.with_password().await;
        house.set(&automatic::NEVER, "203.0.113.0/24, 2001:db8:aaaa::/48").await;
        for ip in ["203.0.113.7", "2001:db8:aaaa::1"] {
            for _ in 0..4 {
                assert_eq!(house.log_in(ip, "ana", "wrong").await, 422, "{ip}");
            }
        }
        for ip in ["2001:db8:1:2::1", "2001:db8:1:2::2"] {
            assert_eq!(house.log_in(ip, "cy", "wrong").await, 422);
        }
        assert_eq!(house.log_in("2001:db8:1:2::3", "cy", "wrong").await, 403);
        assert_eq!([house.page_from("2001:db8:1:2:3::9").await, house.page_from("2001:db8:1:3::1").await], [403, 200]);
        let again = house.ban("2001:db8:1::/48", None).await;
        assert_eq!(again.network, "2001:db8:1::/48");
    }

    async fn wrong_credentials_of_the_apis_ban_too(house: House) {
        let fields = [("action", "GetClients"), ("identifier", "nobody"), ("secret", "nothing")];
        let mut answers = Vec::new();
        for _ in 0..31 {
            answers.push(house.from("192.0.2.9", As::Stranger, "POST", "/includes/api.php", &fields).await.text);
        }
        let banned = answers.iter().filter(|answer| answer.contains("Too many wrong API credentials")).count();
        assert!(banned == 2 && answers[0].contains("Authentication Failed"), "{answers:?}");
        assert_eq!([house.page_from("192.0.2.9").await, house.page_from("192.0.2.10").await], [403, 200]);
    }

    async fn staff_ban_many_at_once_change_and_lift(house: House) {
        let page = house.get("/admin/banned-ips").await.text;
        assert!(page.contains("Nobody is banned"), "{page}");
        let wrong = [("network", "192.0.2.1\n10.1.*.*, nonsense"), ("reason", ""), ("length", "until"), ("expires_at", "")];
        let again = house.post("/admin/banned-ips", &wrong).await;
        assert!(again.status == 422 && again.text.contains("“nonsense”") && again.text.contains("10.1.*.*, nonsense"), "{}", again.text);
        assert!(again.text.contains("Enter a day and a time"), "{}", again.text);
        assert_eq!(house.count("banned_ips").await, 0);
        let good = [("network", "192.0.2.1\n10.1.*.*, 192.0.2.1/32"), ("reason", "Not ours"), ("length", "86400")];
        assert_eq!(house.post("/admin/banned-ips", &good).await.status, 303);
        assert_eq!(house.count("banned_ips").await, 2);
        house.post("/admin/banned-ips", &[("network", "10.1.0.0/16 10.2.0.0/16"), ("reason", "Not ours"), ("length", "")]).await;
        assert_eq!(house.count("banned_ips").await, 3);
        assert_eq!([house.page_from("10.1.2.3").await, house.page_from("10.2.2.3").await], [403, 403]);
        for (filter, found) in [("q=10.1.2.3", vec!["10.1.0.0/16"]), ("q=10.0.0.0%2F8", vec!["10.2.0.0/16", "10.1.0.0/16"]), ("q=OURS+192", vec!["192.0.2.1"]), ("q=nobody", vec![]), ("state=ended", vec![])] {
            let csv = house.get(&format!("/admin/banned-ips?{filter}&format=csv")).await.text;
            let networks: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
            assert_eq!(networks, found, "{filter}: {csv}");
        }
        let id = |house: &House, network: &'static str| {
            let db = house.app.db.clone();
            async move {
                let sql = "SELECT id FROM banned_ips WHERE network = $1";
                db.read().await.unwrap().scalar::<i64>(sql, params![network]).await.unwrap()
            }
        };
        let (first, second, third) =
            (id(&house, "192.0.2.1").await, id(&house, "10.1.0.0/16").await, id(&house, "10.2.0.0/16").await);
        let page_of_third = format!("/admin/banned-ips/{third}");
        let edit = [("network", "10.3.0.0/16"), ("reason", "Moved"), ("length", "until"), ("expires_at", "2026-03-01T12:30")];
        assert_eq!(house.post(&page_of_third, &edit).await.status, 303);
        assert_eq!([house.page_from("10.2.2.3").await, house.page_from("10.3.2.3").await], [200, 403]);
        let taken = house.post(&page_of_third, &[("network", "10.1.*.*"), ("reason", "Moved")]).await;
        assert!(taken.status == 422 && taken.text.contains("has a ban of its own"), "{}", taken.text);
        let page = house.get(&page_of_third).await.text;
        assert!(page.contains("2026-03-01T12:30:00") && page.contains("10.3.0.0&#x2f;16"), "{page}");
        assert_eq!(house.post("/admin/banned-ips/lift", &[("id", &second.to_string()), ("id", &third.to_string()), ("id", "99")]).await.status, 303);
        assert_eq!([house.page_from("10.1.2.3").await, house.page_from("10.3.2.3").await], [200, 200]);
        assert_eq!(house.post(&format!("/admin/banned-ips/{first}/lift"), &[]).await.status, 303);
        assert_eq!(house.count("banned_ips").await, 0);
        assert_eq!([house.log("banned, until").await, house.log("lifted").await, house.log("changed").await], [2, 3, 1]);
    }

    async fn nobody_is_shut_out_by_the_own_hand_without_saying_so(house: House) {
        let fields = |confirm| [("network", "198.51.100.0/24"), ("reason", "Test"), ("length", "900"), ("confirm", confirm)];
        let ip = "198.51.100.7";
        let refused = house.from(ip, As::Boss, "POST", "/admin/banned-ips", &fields("")).await;
        assert!(refused.status == 422 && refused.text.contains("198.51.100.7, from where you are asking"), "{}", refused.text);
        assert_eq!(house.count("banned_ips").await, 0);
        assert_eq!(house.from(ip, As::Boss, "POST", "/admin/banned-ips", &fields("1")).await.status, 303);
        assert_eq!(house.page_from(ip).await, 403);
        // The tests ask from 127.0.0.1.
        let refused = house.api("POST", "/security/banned-ips", json!({ "network": "127.0.0.0/8", "reason": "x" })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!("confirm")));
        let answer = house.action("AddBannedIp", &[("ip", "127.0.0.1"), ("reason", "x"), ("days", "1")]).await;
        assert!(answer["result"] == "error" && answer["message"].as_str().unwrap().contains("confirm"), "{answer}");
        assert_eq!(house.count("banned_ips").await, 1);
    }

    async fn the_api_bans_lists_changes_and_lifts(house: House) {
        let new = json!({ "network": "10.1.*.*", "reason": "Not ours", "expires_at": "2026-04-01T00:00:00Z" });
        let made = house.api("POST", "/security/banned-ips", new.clone()).await;
        assert_eq!((made.status.as_u16(), &made.json()["network"]), (201, &json!("10.1.0.0/16")));
        assert_eq!(house.api("POST", "/security/banned-ips", new).await.status, 409);
        assert_eq!(house.page_from("10.1.2.3").await, 403);
        for (wrong, field) in [
            (json!({ "network": "10.1.0.0/33", "reason": "x" }), "network"),
            (json!({ "reason": "x" }), "network"),
            (json!({ "network": "192.0.2.1" }), "reason"),
            (json!({ "network": "192.0.2.1", "reason": "x", "expires_at": "2026-03-01T12:00:00Z" }), "expires_at"),
            (json!({ "network": "192.0.2.1", "reason": "x", "expires_at": "soon" }), "expires_at"),
        ] {
            let refused = house.api("POST", "/security/banned-ips", wrong.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{wrong}");
        }
        let change = json!({ "network": "10.2.0.0/16", "reason": "Moved", "expires_at": null });
        let changed = house.api("PUT", "/security/banned-ips/1", change).await.json();
        assert_eq!((&changed["expires_at"], &changed["in_force"]), (&Value::Null, &json!(true)));
        let listed = house.api("GET", "/security/banned-ips?q=10.2.2.2", Value::Null).await.json();
        assert_eq!((&listed["total"], &listed["items"][0]["reason"]), (&json!(1), &json!("Moved")));
        assert_eq!(house.api("GET", "/security/banned-ips?q=10.1.2.2", Value::Null).await.json()["total"], 0);
        assert_eq!(house.api("DELETE", "/security/banned-ips/1", Value::Null).await.status, 200);
        assert_eq!(house.api("DELETE", "/security/banned-ips/1", Value::Null).await.status, 404);
        assert_eq!(house.page_from("10.2.2.3").await, 200);
    }

    async fn the_compatible_action_bans(house: House) {
        let answer = house.action("AddBannedIp", &[("ip", "192.0.2.1"), ("reason", "Abuse"), ("days", "7")]).await;
        assert_eq!((&answer["result"], &answer["banid"]), (&json!("success"), &json!(1)));
        let until = [("ip", "192.0.2.2"), ("reason", "Abuse"), ("days", "7"), ("expires", "2026-03-01 12:30:00")];
        assert_eq!(house.action("AddBannedIp", &until).await["result"], "success");
        let mut conn = house.app.db.read().await.unwrap();
        let ends: Vec<String> =
            in_force(&mut conn, house.now).await.unwrap().iter().map(|ban| ban.expires_at.unwrap().to_string()).collect();
        drop(conn);
        assert_eq!(ends, ["2026-03-08T12:00:00Z", "2026-03-01T12:30:00Z"]);
        assert_eq!(house.page_from("192.0.2.1").await, 403);
        for wrong in [
            &[("ip", "nowhere"), ("reason", "x"), ("days", "1")][..],
            &[("ip", "192.0.2.3"), ("days", "1")],
            &[("ip", "192.0.2.3"), ("reason", "x")],
            &[("ip", "192.0.2.3"), ("reason", "x"), ("days", "0")],
            &[("ip", "192.0.2.3"), ("reason", "x"), ("expires", "2025-01-01 00:00:00")],
        ] {
            assert_eq!(house.action("AddBannedIp", wrong).await["result"], "error", "{wrong:?}");
        }
        assert_eq!(house.count("banned_ips").await, 2);
    }

    async fn a_ban_that_has_ended_is_replaced_and_cleared_away(house: House) {
        house.ban("192.0.2.1", Some(10)).await;
        house.ban("192.0.2.2", Some(10)).await;
        house.later(10);
        let again = house.ban("192.0.2.1", None).await;
        assert_eq!((again.id, house.count("banned_ips").await), (3, 2));
        platform::prune::run(&house.app.db, &[ENDED], house.clock_now()).await.unwrap();
        assert_eq!(house.count("banned_ips").await, 1);
        assert_eq!(house.page_from("192.0.2.1").await, 403);
    }

    async fn ten_thousand_are_pasted_and_no_more(house: House) {
        let list = |count: u32| (0..count).map(|at| format!("10.{}.{}.1", at / 256, at % 256)).collect::<Vec<_>>().join("\n");
        let refused = house.post("/admin/banned-ips", &[("network", &list(10_001)), ("reason", "List")]).await;
        assert!(refused.status == 422 && refused.text.contains("at most 10000"), "{}", refused.status);
        assert_eq!(house.post("/admin/banned-ips", &[("network", &list(10_000)), ("reason", "List")]).await.status, 303);
        assert_eq!(house.count("banned_ips").await, 10_000);
        assert_eq!([house.page_from("10.39.15.1").await, house.page_from("10.39.16.1").await], [403, 200]);
    }
}
