use std::sync::Arc;

use kernel::Cycle;
use platform::runs::Progress;
use serde_json::json;

use super::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::pay_methods::{self, MakeDefault};
use crate::payments::{self, Duplicate, NewPayment};
use crate::recurring;
use crate::testing::doors::Doors;
use crate::testing::{Company, Scripted, date, usd};
use crate::{captures, notes};

async fn pay(company: &Company, client_id: i64, amount: &str, reference: &str, invoices: &[i64]) -> i64 {
    let new = NewPayment {
        client_id,
        gateway: "banktransfer".to_owned(),
        external_id: reference.to_owned(),
        duplicate: Duplicate::Refuse,
        amount: usd(amount),
        fees: usd("0.50"),
        occurred_on: company.terms_today(),
        description: "Transfer".to_owned(),
        invoices: invoices.to_vec(),
    };
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client_id).await.unwrap();
    let recorded = payments::record(&mut locked, &company.by, new, company.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    recorded.transaction_id
}

async fn take_back(company: &Company, id: i64) -> Result<Transaction> {
    let mut tx = company.app.db.write().await?;
    let voided = void(&mut tx, &company.by, id, "Typed twice", company.app.clock.now()).await?;
    tx.commit().await?;
    Ok(voided)
}

async fn change(company: &Company, id: i64, change: TransactionEdit) -> Result<Transaction> {
    let mut tx = company.app.db.write().await?;
    let changed = edit(&mut tx, &company.by, id, change, company.app.clock.now()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The invoices that a run makes.
async fn generate(company: &Company) -> Vec<i64> {
    let terms = company.terms().await;
    let (scope, progress) = (Scope::default(), Progress::default());
    let detail = Detail::EveryInvoice;
    let report =
        generation::run(&company.app.db, &company.by, &terms, &scope, Mode::Real, detail, &progress).await.unwrap();
    report.made.iter().filter_map(|made| made.invoice.as_ref()).map(|issued| issued.id).collect()
}

async fn due(company: &Company) -> Date {
    let mut conn = company.app.db.read().await.unwrap();
    recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap().next_due_on
}

testkit::both_engines! {
    // Worked example 9: a payment that is taken back and recorded again moves the due date once.
    async fn a_voided_payment_is_owed_again_and_its_period_with_it(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let invoice = generate(&company).await[0];
        let payment = pay(&company, client.id, "10.00", "T-1", &[invoice]).await;
        assert_eq!((company.invoice_state(invoice).await.0, due(&company).await), (InvoiceStatus::Paid, date("2026-02-20")));
        let voided = take_back(&company, payment).await.unwrap();
        assert_eq!((voided.voided_at.is_some(), voided.void_reason.as_deref(), voided.external_id), (true, Some("Typed twice"), None));
        assert_eq!(company.invoice_state(invoice).await, (InvoiceStatus::Unpaid, "10.00".to_owned()));
        assert_eq!(due(&company).await, date("2026-01-20"));
        company.is_sound().await;
        // Once more is nothing; and nothing was deleted.
        let entries = company.count("ledger_entries").await;
        take_back(&company, payment).await.unwrap();
        assert_eq!((company.count("ledger_entries").await, company.count("transactions").await), (entries, 1));
        // The reference is free for the right one.
        pay(&company, client.id, "10.00", "T-1", &[invoice]).await;
        assert_eq!((company.invoice_state(invoice).await.0, due(&company).await), (InvoiceStatus::Paid, date("2026-02-20")));
        company.is_sound().await;
    }

    async fn a_later_period_that_is_paid_must_go_first(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let first = generate(&company).await[0];
        let one = pay(&company, client.id, "10.00", "T-1", &[first]).await;
        company.today("2026-02-18");
        let second = generate(&company).await[0];
        let two = pay(&company, client.id, "10.00", "T-2", &[second]).await;
        let refused = take_back(&company, one).await.unwrap_err();
        assert_eq!(refused.to_string(), "A later period of “Hosting 1” is paid. Take that payment back first.");
        assert_eq!(company.invoice_state(first).await.0, InvoiceStatus::Paid);
        take_back(&company, two).await.unwrap();
        assert_eq!(due(&company).await, date("2026-02-20"));
        take_back(&company, one).await.unwrap();
        assert_eq!(due(&company).await, date("2026-01-20"));
        company.is_sound().await;
    }

    // One transfer for January and February, on two invoices or on one that they were merged into.
    async fn a_payment_of_two_periods_is_voided_whole(company: Company) {
        company.set(&crate::settings::CONTINUOUS, "true").await;
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let first = generate(&company).await[0];
        company.today("2026-02-18");
        let second = generate(&company).await[0];
        for reference in ["T-1", "T-2"] {
            let both = pay(&company, client.id, "20.00", reference, &[first, second]).await;
            assert_eq!(due(&company).await, date("2026-03-20"));
            take_back(&company, both).await.unwrap();
            let owed = (InvoiceStatus::Unpaid, "10.00".to_owned());
            assert_eq!((company.invoice_state(first).await, company.invoice_state(second).await), (owed.clone(), owed));
            assert_eq!(due(&company).await, date("2026-01-20"));
            company.is_sound().await;
        }
        let terms = company.terms().await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let merged = invoices::rearrange::merge(&mut locked, &company.by, &terms, &[first, second]).await.unwrap().id;
        tx.commit().await.unwrap();
        let payment = pay(&company, client.id, "20.00", "T-3", &[merged]).await;
        assert_eq!(due(&company).await, date("2026-03-20"));
        // What is paid later must go first.
        company.today("2026-03-18");
        let third = generate(&company).await[0];
        let later = pay(&company, client.id, "10.00", "T-4", &[third]).await;
        let refused = take_back(&company, payment).await.unwrap_err().to_string();
        assert!(refused.contains("A later period of “Hosting 1” is paid"), "{refused}");
        assert_eq!(company.invoice_state(merged).await.0, InvoiceStatus::Paid);
        take_back(&company, later).await.unwrap();
        take_back(&company, payment).await.unwrap();
        assert_eq!((company.invoice_state(merged).await.0, due(&company).await), (InvoiceStatus::Unpaid, date("2026-01-20")));
        company.is_sound().await;
    }

    async fn what_became_credit_moves_with_its_payment(company: Company) {
        let client = company.client("ada@example.com").await;
        let invoice = company.owed(&client, "40.00").await;
        let payment = pay(&company, client.id, "60.00", "T-1", &[invoice]).await;
        // A part of the credit is given back, on that very day: it stays there.
        let doors = Doors::of(&company).await;
        let refund = json!({ "amount": "5.00", "method": "manual", "reason": "Gift" });
        let made = doors.api("POST", &format!("/transactions/{payment}/refunds"), refund).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let days = async || -> Vec<(i64, Date)> {
            let mut conn = company.app.db.read().await.unwrap();
            conn.all("SELECT amount, booked_on FROM credit_movements ORDER BY id", platform::params![]).await.unwrap()
        };
        let today = company.terms_today();
        assert_eq!(days().await, [(2000, today), (-500, today)]);
        for day in ["2026-01-10", "2026-01-12"] {
            let edit = TransactionEdit { occurred_on: Some(date(day)), ..TransactionEdit::default() };
            change(&company, payment, edit).await.unwrap();
            assert_eq!(days().await, [(2000, date(day)), (-500, today)]);
        }
        company.is_sound().await;
    }

    async fn a_change_of_the_rate_is_written_down(company: Company) {
        let client = company.client("ada@example.com").await;
        let payment = pay(&company, client.id, "40.00", "T-1", &[]).await;
        let doors = Doors::of(&company).await;
        let id = payment.to_string();
        for _ in 0..2 {
            let answer = doors.action("UpdateTransaction", &[("transactionid", &id), ("rate", "1.25")]).await;
            assert_eq!(answer["result"], "success", "{answer}");
            let mut conn = company.app.db.read().await.unwrap();
            assert_eq!(find(&mut conn, payment).await.unwrap().rate, "1.25");
            let entries = accounts::activity_log::about(&mut conn, &format!("transaction:{payment}")).await.unwrap();
            assert_eq!(entries.len(), 1, "the same again changes nothing");
            let changes = format!("{:?}", entries[0].changes());
            assert!(changes.contains("rate") && changes.contains("1.25") && changes.contains('1'), "{changes}");
        }
        let wrong = doors.refused("UpdateTransaction", &[("transactionid", &id), ("rate", "0")]).await;
        assert!(wrong.contains("such as 0.92"), "{wrong}");
        take_back(&company, payment).await.unwrap();
        assert_eq!(doors.refused("UpdateTransaction", &[("transactionid", &id), ("rate", "1.5")]).await, VOIDED);
        company.is_sound().await;
    }

    async fn what_became_credit_is_taken_from_the_credit_or_refused(company: Company) {
        let client = company.client("ada@example.com").await;
        let one = company.owed(&client, "40.00").await;
        let payment = pay(&company, client.id, "60.00", "T-1", &[one]).await;
        assert_eq!(company.credit_of(&client).await, "20.00");
        let two = company.owed(&client, "15.00").await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        credits::apply(&mut locked, &company.by, two, usd("15.00"), date("2026-01-15"), company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let refused = take_back(&company, payment).await.unwrap_err().to_string();
        assert!(refused.contains("20.00 USD of the payment became credit") && refused.contains("only 5.00 USD is left"), "{refused}");
        let other = pay(&company, client.id, "30.00", "T-2", &[]).await;
        take_back(&company, payment).await.unwrap();
        assert_eq!((company.invoice_state(one).await, company.credit_of(&client).await), ((InvoiceStatus::Unpaid, "40.00".to_owned()), "15.00".to_owned()));
        // Twenty of the other's thirty went with it: it cannot go whole any more.
        assert!(matches!(take_back(&company, other).await, Err(Error::Refused(_))));
        company.is_sound().await;
    }

    async fn only_what_staff_recorded_is_voided(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        // Cancelled since: its money is credit by now.
        let cancelled = company.owed(&client, "10.00").await;
        let payment = pay(&company, client.id, "10.00", "T-1", &[cancelled]).await;
        let terms = company.terms().await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        notes::cancel(&mut locked, &company.by, &terms, cancelled, "").await.unwrap();
        tx.commit().await.unwrap();
        let refused = take_back(&company, payment).await.unwrap_err().to_string();
        assert!(refused.contains("which is cancelled by now"), "{refused}");
        // Given back in part.
        let invoice = company.owed(&client, "20.00").await;
        let given = pay(&company, client.id, "20.00", "T-2", &[invoice]).await;
        let refund = json!({ "amount": "5.00", "method": "manual", "reason": "Gift", "invoice_id": invoice });
        let made = doors.api("POST", &format!("/transactions/{given}/refunds"), refund).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert!(take_back(&company, given).await.unwrap_err().to_string().contains("refunded"));
        let out = made.json()["refund_transaction_id"].as_i64().unwrap_or(given + 1);
        assert!(take_back(&company, out).await.unwrap_err().to_string().contains("refund cannot be voided"));
        company.is_sound().await;
    }

    async fn words_and_dates_are_corrected_and_the_ledger_follows(company: Company) {
        let client = company.client("ada@example.com").await;
        let invoice = company.owed(&client, "40.00").await;
        let payment = pay(&company, client.id, "40.00", "T-1", &[invoice]).await;
        let other = pay(&company, client.id, "1.00", "T-2", &[]).await;
        let wrong = TransactionEdit { reference: Some("T-2".to_owned()), ..TransactionEdit::default() };
        assert!(matches!(change(&company, payment, wrong).await, Err(Error::Conflict(_))));
        let right = TransactionEdit {
            reference: Some("T-9".to_owned()),
            occurred_on: Some(date("2026-01-10")),
            description: Some("Cash".to_owned()),
            rate: None,
        };
        let changed = change(&company, payment, right.clone()).await.unwrap();
        assert_eq!((changed.reference.as_str(), changed.external_id.as_deref(), changed.occurred_on), ("T-9", Some("T-9"), date("2026-01-10")));
        let on = async |day: &str| -> i64 {
            let mut conn = company.app.db.read().await.unwrap();
            let sql = "SELECT CAST(COALESCE(SUM(p.amount), 0) AS BIGINT) FROM ledger_postings p \
                       JOIN ledger_entries e ON e.id = p.entry_id WHERE p.account = 'clearing' AND e.booked_on = $1";
            conn.scalar(sql, params![day]).await.unwrap()
        };
        assert_eq!((on("2026-01-15").await, on("2026-01-10").await), (50, 3950), "of the one that is left, and of the moved");
        change(&company, payment, TransactionEdit { occurred_on: Some(date("2026-01-12")), ..right.clone() }).await.unwrap();
        assert_eq!((on("2026-01-10").await, on("2026-01-12").await), (0, 3950));
        let entries = accounts::activity_log::about(&mut company.app.db.read().await.unwrap(), &format!("transaction:{payment}")).await.unwrap();
        assert_eq!(entries[0].changes().len(), 1);
        take_back(&company, payment).await.unwrap();
        assert!(matches!(change(&company, payment, right).await, Err(Error::Refused(_))));
        take_back(&company, other).await.unwrap();
        company.is_sound().await;
    }

    async fn what_belongs_to_no_client_is_voided_too(company: Company) {
        let doors = Doors::of(&company).await;
        let new = json!({ "gateway": "banktransfer", "currency": "USD", "amount_out": "3.00", "description": "Bank charge", "reference": "B-1" });
        let id = doors.api("POST", "/transactions", new.clone()).await.json()["id"].as_i64().unwrap();
        let voided = doors.api("POST", &format!("/transactions/{id}/void"), json!({ "reason": "Wrong account" })).await;
        assert_eq!((voided.status.as_u16(), voided.json()["void_reason"].as_str()), (200, Some("Wrong account")), "{}", voided.text);
        assert_eq!(doors.api("POST", "/transactions", new).await.status, 201, "its reference is free");
        company.is_sound().await;
    }

    async fn every_door_corrects(company: Company) {
        let client = company.client("ada@example.com").await;
        let invoice = company.owed(&client, "40.00").await;
        let payment = pay(&company, client.id, "40.00", "T-1", &[invoice]).await;
        let doors = Doors::of(&company).await;
        let path = format!("/admin/transactions/{payment}");
        doors.get(&path).await.shows(&["Edit", "Void"]);
        doors.get(&format!("{path}/edit")).await.shows(&["T-1", "Transfer"]);
        let saved = doors.post(&format!("{path}/edit"), &[("reference", "T-5"), ("date", "2026-01-14"), ("description", "By bank")]).await;
        assert_eq!((saved.status.as_u16(), saved.to.as_str()), (303, path.as_str()), "{}", saved.text);
        let wrong = doors.post(&format!("{path}/edit"), &[("reference", "T-6"), ("date", "soon"), ("description", "By bank")]).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("T-6") && wrong.text.contains("soon"), "{}", wrong.text);
        let changed = doors.api("PATCH", &format!("/transactions/{payment}"), json!({ "description": "By post" })).await.json();
        assert_eq!((changed["reference"].as_str(), changed["description"].as_str()), (Some("T-5"), Some("By post")));
        let id = payment.to_string();
        let answer = doors.action("UpdateTransaction", &[("transactionid", &id), ("transid", "T-7"), ("amountin", "40.00")]).await;
        assert_eq!((answer["result"].as_str(), answer["transactionid"].as_i64()), (Some("success"), Some(payment)), "{answer}");
        assert_eq!(doors.refused("UpdateTransaction", &[("transactionid", &id), ("amountin", "41.00")]).await, "amountin of a recorded transaction does not change. Void the transaction and record it anew.");
        assert_eq!(doors.refused("UpdateTransaction", &[("transactionid", "99")]).await, "Transaction ID Not Found");
        doors.get(&format!("{path}/void")).await.shows(&["Owed again on invoice", "40.00 USD"]);
        doors.post(&format!("{path}/void"), &[("reason", "Mistake")]).await;
        doors.get(&path).await.shows(&["Voided", "Mistake"]);
        doors.get("/admin/transactions").await.shows(&["Voided"]);
        assert_eq!(doors.action("GetTransactions", &[]).await["totalresults"].as_i64(), Some(0), "there it is gone");
        assert_eq!(company.invoice_state(invoice).await.0, InvoiceStatus::Unpaid);
        company.is_sound().await;
    }
}

async fn with_cards(engine: testkit::Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::<Scripted>::default()]).await
}

testkit::both_engines! {
    with = with_cards;

    async fn what_the_gateway_reported_stays(company: Company) {
        let client = company.client("ada@example.com").await;
        let invoice = company.owed(&client, "10.00").await;
        pay_methods::add(&company.app, &company.by, client.id, "sandbox", "ok", "", MakeDefault::Yes).await.unwrap();
        captures::attempt_now(&company.app, &company.by, invoice).await.unwrap();
        let refused = take_back(&company, 1).await.unwrap_err().to_string();
        assert!(refused.contains("Refund it instead"), "{refused}");
        let edit = TransactionEdit { reference: Some("mine".to_owned()), ..TransactionEdit::default() };
        assert!(matches!(change(&company, 1, edit).await, Err(Error::Refused(_))));
        let edit = TransactionEdit { description: Some("Card".to_owned()), ..TransactionEdit::default() };
        assert_eq!(change(&company, 1, edit).await.unwrap().description, "Card");
        company.is_sound().await;
    }
}
