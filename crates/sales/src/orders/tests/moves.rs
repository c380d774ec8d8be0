//! Accepting an order, calling it off, putting it back, deleting it.

use super::*;

/// Without their table nobody who listens can write to services.
async fn rename_services(shop: &Shop, from: &str, to: &str) {
    let mut tx = shop.app.db.write().await.unwrap();
    tx.batch(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
    tx.commit().await.unwrap();
}

/// Returns when another transaction waits for a lock. On SQLite the one writer is what they wait for, in any order.
async fn somebody_waits(shop: &Shop) {
    if shop.app.db.engine() == platform::db::Engine::Sqlite {
        return;
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !conn(shop).await.scalar::<bool>(sql, platform::params![]).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

testkit::both_engines! {
    async fn payment_or_the_order_itself_sets_up_what_says_so(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let list = [("monthly", "5.00", "0")];
        let setup = |when| ProductEdit { auto_setup: Some(when), ..ProductEdit::default() };
        let paid = shop.product("On payment", &list, setup(AutoSetup::Payment)).await;
        let ordered = shop.product("On order", &list, setup(AutoSetup::Order)).await;
        let by_hand = shop.product("By hand", &list, setup(AutoSetup::Accept)).await;

        let placed = shop.place(shop.order(&client, vec![monthly(paid.id)])).await.unwrap();
        assert_eq!(placed.order.status, OrderStatus::Pending);
        shop.pay(placed.invoice.unwrap().id).await;
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
        let paid_for = service(&shop, placed.services[0].id).await;
        assert_eq!((paid_for.status, paid_for.next_due_on), (ServiceStatus::Active, Some(date("2026-02-15"))));

        let placed = shop.place(shop.order(&client, vec![monthly(ordered.id)])).await.unwrap();
        assert_eq!((placed.order.status, placed.services[0].status), (OrderStatus::Active, ServiceStatus::Active));

        // Of a mixed order, what waits for nothing is set up; the order waits for the rest.
        let items = vec![monthly(ordered.id), monthly(paid.id), monthly(by_hand.id)];
        let placed = shop.place(shop.order(&client, items)).await.unwrap();
        shop.pay(placed.invoice.unwrap().id).await;
        let mut statuses = Vec::new();
        for made in &placed.services {
            statuses.push(service(&shop, made.id).await.status);
        }
        assert_eq!(statuses, [ServiceStatus::Active, ServiceStatus::Active, ServiceStatus::Pending]);
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Pending);
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        assert_eq!(service(&shop, placed.services[2].id).await.status, ServiceStatus::Active);
        shop.is_sound().await;
    }

    async fn an_order_that_is_called_off_takes_its_unpaid_invoice_along(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        for to in [Move::Cancel, Move::Fraud] {
            let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
            let fate = step(&shop, placed.order.id, to).await.unwrap();
            let invoice = invoices::find(&mut conn(&shop).await, placed.invoice.unwrap().id).await.unwrap();
            assert_eq!((fate, invoice.status, invoice.balance), (InvoiceFate::Cancelled, InvoiceStatus::Cancelled, 0));
        }
        shop.today("2026-06-01");
        assert_eq!(shop.generate().await.invoices, 0);
        shop.is_sound().await;
    }

    async fn an_invoice_that_was_paid_in_part_is_left_to_staff(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("On payment", &[("monthly", "5.00", "0")], edit).await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let invoice = placed.invoice.unwrap().id;
        shop.pay_part(invoice, "2.00").await;
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        // Paid after all: an order that was called off is not set up by it.
        shop.pay(invoice).await;
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Cancelled);
        assert_eq!(service(&shop, placed.services[0].id).await.status, ServiceStatus::Cancelled);
        shop.is_sound().await;
    }

    async fn calling_off_and_putting_back(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await;
        let item = NewItem { addons: vec![addon(extra)], ..monthly(product.id) };
        let placed = shop.place(shop.order(&client, vec![item])).await.unwrap();
        let (id, service_id) = (placed.order.id, placed.services[0].id);
        for (to, wanted) in [
            (Move::Accept, ServiceStatus::Active),
            (Move::Pending, ServiceStatus::Pending),
            (Move::Cancel, ServiceStatus::Cancelled),
            (Move::Pending, ServiceStatus::Pending),
            (Move::Accept, ServiceStatus::Active),
            (Move::Fraud, ServiceStatus::Fraud),
            (Move::Pending, ServiceStatus::Pending),
        ] {
            step(&shop, id, to).await.unwrap();
            assert_eq!(status(&shop, id).await, to.target());
            let addon = services::find_addon(&mut conn(&shop).await, placed.addons[0].id).await.unwrap();
            assert_eq!((service(&shop, service_id).await.status, addon.status), (wanted, wanted), "{to:?}");
        }
        // Cancelling an order does not end what runs.
        step(&shop, id, Move::Accept).await.unwrap();
        step(&shop, id, Move::Cancel).await.unwrap();
        assert_eq!(service(&shop, service_id).await.status, ServiceStatus::Active);
        shop.is_sound().await;
    }

    // Called off, put back and accepted, an order costs what it cost before: its first period and setup fee are owed.
    async fn an_order_that_comes_back_is_invoiced_again(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await;
        for to in [Move::Cancel, Move::Fraud] {
            let item = NewItem { addons: vec![addon(extra)], ..monthly(product.id) };
            let placed = shop.place(shop.order(&client, vec![item])).await.unwrap();
            let (id, service_id, first) = (placed.order.id, placed.services[0].id, placed.invoice.clone().unwrap());
            let before = lines(&shop, &placed).await;
            step(&shop, id, to).await.unwrap();
            assert_eq!(service(&shop, service_id).await.next_due_on, Some(date("2026-02-15")), "the period is dealt with");
            let page = shop.get(&format!("/admin/orders/{id}/pending")).await.text;
            assert!(page.contains("Cancelled: a new one is issued over what comes back"), "{page}");
            step(&shop, id, Move::Pending).await.unwrap();
            let order = find(&mut conn(&shop).await, id).await.unwrap();
            let second = invoices::find(&mut conn(&shop).await, order.invoice_id.unwrap()).await.unwrap();
            assert_ne!(second.id, first.id);
            assert_eq!((second.status, second.total), (InvoiceStatus::Unpaid, first.total.minor));
            let again = invoices::lines(&mut conn(&shop).await, second.id).await.unwrap();
            assert_eq!(again.iter().map(|line| (line.kind, line.amount)).collect::<Vec<_>>(), before);
            assert_eq!(service(&shop, service_id).await.next_due_on, Some(date("2026-01-15")));
            step(&shop, id, Move::Accept).await.unwrap();
            assert_eq!(shop.generate().await.invoices, 0, "the first period has its invoice");
            shop.is_sound().await;
            shop.pay(second.id).await;
            assert_eq!(service(&shop, service_id).await.next_due_on, Some(date("2026-02-15")));
            shop.is_sound().await;
        }
    }

    async fn callers_who_put_an_order_back_find_its_new_invoice(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("On payment", &[("monthly", "5.00", "0")], edit).await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let order = placed.order.id.to_string();
        let success = json!({ "result": "success" });
        assert_eq!(shop.action("CancelOrder", &[("orderid", &order)]).await, success);
        assert_eq!(shop.action("PendingOrder", &[("orderid", &order)]).await, success);
        assert_eq!(shop.action("PendingOrder", &[("orderid", &order)]).await, success);
        assert_eq!(shop.count("invoices").await, 2, "saying it twice makes no other");
        let found = shop.action("GetOrders", &[("id", &order)]).await["orders"]["order"][0].clone();
        assert_eq!((&found["invoiceid"], &found["paymentstatus"]), (&json!(2), &json!("Unpaid")));
        // Its payment sets up what waits for it.
        shop.pay(2).await;
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
        assert_eq!(service(&shop, placed.services[0].id).await.status, ServiceStatus::Active);
        shop.is_sound().await;
    }

    // A price that is paid once is owed again too, and what was paid for is not.
    async fn what_was_paid_is_not_invoiced_again(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let once = ProductEdit { pay_type: Some(hosting::prices::PayType::OneTime), ..ProductEdit::default() };
        let once = shop.product("Move", &[("onetime", "80.00", "0")], once).await;
        let placed = shop.place(shop.order(&client, vec![NewItem::of(once.id)])).await.unwrap();
        let id = placed.order.id;
        step(&shop, id, Move::Cancel).await.unwrap();
        step(&shop, id, Move::Pending).await.unwrap();
        let owed = find(&mut conn(&shop).await, id).await.unwrap().invoice_id.unwrap();
        assert_eq!(invoices::find(&mut conn(&shop).await, owed).await.unwrap().balance, 8000);
        shop.is_sound().await;
        shop.pay(owed).await;
        for to in [Move::Fraud, Move::Pending, Move::Accept] {
            step(&shop, id, to).await.unwrap();
        }
        assert_eq!(find(&mut conn(&shop).await, id).await.unwrap().invoice_id, Some(owed));
        assert_eq!((shop.count("invoices").await, shop.generate().await.invoices), (2, 0));
        shop.is_sound().await;
    }

    // Whatever is broken about the services, the payment is in the books, and what hangs on it follows.
    async fn a_payment_is_kept_when_the_services_cannot_hear_of_it(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("On payment", &[("monthly", "5.00", "0")], edit).await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let invoice = placed.invoice.clone().unwrap().id;
        rename_services(&shop, "services", "away").await;
        shop.pay(invoice).await;
        let paid = invoices::find(&mut conn(&shop).await, invoice).await.unwrap();
        assert_eq!((paid.status, paid.balance, shop.count("transactions").await), (InvoiceStatus::Paid, 0, 1));
        rename_services(&shop, "away", "services").await;
        let before = service(&shop, placed.services[0].id).await;
        assert_eq!((before.status, before.next_due_on), (ServiceStatus::Pending, Some(date("2026-01-15"))));
        let mut entries = 0;
        for round in ["by the job", "by the job once more, because it was lost before it was done"] {
            platform::jobs::drain(&shop.app).await.unwrap();
            let after = service(&shop, placed.services[0].id).await;
            assert_eq!((after.status, after.next_due_on), (ServiceStatus::Active, Some(date("2026-02-15"))), "{round}");
            assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
            let logged = shop.count("activity_log").await;
            assert!(entries == 0 || entries == logged, "{round}: it happened twice");
            entries = logged;
            let mut tx = shop.app.db.write().await.unwrap();
            let again = "UPDATE jobs SET state = 'ready' WHERE kind = 'platform.listener'";
            assert_eq!(tx.execute(again, platform::params![]).await.unwrap(), 2);
            tx.commit().await.unwrap();
        }
        platform::jobs::drain(&shop.app).await.unwrap();
        shop.is_sound().await;
    }

    // The payment is taken back at the very moment in which a job tells of it.
    async fn who_is_called_again_waits_for_whoever_holds_the_client(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("On payment", &[("monthly", "5.00", "0")], edit).await;
        for (number, listener) in (1..).zip(["hosting.services", "sales.orders"]) {
            let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
            rename_services(&shop, "services", "away").await;
            shop.pay(placed.invoice.clone().unwrap().id).await;
            rename_services(&shop, "away", "services").await;
            let mut taking_back = shop.app.db.write().await.unwrap();
            let others = format!("UPDATE jobs SET state = 'done' WHERE payload NOT LIKE '%{listener}%'");
            taking_back.execute(&others, platform::params![]).await.unwrap();
            taking_back.commit().await.unwrap();

            let mut taking_back = shop.app.db.write().await.unwrap();
            billing::payments::corrections::void(&mut taking_back, &shop.by, number, "", shop.now()).await.unwrap();
            let app = shop.app.clone();
            let called = tokio::spawn(async move { platform::jobs::drain(&app).await });
            somebody_waits(&shop).await;
            taking_back.commit().await.unwrap();
            assert_eq!(called.await.unwrap().unwrap(), 1, "{listener}");

            let after = service(&shop, placed.services[0].id).await;
            assert_eq!((after.status, after.next_due_on), (ServiceStatus::Pending, Some(date("2026-01-15"))), "{listener}");
            assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Pending, "{listener}");
            shop.is_sound().await;
        }
    }

    // One period, set up by its payment: paid for, it is complete, and does not run on for nothing.
    async fn the_only_period_of_a_limited_service_completes_it_on_payment(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        for auto_setup in [AutoSetup::Payment, AutoSetup::Accept] {
            let edit = ProductEdit { auto_setup: Some(auto_setup), cycles_limit: Some(1), ..ProductEdit::default() };
            let product = shop.product(&format!("Once on {auto_setup}"), &[("monthly", "9.00", "0")], edit).await;
            let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
            shop.pay(placed.invoice.unwrap().id).await;
            if auto_setup == AutoSetup::Accept {
                step(&shop, placed.order.id, Move::Accept).await.unwrap();
            }
            assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
            assert_eq!(service(&shop, placed.services[0].id).await.status, ServiceStatus::Completed, "{auto_setup}");
            shop.is_sound().await;
        }
    }

    async fn only_what_was_called_off_is_deleted_and_its_documents_stay(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let id = placed.order.id;
        let delete = async || {
            let mut tx = shop.app.db.write().await?;
            let mut locked = lock(&mut tx, id).await?;
            super::delete(&mut locked, &shop.by, id, shop.now()).await?;
            tx.commit().await
        };
        let refused = delete().await.unwrap_err();
        assert_eq!(refused.to_string(), "The order status must be in Cancelled or Fraud to be deleted");
        step(&shop, id, Move::Cancel).await.unwrap();
        delete().await.unwrap();
        assert!(matches!(find(&mut conn(&shop).await, id).await, Err(Error::NotFound(_))));
        assert!(invoices::find(&mut conn(&shop).await, placed.invoice.unwrap().id).await.is_ok());
        assert_eq!(shop.count("order_items").await, 1);
        shop.is_sound().await;
    }
}
