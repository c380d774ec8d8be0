use std::sync::Arc;

use platform::params;
use testkit::Engine;

use super::*;
use crate::payments::corrections;
use crate::testing::{Company, Scripted, usd};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::<Scripted>::default()]).await
}

async fn restored(company: &Company) {
    let now = company.app.clock.now();
    let mut tx = company.app.db.write().await.unwrap();
    tx.execute("INSERT INTO restores (backup_made_at, restored_at) VALUES ($1, $1)", params![now]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn on_hold(company: &Company) -> bool {
    hold(&mut company.app.db.read().await.unwrap()).await.unwrap().is_some()
}

testkit::both_engines! {
    with = open;

    async fn a_gateway_that_cannot_be_asked_keeps_payments_on_hold_until_staff_have_looked(company: Company) {
        restored(&company).await;
        let report = reconcile(&company.app, &company.by, Release::WhenClear).await.unwrap();
        assert_eq!(report.unasked.len(), 1, "{report:?}");
        assert!(!report.released && on_hold(&company).await);

        let report = reconcile(&company.app, &company.by, Release::Checked).await.unwrap();
        assert!(report.released && !on_hold(&company).await);
        let again = reconcile(&company.app, &company.by, Release::WhenClear).await.unwrap();
        assert!(again.released && again.since.is_none());
    }

    async fn nothing_runs_by_itself_and_nothing_is_charged_while_payments_are_on_hold(company: Company) {
        restored(&company).await;
        assert_eq!(crate::schedule::tick(&company.app).await.unwrap(), 0);
        let terms = company.terms().await;
        let refused = captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap_err();
        assert!(refused.to_string().contains("on hold"), "{refused}");

        reconcile(&company.app, &company.by, Release::Checked).await.unwrap();
        assert_eq!(crate::schedule::tick(&company.app).await.unwrap(), 1);
        captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap();
    }
}

/// Books that came from a backup, and a gateway that tells what it has taken since.
struct Restored {
    company: Company,
    gateway: Arc<Scripted>,
}

async fn compared(engine: Engine) -> Restored {
    let gateway = Arc::<Scripted>::default();
    Restored { company: Company::with_gateways(engine, vec![gateway.clone()]).await, gateway }
}

impl Restored {
    /// An invoice of 50.00 that the backup has, and what a card was charged for it afterwards.
    async fn charged(&self, amount: &str) -> (i64, Taken) {
        let client = self.company.client("ada@example.com").await;
        let invoice = self.company.owed(&client, "50.00").await;
        restored(&self.company).await;
        let taken = Taken {
            external_id: "pi_1".to_owned(),
            attempt: "made after the backup".to_owned(),
            client_id: Some(client.id),
            invoice_id: Some(invoice),
            amount: usd(amount),
            fee: None,
            taken_at: self.company.app.clock.now(),
            returned: None,
        };
        (invoice, taken)
    }

    fn say(&self, taken: Taken) {
        *self.gateway.taken.lock().unwrap() = Some(vec![taken]);
    }

    async fn reconciled(&self, release: Release) -> Report {
        reconcile(&self.company.app, &self.company.by, release).await.unwrap()
    }

    async fn balance(&self, invoice: i64) -> String {
        self.company.invoice_state(invoice).await.1
    }
}

testkit::both_engines! {
    with = compared;

    // An invoice of 50.00 in the backup; then 30.00 came by bank transfer, and the card was charged for the other 20.00.
    async fn what_was_lost_beside_a_charge_keeps_payments_on_hold(books: Restored) {
        let (invoice, taken) = books.charged("20.00").await;
        books.say(taken.clone());
        for _ in 0..2 {
            let report = books.reconciled(Release::WhenClear).await;
            assert_eq!((report.found.len(), report.released), (1, false), "{report:?}");
            let problem = report.found[0].problem.as_deref().unwrap();
            assert!(problem.contains("still owes 30.00 USD"), "{problem}");
            assert_eq!(books.company.count("transactions").await, 1, "booked once");
            assert_eq!(books.balance(invoice).await, "30.00");
        }
        let new = NewPayment {
            client_id: taken.client_id.unwrap(),
            gateway: "banktransfer".to_owned(),
            external_id: "bank-1".to_owned(),
            duplicate: Duplicate::Refuse,
            amount: usd("30.00"),
            fees: usd("0.00"),
            occurred_on: books.company.terms_today(),
            description: String::new(),
            invoices: vec![invoice],
        };
        let mut tx = books.company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, new.client_id).await.unwrap();
        payments::record(&mut locked, &books.company.by, new, books.company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(books.reconciled(Release::WhenClear).await.released);
        assert_eq!(books.balance(invoice).await, "0.00");
        books.company.is_sound().await;
    }

    async fn a_payment_that_went_back_is_not_booked_as_kept(books: Restored) {
        let (invoice, taken) = books.charged("50.00").await;
        books.say(Taken { returned: Some(usd("10.00")), ..taken });
        let report = books.reconciled(Release::WhenClear).await;
        assert!(!report.released && report.found[0].transaction_id.is_none(), "{report:?}");
        assert!(report.found[0].problem.as_deref().unwrap().contains("10.00 USD of this was refunded or disputed"), "{report:?}");
        assert_eq!((books.company.count("transactions").await, books.balance(invoice).await), (0, "50.00".to_owned()));
        assert!(books.reconciled(Release::Checked).await.released);
        books.company.is_sound().await;
    }

    // An id that was given again after the restore is another invoice's.
    async fn what_was_made_since_is_not_mistaken_for_what_was_meant(books: Restored) {
        let (invoice, taken) = books.charged("50.00").await;
        let now = books.company.app.clock.now();
        books.company.app.clock.set(now.plus_seconds(3600));
        let client = clients::find(&mut books.company.app.db.read().await.unwrap(), taken.client_id.unwrap()).await.unwrap();
        let other = books.company.owed(&client, "50.00").await;
        books.say(Taken { invoice_id: Some(other), ..taken });
        for _ in 0..2 {
            let report = books.reconciled(Release::WhenClear).await;
            assert_eq!((report.found.len(), report.released), (1, false), "{report:?}");
            let problem = report.found[0].problem.as_deref().unwrap();
            assert!(problem.contains("is open with 50.00 USD") && problem.contains("apply the credit (50.00 USD)"), "{problem}");
            assert_eq!((books.balance(other).await, books.balance(invoice).await), ("50.00".to_owned(), "50.00".to_owned()));
            assert_eq!(books.company.credit_of(&client).await, "50.00");
        }
        let mut tx = books.company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let today = books.company.terms_today();
        credits::apply(&mut locked, &books.company.by, other, usd("50.00"), today, books.company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(books.reconciled(Release::WhenClear).await.released);
        books.company.is_sound().await;
    }

    // Switched off when the backup was made, it may have been on since.
    async fn a_gateway_that_is_switched_off_is_asked_too(books: Restored) {
        let (invoice, taken) = books.charged("50.00").await;
        books.say(taken);
        let mut tx = books.company.app.db.write().await.unwrap();
        tx.execute("UPDATE gateways SET active = FALSE WHERE name = 'sandbox'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let report = books.reconciled(Release::WhenClear).await;
        assert_eq!((report.found.len(), report.released, report.not_set_up.len()), (1, true, 0), "{report:?}");
        assert_eq!(books.balance(invoice).await, "0.00");
    }

    async fn what_was_found_is_the_gateway_s_word(books: Restored) {
        let (invoice, taken) = books.charged("50.00").await;
        books.say(taken);
        let report = books.reconciled(Release::WhenClear).await;
        assert!(report.released && report.found[0].problem.is_none(), "{report:?}");
        assert_eq!(books.balance(invoice).await, "0.00");
        let (id, now) = (report.found[0].transaction_id.unwrap(), books.company.app.clock.now());
        let mut tx = books.company.app.db.write().await.unwrap();
        let edit = corrections::TransactionEdit { reference: Some("mine".to_owned()), ..Default::default() };
        assert!(matches!(corrections::edit(&mut tx, &books.company.by, id, edit, now).await, Err(Error::Refused(_))));
        let refused = corrections::void(&mut tx, &books.company.by, id, "", now).await.unwrap_err();
        assert!(refused.to_string().contains("Refund it instead"), "{refused}");
        drop(tx);
        // The next restore finds it by its id.
        restored(&books.company).await;
        books.company.app.clock.set(now.plus_seconds(60));
        assert!(books.reconciled(Release::WhenClear).await.found.is_empty());
        assert_eq!(books.company.count("transactions").await, 1);
        books.company.is_sound().await;
    }
}
