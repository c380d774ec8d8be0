//! The check against robots on the forms that anybody can send: by work of our own, and by a provider that keeps to the
//! documented protocol.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use platform::web::Form;
use serde_json::{Value, json};
use testkit::{Engine, Open};

use super::*;
use crate::testing::{House, PASSWORD, Visitor};

const BITS_OF_TESTS: u32 = 8;
const CLIENT: &str = "198.51.100.7";

async fn working(house: &House) {
    house.configure_all(&[("captcha", "proof_of_work"), ("captcha_work_bits", "8"), ("captcha_login", "true")]).await;
}

/// The challenge that a page shows.
fn token(page: &str) -> String {
    page.split("name=\"captcha_token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("no captcha")
        .to_owned()
}

async fn solved(visitor: &mut Visitor<'_>, path: &str) -> [(&'static str, String); 2] {
    let token = token(&visitor.get(path).await.text);
    let answer = work::solve(&token, BITS_OF_TESTS);
    [("captcha_token", token), ("captcha_answer", answer)]
}

fn fields<'a>(own: &[(&'a str, &'a str)], captcha: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    let captcha = captcha.iter().map(|(name, value)| (*name, value.as_str()));
    own.iter().copied().chain(captcha).collect()
}

const ASK: [(&str, &str); 1] = [("email", "ann@example.com")];
const LOGIN: [(&str, &str); 2] = [("email", "ann@example.com"), ("password", PASSWORD)];

