//! Logging in with two factors, as a browser does it.

use kernel::Timestamp;
use platform::params;
use serde_json::{Value, json};
use testkit::device::Device;

use super::*;
use crate::testing::{As, House, Jar, Reply, system};
use crate::{admins, passwords};

const PASSWORD: &str = "correct horse battery";
const ORIGIN: &str = "http://localhost:8080";

/// Somebody of staff with a password, a browser and a device.
struct Ana<'a> {
    house: &'a House,
    person: Person,
    browser: Jar,
    device: Device,
}

/// The codes that a page shows.
fn codes_in(text: &str) -> Vec<String> {
    let list = text.split("<ul class=\"codes").nth(1).expect("codes on the page").split("</ul>").next().unwrap();
    list.split("<li>").skip(1).map(|item| item.split("</li>").next().unwrap().to_owned()).collect()
}

fn token_of(text: &str) -> String {
    let field = text.split("name=\"csrf\" value=\"").nth(1).expect("a form with its token");
    field.split('"').next().unwrap().to_owned()
}

impl<'a> Ana<'a> {
    async fn new(house: &'a House, role: &str) -> Ana<'a> {
        let mut tx = house.app.db.write().await.unwrap();
        let new = admins::NewAdmin {
            username: "ana".to_owned(),
            email: "ana@example.com".to_owned(),
            role: role.to_owned(),
            password: Some(passwords::hash(PASSWORD).await.unwrap()),
        };
        let admin = admins::create(&mut tx, &system(), new, house.now).await.unwrap();
        tx.commit().await.unwrap();
        let person = Person::Staff(admin.id);
        Ana { house, person, browser: Jar::default(), device: Device::at(ORIGIN) }
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.house.visit(&mut self.browser, "GET", path, &[]).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.house.visit(&mut self.browser, "POST", path, fields).await
    }

    /// A form of the staff area, with its token.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = token_of(&self.get("/admin/account/security").await.text);
        let mut all = vec![("csrf", token.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    async fn password(&mut self) -> Reply {
        self.browser = Jar::default();
        self.post("/admin/login", &[("email", "ana"), ("password", PASSWORD), ("next", "/admin/clients")]).await
    }

    async fn code(&mut self, code: &str) -> Reply {
        self.post("/admin/login/second", &[("code", code)]).await
    }

    fn is_in(&self) -> bool {
        self.browser.has(crate::sessions::COOKIE)
    }

    /// What the app shows now.
    async fn app_code(&self) -> String {
        let mut conn = self.house.app.db.read().await.unwrap();
        let secret = secrets::get(&mut conn, &self.house.app.vault, &totp::place(self.person)).await.unwrap().unwrap();
        let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
        let app = totp_rs::Builder::new().with_secret(secret).with_account_name("ana").build().unwrap();
        let now = u64::try_from(self.house.app.clock.now().micros() / 1_000_000).unwrap();
        app.generate(now).to_string()
    }

    /// Logs in with the password alone and sets up the app; the recovery codes.
    async fn set_up_app(&mut self) -> Vec<String> {
        self.password().await;
        self.get("/admin/account/security").await;
        let code = self.app_code().await;
        let page = self.send("/admin/account/security/app", &[("code", &code)]).await;
        assert_eq!(page.status, 200, "{}", page.to);
        self.house.tick(30);
        codes_in(&page.text)
    }

    async fn asked(&mut self, path: &str, csrf: &str) -> (String, Value) {
        let reply = self.post(path, &[("csrf", csrf)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let asked = reply.json();
        (asked["token"].as_str().unwrap().to_owned(), asked["options"].clone())
    }

    async fn add_passkey(&mut self, name: &str) -> Reply {
        let page = self.get("/admin/account/security").await.text;
        let csrf = token_of(&page);
        let (token, options) = self.asked("/admin/account/security/passkeys/options", &csrf).await;
        let response = self.device.create(&options).to_string();
        let fields = [("csrf", csrf.as_str()), ("token", &token), ("response", &response), ("name", name)];
        self.post("/admin/account/security/passkeys", &fields).await
    }

    /// Shows a passkey at a login.
    async fn show_passkey(&mut self, path: &str) -> Reply {
        let options_at = match path.strip_suffix("/second/passkey") {
            Some(login) => format!("{login}/second/options"),
            None => format!("{path}/options"),
        };
        let (token, options) = self.asked(&options_at, "").await;
        let response = self.device.get(&options).to_string();
        self.post(path, &[("token", &token), ("response", &response), ("next", "/admin/clients")]).await
    }
}

/// A user with a browser and a device.
struct Bea<'a> {
    house: &'a House,
    jar: Jar,
    device: Device,
}

impl<'a> Bea<'a> {
    async fn new(house: &'a House) -> Bea<'a> {
        house.ann().await;
        house.give_password("ann@example.com").await;
        Bea { house, jar: Jar::default(), device: Device::at(ORIGIN) }
    }

    async fn visit(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.house.visit(&mut self.jar, method, path, fields).await
    }

    async fn password(&mut self) -> Reply {
        self.jar = Jar::default();
        self.visit("POST", "/login", &[("email", "ann@example.com"), ("password", crate::testing::PASSWORD)]).await
    }

    async fn asked(&mut self, path: &str, csrf: &str) -> (String, Value) {
        let reply = self.visit("POST", path, &[("csrf", csrf)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let asked = reply.json();
        (asked["token"].as_str().unwrap().to_owned(), asked["options"].clone())
    }
}

impl House {
    fn tick(&self, seconds: i64) {
        self.app.clock.set(self.app.clock.now().plus_seconds(seconds));
    }

    async fn policy(&self, role: &str, policy: Policy) {
        let mut tx = self.app.db.write().await.unwrap();
        let id: i64 = tx.scalar("SELECT id FROM roles WHERE name = $1", params![role]).await.unwrap();
        set_policy(&mut tx, &system(), id, policy, self.now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn put(&self, setting: &platform::Setting, value: &str) {
        let mut tx = self.app.db.write().await.unwrap();
        platform::settings::set(&mut tx, setting, value, self.app.clock.now()).await.unwrap();
        let values = platform::settings::Values::load(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        self.app.extensions.get::<crate::doors::limits::Limits>().inspect(|limits| limits.set(&values));
    }

    async fn said(&self, words: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM activity_log WHERE description LIKE $1";
        self.app.db.read().await.unwrap().scalar(sql, params![format!("%{words}%")]).await.unwrap()
    }
}

const ROLE: &str = crate::roles::FULL_ADMINISTRATOR;

testkit::both_engines! {
    async fn a_password_alone_opens_nothing_once_there_is_an_app(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        assert_eq!(ana.set_up_app().await.len(), RECOVERY_CODES);
        let asked = ana.password().await;
        assert_eq!((asked.status.as_u16(), asked.to.as_str()), (303, "/admin/login/second"));
        assert!(!ana.is_in());
        assert!(ana.get("/admin/clients").await.to.starts_with("/admin/login"));
        let wrong = ana.code("000000").await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("wrong or was used before") && !ana.is_in());
        let code = ana.app_code().await;
        let right = ana.code(&code).await;
        assert_eq!((right.status.as_u16(), right.to.as_str()), (303, "/admin/clients"));
        assert_eq!(ana.get("/admin/clients").await.status, 200);
        assert_eq!([house.said("with a code of the authenticator app").await, house.said("Wrong second factor").await], [1, 1]);
    }

    async fn a_code_is_good_once(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        ana.password().await;
        let code = ana.app_code().await;
        assert_eq!(ana.code(&code).await.status, 303);
        ana.password().await;
        assert_eq!(ana.code(&code).await.status, 422, "within the same half minute");
        house.tick(30);
        assert_eq!(ana.code(&code).await.status, 422, "nor in the next, though the clock may be wrong by so much");
        let next = ana.app_code().await;
        assert_eq!(ana.code(&next).await.status, 303);
    }

    async fn a_recovery_code_is_good_once_and_leaves_the_others(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        let codes = ana.set_up_app().await;
        ana.password().await;
        assert_eq!(ana.code(&codes[3].to_lowercase().replace('-', " ")).await.status, 303);
        assert_eq!(house.said("recovery code; 9 are left").await, 1);
        ana.password().await;
        assert_eq!(ana.code(&codes[3]).await.status, 422);
        assert_eq!(ana.code(&codes[4]).await.status, 303);
        let page = ana.send("/admin/account/security/codes", &[]).await;
        let new = codes_in(&page.text);
        assert!(new.len() == RECOVERY_CODES && !new.contains(&codes[5]));
        ana.password().await;
        assert_eq!(ana.code(&codes[5]).await.status, 422, "the old ones are of no use");
        let stored = house.count("recovery_codes").await;
        let mut conn = house.app.db.read().await.unwrap();
        let hashes: Vec<String> = conn.column("SELECT code_hash FROM recovery_codes", params![]).await.unwrap();
        assert!(stored == 10 && hashes.iter().all(|hash| hash.len() == 64 && !new.contains(hash)));
    }

    async fn after_five_wrong_codes_it_begins_with_the_password(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        ana.password().await;
        for _ in 0..half::TRIES {
            assert_eq!(ana.code("123456").await.status, 422);
        }
        let right = ana.app_code().await;
        let refused = ana.code(&right).await;
        assert_eq!((refused.to.as_str(), ana.is_in()), ("/admin/login", false));
        assert!(ana.get("/admin/login").await.text.contains("Begin again with your password"));
    }

    async fn a_half_login_ends_and_is_used_once(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        ana.password().await;
        house.tick(half::LIFE);
        let code = ana.app_code().await;
        assert_eq!(ana.code(&code).await.to, "/admin/login");
        assert!(!ana.is_in());
        ana.password().await;
        let half = house.count("half_logins").await;
        assert_eq!(half, 2);
        let code = ana.app_code().await;
        assert_eq!(ana.code(&code).await.status, 303);
        platform::prune::run(&house.app.db, ENDED, house.app.clock.now()).await.unwrap();
        assert_eq!(house.count("half_logins").await, 0);
    }

    async fn a_passkey_is_a_second_factor_and_a_whole_login(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.password().await;
        let added = ana.add_passkey("Laptop").await;
        assert_eq!((added.status.as_u16(), codes_in(&added.text).len()), (200, RECOVERY_CODES));
        assert_eq!(ana.password().await.to, "/admin/login/second");
        assert!(ana.get("/admin/login/second").await.text.contains("Use a passkey"));
        let shown = ana.show_passkey("/admin/login/second/passkey").await;
        assert_eq!((shown.to.as_str(), ana.is_in()), ("/admin/clients", true));
        ana.browser = Jar::default();
        let alone = ana.show_passkey("/admin/login/passkey").await;
        assert_eq!((alone.to.as_str(), ana.is_in()), ("/admin/clients", true));
        assert_eq!([house.said("with password and passkey").await, house.said("Logged in with a passkey").await], [1, 1]);
        let mut conn = house.app.db.read().await.unwrap();
        let used: Option<Timestamp> = conn.scalar("SELECT last_used_at FROM passkeys", params![]).await.unwrap();
        assert!(used.is_some());
    }

    async fn an_answer_of_a_passkey_is_good_once_and_for_its_question(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.password().await;
        ana.add_passkey("Laptop").await;
        ana.browser = Jar::default();
        let (token, options) = ana.asked("/admin/login/passkey/options", "").await;
        let response = ana.device.get(&options).to_string();
        let fields = [("token", token.as_str()), ("response", response.as_str())];
        assert_eq!(ana.post("/admin/login/passkey", &fields).await.to, "/admin");
        ana.browser = Jar::default();
        assert_eq!((ana.post("/admin/login/passkey", &fields).await.to.as_str(), ana.is_in()), ("/admin/login", false));
        // A question for the second step opens no login of its own, and the other way round.
        ana.password().await;
        let (token, options) = ana.asked("/admin/login/second/options", "").await;
        let response = ana.device.get(&options).to_string();
        ana.post("/admin/login/passkey", &[("token", &token), ("response", &response)]).await;
        assert!(!ana.is_in());
        // Nor does one that took too long, or a device at another site.
        let (token, options) = ana.asked("/admin/login/second/options", "").await;
        let response = ana.device.get(&options).to_string();
        house.tick(301);
        ana.post("/admin/login/second/passkey", &[("token", &token), ("response", &response)]).await;
        assert!(!ana.is_in());
        ana.device.origin = "http://localhost.evil.example".to_owned();
        ana.show_passkey("/admin/login/second/passkey").await;
        assert!(!ana.is_in());
        for nonsense in ["", "{}", "[]", "not json"] {
            assert_eq!(ana.post("/admin/login/passkey", &[("token", &token), ("response", nonsense)]).await.status, 303);
        }
        assert!(!ana.is_in());
    }

    async fn whoever_must_have_a_factor_sets_one_up_before_anything_else(house: House) {
        house.policy(ROLE, Policy::Required).await;
        let mut ana = Ana::new(&house, ROLE).await;
        assert_eq!(ana.password().await.to, "/admin/login/set-up");
        let page = ana.get("/admin/login/set-up").await.text;
        assert!(page.contains("data:image&#x2f;svg+xml") || page.contains("data:image/svg+xml"), "{page}");
        assert!(!ana.is_in());
        assert_eq!(ana.code("123456").await.status, 422, "there is no factor to show");
        let wrong = ana.post("/admin/login/set-up", &[("code", "123456")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("Is its clock right?"));
        let code = ana.app_code().await;
        let done = ana.post("/admin/login/set-up", &[("code", &code)]).await;
        assert_eq!((done.status.as_u16(), codes_in(&done.text).len(), ana.is_in()), (200, RECOVERY_CODES, true));
        house.tick(30);
        assert_eq!(ana.password().await.to, "/admin/login/second");
        assert!(ana.get("/admin/login/set-up").await.to == "/admin/login", "the password alone adds no other");
        let code = ana.app_code().await;
        ana.code(&code).await;
        let kept = ana.send("/admin/account/security/app/remove", &[]).await;
        assert_eq!(kept.to, "/admin/account/security");
        assert!(factors(&mut house.app.db.read().await.unwrap(), ana.person).await.unwrap().totp_since.is_some());
    }

    async fn a_first_passkey_can_be_set_up_at_the_login(house: House) {
        house.policy(ROLE, Policy::Required).await;
        let mut ana = Ana::new(&house, ROLE).await;
        ana.password().await;
        let (token, options) = ana.asked("/admin/login/set-up/options", "").await;
        let response = ana.device.create(&options).to_string();
        let fields = [("token", token.as_str()), ("response", &response), ("name", "Key")];
        let done = ana.post("/admin/login/set-up/passkey", &fields).await;
        assert_eq!((done.status.as_u16(), ana.is_in()), (200, true));
    }

    async fn where_it_is_off_nobody_is_asked_and_nobody_adds_one(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        house.policy(ROLE, Policy::Off).await;
        assert_eq!(ana.password().await.to, "/admin/clients");
        let csrf = token_of(&ana.get("/admin/account/security").await.text);
        let refused = ana.post("/admin/account/security/passkeys/options", &[("csrf", &csrf)]).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        house.policy(ROLE, Policy::Allowed).await;
        assert_eq!(ana.password().await.to, "/admin/login/second", "what was set up has waited");
    }

    async fn what_opens_an_account_takes_a_fresh_password(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.password().await;
        ana.add_passkey("Laptop").await;
        let csrf = token_of(&ana.get("/admin/account/security").await.text);
        house.tick(15 * 60);
        let stale = "/admin/account/confirm?next=%2Fadmin%2Faccount%2Fsecurity";
        assert_eq!(ana.get("/admin/account/security").await.to, stale);
        for path in ["app", "app/remove", "codes", "passkeys", "passkeys/1/remove"] {
            let path = format!("/admin/account/security/{path}");
            assert_eq!(ana.post(&path, &[("csrf", &csrf), ("code", "1")]).await.to, stale, "{path}");
        }
        assert_eq!(ana.post("/admin/account/security/passkeys/options", &[("csrf", &csrf)]).await.status, 409);
        let next = ("next", "https://evil.example/");
        let wrong = ana.post("/admin/account/confirm", &[("csrf", &csrf), ("password", "wrong"), next]).await;
        assert!(wrong.status == 422 && wrong.text.contains("not your password"));
        let mut before = ana.browser.clone();
        let right = ana.post("/admin/account/confirm", &[("csrf", &csrf), ("password", PASSWORD), next]).await;
        assert_eq!(right.to, "/admin");
        assert_eq!(ana.get("/admin/account/security").await.status, 200);
        let stolen = house.visit(&mut before, "GET", "/admin/account/security", &[]).await;
        assert!(stolen.to.starts_with("/admin/login"), "a cookie that was seen before is worth nothing: {}", stolen.status);
        assert_eq!(house.count("admin_logins WHERE ended_at IS NULL AND admin_id > 2").await, 1, "it is the same login");
        // A log-in in the same browser ends the session that was there.
        let mut before = ana.browser.clone();
        let again = ana.post("/admin/login", &[("email", "ana"), ("password", PASSWORD)]).await;
        assert_eq!(again.to, "/admin/login/second");
        assert_eq!(ana.show_passkey("/admin/login/second/passkey").await.to, "/admin");
        let ended = house.visit(&mut before, "GET", "/admin/account/security", &[]).await;
        assert!(ended.to.starts_with("/admin/login"), "{} {}", ended.status, ended.to);
        assert_eq!(ana.get("/admin/account/security").await.status, 200);
    }

    async fn passkeys_are_renamed_and_removed_by_their_owner_only(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.password().await;
        ana.add_passkey("Laptop").await;
        let named = ana.send("/admin/account/security/passkeys/1", &[("name", "Old laptop")]).await;
        assert_eq!(named.status, 303);
        assert!(ana.get("/admin/account/security").await.text.contains("Old laptop"));
        let foreign = house.post("/admin/account/security/passkeys/1", &[("name", "Mine")]).await;
        assert_eq!(foreign.status, 404);
        assert_eq!(house.post("/admin/account/security/passkeys/1/remove", &[]).await.status, 404);
        assert_eq!(ana.send("/admin/account/security/passkeys/1/remove", &[]).await.status, 303);
        assert_eq!([house.count("passkeys").await, house.count("recovery_codes").await], [0, 0]);
        assert_eq!(ana.password().await.to, "/admin/clients", "no factor is left");
    }

    async fn staff_take_the_factors_of_others_away_and_add_none(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        let Person::Staff(id) = ana.person else { panic!("staff") };
        let path = format!("/administrators/{id}/two-factor");
        let shown = house.api("GET", &path, Value::Null).await.json();
        assert_eq!((&shown["policy"], shown["app_since"].is_string()), (&json!("allowed"), true));
        let page = house.get("/admin/two-factor").await;
        assert!(page.text.contains("authenticator app"), "{} {}", page.status, page.text);
        let left = house.api("DELETE", &path, Value::Null).await.json();
        assert_eq!((&left["app_since"], &left["recovery_codes_left"]), (&Value::Null, &json!(0)));
        assert_eq!(house.api("DELETE", &path, Value::Null).await.status, 200, "again changes nothing");
        assert_eq!(house.said("All second factors removed").await, 1);
        assert_eq!(ana.password().await.to, "/admin/clients");
        assert_eq!([house.count("totp_factors").await, house.count("secrets").await], [0, 0]);
        for (method, path) in [("GET", "/administrators/99/two-factor"), ("DELETE", "/users/99/two-factor")] {
            assert_eq!(house.api(method, path, Value::Null).await.status, 404);
        }
        assert_eq!(house.send(As::Nobody, "GET", "/admin/two-factor", "text/plain", String::new()).await.status, 403);
    }

    async fn who_may_less_takes_no_factors_and_sets_no_policy(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        let Person::Staff(id) = ana.person else { panic!("staff") };
        let give = format!(
            "INSERT INTO role_permissions (role_id, permission) SELECT id, '{}' FROM roles WHERE name = 'Nothing'",
            CONFIGURE.0
        );
        house.sql(&give).await;
        let mut conn = house.app.db.read().await.unwrap();
        let role: i64 = conn.scalar("SELECT id FROM roles WHERE name = $1", params![ROLE]).await.unwrap();
        drop(conn);
        let field = format!("role_{role}");
        for (who, path, fields) in [
            (As::Nobody, format!("/admin/two-factor/staff/{id}/remove"), vec![]),
            (As::Nobody, "/admin/two-factor".to_owned(), vec![(field.as_str(), "off")]),
            // Not even the boss, whose own page asks for the password.
            (As::Boss, "/admin/two-factor/staff/1/remove".to_owned(), vec![]),
        ] {
            let reply = house.post_as(who, &path, &fields).await;
            assert_eq!(reply.to, "/admin/two-factor", "{path}: {}", reply.status);
        }
        let refused = house.api("DELETE", "/administrators/1/two-factor", Value::Null).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert_eq!([house.said("second factors removed").await, house.said("Second factor of the role").await], [0, 0]);
        assert_eq!(policy(&mut house.app.db.read().await.unwrap(), ana.person).await.unwrap(), Policy::Allowed);
        assert_eq!(house.count("totp_factors").await, 1);
    }

    async fn another_password_ends_the_logins_of_staff_that_wait(house: House) {
        house.policy(ROLE, Policy::Required).await;
        let mut thief = Ana::new(&house, ROLE).await;
        let Person::Staff(id) = thief.person else { panic!("staff") };
        let hash = passwords::hash(PASSWORD).await.unwrap();
        let (random, now) = (&house.app.random, house.now);
        for way in ["reset", "link", "own", "disabled"] {
            assert_eq!(thief.password().await.to, "/admin/login/set-up", "{way}");
            assert_eq!(thief.get("/admin/login/set-up").await.status, 200, "{way}");
            let mut tx = house.app.db.write().await.unwrap();
            match way {
                "own" => admins::own::change_password(&mut tx, &system(), id, "", &hash, now).await.unwrap(),
                "disabled" => drop(admins::disable(&mut tx, &system(), id, now).await.unwrap()),
                _ => {
                    let token = admins::reset(&mut tx, &system(), id, random, now).await.unwrap();
                    if way == "link" {
                        admins::use_link(&mut tx, &token, &hash, "", now).await.unwrap();
                    }
                }
            }
            tx.commit().await.unwrap();
            assert_eq!(thief.get("/admin/login/set-up").await.to, "/admin/login", "{way}");
            let mut tx = house.app.db.write().await.unwrap();
            let set = "UPDATE admins SET password_hash = $2 WHERE id = $1";
            tx.execute(set, params![id, hash.as_str()]).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn a_secret_that_somebody_has_seen_before_is_not_shown_again(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        let shown = async |ana: &Ana| {
            let mut conn = house.app.db.read().await.unwrap();
            secrets::get(&mut conn, &house.app.vault, &totp::place(ana.person)).await.unwrap()
        };
        ana.password().await;
        ana.get("/admin/account/security").await;
        let first = shown(&ana).await.unwrap();
        ana.get("/admin/account/security").await;
        assert_eq!(shown(&ana).await.unwrap(), first, "a page that is loaded again shows the same");
        house.tick(899);
        ana.password().await;
        ana.get("/admin/account/security").await;
        assert_eq!(shown(&ana).await.unwrap(), first);
        house.tick(1);
        ana.get("/admin/account/security").await;
        let second = shown(&ana).await.unwrap();
        assert_ne!(second, first);
        house.policy(ROLE, Policy::Required).await;
        ana.password().await;
        assert_eq!(shown(&ana).await, None, "a login by the password begins anew");
        ana.get("/admin/login/set-up").await;
        assert_ne!(shown(&ana).await.unwrap(), second);
    }

    async fn the_page_sets_what_is_asked_of_whom(house: House) {
        let mut conn = house.app.db.read().await.unwrap();
        let id: i64 = conn.scalar("SELECT id FROM roles WHERE name = $1", params![ROLE]).await.unwrap();
        drop(conn);
        let field = format!("role_{id}");
        let saved = house.post("/admin/two-factor", &[(field.as_str(), "required"), ("of_users", "off")]).await;
        assert_eq!(saved.status, 303);
        let mut conn = house.app.db.read().await.unwrap();
        assert_eq!(policy(&mut conn, Person::Staff(1)).await.unwrap(), Policy::Required);
        assert_eq!(policy(&mut conn, Person::User(1)).await.unwrap(), Policy::Off);
        drop(conn);
        house.post("/admin/two-factor", &[(field.as_str(), "sometimes")]).await;
        house.post("/admin/two-factor", &[("of_users", "sometimes")]).await;
        let mut conn = house.app.db.read().await.unwrap();
        assert_eq!(policy(&mut conn, Person::Staff(1)).await.unwrap(), Policy::Required);
        assert_eq!(policy(&mut conn, Person::User(1)).await.unwrap(), Policy::Off);
        drop(conn);
        house.put(&OF_USERS, "required").await;
        let mut conn = house.app.db.read().await.unwrap();
        assert_eq!(after_password(&mut conn, Person::User(1)).await.unwrap(), Step::SetUp);
    }

    async fn a_user_logs_in_with_two_factors_too(house: House) {
        let mut bea = Bea::new(&house).await;
        assert_eq!(bea.password().await.to, "/account");
        let page = bea.visit("GET", "/account/two-factor", &[]).await;
        assert!(page.status == 200 && page.text.contains("data:image"), "{} {}", page.status, page.text);
        let csrf = token_of(&page.text);
        let (token, options) = bea.asked("/account/two-factor/passkeys/options", &csrf).await;
        let response = bea.device.create(&options).to_string();
        let fields = [("csrf", csrf.as_str()), ("token", &token), ("response", &response), ("name", "Phone")];
        let added = bea.visit("POST", "/account/two-factor/passkeys", &fields).await;
        assert_eq!((added.status.as_u16(), codes_in(&added.text).len()), (200, RECOVERY_CODES));
        let codes = codes_in(&added.text);
        assert_eq!(bea.password().await.to, "/login/second");
        assert!(bea.visit("GET", "/account", &[]).await.to.starts_with("/login"));
        assert_eq!(bea.visit("POST", "/login/second", &[("code", "nonsense")]).await.status, 422);
        assert_eq!(bea.visit("POST", "/login/second", &[("code", &codes[0])]).await.to, "/account");
        assert_eq!(bea.visit("GET", "/account", &[]).await.status, 200);
        bea.jar = Jar::default();
        let (token, options) = bea.asked("/login/passkey/options", "").await;
        let response = bea.device.get(&options).to_string();
        let entered = bea.visit("POST", "/login/passkey", &[("token", &token), ("response", &response)]).await;
        assert_eq!((entered.to.as_str(), bea.jar.has(crate::user_sessions::COOKIE)), ("/account", true));
        // It opens no door of staff, though the device offers it there.
        bea.jar = Jar::default();
        let (token, options) = bea.asked("/admin/login/passkey/options", "").await;
        let response = bea.device.get(&options).to_string();
        bea.visit("POST", "/admin/login/passkey", &[("token", &token), ("response", &response)]).await;
        assert!(!bea.jar.has(crate::sessions::COOKIE));
        bea.visit("POST", "/login/passkey", &[("token", &token), ("response", &response)]).await;
        assert!(!bea.jar.has(crate::user_sessions::COOKIE), "nor was it asked here");
    }

    async fn a_user_who_must_have_a_factor_sets_one_up(house: House) {
        let mut bea = Bea::new(&house).await;
        house.put(&OF_USERS, "required").await;
        assert_eq!(bea.password().await.to, "/login/set-up");
        assert_eq!(bea.visit("GET", "/admin/login/set-up", &[]).await.to, "/admin/login", "not at the door of staff");
        let (token, options) = bea.asked("/login/set-up/options", "").await;
        let response = bea.device.create(&options).to_string();
        let fields = [("token", token.as_str()), ("response", &response)];
        let done = bea.visit("POST", "/login/set-up/passkey", &fields).await;
        assert_eq!((done.status.as_u16(), bea.jar.has(crate::user_sessions::COOKIE)), (200, true));
        let refused = house.api("DELETE", "/users/1/two-factor", Value::Null).await;
        assert_eq!(refused.status, 200);
        assert_eq!(bea.password().await.to, "/login/set-up");
    }

    async fn a_flood_of_codes_is_stopped_for_everybody(house: House) {
        let mut ana = Ana::new(&house, ROLE).await;
        ana.set_up_app().await;
        house.put(&crate::doors::limits::LOGINS, "0").await;
        let mut tx = house.app.db.write().await.unwrap();
        for at in 0..20 {
            let account = passwords::guessing::account("second", &ana.person.to_string());
            passwords::guessing::note(&mut tx, &account, &format!("192.0.2.{at}"), house.app.clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        ana.password().await;
        let code = ana.app_code().await;
        assert_eq!((ana.code(&code).await.status.as_u16(), ana.is_in()), (429, false));
    }
}
