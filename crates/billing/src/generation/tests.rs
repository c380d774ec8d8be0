use std::collections::HashSet;

use accounts::clients;
use kernel::Cycle;
use platform::params;
use platform::runs::Progress;

use super::*;
use crate::invoices::{InvoiceStatus, store};
use crate::payments::{Duplicate, NewPayment};
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

    // Even if a pointer is put back by hand, the unique key refuses the period.
    async fn a_pointer_that_was_moved_back_does_not_invoice_again(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = company.client("ada@example.com").await;
        let charge = company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        generate(&company).await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE recurring_charges SET next_invoice_on = '2026-01-20' WHERE id = $1", params![charge]).await.unwrap();
        tx.commit().await.unwrap();
        let again = generate(&company).await;
        assert_eq!((again.invoices, again.failures.len()), (0, 0));
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
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET separate_invoices = TRUE WHERE id = $1", params![bob.id]).await.unwrap();
        tx.commit().await.unwrap();
        for (client, first) in [(&ada, 1), (&bob, 11)] {
            company.charge(client, first, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            company.charge(client, first + 1, "20.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
            company.charge(client, first + 2, "30.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        }
        let report = generate(&company).await;
        let shapes = |id| report.made.iter().filter(|made| made.client_id == id).map(|made| made.lines.len()).collect::<Vec<_>>();
        let mut of_ada = shapes(ada.id);
        of_ada.sort_unstable();
        assert_eq!(of_ada, [1, 2]);
        assert_eq!(shapes(bob.id), [1, 1, 1]);
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
        unpark(&mut tx, &company.by, bob.id, company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
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

    // Worked example 20, the rest of it.
    async fn credit_pays_what_it_can_and_never_by_itself_later(company: Company) {
        let give = async |client: &accounts::clients::Client, amount: &str| {
            let mut tx = company.app.db.write().await.unwrap();
            let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
            let (on, now) = (company.terms_today(), company.app.clock.now());
            credits::adjust(&mut locked, &company.by, client.id, usd(amount), "Gift", on, now).await.unwrap();
            tx.commit().await.unwrap();
        };
        let some = company.client("some@example.com").await;
        give(&some, "30.00").await;
        company.charge(&some, 1, "50.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let partly = generate(&company).await.last_invoice_id;
        assert_eq!(company.invoice_state(partly).await, (InvoiceStatus::Unpaid, "20.00".to_owned()));
        assert_eq!(company.credit_of(&some).await, "0.00");
        // Credit that comes after generation stays until somebody applies it.
        give(&some, "20.00").await;
        assert_eq!(generate(&company).await.invoices, 0);
        assert_eq!((company.invoice_state(partly).await.1, company.credit_of(&some).await), ("20.00".to_owned(), "20.00".to_owned()));
        company.set(&settings::AUTO_CREDIT, "false").await;
        let never = company.client("never@example.com").await;
        give(&never, "80.00").await;
        company.charge(&never, 2, "50.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let open = generate(&company).await.last_invoice_id;
        assert_eq!((company.invoice_state(open).await.1, company.credit_of(&never).await), ("50.00".to_owned(), "80.00".to_owned()));
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
        recurring::set_billable(&mut tx, "service", 1, false).await.unwrap();
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
