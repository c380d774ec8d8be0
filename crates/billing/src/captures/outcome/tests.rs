//! What staff had recorded under the gateway's id before the gateway told of it.

use std::sync::Arc;

use accounts::clients::Client;
use serde_json::json;
use testkit::Engine;

use super::*;
use crate::captures::{attempt_now, of_invoice};
use crate::pay_methods::{self, MakeDefault};
use crate::payments::corrections;
use crate::testing::doors::Doors;
use crate::testing::{Company, SIGNATURE, Scripted, usd};

/// A client who owes 10.00 and whose card is `timeout`: charged, and the answer was lost.
struct Lost {
    company: Company,
    client: Client,
    invoice: i64,
    attempt: Attempt,
    doors: Doors,
}

async fn open(engine: Engine) -> Lost {
    charged(engine, "timeout").await
}

async fn charged(engine: Engine, scenario: &str) -> Lost {
    let company = Company::with_gateways(engine, vec![Arc::<Scripted>::default()]).await;
    let client = company.client("ada@example.com").await;
    let invoice = company.owed(&client, "10.00").await;
    let yes = MakeDefault::Yes;
    pay_methods::add(&company.app, &company.by, client.id, "sandbox", scenario, "", yes).await.unwrap();
    attempt_now(&company.app, &company.by, invoice).await.unwrap();
    let attempt = of_invoice(&mut company.app.db.read().await.unwrap(), invoice).await.unwrap().remove(0);
    let doors = Doors::of(&company).await;
    Lost { company, client, invoice, attempt, doors }
}

impl Lost {
    fn reference(&self) -> String {
        format!("ch_{}", self.attempt.public_id)
    }

    /// What staff type when they see the payment at the gateway.
    async fn by_hand(&self, client_id: i64, amount: &str) -> i64 {
        let new = NewPayment {
            client_id,
            gateway: "sandbox".to_owned(),
            external_id: self.reference(),
            duplicate: Duplicate::Refuse,
            amount: usd(amount),
            fees: usd("0.00"),
            occurred_on: self.company.terms_today(),
            description: String::new(),
            invoices: Vec::new(),
        };
        let mut tx = self.company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client_id).await.unwrap();
        let recorded =
            payments::record(&mut locked, &self.company.by, new, self.company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        recorded.transaction_id
    }

