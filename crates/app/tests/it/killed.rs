//! The program is killed at random moments while it generates and captures against a card processor, again and again, and
//! goes on. In the end each period is invoiced once, each invoice is charged once, and nothing is lost.

use std::collections::HashMap;
use std::time::Duration;

use billing::pay_methods::{self, MakeDefault};
use billing::recurring::{self, Charge};
use kernel::{Currency, Cycle, Date, Money, Unit};
use platform::params;
use serde_json::Value;
use testkit::localstripe::{self, Localstripe};
use testkit::peers;

use crate::support::Place;

const CLIENTS: i64 = 5;
/// In the past, so that what the processor never received is settled by its own clock without waiting.
const START: &str = "2026-01-10";

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

async fn call(stripe: &Localstripe, path: &str, form: &[(&str, &str)]) -> Value {
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
async fn furnish(place: &Place, stripe: &Localstripe) {
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

/// Starts a command and kills it after a random while, which may be after its end.
fn run_and_kill(place: &Place, arguments: &[&str], dice: &mut Dice) -> bool {
    let mut command = place.command();
    command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut process = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(dice.below(90) + 5));
    let killed = process.try_wait().unwrap().is_none();
    let _ = process.kill();
    process.wait().unwrap();
    killed
}

/// Every payment that the processor has taken, with the invoice it was for.
async fn taken(stripe: &Localstripe) -> Vec<(i64, i64)> {
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
        let mut dice = Dice(2026);
        let mut killed = 0;
        let mut day = Date::parse(START).unwrap();
        for _ in 0..rounds() {
            let today = day.to_string();
            killed += i64::from(run_and_kill(&place, &["invoices", "generate", "--date", &today], &mut dice));
            killed += i64::from(run_and_kill(&place, &["payments", "capture", "--date", &today], &mut dice));
            day = day.plus_days(1).unwrap();
        }
        assert!(killed > rounds() / 2, "{killed} were killed: the test tests little");

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
        let app = place.app().await;
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
