use std::sync::Arc;

use kernel::{Cycle, Timestamp};
use platform::runs::Progress;
use testkit::Engine;

use super::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::pay_methods::MakeDefault;
use serde_json::Value;

use crate::testing::doors::Doors;
use crate::testing::{Company, SIGNATURE, Scripted, date, usd};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::new(Scripted)]).await
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
            let mut locked = clients::lock(&mut tx, client_id).await?;
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
}
