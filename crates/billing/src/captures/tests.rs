use std::sync::Arc;

use kernel::{Cycle, Timestamp};
use platform::runs::Progress;
use testkit::Engine;

use super::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::pay_methods::MakeDefault;
use crate::testing::{Company, Scripted, date, usd};

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
}
