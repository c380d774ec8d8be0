//! The program is killed at random moments while it generates and captures against a card processor, again and again, and
//! goes on. In the end each period is invoiced once, each invoice is charged once, and nothing is lost.

use std::collections::HashMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use billing::pay_methods::{self, MakeDefault};
use billing::recurring::{self, Charge};
use kernel::{Currency, Cycle, Date, Money, Unit};
use platform::db::Conn;
use platform::params;
use serde_json::Value;
use testkit::localstripe::{self, Localstripe};
use testkit::peers;

use crate::support::Place;

pub const CLIENTS: i64 = 5;
/// In the past, so that what the processor never received is settled by its own clock without waiting.
pub const START: &str = "2026-01-10";

/// 100 rounds in CI; fewer while one works.
fn rounds() -> i64 {
    let named = std::env::var("INNKEEPER_KILL_ROUNDS").ok().and_then(|text| text.parse().ok());
    named.unwrap_or(if testkit::everything_is_required() { 100 } else { 10 })
}

/// Chance that is the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

pub async fn call(stripe: &Localstripe, path: &str, form: &[(&str, &str)]) -> Value {
    let client = reqwest::Client::new();
    let url = format!("{}{path}", stripe.base_url());
    let request = if form.is_empty() {
        client.get(url)
    } else {
        let body: Vec<String> = form.iter().map(|(key, value)| format!("{key}={value}")).collect();
        client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))
    };
    let answer = request.header("authorization", "Bearer sk_test_12345").send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Clients with a stored card and a service that falls due every day.
pub async fn furnish(place: &Place, stripe: &Localstripe) {
    place.done(&["init", "--sandbox"]);
    let base = format!("api_base={}", stripe.base_url());
    let set = place
        .run_with(&["gateway", "configure", "stripe", "--set", &base, "--secret", "secret_key"], "sk_test_12345\n");
    assert_eq!(set.code, 0, "{set:?}");
    place.done(&["setting", "set", "continuous_invoicing", "true"]);
    place.done(&["setting", "set", "invoice_lead_days", "0"]);
    let app = place.app().await;
    let by = accounts::activity_log::Actor::system("Test");
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
        let charge = Charge {
            client_id: client.id,
            owner_kind: "service",
            owner_id: number,
            description: format!("Service {number}"),
            amount: Money::new(1000 + number, Currency::parse("USD").unwrap()),
            cycle: Cycle::Every { count: 1, unit: Unit::Days },
            anchor_day: 1,
            gateway: "stripe".to_owned(),
            taxed: false,
            billable: true,
            next_due_on: Date::parse(START).unwrap(),
            remaining: None,
        };
        let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
        recurring::put(&mut locked, &charge, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let card = [
            ("type", "card"),
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "7"),
            ("card[exp_year]", "2031"),
            ("card[cvc]", "123"),
        ];
        let method = call(stripe, "/v1/payment_methods", &card).await["id"].as_str().unwrap().to_owned();
        pay_methods::add(&app, &by, client.id, "stripe", &method, "", MakeDefault::Yes).await.unwrap();
    }
}

/// What the kills have met, so that the test can say whether it tests anything.
#[derive(Debug)]
struct Met {
    /// Microseconds from a batch's beginning within which it is killed.
    within: u64,
    /// The batch had begun and had not come to its end.
    unfinished: i64,
    /// A charge was between its intent and its outcome.
    open_attempts: i64,
}

/// The last run, whether it has ended, and how many charges are open.
async fn seen(conn: &mut Conn) -> (i64, bool, i64) {
    let last: Option<(i64, bool)> = conn
        .optional("SELECT id, finished_at IS NOT NULL FROM task_runs ORDER BY id DESC LIMIT 1", params![])
        .await
        .unwrap();
    let open = conn.scalar("SELECT COUNT(*) FROM payment_attempts WHERE state = 'intent'", params![]).await.unwrap();
    let (id, ended) = last.unwrap_or_default();
    (id, ended, open)
}

/// Starts a batch and waits until the row of its run says that it has begun.
async fn begin(place: &Place, conn: &mut Conn, arguments: &[&str]) -> Child {
    let (before, ..) = seen(conn).await;
    let mut command = place.command();
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    while process.try_wait().unwrap().is_none() && seen(conn).await.0 == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    process
}