testkit::both_engines! {
    async fn it_is_off_until_somebody_turns_it_on(house: House) {
        house.ann().await;
        let page = house.visitor(CLIENT).get("/forgot-password").await;
        assert!(!page.text.contains("captcha"), "{}", page.text);
        assert_eq!(house.visitor(CLIENT).bare_post("/forgot-password", &ASK).await.status, 200);
        house.drain().await;
        assert_eq!(house.mailed("password_reset").await.len(), 1);
    }

    async fn work_opens_a_form_once_and_no_other(house: House) {
        house.ann().await;
        working(&house).await;
        let mut visitor = house.visitor(CLIENT);
        let refused = visitor.bare_post("/forgot-password", &ASK).await;
        assert!(refused.status == 422 && refused.text.contains("no robot") && refused.text.contains("ann@example.com"), "{}", refused.text);
        house.drain().await;
        assert_eq!(house.count("mails").await, 0);
        let proof = solved(&mut visitor, "/forgot-password").await;
        assert_eq!(visitor.bare_post("/forgot-password", &fields(&ASK, &proof)).await.status, 200);
        house.drain().await;
        assert_eq!(house.mailed("password_reset").await.len(), 1);
        let twice = visitor.bare_post("/forgot-password", &fields(&ASK, &proof)).await;
        assert!(twice.status == 422 && twice.text.contains("sent already"), "{}", twice.text);
        // For another form it is none.
        house.give_password("ann@example.com").await;
        let other = solved(&mut visitor, "/forgot-password").await;
        assert_eq!(visitor.bare_post("/login", &fields(&LOGIN, &other)).await.status, 422);
        let own = solved(&mut visitor, "/login").await;
        assert_eq!(visitor.bare_post("/login", &fields(&LOGIN, &own)).await.to, "/account");
        house.drain().await;
        assert_eq!(house.count("mails").await, 1);
    }

    async fn what_is_not_ours_or_not_done_or_too_old_is_refused(house: House) {
        house.ann().await;
        working(&house).await;
        let mut visitor = house.visitor(CLIENT);
        let [(_, good), (_, answer)] = solved(&mut visitor, "/forgot-password").await;
        let wrong = work::fail(&good, BITS_OF_TESTS);
        let cases = [
            (good.as_str(), ""), (&good, "x"), (&good, "-1"), (&good, "99999999999999999999999"), ("", &answer), ("abc", &answer),
            ("!!", &answer), (&good[..good.len() - 4], &answer), (&good, &wrong),
        ];
        for (token, answer) in cases {
            let sent = [("captcha_token", token.to_owned()), ("captcha_answer", answer.to_owned())];
            let refused = visitor.bare_post("/forgot-password", &fields(&ASK, &sent)).await;
            assert!(refused.status == 422 && refused.text.contains("no robot"), "{token} {answer}: {}", refused.text);
        }
        house.pass(3600);
        let sent = [("captcha_token", good), ("captcha_answer", answer)];
        let late = visitor.bare_post("/forgot-password", &fields(&ASK, &sent)).await;
        assert!(late.status == 422 && late.text.contains("too long"), "{}", late.text);
        house.drain().await;
        assert_eq!(house.count("mails").await, 0);
    }

    async fn each_form_has_a_switch_of_its_own(house: House) {
        house.ann().await;
        house.configure_all(&[("captcha", "proof_of_work"), ("captcha_work_bits", "8")]).await;
        for (form, path) in [("captcha_registration", "/register"), ("captcha_login", "/login"), ("captcha_password_reset", "/forgot-password")] {
            for (value, shown) in [("true", true), ("false", false)] {
                house.configure_all(&[(form, value)]).await;
                let page = house.visitor(CLIENT).get(path).await.text;
                assert_eq!(page.contains("captcha_token"), shown, "{form} {value}");
                let sent = house.visitor(CLIENT).bare_post(path, &ASK).await;
                assert_eq!(sent.text.contains("Wait until your browser"), shown, "{form} {value}: {}", sent.text);
            }
        }
    }

    async fn a_robot_is_not_told_who_logs_in(house: House) {
        house.ann().await;
        working(&house).await;
        let refused = house.visitor(CLIENT).bare_post("/register", &[("email", "ann@example.com")]).await;
        assert!(refused.status == 422 && !refused.text.contains("Somebody logs in"), "{}", refused.text);
    }

    async fn used_ones_are_cleared_away(house: House) {
        house.ann().await;
        working(&house).await;
        let mut visitor = house.visitor(CLIENT);
        let proof = solved(&mut visitor, "/forgot-password").await;
        visitor.bare_post("/forgot-password", &fields(&ASK, &proof)).await;
        assert_eq!(house.count("captcha_uses").await, 1);
        house.pass(3600);
        platform::prune::run(&house.app.db, &[OLD], house.app.clock.now()).await.unwrap();
        assert_eq!(house.count("captcha_uses").await, 0);
    }

    async fn a_provider_is_asked_and_believed(stage: Stage) {
        for (name, field) in [("hcaptcha", "h-captcha-response"), ("turnstile", "cf-turnstile-response"), ("recaptcha", "g-recaptcha-response")] {
            stage.house.configure_all(&[("captcha", name)]).await;
            let mut visitor = stage.house.visitor(CLIENT);
            let page = visitor.get("/forgot-password").await;
            assert!(page.text.contains("data-sitekey=\"site-1\""), "{}", page.text);
            let answers = stage.asked();
            for (sent, status) in [("good-1", 200), ("bad", 422), ("", 422)] {
                let reply = visitor.bare_post("/forgot-password", &[ASK[0], (field, sent)]).await;
                assert_eq!(reply.status, status, "{name} {sent}: {}", reply.text);
            }
            assert_eq!(stage.asked(), answers + 2, "nothing is asked about no answer");
        }
    }

    async fn the_page_may_load_that_provider_and_nobody_else(stage: Stage) {
        let policy = async || stage.house.visitor(CLIENT).get("/forgot-password").await.policy;
        stage.house.configure_all(&[("captcha", "turnstile")]).await;
        let open = policy().await;
        assert!(open.contains("script-src 'self' https://challenges.cloudflare.com;") && !open.contains("unsafe"), "{open}");
        assert!(open.contains("form-action 'self'") && open.contains("frame-ancestors 'none'"), "{open}");
        stage.house.configure_all(&[("captcha_password_reset", "false")]).await;
        assert!(!policy().await.contains("cloudflare"));
    }

    async fn what_cannot_be_checked_lets_nobody_in(stage: Stage) {
        stage.house.configure_all(&[("captcha", "hcaptcha")]).await;
        let mut visitor = stage.house.visitor(CLIENT);
        for sent in ["wrong-secret", "no-json", "error", "huge"] {
            let reply = visitor.bare_post("/forgot-password", &[ASK[0], ("h-captcha-response", sent)]).await;
            assert_eq!(reply.status, 503, "{sent}: {}", reply.text);
            assert!(!reply.text.contains("hush"));
        }
        stage.house.post("/admin/captcha/secret/remove", &[]).await;
        let page = stage.house.get("/admin/captcha").await.text;
        assert!(page.contains("the forms refuse everybody"), "{page}");
        assert_eq!(visitor.bare_post("/forgot-password", &[ASK[0], ("h-captcha-response", "good-1")]).await.status, 503);
        stage.house.drain().await;
        assert_eq!(stage.house.count("mails").await, 0);
    }

    async fn staff_store_the_secret_and_try_it_out(stage: Stage) {
        let house = &stage.house;
        house.configure_all(&[("captcha", "recaptcha")]).await;
        let reply = house.post("/admin/captcha/try", &[("g-recaptcha-response", "good-1")]).await;
        assert_eq!(reply.to, "/admin/captcha");
        let reply = house.post("/admin/captcha/try", &[("g-recaptcha-response", "bad")]).await;
        assert!(reply.status == 422 && reply.text.contains("Show that you are no robot"), "{}", reply.text);
        for wrong in ["", "two words", "ü", &"x".repeat(501)] {
            assert_eq!(house.post("/admin/captcha/secret", &[("secret", wrong)]).await.status, 422, "{wrong}");
        }
        assert_eq!(house.post("/admin/captcha/secret", &[("secret", "another")]).await.to, "/admin/captcha");
        let reply = house.post("/admin/captcha/try", &[("g-recaptcha-response", "good-1")]).await;
        assert!(reply.status == 422 && reply.text.contains("could not be checked"), "the strict one wants its own: {}", reply.text);
        let page = house.get("/admin/captcha").await.text;
        assert!(!page.contains("another") && page.contains("One is stored"), "{page}");
        let entries = house.logged("Secret key of the captcha changed").await;
        assert_eq!(entries.len(), 2);
        let mut conn = house.app.db.read().await.unwrap();
        let stored: Vec<String> = conn.column("SELECT changes FROM activity_log WHERE description LIKE 'Secret key of%'", platform::params![]).await.unwrap();
        assert!(stored.iter().all(|changes| changes.contains("(secret)") && !changes.contains("hush") && !changes.contains("another")), "{stored:?}");
    }

}

