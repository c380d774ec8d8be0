use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use accounts::clients;
use platform::params;

use super::outcome::{Asking, ask, conclude};
use super::*;
use crate::captures;
use crate::gateways::{GatewayError, RefundOutcome};
use crate::pay_methods::{self, MakeDefault};
use crate::testing::doors::Doors;
use crate::testing::{Company, SIGNATURE, Scripted, usd};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::new(Scripted::default())]).await
}

/// An invoice of 50.00 and a payment by the sandbox whose id says what a refund of it will meet.
async fn paid(company: &Company, external_id: &str, amount: &str) -> (Doors, clients::Client) {
    let client = company.client("ada@example.com").await;
    company.owed(&client, "50.00").await;
    let doors = Doors::of(company).await;
    let fields = [
        ("invoiceid", "1"),
        ("transid", external_id),
        ("gateway", "sandbox"),
        ("date", "2026-01-15"),
        ("amount", amount),
    ];
    assert_eq!(doors.action("AddInvoicePayment", &fields).await["result"], "success");
    (doors, client)
}

async fn one(company: &Company) -> Refund {
    find(&mut company.app.db.read().await.unwrap(), 1).await.unwrap()
}

async fn later(company: &Company, seconds: i64) {
    let now = company.app.clock.now();
    company.app.clock.set(now.plus_seconds(seconds));
    platform::jobs::drain(&company.app).await.unwrap();
}

fn form<'a>(once: &'a str, source: &'a str, amount: &'a str, method: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("once", once), ("source", source), ("amount", amount), ("method", method), ("reason", "Sorry")]
}

async fn ledger_of(company: &Company, account: &str) -> i64 {
    let mut conn = company.app.db.read().await.unwrap();
    conn.scalar(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_postings WHERE account = $1",
        params![account],
    )
    .await
    .unwrap()
}

