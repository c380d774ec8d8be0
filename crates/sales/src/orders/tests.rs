use accounts::clients::{self, Client};
use base64::Engine as _;
use billing::invoices::{self, InvoiceStatus, Line, LineKind, rearrange};
use billing::settings;
use hosting::products::{self, ProductEdit, QuantityMode};
use hosting::services;
use platform::db::Conn;
use serde_json::json;

use super::*;
use crate::testing::{As, Shop, date, usd};

/// One of a product, monthly.
fn monthly(product_id: i64) -> NewItem {
    NewItem { cycle: Some(Cycle::Monthly), domain: "Example.com".to_owned(), ..NewItem::of(product_id) }
}

fn addon(addon_id: i64) -> AddonItem {
    AddonItem { addon_id, quantity: 1, cycle: None, price: None }
}

async fn conn(shop: &Shop) -> Conn {
    shop.app.db.read().await.unwrap()
}

async fn lines(shop: &Shop, placed: &Placed) -> Vec<(LineKind, i64)> {
    let id = placed.invoice.as_ref().unwrap().id;
    let lines: Vec<Line> = invoices::lines(&mut conn(shop).await, id).await.unwrap();
    lines.iter().map(|line| (line.kind, line.amount)).collect()
}

async fn service(shop: &Shop, id: i64) -> Service {
    services::find(&mut conn(shop).await, id).await.unwrap()
}

async fn status(shop: &Shop, id: i64) -> OrderStatus {
    find(&mut conn(shop).await, id).await.unwrap().status
}

async fn step(shop: &Shop, id: i64, step: Move) -> Result<InvoiceFate> {
    let mut tx = shop.app.db.write().await?;
    let mut locked = lock(&mut tx, id).await?;
    let fate = match step {
        Move::Accept => accept(&mut locked, &shop.by, id, shop.now()).await.map(|_| InvoiceFate::Untouched)?,
        Move::Pending => set_pending(&mut locked, &shop.by, id, shop.now()).await.map(|_| InvoiceFate::Untouched)?,
        Move::Cancel => cancel(&mut locked, &shop.by, id, shop.now()).await?.invoice,
        Move::Fraud => set_fraud(&mut locked, &shop.by, id, shop.now()).await?.invoice,
    };
    tx.commit().await?;
    Ok(fate)
}

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

async fn orders_placed(shop: &Shop) -> Vec<Listed> {
    let (mut conn, filter) = (conn(shop).await, Filter::default());
    let order = (&store::SORTS[0], platform::web::lists::Order::Ascending);
    store::query(&mut conn, &filter).await.unwrap().part(&mut conn, &store::columns(), order, 0, 10).await.unwrap()
}

fn fields(error: Error) -> Vec<(String, String)> {
    match error {
        Error::Invalid(errors) => errors.iter().map(|(field, text)| (field.to_owned(), text.to_owned())).collect(),
        other => panic!("no fields are wrong: {other}"),
    }
}

/// Orders the prorated product on this day; the invoice's total and the due date once it is paid.
async fn prorated(shop: &Shop, client: &Client, day: &str, price: &str, on: i64, cutoff: i64) -> (Money, Date) {
    shop.today(day);
    let product = shop.prorated(price, "0", on, cutoff).await;
    let placed = shop.place(shop.order(client, vec![monthly(product.id)])).await.unwrap();
    let issued = placed.invoice.unwrap();
    assert_eq!(placed.order.total(), issued.total, "the order says what its invoice says");
    shop.pay(issued.id).await;
    (issued.total, service(shop, placed.services[0].id).await.next_due_on.unwrap())
}

/// The client's invoices by age.
async fn made_before(shop: &Shop, client_id: i64) -> Vec<i64> {
    let sql = "SELECT id FROM invoices WHERE client_id = $1 ORDER BY id";
    conn(shop).await.column(sql, platform::params![client_id]).await.unwrap()
}

/// What a run of the generation makes for this client: ids and totals.
async fn made_of(shop: &Shop, client_id: i64) -> Vec<(i64, Money)> {
    let report = shop.generate().await;
    let mine = report.made.iter().filter(|made| made.client_id == client_id);
    mine.filter_map(|made| Some((made.invoice.as_ref()?.id, made.total))).collect()
}

