use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::{Cycle, Timestamp};
use platform::runs::Progress;
use serde_json::{Value, json};
use testkit::Engine;

use super::charge::prepare;
use super::*;
use crate::gateways::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::invoices::{self, InvoiceStatus};
use crate::pay_methods::{self, MakeDefault};
use crate::settings;
use crate::testing::doors::Doors;
use crate::testing::{Company, SIGNATURE, Scripted, date, scripted_method, usd};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::new(Scripted::default())]).await
}

/// A client with a card of the sandbox's scenario and an invoice that is due today.
async fn owing(company: &Company, scenario: &str) -> i64 {
    let client = company.client(&format!("{scenario}@example.com")).await;
    pay_methods::add(&company.app, &company.by, client.id, "sandbox", scenario, "", MakeDefault::Yes).await.unwrap();
    let today = company.terms_today().to_string();
    company.charge(&client, client.id, "10.00", Cycle::Monthly, &today, "sandbox").await;
    let terms = company.terms().await;
    let scope = Scope { client_id: Some(client.id), ..Scope::default() };
    generation::run(&company.app.db, &company.by, &terms, &scope, Mode::Real, Detail::Counts, &Progress::default())
        .await
        .unwrap()
        .last_invoice_id
}

async fn capture(company: &Company) -> Report {
    let terms = company.terms().await;
    run(&company.app, &company.by, &terms, &Progress::default()).await.unwrap()
}

async fn status(company: &Company, invoice: i64) -> InvoiceStatus {
    let mut conn = company.app.db.read().await.unwrap();
    invoices::find(&mut conn, invoice).await.unwrap().status
}

async fn count(company: &Company, table: &str) -> i64 {
    let mut conn = company.app.db.read().await.unwrap();
    conn.scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await.unwrap()
}

/// Lets the jobs that are due by then run.
async fn later(company: &Company, seconds: i64) {
    company.app.clock.set(Timestamp::from_micros(company.app.clock.now().micros()).plus_seconds(seconds));
    platform::jobs::drain(&company.app).await.unwrap();
}

