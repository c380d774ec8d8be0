use std::collections::BTreeSet;

use accounts::clients::Client;

use super::*;
use crate::generation::{self, Detail, Mode, Report, Scope};
use crate::notes;
use crate::payments::{self, Duplicate, NewPayment};
use crate::settings;
use crate::testing::{Company, date, usd};
use platform::runs::Progress;

async fn charge(company: &Company) -> RecurringCharge {
    of_owner(&mut company.app.db.read().await.unwrap(), "service", 1).await.unwrap().unwrap()
}

async fn dates(company: &Company) -> (String, String) {
    let charge = charge(company).await;
    (charge.next_due_on.to_string(), charge.next_invoice_on.to_string())
}

/// The owner of charge 1 says so anew.
async fn say(company: &Company, client: &Client, change: impl FnOnce(&mut Charge)) -> Result<()> {
    let there = charge(company).await;
    let mut charge = Charge {
        client_id: client.id,
        owner_kind: "service",
        owner_id: 1,
        description: there.description,
        amount: Money::new(there.amount, there.currency),
        cycle: there.cycle,
        anchor_day: there.anchor_day,
        gateway: there.gateway,
        taxed: there.taxed,
        billable: there.billable,
        next_due_on: there.next_due_on,
        remaining: there.remaining,
    };
    change(&mut charge);
    let mut tx = company.app.db.write().await?;
    let mut locked = accounts::clients::lock(&mut tx, client.id).await?;
    put(&mut locked, &charge, company.app.clock.now()).await?;
    tx.commit().await
}

async fn due(company: &Company, client: &Client, on: &str) -> Result<()> {
    let on = date(on);
    say(company, client, |charge| (charge.next_due_on, charge.anchor_day) = (on, on.day())).await
}

async fn refused(company: &Company, client: &Client, on: &str) -> String {
    match due(company, client, on).await {
        Err(Error::Invalid(errors)) => errors.of("next_due_on").unwrap().to_owned(),
        other => panic!("{on}: {other:?}"),
    }
}

async fn generate(company: &Company, on: &str) -> Report {
    company.today(on);
    let terms = company.terms().await;
    let (scope, progress) = (Scope::default(), Progress::default());
    let detail = Detail::EveryInvoice;
    generation::run(&company.app.db, &company.by, &terms, &scope, Mode::Real, detail, &progress).await.unwrap()
}

/// The line of the one invoice that the day's run made.
async fn billed_on(company: &Company, on: &str) -> String {
    let report = generate(company, on).await;
    assert_eq!((report.invoices, report.failures.len()), (1, 0), "{on}");
    report.made[0].lines[0].clone()
}

async fn last(company: &Company) -> i64 {
    company.app.db.read().await.unwrap().scalar("SELECT MAX(id) FROM invoices", params![]).await.unwrap()
}