/// An order of two services that are set up by payment, of 31.00 and 19.00, and the invoice that the second was split off
/// to.
async fn split_order(shop: &Shop, client: &Client) -> (Placed, i64, i64) {
    let edit = || ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
    let one = shop.product("One", &[("monthly", "21.00", "10.00")], edit()).await;
    let two = shop.product("Two", &[("monthly", "15.00", "4.00")], edit()).await;
    let placed = shop.place(shop.order(client, vec![monthly(one.id), monthly(two.id)])).await.unwrap();
    let old = placed.invoice.as_ref().unwrap().id;
    let of_second = |line: &&Line| line.owner_id == Some(placed.services[1].id);
    let lines = invoices::lines(&mut conn(shop).await, old).await.unwrap();
    let ids: Vec<i64> = lines.iter().filter(of_second).map(|line| line.id).collect();
    let new = split(shop, old, &ids).await;
    (placed, old, new)
}

async fn split(shop: &Shop, invoice: i64, lines: &[i64]) -> i64 {
    let terms = shop.terms().await;
    let mut tx = shop.app.db.write().await.unwrap();
    let client_id = invoices::find(&mut tx, invoice).await.unwrap().client_id;
    let mut locked = clients::lock(&mut tx, client_id).await.unwrap();
    let issued = rearrange::split(&mut locked, &shop.by, &terms, invoice, lines).await.unwrap();
    tx.commit().await.unwrap();
    issued.id
}

async fn merge(shop: &Shop, client: &Client, ids: &[i64]) -> i64 {
    let terms = shop.terms().await;
    let mut tx = shop.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let merged = rearrange::merge(&mut locked, &shop.by, &terms, ids).await.unwrap();
    tx.commit().await.unwrap();
    merged.id
}

async fn service_states(shop: &Shop, placed: &Placed) -> Vec<ServiceStatus> {
    let mut states = Vec::new();
    for made in &placed.services {
        states.push(service(shop, made.id).await.status);
    }
    states
}