testkit::both_engines! {
    with = open;

    async fn a_due_invoice_is_charged_and_paid(company: Company) {
        let invoice = owing(&company, "ok").await;
        let report = capture(&company).await;
        assert_eq!((report.due, report.succeeded), (1, 1));
        assert_eq!(report.collected, [usd("10.00")]);
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        assert_eq!(capture(&company).await.due, 0);
        company.is_sound().await;
    }

    async fn a_decline_keeps_its_reason_and_is_tried_again_a_week_later(company: Company) {
        let invoice = owing(&company, "declined").await;
        assert_eq!(capture(&company).await.declined, 1);
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Unpaid);
        assert_eq!(capture(&company).await.due, 0);
        let mut conn = company.app.db.read().await.unwrap();
        let attempts = of_invoice(&mut conn, invoice).await.unwrap();
        assert_eq!(attempts.len(), 1);
        assert!(!attempts[0].reason.is_empty());
        drop(conn);
        company.today("2026-01-21");
        assert_eq!(capture(&company).await.due, 0);
        company.today("2026-01-22");
        assert_eq!(capture(&company).await.declined, 1);
        company.today("2026-02-22");
        assert_eq!(capture(&company).await.due, 0);
        company.is_sound().await;
    }

    async fn an_unknown_outcome_is_asked_about_before_anything_else(company: Company) {
        let invoice = owing(&company, "timeout").await;
        assert_eq!(capture(&company).await.unknown, 1);
        // Neither the batch nor staff can charge again while it is open.
        assert_eq!(capture(&company).await.due, 0);
        let refused = attempt(&company.app, &company.by, invoice, None, None).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        company.is_sound().await;
        later(&company, 121).await;
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        company.is_sound().await;
    }

    // Else the invoice would be paid twice: once by the credit, and once by the card.
    async fn credit_waits_for_the_outcome_of_a_charge(company: Company) {
        let invoice = owing(&company, "timeout").await;
        assert_eq!(capture(&company).await.unknown, 1);
        let apply = async || {
            let mut tx = company.app.db.write().await?;
            let client_id = invoices::find(&mut tx, invoice).await?.client_id;
            let mut locked = accounts::clients::lock(&mut tx, client_id).await?;
            let (on, now) = (company.terms_today(), company.app.clock.now());
            if company.count("credit_movements").await == 0 {
                crate::credits::adjust(&mut locked, &company.by, client_id, usd("30.00"), "Sorry", on, now).await?;
            }
            let applied = crate::credits::apply(&mut locked, &company.by, invoice, usd("10.00"), on, now).await;
            tx.commit().await?;
            applied
        };
        let refused = apply().await.unwrap_err();
        assert_eq!(refused.to_string(), "A charge of this invoice is under way. Wait for its outcome.");
        company.is_sound().await;
        later(&company, 121).await;
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        assert_eq!(apply().await.unwrap_err().to_string(), "Invoice Not in Unpaid Status");
        company.is_sound().await;
    }

    async fn a_charge_that_never_arrived_frees_its_slot(company: Company) {
        let invoice = owing(&company, "lost").await;
        assert_eq!(capture(&company).await.unknown, 1);
        later(&company, 3600).await;
        let mut conn = company.app.db.read().await.unwrap();
        let attempts = of_invoice(&mut conn, invoice).await.unwrap();
        assert_eq!(attempts[0].state, AttemptState::Failed);
        drop(conn);
        assert_eq!(capture(&company).await.due, 1);
        company.is_sound().await;
    }

    async fn a_charge_that_needs_the_client_is_given_up_before_the_next(company: Company) {
        let invoice = owing(&company, "sca").await;
        assert_eq!(capture(&company).await.action_required, 1);
        company.today("2026-01-22");
        assert_eq!(capture(&company).await.action_required, 1);
        let mut conn = company.app.db.read().await.unwrap();
        let states: Vec<AttemptState> = of_invoice(&mut conn, invoice).await.unwrap().iter().map(|attempt| attempt.state).collect();
        assert_eq!(states, [AttemptState::ActionRequired, AttemptState::Declined]);
        drop(conn);
        company.is_sound().await;
    }

    // Worked example 16 e.
    async fn a_client_who_said_no_is_not_charged(company: Company) {
        owing(&company, "ok").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET no_auto_capture = TRUE", params![]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(capture(&company).await.due, 0);
    }

    // The batch may run for long: what it chose at its beginning is looked at again before each charge.
    async fn a_no_that_comes_while_the_batch_runs_is_heard(company: Company) {
        let invoice = owing(&company, "ok").await;
        let slot = Some(date("2026-01-15"));
        let change = async |sql: &str| {
            let mut tx = company.app.db.write().await.unwrap();
            tx.execute(sql, params![]).await.unwrap();
            tx.commit().await.unwrap();
        };
        change("UPDATE clients SET no_auto_capture = TRUE").await;
        assert!(prepare(&company.app, invoice, slot, None).await.unwrap().is_none());
        change("UPDATE clients SET no_auto_capture = FALSE").await;
        change("UPDATE gateways SET active = FALSE").await;
        for slot in [slot, None] {
            let refused = prepare(&company.app, invoice, slot, None).await.err().unwrap();
            assert!(refused.to_string().contains("is switched off"), "{refused}");
        }
        assert_eq!(company.count("payment_attempts").await, 0);
        change("UPDATE gateways SET active = TRUE").await;
        assert_eq!(capture(&company).await.succeeded, 1);
        company.is_sound().await;
    }

    async fn captures_at_the_same_time_charge_once(company: Company) {
        let invoice = owing(&company, "ok").await;
        let (left, right) = tokio::join!(capture(&company), capture(&company));
        assert_eq!(left.succeeded + right.succeeded, 1);
        let mut conn = company.app.db.read().await.unwrap();
        assert_eq!(of_invoice(&mut conn, invoice).await.unwrap().len(), 1);
        drop(conn);
        company.is_sound().await;
    }

    // A crash after the provider carried it out and before we wrote it down.
    async fn an_attempt_left_in_the_middle_is_resolved(company: Company) {
        let invoice = owing(&company, "ok").await;
        let slot = date("2026-01-15");
        prepare(&company.app, invoice, Some(slot), None).await.unwrap().unwrap();
        company.is_sound().await;
        assert_eq!(capture(&company).await.due, 0);
        later(&company, 3600).await;
        let mut conn = company.app.db.read().await.unwrap();
        let attempts = of_invoice(&mut conn, invoice).await.unwrap();
        assert!(attempts[0].is_settled(), "{attempts:?}");
        drop(conn);
        company.is_sound().await;
    }

    async fn concluding_twice_books_once(company: Company) {
        let invoice = owing(&company, "ok").await;
        let prepared = prepare(&company.app, invoice, Some(date("2026-01-15")), None).await.unwrap().unwrap();
        for _ in 0..3 {
            let answer = Ok(Outcome::Succeeded { external_id: "ch_1".to_owned(), fee: Some(usd("0.59")) });
            conclude(&company.app, &company.by, prepared.attempt_id, answer).await.unwrap();
        }
        let mut conn = company.app.db.read().await.unwrap();
        let payments: i64 = conn.scalar("SELECT COUNT(*) FROM transactions", params![]).await.unwrap();
        assert_eq!(payments, 1);
        drop(conn);
        company.is_sound().await;
    }

    async fn an_event_that_comes_ten_times_at_once_books_one_payment(company: Company) {
        let invoice = owing(&company, "timeout").await;
        assert_eq!(capture(&company).await.unknown, 1);
        let doors = Doors::of(&company).await;
        let mut conn = company.app.db.read().await.unwrap();
        let attempt = of_invoice(&mut conn, invoice).await.unwrap().remove(0).public_id;
        drop(conn);
        let event = json!({ "id": "evt_1", "kind": "paid", "attempt": attempt, "amount": "10.00" }).to_string();
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let deliveries = (0..10).map(|_| doors.send("POST", "/gateways/sandbox/webhook", "application/json", &signed, event.clone()));
        for reply in futures::future::join_all(deliveries).await {
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        later(&company, 1).await;
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        let mut conn = company.app.db.read().await.unwrap();
        let counts: (i64, i64) = conn
            .one("SELECT (SELECT COUNT(*) FROM transactions), (SELECT COUNT(*) FROM webhook_events)", params![])
            .await
            .unwrap();
        assert_eq!(counts, (1, 1));
        drop(conn);
        doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_1", "Applied"]);
        company.is_sound().await;
    }

    async fn an_unsigned_event_changes_nothing_and_a_strange_one_is_parked(company: Company) {
        owing(&company, "ok").await;
        let doors = Doors::of(&company).await;
        let event = json!({ "id": "evt_9", "kind": "paid", "attempt": "of somebody else", "amount": "10.00" }).to_string();
        let path = "/gateways/sandbox/webhook";
        let forged = [(SIGNATURE.to_owned(), "wrong".to_owned())];
        assert_eq!(doors.send("POST", path, "application/json", &forged, event.clone()).await.status, 400);
        assert_eq!(doors.send("POST", "/gateways/none/webhook", "application/json", &[], event.clone()).await.status, 404);
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        assert_eq!(doors.send("POST", path, "application/json", &signed, event).await.status, 200);
        later(&company, 1).await;
        doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_9", "a charge that is not ours", "Apply again"]);
        // Again, and it is parked again.
        let reply = doors.post("/admin/payments/webhooks/1/retry", &[]).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        let reply = doors.post("/admin/payments/webhooks/1/retry", &[]).await;
        assert!(reply.flash.contains("bad"), "{reply:?}");
        later(&company, 1).await;
        doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_9"]);
        company.is_sound().await;
    }

    async fn the_button_makes_one_run_with_progress_and_a_result(company: Company) {
        owing(&company, "ok").await;
        owing(&company, "declined").await;
        let doors = Doors::of(&company).await;
        let page = doors.get("/admin/payments/capture").await;
        page.shows(&["20.00 USD", "Charge 2 invoices"]);
        let once = page.once();
        let first = doors.post("/admin/payments/capture", &[("once", &once)]).await;
        let second = doors.post("/admin/payments/capture", &[("once", &once)]).await;
        assert_eq!((first.status.as_u16(), &first.to), (303, &second.to));
        let progress = doors.get(&format!("{}/progress.json", first.to)).await.json();
        assert_eq!(progress["state"], "running");
        later(&company, 1).await;
        let progress = doors.get(&format!("{}/progress.json", first.to)).await.json();
        assert_eq!((&progress["state"], &progress["done"], &progress["failed"]), (&json!("finished"), &json!(2), &json!(1)));
        doors.get(&first.to).await.shows(&["10.00 USD", "insufficient funds", "/admin/invoices/"]);
        doors.get("/admin/payments/attempts").await.shows(&["Declined", "Succeeded"]);
        doors.get("/admin/payments/attempts?state=open").await.shows(&["No attempts here"]);
        doors.get("/admin/payments/capture").await.shows(&["Nothing is due for capture"]);
        company.is_sound().await;
    }

    async fn one_invoice_is_charged_once_by_hand(company: Company) {
        let invoice = owing(&company, "ok").await;
        let doors = Doors::of(&company).await;
        let path = format!("/admin/invoices/{invoice}/capture");
        let presses = futures::future::join(doors.post(&path, &[("once", "k1")]), doors.post(&path, &[("once", "k1")])).await;
        assert_eq!((presses.0.status.as_u16(), presses.1.status.as_u16()), (303, 303));
        let reply = doors.post(&path, &[("once", "k2")]).await;
        assert!(reply.flash.contains("bad"), "{reply:?}");
        assert_eq!(count(&company, "payment_attempts").await, 1);
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        company.is_sound().await;
    }

    async fn an_api_capture_is_carried_out_once_for_its_key(company: Company) {
        let invoice = owing(&company, "declined").await;
        let doors = Doors::of(&company).await;
        let path = format!("/invoices/{invoice}/capture");
        let calls = (0..10).map(|_| doors.api_once(&path, "one", json!({})));
        let replies = futures::future::join_all(calls).await;
        assert!(replies.iter().any(|reply| reply.status == 200), "{replies:?}");
        assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())), "{replies:?}");
        assert_eq!(count(&company, "payment_attempts").await, 1);
        let again = doors.api_once(&path, "one", json!({})).await.json();
        assert_eq!(again["state"], "declined");
        assert_eq!(count(&company, "payment_attempts").await, 1);
        assert_eq!(doors.api("POST", "/invoices/999/capture", json!({})).await.status, 404);
        company.is_sound().await;
    }

    async fn the_api_charges_what_is_due_and_says_how_it_went(company: Company) {
        for scenario in ["ok", "declined", "timeout", "sca"] {
            owing(&company, scenario).await;
        }
        let doors = Doors::of(&company).await;
        let dry = doors.api("POST", "/finance/attempt-cc-capture", json!({ "dry_run": true })).await.json();
        assert_eq!((&dry["due"], &dry["succeeded"]), (&json!(4), &json!(0)));
        assert_eq!(dry["to_collect"], json!([{ "currency": "USD", "amount": "40.00" }]));
        assert_eq!(count(&company, "payment_attempts").await, 0);
        let done = doors.api("POST", "/finance/attempt-cc-capture", Value::Null).await.json();
        assert_eq!(done["due"], 4);
        for one in ["succeeded", "declined", "action_required", "unknown"] {
            assert_eq!(done[one], 1, "{done}");
        }
        assert_eq!(done["collected"], json!([{ "currency": "USD", "amount": "10.00" }]));
        assert_eq!(done["failures"].as_array().unwrap().len(), 3);
        let wrong = doors.api("POST", "/finance/attempt-cc-capture", json!({ "dry_run": "perhaps" })).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["errors"][0]["field"]), (422, &json!("dry_run")));
        company.is_sound().await;
    }

    // Worked example 22, the last sentence.
    async fn capture_payment_answers_in_the_documented_words(company: Company) {
        let paid = owing(&company, "ok").await;
        let declined = owing(&company, "declined").await;
        let doors = Doors::of(&company).await;
        assert_eq!(doors.action("CapturePayment", &[("invoiceid", &paid.to_string())]).await["result"], "success");
        let not_unpaid = "Invoice Not Found or Not Unpaid";
        assert_eq!(doors.refused("CapturePayment", &[("invoiceid", &paid.to_string())]).await, not_unpaid);
        assert_eq!(doors.refused("CapturePayment", &[("invoiceid", "999")]).await, not_unpaid);
        assert_eq!(doors.refused("CapturePayment", &[("invoiceid", &declined.to_string())]).await, "Payment Attempt Failed");
        company.is_sound().await;
    }

    // What a provider says of a card must not end up in our logs.
    async fn a_card_number_in_an_answer_is_blotted_out(company: Company) {
        let invoice = owing(&company, "gossip").await;
        assert_eq!(capture(&company).await.declined, 1);
        let attempts = of_invoice(&mut company.app.db.read().await.unwrap(), invoice).await.unwrap();
        assert_eq!(attempts[0].reason, "No money on [card number …1111].");
        Doors::of(&company).await.get("/admin/payments/gateway-log").await.shows(&["[card number …1111]"]);
        assert_eq!(company.everywhere("4111 1111 1111 1111").await, Vec::<String>::new());
        company.is_sound().await;
    }

    async fn an_event_outside_the_tolerance_is_refused_and_staff_are_told(company: Company) {
        let doors = Doors::of(&company).await;
        let event = json!({ "id": "evt_1", "kind": "other" }).to_string();
        let path = "/gateways/sandbox/webhook";
        let stale = [(SIGNATURE.to_owned(), "stale".to_owned())];
        let reply = doors.send("POST", path, "application/json", &stale, event.clone()).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text.contains("4000 seconds"), "{}", reply.text);
        doors.get("/admin/payments/gateway-log?result=error").await.shows(&["4000 seconds", "Check the clock"]);
        // A stranger's nonsense fills no log.
        let forged = [(SIGNATURE.to_owned(), "wrong".to_owned())];
        doors.send("POST", path, "application/json", &forged, event).await;
        assert_eq!((company.count("webhook_events").await, company.count("gateway_log").await), (0, 1));
    }

    // What is paid in another way must not be paid at the bank as well.
    async fn a_charge_that_waits_is_given_up_when_its_invoice_is_paid(company: Company) {
        let invoice = owing(&company, "sca").await;
        assert_eq!(capture(&company).await.action_required, 1);
        let doors = Doors::of(&company).await;
        let fields = [("invoiceid", invoice.to_string()), ("transid", "bank-1".to_owned()), ("gateway", "banktransfer".to_owned()), ("date", "2026-01-15".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(doors.action("AddInvoicePayment", &fields).await["result"], "success");
        later(&company, 1).await;
        let attempts = of_invoice(&mut company.app.db.read().await.unwrap(), invoice).await.unwrap();
        assert_eq!((attempts[0].state, attempts[0].code.as_str()), (AttemptState::Declined, "canceled"));
        assert_eq!(company.count("transactions").await, 1);
        company.is_sound().await;
    }

    // Only money overtakes what is settled.
    async fn a_late_answer_does_not_undo_an_outcome(company: Company) {
        let invoice = owing(&company, "ok").await;
        let prepared = prepare(&company.app, invoice, Some(date("2026-01-15")), None).await.unwrap().unwrap();
        let declined = || Ok(Outcome::Declined { external_id: None, code: "no".to_owned(), reason: "No.".to_owned() });
        let waits = || Ok(Outcome::ActionRequired { external_id: "ch_1".to_owned(), url: None });
        let conclude = async |answer| super::conclude(&company.app, &company.by, prepared.attempt_id, answer).await.unwrap();
        conclude(declined()).await;
        conclude(waits()).await;
        conclude(Err(GatewayError::Unknown("late".to_owned()))).await;
        let state = || async { of_invoice(&mut company.app.db.read().await.unwrap(), invoice).await.unwrap()[0].state };
        assert_eq!(state().await, AttemptState::Declined);
        conclude(Ok(Outcome::Succeeded { external_id: "ch_1".to_owned(), fee: None })).await;
        conclude(declined()).await;
        assert_eq!(state().await, AttemptState::Succeeded);
        assert_eq!(status(&company, invoice).await, InvoiceStatus::Paid);
        company.is_sound().await;
    }
}

/// An attempt of the time when every one had a stored method.
const OF_BEFORE: &str = "\
    INSERT INTO parties (hash, document) VALUES ('h', '{}'); \
    INSERT INTO clients (uuid, first_name, last_name, company, email, email_lower, address1, address2, city, state, \
        postcode, country, phone, tax_id, currency, status, language, notes, tax_exempt, no_late_fees, \
        no_overdue_notices, separate_invoices, no_auto_capture, no_auto_status, marketing_opt_in, party_id, search, \
        created_at, updated_at) VALUES ('u', 'Ada', 'L', '', 'a@example.com', 'a@example.com', '', '', '', '', '', \
        'GB', '', '', 'USD', 'active', '', '', FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, 1, '', 0, 0); \
    INSERT INTO invoices (client_id, status, currency, due_on, tax_name1, tax_rate1, tax_name2, tax_rate2, subtotal, \
        tax1, tax2, total, gateway, balance, credit_applied, notes, source, created_at, updated_at) \
        VALUES (1, 'draft', 'USD', '2026-01-01', '', 0, '', 0, 0, 0, 0, 0, 'sandbox', 0, 0, '', '', 0, 0); \
    INSERT INTO pay_methods (client_id, gateway, kind, description, brand, last_four, token, is_default, created_at, \
        updated_at) VALUES (1, 'sandbox', 'card', '', 'Visa', '4242', '', TRUE, 0, 0); \
    INSERT INTO payment_attempts (public_id, client_id, invoice_id, pay_method_id, gateway, currency, amount, state, \
        code, reason, started_at) VALUES ('a-1', 1, 1, 1, 'sandbox', 'USD', 1000, 'action_required', '', '', 0);";

async fn before(engine: Engine) -> (testkit::Folder, platform::Db) {
    let folder = testkit::Folder::new();
    let url = engine.database(&folder).await;
    let db = platform::Db::create(&url, platform::Events::default()).await.unwrap();
    let mut tx = db.write().await.unwrap();
    platform::db::apply_migrations(&mut tx, |name| name < "0011", Timestamp::from_micros(0)).await.unwrap();
    tx.batch(OF_BEFORE).await.unwrap();
    tx.commit().await.unwrap();
    (folder, db)
}

testkit::both_engines! {
    with = before;

    async fn an_attempt_of_before_keeps_its_method(place: (testkit::Folder, platform::Db)) {
        let db = &place.1;
        db.migrate(Timestamp::from_micros(0)).await.unwrap();
        let attempts = of_invoice(&mut db.read().await.unwrap(), 1).await.unwrap();
        let attempt = &attempts[0];
        assert_eq!((attempt.pay_method_id, attempt.way, attempt.keep_method), (Some(1), Way::OffSession, false));
        // The next id is the next one, and a method need not be known any more.
        let mut tx = db.write().await.unwrap();
        tx.batch("UPDATE payment_attempts SET state = 'declined'").await.unwrap();
        let next: i64 = tx
            .scalar(
                "INSERT INTO payment_attempts (public_id, client_id, invoice_id, gateway, currency, amount, state, code, \
                 reason, started_at) VALUES ('a-2', 1, 1, 'sandbox', 'USD', 1, 'action_required', '', '', 0) RETURNING id",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(next, 2);
        let beside = "INSERT INTO payment_attempts (public_id, client_id, invoice_id, gateway, currency, amount, state, \
                      code, reason, started_at) VALUES ('a-3', 1, 1, 'sandbox', 'USD', 1, 'intent', '', '', 0)";
        assert!(tx.batch(beside).await.is_err(), "none beside one that waits");
    }
}

/// A provider that answers a charge only when as many are under way as are let through at once.
struct Crowded {
    inner: Scripted,
    gate: tokio::sync::Barrier,
    inside: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl Gateway for Crowded {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn display_name(&self) -> &'static str {
        "Crowded"
    }

    fn fields(&self) -> &'static [ConfigField] {
        &[]
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn store(&self, _: &GatewayConfig, request: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        Ok(StoreOutcome::Stored(scripted_method(&request.remote_token)))
    }

    async fn forget(&self, _: &GatewayConfig, _: &MethodToken) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn charge(&self, config: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.gate.wait().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.inner.charge(config, request).await
    }

    async fn look_up(
        &self,
        _: &GatewayConfig,
        _: &crate::gateways::Attempt,
        _: Timestamp,
    ) -> Result<LookUp, GatewayError> {
        Ok(LookUp::InProgress)
    }

    async fn cancel(&self, _: &GatewayConfig, _: &str) -> Result<LookUp, GatewayError> {
        Ok(LookUp::InProgress)
    }

    async fn refund(&self, _: &GatewayConfig, _: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        Err(GatewayError::Unsupported("refunds"))
    }

    async fn look_up_refund(
        &self,
        _: &GatewayConfig,
        _: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        Ok(None)
    }

    fn verify_webhook(
        &self,
        _: &GatewayConfig,
        _: &[(String, String)],
        _: &[u8],
        _: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        Err(WebhookError::Unsupported)
    }
}

/// Six invoices are charged; as many at once as the setting says, and never more.
async fn so_many_at_once(engine: Engine, setting: usize) {
    let gateway = Arc::new(Crowded {
        inner: Scripted::default(),
        gate: tokio::sync::Barrier::new(setting),
        inside: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let company = Company::with_gateways(engine, vec![gateway.clone()]).await;
    company.set(&settings::CAPTURE_CONCURRENCY, &setting.to_string()).await;
    for number in 0..6 {
        owing(&company, &format!("ok-{number}")).await;
    }
    // Were fewer let through, they would wait for each other for ever.
    let report = tokio::time::timeout(Duration::from_secs(60), capture(&company)).await.unwrap();
    assert_eq!((report.succeeded, gateway.most.load(Ordering::SeqCst)), (6, setting));
    company.is_sound().await;
}

testkit::both_engines! {
    with = engine_itself;

    async fn as_many_are_charged_at_once_as_the_setting_says(engine: Engine) {
        for setting in [1, 2, 3] {
            so_many_at_once(engine, setting).await;
        }
    }
}

async fn engine_itself(engine: Engine) -> Engine {
    engine
}