testkit::both_engines! {
    with = open;

    async fn credit_goes_back_by_the_gateway_once(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "60.00").await;
        let page = doors.get("/admin/transactions/1/refund").await;
        page.shows(&["Credit of the client, up to 10.00 USD", "Paid invoice 1, up to 50.00 USD, with a credit note"]);
        let once = page.once();
        let path = "/admin/transactions/1/refund";
        let fields = form(&once, "credit", "4.00", "gateway");
        let presses = futures::future::join(doors.post(path, &fields), doors.post(path, &fields)).await;
        assert_eq!((presses.0.status.as_u16(), presses.1.status.as_u16()), (303, 303), "{presses:?}");
        assert_eq!(company.credit_of(&client).await, "6.00");
        assert_eq!((company.count("refunds").await, company.count("transactions").await), (1, 2));
        // 60.00 came and 4.00 went.
        assert_eq!(ledger_of(&company, "clearing").await, 5600);
        let refund = one(&company).await;
        assert_eq!((refund.state, refund.refund_transaction_id), (RefundState::Succeeded, Some(2)));
        doors.get("/admin/transactions/1").await.shows(&["Refunds", "4.00 USD", "Succeeded"]);
        doors.get("/admin/transactions/2").await.shows(&["Refund of", "Sorry"]);
        let too_much = doors.post(path, &form("k", "credit", "6.01", "gateway")).await;
        assert_eq!(too_much.status.as_u16(), 422);
        assert!(too_much.text.contains("At most 6.00 USD"), "{}", too_much.text);
        doors.post(path, &form("l", "credit", "6.00", "manual")).await;
        let nothing = doors.post(path, &form("m", "credit", "0.01", "manual")).await;
        assert_eq!(nothing.status.as_u16(), 422);
        company.is_sound().await;
        // Its job finds nothing left to ask.
        later(&company, 3600).await;
        assert_eq!(company.count("transactions").await, 3);
        company.is_sound().await;
    }

    // Worked example 40: the refund of a paid invoice has its note.
    async fn a_paid_invoice_is_refunded_with_a_credit_note(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "50.00").await;
        let path = "/admin/transactions/1/refund";
        let part = doors.post(path, &form("a", "1", "20.00", "gateway")).await;
        assert_eq!(part.status.as_u16(), 303, "{}", part.text);
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Paid, "0.00".to_owned()));
        assert_eq!((company.count("credit_notes").await, company.credit_of(&client).await), (1, "0.00".to_owned()));
        let rest = doors.api_once("/transactions/1/refunds", "key", json!({ "amount": "30.00", "invoice_id": 1, "reason": "All of it" })).await;
        assert_eq!((rest.status.as_u16(), &rest.json()["state"]), (201, &json!("succeeded")), "{}", rest.text);
        let again = doors.api_once("/transactions/1/refunds", "key", json!({ "amount": "30.00", "invoice_id": 1, "reason": "All of it" })).await;
        assert_eq!(again.json()["id"], rest.json()["id"]);
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Refunded, "0.00".to_owned()));
        assert_eq!(ledger_of(&company, "clearing").await, 0);
        assert_eq!(ledger_of(&company, "revenue").await, 0);
        doors.get("/admin/transactions/1/refund").await.shows(&["Nothing is left to refund"]);
        let listed = doors.api("GET", "/transactions/1/refunds", json!(null)).await.json();
        assert_eq!((&listed["total"], &listed["items"][1]["credit_note_id"]), (&json!(2), &json!(2)));
        company.is_sound().await;
    }

    // Worked example 40, its end: no note while the invoice is open.
    async fn an_open_invoice_is_owed_again(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "20.00").await;
        doors.get("/admin/transactions/1/refund").await.shows(&["Open invoice 1, up to 20.00 USD; it is owed again"]);
        doors.post("/admin/transactions/1/refund", &form("a", "1", "15.00", "manual")).await;
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Unpaid, "45.00".to_owned()));
        assert_eq!(company.count("credit_notes").await, 0);
        company.is_sound().await;
        doors.post("/admin/transactions/1/refund", &form("b", "1", "5.00", "credit")).await;
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Unpaid, "50.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "5.00");
        company.is_sound().await;
        // What became credit can go back like any other.
        let reply = doors.post("/admin/transactions/1/refund", &form("c", "credit", "5.00", "gateway")).await;
        assert_eq!(reply.status.as_u16(), 303, "{}", reply.text);
        assert_eq!(ledger_of(&company, "clearing").await, 0);
        company.is_sound().await;
    }

    async fn a_paid_invoice_can_become_credit(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "50.00").await;
        doors.post("/admin/transactions/1/refund", &form("a", "1", "50.00", "credit")).await;
        assert_eq!((company.credit_of(&client).await, company.count("credit_notes").await), ("50.00".to_owned(), 1));
        company.is_sound().await;
        doors.post("/admin/transactions/1/refund", &form("b", "credit", "50.00", "gateway")).await;
        assert_eq!((company.credit_of(&client).await, ledger_of(&company, "clearing").await), ("0.00".to_owned(), 0));
        company.is_sound().await;
    }

    async fn a_refused_refund_is_credit_again(company: Company) {
        let (doors, client) = paid(&company, "refused", "60.00").await;
        let reply = doors.post("/admin/transactions/1/refund", &form("a", "credit", "10.00", "gateway")).await;
        assert!(reply.flash.contains("bad"), "{reply:?}");
        assert_eq!(company.credit_of(&client).await, "10.00");
        assert_eq!((one(&company).await.state, company.count("transactions").await), (RefundState::Failed, 1));
        doors.get("/admin/transactions/1").await.shows(&["The card account was closed."]);
        company.is_sound().await;
        // It does not count against the payment.
        doors.post("/admin/transactions/1/refund", &form("b", "credit", "10.00", "manual")).await;
        assert_eq!(company.credit_of(&client).await, "0.00");
        company.is_sound().await;
    }

    async fn a_refused_refund_of_an_open_invoice_settles_it_again(company: Company) {
        let (doors, client) = paid(&company, "refused", "20.00").await;
        doors.post("/admin/transactions/1/refund", &form("a", "1", "20.00", "gateway")).await;
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Unpaid, "30.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "0.00");
        company.is_sound().await;
    }

    // The client's card is being charged, with an answer that was lost, while the refund is refused.
    async fn a_refund_that_fails_while_the_invoice_is_charged_is_credit(company: Company) {
        let (doors, client) = paid(&company, "refused", "20.00").await;
        let (app, by) = (&company.app, &company.by);
        pay_methods::add(app, by, client.id, "sandbox", "timeout", "", MakeDefault::Yes).await.unwrap();
        let charged = captures::attempt(app, by, 1, None, None).await.unwrap();
        assert!(matches!(charged, captures::Ended::Unknown { .. }), "{charged:?}");
        let body = json!({ "amount": "20.00", "invoice_id": 1, "reason": "Sorry" });
        let first = doors.api_once("/transactions/1/refunds", "key", body.clone()).await;
        assert_eq!((first.status.as_u16(), &first.json()["state"]), (201, &json!("failed")), "{}", first.text);
        let again = doors.api_once("/transactions/1/refunds", "key", body).await;
        assert_eq!((again.status.as_u16(), &again.json()["id"], company.count("refunds").await), (201, &first.json()["id"], 1));
        assert_eq!((company.invoice_state(1).await.1, company.credit_of(&client).await), ("50.00".to_owned(), "20.00".to_owned()));
        company.is_sound().await;
        // The charge of 30.00 did come; the credit pays the rest.
        later(&company, 121).await;
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Unpaid, "20.00".to_owned()));
        assert_eq!(doors.action("ApplyCredit", &[("invoiceid", "1"), ("amount", "20.00")]).await["result"], "success");
        assert_eq!((company.invoice_state(1).await.0, company.credit_of(&client).await), (InvoiceStatus::Paid, "0.00".to_owned()));
        company.is_sound().await;
    }

    // Begun, and then something breaks between us and the gateway.
    async fn a_refund_that_is_begun_is_never_answered_as_refused(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "60.00").await;
        let gateway = async |config: &str| {
            let mut tx = company.app.db.write().await.unwrap();
            tx.execute("UPDATE gateways SET config = $1 WHERE name = 'sandbox'", params![config]).await.unwrap();
            tx.commit().await.unwrap();
        };
        gateway("not JSON").await;
        let body = json!({ "amount": "10.00", "reason": "Sorry" });
        for _ in 0..2 {
            let reply = doors.api_once("/transactions/1/refunds", "key", body.clone()).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["state"]), (201, &json!("intent")), "{}", reply.text);
        }
        let page = doors.post("/admin/transactions/1/refund", &form("a", "credit", "10.00", "gateway")).await;
        assert_eq!(page.status.as_u16(), 422, "{}", page.text);
        assert_eq!((company.count("refunds").await, company.credit_of(&client).await), (1, "0.00".to_owned()));
        company.is_sound().await;
        gateway("{}").await;
        later(&company, 121).await;
        assert_eq!((one(&company).await.state, company.count("transactions").await), (RefundState::Succeeded, 2));
        company.is_sound().await;
    }

    // A crash after the provider carried it out and before we wrote it down.
    async fn a_refund_left_in_the_middle_is_resolved(company: Company) {
        let (_, client) = paid(&company, "ch_1", "60.00").await;
        let mut tx = company.app.db.write().await.unwrap();
        let terms = company.terms().await;
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let new = NewRefund {
            transaction_id: 1,
            source: Source::Credit,
            amount: usd("10.00"),
            method: Method::Gateway,
            reference: String::new(),
            reason: String::new(),
        };
        begin(&mut locked, &company.app, &company.by, &terms, new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((one(&company).await.state, company.credit_of(&client).await), (RefundState::Intent, "0.00".to_owned()));
        company.is_sound().await;
        conclude(&company.app, 1, Err(GatewayError::Unknown("timed out".to_owned()))).await.unwrap();
        assert_eq!(one(&company).await.state, RefundState::Unknown);
        company.is_sound().await;
        later(&company, 121).await;
        assert_eq!(one(&company).await.state, RefundState::Succeeded);
        for _ in 0..3 {
            let answer = Ok(RefundOutcome::Succeeded { external_id: "re_again".to_owned() });
            conclude(&company.app, 1, answer).await.unwrap();
        }
        assert_eq!(company.count("transactions").await, 2);
        company.is_sound().await;
    }

    // “Not sent” is final at the first call only: later it is true of the question, not of the refund.
    async fn a_gateway_that_is_busy_is_asked_again(company: Company) {
        let (doors, client) = paid(&company, "busy", "60.00").await;
        doors.post("/admin/transactions/1/refund", &form("a", "credit", "10.00", "gateway")).await;
        assert_eq!((one(&company).await.state, company.credit_of(&client).await), (RefundState::Failed, "10.00".to_owned()));
        let mut tx = company.app.db.write().await.unwrap();
        let terms = company.terms().await;
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let new = NewRefund {
            transaction_id: 1,
            source: Source::Credit,
            amount: usd("10.00"),
            method: Method::Gateway,
            reference: String::new(),
            reason: String::new(),
        };
        let begun = begin(&mut locked, &company.app, &company.by, &terms, new).await.unwrap();
        tx.commit().await.unwrap();
        let asked = ask(&company.app, begun.id, Asking::Again).await.unwrap();
        assert_eq!(asked.state, RefundState::Unknown);
        company.is_sound().await;
    }

    async fn a_pending_refund_is_settled_by_the_gateways_event(company: Company) {
        let (doors, client) = paid(&company, "pending", "60.00").await;
        doors.post("/admin/transactions/1/refund", &form("a", "credit", "10.00", "gateway")).await;
        let refund = one(&company).await;
        assert_eq!((refund.state, company.credit_of(&client).await), (RefundState::Pending, "0.00".to_owned()));
        company.is_sound().await;
        let event = |id: &str, refund: &str| json!({ "id": id, "kind": "refunded", "payment": "pending", "refund": refund, "amount": "10.00" }).to_string();
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let path = "/gateways/sandbox/webhook";
        doors.send("POST", path, "application/json", &signed, event("evt_1", &refund.external_id.unwrap())).await;
        doors.send("POST", path, "application/json", &signed, event("evt_2", "re_of_somebody")).await;
        later(&company, 1).await;
        doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_1"]);
        doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_2", "Record it by hand"]);
        company.is_sound().await;
    }

    async fn what_cannot_be_refunded_is_refused(company: Company) {
        let (doors, _) = paid(&company, "ch_1", "60.00").await;
        let charge = [("paymentmethod", "banktransfer"), ("currencyid", "1"), ("amountout", "3.00"), ("description", "Bank")];
        doors.action("AddTransaction", &charge).await;
        let path = "/transactions/1/refunds";
        for (path, body, status) in [
            (path, json!({ "amount": "61", "reason": "x" }), 422),
            (path, json!({ "amount": "0", "reason": "x" }), 422),
            (path, json!({ "amount": "-1", "reason": "x" }), 422),
            (path, json!({ "amount": "1" }), 422),
            (path, json!({ "amount": "1", "reason": "x", "method": "prayer" }), 422),
            (path, json!({ "amount": "1", "reason": "x", "method": "credit" }), 409),
            (path, json!({ "amount": "1", "reason": "x", "invoice_id": 77 }), 409),
            ("/transactions/2/refunds", json!({ "amount": "1", "reason": "x" }), 409),
            ("/transactions/9/refunds", json!({ "amount": "1", "reason": "x" }), 404),
        ] {
            let reply = doors.api("POST", path, body.clone()).await;
            assert_eq!(reply.status.as_u16(), status, "{body} {}", reply.text);
        }
        assert_eq!(company.count("refunds").await, 0);
        // Credit that was used elsewhere is not there to be paid out.
        let client = clients::find(&mut company.app.db.read().await.unwrap(), 1).await.unwrap();
        company.owed(&client, "10.00").await;
        doors.action("ApplyCredit", &[("invoiceid", "2"), ("amount", "10")]).await;
        assert_eq!(doors.api("POST", path, json!({ "amount": "1", "reason": "x" })).await.status.as_u16(), 409);
        company.is_sound().await;
    }

    async fn ten_equal_refunds_at_once_send_money_once(company: Company) {
        let (doors, client) = paid(&company, "ch_1", "60.00").await;
        let body = json!({ "amount": "10.00", "reason": "x" });
        let calls = (0..10).map(|_| doors.api_once("/transactions/1/refunds", "key", body.clone()));
        let replies = futures::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status.as_u16())), "{replies:?}");
        // Different keys: the second finds no credit left.
        let calls = (0..5).map(|_| doors.api("POST", "/transactions/1/refunds", body.clone()));
        for reply in futures::future::join_all(calls).await {
            assert_eq!(reply.status.as_u16(), 409, "{}", reply.text);
        }
        assert_eq!((company.count("transactions").await, company.credit_of(&client).await), (2, "0.00".to_owned()));
        company.is_sound().await;
    }

    // The answer of the first call was lost: the gateway is asked before anything is sent again.
    async fn a_refund_whose_answer_was_lost_is_looked_up_first(company: Company) {
        let (_, client) = paid(&company, "found", "60.00").await;
        begun(&company, &client).await;
        assert_eq!(ask(&company.app, 1, Asking::Again).await.unwrap().state, RefundState::Succeeded);
        assert_eq!((company.count("transactions").await, company.credit_of(&client).await), (2, "0.00".to_owned()));
        company.is_sound().await;
    }

    async fn a_refund_that_cannot_be_looked_up_is_not_sent_again(company: Company) {
        let (_, client) = paid(&company, "mute", "60.00").await;
        begun(&company, &client).await;
        assert_eq!(ask(&company.app, 1, Asking::Again).await.unwrap().state, RefundState::Unknown);
        assert_eq!(company.count("transactions").await, 1);
        company.is_sound().await;
    }

    async fn an_event_tells_how_our_refund_ended(company: Company) {
        let (doors, client) = paid(&company, "pending", "60.00").await;
        for key in ["a", "b"] {
            doors.post("/admin/transactions/1/refund", &form(key, "credit", "5.00", "gateway")).await;
        }
        let mut conn = company.app.db.read().await.unwrap();
        let refunds = of_transaction(&mut conn, 1).await.unwrap();
        drop(conn);
        let told = async |id: &str, kind: &str, refund: &Refund, amount: &str| {
            let external_id = refund.external_id.clone().unwrap();
            let event = json!({
                "id": id, "kind": kind, "payment": "pending", "refund": external_id, "ours": refund.public_id, "amount": amount,
            });
            let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
            doors.send("POST", "/gateways/sandbox/webhook", "application/json", &signed, event.to_string()).await;
            later(&company, 1).await;
        };
        told("evt_0", "refunded", &refunds[0], "50.00").await;
        doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_0", "The gateway speaks of 50.00 USD"]);
        for id in ["evt_1", "evt_2"] {
            told(id, "refunded", &refunds[0], "5.00").await;
        }
        told("evt_3", "refund_failed", &refunds[1], "5.00").await;
        let states: Vec<RefundState> =
            of_transaction(&mut company.app.db.read().await.unwrap(), 1).await.unwrap().iter().map(|refund| refund.state).collect();
        assert_eq!(states, [RefundState::Succeeded, RefundState::Failed]);
        assert_eq!((company.credit_of(&client).await, company.count("transactions").await), ("5.00".to_owned(), 2));
        company.is_sound().await;
        // What fails after it was done is for somebody to look at; nothing is booked by itself.
        told("evt_4", "refund_failed", &refunds[0], "5.00").await;
        told("evt_5", "refunded", &refunds[1], "5.00").await;
        doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_4", "failed at the gateway afterwards", "evt_5", "Take the credit back"]);
        assert_eq!(company.count("transactions").await, 2);
        company.is_sound().await;
    }
}

/// A refund of 10.00 that is written and was not sent yet.
async fn begun(company: &Company, client: &clients::Client) {
    let mut tx = company.app.db.write().await.unwrap();
    let terms = company.terms().await;
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let new = NewRefund {
        transaction_id: 1,
        source: Source::Credit,
        amount: usd("10.00"),
        method: Method::Gateway,
        reference: String::new(),
        reason: String::new(),
    };
    begin(&mut locked, &company.app, &company.by, &terms, new).await.unwrap();
    tx.commit().await.unwrap();
}
