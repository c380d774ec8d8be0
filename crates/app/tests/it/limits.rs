//! How often the APIs and the login answer, by a clock that the test moves.

use std::sync::atomic::Ordering::Relaxed;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use kernel::Timestamp;
use platform::params;
use serde_json::Value;

use crate::support::{Credential, Site, ask, read};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn stand(site: &Site, seconds: i64) {
    let noon = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
    site.app.clock.set(noon.plus_seconds(seconds));
}

async fn send(site: &Site, request: Request<Body>) -> Answer {
    let (parts, body) = site.send(request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn api(site: &Site, login: Option<&Credential>) -> Answer {
    let mut request = Request::get("/api/v1/currencies");
    if let Some(login) = login {
        request = request.header("authorization", login.basic());
    }
    send(site, request.body(Body::empty()).unwrap()).await
}

async fn compat(site: &Site, login: &Credential, form: &str) -> Answer {
    let body = format!("action=GetCurrencies&identifier={}&secret={}{form}", login.identifier, login.secret);
    send(site, ask("POST", "/includes/api.php", None, &body)).await
}

testkit::both_engines! {
    async fn a_credential_is_answered_so_often_and_then_again_later(site: Site) {
        site.boss().await;
        let (first, second) = (site.credential().await, site.credential().await);
        site.set(&[("api_requests_per_minute", "3")]).await;
        stand(&site, 0);
        for left in [2, 1] {
            let answer = api(&site, Some(&first)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=3;w=60");
            assert_eq!(answer.header("ratelimit"), format!("\"requests\";r={left};t={}", (3 - left) * 20));
        }
        // Both APIs draw from one bucket.
        let answer = compat(&site, &first, "").await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, "\"requests\";r=0;t=60"));

        let refused = api(&site, Some(&first)).await;
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("20", "\"requests\";r=0;t=20"));
        assert_eq!(refused.json()["status"], 429);
        assert_eq!(refused.json()["detail"], "Too many requests. Try again in 20 seconds.");

        let refused = compat(&site, &first, "").await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "20"));
        assert_eq!(refused.json()["result"], "error");
        assert_eq!(refused.json()["message"], "Too many requests. Try again in 20 seconds.");
        let refused = compat(&site, &first, "&responsetype=xml").await;
        assert!(refused.body.contains("<message>Too many requests. Try again in 20 seconds.</message>"), "{}", refused.body);

        assert_eq!(api(&site, Some(&second)).await.status, 200, "each credential has its own");
        stand(&site, 19);
        assert_eq!(api(&site, Some(&first)).await.status, 429);
        stand(&site, 20);
        assert_eq!(api(&site, Some(&first)).await.status, 200);
        assert_eq!(api(&site, Some(&first)).await.status, 429);

        site.set(&[("api_requests_per_minute", "0")]).await;
        let free = api(&site, Some(&first)).await;
        assert_eq!((free.status.as_u16(), free.header("ratelimit")), (200, ""));
    }

    async fn a_session_has_a_limit_too(site: Site) {
        let boss = site.boss().await;
        site.set(&[("api_requests_per_minute", "1")]).await;
        assert_eq!(site.get("/api/v1/currencies", Some(&boss)).await.0, 200);
        assert_eq!(site.get("/api/v1/currencies", Some(&boss)).await.0, 429);
        assert_eq!(site.get("/admin", Some(&boss)).await.0, 200, "pages have none");
    }

    async fn strangers_are_told_to_wait_and_shut_nobody_out(site: Site) {
        site.boss().await;
        let known = site.credential().await;
        site.set(&[("api_refusals_per_minute", "2"), ("api_requests_per_minute", "10")]).await;
        stand(&site, 0);
        let wrong = Credential { secret: "0".repeat(64), ..known.clone() };
        assert_eq!(api(&site, Some(&wrong)).await.status, 401);
        let answer = compat(&site, &wrong, "").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["message"]), (403, &"Authentication Failed".into()));
        for login in [None, Some(&wrong)] {
            let refused = api(&site, login).await;
            assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "30"), "{}", refused.body);
        }
        assert_eq!(compat(&site, &wrong, "").await.status, 429);
        let answer = api(&site, Some(&known)).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, "\"requests\";r=9;t=6"));
        let mut conn = site.app.db.read().await.unwrap();
        let written: i64 = conn.scalar("SELECT COUNT(*) FROM login_failures", params![]).await.unwrap();
        assert_eq!(written, 0, "a stranger makes the database write nothing");
    }

    async fn a_refusal_costs_the_database_next_to_nothing(site: Site) {
        site.boss().await;
        let known = site.credential().await;
        site.set(&[("api_requests_per_minute", "1"), ("api_refusals_per_minute", "1")]).await;
        stand(&site, 0);
        api(&site, Some(&known)).await;
        api(&site, None).await;
        let statements = || site.app.db.counters().statements.load(Relaxed);
        let before = statements();
        assert_eq!(api(&site, Some(&known)).await.status, 429);
        assert_eq!(statements() - before, 1, "the look at the credential");
        let before = statements();
        assert_eq!(api(&site, None).await.status, 429);
        assert_eq!(statements() - before, 0);
    }

    async fn the_login_is_slowed_down_for_each_address(site: Site) {
        let settings = [("logins_per_minute", "2"), ("trusted_proxies", "127.0.0.1"), ("failed_staff_login_ban_minutes", "0")];
        site.set(&settings).await;
        stand(&site, 0);
        let attempt = async |from: &str| {
            let mut request = ask("POST", "/admin/login", None, "email=nobody&password=wrong+wrong");
            request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
            send(&site, request).await
        };
        assert_eq!(attempt("192.0.2.1").await.status, 422);
        assert_eq!(attempt("203.0.113.5, 192.0.2.1").await.status, 422, "what stands before may be invented");
        let refused = attempt("192.0.2.1").await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "30"));
        assert!(refused.body.contains("<html"), "a page: {}", refused.body);
        assert_eq!(attempt("192.0.2.2").await.status, 422);
        let mut conn = site.app.db.read().await.unwrap();
        let from: Vec<String> = conn.column("SELECT ip FROM login_failures ORDER BY id", params![]).await.unwrap();
        assert_eq!(from, ["192.0.2.1", "192.0.2.1", "192.0.2.2"]);
        drop(conn);
        stand(&site, 30);
        assert_eq!(attempt("192.0.2.1").await.status, 422);
    }

    async fn the_activity_log_has_the_address_behind_the_proxy(site: Site) {
        let boss = site.boss().await;
        let logged = async || {
            let mut request = ask("POST", "/admin/logout", Some(&boss), &format!("csrf={}", boss.csrf));
            request.headers_mut().insert("x-forwarded-for", "2001:db8::7".parse().unwrap());
            assert_eq!(read(site.send(request).await).await.0, 303);
            let mut conn = site.app.db.read().await.unwrap();
            let last = "SELECT ip FROM activity_log WHERE description = 'Logged out' ORDER BY id DESC LIMIT 1";
            conn.scalar::<String>(last, params![]).await.unwrap()
        };
        site.set(&[("trusted_proxies", "127.0.0.0/8 ::1")]).await;
        assert_eq!(logged().await, "2001:db8::7");
    }

    async fn a_line_that_is_no_text_hides_no_address(site: Site) {
        site.set(&[("trusted_proxies", "127.0.0.1")]).await;
        // What the client wrote, and what the proxy added to it.
        for line in [&b"192.0.2.9"[..], b"\xff, 192.0.2.9", b"127.0.0.1\xff, 192.0.2.9", b"\xff192.0.2.1,192.0.2.9"] {
            let mut request = ask("GET", "/metrics", None, "");
            request.headers_mut().insert("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
            let (status, text) = read(site.send(request).await).await;
            assert!(status == StatusCode::FORBIDDEN && text.starts_with("192.0.2.9 is in none"), "{line:?}: {text}");
        }
    }

    async fn a_proxy_that_is_none_is_refused_by_name(site: Site) {
        let ended = site.place.run(&["setting", "set", "trusted_proxies", "10.0.0.0/8, proxy.example.com"]);
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains("“proxy.example.com” is no address or network"), "{}", ended.err);
    }
}
