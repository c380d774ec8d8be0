//! Clients who pay: through the whole program with a stand-in for Stripe and with the sandbox, by plain requests on both
//! engines and in a real browser.

use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use billing::captures;
use billing::invoices::pay_links;
use billing::pay_methods::{self, setups};
use modules::gateways::signature;
use platform::{App, jobs};
use serde_json::{Value, json};
use testkit::process::Child;
use testkit::stripe::Stripe;
use testkit::{Engine, Open, peers};

use crate::support::{Place, Session, Site, ask, read};

const SECRET: &str = "whsec_test";

/// A host that takes cards with Stripe, and a client of his.
struct Host {
    site: Site,
    boss: Session,
    stripe: Stripe,
}

async fn open(engine: Engine) -> Host {
    let (site, stripe) = (Site::open(engine).await, Stripe::start().await);
    let boss = site.boss().await;
    let setup = [
        ("display_name", "Cards"),
        ("active", "1"),
        ("secret_key", "sk_test_1"),
        ("webhook_secret", SECRET),
        ("api_base", stripe.base_url()),
    ];
    assert_eq!(site.post("/admin/setup/gateways/stripe", &boss, &setup).await.0, StatusCode::SEE_OTHER);
    let host = Host { site, boss, stripe };
    let client = json!({ "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "country": "GB" });
    host.api("/clients", client).await;
    host
}

impl Host {
    async fn api(&self, path: &str, body: Value) -> Value {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/api/v1{path}"))
            .header(header::COOKIE, &self.boss.cookie)
            .header("x-csrf-token", &self.boss.csrf)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        let (status, text) = read(self.site.send(request.unwrap()).await).await;
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn invoice(&self) -> i64 {
        let lines = json!([{ "description": "Hosting", "amount": "10.00" }]);
        let new = json!({ "client_id": 1, "gateway": "stripe", "lines": lines, "draft": false });
        self.api("/invoices", new).await["id"].as_i64().unwrap()
    }

    async fn link(&self, invoice: i64) -> String {
        path_of(&link(&self.site.app, invoice).await)
    }

    /// Sends a form of a public page; where it leads.
    async fn press(&self, path: &str, form: &str) -> String {
        let (status, place) = read(self.site.send(ask("POST", path, None, form)).await).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {place}");
        place
    }

    /// Where the page between the form and the provider leads.
    async fn onward(&self, path: &str) -> String {
        let response = self.site.send(ask("GET", path, None, "")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let refresh = response.headers()["refresh"].to_str().unwrap();
        refresh.strip_prefix("0; url=").unwrap().to_owned()
    }

    /// The client does something at the provider and comes back.
    async fn at_provider(&self, url: &str, button: &str) {
        assert!(url.starts_with(self.stripe.base_url()), "{url}");
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let form = client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = form.body(format!("do={button}")).send().await.unwrap();
        let back = path_of(answer.headers()["location"].to_str().unwrap());
        let (status, _) = self.site.get(&back, None).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{back}");
    }

    /// Stripe delivers what happened, everything twice.
    async fn deliver(&self) {
        for event in self.stripe.take_events() {
            let body = event.to_string();
            for _ in 0..2 {
                let signed = signature::sign(SECRET, body.as_bytes(), self.site.app.clock.now()).unwrap();
                let request = Request::builder().method("POST").uri("/gateways/stripe/webhook");
                let request = request.header("Stripe-Signature", signed).body(Body::from(body.clone())).unwrap();
                assert_eq!(self.site.send(request).await.status(), StatusCode::OK);
            }
        }
        jobs::drain(&self.site.app).await.unwrap();
    }

    async fn shows(&self, path: &str, session: Option<&Session>, words: &[&str]) {
        let (status, page) = self.site.get(path, session).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for word in words {
            assert!(page.contains(word), "no “{word}” in {page}");
        }
    }

    async fn count(&self, table: &str) -> i64 {
        let mut conn = self.site.app.db.read().await.unwrap();
        conn.scalar(&format!("SELECT COUNT(*) FROM {table}"), platform::params![]).await.unwrap()
    }

    /// Our books and Stripe's say the same, and Stripe's description of itself was kept to.
    async fn is_sound(&self) {
        let mut conn = self.site.app.db.read().await.unwrap();
        assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
        let attempts = "SELECT public_id FROM payment_attempts WHERE state = 'succeeded' ORDER BY public_id";
        let ours: Vec<String> = conn.column(attempts, platform::params![]).await.unwrap();
        let mut theirs: Vec<String> = self
            .stripe
            .taken()
            .iter()
            .map(|intent| intent["metadata"]["innkeeper_attempt"].as_str().unwrap().to_owned())
            .collect();
        theirs.sort();
        assert_eq!(theirs, ours);
        assert_eq!(self.stripe.complaints(), Vec::<String>::new());
    }
}

async fn link(app: &App, invoice: i64) -> String {
    let mut tx = app.db.write().await.unwrap();
    let link = pay_links::make(&mut tx, app, invoice, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    link.address()
}

fn path_of(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    rest[rest.find('/').unwrap()..].to_owned()
}

testkit::both_engines! {
    with = open;

    async fn a_card_is_entered_at_stripe_kept_charged_asked_about_and_disputed(host: Host) {
        // A new card pays, and is kept.
        let invoice = host.invoice().await;
        let here = host.link(invoice).await;
        host.shows(&here, None, &["Pay by card", "10.00 USD"]).await;
        let go = host.press(&format!("{here}/card"), "keep=1").await;
        let page = host.onward(&go).await;
        host.at_provider(&page, "visa").await;
        host.shows(&here, None, &["Thank you. This invoice is paid."]).await;
        host.deliver().await;
        assert_eq!((host.count("transactions").await, host.count("pay_methods").await), (1, 1));
        host.is_sound().await;

        // It is charged without the client.
        let invoice = host.invoice().await;
        let captured = host.api(&format!("/invoices/{invoice}/capture"), json!({})).await;
        assert_eq!(captured["state"], "succeeded", "{captured}");
        host.deliver().await;
        host.is_sound().await;

        // The client leaves another card, of a bank that asks each time.
        let made = host.api("/clients/1/pay-methods/link", json!({ "gateway": "stripe" })).await;
        let add_card = path_of(made["url"].as_str().unwrap());
        let go = host.press(&add_card, "").await;
        let page = host.onward(&go).await;
        host.at_provider(&page, "asks").await;
        host.shows(&add_card, None, &["The card is stored"]).await;
        host.deliver().await;
        assert_eq!(host.count("pay_methods").await, 2);

        // So the client has to confirm: the mail leads to the page, the page to the bank.
        let invoice = host.invoice().await;
        let captured = host.api(&format!("/invoices/{invoice}/capture"), json!({})).await;
        assert_eq!(captured["state"], "action_required", "{captured}");
        host.deliver().await;
        let (key, text, sealed): (String, String, Vec<u8>) = host.site.app.db.read().await.unwrap()
            .one("SELECT unique_key, text_body, sealed_token FROM mails WHERE template = 'action'", platform::params![]).await.unwrap();
        let token = String::from_utf8(host.site.app.vault.open(&format!("mails:{key}"), &sealed).unwrap()).unwrap();
        let url = text.lines().find(|line| line.contains("/pay/")).unwrap().replace(platform::mail::TOKEN_PLACE, &token);
        let here = path_of(url.trim());
        host.shows(&here, None, &["Your bank asks you to confirm this payment", "Visa •••• 3184"]).await;
        let methods = pay_methods::of_client(&mut host.site.app.db.read().await.unwrap(), 1).await.unwrap();
        let asks = methods.iter().find(|method| method.last_four == "3184").unwrap().id;
        let go = host.press(&format!("{here}/confirm"), &format!("method={asks}")).await;
        host.at_provider(&host.onward(&go).await, "fail").await;
        host.shows(&here, None, &["The last payment did not work", "failed authentication"]).await;
        let go = host.press(&format!("{here}/confirm"), &format!("method={asks}")).await;
        host.at_provider(&host.onward(&go).await, "complete").await;
        host.shows(&here, None, &["Thank you. This invoice is paid."]).await;
        host.deliver().await;
        assert_eq!(host.count("transactions").await, 3);
        host.is_sound().await;

        // Money goes back, and a bank takes some.
        let refund = json!({ "amount": "10.00", "invoice_id": invoice, "reason": "Sorry" });
        assert_eq!(host.api("/transactions/3/refunds", refund).await["state"], "succeeded");
        let payment: String = host.site.app.db.read().await.unwrap()
            .scalar("SELECT external_id FROM transactions WHERE id = 1", platform::params![]).await.unwrap();
        for stage in ["created", "withdrawn", "lost"] {
            host.stripe.dispute(&payment, stage);
            host.deliver().await;
        }
        host.shows("/admin/invoices/1", Some(&host.boss), &["Dispute over 10.00 USD: lost", "Fraudulent"]).await;
        host.shows("/admin/payments/webhooks", Some(&host.boss), &["charge.dispute.closed", "checkout.session.completed"]).await;
        let (_, parked) = host.site.get("/admin/payments/webhooks?state=parked", Some(&host.boss)).await;
        assert!(parked.contains("No events here"), "{parked}");
        host.is_sound().await;
    }

    // The client is at Stripe while the invoice is paid at the bank.
    async fn a_page_is_closed_when_its_invoice_is_paid_elsewhere(host: Host) {
        let invoice = host.invoice().await;
        let here = host.link(invoice).await;
        let go = host.press(&format!("{here}/card"), "").await;
        let page = host.onward(&go).await;
        let paid = json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "10.00", "invoice_ids": [invoice], "reference": "b-1" });
        host.api("/transactions", paid).await;
        jobs::drain(&host.site.app).await.unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let late = client.post(&page).header("content-type", "application/x-www-form-urlencoded").body("do=visa").send().await.unwrap();
        assert_eq!(late.status(), 404, "nothing can be paid there any more");
        host.shows(&here, None, &["Thank you. This invoice is paid."]).await;
        host.deliver().await;
        host.is_sound().await;
    }
}

/// What the browser's journeys start from.
async fn furnish(place: &Place, address: &str, stripe: &Stripe) -> (App, Vec<String>) {
    let base = format!("api_base={}", stripe.base_url());
    let set =
        place.run_with(&["gateway", "configure", "stripe", "--set", &base, "--secret", "secret_key"], "sk_test_1\n");
    assert_eq!(set.code, 0, "{set:?}");
    place.done(&["gateway", "configure", "sandbox"]);
    place.done(&["setting", "set", "system_url", address]);
    place.done(&["setting", "set", "company_name", "Harbour Hosting"]);
    let app = place.app().await;
    let by = accounts::activity_log::Actor::system("Test");
    let details = accounts::clients::ClientEdit {
        first_name: Some("Ada".to_owned()),
        last_name: Some("Lovelace".to_owned()),
        email: Some("ada@example.com".to_owned()),
        country: Some("GB".to_owned()),
        ..Default::default()
    };
    let mut tx = app.db.write().await.unwrap();
    let new = accounts::clients::NewClient { details, ..Default::default() };
    let client = accounts::clients::create(&mut tx, &by, new, &app.random, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    pay_methods::add(&app, &by, client.id, "sandbox", "sca", "", pay_methods::MakeDefault::Yes).await.unwrap();
    let mut links = Vec::new();
    for gateway in ["sandbox", "sandbox", "stripe", "banktransfer"] {
        let terms_and_invoice = issue(&app, &client, gateway).await;
        links.push(link(&app, terms_and_invoice).await);
    }
    let mut tx = app.db.write().await.unwrap();
    let add_card = setups::make_link(&mut tx, &app, &by, client.id, "stripe", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    links.push(add_card);
    (app, links)
}

async fn issue(app: &App, client: &accounts::clients::Client, gateway: &str) -> i64 {
    let mut tx = app.db.write().await.unwrap();
    let terms = billing::Terms::load(&mut tx, app.clock.now()).await.unwrap();
    let amount = kernel::Money::parse("10.00", client.currency).unwrap();
    let new = billing::invoices::NewInvoice {
        buyer: billing::Buyer::of(client),
        issued_on: terms.today,
        due_on: terms.today,
        gateway: gateway.to_owned(),
        lines: vec![billing::invoices::NewLine::item("Hosting", amount, true)],
        notes: String::new(),
        source: "test".to_owned(),
        levels: None,
    };
    let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
    let issued =
        billing::invoices::issue(&mut locked, &terms, vec![new], billing::invoices::Tell::Nobody).await.unwrap();
    tx.commit().await.unwrap();
    issued[0].id
}

// The browser decides whether a form may lead to another host; no plain request shows that.
#[test]
fn clients_pay_in_a_browser() {
    let Some((node, chromium)) = peers::require(
        peers::node("playwright-core").and_then(|node| peers::chromium().map(|chromium| (node, chromium))),
    ) else {
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/paying.mjs");
    for (width, height, scheme, scripts) in
        [("1440", "900", "light", "scripts"), ("390", "844", "dark", "scripts"), ("390", "844", "light", "no-scripts")]
    {
        testkit::run(Box::pin(async {
            let place = Place::open(Engine::Sqlite).await;
            place.done(&["init", "--sandbox"]);
            let stripe = Stripe::start().await;
            let (_server, address) = place.serve(&[]);
            let (app, links) = furnish(&place, &address, &stripe).await;
            let mut flow = Command::new("node");
            flow.current_dir(&node)
                .env("CHROMIUM", &chromium)
                .args([script, width, height, scheme, scripts])
                .arg(place.folder.as_os_str())
                .args(&links);
            let mut browser = Child::spawn("browser", &mut flow).unwrap();
            let ended = browser.wait(Duration::from_secs(240)).unwrap();
            assert!(ended.success(), "{width} {scheme} {scripts}: {}", browser.output());
            assert_eq!(stripe.complaints(), Vec::<String>::new());
            let mut conn = app.db.read().await.unwrap();
            assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
            let attempts = captures::of_invoice(&mut conn, 1).await.unwrap();
            assert_eq!(attempts.len(), 2, "refused at the bank once, then paid: {attempts:?}");
        }));
    }
}
