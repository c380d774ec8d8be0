use accounts::clients;
use kernel::Rate;

use super::*;
use crate::invoices::NewLine;
use crate::invoices::Tell;
use crate::invoices::drafts::{self, NewDraft, OwnRates};
use crate::payments::{self, Duplicate, NewPayment};
use crate::testing::{Company, usd};

/// Worked example 40: A 60, B 40, tax 20 %.
async fn invoice(company: &Company) -> Invoice {
    let client = company.client("ada@example.com").await;
    let terms = company.terms().await;
    let new = NewDraft {
        client_id: client.id,
        lines: vec![NewLine::item("A", usd("60.00"), true), NewLine::item("B", usd("40.00"), true)],
        rates: Some(OwnRates { rate1: Rate::parse("20").unwrap(), rate2: Rate::ZERO }),
        source: "test".to_owned(),
        ..NewDraft::default()
    };
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let issued = drafts::create_and_publish(&mut locked, &company.by, &terms, new, Tell::Nobody).await.unwrap();
    let invoice = invoices::find(&mut locked, issued.id).await.unwrap();
    tx.commit().await.unwrap();
    invoice
}

async fn pay(company: &Company, invoice: &Invoice, amount: &str) {
    let terms = company.terms().await;
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
    let new = NewPayment {
        client_id: invoice.client_id,
        gateway: "banktransfer".to_owned(),
        external_id: String::new(),
        duplicate: Duplicate::Refuse,
        amount: usd(amount),
        fees: usd("0"),
        occurred_on: terms.today,
        description: String::new(),
        invoices: vec![invoice.id],
    };
    payments::record(&mut locked, &company.by, new, terms.now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn credit_it(company: &Company, invoice: &Invoice, selection: Selection) -> Result<Noted> {
    let terms = company.terms().await;
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
    let noted = credit(&mut locked, &company.by, &terms, invoice.id, &selection, "Sorry").await?;
    tx.commit().await.unwrap();
    Ok(noted)
}

async fn cancel_it(company: &Company, invoice: &Invoice) -> Result<Option<Noted>> {
    let terms = company.terms().await;
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
    let noted = cancel(&mut locked, &company.by, &terms, invoice.id, "").await?;
    tx.commit().await.unwrap();
    Ok(noted)
}

async fn now(company: &Company, invoice: &Invoice) -> Invoice {
    invoices::find(&mut company.app.db.read().await.unwrap(), invoice.id).await.unwrap()
}

async fn line(company: &Company, invoice: &Invoice, at: usize) -> i64 {
    invoices::lines(&mut company.app.db.read().await.unwrap(), invoice.id).await.unwrap()[at].id
}

async fn credit_of(company: &Company, invoice: &Invoice) -> Money {
    credits::balance(&mut company.app.db.read().await.unwrap(), invoice.client_id, invoice.currency).await.unwrap()
}

testkit::both_engines! {
    async fn a_line_is_credited_with_its_tax(company: Company) {
        let invoice = invoice(&company).await;
        assert_eq!(invoice.total, 12000);
        let a = line(&company, &invoice, 0).await;
        let noted = credit_it(&company, &invoice, Selection::Lines(vec![a])).await.unwrap();
        assert_eq!((noted.total, noted.off_balance, noted.to_credit), (usd("72.00"), usd("72.00"), usd("0")));
        assert_eq!(noted.number, "CN-1");
        let after = now(&company, &invoice).await;
        assert_eq!((after.total, after.balance, after.status), (12000, 4800, InvoiceStatus::Unpaid));
        // The line is used up.
        assert!(matches!(credit_it(&company, &invoice, Selection::Lines(vec![a])).await, Err(Error::Invalid(_))));
        assert!(matches!(credit_it(&company, &invoice, Selection::Amount(usd("48.01"))).await, Err(Error::Invalid(_))));
        company.is_sound().await;
        let rest = credit_it(&company, &invoice, Selection::Amount(usd("48.00"))).await.unwrap();
        assert_eq!(rest.number, "CN-2");
        assert_eq!(now(&company, &invoice).await.status, InvoiceStatus::Paid);
        company.is_sound().await;
    }

    async fn an_amount_is_taken_from_all_lines_with_their_tax(company: Company) {
        let invoice = invoice(&company).await;
        let noted = credit_it(&company, &invoice, Selection::Amount(usd("10.01"))).await.unwrap();
        let mut conn = company.app.db.read().await.unwrap();
        let lines = lines(&mut conn, noted.id).await.unwrap();
        let parts: Vec<_> = lines.iter().map(|line| (line.net, line.tax1, line.tax2)).collect();
        assert_eq!(parts, [(501, 100, 0), (333, 67, 0)]);
        drop(conn);
        company.is_sound().await;
    }

    async fn what_was_paid_becomes_credit(company: Company) {
        let invoice = invoice(&company).await;
        pay(&company, &invoice, "100.00").await;
        let a = line(&company, &invoice, 0).await;
        let noted = credit_it(&company, &invoice, Selection::Lines(vec![a])).await.unwrap();
        assert_eq!((noted.off_balance, noted.to_credit), (usd("20.00"), usd("52.00")));
        assert_eq!(now(&company, &invoice).await.status, InvoiceStatus::Paid);
        assert_eq!(credit_of(&company, &invoice).await, usd("52.00"));
        company.is_sound().await;
    }

    async fn cancelling_credits_everything_once(company: Company) {
        let invoice = invoice(&company).await;
        let noted = cancel_it(&company, &invoice).await.unwrap().unwrap();
        assert_eq!(noted.total, usd("120.00"));
        let after = now(&company, &invoice).await;
        assert_eq!((after.status, after.balance), (InvoiceStatus::Cancelled, 0));
        // The second click.
        assert!(matches!(cancel_it(&company, &invoice).await, Err(Error::Refused(_))));
        assert!(matches!(credit_it(&company, &invoice, Selection::All).await, Err(Error::Refused(_))));
        assert_eq!(of_invoice(&mut company.app.db.read().await.unwrap(), invoice.id).await.unwrap().len(), 1);
        company.is_sound().await;
    }

    async fn cancelling_what_was_paid_gives_it_back_as_credit(company: Company) {
        let invoice = invoice(&company).await;
        pay(&company, &invoice, "130.00").await;
        cancel_it(&company, &invoice).await.unwrap();
        assert_eq!(now(&company, &invoice).await.status, InvoiceStatus::Cancelled);
        assert_eq!(credit_of(&company, &invoice).await, usd("130.00"));
        company.is_sound().await;
    }

    async fn two_clicks_at_the_same_time_make_one_note(company: Company) {
        let invoice = invoice(&company).await;
        let (left, right) = tokio::join!(cancel_it(&company, &invoice), cancel_it(&company, &invoice));
        assert_eq!([left.is_ok(), right.is_ok()].iter().filter(|ok| **ok).count(), 1);
        company.is_sound().await;
    }

    async fn a_changed_note_is_found(company: Company) {
        let invoice = invoice(&company).await;
        credit_it(&company, &invoice, Selection::All).await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE credit_notes SET reason = 'Another'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let findings = crate::doctor::check(&mut company.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    // Worked example 38: hosting A of 20.00 with a discount of 5.00, hosting B of 10.00.
    async fn a_cancelled_service_takes_its_discount_along(company: Company) {
        let client = company.client("ada@example.com").await;
        let terms = company.terms().await;
        let new = NewDraft {
            client_id: client.id,
            lines: vec![
                NewLine::item("A", usd("20.00"), false),
                NewLine::item("Promotion", usd("-5.00"), false),
                NewLine::item("B", usd("10.00"), false),
            ],
            source: "test".to_owned(),
            ..NewDraft::default()
        };
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let issued = drafts::create_and_publish(&mut locked, &company.by, &terms, new, Tell::Nobody).await.unwrap();
        let invoice = invoices::find(&mut locked, issued.id).await.unwrap();
        tx.commit().await.unwrap();
        let (a, promotion, b) =
            (line(&company, &invoice, 0).await, line(&company, &invoice, 1).await, line(&company, &invoice, 2).await);
        let noted = credit_it(&company, &invoice, Selection::Lines(vec![a, promotion])).await.unwrap();
        assert_eq!(noted.total, usd("15.00"));
        assert_eq!(now(&company, &invoice).await.balance, 1000);
        company.is_sound().await;
        // Without a discount that is left there is no more to credit than the invoice's total.
        assert!(matches!(credit_it(&company, &invoice, Selection::Lines(vec![promotion])).await, Err(Error::Invalid(_))));
        credit_it(&company, &invoice, Selection::Lines(vec![b])).await.unwrap();
        assert_eq!(now(&company, &invoice).await.status, InvoiceStatus::Paid);
        company.is_sound().await;
    }

    async fn a_line_is_not_credited_without_its_discount(company: Company) {
        let client = company.client("ada@example.com").await;
        let terms = company.terms().await;
        let lines = vec![NewLine::item("A", usd("20.00"), false), NewLine::item("Promotion", usd("-5.00"), false)];
        let new = NewDraft { client_id: client.id, lines, source: "test".to_owned(), ..NewDraft::default() };
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let issued = drafts::create_and_publish(&mut locked, &company.by, &terms, new, Tell::Nobody).await.unwrap();
        let invoice = invoices::find(&mut locked, issued.id).await.unwrap();
        tx.commit().await.unwrap();
        let a = line(&company, &invoice, 0).await;
        assert!(matches!(credit_it(&company, &invoice, Selection::Lines(vec![a])).await, Err(Error::Invalid(_))));
        assert_eq!(cancel_it(&company, &invoice).await.unwrap().unwrap().total, usd("15.00"));
        company.is_sound().await;
    }

    // The period that stood on a cancelled invoice is over: it is not invoiced again, and the next one is.
    async fn a_cancelled_renewal_goes_on_with_the_next_period(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", kernel::Cycle::Monthly, "2026-01-20", "sandbox").await;
        let generate = async || {
            let terms = company.terms().await;
            let scope = crate::generation::Scope::default();
            let (mode, detail) = (crate::generation::Mode::Real, crate::generation::Detail::Counts);
            let progress = platform::runs::Progress::default();
            crate::generation::run(&company.app.db, &company.by, &terms, &scope, mode, detail, &progress).await.unwrap()
        };
        let id = generate().await.last_invoice_id;
        let invoice = invoices::find(&mut company.app.db.read().await.unwrap(), id).await.unwrap();
        cancel_it(&company, &invoice).await.unwrap();
        assert_eq!(generate().await.invoices, 0);
        company.today("2026-02-10");
        assert_eq!(generate().await.invoices, 1);
        company.is_sound().await;
    }
}
