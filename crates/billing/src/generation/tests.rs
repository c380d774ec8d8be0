use std::collections::HashSet;

use accounts::client_groups::{self, NewGroup};
use accounts::clients;
use kernel::Cycle;
use platform::params;
use platform::runs::Progress;

use super::*;
use crate::invoices::{InvoiceStatus, store};
use crate::payments::{Duplicate, NewPayment};
use crate::testing::doors::Doors;
use crate::testing::{Company, date, usd};
use crate::{payments, recurring, settings};

async fn generate(company: &Company) -> Report {
    run_as(company, Mode::Real).await
}

async fn run_as(company: &Company, mode: Mode) -> Report {
    let terms = company.terms().await;
    let scope = Scope::default();
    super::run(&company.app.db, &company.by, &terms, &scope, mode, Detail::EveryInvoice, &Progress::default())
        .await
        .unwrap()
}

async fn pay(company: &Company, invoice_id: i64, external_id: &str) {
    let mut tx = company.app.db.write().await.unwrap();
    let invoice = invoices::find(&mut tx, invoice_id).await.unwrap();
    let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
    let new = NewPayment {
        client_id: invoice.client_id,
        gateway: "banktransfer".to_owned(),
        external_id: external_id.to_owned(),
        duplicate: Duplicate::Refuse,
        amount: invoice.money(invoice.balance),
        fees: usd("0"),
        occurred_on: company.terms_today(),
        description: String::new(),
        invoices: vec![invoice_id],
    };
    payments::record(&mut locked, &company.by, new, company.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn give(company: &Company, client: &clients::Client, amount: &str) {
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let (on, now) = (company.terms_today(), company.app.clock.now());
    credits::adjust(&mut locked, &company.by, client.id, usd(amount), "Sorry", on, now).await.unwrap();
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn a_period_is_invoiced_once(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let first = generate(&company).await;
        let second = generate(&company).await;
        assert_eq!((first.invoices, second.invoices), (1, 0));
        assert_eq!(first.totals, [usd("10.00")]);
        company.is_sound().await;
    }

    // The unique key refuses the period, and the charge goes on with the next one instead of standing still for ever.
    async fn a_pointer_that_lies_in_a_billed_period_moves_on(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = company.client("ada@example.com").await;
        let charge = company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        company.charge(&client, 2, "20.00", Cycle::Monthly, "2026-02-10", "sandbox").await;
        generate(&company).await;
        company.raw("UPDATE recurring_charges SET next_invoice_on = '2026-01-20' WHERE id = $1", charge).await;
        company.today("2026-02-08");
        let again = generate(&company).await;
        // The report speaks of the invoice that was made, and not of the one that was there.
        let told: Vec<_> = again.made.iter().map(|made| (made.gateway.as_str(), made.lines[0].as_str())).collect();
        assert_eq!(told, [("sandbox", "Hosting 2 (2026-02-10 - 2026-03-09) 20.00")]);
        assert!(again.failures.is_empty());
        company.is_sound().await;
        assert_eq!(generate(&company).await.made[0].lines, ["Hosting 1 (2026-02-20 - 2026-03-19) 10.00"]);
        company.is_sound().await;
    }

    // No rule writes such a date; should it be there all the same, nobody pays for a day twice.
    async fn a_period_that_reaches_into_a_billed_one_parks_its_client(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = company.client("ada@example.com").await;
        let charge = company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        generate(&company).await;
        company
            .raw("UPDATE recurring_charges SET next_invoice_on = '2026-01-10', next_due_on = '2026-01-10' WHERE id = $1", charge)
            .await;
        let again = generate(&company).await;
        assert_eq!((again.invoices, again.failures.len()), (0, 1));
        assert_eq!(
            again.failures[0].message,
            format!(
                "Charge {charge}: the period (2026-01-10 - 2026-02-19) would reach into one that is billed already: \
                 (2026-01-20 - 2026-02-19), on invoice 1. Correct the next due date."
            )
        );
        company.is_sound().await;
    }

    // Worked example 10.
    async fn lead_days_are_per_cycle(company: Company) {
        company.set(&settings::LEAD_MONTHLY, "9").await;
        company.set(&settings::LEAD_ANNUALLY, "30").await;
        let client = company.client("ada@example.com").await;
        for (owner, cycle) in [(1, Cycle::Monthly), (2, Cycle::Annually), (3, Cycle::Quarterly)] {
            company.charge(&client, owner, "10.00", cycle, "2026-03-31", "banktransfer").await;
        }
        let mut made = Vec::new();
        for day in ["2026-02-28", "2026-03-01", "2026-03-16", "2026-03-17", "2026-03-21", "2026-03-22", "2026-03-23"] {
            company.today(day);
            made.push((day, generate(&company).await.invoices));
        }
        assert_eq!(
            made,
            [
                ("2026-02-28", 0),
                ("2026-03-01", 1),
                ("2026-03-16", 0),
                ("2026-03-17", 1),
                ("2026-03-21", 0),
                ("2026-03-22", 1),
                ("2026-03-23", 0)
            ]
        );
        company.is_sound().await;
    }

    // Worked example 11.
    async fn charges_of_one_day_and_gateway_share_an_invoice(company: Company) {
        let ada = company.client("ada@example.com").await;
        let bob = company.client("bob@example.com").await;
        let eve = company.client("eve@example.com").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET separate_invoices = TRUE WHERE id = $1", params![bob.id]).await.unwrap();
        let group = NewGroup { name: "Apart".to_owned(), colour: "#000000".to_owned(), separate_invoices: true };
        let group = client_groups::create(&mut tx, &company.by, group, company.app.clock.now()).await.unwrap();
        tx.execute("UPDATE clients SET group_id = $2 WHERE id = $1", params![eve.id, group.id]).await.unwrap();
        tx.commit().await.unwrap();
        for (client, first) in [(&ada, 1), (&bob, 11), (&eve, 21)] {
            company.charge(client, first, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            company.charge(client, first + 1, "20.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            company.charge(client, first + 2, "30.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        }
        let report = generate(&company).await;
        let shapes = |id| report.made.iter().filter(|made| made.client_id == id).map(|made| made.lines.len()).collect::<Vec<_>>();
        let mut of_ada = shapes(ada.id);
        of_ada.sort_unstable();
        assert_eq!(of_ada, [1, 2]);
        assert_eq!(shapes(bob.id), [1, 1, 1], "the client wants it");
        assert_eq!(shapes(eve.id), [1, 1, 1], "the client's group wants it");
        company.is_sound().await;
    }

    // Worked example 6, to the end.
    async fn the_anniversary_survives_short_months_and_late_payment(company: Company) {
        company.today("2027-01-20");
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2027-01-31", "banktransfer").await;
        let mut due = Vec::new();
        for (index, day) in ["2027-01-20", "2027-03-15", "2027-04-25"].into_iter().enumerate() {
            company.today(day);
            let report = generate(&company).await;
            assert_eq!(report.invoices, 1, "{day}");
            // Without continuous invoicing nothing more comes before it is paid.
            assert_eq!(generate(&company).await.invoices, 0);
            pay(&company, report.last_invoice_id, &format!("T{index}")).await;
            let mut conn = company.app.db.read().await.unwrap();
            due.push(recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap().next_due_on);
        }
        assert_eq!(due, [date("2027-02-28"), date("2027-03-31"), date("2027-04-30")]);
        company.is_sound().await;
    }

    async fn a_dry_run_says_what_the_real_run_does_and_does_nothing(company: Company) {
        for (index, email) in ["ada@example.com", "bob@example.com", "eve@example.com"].into_iter().enumerate() {
            let client = company.client(email).await;
            let owner = i64::try_from(index).unwrap() * 10;
            company.charge(&client, owner + 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            company.charge(&client, owner + 2, "15.50", Cycle::Annually, "2026-01-21", "banktransfer").await;
        }
        let dry = run_as(&company, Mode::DryRun).await;
        let mut conn = company.app.db.read().await.unwrap();
        let rows: i64 = conn.scalar("SELECT COUNT(*) FROM invoices", params![]).await.unwrap();
        assert_eq!(rows, 0);
        drop(conn);
        let real = generate(&company).await;
        let without_ids: Vec<Made> = real.made.into_iter().map(|made| Made { invoice: None, ..made }).collect();
        assert_eq!(dry.made, without_ids);
        assert_eq!(dry.totals, real.totals);
        company.is_sound().await;
    }

    async fn one_broken_client_is_parked_and_stops_nobody(company: Company) {
        let ada = company.client("ada@example.com").await;
        let bob = company.client("bob@example.com").await;
        company.charge(&ada, 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        let broken = company.charge(&bob, 2, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        // Two lines of this size have no sum.
        company.charge(&bob, 3, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE recurring_charges SET amount = $2 WHERE id >= $1", params![broken, i64::MAX]).await.unwrap();
        tx.commit().await.unwrap();
        let report = generate(&company).await;
        assert_eq!(report.invoices, 1);
        assert_eq!(report.failures.iter().map(|failure| failure.client_id).collect::<Vec<_>>(), [bob.id]);
        // It is left alone until somebody has looked.
        assert!(generate(&company).await.failures.is_empty());
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE recurring_charges SET amount = 500 WHERE id >= $1", params![broken]).await.unwrap();
        tx.commit().await.unwrap();
        let doors = Doors::of(&company).await;
        let parked = doors.api("GET", "/parked-clients", serde_json::Value::Null).await.json();
        assert_eq!((&parked["items"][0]["client_id"], &parked["total"]), (&serde_json::json!(bob.id), &serde_json::json!(1)));
        let path = format!("/parked-clients/{}/unpark", bob.id);
        assert_eq!(doors.api("POST", &path, serde_json::Value::Null).await.status, 200);
        assert_eq!(doors.api("POST", &path, serde_json::Value::Null).await.status, 409);
        assert_eq!(doors.api("POST", "/parked-clients/99/unpark", serde_json::Value::Null).await.status, 404);
        assert_eq!(doors.api("GET", "/parked-clients", serde_json::Value::Null).await.json()["total"], 0);
        assert_eq!(generate(&company).await.invoices, 1);
        company.is_sound().await;
    }

    // Worked example 20.
    async fn credit_pays_recurring_invoices_as_they_are_made(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "50.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let on = company.terms_today();
        credits::adjust(&mut locked, &company.by, client.id, usd("80.00"), "Sorry", on, company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let report = generate(&company).await;
        assert_eq!(report.made[0].credit_applied, usd("50.00"));
        let mut conn = company.app.db.read().await.unwrap();
        let invoice = store::find(&mut conn, report.last_invoice_id).await.unwrap().unwrap();
        assert_eq!((invoice.status, invoice.balance), (InvoiceStatus::Paid, 0));
        let left = credits::balance(&mut conn, client.id, client.currency).await.unwrap();
        assert_eq!(left, usd("30.00"));
        let charge = recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap();
        assert_eq!(charge.next_due_on, date("2026-02-20"));
        drop(conn);
        company.is_sound().await;
    }

    // Worked example 20: less credit than is owed, and credit that comes later.
    async fn credit_pays_a_part_and_later_credit_waits_to_be_applied(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "50.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        give(&company, &client, "30.00").await;
        let report = generate(&company).await;
        assert_eq!(report.made[0].credit_applied, usd("30.00"));
        let id = report.last_invoice_id;
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Unpaid, "20.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "0.00");
        give(&company, &client, "25.00").await;
        assert_eq!(generate(&company).await.invoices, 0);
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Unpaid, "20.00".to_owned()), "nobody has applied it");
        assert_eq!(company.credit_of(&client).await, "25.00");
        company.is_sound().await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let (on, now) = (company.terms_today(), company.app.clock.now());
        credits::apply(&mut locked, &company.by, id, usd("20.00"), on, now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Paid, "0.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "5.00");
        let mut conn = company.app.db.read().await.unwrap();
        let charge = recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap();
        assert_eq!(charge.next_due_on, date("2026-02-20"), "renewed");
        drop(conn);
        company.is_sound().await;
    }

    // Worked example 20, its end.
    async fn credit_is_never_applied_by_itself_where_that_is_switched_off(company: Company) {
        company.set(&settings::AUTO_CREDIT, "false").await;
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "50.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        give(&company, &client, "80.00").await;
        let report = generate(&company).await;
        assert_eq!(report.made[0].credit_applied, usd("0"));
        assert_eq!(company.invoice_state(report.last_invoice_id).await, (InvoiceStatus::Unpaid, "50.00".to_owned()));
        assert_eq!(company.credit_of(&client).await, "80.00");
        company.is_sound().await;
    }

    // Everything that a run can meet, in more than one batch.
    async fn a_dry_run_of_all_there_is_says_what_the_real_run_does(company: Company) {
        company.set(&settings::TAX_ENABLED, "true").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.batch("INSERT INTO tax_rules (level, name, rate, category) VALUES (1, 'VAT', 77000, 'standard')").await.unwrap();
        tx.commit().await.unwrap();
        let first = company.client("client0@example.com").await;
        let many = i64::try_from(super::BATCH).unwrap() + 7;
        let mut tx = company.app.db.write().await.unwrap();
        for number in 1..many {
            let columns = "first_name, last_name, company, email_lower, address1, address2, city, state, postcode, country, \
                phone, tax_id, currency, status, language, notes, tax_exempt, no_late_fees, no_overdue_notices, \
                separate_invoices, no_auto_capture, no_auto_status, marketing_opt_in, party_id, search, created_at, updated_at";
            let sql = format!("INSERT INTO clients (uuid, email, {columns}) SELECT $2, $2, {columns} FROM clients WHERE id = $1");
            tx.execute(&sql, params![first.id, format!("client{number}@example.com")]).await.unwrap();
        }
        let ids: Vec<i64> = tx.column("SELECT id FROM clients ORDER BY id", params![]).await.unwrap();
        for (at, id) in ids.iter().enumerate() {
            let at = i64::try_from(at).unwrap();
            let client = clients::find(&mut tx, *id).await.unwrap();
            let mut locked = clients::lock(&mut tx, *id).await.unwrap();
            for (part, amount) in [(0, 999 + at * 7), (1, 0), (2, 1550)] {
                let charge = recurring::Charge {
                    client_id: *id,
                    owner_kind: "service",
                    owner_id: at * 10 + part,
                    description: format!("Hosting {at}.{part}"),
                    amount: Money::new(amount, client.currency),
                    cycle: Cycle::Monthly,
                    anchor_day: 20,
                    gateway: if part == 2 && at % 3 == 0 { "sandbox" } else { "banktransfer" }.to_owned(),
                    taxed: at % 4 != 0,
                    billable: true,
                    // What costs nothing stands alone with every fifth client.
                    next_due_on: if part == 1 && at % 5 == 0 { date("2026-01-19") } else { date("2026-01-20") },
                    remaining: None,
                };
                recurring::put(&mut locked, &charge, company.app.clock.now()).await.unwrap();
            }
            let sql = "UPDATE clients SET separate_invoices = $2, tax_exempt = $3 WHERE id = $1";
            tx.execute(sql, params![id, at % 6 == 0, at % 7 == 0]).await.unwrap();
        }
        let broken = ids[ids.len() - 3];
        // On one invoice, these amounts are more than can be added up.
        let sql = "UPDATE recurring_charges SET amount = $2, gateway = 'banktransfer' WHERE client_id = $1";
        tx.execute(sql, params![broken, i64::MAX]).await.unwrap();
        tx.execute("UPDATE clients SET separate_invoices = FALSE WHERE id = $1", params![broken]).await.unwrap();
        tx.commit().await.unwrap();
        for at in [0, 3, 11, ids.len() - 1] {
            let client = clients::find(&mut company.app.db.read().await.unwrap(), ids[at]).await.unwrap();
            give(&company, &client, if at == 3 { "1000.00" } else { "4.00" }).await;
        }
        let dry = run_as(&company, Mode::DryRun).await;
        assert_eq!((company.count("invoices").await, company.count("parked_clients").await), (0, 0));
        let real = generate(&company).await;
        let without_ids: Vec<Made> = real.made.into_iter().map(|made| Made { invoice: None, ..made }).collect();
        assert_eq!(dry.made.len(), without_ids.len());
        for (dry, real) in dry.made.iter().zip(&without_ids) {
            assert_eq!(dry, real);
        }
        assert_eq!((dry.clients, dry.invoices, dry.lines, &dry.totals), (real.clients, real.invoices, real.lines, &real.totals));
        assert_eq!(dry.failures, real.failures);
        assert_eq!(real.failures.iter().map(|failure| failure.client_id).collect::<Vec<_>>(), [broken]);
        // It was not for lack of matter.
        assert!(without_ids.iter().any(|made| made.lines.len() == 1) && without_ids.iter().any(|made| made.lines.len() == 3));
        assert!(without_ids.iter().filter(|made| made.credit_applied.is_positive()).count() >= 4);
        assert!(without_ids.iter().any(|made| made.total == made.credit_applied));
        company.is_sound().await;
    }

    // Worked example 8: the unsuspension in it waits until services are suspended by themselves.
    async fn late_payment_does_not_move_the_anniversary(company: Company) {
        company.set(&settings::LEAD_DAYS, "0").await;
        company.today("2026-03-01");
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-03-01", "banktransfer").await;
        let invoice = generate(&company).await.last_invoice_id;
        company.today("2026-03-20");
        pay(&company, invoice, "T1").await;
        let mut conn = company.app.db.read().await.unwrap();
        assert_eq!(recurring::of_owner(&mut conn, "service", 1).await.unwrap().unwrap().next_due_on, date("2026-04-01"));
    }

    // Worked example 12.
    async fn continuous_generation_makes_one_period_a_run(company: Company) {
        company.set(&settings::LEAD_DAYS, "0").await;
        company.today("2026-04-10");
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-01", "banktransfer").await;
        let made = async || generate(&company).await.made.iter().map(|made| made.due_on.to_string()).collect::<Vec<_>>();
        assert_eq!((made().await, made().await), (vec!["2026-01-01".to_owned()], Vec::new()), "off");
        company.set(&settings::CONTINUOUS, "true").await;
        for due in ["2026-02-01", "2026-03-01", "2026-04-01"] {
            assert_eq!(made().await, [due]);
        }
        assert_eq!(made().await, Vec::<String>::new());
        // What is neither active nor suspended is not billable, and is never invoiced.
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        recurring::set_billable(&mut locked, "service", 1, false).await.unwrap();
        tx.commit().await.unwrap();
        company.today("2026-06-10");
        assert_eq!(made().await, Vec::<String>::new());
        company.is_sound().await;
    }

    // Two nodes, or two impatient clicks, at the same moment.
    async fn runs_at_the_same_time_make_each_invoice_once(company: Company) {
        for index in 0..30 {
            let client = company.client(&format!("client{index}@example.com")).await;
            company.charge(&client, index, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        }
        let (left, right) = tokio::join!(generate(&company), generate(&company));
        assert_eq!(left.invoices + right.invoices, 30);
        assert!(left.failures.is_empty() && right.failures.is_empty());
        company.is_sound().await;
    }

    // Without the year in the number, a yearly reset would give "1" out twice and stop everybody's invoices.
    async fn a_reset_that_would_repeat_numbers_is_not_made(company: Company) {
        // As an earlier version stored it; today it is refused.
        let mut tx = company.app.db.write().await.unwrap();
        platform::settings::put(&mut tx, &settings::NUMBER_RESET, "yearly", company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        company.set(&settings::CONTINUOUS, "true").await;
        company.today("2026-12-20");
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-12-20", "banktransfer").await;
        let before = generate(&company).await;
        company.today("2027-01-20");
        let after = generate(&company).await;
        let numbers = |report: &Report| report.made.iter().map(|made| made.invoice.as_ref().unwrap().number.clone()).collect::<Vec<_>>();
        assert_eq!((numbers(&before), numbers(&after)), (vec!["1".to_owned()], vec!["2".to_owned()]));
        assert!(after.failures.is_empty());
        company.is_sound().await;
    }

    // The format keeps years apart, but this year's first numbers are given out already.
    async fn a_reset_in_the_middle_of_a_year_goes_on_behind_the_highest_number(company: Company) {
        company.set(&settings::NUMBER_FORMAT, "{YEAR}-{NUMBER}").await;
        company.set(&settings::NOTE_FORMAT, "CN-{YEAR}-{NUMBER}").await;
        let client = company.client("ada@example.com").await;
        for owner in 1..=3 {
            company.charge(&client, owner, "10.00", Cycle::Every { count: 20, unit: kernel::Unit::Days }, "2026-01-20", "sandbox").await;
        }
        company.set(&settings::CONTINUOUS, "true").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET separate_invoices = TRUE WHERE id = $1", params![client.id]).await.unwrap();
        tx.commit().await.unwrap();
        let mut numbers = Vec::new();
        for (day, reset) in [
            ("2026-01-15", "never"),
            ("2026-02-04", "yearly"),
            ("2026-02-24", "never"),
            ("2026-03-16", "yearly"),
            ("2026-12-30", "yearly"),
            ("2027-01-05", "yearly"),
            ("2027-01-06", "never"),
        ] {
            company.today(day);
            company.set(&settings::NUMBER_RESET, reset).await;
            let report = generate(&company).await;
            assert!(report.failures.is_empty(), "{day}: {:?}", report.failures);
            numbers.extend(report.made.iter().map(|made| made.invoice.as_ref().unwrap().number.clone()));
            let terms = company.terms().await;
            let mut tx = company.app.db.write().await.unwrap();
            let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
            let waived = crate::notes::waive_balance(&mut locked, &company.by, &terms, report.last_invoice_id, "").await.unwrap();
            tx.commit().await.unwrap();
            numbers.push(waived.number);
            company.is_sound().await;
        }
        // Each year counts on without a gap, whichever way it is counted.
        let counted = |year: &str, from: i64, until: i64| (from..=until).map(|at| format!("{year}-{at}")).collect::<Vec<_>>();
        let (notes, invoices): (Vec<String>, Vec<String>) = numbers.into_iter().partition(|number| number.starts_with("CN"));
        assert_eq!(invoices[..15], counted("2026", 1, 15));
        assert_eq!(notes[..5], counted("CN-2026", 1, 5));
        assert_eq!(invoices[15..], [counted("2027", 1, 3), counted("2027", 10, 12)].concat());
        assert_eq!(notes[5..], ["CN-2027-1", "CN-2027-4"]);
    }

    // Another format may write numbers that look like those of documents that are there.
    async fn a_format_that_would_repeat_numbers_passes_them_over(company: Company) {
        company.set(&settings::NUMBER_FORMAT, "2{NUMBER}").await;
        let client = company.client("ada@example.com").await;
        for owner in 1..=30 {
            company.charge(&client, owner, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        }
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET separate_invoices = TRUE WHERE id = $1", params![client.id]).await.unwrap();
        tx.execute("UPDATE recurring_charges SET next_due_on = '2026-02-15', next_invoice_on = '2026-02-15' WHERE owner_id > 5", params![])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(generate(&company).await.invoices, 5, "from 21 to 25");
        company.set(&settings::NUMBER_FORMAT, "{NUMBER}").await;
        company.today("2026-02-15");
        let report = generate(&company).await;
        let numbers: Vec<String> = report.made.iter().map(|made| made.invoice.as_ref().unwrap().number.clone()).collect();
        assert_eq!((numbers.len(), numbers[0].as_str(), numbers[24].as_str()), (25, "26", "50"));
        company.is_sound().await;
    }

    async fn what_is_not_the_clients_fault_fails_the_run_and_parks_nobody(company: Company) {
        for index in 0..3 {
            let client = company.client(&format!("client{index}@example.com")).await;
            company.charge(&client, index, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        }
        let rename = async |sql: &str| {
            let mut tx = company.app.db.write().await.unwrap();
            tx.batch(sql).await.unwrap();
            tx.commit().await.unwrap();
        };
        rename("ALTER TABLE ledger_postings RENAME TO elsewhere").await;
        for mode in [Mode::DryRun, Mode::Real] {
            let terms = company.terms().await;
            let (scope, progress) = (Scope::default(), Progress::default());
            let failed =
                super::run(&company.app.db, &company.by, &terms, &scope, mode, Detail::Counts, &progress).await.unwrap_err();
            assert!(failed.to_string().starts_with("3 clients in a row could not be invoiced."), "{failed}");
        }
        assert_eq!((company.count("parked_clients").await, company.count("invoices").await), (0, 0));
        rename("ALTER TABLE elsewhere RENAME TO ledger_postings").await;
        assert_eq!(generate(&company).await.invoices, 3);
        company.is_sound().await;
    }

    // A row that cannot be read is a defect, and still no reason to leave the others without invoices.
    async fn a_client_whose_rows_cannot_be_read_is_parked_alone(company: Company) {
        for index in 0..3 {
            let client = company.client(&format!("client{index}@example.com")).await;
            let charge = company.charge(&client, index, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            if index > 0 {
                company.raw("UPDATE recurring_charges SET cycle = 'sometimes' WHERE id = $1", charge).await;
            }
        }
        let report = generate(&company).await;
        assert_eq!((report.invoices, report.failures.len()), (1, 2), "{:?}", report.failures);
        assert!(report.failures[0].message.contains("sometimes"), "{}", report.failures[0].message);
        let again = generate(&company).await;
        assert_eq!((again.clients, again.failures.len()), (0, 0), "they wait until somebody has looked");
    }

    // The day's captures wait for the end of the run, and it has one.
    async fn a_run_that_fails_to_the_last_has_an_end(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        let terms = company.terms().await;
        let mut tx = company.app.db.write().await.unwrap();
        let by = &company.by;
        let (id, _) = jobs::request(&mut tx, "day".to_owned(), &terms, "schedule", by, &Scope::default()).await.unwrap();
        tx.batch("ALTER TABLE ledger_postings RENAME TO elsewhere; UPDATE jobs SET max_attempts = 2").await.unwrap();
        tx.commit().await.unwrap();
        let mut states = Vec::new();
        for day in ["2026-01-15", "2026-01-16"] {
            company.today(day);
            platform::jobs::drain(&company.app).await.unwrap();
            states.push(platform::runs::find(&mut company.app.db.read().await.unwrap(), id).await.unwrap());
        }
        assert_eq!((states[0].state, states[0].finished_at), (platform::runs::RunState::Running, None));
        assert_eq!(states[1].state, platform::runs::RunState::Failed);
        assert!(states[1].finished_at.is_some() && states[1].summary.contains("could not be invoiced"));
    }

    async fn only_the_wanted_owners_are_invoiced(company: Company) {
        let client = company.client("ada@example.com").await;
        for owner in [1, 2] {
            company.charge(&client, owner, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        }
        let terms = company.terms().await;
        let owners = Some(HashSet::from([("service".to_owned(), 2)]));
        let scope = Scope { client_id: Some(client.id), owners, no_mails: true };
        let report =
            super::run(&company.app.db, &company.by, &terms, &scope, Mode::Real, Detail::EveryInvoice, &Progress::default())
                .await
                .unwrap();
        assert_eq!(report.made[0].lines.len(), 1);
        assert!(report.made[0].lines[0].starts_with("Hosting 2"));
        company.is_sound().await;
    }
}

/// The seal notices any change of an issued document.
mod seals {
    use super::*;

    testkit::both_engines! {
        async fn a_changed_document_is_found(company: Company) {
            let client = company.client("ada@example.com").await;
            company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            generate(&company).await;
            let mut tx = company.app.db.write().await.unwrap();
            tx.execute("UPDATE invoice_lines SET description = 'Something else'", params![]).await.unwrap();
            tx.commit().await.unwrap();
            let mut conn = company.app.db.read().await.unwrap();
            let findings = crate::doctor::check(&mut conn).await.unwrap();
            assert_eq!(findings.len(), 1, "{findings:?}");
        }
    }
}
