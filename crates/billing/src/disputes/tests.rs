use std::sync::Arc;

use platform::params;
use serde_json::{Value, json};
use testkit::Engine;

use super::*;
use crate::testing::doors::Doors;
use crate::testing::{Company, SIGNATURE, Scripted};

/// A client whose invoice of 50.00 was paid by the payment `ch_1`.
struct Desk {
    company: Company,
    doors: Doors,
}

async fn open(engine: Engine) -> Desk {
    let company = Company::with_gateways(engine, vec![Arc::new(Scripted::default())]).await;
    let client = company.client("ada@example.com").await;
    company.owed(&client, "50.00").await;
    let doors = Doors::of(&company).await;
    let fields = [("invoiceid", "1"), ("transid", "ch_1"), ("gateway", "sandbox"), ("date", "2026-01-15")];
    assert_eq!(doors.action("AddInvoicePayment", &fields).await["result"], "success");
    Desk { company, doors }
}

impl Desk {
    async fn event(&self, id: &str, state: &str, more: Value) {
        let mut event = json!({
            "id": id, "kind": "dispute", "dispute": "dp_1", "payment": "ch_1", "amount": "50.00", "state": state,
        });
        for (key, value) in more.as_object().unwrap() {
            event[key] = value.clone();
        }
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let path = "/gateways/sandbox/webhook";
        let reply = self.doors.send("POST", path, "application/json", &signed, event.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        platform::jobs::drain(&self.company.app).await.unwrap();
    }

    async fn one(&self) -> Dispute {
        disputes_of(&mut self.company.app.db.read().await.unwrap(), 1).await.unwrap().remove(0)
    }

    async fn account(&self, account: &str) -> i64 {
        let mut conn = self.company.app.db.read().await.unwrap();
        let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_postings WHERE account = $1";
        conn.scalar(sql, params![account]).await.unwrap()
    }
}

async fn disputes_of(conn: &mut platform::Conn, invoice_id: i64) -> kernel::Result<Vec<Dispute>> {
    let sql = format!("SELECT {} FROM disputes WHERE invoice_id = $1 ORDER BY id", Dispute::columns(""));
    conn.all(&sql, platform::params![invoice_id]).await
}

testkit::both_engines! {
    with = open;

    async fn a_dispute_is_seen_where_staff_look(desk: Desk) {
        desk.event("evt_1", "open", json!({})).await;
        desk.doors.get("/admin/invoices/1").await.shows(&["Dispute over 50.00 USD: open", "Product not received", "Give evidence at the gateway", "disputes 50.00 USD"]);
        desk.doors.get("/admin/payments/disputes?state=open").await.shows(&["dp_1", "2026-02-01", "Product not received"]);
        desk.doors.get("/admin/payments/disputes?state=won").await.shows(&["No disputes here"]);
        let listed = desk.doors.api("GET", "/disputes?state=open", json!(null)).await.json();
        assert_eq!((&listed["total"], &listed["items"][0]["invoice_id"]), (&json!(1), &json!(1)));
        assert_eq!(desk.doors.api("GET", "/disputes?state=odd", json!(null)).await.status.as_u16(), 422);
        let work = crate::overview::work(&mut desk.company.app.db.read().await.unwrap(), desk.company.terms_today()).await.unwrap();
        assert_eq!(work.disputes, 1);
        // Nothing was taken yet, so nothing is booked.
        assert_eq!((desk.company.count("transactions").await, desk.account("clearing").await), (1, 5000));
        desk.company.is_sound().await;
    }

    async fn money_that_is_taken_and_given_back_is_booked_once_each(desk: Desk) {
        for id in ["evt_1", "evt_2", "evt_3"] {
            desk.event(id, "open", json!({ "withdrawn": "15.00" })).await;
        }
        assert_eq!(desk.company.count("transactions").await, 2);
        assert_eq!((desk.account("clearing").await, desk.account("fees").await), (-1500, 1500));
        desk.company.is_sound().await;
        for id in ["evt_4", "evt_5"] {
            desk.event(id, "won", json!({ "withdrawn": "15.00", "reinstated": "0.00" })).await;
        }
        assert_eq!(desk.company.count("transactions").await, 3);
        assert_eq!((desk.account("clearing").await, desk.account("other").await), (3500, 0));
        let dispute = desk.one().await;
        assert_eq!((dispute.state, dispute.withdrawn_id, dispute.reinstated_id), (DisputeState::Won, Some(2), Some(3)));
        assert!(dispute.closed_at.is_some());
        desk.doors.get("/admin/transactions/2").await.shows(&["Dispute of payment 1: money withdrawn"]);
        // The invoice was and is paid.
        assert_eq!(desk.company.invoice_state(1).await.0, crate::invoices::InvoiceStatus::Paid);
        desk.company.is_sound().await;
    }

    async fn news_may_overtake_each_other(desk: Desk) {
        desk.event("evt_1", "lost", json!({ "withdrawn": "15.00" })).await;
        desk.event("evt_2", "open", json!({})).await;
        let dispute = desk.one().await;
        assert_eq!((dispute.state, dispute.status.as_str()), (DisputeState::Lost, "lost"));
        // The money that comes back is told first, the taking never.
        desk.event("evt_3", "won", json!({ "dispute": "dp_2", "reinstated": "0.00" })).await;
        let all = disputes_of(&mut desk.company.app.db.read().await.unwrap(), 1).await.unwrap();
        assert!(all[1].withdrawn_id.is_some() && all[1].reinstated_id.is_some(), "{all:?}");
        // 50.00 came, 50.00 and the fee were lost.
        assert_eq!(desk.account("clearing").await, -1500);
        desk.doors.get("/admin/invoices/1").await.shows(&["Dispute over 50.00 USD: lost", "stays paid until you say otherwise"]);
        desk.company.is_sound().await;
    }

    async fn a_dispute_of_an_unknown_payment_is_recorded_and_parked(desk: Desk) {
        desk.event("evt_1", "open", json!({ "payment": "ch_of_somebody", "withdrawn": "0.00" })).await;
        desk.doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_1", "a payment that is not ours"]);
        desk.doors.get("/admin/payments/disputes").await.shows(&["ch_of_somebody"]);
        assert_eq!(desk.account("clearing").await, 0);
        desk.company.is_sound().await;
    }

    // Stripe gives the fee of a dispute back in some countries when it is won.
    async fn a_fee_that_comes_back_is_booked(desk: Desk) {
        for (id, state, reinstated) in [("evt_1", "open", None), ("evt_2", "won", Some("-15.00")), ("evt_3", "won", Some("-15.00"))] {
            desk.event(id, state, json!({ "withdrawn": "15.00", "reinstated": reinstated })).await;
        }
        desk.doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_1", "evt_2", "evt_3"]);
        let dispute = desk.one().await;
        assert_eq!((dispute.state, dispute.reinstated_id), (DisputeState::Won, Some(3)));
        assert_eq!((desk.account("clearing").await, desk.account("fees").await, desk.account("other").await), (5000, 0, 0));
        desk.doors.get("/admin/transactions/3").await.shows(&["money given back", "-15.00"]);
        desk.doors.get("/admin/transactions").await.shows(&["Dispute of payment 1: money given back"]);
        let back = desk.doors.api("GET", "/transactions/3", json!(null)).await.json();
        assert_eq!((back["amount_in"].as_str(), back["fees"].as_str()), (Some("50.00"), Some("-15.00")), "{back}");
        // By hand it stays what it was: a mistake.
        let typed = json!({ "gateway": "sandbox", "currency": "USD", "amount_in": "50.00", "fees": "-15.00" });
        assert_eq!(desk.doors.api("POST", "/transactions", typed).await.status, 422);
        desk.company.is_sound().await;
    }

    async fn what_the_gateway_took_is_not_voided_or_renamed(desk: Desk) {
        desk.event("evt_1", "won", json!({ "withdrawn": "15.00", "reinstated": "0.00" })).await;
        for id in [2, 3] {
            let path = format!("/transactions/{id}");
            let voided = desk.doors.api("POST", &format!("{path}/void"), json!({})).await;
            assert!(voided.status != 200 && voided.text.contains("The gateway reported this"), "{}", voided.text);
            let renamed = desk.doors.api("PATCH", &path, json!({ "reference": "mine" })).await;
            assert!(renamed.status != 200 && renamed.text.contains("The gateway reported this"), "{}", renamed.text);
        }
        desk.event("evt_2", "won", json!({ "withdrawn": "15.00", "reinstated": "0.00" })).await;
        assert_eq!((desk.company.count("transactions").await, desk.account("other").await), (3, 0));
        desk.company.is_sound().await;
    }

    async fn money_that_staff_recorded_before_is_that_of_the_dispute(desk: Desk) {
        let typed = json!({ "gateway": "sandbox", "currency": "USD", "amount_out": "50.00", "fees": "15.00", "reference": "dp_1" });
        assert_eq!(desk.doors.api("POST", "/transactions", typed).await.status, 201);
        for id in ["evt_1", "evt_2"] {
            desk.event(id, "lost", json!({ "withdrawn": "15.00" })).await;
        }
        let dispute = desk.one().await;
        assert_eq!((dispute.state, dispute.withdrawn_id), (DisputeState::Lost, Some(2)));
        assert_eq!((desk.company.count("transactions").await, desk.account("clearing").await), (2, -1500));
        assert_ne!(desk.doors.api("POST", "/transactions/2/void", json!({})).await.status, 200, "it is the gateway's by now");
        desk.company.is_sound().await;
    }

    async fn another_amount_under_its_id_is_for_staff_to_put_right(desk: Desk) {
        let typed = json!({ "gateway": "sandbox", "currency": "USD", "amount_out": "49.00", "reference": "dp_1" });
        assert_eq!(desk.doors.api("POST", "/transactions", typed).await.status, 201);
        desk.event("evt_1", "lost", json!({ "withdrawn": "15.00" })).await;
        desk.doors.get("/admin/payments/webhooks?state=parked").await.shows(&["evt_1", "50.00 USD was taken is not booked: transaction 2", "Apply again"]);
        let dispute = desk.one().await;
        assert_eq!((dispute.state, dispute.withdrawn_id), (DisputeState::Lost, None), "the dispute is seen");
        let voided = desk.doors.api("POST", "/transactions/2/void", json!({})).await;
        assert_eq!(voided.status, 200, "{}", voided.text);
        assert_eq!(desk.doors.post("/admin/payments/webhooks/1/retry", &[]).await.status, 303);
        platform::jobs::drain(&desk.company.app).await.unwrap();
        desk.doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_1"]);
        assert_eq!((desk.one().await.withdrawn_id, desk.account("clearing").await), (Some(3), -1500));
        desk.company.is_sound().await;
    }
}
