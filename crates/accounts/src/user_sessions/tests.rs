//! Sessions of users: how long they last, what ends them, and for which client they are.

use platform::settings::Setting;
use serde_json::{Value, json};

use super::*;
use crate::clients::ClientEdit;
use crate::doors::limits::TRUSTED_PROXIES;
use crate::testing::{As, House, PASSWORD, ann};
use crate::{account_access, company};

fn bob() -> ClientEdit {
    let some = |text: &str| Some(text.to_owned());
    ClientEdit { email: some("bob@example.com"), company: some("Bobs & Co"), ..ann() }
}

async fn set(house: &House, setting: &Setting, value: &str) {
    house.configure(setting, value).await;
}

testkit::both_engines! {
    async fn a_session_ends_when_nothing_is_asked_for_long_and_at_the_latest_after_a_day(house: House) {
        house.ann().await;
        let mut browser = house.logged_in("ann@example.com").await;
        for _ in 0..20 {
            house.pass(3_600);
            assert!(browser.is_logged_in().await);
        }
        house.pass(4 * 3_600);
        assert!(!browser.is_logged_in().await, "four hours of nothing");
        let mut busy = house.logged_in("ann@example.com").await;
        let mut hours = 0;
        while busy.is_logged_in().await {
            house.pass(3_600);
            hours += 1;
        }
        assert_eq!(hours, 24);
        set(&house, &IDLE_MINUTES, "15").await;
        let mut short = house.logged_in("ann@example.com").await;
        house.pass(14 * 60);
        assert!(short.is_logged_in().await);
        house.pass(15 * 60);
        assert!(!short.is_logged_in().await);
        platform::prune::run(&house.app.db, ENDED, house.app.clock.now()).await.unwrap();
        assert_eq!(house.count("user_sessions").await, 0);
    }

    async fn who_stays_logged_in_is_logged_in_for_as_many_days_as_the_setting_says(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        let fields = [("email", "ann@example.com"), ("password", PASSWORD), ("remember", "1")];
        let mut browser = house.visitor("192.0.2.10");
        let reply = browser.bare_post("/login", &fields).await;
        assert!(reply.set_cookies[0].ends_with("Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"), "{:?}", reply.set_cookies);
        house.pass(30 * 86_400 - 1);
        assert!(browser.is_logged_in().await);
        house.pass(1);
        assert!(!browser.is_logged_in().await);
        set(&house, &REMEMBER_DAYS, "0").await;
        let page = house.visitor("192.0.2.10").get("/login").await.text;
        assert!(!page.contains("Stay logged in"), "{page}");
        let mut browser = house.visitor("192.0.2.10");
        let reply = browser.bare_post("/login", &fields).await;
        assert!(!reply.set_cookies[0].contains("Max-Age"), "{:?}", reply.set_cookies);
        house.pass(3 * 3_600);
        assert!(!browser.is_logged_in().await, "nothing is remembered");
    }

    async fn a_cookie_that_was_seen_before_a_login_or_a_change_is_worth_nothing_after_it(house: House) {
        house.ann().await;
        house.client(bob()).await;
        house.post("/admin/clients/2/users", &[("email", "ann@example.com")]).await;
        let mut browser = house.logged_in("ann@example.com").await;
        let mut seen = vec![browser.cookies.clone()];
        browser.log_in("ann@example.com", PASSWORD).await;
        seen.push(browser.cookies.clone());
        assert_eq!(browser.post("/account/switch", &[("client", "2")]).await.to, "/account");
        seen.push(browser.cookies.clone());
        browser.post("/account/confirm", &[("password", PASSWORD)]).await;
        seen.push(browser.cookies.clone());
        browser.post("/account/security/log-out", &[("others", "1")]).await;
        for cookies in seen {
            let mut thief = house.visitor("192.0.2.10");
            thief.cookies = cookies;
            assert!(!thief.is_logged_in().await);
        }
        assert!(browser.is_logged_in().await);
        assert_eq!(house.count("user_sessions").await, 1);
    }

    async fn cookies_are_for_this_host_alone_where_there_is_tls(house: House) {
        house.ann().await;
        let mut plain = house.logged_in("ann@example.com").await;
        assert_eq!(plain.cookies.keys().collect::<Vec<_>>(), [COOKIE]);
        set(&house, &company::SYSTEM_URL, "https://billing.example.com").await;
        assert!(!plain.is_logged_in().await, "a cookie that anybody under the domain can set is not looked at");
        let mut browser = house.visitor("192.0.2.10");
        let reply = browser.log_in("ann@example.com", PASSWORD).await;
        let begins = format!("__Host-{COOKIE}=");
        assert!(reply.set_cookies[0].starts_with(&begins), "{:?}", reply.set_cookies);
        assert!(reply.set_cookies[0].ends_with("Path=/; HttpOnly; SameSite=Lax; Secure"), "{:?}", reply.set_cookies);
        assert!(browser.is_logged_in().await);
        let out = browser.post("/logout", &[]).await;
        assert!(out.set_cookies.iter().any(|cookie| cookie.starts_with(&begins)), "{:?}", out.set_cookies);
        assert!(out.set_cookies.len() > 1, "what is to be said goes by a cookie too");
        assert!(out.set_cookies.iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Lax; Secure")), "{:?}", out.set_cookies);
        // Staff have the same.
        set(&house, &company::SYSTEM_URL, "http://billing.example.com").await;
        set(&house, &TRUSTED_PROXIES, "192.0.2.10").await;
        let mut behind = house.visitor("192.0.2.10");
        behind.headers = vec![("x-forwarded-proto", "https")];
        let reply = behind.log_in("ann@example.com", PASSWORD).await;
        assert!(reply.set_cookies[0].starts_with(&begins), "{:?}", reply.set_cookies);
        let mut liar = house.visitor("192.0.2.11");
        liar.headers = vec![("x-forwarded-proto", "https")];
        let reply = liar.log_in("ann@example.com", PASSWORD).await;
        assert!(reply.set_cookies[0].starts_with(COOKIE), "{:?}", reply.set_cookies);
    }

    async fn the_address_is_checked_when_the_setting_says_so(house: House) {
        house.ann().await;
        let mut browser = house.logged_in("ann@example.com").await;
        browser.ip = "198.51.100.7".to_owned();
        assert!(browser.is_logged_in().await);
        set(&house, &IP_CHECK, "true").await;
        assert!(!browser.is_logged_in().await);
        browser.ip = "192.0.2.10".to_owned();
        assert!(browser.is_logged_in().await, "the session itself is as it was");
    }

    async fn users_see_their_sessions_and_end_them_and_nobody_elses(house: House) {
        house.ann().await;
        house.client(bob()).await;
        let mut ann = house.logged_in("ann@example.com").await;
        let mut other = house.logged_in("ann@example.com").await;
        let mut bob = house.logged_in("bob@example.com").await;
        let page = ann.get("/account/security").await.text;
        assert_eq!((page.matches("Firefox on Linux").count(), page.matches("This one").count()), (2, 1), "{page}");
        assert!(page.contains("192.0.2.10"), "{page}");
        assert_eq!(ann.post("/account/security/sessions/3/end", &[]).await.status, 404, "this one is Bob's");
        assert_eq!(ann.post("/account/security/sessions/2/end", &[]).await.to, "/account/security");
        assert!(!other.is_logged_in().await && bob.is_logged_in().await);
        assert_eq!(ann.post("/account/security/sessions/2/end", &[]).await.status, 404);
        let mut third = house.logged_in("ann@example.com").await;
        assert_eq!(ann.post("/account/security/log-out", &[("others", "1")]).await.to, "/account/security");
        assert!(!third.is_logged_in().await && ann.is_logged_in().await && bob.is_logged_in().await);
        assert_eq!(ann.post("/account/security/log-out", &[]).await.to, "/login");
        assert!(!ann.cookies.contains_key(COOKIE) && bob.is_logged_in().await);
        assert_eq!(house.logged("sessions ended of user ann@example.com").await.len(), 2);
    }

    async fn a_session_for_one_account_stays_with_it(house: House) {
        house.ann().await;
        house.client(bob()).await;
        house.post("/admin/clients/2/users", &[("email", "ann@example.com")]).await;
        let mut tx = house.app.db.write().await.unwrap();
        for (confined, may) in [(true, [true, false]), (false, [true, true])] {
            let new = NewSession {
                user_id: 1, admin_id: None, client_id: Some(1), ip: "192.0.2.10", user_agent: "", remember: Remember::No, confined,
            };
            let started = start_vouched_for(&mut tx, new, &house.app.random, house.now).await.unwrap();
            let logged_in = find(&mut tx, &started.token, "192.0.2.10", house.now).await.unwrap().unwrap();
            for (client, may) in [1, 2].into_iter().zip(may) {
                let turned = switch(&mut tx, &logged_in, client, &house.app.random, house.now).await;
                assert_eq!(turned.is_ok(), may, "{confined} {client}: {turned:?}");
            }
        }
    }

    async fn a_user_turns_to_the_own_accounts_only_and_a_closed_one_cannot_be_used(house: House) {
        house.ann().await;
        house.client(bob()).await;
        let mut ann = house.logged_in("ann@example.com").await;
        assert!(ann.get("/account/details").await.text.contains("Lee &amp; Söhne"));
        for id in ["2", "99"] {
            assert_eq!(ann.post("/account/switch", &[("client", id)]).await.status, 404, "{id}");
        }
        assert_eq!(ann.post("/account/switch", &[("client", "x")]).await.status, 422);
        house.post("/admin/clients/2/users", &[("email", "ann@example.com")]).await;
        let list = ann.get("/account/switch").await.text;
        assert!(list.contains("Bobs &amp; Co") && list.contains("Chosen"), "{list}");
        assert_eq!(ann.post("/account/switch", &[("client", "2")]).await.to, "/account");
        house.sql("UPDATE client_users SET permissions = 'invoices' WHERE client_id = 2 AND user_id = 1").await;
        let refused = ann.get("/account/details").await;
        assert!(refused.status == 403 && refused.text.contains("profile"), "a member without the key: {}", refused.text);
        house.sql("UPDATE client_users SET permissions = 'invoices\nprofile' WHERE client_id = 2 AND user_id = 1").await;
        assert!(ann.get("/account/details").await.text.contains("Bobs &amp; Co"));
        // Taken away, and gone with the next request.
        house.post("/admin/clients/2/users/remove", &[("user", "1")]).await;
        let gone = ann.get("/account/details").await;
        assert!(gone.status == 409 && gone.text.contains("You act for no account"), "{}", gone.text);
        assert!(ann.get("/account").await.text.contains("Choose an account"));
        house.post("/admin/clients/1/close", &[("confirm_name", "Lee & Söhne")]).await;
        assert_eq!(ann.post("/account/switch", &[("client", "1")]).await.status, 404, "closed");
        let home = ann.get("/account").await.text;
        assert!(home.contains("Your account is closed"), "{home}");
        assert!(ann.get("/account/switch").await.text.contains("A closed account cannot be used"));
    }

    async fn who_has_no_account_is_told_so(house: House) {
        house.ann().await;
        house.client(bob()).await;
        house.sql("DELETE FROM client_users WHERE user_id = 2").await;
        let mut bob = house.logged_in("bob@example.com").await;
        for path in ["/account", "/account/switch"] {
            let page = bob.get(path).await.text;
            assert!(page.contains("You have no account here"), "{page}");
        }
        assert_eq!(bob.get("/account/details").await.status, 409);
        assert_eq!(bob.get("/account/profile").await.status, 200);
        assert!(!bob.get("/account").await.text.contains("Account details"), "the menu has what can be used");
    }

    async fn staff_see_and_end_sessions_and_mail_links(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        let page = house.get("/admin/users/1").await.text;
        assert!(page.contains("Firefox on Linux") && page.contains("Not verified"), "{page}");
        let listed = house.api("GET", "/users/1/sessions", Value::Null).await.json();
        assert_eq!((&listed["items"][0]["ip"], &listed["items"][0]["client_id"]), (&json!("192.0.2.10"), &json!(1)));
        assert!(listed["items"][0].get("token_hash").is_none());
        assert_eq!(house.api("GET", "/users/9/sessions", Value::Null).await.status, 404);
        assert_eq!(house.api("DELETE", "/users/1/sessions", Value::Null).await.json(), json!({ "ended": 1 }));
        assert!(!ann.is_logged_in().await);
        assert_eq!(house.api("DELETE", "/users/1/sessions", Value::Null).await.json(), json!({ "ended": 0 }));
        let mut ann = house.logged_in("ann@example.com").await;
        assert_eq!(house.post("/admin/users/1/sessions/end", &[]).await.to, "/admin/users/1");
        assert!(!ann.is_logged_in().await);
        assert_eq!(house.logged("sessions ended of user ann@example.com").await, ["boss", "boss"]);
        let made = house.api("POST", "/users/1/password-reset", Value::Null).await;
        assert_eq!((made.status.as_u16(), made.json()), (200, json!({ "mailed_to": "ann@example.com" })));
        assert_eq!(house.post("/admin/users/1/password-reset", &[]).await.to, "/admin/users/1");
        assert_eq!(house.mailed("password_reset").await.len(), 2);
        for (method, path) in [("DELETE", "/users/1/sessions"), ("POST", "/users/1/password-reset")] {
            let refused = house.send(As::Nobody, method, &format!("/api/v1{path}"), "application/json", String::new()).await;
            assert_eq!(refused.status, 403, "{path}");
        }
    }

    async fn the_keys_of_a_member_are_those_that_are_known(house: House) {
        house.ann().await;
        house.client(bob()).await;
        house.sql("INSERT INTO client_users (client_id, user_id, is_owner, permissions) VALUES (2, 1, FALSE, 'orders\nnonsense\nprofile')").await;
        let mut conn = house.app.db.read().await.unwrap();
        let part = account_access::part(&mut conn, 2, 1).await.unwrap().unwrap();
        assert_eq!(part, Part::Member(vec![account_access::PROFILE, account_access::ORDERS]));
        assert!(part.may(account_access::ORDERS) && !part.may(account_access::INVOICES));
        let owner = account_access::part(&mut conn, 1, 1).await.unwrap().unwrap();
        assert!(account_access::ALL.iter().all(|permission| owner.may(*permission)));
        assert_eq!(account_access::part(&mut conn, 1, 2).await.unwrap(), None);
    }
}
