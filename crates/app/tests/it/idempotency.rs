//! `Idempotency-Key`: a request that is repeated, also at the same moment, is carried out once.

use axum::body::Body;
use axum::http::{Request, header};
use platform::params;
use platform::prune::{self, Prunes};
use serde_json::{Value, json};

use crate::support::{Credential, Site, read};

struct Answer {
    status: u16,
    replayed: bool,
    body: Value,
}

async fn post(site: &Site, login: &Credential, key: &str, path: &str, body: &Value) -> Answer {
    let request = Request::post(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, login.basic())
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()));
    let response = site.send(request.unwrap()).await;
    let replayed = response.headers().contains_key("idempotent-replayed");
    let (status, text) = read(response).await;
    let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
    Answer { status: status.as_u16(), replayed, body }
}

async fn count(site: &Site, table: &str) -> i64 {
    site.app.db.read().await.unwrap().scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await.unwrap()
}

fn ada(email: &str) -> Value {
    json!({ "first_name": "Ada", "last_name": "Lovelace", "email": email, "country": "GB" })
}

testkit::both_engines! {
    async fn a_repeated_request_gets_the_first_answer(site: Site) {
        site.boss().await;
        let login = site.credential().await;
        let first = post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await;
        assert_eq!((first.status, first.replayed), (201, false), "{}", first.body);
        for _ in 0..2 {
            let again = post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await;
            assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body));
        }
        assert_eq!(count(&site, "clients").await, 1);
        // Another credential of the same administrator is the same caller.
        let other = site.credential().await;
        assert!(post(&site, &other, "k-1", "/clients", &ada("ada@example.com")).await.replayed);
    }

    async fn a_key_stands_for_one_request(site: Site) {
        site.boss().await;
        let login = site.credential().await;
        assert_eq!(post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await.status, 201);
        for (path, body) in [
            ("/clients", ada("bob@example.com")),
            ("/clients?x=1", ada("ada@example.com")),
            ("/invoices/generate-due", json!({})),
        ] {
            let refused = post(&site, &login, "k-1", path, &body).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!(if path.contains('?') { "x" } else { "Idempotency-Key" })), "{}", refused.body);
        }
        for wrong in ["", "a b", &"k".repeat(201)] {
            let refused = post(&site, &login, wrong, "/clients", &ada("bob@example.com")).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("Idempotency-Key")), "“{wrong}”");
        }
        assert_eq!(count(&site, "clients").await, 1);
    }

    async fn a_refusal_leaves_the_key_free(site: Site) {
        site.boss().await;
        let login = site.credential().await;
        assert_eq!(post(&site, &login, "k-1", "/clients", &ada("nobody")).await.status, 422);
        assert_eq!(count(&site, "idempotency_keys").await, 0);
        assert_eq!(post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await.status, 201);
    }

    async fn of_the_same_request_at_the_same_moment_one_is_carried_out(site: Site) {
        site.boss().await;
        let login = site.credential().await;
        // The second would be refused by a rule, for the address is taken then: it is told of the first one's success.
        let body = ada("ada@example.com");
        let answers = futures::future::join_all((0..8).map(|_| post(&site, &login, "k-1", "/clients", &body))).await;
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        }
        assert_eq!(count(&site, "clients").await, 1);
    }

    async fn a_charge_at_the_same_moment_is_made_once(site: Site) {
        site.place.done(&["gateway", "configure", "sandbox"]);
        site.boss().await;
        let login = site.credential().await;
        post(&site, &login, "c", "/clients", &ada("ada@example.com")).await;
        post(&site, &login, "m", "/clients/1/pay-methods", &json!({ "gateway": "sandbox", "remote_token": "ok" })).await;
        let lines = json!([{ "description": "Hosting", "amount": "10.00" }]);
        let invoice = json!({ "client_id": 1, "gateway": "sandbox", "lines": lines, "draft": false });
        assert_eq!(post(&site, &login, "i", "/invoices", &invoice).await.status, 201);
        let nothing = json!({});
        let calls = (0..8).map(|_| post(&site, &login, "charge", "/invoices/1/capture", &nothing));
        let answers = futures::future::join_all(calls).await;
        for answer in &answers {
            // Who comes while it is under way is told so.
            assert!(answer.status == 200 && answer.body["state"] == "succeeded" || answer.status == 409, "{} {}", answer.status, answer.body);
        }
        assert!(answers.iter().filter(|answer| answer.status == 200 && !answer.replayed).count() == 1);
        let later = post(&site, &login, "charge", "/invoices/1/capture", &json!({})).await;
        assert_eq!((later.status, later.replayed, &later.body["state"]), (200, true, &json!("succeeded")));
        assert_eq!((count(&site, "transactions").await, count(&site, "payment_attempts").await), (1, 1));
        let mut conn = site.app.db.read().await.unwrap();
        assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
    }

    async fn a_key_is_known_for_as_many_days_as_the_setting_says(site: Site) {
        site.boss().await;
        let login = site.credential().await;
        post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await;
        let now = site.app.clock.now();
        let prunes = site.app.get::<Prunes>().unwrap();
        for (day, known) in [(29, 1), (31, 0)] {
            site.app.clock.set(now.plus_seconds(day * 86_400));
            // Other requests with keys leave it alone.
            post(&site, &login, &format!("on day {day}"), "/clients", &json!({})).await;
            prune::run(&site.app.db, &prunes.0, site.app.clock.now()).await.unwrap();
            let kept: i64 = site.app.db.read().await.unwrap()
                .scalar("SELECT COUNT(*) FROM idempotency_keys WHERE key = 'k-1'", params![]).await.unwrap();
            assert_eq!(kept, known, "day {day}");
            if known == 1 {
                assert!(post(&site, &login, "k-1", "/clients", &ada("ada@example.com")).await.replayed);
            }
        }
    }
}