/// Status and balance.
async fn invoice_state(shop: &Shop, id: i64) -> (InvoiceStatus, i64) {
    let invoice = invoices::find(&mut conn(shop).await, id).await.unwrap();
    (invoice.status, invoice.balance)
}

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

    async fn the_payment_of_a_merged_invoice_sets_up_every_order_on_it(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("Prepaid", &[("monthly", "31.00", "10.00")], edit).await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let terms = shop.terms().await;
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let merged = rearrange::merge(&mut locked, &shop.by, &terms, &ids).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(merged.total, usd("82.00"), "with both setup fees");
        for placed in &placed {
            let order = find(&mut conn(&shop).await, placed.order.id).await.unwrap();
            assert_eq!((order.status, order.invoice_id), (OrderStatus::Pending, Some(merged.id)));
        }
        shop.pay(merged.id).await;
        for placed in &placed {
            assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
            let service = service(&shop, placed.services[0].id).await;
            assert_eq!((service.status, service.next_due_on), (ServiceStatus::Active, Some(date("2026-02-15"))));
        }
        shop.is_sound().await;
    }

    async fn a_payment_sets_up_what_it_paid_for_and_nothing_that_was_split_off(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        for first_paid in [0, 1] {
            let (placed, old, new) = split_order(&shop, &client).await;
            let invoices = [old, new];
            shop.pay(invoices[first_paid]).await;
            let half = if first_paid == 0 { [Active, Pending] } else { [Pending, Active] };
            assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (half.to_vec(), OrderStatus::Pending));
            shop.pay(invoices[1 - first_paid]).await;
            assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
            shop.is_sound().await;
        }
    }

    // Only the setup fee stands elsewhere; and what was split off is split once more.
    async fn what_is_paid_for_in_part_is_not_set_up(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let lines = invoices::lines(&mut conn(&shop).await, new).await.unwrap();
        let setup: Vec<i64> = lines.iter().filter(|line| line.kind == LineKind::Setup).map(|line| line.id).collect();
        let third = split(&shop, new, &setup).await;
        shop.pay(old).await;
        shop.pay(new).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        let page = shop.get(&format!("/admin/orders/{}", placed.order.id)).await.text;
        for id in [old, new, third] {
            assert!(page.contains(&format!("/admin/invoices/{id}\"")), "invoice {id} is missing in {page}");
        }
        shop.pay(third).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    async fn an_order_that_is_called_off_takes_along_what_was_split_off(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let page = shop.get(&format!("/admin/orders/{}/cancel", placed.order.id)).await.text;
        assert!(page.contains("31.00 USD open; it is cancelled") && page.contains("19.00 USD open; it is cancelled"), "{page}");
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        for id in [old, new] {
            assert_eq!(invoice_state(&shop, id).await, (InvoiceStatus::Cancelled, 0));
        }
        shop.is_sound().await;
        // It comes back as one invoice over all of it.
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!(invoice_state(&shop, back).await, (InvoiceStatus::Unpaid, 5000));
        assert_eq!(shop.count("invoices").await, 3);
        shop.is_sound().await;
        shop.pay(back).await;
        assert_eq!(service_states(&shop, &placed).await, [ServiceStatus::Active, ServiceStatus::Active]);
        shop.is_sound().await;
    }

    // Money that came for a part of it is for staff to decide about, and what it paid for is not billed again.
    async fn what_was_split_off_and_paid_is_kept_when_the_order_is_called_off(shop: Shop) {
        use ServiceStatus::{Active, Cancelled, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        shop.pay(new).await;
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        assert_eq!((invoice_state(&shop, old).await.0, invoice_state(&shop, new).await.0), (InvoiceStatus::Cancelled, InvoiceStatus::Paid));
        assert_eq!(service_states(&shop, &placed).await, [Cancelled, Active]);
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!((invoice_state(&shop, back).await, service_states(&shop, &placed).await), ((InvoiceStatus::Unpaid, 3100), vec![Pending, Active]));
        shop.pay(back).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;

        let (placed, old, new) = split_order(&shop, &client).await;
        shop.pay_part(new, "5.00").await;
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        assert_eq!(invoice_state(&shop, old).await, (InvoiceStatus::Cancelled, 0));
        assert_eq!(invoice_state(&shop, new).await, (InvoiceStatus::Unpaid, 1400));
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!(invoice_state(&shop, back).await, (InvoiceStatus::Unpaid, 3100), "the rest is asked for already");
        shop.pay(back).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        shop.pay(new).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    // Two orders on one invoice, of which one is split off again: each is called off and set up by itself.
    async fn orders_that_were_merged_and_split_go_their_own_ways(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("Prepaid", &[("monthly", "31.00", "10.00")], edit).await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let merged = merge(&shop, &client, &ids).await;
        let of_second = |line: &&Line| line.owner_id == Some(placed[1].services[0].id);
        let lines = invoices::lines(&mut conn(&shop).await, merged).await.unwrap();
        let moved: Vec<i64> = lines.iter().filter(of_second).map(|line| line.id).collect();
        let own = split(&shop, merged, &moved).await;
        assert_eq!(step(&shop, placed[1].order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        assert_eq!(invoice_state(&shop, own).await.0, InvoiceStatus::Cancelled);
        assert_eq!(invoice_state(&shop, merged).await, (InvoiceStatus::Unpaid, 4100), "that is the other's");
        shop.pay(merged).await;
        assert_eq!((status(&shop, placed[0].order.id).await, status(&shop, placed[1].order.id).await), (OrderStatus::Active, OrderStatus::Cancelled));
        shop.is_sound().await;
    }

    // What was split off is merged with another invoice of the client.
    async fn what_was_split_off_is_followed_when_it_is_merged(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let product = shop.starter().await;
        let other = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let merged = merge(&shop, &client, &[new, other.invoice.as_ref().unwrap().id]).await;
        shop.pay(old).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        assert_eq!(step(&shop, other.order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        shop.pay(merged).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    // One order that is called off must not take the other's money along.
    async fn a_merged_invoice_is_left_to_staff_when_an_order_is_called_off(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let terms = shop.terms().await;
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let merged = rearrange::merge(&mut locked, &shop.by, &terms, &ids).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(step(&shop, placed[0].order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        let invoice = invoices::find(&mut conn(&shop).await, merged.id).await.unwrap();
        assert_eq!(invoice.status, InvoiceStatus::Unpaid);
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

    // Each would wait for the other: the first has A and wants B, the second has B and wants A.
    async fn orders_of_the_same_stock_the_other_way_round_do_not_block_each_other(shop: Shop) {
        let mut products = Vec::new();
        for number in 1..=12 {
            let edit = ProductEdit { stock_control: Some(true), stock: Some(5), ..ProductEdit::default() };
            products.push(shop.product(&format!("Rare {number}"), &[("monthly", "5.00", "0")], edit).await.id);
        }
        let (ada, bob) = (shop.client("ada@example.com").await, shop.client("bob@example.com").await);
        let items = |ids: Vec<i64>| ids.into_iter().map(monthly).collect::<Vec<_>>();
        let forwards = shop.order(&ada, items(products.clone()));
        let backwards = shop.order(&bob, items(products.iter().rev().copied().collect()));
        let (one, two) = tokio::join!(shop.place(forwards), shop.place(backwards));
        assert_eq!((one.unwrap().services.len(), two.unwrap().services.len()), (12, 12));
        let mut tx = shop.app.db.write().await.unwrap();
        let left: Vec<i64> = tx.column("SELECT DISTINCT stock FROM products", platform::params![]).await.unwrap();
        assert_eq!(left, [3]);
        drop(tx);
        shop.is_sound().await;
    }

    async fn what_is_called_off_goes_back_into_the_stock(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit {
            stock_control: Some(true),
            stock: Some(2),
            quantity_mode: Some(QuantityMode::Services),
            ..ProductEdit::default()
        };
        let product = shop.product("Rare", &[("monthly", "5.00", "0")], edit).await;
        let stock = async || products::find(&mut conn(&shop).await, product.id).await.unwrap().stock;
        let two = || vec![NewItem { quantity: 2, ..monthly(product.id) }];
        let placed = shop.place(shop.order(&client, two())).await.unwrap();
        let id = placed.order.id;
        for (to, left) in [(Move::Cancel, 2), (Move::Pending, 0), (Move::Fraud, 2), (Move::Pending, 0), (Move::Cancel, 2)] {
            step(&shop, id, to).await.unwrap();
            assert_eq!(stock().await, left, "{to:?}");
        }
        // Sold to somebody else by now: all of it stays as it is.
        let other = shop.place(shop.order(&client, two())).await.unwrap();
        let before = shop.rows().await;
        let why = step(&shop, id, Move::Pending).await.unwrap_err();
        assert_eq!(why.to_string(), "“Rare” is out of stock.");
        assert_eq!((status(&shop, id).await, shop.rows().await), (OrderStatus::Cancelled, before));
        // What runs was sold.
        step(&shop, other.order.id, Move::Accept).await.unwrap();
        step(&shop, other.order.id, Move::Cancel).await.unwrap();
        assert_eq!(stock().await, 0);
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = lock(&mut tx, id).await.unwrap();
        delete(&mut locked, &shop.by, id, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stock().await, 0, "deleting gives nothing back a second time");
        shop.is_sound().await;
    }

    async fn a_closed_client_gives_back_what_was_never_set_up(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { stock_control: Some(true), stock: Some(2), ..ProductEdit::default() };
        let product = shop.product("Rare", &[("monthly", "5.00", "0")], edit).await;
        for accepted in [true, false] {
            let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
            if accepted {
                step(&shop, placed.order.id, Move::Accept).await.unwrap();
            }
        }
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        clients::close(&mut locked, &shop.by, client.id, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(products::find(&mut conn(&shop).await, product.id).await.unwrap().stock, 1);
    }

    // As with placing them: each has taken of all products, in another order.
    async fn orders_of_the_same_stock_are_called_off_at_once(shop: Shop) {
        let mut made = Vec::new();
        for number in 1..=12 {
            let edit = ProductEdit { stock_control: Some(true), stock: Some(5), ..ProductEdit::default() };
            made.push(shop.product(&format!("Rare {number}"), &[("monthly", "5.00", "0")], edit).await.id);
        }
        let (ada, bob) = (shop.client("ada@example.com").await, shop.client("bob@example.com").await);
        let items = |ids: Vec<i64>| ids.into_iter().map(monthly).collect::<Vec<_>>();
        let forwards = shop.place(shop.order(&ada, items(made.clone()))).await.unwrap().order.id;
        let backwards = shop.place(shop.order(&bob, items(made.iter().rev().copied().collect()))).await.unwrap().order.id;
        let (one, two) = tokio::join!(step(&shop, forwards, Move::Cancel), step(&shop, backwards, Move::Fraud));
        assert_eq!((one.unwrap(), two.unwrap()), (InvoiceFate::Cancelled, InvoiceFate::Cancelled));
        let left: Vec<i64> = conn(&shop).await.column("SELECT DISTINCT stock FROM products", platform::params![]).await.unwrap();
        assert_eq!(left, [5]);
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

    async fn the_json_api_places_and_moves_orders(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let body = json!({
            "client_id": client.id, "gateway": "mailin", "mail": false, "notes": "By telephone",
            "items": [{ "product_id": product.id, "cycle": "annually", "domain": "example.com", "price": "300", "setup": 5 }],
        });
        let made = shop.api("POST", "/orders", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        assert_eq!((made["amount"].as_str(), made["status"].as_str()), (Some("305.00"), Some("pending")));
        assert_eq!(made["items"][0]["recurring_amount"], "300.00");
        assert_eq!(shop.count("jobs").await, 0, "nobody is told");
        let place = format!("/orders/{}", made["id"]);
        for (step, status, service) in [("accept", "active", "active"), ("fraud", "fraud", "fraud"), ("pending", "pending", "pending"), ("cancel", "cancelled", "cancelled")] {
            let reply = shop.api("POST", &format!("{place}/{step}"), json!(null)).await;
            assert_eq!((reply.status.as_u16(), reply.json()["status"].as_str()), (200, Some(status)), "{}", reply.text);
            assert_eq!(reply.json()["items"][0]["status"], service);
        }
        assert_eq!(shop.api("POST", &format!("{place}/cancel"), json!(null)).await.status, 409);
        for (query, total) in [("?status=cancelled", 1), ("?status=active", 0), ("?at_least=305&at_most=305.00", 1), ("?at_least=305.01", 0), ("?gateway=mailin&from=2026-01-15&until=2026-01-15", 1), ("?until=2026-01-14", 0), ("?q=lovelace", 1), ("?q=nobody", 0)] {
            let list = shop.api("GET", &format!("/orders{query}"), json!(null)).await.json();
            assert_eq!(list["total"], total, "{query}: {list}");
        }
        assert_eq!(shop.api("GET", "/orders?status=odd", json!(null)).await.status, 422);
        assert_eq!(shop.api("DELETE", &place, json!(null)).await.status, 200);
        assert_eq!(shop.api("GET", &place, json!(null)).await.status, 404);
        shop.is_sound().await;
    }

    async fn wrong_json_names_every_field(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let before = shop.rows().await;
        let body = json!({ "client_id": client.id, "items": [{ "product_id": "x", "cycle": "weekly-ish" }, 7, { "options": [{ "option_id": 1 }] }], "invoice": "yes" });
        let reply = shop.api("POST", "/orders", body).await;
        assert_eq!(reply.status, 422);
        let errors = reply.json()["errors"].clone();
        let named: Vec<&str> = errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, ["items[1]", "items[0].product_id", "items[0].cycle", "items[2].product_id", "items[2].options[0].value", "invoice"]);
        let unknown = shop.api("POST", "/orders", json!({ "client_id": 4711, "items": [{ "product_id": 1 }] })).await;
        assert_eq!((unknown.status.as_u16(), unknown.json()["errors"][0]["field"].as_str()), (422, Some("client_id")));
        let huge = json!({ "client_id": client.id, "gateway": "mailin", "items": [{ "product_id": 1, "price": "99999999999999999999" }] });
        assert_eq!(shop.api("POST", "/orders", huge).await.status, 422);
        assert_eq!(shop.rows().await, before);
    }

    async fn the_compatible_actions_speak_as_documented(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let option = shop.option("Mailboxes", "6.20", product.id).await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await;
        let options = base64::engine::general_purpose::STANDARD.encode(format!("a:1:{{i:{option};i:2;}}"));
        let addons = format!("{extra}");
        let made = shop.action("AddOrder", &[
            ("clientid", &id), ("paymentmethod", "mailin"), ("clientip", "192.0.2.1"), ("notes", "Sample notes"),
            ("pid[0]", &pid), ("billingcycle[0]", "monthly"), ("domain[0]", "one.example.com"), ("configoptions[0]", &options), ("addons[0]", &addons), ("addonsqty[0]", "2"),
            ("pid[1]", &pid), ("billingcycle[1]", "annually"), ("domain[1]", "two.example.com"), ("priceoverride[1]", "300.00"),
            ("customfields[0]", "YTowOnt9"), ("promocode", ""), ("regperiod[0]", ""), ("affid", "0"),
        ]).await;
        assert_eq!(made["result"], "success", "{made}");
        let order = made["orderid"].as_str().unwrap().to_owned();
        assert_eq!((made["serviceids"].as_str(), made["addonids"].as_str(), made["domainids"].as_str()), (Some("1,2"), Some("1"), Some("")));
        assert!(made["invoiceid"].is_string());
        let listed = shop.action("GetOrders", &[("id", &order)]).await;
        assert_eq!((listed["totalresults"].as_i64(), listed["numreturned"].as_i64()), (Some(1), Some(1)));
        let found = &listed["orders"]["order"][0];
        // 31.00 and two mailboxes of 6.20, the setup fee of 10.00, two backups, 300.00 for the year.
        assert_eq!((found["amount"].as_str(), found["status"].as_str(), found["paymentstatus"].as_str()), (Some("359.40"), Some("Pending"), Some("Unpaid")));
        assert_eq!((found["name"].as_str(), found["date"].as_str(), found["ipaddress"].as_str()), (Some("Ada Lovelace"), Some("2026-01-15 10:00:00"), Some("192.0.2.1")));
        assert_eq!(found["ordernum"].to_string().len(), 10);
        let items = found["lineitems"]["lineitem"].as_array().unwrap();
        assert_eq!(items[0], json!({ "type": "product", "relid": 1, "producttype": "Hosting Account", "product": "Shared hosting - Starter", "domain": "one.example.com", "billingcycle": "Monthly", "amount": "53.40", "status": "Pending" }));
        assert_eq!((items[1]["type"].as_str(), items[1]["amount"].as_str()), (Some("addon"), Some("6.00")));
        let orderid = [("orderid", order.as_str())];
        let success = json!({ "result": "success" });
        let error = |text: &str| json!({ "result": "error", "message": text });
        assert_eq!(shop.action("DeleteOrder", &orderid).await, error("The order status must be in Cancelled or Fraud to be deleted"));
        assert_eq!(shop.action("AcceptOrder", &orderid).await, success);
        assert_eq!(shop.action("AcceptOrder", &orderid).await, error("Order ID not found or Status not Pending"));
        assert_eq!(shop.action("CancelOrder", &orderid).await, error("Order ID not found or Status not Pending"));
        assert_eq!(shop.action("PendingOrder", &orderid).await, success);
        assert_eq!(shop.action("PendingOrder", &orderid).await, success);
        assert_eq!(shop.action("CancelOrder", &orderid).await, success);
        assert_eq!(shop.action("GetOrders", &[("status", "Cancelled"), ("userid", &id)]).await["totalresults"], 1);
        assert_eq!(shop.action("DeleteOrder", &orderid).await, success);
        for (action, sentence) in [("AcceptOrder", "Order ID not found or Status not Pending"), ("CancelOrder", "Order ID not found or Status not Pending"), ("PendingOrder", "Order ID Not Found"), ("DeleteOrder", "Order ID not found")] {
            assert_eq!(shop.action(action, &orderid).await, error(sentence), "{action}");
        }
        shop.is_sound().await;
    }

    async fn add_order_takes_single_values_and_orders_addons(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await.to_string();
        let made = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("pid", &pid), ("billingcycle", "monthly"), ("domain", "example.com"), ("noinvoice", "true")]).await;
        assert_eq!((made["result"].as_str(), made.get("invoiceid")), (Some("success"), None), "{made}");
        let service_id = made["serviceids"].as_str().unwrap().to_owned();
        let made = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("addonid", &extra), ("serviceid", &service_id), ("noinvoiceemail", "1")]).await;
        assert_eq!(made["result"], "success", "{made}");
        let several = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("addonids[]", &extra), ("addonids[]", &extra), ("serviceids[]", &service_id), ("serviceids[]", &service_id)]).await;
        assert_eq!(several["addonids"].as_str().map(|ids| ids.split(',').count()), Some(2), "{several}");
    }

    async fn add_order_refuses_as_documented(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let before = shop.rows().await;
        let refused = async |fields: &[(&str, &str)]| {
            let answer = shop.action("AddOrder", fields).await;
            assert_eq!(answer["result"], "error", "{answer}");
            answer["message"].as_str().unwrap().to_owned()
        };
        let pay = ("paymentmethod", "banktransfer");
        assert_eq!(refused(&[("clientid", "4711"), pay, ("pid[0]", &pid)]).await, "Client ID Not Found");
        assert_eq!(refused(&[("clientid", &id), pay]).await, "No items added to cart so order cannot proceed");
        for gateway in ["", "stripe"] {
            let answer = refused(&[("clientid", &id), ("paymentmethod", gateway), ("pid[0]", &pid)]).await;
            assert_eq!(answer, "Invalid Payment Method. Valid options include banktransfer, mailin");
        }
        assert_eq!(refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("addons[0]", "99")]).await, "Addon ID invalid");
        assert_eq!(refused(&[("clientid", &id), pay, ("addonid", "1"), ("serviceid", "99")]).await, "Service ID not owned by Client ID provided");
        let cycle = refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("billingcycle[0]", "quarterly")]).await;
        assert!(cycle.starts_with("billingcycle[0]: “Starter” has no quarterly price in USD."), "{cycle}");
        let unknown = refused(&[("clientid", &id), pay, ("pid[0]", "99")]).await;
        assert_eq!(unknown, "pid[0]: There is no product 99.");
        for (name, value) in [("promocode", "SUMMER"), ("affid", "3"), ("domaintype[0]", "register"), ("idprotection[0]", "1"), ("domainrenewals[example.com]", "1"), ("servicerenewals[]", "4")] {
            let answer = refused(&[("clientid", &id), pay, ("pid[0]", &pid), (name, value)]).await;
            let bare = name.split('[').next().unwrap();
            assert!(answer.starts_with(&format!("{bare}: There are no ")), "{name}: {answer}");
        }
        let custom = base64::engine::general_purpose::STANDARD.encode("a:1:{i:1;s:1:\"x\";}");
        let answer = refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("customfields[0]", &custom)]).await;
        assert!(answer.contains("no custom fields"), "{answer}");
        assert_eq!(shop.rows().await, before);
    }

    async fn staff_see_what_an_order_comes_to_before_they_place_it(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.prorated("31.00", "10.00", 1, 20).await;
        let pid = product.id.to_string();
        let option = format!("items[0].options[{}]", shop.option("Mailboxes", "6.20", product.id).await);
        let extra = format!("items[0].addon[{}]", shop.addon("Backups", &[("monthly", "3.10", "0")], true, product.id).await);
        let found = shop.get("/admin/orders/new?q=lovelace").await;
        assert!(found.text.contains(&format!("/admin/orders/new?client={id}")), "{}", found.text);
        let blank = shop.get(&format!("/admin/orders/new?client={id}")).await;
        assert!(blank.text.contains("Choose a product") && !blank.text.contains("Place the order"), "{}", blank.text);
        let key = "0123456789abcdef0123456789abcdef";
        let chosen = [("client_id", id.as_str()), ("key", key), ("gateway", "mailin"), ("invoice", "1"), ("items[0].product_id", &pid)];
        let shown = shop.post("/admin/orders/new", &[&chosen[..], &[("items[0].seen", "0"), ("do", "update")]].concat()).await;
        assert_eq!(shown.status, 200);
        for part in ["Monthly: 31.00 USD + 10.00 USD setup", "Mailboxes (+ 6.20 USD)", "Addon: Backups", "27.00 USD", &format!("value=\"{key}\"")] {
            assert!(shown.text.contains(part), "{part} is missing in {}", shown.text);
        }
        let full = [&chosen[..], &[("items[0].seen", pid.as_str()), ("items[0].domain", "example.com"), (&option, "1"), (&extra, "1")]].concat();
        // What was not shown is not placed.
        let changed = shop.post("/admin/orders/new", &[&full[..], &[("previewed", "27.00 USD"), ("do", "place")]].concat()).await;
        assert!(changed.status == 200 && changed.text.contains("32.10 USD") && changed.text.contains("Look at the amounts again"), "{}", changed.text);
        assert_eq!(shop.count("orders").await, 0);
        let place = [&full[..], &[("previewed", "32.10 USD"), ("do", "place")]].concat();
        let placed = shop.post("/admin/orders/new", &place).await;
        assert_eq!(placed.status, 303, "{}", placed.text);
        let again = shop.post("/admin/orders/new", &place).await;
        assert_eq!((again.status.as_u16(), &again.to, shop.count("orders").await), (303, &placed.to, 1));
        let order = orders_placed(&shop).await.remove(0);
        assert_eq!(placed.to, format!("/admin/orders/{}", order.id));
        assert_eq!(Money::new(order.amount, order.currency), usd("32.10"));
        shop.is_sound().await;
    }

    async fn the_form_says_what_is_wrong_and_keeps_what_was_typed(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let pid = shop.starter().await.id.to_string();
        let typed = [("client_id", id.as_str()), ("gateway", "mailin"), ("items[0].product_id", &pid), ("items[0].seen", &pid), ("items[0].domain", "http://x"), ("items[0].price", "abc"), ("notes", "<b>Hello</b>"), ("do", "place")];
        let reply = shop.post("/admin/orders/new", &typed).await;
        assert_eq!(reply.status, 422);
        for part in ["value=\"abc\"", "&lt;b&gt;Hello", "#f-items[0].price"] {
            assert!(reply.text.contains(part), "{part} is missing in {}", reply.text);
        }
        let more = shop.post("/admin/orders/new", &[("client_id", id.as_str()), ("items[0].product_id", &pid), ("items[0].seen", &pid), ("do", "add")]).await;
        assert!(more.text.contains("items[1].product_id"), "{}", more.text);
        assert_eq!(shop.count("orders").await, 0);
    }

    async fn pages_show_orders_and_what_can_be_done(shop: Shop) {
        let empty = shop.get("/admin/orders").await;
        assert!(empty.status == 200 && empty.text.contains("No orders yet"), "{}", empty.text);
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let number = placed.order.number.clone();
        for query in ["", "?status=pending&gateway=banktransfer", "?at_least=41&sort=-amount", "?q=ada"] {
            let list = shop.get(&format!("/admin/orders{query}")).await;
            assert!(list.status == 200 && list.text.contains(&number), "{query}: {}", list.text);
        }
        assert!(shop.get("/admin/orders?status=fraud").await.text.contains("No order fits"));
        let csv = shop.get("/admin/orders?format=csv").await;
        assert!(csv.text.contains(&format!("1,{number},2026-01-15,{},Ada Lovelace,USD,41.00", client.id)), "{}", csv.text);
        let show = shop.get("/admin/orders/1").await;
        for part in [&number, "41.00 USD", "Accept the order", "/admin/invoices/", "example.com"] {
            assert!(show.text.contains(part), "{part} is missing in {}", show.text);
        }
        let panel = shop.get(&format!("/admin/clients/{}", client.id)).await;
        assert!(panel.text.contains(&number), "{}", panel.text);
        let closing = shop.get(&format!("/admin/clients/{}/close", client.id)).await;
        assert!(closing.text.contains("Pending orders that are cancelled"), "{}", closing.text);
        for (path, part) in [("accept", "Services that become active"), ("cancel", "Services that become cancelled"), ("fraud", "41.00 USD open; it is cancelled")] {
            let page = shop.get(&format!("/admin/orders/1/{path}")).await;
            assert!(page.status == 200 && page.text.contains(part), "{path}: {}", page.text);
        }
        assert_eq!(shop.get("/admin/orders/1/delete").await.status, 409);
        assert_eq!(shop.get("/admin/orders/1/pending").await.status, 409);
        for (path, wanted) in [("accept", OrderStatus::Active), ("pending", OrderStatus::Pending), ("fraud", OrderStatus::Fraud)] {
            let reply = shop.post(&format!("/admin/orders/1/{path}"), &[]).await;
            assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, "/admin/orders/1"));
            assert_eq!(status(&shop, 1).await, wanted);
            assert_eq!(shop.get("/admin/orders/1").await.status, 200);
        }
        assert_eq!(shop.get("/admin/orders/1/delete").await.status, 200);
        assert_eq!(shop.post("/admin/orders/1/delete", &[]).await.to, "/admin/orders");
        assert_eq!(shop.get("/admin/orders/1").await.status, 404);
        shop.is_sound().await;
    }

    async fn nobody_passes_without_the_permission(shop: Shop) {
        for entry in crate::routes().table {
            let path = entry.path.replace("{id}", "1");
            let kind = if path.starts_with("/api") { "application/json" } else { "application/x-www-form-urlencoded" };
            let refused = shop.send(As::Nobody, entry.method, &path, kind, String::new()).await;
            assert_eq!(refused.status, 403, "{} {path}", entry.method);
            let stranger = shop.send(As::Stranger, entry.method, &path, kind, String::new()).await;
            assert!([401, 303].contains(&stranger.status.as_u16()), "{} {path}: {}", entry.method, stranger.status);
        }
    }
}