#[test]
fn a_provider_without_its_site_key_cannot_be_chosen() {
    let values = Values::default();
    assert!(with_its_key("hcaptcha", &values).is_err());
    assert!(with_its_key("proof_of_work", &values).is_ok() && with_its_key("off", &values).is_ok());
}

/// A house whose captchas are checked by a provider on this machine.
struct Stage {
    house: House,
    asked: Arc<Mutex<u32>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

impl Open for Stage {
    async fn open(engine: Engine) -> Stage {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(0));
        let router = Router::new().route("/siteverify", post(verify)).with_state(asked.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let mut extensions = platform::Extensions::default();
        extensions.add(Wire::to(reqwest::Client::builder(), address).unwrap());
        let house = House::with(engine, crate::routes(), extensions).await;
        house.ann().await;
        house.configure_all(&[("captcha_site_key", "site-1")]).await;
        house.post("/admin/captcha/secret", &[("secret", " hush ")]).await;
        Stage { house, asked, server }
    }
}

/// As the providers document it: a form in, JSON out.
async fn verify(State(asked): State<Arc<Mutex<u32>>>, headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    *asked.lock().unwrap() += 1;
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form = Form::parse(body.as_bytes()).unwrap();
    let refuse = |code: &str| (StatusCode::OK, Json(json!({ "success": false, "error-codes": [code] })));
    if form.text("secret") != "hush" {
        return refuse("invalid-input-secret");
    }
    match form.text("response") {
        "good-1" => (StatusCode::OK, Json(json!({ "success": true, "hostname": "example.com" }))),
        "wrong-secret" => refuse("invalid-input-secret"),
        "no-json" => (StatusCode::OK, Json(json!("success"))),
        "huge" => (StatusCode::OK, Json(json!({ "success": true, "padding": "x".repeat(100_000) }))),
        "error" => (StatusCode::BAD_GATEWAY, Json(json!({ "success": true }))),
        _ => refuse("invalid-input-response"),
    }
}
