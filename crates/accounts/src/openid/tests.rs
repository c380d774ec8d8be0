//! Staff log in by a provider; and what somebody between, beside or behind it tries.

mod provider;

use std::sync::Arc;

use axum::http::StatusCode;
use platform::{Extensions, params};
use serde_json::json;
use testkit::{Engine, Open};

use self::provider::{CLIENT, Key, Provider as Strict, SECRET};
use super::*;
use crate::roles::{FULL_ADMINISTRATOR, SALES_OPERATOR, SUPPORT_OPERATOR};
use crate::sessions;
use crate::testing::{As, House, Reply, Visitor, system};

struct Stage {
    house: House,
    strict: Arc<Strict>,
    id: i64,
}

const BACK: &str = "http://localhost:8080/admin/openid/callback";

impl Open for Stage {
    async fn open(engine: Engine) -> Stage {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut extensions = Extensions::default();
        extensions.add(Wire::new(reqwest::Client::builder()).unwrap());
        let house = House::with(engine, crate::routes(), extensions).await;
        let strict = Strict::start(BACK, house.now.micros() / 1_000_000).await;
        let mut stage = Stage { house, strict, id: 0 };
        stage.id = stage.add(stage.acme()).await;
        stage
    }
}

impl Stage {
    fn acme(&self) -> NewProvider {
        NewProvider {
            label: "Acme".to_owned(),
            issuer: self.strict.issuer.clone(),
            client_id: CLIENT.to_owned(),
            secret: Some(SECRET.to_owned()),
            scopes: SCOPES.to_owned(),
            enabled: true,
            link_by_email: true,
            ..NewProvider::default()
        }
    }

    async fn add(&self, new: NewProvider) -> i64 {
        let mut tx = self.house.app.db.write().await.unwrap();
        let made = create(&mut tx, &self.house.app, &system(), new, self.house.now).await.unwrap();
        tx.commit().await.unwrap();
        made.id
    }

