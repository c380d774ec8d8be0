//! A payment from the stored card to the gateway's event, through the whole program with its own sandbox gateway.

use axum::body::Body;
use axum::http::{Request, header};
use billing::captures;
use billing::gateways::{self, Gateways};
use kernel::{Currency, Money};
use modules::gateways::Sandbox;
use modules::gateways::sandbox::{SandboxEvent, SandboxEventKind, SignedWebhook};
use platform::{jobs, params};
use serde_json::{Value, json};

use crate::support::{Session, Site, read};

async fn api(site: &Site, session: &Session, path: &str, body: Value) -> Value {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1{path}"))
        .header(header::COOKIE, &session.cookie)
        .header("x-csrf-token", &session.csrf)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    let (status, text) = read(site.send(request.unwrap()).await).await;
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

async fn deliver(site: &Site, event: &SignedWebhook) -> u16 {
    let mut request = Request::builder().method("POST").uri("/gateways/sandbox/webhook");
    for (name, value) in &event.headers {
        request = request.header(name, value);
    }
    site.send(request.body(Body::from(event.body.clone())).unwrap()).await.status().as_u16()
}

testkit::both_engines! {
    async fn an_event_that_is_delivered_ten_times_at_once_makes_one_payment(site: Site) {
        let boss = site.boss().await;
        let setup = [("display_name", "Cards"), ("active", "1"), ("webhook_secret", "whsec_test")];
        assert_eq!(site.post("/admin/setup/gateways/sandbox", &boss, &setup).await.0, 303);
        let client = json!({ "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "country": "GB" });
        api(&site, &boss, "/clients", client).await;
        let lines = json!([{ "description": "Hosting", "amount": "10.00" }]);
        api(&site, &boss, "/invoices", json!({ "client_id": 1, "gateway": "sandbox", "lines": lines, "draft": false })).await;
        api(&site, &boss, "/clients/1/pay-methods", json!({ "gateway": "sandbox", "remote_token": "timeout" })).await;
        let captured = api(&site, &boss, "/invoices/1/capture", json!({})).await;
        assert_eq!(captured["state"], "unknown");

        let mut conn = site.app.db.read().await.unwrap();
        let attempt = captures::of_invoice(&mut conn, 1).await.unwrap().remove(0).public_id;
        let sandbox = site.app.get::<Gateways>().unwrap().find("sandbox").unwrap();
        let config = gateways::config(&mut conn, &site.app, &*sandbox).await.unwrap();
        drop(conn);
        let event = SandboxEvent {
            event_id: "evt_1".to_owned(),
            kind: SandboxEventKind::ChargeSucceeded {
                payment: format!("sandbox_payment_timeout_{attempt}"),
                attempt,
            },
            amount: Money::parse("10.00", Currency::parse("USD").unwrap()).unwrap(),
        };
        let signed = Sandbox::webhook(&config, &event, site.app.clock.now()).unwrap();
        let mut forged = signed.clone();
        forged.body.push(b' ');
        assert_eq!(deliver(&site, &forged).await, 400);
        let deliveries = futures::future::join_all((0..10).map(|_| deliver(&site, &signed))).await;
        assert_eq!(deliveries, [200; 10]);
        jobs::drain(&site.app).await.unwrap();

        let mut conn = site.app.db.read().await.unwrap();
        let counts: (i64, i64) = conn
            .one("SELECT (SELECT COUNT(*) FROM transactions), (SELECT COUNT(*) FROM webhook_events)", params![])
            .await
            .unwrap();
        assert_eq!(counts, (1, 1));
        assert_eq!(innkeeper::wiring::doctor(&mut conn).await.unwrap(), []);
        drop(conn);
        // And the money goes back the way it came.
        let refund = json!({ "amount": "10.00", "invoice_id": 1, "reason": "A mistake" });
        let refunded = api(&site, &boss, "/transactions/1/refunds", refund).await;
        assert_eq!(refunded["state"], "succeeded", "{refunded}");
        let mut conn = site.app.db.read().await.unwrap();
        assert_eq!(innkeeper::wiring::doctor(&mut conn).await.unwrap(), []);
    }
}