impl Met {
    /// Kills a batch at a random moment from its beginning on.
    async fn run_and_kill(&mut self, place: &Place, conn: &mut Conn, arguments: &[&str], dice: &mut Dice) {
        let before = seen(conn).await;
        let mut process = begin(place, conn, arguments).await;
        tokio::time::sleep(Duration::from_micros(dice.below(self.within))).await;
        let _ = process.kill();
        process.wait().unwrap();
        let after = seen(conn).await;
        let unfinished = after.0 > before.0 && !after.1;
        self.unfinished += i64::from(unfinished);
        self.open_attempts += i64::from(after.2 > before.2);
        // How long a batch takes depends on the machine and on what else it does. Later after a kill that came in time,
        // sooner after one that came too late: so they come from the first to the last moment.
        self.within = if unfinished { self.within * 5 / 4 } else { self.within * 2 / 3 }.max(1000);
    }
}

/// Every payment that the processor has taken, with the invoice it was for.
pub async fn taken(stripe: &Localstripe) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = call(stripe, &format!("/v1/payment_intents?limit=100{after}"), &[]).await;
        let data = page["data"].as_array().unwrap();
        for intent in data.iter().filter(|intent| intent["status"] == "succeeded") {
            let invoice = intent["metadata"]["innkeeper_invoice"].as_str().unwrap().parse().unwrap();
            all.push((invoice, intent["amount"].as_i64().unwrap()));
        }
        match data.last().filter(|_| page["has_more"] == true) {
            Some(last) => after = format!("&starting_after={}", last["id"].as_str().unwrap()),
            None => return all,
        }
    }
}

testkit::both_engines! {
    async fn killed_at_any_moment_it_charges_each_invoice_once(place: Place) {
        let Some(stripe) = peers::require(localstripe::start()) else { return };
        furnish(&place, &stripe).await;
        let app = place.app().await;
        let mut conn = app.db.read().await.unwrap();
        let mut day = Date::parse(START).unwrap();
        let mut dice = Dice(2026);
        let mut generating = Met { within: 20_000, unfinished: 0, open_attempts: 0 };
        let mut capturing = Met { within: 100_000, unfinished: 0, open_attempts: 0 };
        for _ in 0..rounds() {
            let today = day.to_string();
            let arguments = ["invoices", "generate", "--date", &today];
            generating.run_and_kill(&place, &mut conn, &arguments, &mut dice).await;
            let arguments = ["payments", "capture", "--date", &today];
            capturing.run_and_kill(&place, &mut conn, &arguments, &mut dice).await;
            day = day.plus_days(1).unwrap();
        }
        println!("{} rounds: generation {generating:?}, capture {capturing:?}", rounds());
        assert!(generating.unfinished > rounds() / 4, "{generating:?}: the test tests little");
        assert!(capturing.unfinished > rounds() / 4, "{capturing:?}: the test tests little");
        assert!(capturing.open_attempts > rounds() / 20, "{capturing:?}: the test tests little");
        drop(conn);

        // Undisturbed, everything catches up: a period a run, and what was left open is asked about.
        let last = day.plus_days(-1).unwrap();
        let mut tries = 0;
        loop {
            let today = day.to_string();
            let made = place.done(&["--json", "invoices", "generate", "--date", &last.to_string()]).json();
            let charged = place.done(&["--json", "payments", "capture", "--date", &today]).json();
            day = day.plus_days(1).unwrap();
            if made["invoices"] == 0 && charged["due"] == 0 {
                break;
            }
            tries += 1;
            assert!(tries < 400, "it never comes to rest: {made} {charged}");
        }

        let sound = place.run(&["doctor"]);
        assert_eq!(sound.code, 0, "{sound:?}");
        let mut conn = app.db.read().await.unwrap();
        let invoices: Vec<(i64, i64, String)> =
            conn.all("SELECT id, total, status FROM invoices ORDER BY id", params![]).await.unwrap();
        let expected = CLIENTS * rounds();
        assert_eq!(i64::try_from(invoices.len()).unwrap(), expected, "each period of each service has one invoice");
        assert!(invoices.iter().all(|(_, _, status)| status == "paid"));
        // Our books and the processor's own say the same, invoice by invoice.
        let mut theirs: HashMap<i64, Vec<i64>> = HashMap::new();
        for (invoice, amount) in taken(&stripe).await {
            theirs.entry(invoice).or_default().push(amount);
        }
        for (id, total, _) in &invoices {
            assert_eq!(theirs.get(id), Some(&vec![*total]), "invoice {id}");
        }
        assert_eq!(theirs.len(), invoices.len());
    }
}
