//! Two servers on one PostgreSQL, told to generate and to capture at the same moment.

use std::sync::Arc;

use kernel::{Currency, Cycle, Date, Money, Unit};
use platform::params;
use serde_json::Value;
use testkit::{Engine, Open};

use crate::support::Place;

const CLIENTS: i64 = 12;
const DAYS: i64 = 4;

/// Clients of the sandbox gateway with a service that falls due every day, from some days ago on.
async fn furnish(place: &Place) -> (String, String) {
    place.done(&["init", "--sandbox"]);
    place.done(&["gateway", "configure", "sandbox"]);
    place.done(&["setting", "set", "continuous_invoicing", "true"]);
    place.done(&["setting", "set", "invoice_lead_days", "0"]);
    // Only what the test asks for.
    place.done(&["setting", "set", "automation_enabled", "false"]);
    place.done(&["admin", "create", "--username", "ana", "--email", "ana@example.com"]);
    let credential = place.done(&["api-credential", "create", "--admin", "ana"]).json();
    let app = place.app().await;
    let by = accounts::activity_log::Actor::system("Test");
    let start = app.clock.now().plus_seconds(-(DAYS - 1) * 86_400).date_in(&platform::jiff::tz::TimeZone::UTC);
    for number in 1..=CLIENTS {
        let mut tx = app.db.write().await.unwrap();
        let details = accounts::clients::ClientEdit {
            first_name: Some("Ada".to_owned()),
            last_name: Some("Lovelace".to_owned()),
            email: Some(format!("ada{number}@example.com")),
            country: Some("GB".to_owned()),
            ..Default::default()
        };
        let new = accounts::clients::NewClient { details, ..Default::default() };
        let client = accounts::clients::create(&mut tx, &by, new, &app.random, app.clock.now()).await.unwrap();
        let charge = billing::recurring::Charge {
            client_id: client.id,
            owner_kind: "service",
            owner_id: number,
            description: format!("Service {number}"),
            amount: Money::new(1000, Currency::parse("USD").unwrap()),
            cycle: Cycle::Every { count: 1, unit: Unit::Days },
            anchor_day: 1,
            gateway: "sandbox".to_owned(),
            taxed: false,
            billable: true,
            next_due_on: Date::parse(&start.to_string()).unwrap(),
            remaining: None,
        };
        let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
        billing::recurring::put(&mut locked, &charge, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let default = billing::pay_methods::MakeDefault::Yes;
        billing::pay_methods::add(&app, &by, client.id, "sandbox", "ok", "", default).await.unwrap();
    }
    let text = |name: &str| credential[name].as_str().unwrap().to_owned();
    (text("identifier"), text("secret"))
}

async fn post(client: reqwest::Client, url: String, login: Arc<(String, String)>) -> Value {
    let answer = client.post(url).basic_auth(&login.0, Some(&login.1)).body("{}").send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// Two at a time on each of both nodes.
async fn everywhere(nodes: &[String], path: &str, login: &Arc<(String, String)>) -> Vec<Value> {
    let client = reqwest::Client::new();
    let calls: Vec<_> = nodes
        .iter()
        .chain(nodes)
        .map(|node| tokio::spawn(post(client.clone(), format!("{node}{path}"), login.clone())))
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

fn sum(answers: &[Value], field: &str) -> i64 {
    answers.iter().map(|answer| answer[field].as_i64().unwrap()).sum()
}

testkit::if_postgres! {
    #[test]
    fn two_nodes_make_no_duplicates() {
        testkit::run(async {
            let place = Place::open(Engine::Postgres).await;
            let login = Arc::new(furnish(&place).await);
            let (_first, first) = place.serve(&[]);
            let (_second, second) = place.serve(&[]);
            let nodes = [first, second];
            let (mut invoices, mut paid) = (0, 0);
            for _ in 0..=DAYS {
                invoices += sum(&everywhere(&nodes, "/api/v1/invoices/generate-due", &login).await, "invoices");
                paid += sum(&everywhere(&nodes, "/api/v1/finance/attempt-cc-capture", &login).await, "succeeded");
            }
            assert_eq!((invoices, paid), (CLIENTS * DAYS, CLIENTS * DAYS));
            let app = place.app().await;
            let mut conn = app.db.read().await.unwrap();
            let payments: i64 = conn.scalar("SELECT COUNT(*) FROM transactions", params![]).await.unwrap();
            assert_eq!(payments, CLIENTS * DAYS);
            drop(conn);
            let sound = place.run(&["doctor"]);
            assert_eq!(sound.code, 0, "{sound:?}");
        });
    }
}

/// What a page answers to an address that a trusted proxy names.
async fn status_for(node: &str, ip: &str) -> u16 {
    let asked = reqwest::Client::new().get(format!("{node}/admin/login")).header("X-Forwarded-For", ip);
    asked.send().await.unwrap().status().as_u16()
}

/// Asks until the answer is this one.
async fn becomes(node: &str, ip: &str, status: u16) {
    for _ in 0..200 {
        if status_for(node, ip).await == status {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{node} does not answer {status} to {ip}");
}

testkit::both_engines! {
    async fn a_ban_holds_on_every_node_and_from_every_process(place: Place) {
        place.done(&["init", "--sandbox"]);
        place.done(&["setting", "set", "trusted_proxies", "127.0.0.1"]);
        place.done(&["banned-ip", "add", "198.51.100.1", "--reason", "Before the start"]);
        let (_first, first) = place.serve(&[]);
        let (_second, second) = place.serve(&["--no-worker"]);
        for node in [&first, &second] {
            assert_eq!([status_for(node, "198.51.100.1").await, status_for(node, "198.51.100.2").await], [403, 200]);
        }
        place.done(&["banned-ip", "add", "198.51.100.0/24", "--reason", "Meanwhile", "--days", "1"]);
        for node in [&first, &second] {
            becomes(node, "198.51.100.2", 403).await;
        }
        // Guessed on one node, banned on both.
        let guess = reqwest::Client::new().post(format!("{first}/admin/login")).header("X-Forwarded-For", "203.0.113.9");
        for _ in 0..3 {
            let guess = guess.try_clone().unwrap().header("Content-Type", "application/x-www-form-urlencoded");
            guess.body("email=ana&password=wrong").send().await.unwrap();
        }
        assert_eq!(status_for(&first, "203.0.113.9").await, 403);
        becomes(&second, "203.0.113.9", 403).await;
        place.done(&["banned-ip", "lift", "203.0.113.9"]);
        for node in [&first, &second] {
            becomes(node, "203.0.113.9", 200).await;
        }
        assert_eq!(place.run(&["banned-ip", "lift", "203.0.113.9"]).code, 1);
        assert_eq!(place.run(&["banned-ip", "add", "10.0.0.0/33", "--reason", "x"]).code, 2);
        assert_eq!(place.done(&["banned-ip", "list", "--json"]).json().as_array().unwrap().len(), 2);
    }
}