    async fn void(&self, transaction: i64) {
        let mut tx = self.company.app.db.write().await.unwrap();
        let now = self.company.app.clock.now();
        corrections::void(&mut tx, &self.company.by, transaction, "Wrong client", now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn event(&self) {
        let attempt = &self.attempt.public_id;
        let event = json!({ "id": "evt_1", "kind": "paid", "attempt": attempt, "amount": "10.00" }).to_string();
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let path = "/gateways/sandbox/webhook";
        let reply = self.doors.send("POST", path, "application/json", &signed, event).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.drain(1).await;
    }

    async fn drain(&self, seconds: i64) {
        self.company.app.clock.set(self.company.app.clock.now().plus_seconds(seconds));
        platform::jobs::drain(&self.company.app).await.unwrap();
    }

    async fn state(&self) -> (AttemptState, Option<i64>) {
        let attempt = find(&mut self.company.app.db.read().await.unwrap(), self.attempt.id).await.unwrap();
        (attempt.state, attempt.transaction_id)
    }

    async fn invoice(&self) -> (InvoiceStatus, String) {
        self.company.invoice_state(self.invoice).await
    }
}

fn paid() -> (InvoiceStatus, String) {
    (InvoiceStatus::Paid, "0.00".to_owned())
}

fn unpaid() -> (InvoiceStatus, String) {
    (InvoiceStatus::Unpaid, "10.00".to_owned())
}

testkit::both_engines! {
    with = open;

    async fn what_was_recorded_on_account_pays_the_invoice_that_was_charged(books: Lost) {
        let payment = books.by_hand(books.client.id, "10.00").await;
        assert_eq!(books.company.credit_of(&books.client).await, "10.00");
        for _ in 0..2 {
            books.event().await;
            assert_eq!(books.state().await, (AttemptState::Succeeded, Some(payment)));
            assert_eq!((books.invoice().await, books.company.credit_of(&books.client).await), (paid(), "0.00".to_owned()));
            assert_eq!(books.company.count("transactions").await, 1);
        }
        books.company.is_sound().await;
    }

    // Its money has paid something else: what is left of it pays this, and the rest stays owed.
    async fn credit_that_was_spent_is_not_spent_again(books: Lost) {
        books.by_hand(books.client.id, "10.00").await;
        let other = books.company.owed(&books.client, "7.00").await;
        let mut tx = books.company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, books.client.id).await.unwrap();
        let (today, now) = (books.company.terms_today(), books.company.app.clock.now());
        credits::apply(&mut locked, &books.company.by, other, usd("7.00"), today, now).await.unwrap();
        tx.commit().await.unwrap();
        books.event().await;
        assert_eq!(books.state().await.0, AttemptState::Succeeded);
        assert_eq!(books.invoice().await, (InvoiceStatus::Unpaid, "7.00".to_owned()));
        assert_eq!(books.company.credit_of(&books.client).await, "0.00");
        books.company.is_sound().await;
    }

    async fn a_payment_of_another_client_or_amount_is_in_the_way_until_it_is_put_right(books: Lost) {
        let grace = books.company.client("grace@example.com").await;
        for (client, amount) in [(grace.id, "10.00"), (books.client.id, "9.00")] {
            let wrong = books.by_hand(client, amount).await;
            books.drain(4000).await;
            assert_eq!(books.state().await, (AttemptState::Unknown, None), "asked again, and again in the way");
            assert_eq!(books.invoice().await, unpaid());
            // Nothing is charged meanwhile.
            assert!(matches!(attempt_now(&books.company.app, &books.company.by, books.invoice).await, Err(Error::Refused(_))));
            books.company.is_sound().await;
            books.void(wrong).await;
        }
        books.drain(4000).await;
        assert_eq!((books.state().await.0, books.invoice().await), (AttemptState::Succeeded, paid()));
        assert_eq!(books.company.count("transactions").await, 3);
        books.company.is_sound().await;
    }

    async fn an_event_of_it_is_parked_and_applied_again(books: Lost) {
        let grace = books.company.client("grace@example.com").await;
        let wrong = books.by_hand(grace.id, "10.00").await;
        books.event().await;
        let page = books.doors.get("/admin/payments/webhooks?state=parked").await;
        page.shows(&["evt_1", "is not a payment of 10.00 USD by client", "Apply again"]);
        assert_eq!(books.state().await.0, AttemptState::Unknown);
        let api = async |method: &str, path: &str| {
            let reply = books.doors.api(method, path, serde_json::Value::Null).await;
            (reply.status.as_u16(), reply.json())
        };
        let (_, events) = api("GET", "/webhook-events?state=parked").await;
        assert_eq!((&events["items"][0]["external_id"], &events["total"]), (&json!("evt_1"), &json!(1)));
        let (_, open) = api("GET", "/payment-attempts?state=open").await;
        assert_eq!((&open["items"][0]["state"], &open["items"][0]["amount"]), (&json!("unknown"), &json!("10.00")));
        books.void(wrong).await;
        let (status, event) = api("POST", "/webhook-events/1/retry").await;
        assert_eq!((status, &event["state"]), (200, &json!("received")));
        books.drain(1).await;
        assert_eq!((books.state().await.0, books.invoice().await), (AttemptState::Succeeded, paid()));
        let (_, attempt) = api("GET", "/payment-attempts/1").await;
        assert_eq!((&attempt["state"], attempt["transaction_id"].is_i64()), (&json!("succeeded"), true));
        assert_eq!(api("GET", "/payment-attempts?state=open").await.1["total"], 0);
        assert_eq!(api("GET", "/webhook-events/1").await.1["state"], "applied");
        // It is in the books: there is nothing left to be applied again.
        assert_eq!(api("POST", "/webhook-events/1/retry").await.0, 409);
        assert_eq!((api("POST", "/webhook-events/2/retry").await.0, api("GET", "/payment-attempts/2").await.0), (404, 404));
        assert_eq!(api("GET", "/payment-attempts?state=lost").await.0, 422);
        books.doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_1"]);
        books.company.is_sound().await;
    }
}

async fn refused(engine: Engine) -> Lost {
    charged(engine, "declined").await
}

testkit::both_engines! {
    with = refused;

    // A late success of what was declined: the attempt is over, so nothing asks about it; the event waits for staff.
    async fn what_a_rule_refuses_is_parked_at_once(books: Lost) {
        assert_eq!(books.state().await.0, AttemptState::Declined);
        let grace = books.company.client("grace@example.com").await;
        let wrong = books.by_hand(grace.id, "10.00").await;
        books.event().await;
        books.doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_1", "Void that transaction or give it another reference"]);
        assert_eq!((books.state().await.0, books.invoice().await), (AttemptState::Declined, unpaid()));
        books.void(wrong).await;
        assert_eq!(books.doors.post("/admin/payments/webhooks/1/retry", &[]).await.status, 303);
        books.drain(1).await;
        assert_eq!((books.state().await.0, books.invoice().await), (AttemptState::Succeeded, paid()));
        books.company.is_sound().await;
    }
}