    async fn change(&self, change: impl FnOnce(&mut NewProvider)) {
        let mut new = NewProvider { secret: None, ..self.acme() };
        change(&mut new);
        let mut tx = self.house.app.db.write().await.unwrap();
        update(&mut tx, &self.house.app, &system(), self.id, new, self.house.now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The way to the provider; the address of ours to which it sends the browser.
    async fn there(&self, visitor: &mut Visitor<'_>, next: &str) -> String {
        let start = visitor.get(&format!("/admin/openid/{}?next={next}", self.id)).await;
        assert_eq!(start.status, StatusCode::SEE_OTHER, "{}", start.text);
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = http.get(&start.to).send().await.unwrap();
        assert!(answer.status().is_redirection(), "{}: {}", start.to, answer.text().await.unwrap());
        let to = answer.headers()["location"].to_str().unwrap();
        to.strip_prefix("http://localhost:8080").unwrap().to_owned()
    }

    async fn enter(&self, visitor: &mut Visitor<'_>) -> Reply {
        let back = self.there(visitor, "").await;
        visitor.get(&back).await
    }

    /// A whole login in a new browser: where it led.
    async fn try_in(&self) -> String {
        let mut visitor = self.house.visitor("192.0.2.20");
        let reply = self.enter(&mut visitor).await;
        let has_session = visitor.cookies.contains_key(sessions::COOKIE);
        assert_eq!(has_session, reply.to.starts_with("/admin") && reply.to != "/admin/login", "{}", reply.to);
        reply.to
    }

    async fn admin(&self, username: &str) -> Option<admins::Admin> {
        admins::by_username(&mut self.house.app.db.read().await.unwrap(), username).await.unwrap()
    }

    async fn role(&self, name: &str) -> i64 {
        let mut conn = self.house.app.db.read().await.unwrap();
        conn.scalar("SELECT id FROM roles WHERE name = $1", params![name]).await.unwrap()
    }
}

testkit::both_engines! {
    async fn an_administrator_comes_in_by_a_verified_address_and_is_known_from_then_on(stage: Stage) {
        let login = stage.house.visitor("192.0.2.20").get("/admin/login").await.text;
        assert!(login.contains("Log in by Acme"), "{login}");
        let mut visitor = stage.house.visitor("192.0.2.20");
        let back = stage.there(&mut visitor, "%2Fadmin%2Fclients%3Fq%3Dx").await;
        let reply = visitor.get(&back).await;
        assert_eq!((reply.status, reply.to.as_str()), (StatusCode::SEE_OTHER, "/admin/clients?q=x"));
        assert_eq!(visitor.get("/admin/clients").await.status, StatusCode::OK);
        assert!(!visitor.cookies.contains_key("innkeeper_openid"), "what tied the answer is gone");
        assert_eq!(stage.house.logged("Logged in by Acme").await, ["boss"]);
        assert_eq!(stage.house.logged("boss linked to “Acme”").await, ["OpenID Connect: Acme"]);
        // The account is known by its subject, whatever happens to the address.
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "42", "email": "other@example.com" }));
        assert_eq!(stage.try_in().await, "/admin");
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "43", "email": "boss@example.com", "email_verified": "true" }));
        assert_eq!(stage.try_in().await, "/admin/login", "the text “true” is no assurance");
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "43", "email": "boss@example.com", "email_verified": false }));
        assert_eq!(stage.try_in().await, "/admin/login");
        stage.change(|new| new.link_by_email = false).await;
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "43", "email": "boss@example.com", "email_verified": true }));
        assert_eq!(stage.try_in().await, "/admin/login", "not unless somebody allows it");
        assert_eq!(stage.house.count("admin_identities").await, 1);
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "42" }));
        assert_eq!(stage.try_in().await, "/admin");
    }

    async fn only_pages_of_our_own_come_afterwards(stage: Stage) {
        for next in ["https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example", "%2Fadmin%5C..%5C%5Cevil.example", "javascript%3Aalert(1)"] {
            let mut visitor = stage.house.visitor("192.0.2.20");
            let back = stage.there(&mut visitor, next).await;
            assert_eq!(visitor.get(&back).await.to, "/admin", "{next}");
        }
    }

    async fn every_algorithm_that_is_allowed_works(stage: Stage) {
        for (key, kid) in [(Key::Es256, "first"), (Key::Rs256, "rsa"), (Key::Ed25519, "edwards")] {
            stage.strict.manner(|manner| (manner.key, manner.kid) = (key, Some(kid)));
            assert_eq!(stage.try_in().await, "/admin", "{key:?}");
            // Without a name the kind tells which one is meant.
            stage.strict.manner(|manner| manner.kid = None);
            assert_eq!(stage.try_in().await, "/admin", "{key:?} without a name");
        }
    }

    async fn a_token_with_anything_wrong_lets_nobody_in(stage: Stage) {
        type Tamper = fn(&mut serde_json::Value, &mut serde_json::Value);
        let wrong: &[(&str, Key, Tamper)] = &[
            ("nonce", Key::Es256, |_, claims| claims["nonce"] = "0".repeat(64).into()),
            ("no nonce", Key::Es256, |_, claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
            ("audience", Key::Es256, |_, claims| claims["aud"] = "another client".into()),
            ("audiences", Key::Es256, |_, claims| claims["aud"] = json!(["another client", "a third"])),
            ("audiences without the party", Key::Es256, |_, claims| claims["aud"] = json!([CLIENT, "another"])),
            ("party", Key::Es256, |_, claims| claims["azp"] = "another client".into()),
            ("issuer", Key::Es256, |_, claims| claims["iss"] = "https://evil.example".into()),
            ("expired", Key::Es256, |_, claims| claims["exp"] = (claims["iat"].as_i64().unwrap() - 61).into()),
            ("no expiry", Key::Es256, |_, claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
            ("expiry as text", Key::Es256, |_, claims| claims["exp"] = "4102444800".into()),
            ("of the future", Key::Es256, |_, claims| claims["iat"] = (claims["iat"].as_i64().unwrap() + 3600).into()),
            ("not yet", Key::Es256, |_, claims| claims["nbf"] = (claims["iat"].as_i64().unwrap() + 3600).into()),
            ("nobody", Key::Es256, |_, claims| claims["sub"] = "".into()),
            ("a number", Key::Es256, |_, claims| claims["sub"] = 42.into()),
            ("critical", Key::Es256, |header, _| { header["crit"] = json!(["b64"]); header["b64"] = false.into(); }),
            ("another's signature", Key::OtherEs256, |_, _| {}),
            ("none", Key::None, |_, _| {}),
            ("None", Key::None, |header, _| header["alg"] = "None".into()),
            ("unsigned as ES256", Key::None, |header, _| header["alg"] = "ES256".into()),
            ("HMAC of the public key", Key::HmacOfPublic, |_, _| {}),
            ("HMAC as ES256", Key::HmacOfPublic, |header, _| header["alg"] = "ES256".into()),
            ("RS256 by a key of the curve", Key::Es256, |header, _| header["alg"] = "RS256".into()),
            ("another kind of key", Key::Rs256, |_, _| {}),
        ];
        stage.house.configure(&crate::doors::limits::LOGINS, "0").await;
        for (what, key, tamper) in wrong {
            stage.strict.manner(|manner| (manner.key, manner.tamper) = (*key, *tamper));
            assert_eq!(stage.try_in().await, "/admin/login", "{what}");
        }
        assert_eq!(*stage.strict.exchanged.lock().unwrap() as usize, wrong.len(), "each was a token");
        assert_eq!(stage.house.count("admin_identities").await, 0);
        assert_eq!(stage.house.logged("Login by Acme refused").await.len(), wrong.len());
        let right: Tamper = |_, claims| {
            claims["aud"] = json!(["another", CLIENT]);
            claims["azp"] = CLIENT.into();
        };
        stage.strict.manner(|manner| (manner.key, manner.tamper) = (Key::Es256, right));
        assert_eq!(stage.try_in().await, "/admin", "and the right one still works");
    }

    async fn an_answer_is_good_once_in_its_browser_and_in_time(stage: Stage) {
        let mut mine = stage.house.visitor("192.0.2.20");
        let back = stage.there(&mut mine, "").await;
        let refused = |reply: &Reply| (reply.status, reply.to.clone()) == (StatusCode::SEE_OTHER, "/admin/login".to_owned());
        // Somebody else's browser, with and without a question of its own.
        let mut theirs = stage.house.visitor("192.0.2.21");
        assert!(refused(&theirs.get(&back).await));
        stage.there(&mut theirs, "").await;
        assert!(refused(&theirs.get(&back).await));
        // Another state.
        let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
        assert!(refused(&mine.get(&back.replace(state, &"0".repeat(64))).await));
        assert_eq!(*stage.strict.exchanged.lock().unwrap(), 0, "no code was shown to anybody");
        let mut mine = stage.house.visitor("192.0.2.20");
        let back = stage.there(&mut mine, "").await;
        let tie = mine.cookies.get("innkeeper_openid").unwrap().clone();
        assert_eq!(mine.get(&back).await.to, "/admin");
        mine.cookies.insert("innkeeper_openid".to_owned(), tie);
        mine.cookies.remove(sessions::COOKIE);
        assert!(refused(&mine.get(&back).await), "a second time");
        assert!(!mine.cookies.contains_key(sessions::COOKIE));
        let back = stage.there(&mut mine, "").await;
        stage.house.pass(LIFE);
        assert!(refused(&mine.get(&back).await), "too late");
        assert_eq!(*stage.strict.exchanged.lock().unwrap(), 1);
    }

    async fn a_code_of_somebody_else_is_of_no_use(stage: Stage) {
        let (mut mine, mut theirs) = (stage.house.visitor("192.0.2.20"), stage.house.visitor("192.0.2.21"));
        let (my_back, their_back) = (stage.there(&mut mine, "").await, stage.there(&mut theirs, "").await);
        let code = |back: &str| back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let stolen = their_back.replace(&code(&their_back), &code(&my_back));
        assert_eq!(theirs.get(&stolen).await.to, "/admin/login", "PKCE ties the code to who asked");
        assert_eq!(*stage.strict.exchanged.lock().unwrap(), 0);
    }

    async fn the_answer_is_of_the_provider_that_was_asked(stage: Stage) {
        stage.strict.manner(|manner| manner.answer_issuer = Some("https://other.example".to_owned()));
        assert_eq!(stage.try_in().await, "/admin/login");
        stage.strict.manner(|manner| manner.answer_issuer = None);
        let mut visitor = stage.house.visitor("192.0.2.20");
        let back = stage.there(&mut visitor, "").await;
        let nameless = back.split("&iss=").next().unwrap();
        assert_eq!(visitor.get(nameless).await.to, "/admin/login", "who says that answers are named names them");
        stage.strict.manner(|manner| manner.refuse = Some("access_denied"));
        assert_eq!(stage.try_in().await, "/admin/login");
        assert_eq!(stage.house.logged("did not let you in (access_denied)").await.len(), 1);
        assert_eq!(*stage.strict.exchanged.lock().unwrap(), 0);
    }

    async fn new_keys_are_found_without_asking_all_the_time(stage: Stage) {
        assert_eq!(stage.try_in().await, "/admin");
        assert_eq!(*stage.strict.keys_read.lock().unwrap(), 1);
        stage.strict.manner(|manner| (manner.key, manner.kid) = (Key::OtherEs256, Some("second")));
        for _ in 0..3 {
            assert_eq!(stage.try_in().await, "/admin/login");
        }
        assert_eq!(*stage.strict.keys_read.lock().unwrap(), 1, "not within a minute");
        stage.strict.manner(|manner| manner.publish_other = true);
        stage.house.pass(60);
        assert_eq!(stage.try_in().await, "/admin");
        assert_eq!(*stage.strict.keys_read.lock().unwrap(), 2);
    }

    async fn a_provider_that_calls_itself_otherwise_is_not_used(stage: Stage) {
        stage.strict.manner(|manner| manner.issuer = Some("https://evil.example"));
        let reply = stage.house.visitor("192.0.2.20").get(&format!("/admin/openid/{}", stage.id)).await;
        assert_eq!((reply.status, reply.to.as_str()), (StatusCode::SEE_OTHER, "/admin/login"));
        // It is left alone for a moment, and asked again then.
        stage.strict.manner(|manner| manner.issuer = None);
        let mut visitor = stage.house.visitor("192.0.2.20");
        assert_eq!(visitor.get(&format!("/admin/openid/{}", stage.id)).await.to, "/admin/login");
        stage.house.pass(10);
        assert_eq!(stage.try_in().await, "/admin");
    }

    async fn a_group_makes_an_administrator_whose_role_follows_it(stage: Stage) {
        let nothing = json!({ "sub": "7", "email": "zoe.day@acme.example", "email_verified": true, "preferred_username": "zoe", "groups": ["sales"] });
        stage.strict.manner(|manner| manner.claims = nothing.clone());
        assert_eq!(stage.try_in().await, "/admin/login", "nobody is made unless a line says so");
        stage.change(|new| {
            new.role_claim = "groups".to_owned();
            new.roles = format!("leads = {SUPPORT_OPERATOR}\nsales = {SALES_OPERATOR}");
        }).await;
        stage.strict.manner(|manner| manner.claims["email_verified"] = false.into());
        assert_eq!(stage.try_in().await, "/admin/login");
        stage.strict.manner(|manner| manner.claims = nothing);
        assert_eq!(stage.try_in().await, "/admin");
        let zoe = stage.admin("zoe").await.unwrap();
        assert_eq!((zoe.email.as_str(), zoe.role_id), ("zoe.day@acme.example", stage.role(SALES_OPERATOR).await));
        stage.strict.manner(|manner| manner.claims["groups"] = json!(["sales", "leads"]));
        assert_eq!(stage.try_in().await, "/admin");
        assert_eq!(stage.admin("zoe").await.unwrap().role_id, stage.role(SUPPORT_OPERATOR).await, "the first line that fits");
        stage.strict.manner(|manner| manner.claims["groups"] = json!(["cleaning"]));
        assert_eq!(stage.try_in().await, "/admin/login", "who is in no group any more stays out");
        // Somebody else of that name gets another; an address that is taken is nobody else's.
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "8", "email": "z@acme.example", "email_verified": true, "preferred_username": "Zoe", "groups": "sales" }));
        assert_eq!(stage.try_in().await, "/admin");
        assert_eq!(stage.admin("zoe2").await.unwrap().email, "z@acme.example");
        stage.change(|new| {
            new.link_by_email = false;
            new.role_claim = "groups".to_owned();
            new.roles = format!("sales = {SALES_OPERATOR}");
        }).await;
        stage.strict.manner(|manner| manner.claims = json!({ "sub": "9", "email": "boss@example.com", "email_verified": true, "groups": ["sales"] }));
        assert_eq!(stage.try_in().await, "/admin/login");
        assert_eq!(stage.admin("boss").await.unwrap().role_id, stage.role(FULL_ADMINISTRATOR).await);
        // A role that lines give stays there.
        let sales = stage.role(SALES_OPERATOR).await;
        stage.house.sql(&format!("UPDATE roles SET built_in = FALSE WHERE id = {sales}; UPDATE admins SET role_id = 1 WHERE role_id = {sales}")).await;
        let refused = stage.house.api("DELETE", &format!("/roles/{sales}"), serde_json::Value::Null).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains("provider of identities"), "{}", refused.text);
    }

    async fn a_role_that_was_given_here_is_not_touched(stage: Stage) {
        stage.change(|new| {
            new.role_claim = "groups".to_owned();
            new.roles = format!("sales = {SALES_OPERATOR}");
        }).await;
        stage.strict.manner(|manner| manner.claims["groups"] = json!(["sales"]));
        for _ in 0..2 {
            assert_eq!(stage.try_in().await, "/admin");
        }
        assert_eq!(stage.admin("boss").await.unwrap().role_id, stage.role(FULL_ADMINISTRATOR).await);
    }

    async fn who_is_disabled_stays_out_and_the_second_factor_is_asked_for(stage: Stage) {
        assert_eq!(stage.try_in().await, "/admin");
        stage.house.sql("UPDATE roles SET two_factor = 'required'").await;
        let mut visitor = stage.house.visitor("192.0.2.20");
        let reply = stage.enter(&mut visitor).await;
        assert!(reply.to.contains("set-up") && !visitor.cookies.contains_key(sessions::COOKIE), "{}", reply.to);
        stage.house.sql("UPDATE roles SET two_factor = 'allowed'; UPDATE admins SET disabled = TRUE").await;
        assert_eq!(stage.try_in().await, "/admin/login");
    }

    async fn a_provider_is_set_up_by_whoever_may_do_everything(stage: Stage) {
        stage.house.sql("INSERT INTO role_permissions (role_id, permission) SELECT id, 'Configure OpenID Connect' FROM roles WHERE name = 'Nothing'").await;
        let fields = [("label", "Evil"), ("issuer", "https://evil.example"), ("client_id", "x"), ("link_by_email", "1"), ("enabled", "1")];
        let page = stage.house.post_as(As::Nobody, "/admin/openid-providers", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("Only who may do everything") && page.text.contains("https:&#x2f;&#x2f;evil.example"), "{}", page.text);
        let path = format!("/admin/openid-providers/{}", stage.id);
        for deed in ["", "/delete", "/unlink"] {
            stage.house.post_as(As::Nobody, &format!("{path}{deed}"), &fields).await;
        }
        assert_eq!(stage.house.count("openid_providers").await, 1);
        let mut conn = stage.house.app.db.read().await.unwrap();
        assert_eq!(find(&mut conn, stage.id).await.unwrap().label, "Acme");
        drop(conn);

        let wrong = [("label", ""), ("issuer", "http://login.example.com"), ("client_id", ""), ("scopes", "email"), ("roles", "a = Nobody\nb"), ("role_claim", "")];
        let page = stage.house.post("/admin/openid-providers", &wrong).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        for told in ["#f-label", "#f-issuer", "#f-client_id", "#f-scopes", "there is no role “Nobody”", "“b”: write a value"] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let page = stage.house.get(&path).await.text;
        assert!(!page.contains(SECRET) && !page.contains("s3cret") && page.contains("One is stored"), "{page}");
        let elsewhere = [("label", "Acme 2"), ("issuer", "https://evil.example"), ("client_id", CLIENT), ("link_by_email", "1"), ("enabled", "1")];
        assert_eq!(stage.house.post(&path, &elsewhere).await.status, StatusCode::SEE_OTHER);
        let mut conn = stage.house.app.db.read().await.unwrap();
        assert_eq!(find(&mut conn, stage.id).await.unwrap().issuer, stage.strict.issuer, "accounts are of one issuer");
        let log = activity_log::about(&mut conn, &format!("openid_provider:{}", stage.id)).await.unwrap();
        assert!(!log.iter().any(|entry| entry.changes.contains("s3cret")));
        drop(conn);
        assert_eq!(stage.try_in().await, "/admin", "the secret is as it was");
        let linked = stage.house.get(&path).await.text;
        assert!(linked.contains("Who is linked") && linked.contains("boss"), "{linked}");
        assert_eq!(stage.house.post(&format!("{path}/unlink"), &[("account", "42")]).await.to, path);
        assert_eq!(stage.house.count("admin_identities").await, 0);

        let off = [("label", "Acme 2"), ("client_id", CLIENT)];
        stage.house.post(&path, &off).await;
        assert!(!stage.house.visitor("192.0.2.20").get("/admin/login").await.text.contains("Log in by"));
        assert_eq!(stage.house.visitor("192.0.2.20").get(&format!("/admin/openid/{}", stage.id)).await.status, StatusCode::NOT_FOUND);
        assert_eq!(stage.house.post(&format!("{path}/delete"), &[]).await.to, "/admin/openid-providers");
        assert_eq!((stage.house.count("openid_providers").await, stage.house.count("secrets").await), (0, 0));
    }
}
