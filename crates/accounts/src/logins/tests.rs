//! The door of the client area.

use serde_json::json;

use crate::banned_ips::automatic::{CLIENT_MINUTES, CLIENT_TRIES};
use crate::clients::ClientEdit;
use crate::testing::{House, PASSWORD, ann};
use crate::two_factor::{self, OF_USERS, Person};

/// What the user's app shows now.
async fn app_code(house: &House) -> String {
    let mut conn = house.app.db.read().await.unwrap();
    let place = two_factor::totp::place(Person::User(1));
    let secret = platform::secrets::get(&mut conn, &house.app.vault, &place).await.unwrap().unwrap();
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let app = totp_rs::Builder::new().with_secret(secret).with_account_name("ann").build().unwrap();
    app.generate(u64::try_from(house.app.clock.now().micros() / 1_000_000).unwrap()).to_string()
}

testkit::both_engines! {
    async fn a_user_logs_in_and_out_and_the_front_leads_to_where_it_belongs(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        let mut browser = house.visitor("192.0.2.10");
        assert_eq!(browser.get("/").await.to, "/login");
        assert_eq!(browser.get("/account/security").await.to, "/login?next=%2Faccount%2Fsecurity");
        let page = browser.get("/login?next=/account/security").await.text;
        assert!(page.contains("value=\"&#x2f;account&#x2f;security\"") && page.contains("/register"), "{page}");
        let fields = [("email", " ANN@example.com "), ("password", PASSWORD), ("next", "/account/security")];
        assert_eq!(browser.bare_post("/login", &fields).await.to, "/account/security");
        assert_eq!((browser.get("/").await.to, browser.get("/login").await.to), ("/account".into(), "/account".into()));
        let page = browser.get("/account").await.text;
        assert!(page.contains("Welcome, Ann Lee") && page.contains("Lee &amp; Söhne"), "{page}");
        let cookies = browser.cookies.clone();
        let out = browser.post("/logout", &[]).await;
        assert_eq!((out.to.as_str(), out.clears.as_str()), ("/login", "\"cache\""));
        browser.cookies = cookies;
        assert!(!browser.is_logged_in().await, "the session has ended, not only its cookie");
        assert_eq!(house.logged("Logged in").await, ["ann@example.com"]);
        assert_eq!(house.logged("Logged out").await, ["ann@example.com"]);
        assert_eq!(house.get("/admin/users/1").await.text.matches("never logged in").count(), 0);
    }

    async fn what_was_wrong_is_not_told(house: House) {
        house.ann().await;
        let without = house.visitor("192.0.2.10").log_in("ann@example.com", PASSWORD).await;
        house.give_password("ann@example.com").await;
        let wrong = house.visitor("192.0.2.10").log_in("ann@example.com", "wrong").await;
        let unknown = house.visitor("192.0.2.10").log_in("bob@example.com", "wrong").await;
        for reply in [&without, &wrong, &unknown] {
            assert_eq!(reply.status, 422);
            assert!(reply.set_cookies.is_empty(), "{:?}", reply.set_cookies);
        }
        assert_eq!(wrong.text, without.text);
        assert_eq!(house.logged("user ann@example.com refused: wrong password").await, ["Nobody", "Nobody"]);
        assert_eq!(house.logged("nobody has this address").await, ["Nobody"]);
        assert_eq!(wrong.text, unknown.text.replace("bob@", "ann@"));
        assert!(wrong.text.contains("The e-mail address or the password is wrong."), "{}", wrong.text);
    }

    async fn a_form_of_another_site_or_without_its_token_is_refused(house: House) {
        house.ann().await;
        let mut browser = house.logged_in("ann@example.com").await;
        assert_eq!(browser.bare_post("/account/profile", &[("first_name", "Eve")]).await.status, 409);
        assert_eq!(browser.bare_post("/logout", &[("csrf", "0")]).await.status, 409);
        browser.headers = vec![("sec-fetch-site", "cross-site")];
        assert_eq!(browser.post("/account/profile", &[("first_name", "Eve")]).await.status, 409);
        for path in ["/login", "/register", "/forgot-password", "/reset-password/x", "/verify-email/x"] {
            assert_eq!(browser.bare_post(path, &[("email", "ann@example.com")]).await.status, 409, "{path}");
        }
        assert_eq!(house.logged("changed").await.len(), 0);
    }

    async fn too_many_wrong_passwords_close_the_account_to_an_address_and_others_get_in(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        house.configure(&CLIENT_TRIES, "0").await;
        let mut guesser = house.visitor("198.51.100.7");
        for _ in 0..10 {
            assert_eq!(guesser.log_in("ann@example.com", "wrong").await.status, 422);
        }
        assert_eq!(guesser.log_in("ann@example.com", PASSWORD).await.status, 429, "not even the right one");
        assert_eq!(house.count("banned_ips").await, 0, "0 bans nobody");
        assert_eq!(house.visitor("198.51.100.8").log_in("ann@example.com", PASSWORD).await.status, 303);
        house.pass(16 * 60);
        assert_eq!(guesser.log_in("ann@example.com", PASSWORD).await.status, 303);
    }

    async fn the_tenth_wrong_password_bans_the_address(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        let ip = "198.51.100.7";
        for at in 0..9 {
            assert_eq!(house.visitor(ip).log_in(&format!("user{at}@example.com"), "wrong").await.status, 422);
        }
        let banned = house.visitor(ip).log_in("ann@example.com", "wrong").await;
        assert!(banned.status == 403 && banned.text.contains("Too many wrong passwords"), "{}", banned.text);
        let refused = house.visitor(ip).log_in("ann@example.com", PASSWORD).await;
        assert_eq!(refused.status, 403, "the right one too");
        assert_eq!(house.logged("Login refused: 198.51.100.7 is banned").await, ["Nobody"]);
        house.pass(15 * 60);
        house.configure(&CLIENT_TRIES, "2").await;
        assert_eq!(house.visitor(ip).log_in("ann@example.com", "wrong").await.status, 422);
        assert_eq!(house.visitor(ip).log_in("ann@example.com", "wrong").await.status, 403);
        house.pass(15 * 60);
        house.configure(&CLIENT_MINUTES, "0").await;
        for _ in 0..4 {
            assert_eq!(house.visitor(ip).log_in("ann@example.com", "wrong").await.status, 422);
        }
        // What fails at this door is not counted at that of staff.
        let staff = [("email", "boss"), ("password", "wrong")];
        assert_eq!(house.visitor(ip).bare_post("/admin/login", &staff).await.status, 422);
    }

    async fn attempts_are_limited_whatever_is_tried(house: House) {
        house.ann().await;
        house.configure(&CLIENT_TRIES, "0").await;
        let mut answers = Vec::new();
        for at in 0..7 {
            let address = format!("x{at}@example.com");
            answers.push(house.visitor("192.0.2.44").log_in(&address, "x").await.status.as_u16());
            let asked = [("email", address.as_str())];
            answers.push(house.visitor("192.0.2.44").bare_post("/forgot-password", &asked).await.status.as_u16());
            answers.push(house.visitor("192.0.2.44").bare_post("/register", &asked).await.status.as_u16());
        }
        assert_eq!(answers.iter().filter(|status| **status == 429).count(), 1, "{answers:?}");
        assert_eq!(answers.last(), Some(&429));
    }

    async fn the_password_is_asked_for_again_before_what_matters_and_not_again_for_a_while(house: House) {
        house.ann().await;
        let mut browser = house.logged_in("ann@example.com").await;
        assert_eq!(browser.get("/account/email").await.status, 200, "it was typed a moment ago");
        house.pass(10 * 60);
        let asked = browser.post("/account/email", &[("email", "new@example.com")]).await;
        let (to, next) = asked.to.split_once("?next=").unwrap();
        assert_eq!(to, "/account/confirm");
        let page = browser.get(&asked.to).await.text;
        assert!(page.contains("Your password, please") && page.contains("new%40example"), "{page}");
        let next = next.replace("%2F", "/").replace("%3F", "?").replace("%3D", "=").replace("%25", "%").replace("%2E", ".");
        let wrong = browser.post("/account/confirm", &[("password", "wrong"), ("next", &next)]).await;
        assert!(wrong.status == 422 && wrong.text.contains("This is not your password."), "{}", wrong.text);
        let on = browser.post("/account/confirm", &[("password", PASSWORD), ("next", &next)]).await;
        assert_eq!(on.to, "/account/email?email=new%40example.com");
        assert!(browser.get(&on.to).await.text.contains("value=\"new@example.com\""), "nothing typed is lost");
        house.pass(9 * 60);
        assert_eq!(browser.post("/account/email", &[("email", "new@example.com")]).await.to, "/account/profile");
        assert_eq!(browser.post("/account/confirm", &[("password", PASSWORD), ("next", "//evil.example")]).await.to, "/account");
    }

    async fn guessing_where_the_password_is_asked_for_again_bans_as_well(house: House) {
        house.ann().await;
        house.configure(&CLIENT_TRIES, "3").await;
        let mut browser = house.logged_in("ann@example.com").await;
        let current = [("current", "wrong"), ("password", "x"), ("again", "x")];
        assert_eq!(browser.post("/account/confirm", &[("password", "wrong")]).await.status, 422);
        assert_eq!(browser.post("/account/password", &current).await.status, 422);
        assert_eq!(browser.post("/account/confirm", &[("password", "wrong")]).await.status, 403);
    }

    async fn where_a_second_factor_is_asked_for_the_password_alone_opens_nothing(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        house.configure(&OF_USERS, "required").await;
        let mut ann = house.visitor("192.0.2.10");
        let fields = [("email", "ann@example.com"), ("password", PASSWORD), ("next", "/account/details"), ("remember", "1")];
        assert_eq!(ann.bare_post("/login", &fields).await.to, "/login/set-up");
        assert!(!ann.is_logged_in().await);
        let page = ann.get("/login/set-up").await;
        assert_eq!(page.status, 200, "{}", page.to);
        let codes = ann.bare_post("/login/set-up", &[("code", &app_code(&house).await)]).await;
        assert!(codes.status == 200 && codes.text.contains("account&#x2f;details"), "{}", codes.text);
        assert!(ann.is_logged_in().await, "and is in from now on");
        house.pass(3 * 3_600);
        assert!(ann.is_logged_in().await, "who wished to stay logged in does");
        let mut other = house.visitor("192.0.2.11");
        assert_eq!(other.log_in("ann@example.com", PASSWORD).await.to, "/login/second");
        assert!(!other.is_logged_in().await);
        assert_eq!(other.bare_post("/login/second", &[("code", "000000")]).await.status, 422);
        assert_eq!(other.bare_post("/login/second", &[("code", &app_code(&house).await)]).await.to, "/account");
        assert!(other.is_logged_in().await);
        assert_eq!(house.logged("Logged in with a code").await, ["ann@example.com"]);
        let answer = house.action("ValidateLogin", &[("email", "ann@example.com"), ("password2", PASSWORD)]).await;
        assert_eq!(answer["twoFactorEnabled"], json!(true));
        // The half login of a user is none at the door of staff.
        let mut third = house.visitor("192.0.2.12");
        third.log_in("ann@example.com", PASSWORD).await;
        assert_eq!(third.get("/admin/login/second").await.to, "/admin/login");
    }

    async fn the_compatible_api_checks_a_login(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        let ask = async |email: &str, password: &str| {
            house.action("ValidateLogin", &[("email", email), ("password2", password)]).await
        };
        let right = ask("ann@example.com", PASSWORD).await;
        assert_eq!((&right["result"], &right["userid"], &right["twoFactorEnabled"]), (&json!("success"), &json!(1), &json!(false)));
        let hash = right["passwordhash"].as_str().unwrap();
        assert!(hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
        assert_eq!(ask("ann@example.com", PASSWORD).await["passwordhash"], right["passwordhash"]);
        for (email, password) in [("ann@example.com", "wrong"), ("bob@example.com", PASSWORD)] {
            let wrong = ask(email, password).await;
            assert_eq!((&wrong["result"], &wrong["message"]), (&json!("error"), &json!("Email or Password Invalid")));
        }
        house.give_password("ann@example.com").await;
        assert_ne!(ask("ann@example.com", PASSWORD).await["passwordhash"], right["passwordhash"], "a new password");
        assert_eq!(house.count("user_sessions").await, 0);
        house.client(ClientEdit { email: Some("bob@example.com".to_owned()), ..ann() }).await;
        house.give_password("bob@example.com").await;
        for _ in 0..100 {
            ask("ann@example.com", "wrong").await;
        }
        assert_eq!(ask("bob@example.com", PASSWORD).await["result"], json!("success"), "others of that server go on");
        let (identifier, secret) = house.credential();
        let fields = [
            ("action", "ValidateLogin"), ("identifier", identifier.as_str()), ("secret", &secret),
            ("email", "ann@example.com"), ("password2", PASSWORD),
        ];
        let reply = house.from("127.0.0.1", crate::testing::As::Stranger, "POST", "/includes/api.php", &fields).await;
        assert_eq!(reply.status, 429, "{}", reply.text);
        assert_eq!(house.count("banned_ips").await, 0, "the caller's server is not banned");
    }
}
