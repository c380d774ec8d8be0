//! What can be ordered, for how much, and what is refused.

use super::*;

testkit::both_engines! {
    async fn what_is_wrong_is_all_told_and_nothing_is_written(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let before = shop.rows().await;
        let items = vec![
            NewItem { cycle: Some(Cycle::Biennially), ..monthly(product.id) },
            monthly(4711),
            NewItem { domain: "http://x y".to_owned(), price: Some("-1".to_owned()), ..monthly(product.id) },
            NewItem { setup: Some("1.234".to_owned()), ..monthly(product.id) },
            NewItem { price: Some("1000000000000.01".to_owned()), ..monthly(product.id) },
            NewItem { quantity: 2, ..monthly(product.id) },
            monthly(product.id),
        ];
        let new = NewOrder {
            gateway: "retiredpay".to_owned(),
            addons: vec![AddonOrder { service_id: 99, addon: addon(1) }],
            ..shop.order(&client, items)
        };
        let wrong = fields(shop.place(new).await.unwrap_err());
        let named: Vec<&str> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            named,
            [
                "gateway",
                "items[0].cycle",
                "items[1].product_id",
                "items[2].domain",
                "items[3].setup",
                "items[4].price",
                "items[5].quantity",
                "addons[0].service_id"
            ]
        );
        let cycle = "“Starter” has no biennial price in USD. Add one, or choose monthly or annually.";
        assert_eq!((wrong[1].1.as_str(), wrong[2].1.as_str()), (cycle, "There is no product 4711."));
        let nothing = fields(shop.place(shop.order(&client, Vec::new())).await.unwrap_err());
        assert_eq!(nothing[0].1, "No items added to cart so order cannot proceed");
        assert_eq!(shop.rows().await, before);
    }

    async fn a_closed_client_orders_nothing(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        clients::close(&mut locked, &shop.by, client.id, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        let error = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap_err();
        assert_eq!(error.to_string(), "client_id: Unable to add order when client status is Closed");
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Cancelled, "closing called it off");
        assert!(step(&shop, placed.order.id, Move::Pending).await.is_err());
        let unknown = shop.place(NewOrder { client_id: 4711, ..shop.order(&client, Vec::new()) }).await.unwrap_err();
        assert_eq!(fields(unknown)[0].0, "client_id");
        shop.is_sound().await;
    }

    async fn a_quantity_is_several_services_or_one_larger_one(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let list = [("monthly", "5.00", "1.00")];
        let mode = |mode| ProductEdit { quantity_mode: Some(mode), ..ProductEdit::default() };
        let separate = shop.product("Seats", &list, mode(QuantityMode::Services)).await;
        let scaled = shop.product("Nodes", &list, mode(QuantityMode::Scaling)).await;
        let several = |id| NewItem { quantity: 3, ..monthly(id) };
        let new = shop.order(&client, vec![several(separate.id), several(scaled.id)]);
        let shown = quote(&mut conn(&shop).await, &shop.terms().await, &new).await.unwrap();
        let placed = shop.place(new).await.unwrap();
        let quantities: Vec<i64> = placed.services.iter().map(|service| service.quantity).collect();
        assert_eq!(quantities, [1, 1, 1, 3]);
        // Three setup fees for three services, one for the one.
        assert_eq!(placed.invoice.as_ref().unwrap().total, usd("34.00"));
        assert_eq!((shown.totals.total, &shown.recurring), (usd("34.00"), &vec![(Cycle::Monthly, usd("30.00"))]));
        let items = items(&mut conn(&shop).await, placed.order.id).await.unwrap();
        assert_eq!(items.len(), 4);
        shop.is_sound().await;
    }

    async fn a_form_that_is_sent_twice_is_one_order(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let new = NewOrder { request_key: Some("k1".to_owned()), ..shop.order(&client, vec![monthly(product.id)]) };
        let first = shop.place(new.clone()).await.unwrap();
        let second = shop.place(new.clone()).await.unwrap();
        assert_eq!((first.order.id, &first.invoice), (second.order.id, &second.invoice));
        assert_eq!((shop.count("orders").await, shop.count("invoices").await, shop.count("services").await), (1, 1, 1));
        let other = shop.client("bob@example.com").await;
        assert!(matches!(shop.place(NewOrder { client_id: other.id, ..new }).await, Err(Error::Conflict(_))));
        shop.is_sound().await;
    }

    async fn at_once_twice_is_one_order_too(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let new = NewOrder { request_key: Some("k1".to_owned()), ..shop.order(&client, vec![monthly(product.id)]) };
        let (one, two) = tokio::join!(shop.place(new.clone()), shop.place(new));
        assert_eq!(one.unwrap().order.id, two.unwrap().order.id);
        assert_eq!(shop.count("orders").await, 1);
        shop.is_sound().await;
    }

    async fn what_costs_nothing_has_no_invoice(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let free = ProductEdit {
            pay_type: Some(hosting::prices::PayType::Free),
            auto_setup: Some(AutoSetup::Payment),
            ..ProductEdit::default()
        };
        let product = shop.product("Trial", &[], free).await;
        let placed = shop.place(shop.order(&client, vec![NewItem::of(product.id)])).await.unwrap();
        assert_eq!((placed.invoice.is_none(), shop.count("invoices").await), (true, 0));
        assert_eq!(placed.order.status, OrderStatus::Active, "there is nothing to wait for");
        assert_eq!(placed.services[0].status, ServiceStatus::Active);
        // A price of nought that somebody wrote for a service that costs something.
        let starter = shop.starter().await;
        let item = NewItem { price: Some("0".to_owned()), setup: Some("0".to_owned()), ..monthly(starter.id) };
        assert!(shop.place(shop.order(&client, vec![item])).await.unwrap().invoice.is_none());
        shop.is_sound().await;
    }

    async fn prices_that_staff_write_count(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let item = NewItem { price: Some("20".to_owned()), setup: Some("2.50".to_owned()), ..monthly(product.id) };
        let placed = shop.place(shop.order(&client, vec![item])).await.unwrap();
        assert_eq!(placed.invoice.unwrap().total, usd("22.50"));
        assert_eq!(placed.services[0].recurring_amount, 2000);
        shop.is_sound().await;
    }

    async fn tax_is_in_the_preview_and_on_the_invoice_alike(shop: Shop) {
        let mut tx = shop.app.db.write().await.unwrap();
        platform::settings::set(&mut tx, &settings::TAX_ENABLED, "true", shop.now()).await.unwrap();
        tx.batch("INSERT INTO tax_rules (level, name, rate, category) VALUES (1, 'VAT', 200000, 'standard')").await.unwrap();
        tx.commit().await.unwrap();
        let client = shop.client("ada@example.com").await;
        let taxed = ProductEdit { taxed: Some(true), ..ProductEdit::default() };
        let product = shop.product("Taxed", &[("monthly", "10.00", "5.00")], taxed).await;
        let new = shop.order(&client, vec![monthly(product.id)]);
        let shown = quote(&mut conn(&shop).await, &shop.terms().await, &new).await.unwrap();
        let placed = shop.place(new).await.unwrap();
        assert_eq!((shown.totals.total, placed.order.total()), (usd("18.00"), usd("18.00")));
        assert_eq!(placed.invoice.unwrap().total, usd("18.00"));
        shop.is_sound().await;
    }

    async fn addons_are_ordered_for_services_that_are_there(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "1.00")], false, product.id).await;
        let first = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        step(&shop, first.order.id, Move::Accept).await.unwrap();
        shop.pay(first.invoice.unwrap().id).await;
        let service_id = first.services[0].id;
        let order = |addon_id| NewOrder {
            addons: vec![AddonOrder { service_id, addon: AddonItem { quantity: 2, ..addon(addon_id) } }],
            ..shop.order(&client, Vec::new())
        };
        let placed = shop.place(order(extra)).await.unwrap();
        assert_eq!((placed.services.len(), placed.addons.len()), (0, 1));
        assert_eq!(placed.invoice.as_ref().unwrap().total, usd("7.00"));
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        let made = services::find_addon(&mut conn(&shop).await, placed.addons[0].id).await.unwrap();
        assert_eq!(made.status, ServiceStatus::Active);
        assert_eq!(fields(shop.place(order(4711)).await.unwrap_err())[0].1, "Addon ID invalid");
        let stranger = shop.client("bob@example.com").await;
        let foreign = shop.place(NewOrder { client_id: stranger.id, ..order(extra) }).await.unwrap_err();
        assert_eq!(fields(foreign)[0].1, "Service ID not owned by Client ID provided");
        shop.is_sound().await;
    }

    async fn later_changes_of_the_catalogue_do_not_touch_an_order(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let before = items(&mut conn(&shop).await, placed.order.id).await.unwrap();
        let mut tx = shop.app.db.write().await.unwrap();
        let edit = ProductEdit {
            name: Some("Renamed".to_owned()),
            prices: Some(crate::testing::prices(&[("monthly", "99.00", "0")])),
            ..ProductEdit::default()
        };
        hosting::products::update(&mut tx, &shop.by, product.id, &edit, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(items(&mut conn(&shop).await, placed.order.id).await.unwrap(), before);
        assert_eq!((before[0].name.as_str(), before[0].first_amount, before[0].setup), ("Starter", 3100, 1000));
    }
}
