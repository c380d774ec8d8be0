//! What the first invoice of an order bills, and until when.

use super::*;

testkit::both_engines! {
    // Worked examples 1 to 4.
    async fn first_invoices_are_prorated(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        for (day, price, on, cutoff, total, due) in [
            ("2026-01-15", "31.00", 1, 20, "17.00", "2026-02-01"),
            ("2026-01-25", "31.00", 1, 20, "38.00", "2026-03-01"),
            ("2026-01-20", "31.00", 1, 20, "12.00", "2026-02-01"),
            ("2026-01-31", "31.00", 1, 20, "32.00", "2026-03-01"),
            ("2028-02-10", "29.00", 1, 31, "20.00", "2028-03-01"),
            ("2027-02-10", "28.00", 1, 31, "19.00", "2027-03-01"),
            ("2028-02-10", "9.99", 1, 31, "6.89", "2028-03-01"),
            ("2027-02-10", "9.99", 1, 31, "6.78", "2027-03-01"),
        ] {
            let found = prorated(&shop, &client, day, price, on, cutoff).await;
            assert_eq!(found, (usd(total), date(due)), "{price} on {day}");
        }
        shop.is_sound().await;
    }

    // Worked example 4 d.
    async fn a_day_that_a_month_does_not_have_is_its_last(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let (_, due) = prorated(&shop, &client, "2027-02-10", "28.00", 31, 31).await;
        assert_eq!(due, date("2027-02-28"));
        shop.is_sound().await;
    }

    // Worked example 5.
    async fn options_are_prorated_and_setup_fees_are_not(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.prorated("31.00", "10.00", 1, 20).await;
        let option = shop.option("Mailboxes", "6.20", product.id).await;
        let with = shop.addon("Backups", &[("monthly", "3.10", "0")], true, product.id).await;
        let without = shop.addon("Monitoring", &[("monthly", "5.00", "0")], false, product.id).await;
        let item = NewItem {
            options: vec![OptionValue { option_id: option, value: 1 }],
            addons: vec![addon(with), addon(without)],
            ..monthly(product.id)
        };
        let new = shop.order(&client, vec![item]);
        let shown = quote(&mut conn(&shop).await, &shop.terms().await, &new).await.unwrap();
        let placed = shop.place(new).await.unwrap();
        let made = lines(&shop, &placed).await;
        assert_eq!(
            made,
            [(LineKind::Service, 2040), (LineKind::Setup, 1000), (LineKind::Addon, 170), (LineKind::Addon, 500)]
        );
        let issued = placed.invoice.clone().unwrap();
        assert_eq!(issued.total, usd("37.10"));
        // The preview is what is billed, line by line.
        let previewed: Vec<(LineKind, i64)> = shown.lines.iter().map(|line| (line.kind, line.amount.minor)).collect();
        assert_eq!((previewed, shown.totals.total), (made, issued.total));
        let texts: Vec<String> = shown.lines.iter().map(|line| line.description.clone()).collect();
        let billed = invoices::lines(&mut conn(&shop).await, issued.id).await.unwrap();
        assert_eq!(texts, billed.iter().map(|line| line.description.clone()).collect::<Vec<_>>());
        assert_eq!(shown.recurring, [(Cycle::Monthly, usd("45.30"))]);
        shop.pay(issued.id).await;
        let due: Vec<_> = services::addons_of(&mut conn(&shop).await, placed.services[0].id).await.unwrap();
        assert_eq!(due[0].next_due_on, Some(date("2026-02-01")), "as its product");
        assert_eq!(due[1].next_due_on, Some(date("2026-02-15")), "a month of its own");
        assert_eq!(service(&shop, placed.services[0].id).await.next_due_on, Some(date("2026-02-01")));
        shop.is_sound().await;
    }

    // Worked examples 1 to 4, where the generation of due invoices makes the first invoice.
    async fn first_invoices_are_prorated_by_the_generation_too(shop: Shop) {
        for (day, price, on, cutoff, total, due) in [
            ("2026-01-15", "31.00", 1, 20, "17.00", "2026-02-01"),
            ("2026-01-25", "31.00", 1, 20, "38.00", "2026-03-01"),
            ("2026-01-20", "31.00", 1, 20, "12.00", "2026-02-01"),
            ("2026-01-31", "31.00", 1, 20, "32.00", "2026-03-01"),
            ("2028-02-10", "29.00", 1, 31, "20.00", "2028-03-01"),
            ("2027-02-10", "28.00", 1, 31, "19.00", "2027-03-01"),
            ("2027-02-10", "28.00", 31, 31, "18.00", "2027-02-28"),
            ("2028-02-10", "9.99", 1, 31, "6.89", "2028-03-01"),
            ("2027-02-10", "9.99", 1, 31, "6.78", "2027-03-01"),
        ] {
            let client = shop.client(&format!("{day}-{price}-{on}@example.com")).await;
            shop.today(day);
            let product = shop.prorated(price, "0", on, cutoff).await;
            let new = NewOrder { invoicing: Invoicing::WhenDue, ..shop.order(&client, vec![monthly(product.id)]) };
            let placed = shop.place(new).await.unwrap();
            step(&shop, placed.order.id, Move::Accept).await.unwrap();
            let made = made_of(&shop, client.id).await;
            assert_eq!(made.len(), 1);
            assert_eq!((made[0].1, placed.order.total()), (usd(total), usd(total)), "{price} on {day}");
            shop.pay(made[0].0).await;
            assert_eq!(service(&shop, placed.services[0].id).await.next_due_on, Some(date(due)), "{price} on {day}");
            // From then on, whole periods.
            let next = Date::parse(due).unwrap();
            shop.today(&next.to_string());
            let made = made_of(&shop, client.id).await;
            assert_eq!(made.iter().map(|(_, total)| *total).collect::<Vec<_>>(), [usd(price)]);
        }
        shop.is_sound().await;
    }

    // Worked example 5, with a setup fee of 5.00 for the addon, through every door that leaves the invoice for later.
    async fn a_setup_fee_reaches_the_first_invoice_once_through_every_door(shop: Shop) {
        let product = shop.prorated("31.00", "10.00", 1, 20).await;
        let option = shop.option("Mailboxes", "6.20", product.id).await;
        let with = shop.addon("Backups", &[("monthly", "3.10", "5.00")], true, product.id).await;
        let without = shop.addon("Monitoring", &[("monthly", "5.00", "0")], false, product.id).await;
        let pid = product.id.to_string();
        for door in ["rule", "page", "api", "compat"] {
            shop.today("2026-01-15");
            let client = shop.client(&format!("{door}@example.com")).await;
            let id = client.id.to_string();
            match door {
                "rule" => {
                    let item = NewItem {
                        options: vec![OptionValue { option_id: option, value: 1 }],
                        addons: vec![addon(with), addon(without)],
                        ..monthly(product.id)
                    };
                    let new = NewOrder { invoicing: Invoicing::WhenDue, ..shop.order(&client, vec![item]) };
                    shop.place(new).await.unwrap();
                }
                "page" => {
                    let (option, with, without) = (format!("items[0].options[{option}]"), format!("items[0].addon[{with}]"), format!("items[0].addon[{without}]"));
                    let place = [("client_id", id.as_str()), ("key", "0123456789abcdef0123456789abcdef"), ("gateway", "banktransfer"), ("items[0].product_id", &pid), ("items[0].seen", &pid), ("items[0].domain", "example.com"), (&option, "1"), (&with, "1"), (&without, "1"), ("previewed", "42.10 USD"), ("do", "place")];
                    let placed = shop.post("/admin/orders/new", &place).await;
                    assert_eq!(placed.status, 303, "{}", placed.text);
                }
                "api" => {
                    let body = json!({
                        "client_id": client.id, "gateway": "banktransfer", "invoice": false,
                        "items": [{
                            "product_id": product.id, "cycle": "monthly", "domain": "example.com",
                            "options": [{ "option_id": option, "value": 1 }],
                            "addons": [{ "addon_id": with }, { "addon_id": without }],
                        }],
                    });
                    let made = shop.api("POST", "/orders", body).await;
                    assert_eq!((made.status.as_u16(), made.json()["invoice_id"].is_null()), (201, true), "{}", made.text);
                }
                _ => {
                    let options = base64::engine::general_purpose::STANDARD.encode(format!("a:1:{{i:{option};i:1;}}"));
                    let addons = format!("{with},{without}");
                    let made = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("pid[0]", &pid), ("billingcycle[0]", "monthly"), ("domain[0]", "example.com"), ("configoptions[0]", &options), ("addons[0]", &addons), ("noinvoice", "true")]).await;
                    assert_eq!((made["result"].as_str(), made.get("invoiceid")), (Some("success"), None), "{made}");
                }
            }
            let order = orders_placed(&shop).await.pop().unwrap();
            assert_eq!(shop.count(&format!("invoices WHERE client_id = {id}")).await, 0, "{door}");
            step(&shop, order.id, Move::Accept).await.unwrap();
            let (foretold, done) = shop.foretold_and_done().await;
            assert_eq!(foretold, done, "{door}");
            assert_eq!(done.len(), 1, "{door}");
            assert_eq!(done[0].lines, [
                "Prorated 31.00 1 20 - example.com (2026-01-15 - 2026-01-31) 20.40",
                "Setup fee: Prorated 31.00 1 20 - example.com 10.00",
                "Backups (Prorated 31.00 1 20 - example.com) (2026-01-15 - 2026-01-31) 1.70",
                "Setup fee: Backups (Prorated 31.00 1 20 - example.com) 5.00",
                "Monitoring (Prorated 31.00 1 20 - example.com) (2026-01-15 - 2026-02-14) 5.00",
            ], "{door}");
            assert_eq!(shop.generate().await.invoices, 0, "{door}: a second run bills nothing");
            // A due date that is put back does not bring the setup fee back.
            let invoice = made_before(&shop, client.id).await;
            shop.pay(invoice[0]).await;
            shop.today("2026-02-01");
            let (foretold, done) = shop.foretold_and_done().await;
            assert_eq!(foretold, done);
            let all: Vec<&str> = done.iter().flat_map(|made| &made.lines).map(String::as_str).collect();
            assert_eq!(all, [
                "Prorated 31.00 1 20 - example.com (2026-02-01 - 2026-02-28) 37.20",
                "Backups (Prorated 31.00 1 20 - example.com) (2026-02-01 - 2026-02-28) 3.10",
                "Monitoring (Prorated 31.00 1 20 - example.com) (2026-02-15 - 2026-03-14) 5.00",
            ], "{door}");
        }
        shop.is_sound().await;
    }

    // What costs nothing but its setup is billed for that, once; what costs nothing at first moves on.
    async fn a_first_period_for_nothing_is_billed_for_its_setup_alone(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.product("Gift with setup", &[("monthly", "0", "10.00")], ProductEdit::default()).await;
        let new = NewOrder { invoicing: Invoicing::WhenDue, ..shop.order(&client, vec![monthly(product.id)]) };
        let placed = shop.place(new).await.unwrap();
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        let (foretold, done) = shop.foretold_and_done().await;
        assert_eq!(foretold, done);
        assert_eq!(done.iter().map(|made| made.total).collect::<Vec<_>>(), [usd("10.00")]);
        shop.pay(made_before(&shop, client.id).await[0]).await;
        shop.today("2026-02-15");
        assert_eq!(shop.generate().await.invoices, 0, "a free month has no invoice");
        assert_eq!(service(&shop, placed.services[0].id).await.next_due_on, Some(date("2026-03-15")));
        shop.is_sound().await;
    }

    // Two services of one order, one of them billed before the other is set up.
    async fn an_addon_that_is_ordered_later_brings_its_own_setup_fee(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "7.00")], false, product.id).await;
        let new = NewOrder { invoicing: Invoicing::WhenDue, ..shop.order(&client, vec![monthly(product.id)]) };
        let placed = shop.place(new).await.unwrap();
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        assert_eq!(shop.generate().await.totals, [usd("41.00")]);
        let late = AddonOrder { service_id: placed.services[0].id, addon: addon(extra) };
        let new = NewOrder { invoicing: Invoicing::WhenDue, addons: vec![late], ..shop.order(&client, Vec::new()) };
        let second = shop.place(new).await.unwrap();
        step(&shop, second.order.id, Move::Accept).await.unwrap();
        assert_eq!(shop.generate().await.totals, [usd("10.00")], "the addon and its setup, nothing else");
        assert_eq!(shop.generate().await.invoices, 0);
        shop.is_sound().await;
    }

    async fn paying_moves_the_due_date_and_the_next_period_is_invoiced_once(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let invoice = placed.invoice.clone().unwrap();
        let id = placed.services[0].id;
        assert_eq!((invoice.total, service(&shop, id).await.next_due_on), (usd("41.00"), Some(date("2026-01-15"))));
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        assert_eq!(shop.generate().await.invoices, 0, "the first period has its invoice");
        // Paid late: the due date does not depend on it.
        shop.today("2026-01-20");
        shop.pay(invoice.id).await;
        assert_eq!(service(&shop, id).await.next_due_on, Some(date("2026-02-15")));
        shop.today("2026-02-05");
        let next = shop.generate().await;
        assert_eq!((next.invoices, next.totals), (1, vec![usd("31.00")]));
        assert_eq!(shop.generate().await.invoices, 0);
        shop.is_sound().await;
    }

    async fn a_service_is_invoiced_only_once_it_is_accepted(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let new = NewOrder { invoicing: Invoicing::WhenDue, ..shop.order(&client, vec![monthly(product.id)]) };
        let placed = shop.place(new).await.unwrap();
        assert_eq!((placed.invoice.is_none(), placed.order.invoice_id), (true, None));
        assert_eq!(shop.generate().await.invoices, 0);
        step(&shop, placed.order.id, Move::Accept).await.unwrap();
        assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
        assert_eq!(shop.generate().await.totals, [usd("41.00")], "with the setup fee");
        let again = step(&shop, placed.order.id, Move::Accept).await.unwrap_err();
        assert_eq!(again.to_string(), "Order ID not found or Status not Pending");
        shop.is_sound().await;
    }
}
