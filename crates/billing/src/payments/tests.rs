use serde_json::json;

use super::*;
use crate::testing::doors::Doors;
use crate::testing::{Company, usd};
use platform::jobs::NewJob;

async fn three(company: &Company) -> (Doors, clients::Client, Vec<i64>) {
    let client = company.client("ada@example.com").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(company.owed(&client, "40.00").await);
    }
    (Doors::of(company).await, client, ids)
}

async fn balances(company: &Company, ids: &[i64]) -> Vec<String> {
    let mut out = Vec::new();
    for id in ids {
        out.push(company.invoice_state(*id).await.1);
    }
    out
}

fn typed<'a>(once: &'a str, amount: &'a str, reference: &'a str, invoices: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("once", once),
        ("client", "1"),
        ("gateway", "banktransfer"),
        ("amount_in", amount),
        ("reference", reference),
        ("date", "2026-01-15"),
        ("invoices", invoices),
    ]
}

#[test]
fn currencies_have_the_decimals_that_the_filter_by_amount_takes_them_to_have() {
    for (codes, decimals) in [(store::NO_DECIMALS, 0), (store::THREE_DECIMALS, 3)] {
        for code in codes {
            assert_eq!(Currency::parse(code).unwrap().exponent(), decimals, "{code}");
        }
    }
}