async fn pay(company: &Company, client: &Client, invoice_id: i64) {
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
    let new = NewPayment {
        client_id: client.id,
        gateway: "banktransfer".to_owned(),
        external_id: format!("T{invoice_id}"),
        duplicate: Duplicate::Refuse,
        amount: usd("10.00"),
        fees: usd("0"),
        occurred_on: company.terms_today(),
        description: String::new(),
        invoices: vec![invoice_id],
    };
    payments::record(&mut locked, &company.by, new, company.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn cancel(company: &Company, client: &Client, invoice_id: i64) {
    let terms = company.terms().await;
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
    notes::cancel(&mut locked, &company.by, &terms, invoice_id, "Sorry").await.unwrap();
    tx.commit().await.unwrap();
}

/// Ten dollars a month from 20 January, whose first invoice is made and unpaid.
async fn billed_once(company: &Company) -> Client {
    let client = company.client("ada@example.com").await;
    company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
    assert_eq!(billed_on(company, "2026-01-15").await, "Hosting 1 (2026-01-20 - 2026-02-19) 10.00");
    client
}

testkit::both_engines! {
    async fn writing_the_old_date_again_does_not_stop_invoicing(company: Company) {
        let client = billed_once(&company).await;
        due(&company, &client, "2026-03-20").await.unwrap();
        assert_eq!(dates(&company).await, ("2026-03-20".to_owned(), "2026-03-20".to_owned()));
        due(&company, &client, "2026-01-20").await.unwrap();
        assert_eq!(dates(&company).await, ("2026-01-20".to_owned(), "2026-02-20".to_owned()));
        assert_eq!(generate(&company, "2026-01-16").await.invoices, 0);
        company.is_sound().await;
        pay(&company, &client, last(&company).await).await;
        assert_eq!(billed_on(&company, "2026-02-10").await, "Hosting 1 (2026-02-20 - 2026-03-19) 10.00");
        company.is_sound().await;
    }

    async fn no_date_bills_a_day_twice(company: Company) {
        let client = billed_once(&company).await;
        let before = dates(&company).await;
        assert_eq!(
            refused(&company, &client, "2026-02-01").await,
            "2026-02-01 lies in a period that is billed already: (2026-01-20 - 2026-02-19), on invoice 1. \
             Choose 2026-02-20 or later, or credit that line first; then it can be billed anew."
        );
        // The second period from then on would be the one too many.
        for date in ["2026-01-10", "2025-12-10"] {
            let why = refused(&company, &client, date).await;
            assert!(why.starts_with("The period (2026-01-10 - 2026-02-09) would reach into one"), "{why}");
        }
        pay(&company, &client, last(&company).await).await;
        let paid = refused(&company, &client, "2026-01-20").await;
        assert!(paid.starts_with("2026-01-20 lies in a period that is billed already"), "{paid}");
        assert_eq!(before, ("2026-01-20".to_owned(), "2026-02-20".to_owned()));
        assert_eq!(dates(&company).await, ("2026-02-20".to_owned(), "2026-02-20".to_owned()));
        company.is_sound().await;
    }

    async fn an_earlier_period_that_fits_is_billed_and_the_billed_one_passed_over(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = billed_once(&company).await;
        due(&company, &client, "2025-12-20").await.unwrap();
        assert_eq!(billed_on(&company, "2026-01-15").await, "Hosting 1 (2025-12-20 - 2026-01-19) 10.00");
        assert_eq!(dates(&company).await, ("2025-12-20".to_owned(), "2026-02-20".to_owned()));
        company.is_sound().await;
        assert_eq!(billed_on(&company, "2026-02-15").await, "Hosting 1 (2026-02-20 - 2026-03-19) 10.00");
        company.is_sound().await;
    }

    async fn a_longer_cycle_does_not_reach_into_what_is_billed(company: Company) {
        let client = billed_once(&company).await;
        due(&company, &client, "2025-12-20").await.unwrap();
        let yearly = say(&company, &client, |charge| charge.cycle = Cycle::Annually).await;
        let Err(Error::Invalid(errors)) = yearly else { panic!("{yearly:?}") };
        assert!(errors.of("cycle").is_some(), "{errors}");
        due(&company, &client, "2026-02-20").await.unwrap();
        say(&company, &client, |charge| charge.cycle = Cycle::Annually).await.unwrap();
        assert_eq!(billed_on(&company, "2026-02-10").await, "Hosting 1 (2026-02-20 - 2027-02-19) 10.00");
        company.is_sound().await;
    }

    // A period whose invoice was cancelled is not billed again by itself, but it is when somebody asks for it.
    async fn what_was_credited_can_be_billed_anew(company: Company) {
        let client = billed_once(&company).await;
        say(&company, &client, |charge| charge.remaining = Some(2)).await.unwrap();
        cancel(&company, &client, last(&company).await).await;
        assert_eq!(dates(&company).await, ("2026-02-20".to_owned(), "2026-02-20".to_owned()));
        assert_eq!(generate(&company, "2026-01-16").await.invoices, 0);
        due(&company, &client, "2026-01-20").await.unwrap();
        assert_eq!(charge(&company).await.remaining, Some(3), "the period that was taken back is one more to come");
        assert_eq!(billed_on(&company, "2026-01-16").await, "Hosting 1 (2026-01-20 - 2026-02-19) 10.00");
        company.is_sound().await;
        pay(&company, &client, last(&company).await).await;
        assert_eq!(dates(&company).await, ("2026-02-20".to_owned(), "2026-02-20".to_owned()));
        assert!(refused(&company, &client, "2026-01-20").await.contains("on invoice 2"));
        company.is_sound().await;
    }

    // Whoever pays the later invoice first still owes the earlier one.
    async fn the_due_date_is_the_first_unpaid_one_in_whatever_order_is_paid(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = billed_once(&company).await;
        let first = last(&company).await;
        billed_on(&company, "2026-02-15").await;
        pay(&company, &client, last(&company).await).await;
        assert_eq!(dates(&company).await.0, "2026-01-20");
        company.is_sound().await;
        pay(&company, &client, first).await;
        assert_eq!(dates(&company).await, ("2026-03-20".to_owned(), "2026-03-20".to_owned()));
        company.is_sound().await;
    }

    // Any date is refused, or bills what is not billed yet; whatever is written, no day is billed twice.
    async fn dates_moved_about_never_overlap(company: Company) {
        company.set(&settings::CONTINUOUS, "true").await;
        let client = billed_once(&company).await;
        let mut taken = BTreeSet::new();
        for (step, day) in ["2025-11-20", "2026-01-31", "2025-12-31", "2025-12-20", "2026-04-20", "2026-03-20", "2026-02-28"]
            .into_iter()
            .enumerate()
        {
            if due(&company, &client, day).await.is_ok() {
                taken.insert(step);
            }
            generate(&company, "2026-01-20").await;
            company.is_sound().await;
        }
        assert_eq!(taken, BTreeSet::from([0, 3, 4, 5, 6]));
    }
}

mod pure {
    use super::super::periods::*;
    use super::*;

    fn billed(from: &str, until: &str, settled: bool) -> Billed {
        let period = Period { from: date(from), until: date(until) };
        Billed { period, invoice_id: 1, invoice: "1".to_owned(), settled, taken_back: false }
    }

    fn next(due_on: &str, remaining: Option<i64>, billed: &[Billed]) -> Option<String> {
        let course = Course { cycle: Cycle::Monthly, anchor_day: date(due_on).day(), remaining };
        next_unbilled(date(due_on), course, billed).ok().map(|date| date.to_string())
    }

    #[test]
    fn the_next_invoice_is_behind_what_is_billed_in_a_row() {
        let row = [billed("2026-02-01", "2026-03-01", false), billed("2026-03-01", "2026-04-01", true)];
        assert_eq!(next("2026-02-01", None, &row).unwrap(), "2026-04-01");
        assert_eq!(next("2026-01-01", None, &row).unwrap(), "2026-01-01");
        assert_eq!(next("2026-04-01", None, &row).unwrap(), "2026-04-01");
        assert_eq!(next("2026-03-01", None, &row), None, "it is settled");
        assert_eq!(next("2026-02-02", None, &row), None, "it is billed");
        assert_eq!(next("2026-01-02", None, &row), None);
    }

    #[test]
    fn periods_that_will_not_come_clash_with_nothing() {
        let later = [billed("2026-03-15", "2026-04-15", false)];
        assert_eq!(next("2026-01-01", None, &later), None);
        assert_eq!(next("2026-01-01", Some(3), &later), None);
        assert_eq!(next("2026-01-01", Some(2), &later).unwrap(), "2026-01-01");
        assert_eq!(next("2026-03-01", Some(0), &later).unwrap(), "2026-03-01");
    }
}
