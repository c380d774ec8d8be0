use serde_json::json;

use super::*;
use crate::testing::Company;
use crate::testing::doors::Doors;

async fn with_credit(company: &Company, amount: &str) -> (Doors, clients::Client) {
    let client = company.client("ada@example.com").await;
    let doors = Doors::of(company).await;
    let answer = doors.action("AddCredit", &[("clientid", "1"), ("description", "A gift"), ("amount", amount)]).await;
    assert_eq!((&answer["result"], &answer["newbalance"]), (&json!("success"), &json!(amount)));
    (doors, client)
}

testkit::both_engines! {
    // Worked example 21, in the order in which the reference documents the checks.
    async fn applying_credit_is_guarded(company: Company) {
        let (doors, client) = with_credit(&company, "30.00").await;
        let invoice = company.owed(&client, "20.00").await.to_string();
        for (amount, words) in [
            ("25", "Amount Exceeds Invoice Balance"),
            ("40", "Amount exceeds customer credit balance"),
            ("0", "Credit Amount to apply must be greater than zero"),
            ("-1", "Credit Amount to apply must be greater than zero"),
        ] {
            assert_eq!(doors.refused("ApplyCredit", &[("invoiceid", &invoice), ("amount", amount)]).await, words);
        }
        assert_eq!(doors.refused("ApplyCredit", &[("invoiceid", "99"), ("amount", "1")]).await, "Invoice ID Not Found");
        assert_eq!(company.credit_of(&client).await, "30.00");
        let answer = doors.action("ApplyCredit", &[("invoiceid", &invoice), ("amount", "20")]).await;
        assert_eq!(answer, json!({ "result": "success", "invoiceid": "1", "amount": "20.00", "invoicepaid": "true" }));
        assert_eq!(doors.refused("ApplyCredit", &[("invoiceid", &invoice), ("amount", "1")]).await, "Invoice Not in Unpaid Status");
        assert_eq!(company.credit_of(&client).await, "10.00");
        let listed = doors.action("GetCredits", &[("clientid", "1")]).await;
        assert_eq!(listed["totalresults"], 2);
        assert_eq!(listed["credits"]["credit"][1]["amount"], "-20.00");
        assert_eq!(listed["credits"]["credit"][1]["relid"], "1");
        company.is_sound().await;
    }

    async fn credit_is_moved_by_those_who_may_and_by_the_rules(company: Company) {
        let (_, client) = with_credit(&company, "30.00").await;
        let invoice = company.owed(&client, "20.00").await;
        let (on, now) = (company.terms_today(), company.app.clock.now());
        let clerk = Actor { rights: activity_log::Rights::These(Default::default()), ..company.by.clone() };
        let usd = crate::testing::usd;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let refused = [
            adjust(&mut locked, &clerk, client.id, usd("1.00"), "x", on, now).await.map(|_| ()),
            apply(&mut locked, &clerk, invoice, usd("1.00"), on, now).await,
            withdraw(&mut locked, &clerk, invoice, usd("1.00"), on, now).await,
        ];
        assert!(refused.iter().all(|answer| matches!(answer, Err(Error::Forbidden("Manage Credits")))), "{refused:?}");
        // Whoever runs a batch need not be one who may give credit away.
        assert_eq!(apply_available(&mut locked, &clerk, invoice, on, now).await.unwrap(), usd("20.00"));
        tx.commit().await.unwrap();
        assert_eq!(company.credit_of(&client).await, "10.00");
    }

    async fn adding_credit_answers_in_the_documented_words(company: Company) {
        let (doors, client) = with_credit(&company, "30.00").await;
        let base = [("clientid", "1"), ("description", "x"), ("amount", "5.00")];
        let with = |name: &'static str, value: &'static str| {
            let mut fields: Vec<(&str, &str)> = base.iter().copied().filter(|(known, _)| *known != name).collect();
            fields.push((name, value));
            fields
        };
        for (fields, words) in [
            (with("type", "give"), "Type can only be add or remove"),
            (with("clientid", "7"), "Client ID Not Found"),
            (with("adminid", "7"), "Admin ID Not Found"),
            (with("amount", ""), "No Amount Provided"),
            (with("amount", "1,50"), "Amount must be in decimal format: ### or ###.##"),
            (with("amount", "99999999999999999999"), "Amount must be in decimal format: ### or ###.##"),
            (with("date", "tomorrow"), "Date Format is not Valid"),
        ] {
            assert_eq!(doors.refused("AddCredit", &fields).await, words);
        }
        let removal = with("type", "remove");
        assert_eq!(doors.action("AddCredit", &removal).await["newbalance"], "25.00");
        let mut too_much = with("amount", "26");
        too_much.push(("type", "remove"));
        assert!(doors.refused("AddCredit", &too_much).await.contains("25.00 USD of credit"));
        assert_eq!(doors.action("AddCredit", &with("date", "31/01/2026")).await["newbalance"], "30.00");
        let sums = doors.refused("AddCredit", &with("amount", "92000000000000000")).await;
        assert!(sums.contains("too large"), "{sums}");
        assert_eq!(company.credit_of(&client).await, "30.00");
        company.is_sound().await;
    }

    async fn a_form_that_is_sent_twice_gives_once(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let page = doors.get("/admin/clients/1/credit").await;
        page.shows(&["No credit so far", "0.00 USD"]);
        let once = page.once();
        let fields = [("once", once.as_str()), ("kind", "add"), ("amount", "12.50"), ("description", "Sorry"), ("date", "2026-01-15")];
        let (first, second) =
            futures::future::join(doors.post("/admin/clients/1/credit", &fields), doors.post("/admin/clients/1/credit", &fields)).await;
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (303, 303));
        assert_eq!(company.credit_of(&client).await, "12.50");
        doors.get("/admin/clients/1/credit").await.shows(&["12.50 USD", "Sorry", "Given"]);
        company.is_sound().await;
    }

    async fn wrong_fields_are_named_and_nothing_is_booked(company: Company) {
        let (doors, client) = with_credit(&company, "5.00").await;
        for (fields, words) in [
            (vec![("kind", "add"), ("amount", "x"), ("date", "2026-01-15"), ("description", "a")], "is not an amount"),
            (vec![("kind", "add"), ("amount", "-1"), ("date", "2026-01-15"), ("description", "a")], "greater than nought"),
            (vec![("kind", "add"), ("amount", "1"), ("date", "2026-02-30"), ("description", "a")], "f-date"),
            (vec![("kind", "add"), ("amount", "1"), ("date", "2026-01-15"), ("description", "")], "Say why"),
            (vec![("kind", "remove"), ("amount", "6"), ("date", "2026-01-15"), ("description", "a")], "no more can be taken out"),
        ] {
            let mut fields = fields;
            fields.push(("once", "same key for all: none is taken"));
            let reply = doors.post("/admin/clients/1/credit", &fields).await;
            assert_eq!(reply.status.as_u16(), 422, "{fields:?}");
            assert!(reply.text.contains(words), "{words} {}", reply.text);
        }
        assert_eq!(company.credit_of(&client).await, "5.00");
        company.is_sound().await;
    }

    async fn credit_is_applied_to_an_invoice_and_taken_off_again(company: Company) {
        let (doors, client) = with_credit(&company, "30.00").await;
        let invoice = company.owed(&client, "50.00").await;
        let path = format!("/admin/invoices/{invoice}/credit");
        for _ in 0..2 {
            doors.post(&path, &[("once", "a"), ("do", "apply"), ("amount", "")]).await;
        }
        assert_eq!(company.invoice_state(invoice).await, (InvoiceStatus::Unpaid, "20.00".to_owned()));
        let reply = doors.post(&path, &[("once", "b"), ("do", "remove"), ("amount", "31")]).await;
        assert!(reply.flash.contains("bad"), "{reply:?}");
        doors.post(&path, &[("once", "b"), ("do", "remove"), ("amount", "10")]).await;
        assert_eq!(company.invoice_state(invoice).await, (InvoiceStatus::Unpaid, "30.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "10.00");
        company.is_sound().await;
        let answer = doors.api("POST", &format!("/invoices/{invoice}/remove-credit"), json!({})).await.json();
        assert_eq!((&answer["amount"], &answer["balance"]), (&json!("20.00"), &json!("50.00")));
        let wrong = doors.api("POST", &format!("/invoices/{invoice}/apply-credit"), json!({ "amount": "31" })).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["errors"][0]["message"]), (422, &json!("Amount exceeds customer credit balance")));
        let small = company.owed(&client, "30.00").await;
        let answer = doors.api("POST", &format!("/invoices/{small}/apply-credit"), json!({})).await.json();
        assert_eq!((&answer["balance"], &answer["status"]), (&json!("0.00"), &json!("paid")));
        // What a paid invoice was paid with stays.
        assert_eq!(doors.api("POST", &format!("/invoices/{small}/remove-credit"), json!({})).await.status.as_u16(), 409);
        company.is_sound().await;
    }

    async fn ten_equal_calls_with_one_key_give_once(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let body = json!({ "amount": "10.00", "description": "Once" });
        let calls = (0..10).map(|_| doors.api_once("/clients/1/credits", "key-1", body.clone()));
        let replies = futures::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status.as_u16())), "{replies:?}");
        assert_eq!(company.credit_of(&client).await, "10.00");
        let again = doors.api_once("/clients/1/credits", "key-1", body).await;
        assert_eq!((again.status.as_u16(), &again.json()["balance"]), (201, &json!("10.00")));
        let other = doors.api_once("/clients/1/credits", "key-1", json!({ "amount": "11.00", "description": "Once" })).await;
        assert_eq!(other.status.as_u16(), 422);
        let listed = doors.api("GET", "/clients/1/credits", json!(null)).await.json();
        assert_eq!((&listed["balance"], &listed["total"]), (&json!("10.00"), &json!(1)));
        company.is_sound().await;
    }
}