testkit::both_engines! {
    // Worked example 23.
    async fn one_payment_settles_invoices_in_the_order_given(company: Company) {
        let (doors, client, ids) = three(&company).await;
        let page = doors.get("/admin/transactions/new").await;
        let once = page.once();
        let fields = typed(&once, "100.00", "T-1", "3, 1, 2");
        let first = doors.post("/admin/transactions", &fields).await;
        assert_eq!((first.status.as_u16(), first.to.as_str()), (303, "/admin/transactions/1"), "{}", first.text);
        assert_eq!(balances(&company, &ids).await, ["0.00", "20.00", "0.00"]);
        // The button once more.
        doors.post("/admin/transactions", &fields).await;
        assert_eq!(company.count("transactions").await, 1);
        doors.get("/admin/transactions/1").await.shows(&["T-1", "40.00 USD", "20.00 USD", "Where the money went"]);
        doors.post("/admin/transactions", &typed("other", "30.00", "T-2", "2")).await;
        assert_eq!(company.credit_of(&client).await, "10.00");
        doors.get("/admin/transactions/2").await.shows(&["Credit of the client"]);
        company.is_sound().await;
    }

    async fn in_the_plain_order_too(company: Company) {
        let (doors, client, ids) = three(&company).await;
        doors.post("/admin/transactions", &typed("a", "100.00", "T-1", "1,2,3")).await;
        assert_eq!(balances(&company, &ids).await, ["0.00", "0.00", "20.00"]);
        doors.post("/admin/transactions", &typed("b", "30.00", "T-2", "3")).await;
        assert_eq!((balances(&company, &ids).await, company.credit_of(&client).await), (vec!["0.00".to_owned(); 3], "10.00".to_owned()));
        company.is_sound().await;
    }

    // Worked example 19.
    async fn an_overpayment_becomes_credit_and_a_repetition_nothing(company: Company) {
        let client = company.client("ada@example.com").await;
        company.owed(&client, "50.00").await;
        let doors = Doors::of(&company).await;
        let payment = |transid: &'static str, amount: &'static str| {
            [("invoiceid", "1"), ("transid", transid), ("gateway", "sandbox"), ("date", "2026-01-15 10:00:00"), ("amount", amount)]
        };
        assert_eq!(doors.action("AddInvoicePayment", &payment("T1", "60.00")).await["result"], "success");
        assert_eq!(company.invoice_state(1).await, (InvoiceStatus::Paid, "0.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "10.00");
        assert_eq!(doors.refused("AddInvoicePayment", &payment("T1", "60.00")).await, "Transaction ID must be Unique");
        assert_eq!(company.credit_of(&client).await, "10.00");
        doors.action("AddInvoicePayment", &payment("T2", "50.00")).await;
        assert_eq!(company.credit_of(&client).await, "60.00");
        assert_eq!(company.count("transactions").await, 2);
        company.is_sound().await;
    }

    // Worked example 19, its end: what is paid is not paid for once more.
    async fn a_second_payment_of_a_paid_invoice_moves_no_due_date(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "50.00", kernel::Cycle::Monthly, "2026-01-15", "sandbox").await;
        let doors = Doors::of(&company).await;
        doors.api("POST", "/invoices/generate-due", json!({})).await;
        let due = async || {
            let mut conn = company.app.db.read().await.unwrap();
            crate::recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap().next_due_on.to_string()
        };
        for (transid, credit) in [("T1", "0.00"), ("T2", "50.00")] {
            let fields = [("invoiceid", "1"), ("transid", transid), ("gateway", "sandbox"), ("date", "2026-01-15"), ("amount", "50.00")];
            doors.action("AddInvoicePayment", &fields).await;
            assert_eq!((company.credit_of(&client).await.as_str(), due().await.as_str()), (credit, "2026-02-15"));
        }
        company.is_sound().await;
    }

    // Worked example 24, by the means that there are: one payment for both invoices instead of an invoice about invoices.
    async fn a_mass_payment_is_one_payment_without_a_second_tax(company: Company) {
        let client = company.client("ada@example.com").await;
        let (one, two) = (company.owed(&client, "40.00").await, company.owed(&client, "25.00").await);
        let doors = Doors::of(&company).await;
        doors.post("/admin/transactions", &typed("a", "5.00", "T-1", &two.to_string())).await;
        assert_eq!(balances(&company, &[one, two]).await, ["40.00", "20.00"]);
        doors.post("/admin/transactions", &typed("b", "60.00", "T-2", &format!("{one},{two}"))).await;
        assert_eq!(balances(&company, &[one, two]).await, ["0.00", "0.00"]);
        assert_eq!((company.credit_of(&client).await.as_str(), company.count("invoices WHERE status = 'paid'").await), ("0.00", 2));
        company.is_sound().await;
    }

    // Worked example 22.
    async fn payments_that_must_be_refused(company: Company) {
        let client = company.client("ada@example.com").await;
        let other = company.client("bob@example.com").await;
        company.owed(&client, "50.00").await;
        let theirs = company.owed(&other, "5.00").await.to_string();
        let doors = Doors::of(&company).await;
        let base = [("paymentmethod", "banktransfer"), ("userid", "1"), ("transid", "T1"), ("amountin", "10.00"), ("date", "15/01/2026")];
        let with = |changes: &[(&'static str, String)]| -> Vec<(&'static str, String)> {
            let mut fields: Vec<(&str, String)> = base
                .iter()
                .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name))
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            fields.extend(changes.iter().cloned());
            fields
        };
        let cases: Vec<(Vec<(&str, String)>, &str)> = vec![
            (with(&[("userid", "99".to_owned())]), "Client ID Not Found"),
            (with(&[("invoiceid", "99".to_owned())]), "Invoice ID Not Found"),
            (with(&[("invoiceid", theirs)]), "User ID does not own the given Invoice ID"),
            (with(&[("currencyid", "9".to_owned())]), "Currency ID Not Found"),
            (with(&[("currencyid", "2".to_owned())]), "Currency ID does not match Client currency"),
            (with(&[("userid", String::new())]), "A Currency ID is required for non-customer related transactions"),
            (with(&[("paymentmethod", String::new())]), "Payment Method is required"),
        ];
        for (fields, words) in &cases {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(doors.refused("AddTransaction", &fields).await, *words);
        }
        let nobody = [("userid", String::new()), ("currencyid", "1".to_owned())];
        for forged in ["Paid\nRefunded", "Paid\u{202e}", "x".repeat(501).as_str()] {
            for whose in [&[][..], &nobody[..]] {
                let fields = with(&[whose, &[("description", forged.to_owned())]].concat());
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let said = doors.refused("AddTransaction", &fields).await;
                assert!(said.contains("single line") || said.contains("invisible") || said.contains("500"), "{said}");
            }
        }
        assert_eq!(company.count("transactions").await, 0);
        assert_eq!(doors.action("AddTransaction", &base).await["result"], "success");
        assert_eq!(doors.refused("AddTransaction", &base).await, "Transaction ID must be Unique");
        let mut again = base.to_vec();
        again.push(("allowduplicatetransid", "true"));
        assert_eq!(doors.action("AddTransaction", &again).await["result"], "success");
        assert_eq!(company.credit_of(&client).await, "20.00");
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE invoices SET status = 'cancelled' WHERE id = 1", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let paid = [("invoiceid", "1"), ("transid", "T9"), ("gateway", "banktransfer"), ("date", "2026-01-15"), ("amount", "1")];
        assert_eq!(
            doors.refused("AddInvoicePayment", &paid).await,
            "It is not possible to add a payment to an invoice that is Cancelled"
        );
        let mut missing = paid.to_vec();
        missing[0].1 = "77";
        assert_eq!(doors.refused("AddInvoicePayment", &missing).await, "Invoice ID Not Found");
    }

    async fn transactions_are_answered_as_documented(company: Company) {
        let client = company.client("ada@example.com").await;
        company.owed(&client, "50.00").await;
        let doors = Doors::of(&company).await;
        let paid = [("invoiceid", "1"), ("transid", "T9"), ("gateway", "sandbox"), ("date", "2026-01-14"), ("fees", "1.5")];
        assert_eq!(doors.action("AddInvoicePayment", &paid).await["result"], "success");
        let charge = [("paymentmethod", "banktransfer"), ("currencyid", "2"), ("amountout", "3.00"), ("description", "Bank"), ("rate", "0.95")];
        assert_eq!(doors.action("AddTransaction", &charge).await["result"], "success");
        let all = doors.action("GetTransactions", &[]).await;
        assert_eq!((&all["totalresults"], &all["numreturned"]), (&json!(2), &json!(2)));
        assert_eq!(
            all["transactions"]["transaction"][0],
            json!({
                "id": "1", "userid": "1", "currency": "0", "gateway": "sandbox", "date": "2026-01-14 00:00:00",
                "description": "Invoice payment (1)", "amountin": "50.00", "fees": "1.50", "amountout": "0.00",
                "rate": "1.00000", "transid": "T9", "invoiceid": "1", "refundid": "0",
            })
        );
        let second = &all["transactions"]["transaction"][1];
        assert_eq!((&second["currency"], &second["rate"], &second["amountout"]), (&json!("2"), &json!("0.95000"), &json!("3.00")));
        for (name, value, found) in [("invoiceid", "1", 1), ("clientid", "1", 1), ("transid", "T9", 1), ("clientid", "5", 0)] {
            assert_eq!(doors.action("GetTransactions", &[(name, value)]).await["totalresults"], found, "{name}");
        }
        company.is_sound().await;
    }

    // The letters' case of a gateway's name is no way around “one external id, one payment”.
    async fn a_gateway_is_the_same_in_capitals(company: Company) {
        let client = company.client("ada@example.com").await;
        let (first, second) = (company.owed(&client, "50.00").await, company.owed(&client, "50.00").await);
        let doors = Doors::of(&company).await;
        let paid = |gateway: &str, invoice: i64| json!({
            "client_id": client.id, "gateway": gateway, "reference": "ch_1", "amount_in": "50.00", "invoice_ids": [invoice],
        });
        let made = doors.api("POST", "/transactions", paid("SandBox", first)).await;
        assert_eq!((made.status.as_u16(), &made.json()["gateway"]), (201, &json!("sandbox")), "{}", made.text);
        for gateway in ["sandbox", "SANDBOX"] {
            let again = doors.api("POST", "/transactions", paid(gateway, second)).await;
            assert_eq!((again.status.as_u16(), again.text.contains(DUPLICATE)), (409, true), "{}", again.text);
        }
        let other = |gateway: &str| json!({ "gateway": gateway, "reference": "b_1", "currency": "USD", "amount_out": "3.00" });
        assert_eq!(doors.api("POST", "/transactions", other("BankTransfer")).await.json()["gateway"], "banktransfer");
        assert_eq!(doors.api("POST", "/transactions", other("banktransfer")).await.status.as_u16(), 409);
        let once = doors.get("/admin/transactions/new").await.once();
        let form = [
            ("once", once.as_str()), ("client", "1"), ("client_id", "1"), ("gateway", "SandBox"), ("reference", "ch_1"),
            ("amount_in", "50.00"), ("fees", ""), ("amount_out", ""), ("date", "2026-01-15"), ("invoices", "2"),
        ];
        let refused = doors.post("/admin/transactions", &form).await;
        assert!(refused.text.contains("is recorded already"), "{}", refused.text);
        // The rule knows the gateways itself, whatever a door has looked at.
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let unknown = NewPayment {
            client_id: client.id,
            gateway: "carrier pigeon".to_owned(),
            external_id: String::new(),
            duplicate: Duplicate::Refuse,
            amount: usd("1.00"),
            fees: usd("0"),
            occurred_on: company.terms_today(),
            description: String::new(),
            invoices: Vec::new(),
        };
        let refused = record(&mut locked, &company.by, unknown, company.app.clock.now()).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        drop(tx);
        assert_eq!(company.count("transactions").await, 2);
        company.is_sound().await;
    }

    async fn a_payment_is_added_from_the_invoice_once(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "50.00").await;
        let doors = Doors::of(&company).await;
        let page = doors.get(&format!("/admin/invoices/{id}/pay")).await;
        page.shows(&["value=\"50.00\"", "50.00 USD</span> to pay"]);
        let once = page.once();
        let fields = [("once", once.as_str()), ("amount", "20.00"), ("gateway", "banktransfer"), ("date", "2026-01-15"), ("reference", "")];
        let path = format!("/admin/invoices/{id}/pay");
        let presses = (0..5).map(|_| doors.post(&path, &fields));
        for reply in futures::future::join_all(presses).await {
            assert_eq!(reply.status.as_u16(), 303, "{}", reply.text);
        }
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Unpaid, "30.00".to_owned()));
        // A part payment leaves the rest to be paid.
        doors.get(&path).await.shows(&["value=\"30.00\""]);
        assert_eq!(doors.get("/admin/invoices/99/pay").await.status.as_u16(), 404);
        company.is_sound().await;
    }

    async fn wrong_fields_are_named_and_nothing_is_booked(company: Company) {
        let (doors, _, _) = three(&company).await;
        let good = typed("k", "10.00", "T", "1");
        let change = |name: &'static str, value: &'static str| {
            let mut fields = good.clone();
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
            fields
        };
        for (fields, words) in [
            (change("amount_in", "ten"), "is not an amount"),
            (change("amount_in", "-5"), "greater than nought"),
            (change("amount_in", "99999999999999999999"), "too large"),
            (change("amount_in", "9000000000000000"), "too large"),
            (change("amount_in", "1.005"), "too many decimals"),
            (change("fees", "11"), "between nought and the amount"),
            (change("date", "2026-02-30"), "f-date"),
            (change("client", "99"), "There is no client 99"),
            (change("invoices", "1, x"), "no invoice id"),
            (change("invoices", "1, 1"), "each invoice once"),
            (change("invoices", "77"), "does not exist"),
            (change("gateway", "paypal"), "Choose the way"),
            (change("amount_out", "3"), "is a refund"),
        ] {
            let reply = doors.post("/admin/transactions", &fields).await;
            assert_eq!(reply.status.as_u16(), 422, "{fields:?} {}", reply.flash);
            assert!(reply.text.contains(words), "{words}: {}", reply.text);
        }
        assert_eq!(company.count("transactions").await, 0);
        assert_eq!(doors.post("/admin/transactions", &change("once", "")).await.status.as_u16(), 422);
        company.is_sound().await;
    }

    async fn the_list_is_filtered_sorted_and_a_file(company: Company) {
        let (doors, _, _) = three(&company).await;
        for (once, amount, reference, date) in [("a", "10.00", "REF-1", "2026-01-10"), ("b", "25.00", "REF-2", "2026-01-12")] {
            let mut fields = typed(once, amount, reference, "");
            fields.retain(|(name, _)| *name != "date");
            fields.extend([("date", date), ("description", "By bank, 100% sure")]);
            doors.post("/admin/transactions", &fields).await;
        }
        let charge = [("once", "c"), ("currency", "EUR"), ("gateway", "banktransfer"), ("amount_out", "25.00"), ("date", "2026-01-11"), ("description", "Bank charge")];
        assert_eq!(doors.post("/admin/transactions", &charge).await.status.as_u16(), 303);
        let found = async |query: &str| {
            let listed = doors.api("GET", &format!("/transactions{query}"), json!(null)).await.json();
            let ids: Vec<i64> = listed["items"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
            assert_eq!(listed["total"], ids.len(), "{query}");
            ids
        };
        for (query, ids) in [
            ("", vec![3, 2, 1]),
            ("?sort=date", vec![1, 3, 2]),
            ("?sort=-amount", vec![2, 1, 3]),
            ("?q=REF-1", vec![1]),
            ("?q=100%25", vec![2, 1]),
            ("?q=100_", vec![]),
            ("?amount=25", vec![3, 2]),
            ("?kind=expense", vec![3]),
            ("?client=1", vec![2, 1]),
            ("?from=2026-01-11&to=2026-01-12", vec![3, 2]),
            ("?gateway=sandbox", vec![]),
            ("?invoice=1", vec![]),
        ] {
            assert_eq!(found(query).await, ids, "{query}");
        }
        doors.get("/admin/transactions").await.shows(&["REF-2", "25.00 EUR", "Ada Lovelace", "1–3"]);
        doors.get("/admin/transactions?q=nothing").await.shows(&["No transactions here"]);
        assert_eq!(doors.get("/admin/transactions?kind=gift").await.status.as_u16(), 422);
        assert_eq!(doors.get("/admin/transactions?format=csv&kind=payment").await.text.lines().count(), 3);
        company.is_sound().await;
    }

    async fn the_json_api_records_once_for_a_key(company: Company) {
        let (doors, client, ids) = three(&company).await;
        let body = json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "130.00", "invoice_ids": [1, 2, 3] });
        let calls = (0..10).map(|_| doors.api_once("/transactions", "pay-1", body.clone()));
        let replies = futures::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| reply.status == 201 && reply.text == replies[0].text), "{replies:?}");
        assert_eq!(company.count("transactions").await, 1);
        assert_eq!((balances(&company, &ids).await, company.credit_of(&client).await), (vec!["0.00".to_owned(); 3], "10.00".to_owned()));
        let one = doors.api("GET", "/transactions/1", json!(null)).await.json();
        assert_eq!((&one["to_credit"], &one["allocations"][1]), (&json!("10.00"), &json!({ "invoice_id": 2, "amount": "40.00" })));
        for (body, field) in [
            (json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "x" }), "amount_in"),
            (json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "-1" }), "amount_in"),
            (json!({ "client_id": 1, "amount_in": "1" }), "gateway"),
            (json!({ "gateway": "banktransfer", "amount_in": "1" }), "currency"),
            (json!({ "gateway": "banktransfer", "amount_in": "1", "currency": "XXQ" }), "currency"),
            (json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "1", "date": "soon" }), "date"),
            (json!({ "client_id": 9, "gateway": "banktransfer", "amount_in": "1" }), "client_id"),
        ] {
            let reply = doors.api("POST", "/transactions", body).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (422, &json!(field)), "{}", reply.text);
        }
        assert_eq!(company.count("transactions").await, 1);
        company.is_sound().await;
    }

    // None of them asks the database once a row.
    async fn pages_of_money_ask_few_questions(company: Company) {
        let (doors, client, _) = three(&company).await;
        for number in 0..30 {
            let once = format!("key {number}");
            let reference = format!("R-{number}");
            doors.post("/admin/transactions", &typed(&once, "10.00", &reference, "1, 2, 3")).await;
        }
        assert_eq!(company.credit_of(&client).await, "180.00");
        for path in [
            "/admin/transactions",
            "/admin/transactions?q=R-1&client=1&kind=payment&from=2026-01-01&amount=10&sort=-amount",
            "/admin/transactions?q=nothing",
            "/admin/transactions/5",
            "/admin/invoices/1/pay",
            "/admin/clients/1/credit",
            "/admin/clients/1/pay-methods",
            "/admin/payments/gateway-log?q=x&gateway=sandbox",
            "/admin/payments/attempts?state=open",
            "/admin/payments/webhooks?state=parked",
        ] {
            let counter = &company.app.db.counters().statements;
            let before = counter.load(std::sync::atomic::Ordering::Relaxed);
            let reply = doors.get(path).await;
            let asked = counter.load(std::sync::atomic::Ordering::Relaxed) - before;
            assert_eq!(reply.status.as_u16(), 200, "{path}");
            assert!(asked <= 8, "{path}: {asked} statements");
        }
        company.is_sound().await;
    }
}

