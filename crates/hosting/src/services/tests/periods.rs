//! When a service is billed, and when no more.

use super::*;

testkit::both_engines! {
    async fn an_order_makes_a_pending_service_whose_charge_waits(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        let service = &created.service;
        assert_eq!((service.status, service.domain.as_str()), (ServiceStatus::Pending, "example.com"));
        assert_eq!((service.recurring(), service.first()), (money("31.00"), money("41.00")));
        assert_eq!(service.next_due_on, Some(date("2026-01-15")));
        let line = &created.lines[0];
        assert_eq!((line.amount, line.setup), (money("31.00"), money("10.00")));
        assert_eq!(line.description, "Starter - example.com (2026-01-15 - 2026-02-14)");
        let charge = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!(charge.id, line.charge_id);
        assert!(!charge.billable);
        assert_eq!((charge.amount, charge.next_due_on), (3100, date("2026-01-15")));
        assert_eq!(charge.description, "Starter - example.com");
        let active = to(&company, service, ServiceStatus::Active).await;
        assert_eq!(active.status, ServiceStatus::Active);
        assert!(self::charge(&company, SERVICE, service.id).await.unwrap().billable);
    }

    async fn paying_the_first_invoice_moves_the_due_date_to_the_end_of_its_period(company: Company) {
        let client = company.client("ada@client.example").await;
        let prices = list(&[("monthly", "31.00", "10.00")]);
        let edit = ProductEdit {
            prorata: Some(true),
            prorata_day: Some(1),
            prorata_cutoff: Some(20),
            ..company.product_edit("Starter", prices)
        };
        let product = company.product(edit).await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        let line = &created.lines[0];
        assert_eq!((line.amount, line.setup), (money("17.00"), money("10.00")), "the share of the month; setup whole");
        to(&company, &created.service, ServiceStatus::Active).await;
        let made = invoice(&company, &client, &created.lines).await;
        assert_eq!(made.1, money("27.00"));
        let before = charge(&company, SERVICE, created.service.id).await.unwrap();
        assert_eq!((before.next_due_on, before.next_invoice_on), (date("2026-01-15"), date("2026-02-01")));
        pay(&company, &client, made).await;
        let service = stored(&company, created.service.id).await;
        assert_eq!((service.next_due_on, service.anchor_day), (Some(date("2026-02-01")), 1));
        let after = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!((after.next_due_on, after.next_invoice_on), (date("2026-02-01"), date("2026-02-01")));
    }

    async fn addons_are_billed_on_lines_of_their_own(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit {
            prorata: Some(true),
            prorata_day: Some(1),
            prorata_cutoff: Some(20),
            ..company.product_edit("Starter", list(&[("monthly", "37.20", "0")]))
        };
        let product = company.product(edit).await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut ids = Vec::new();
        for (name, price, prorata) in [("A", "3.10", true), ("B", "5.00", false)] {
            let edit = AddonEdit {
                name: Some(name.to_owned()),
                prorata: Some(prorata),
                product_ids: Some(vec![product.id]),
                prices: Some(list(&[("monthly", price, "0")])),
                ..AddonEdit::default()
            };
            ids.push(crate::addons::create(&mut tx, &company.by, &edit, company.now()).await.unwrap().id);
        }
        tx.commit().await.unwrap();
        let addon = |addon_id| NewAddon { addon_id, quantity: 1, cycle: None, price: None };
        let order = NewService { addons: vec![addon(ids[0]), addon(ids[1])], ..company.order(&client, &product) };
        let created = company.place(order).await.unwrap();
        // Worked example 5.
        let amounts: Vec<Money> = created.lines.iter().map(|line| line.amount).collect();
        assert_eq!(amounts, [money("20.40"), money("1.70"), money("5.00")]);
        let until: Vec<Date> = created.lines.iter().map(|line| line.period.until).collect();
        assert_eq!(until, ["2026-02-01", "2026-02-01", "2026-02-15"].map(date));
        to(&company, &created.service, ServiceStatus::Active).await;
        let first = created.addons[0].id;
        assert!(charge(&company, ADDON, first).await.unwrap().billable, "addons go along with their service");
        pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
        let addons = addons_of(&mut company.app.db.read().await.unwrap(), created.service.id).await.unwrap();
        assert_eq!(addons[1].next_due_on, Some(date("2026-02-15")));
        to(&company, &created.service, ServiceStatus::Terminated).await;
        assert!(!charge(&company, ADDON, first).await.unwrap().billable);
        let addons = addons_of(&mut company.app.db.read().await.unwrap(), created.service.id).await.unwrap();
        assert!(addons.iter().all(|addon| addon.status == ServiceStatus::Terminated));
    }

    async fn only_active_and_suspended_services_are_billable(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        for status in ServiceStatus::ALL {
            to(&company, &created.service, *status).await;
            let billable = charge(&company, SERVICE, created.service.id).await.unwrap().billable;
            assert_eq!(billable, status.is_billable(), "{status}");
        }
        let ended = to(&company, &created.service, ServiceStatus::Terminated).await;
        assert_eq!(ended.terminated_on, Some(date("2026-01-15")));
        let again = to(&company, &created.service, ServiceStatus::Active).await;
        assert_eq!(again.terminated_on, None);
    }

    async fn free_and_one_time_services_have_no_next_due_date(company: Company) {
        let client = company.client("ada@client.example").await;
        let free = ProductEdit { pay_type: Some(PayType::Free), ..company.product_edit("Gift", list(&[])) };
        let free = company.product(free).await;
        let created = company.place(company.order(&client, &free)).await.unwrap();
        assert_eq!((created.service.cycle, created.service.next_due_on), (Cycle::Free, None));
        assert!(created.lines.is_empty());
        assert!(charge(&company, SERVICE, created.service.id).await.is_none());
        let once = ProductEdit {
            pay_type: Some(PayType::OneTime),
            quantity_mode: Some(QuantityMode::Scaling),
            ..company.product_edit("Move", list(&[("onetime", "80.00", "5.00")]))
        };
        let once = company.product(once).await;
        let order = NewService { quantity: 2, ..company.order(&client, &once) };
        let created = company.place(order).await.unwrap();
        assert_eq!((created.lines[0].amount, created.lines[0].setup), (money("160.00"), money("5.00")));
        assert_eq!(created.lines[0].description, "Move - example.com");
        to(&company, &created.service, ServiceStatus::Active).await;
        assert_eq!(charge(&company, SERVICE, created.service.id).await.unwrap().remaining, Some(1));
        pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
        let paid = stored(&company, created.service.id).await;
        assert_eq!((paid.status, paid.next_due_on), (ServiceStatus::Active, None));
        assert_eq!(charge(&company, SERVICE, paid.id).await.unwrap().remaining, Some(0), "charged once");
    }

    async fn the_last_of_a_limited_number_of_periods_completes_a_service(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { cycles_limit: Some(1), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
        let product = company.product(edit).await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        to(&company, &created.service, ServiceStatus::Active).await;
        pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
        assert_eq!(stored(&company, created.service.id).await.status, ServiceStatus::Completed);
        let charge = charge(&company, SERVICE, created.service.id).await.unwrap();
        assert_eq!((charge.remaining, charge.billable), (Some(0), false));
    }

    // Brought back, a completed service is billed for as many periods again, and not left running for nothing.
    async fn a_completed_service_that_is_activated_again_is_billed_again(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { cycles_limit: Some(1), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
        let product = company.product(edit).await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        let id = created.service.id;
        to(&company, &created.service, ServiceStatus::Active).await;
        pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
        let doors = company.doors().await;
        let page = doors.page(&format!("/admin/services/{id}/status?to=active")).await;
        assert!(page.contains("The count of its periods begins anew: 1 more"), "{page}");
        let again = to(&company, &stored(&company, id).await, ServiceStatus::Active).await;
        assert_eq!(again.status, ServiceStatus::Active);
        let charge = charge(&company, SERVICE, id).await.unwrap();
        assert_eq!((charge.remaining, charge.billable), (Some(1), true));
        assert_eq!(charge.next_invoice_on, date("2026-02-15"));
    }

    // Paid while it was terminated, it has nothing more to run for.
    async fn a_service_that_is_paid_off_is_complete_when_it_is_activated(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { cycles_limit: Some(1), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
        let product = company.product(edit).await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        let made = invoice(&company, &client, &created.lines).await;
        to(&company, &created.service, ServiceStatus::Terminated).await;
        pay(&company, &client, made).await;
        assert_eq!(stored(&company, created.service.id).await.status, ServiceStatus::Terminated);
        let active = to(&company, &created.service, ServiceStatus::Active).await;
        assert_eq!(active.status, ServiceStatus::Completed);
        assert!(!charge(&company, SERVICE, active.id).await.unwrap().billable);
    }

    async fn what_the_first_invoice_bills_waits_for_the_generation(company: Company) {
        let client = company.client("ada@client.example").await;
        let service = prorated(&company, &client).await;
        assert_eq!((service.first(), service.anchor_day), (money("27.00"), 1));
        assert_eq!(charge(&company, SERVICE, service.id).await.unwrap().next_invoice_on, date("2026-01-15"));
        let waiting = first(&company, service.id).await.unwrap();
        assert_eq!((waiting.amount, waiting.setup), (money("17.00"), money("10.00")));
        assert_eq!((waiting.period.from, waiting.period.until), (date("2026-01-15"), date("2026-02-01")));
        // What an order bills itself does not wait.
        let product = company.starter().await;
        let other = company.place(company.order(&client, &product)).await.unwrap().service;
        assert_eq!(first(&company, other.id).await, None);
    }

    // As long as it is not made, the first invoice follows what staff change.
    async fn a_first_invoice_follows_the_service(company: Company) {
        let client = company.client("ada@client.example").await;
        let doors = company.doors().await;
        let service = prorated(&company, &client).await;
        let edit = ServiceEdit { recurring_amount: Some(money("62.00")), ..ServiceEdit::default() };
        let changed = change(&company, &service, edit).await.unwrap();
        assert_eq!(changed.first(), money("44.00"), "17 of 31 days of 62.00, and the setup fee");
        assert_eq!(first(&company, service.id).await.unwrap().amount, money("34.00"));
        let edit = ServiceEdit { next_due_on: Some(date("2026-01-25")), ..ServiceEdit::default() };
        change(&company, &service, edit).await.unwrap();
        let later = first(&company, service.id).await.unwrap();
        assert_eq!((later.amount, later.period.until), (money("76.00"), date("2026-03-01")), "past the cut-off: a month more");
        let edit = ServiceEdit { first_amount: Some(money("30.00")), ..ServiceEdit::default() };
        change(&company, &service, edit).await.unwrap();
        let written = first(&company, service.id).await.unwrap();
        assert_eq!((written.amount, written.setup), (money("20.00"), money("10.00")));
        let edit = ServiceEdit { first_amount: Some(money("4.00")), ..ServiceEdit::default() };
        let changed = change(&company, &service, edit).await.unwrap();
        let less = first(&company, service.id).await.unwrap();
        assert_eq!((changed.first(), less.amount, less.setup), (money("4.00"), money("0"), money("4.00")));
        assert!(doors.page(&format!("/admin/services/{}/edit", service.id)).await.contains("First invoice"));
        let api = doors.api("GET", &format!("/services/{}", service.id), json!(null)).await.json();
        assert_eq!((api["first_invoice"]["setup"].as_str(), api["first_invoice"]["until"].as_str()), (Some("4.00"), Some("2026-03-01")));
        // What has become free has no first invoice.
        let edit = ServiceEdit { cycle: Some(Cycle::Free), ..ServiceEdit::default() };
        assert_eq!(change(&company, &service, edit).await.unwrap().first(), money("0"));
        assert_eq!(first(&company, service.id).await, None);
    }

    async fn what_is_free_has_no_price_of_its_own(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { pay_type: Some(PayType::Free), ..company.product_edit("Gift", list(&[])) };
        let product = company.product(edit).await;
        for (field, price, setup) in [("price", Some(money("5.00")), None), ("setup", None, Some(money("5.00")))] {
            let order = NewService { price, setup, ..company.order(&client, &product) };
            let refused = company.place(order).await.unwrap_err();
            assert!(matches!(&refused, Error::Invalid(errors) if errors.of(field).is_some()), "{refused}");
        }
    }

    async fn a_completed_service_goes_on_when_its_last_payment_is_taken_back(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { cycles_limit: Some(1), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
        let product = company.product(edit).await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        to(&company, &created.service, ServiceStatus::Active).await;
        pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
        assert_eq!(stored(&company, created.service.id).await.status, ServiceStatus::Completed);
        let mut tx = company.app.db.write().await.unwrap();
        payments::corrections::void(&mut tx, &company.by, 1, "", company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let service = stored(&company, created.service.id).await;
        assert_eq!((service.status, service.terminated_on), (ServiceStatus::Active, None));
        assert_eq!(service.next_due_on, Some(date("2026-01-15")));
        let charge = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!((charge.billable, charge.remaining), (true, Some(0)), "its period is invoiced, and there is no other");
    }
}