/// Somebody listens who fails until there is a table, and after him somebody who does not fail.
async fn with_a_broken_listener(engine: testkit::Engine) -> Company {
    Company::heard_by(engine, |events| {
        events.on_lasting("test.broken", |tx, event: &invoices::InvoicePaid| {
            Box::pin(async move {
                platform::jobs::enqueue(
                    tx,
                    NewJob::now("half done", json!({}), Timestamp::from_micros(0)),
                    Timestamp::from_micros(0),
                )
                .await?;
                tx.execute("INSERT INTO told (invoice_id) VALUES ($1)", params![event.invoice_id]).await?;
                Ok(())
            })
        });
        events.on_lasting("test.sound", |tx, event: &invoices::InvoicePaid| {
            Box::pin(async move {
                tx.execute("UPDATE invoices SET notes = 'heard' WHERE id = $1", params![event.invoice_id]).await?;
                Ok(())
            })
        });
    })
    .await
}

async fn listener_jobs(company: &Company) -> Vec<(String, String, Option<String>)> {
    let mut conn = company.app.db.read().await.unwrap();
    conn.all("SELECT kind, state, subject FROM jobs ORDER BY id", params![]).await.unwrap()
}

testkit::both_engines! {
    with = with_a_broken_listener;

    // Lesson of others: a notification that failed rolled a recorded payment back.
    async fn money_that_arrived_is_booked_whoever_fails_to_listen(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "50.00").await;
        let doors = Doors::of(&company).await;
        let paid = [("invoiceid", "1"), ("transid", "T1"), ("gateway", "sandbox"), ("date", "2026-01-14")];
        assert_eq!(doors.action("AddInvoicePayment", &paid).await["result"], "success");
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Paid, "0.00".to_owned()));
        let notes = async || invoices::find(&mut company.app.db.read().await.unwrap(), id).await.unwrap().notes;
        assert_eq!(notes().await, "heard", "the others hear of it all the same");
        // What he had done before he failed is undone; a job calls him again.
        let waiting = |state: &str| vec![("platform.listener".to_owned(), state.to_owned(), Some("invoice:1".to_owned()))];
        assert_eq!(listener_jobs(&company).await, waiting("ready"));
        company.is_sound().await;
        platform::jobs::drain(&company.app).await.unwrap();
        assert_eq!(listener_jobs(&company).await, waiting("ready"), "he failed again");
        let mut tx = company.app.db.write().await.unwrap();
        tx.batch("CREATE TABLE told (invoice_id BIGINT NOT NULL)").await.unwrap();
        tx.commit().await.unwrap();
        company.app.clock.set(company.app.clock.now().plus_seconds(60));
        platform::jobs::drain(&company.app).await.unwrap();
        for _ in 0..2 {
            assert_eq!(company.count("told").await, 1, "once, and not again");
            assert_eq!(listener_jobs(&company).await[..1], waiting("done"));
            platform::jobs::drain(&company.app).await.unwrap();
        }
        company.is_sound().await;
    }

    async fn a_listener_that_goes_on_failing_stays_to_be_seen(company: Company) {
        let client = company.client("ada@example.com").await;
        company.owed(&client, "50.00").await;
        let doors = Doors::of(&company).await;
        let paid = [("invoiceid", "1"), ("transid", "T1"), ("gateway", "sandbox"), ("date", "2026-01-14")];
        doors.action("AddInvoicePayment", &paid).await;
        for _ in 0..12 {
            platform::jobs::drain(&company.app).await.unwrap();
            company.app.clock.set(company.app.clock.now().plus_seconds(4_000));
        }
        assert_eq!(listener_jobs(&company).await[0].1, "failed");
        assert_eq!(company.invoice_state(1).await.0, InvoiceStatus::Paid);
    }
}
