//! Rules of services with their charges, and the doors to them.

use accounts::activity_log;
use accounts::clients::{self, Client};
use billing::invoices::{self, LineKind, NewInvoice, NewLine, Tell};
use billing::payments::{self, Duplicate, NewPayment};
use billing::recurring::{self, First, RecurringCharge};
use billing::{Buyer, Terms};
use serde_json::json;

use super::*;
use crate::addons::AddonEdit;
use crate::config_options::{self, ChoiceEdit, OptionEdit, OptionKind};
use crate::prices::PayType;
use crate::products::{self, ProductEdit, QuantityMode};
use crate::testing::{Company, date, list, money};

async fn charge(company: &Company, kind: &str, id: i64) -> Option<RecurringCharge> {
    recurring::of_owner(&mut company.app.db.read().await.unwrap(), kind, id).await.unwrap()
}

async fn stored(company: &Company, id: i64) -> Service {
    find(&mut company.app.db.read().await.unwrap(), id).await.unwrap()
}

async fn change(company: &Company, service: &Service, edit: ServiceEdit) -> Result<Service> {
    let mut tx = company.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, service.client_id).await?;
    let changed = update(&mut locked, &company.by, service.id, edit, company.now()).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn to(company: &Company, service: &Service, status: ServiceStatus) -> Service {
    change(company, service, ServiceEdit { status: Some(status), ..ServiceEdit::default() }).await.unwrap()
}

/// Invoices the lines of an order, as the order does; the invoice's id and total.
async fn invoice(company: &Company, client: &Client, lines: &[FirstLine]) -> (i64, Money) {
    let mut tx = company.app.db.write().await.unwrap();
    let terms = Terms::load(&mut tx, company.now()).await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let mut items = Vec::new();
    for line in lines {
        items.push(NewLine {
            kind: LineKind::parse(line.owner_kind).unwrap(),
            billed: Some((line.charge_id, line.period)),
            owner: Some((line.owner_kind.to_owned(), line.owner_id)),
            description: line.description.clone(),
            quantity: 1,
            amount: line.amount,
            taxed: line.taxed,
        });
        if !line.setup.is_zero() {
            items.push(NewLine::item("Setup fee", line.setup, line.taxed));
        }
    }
    let new = NewInvoice {
        buyer: Buyer::of(client),
        issued_on: terms.today,
        due_on: terms.today,
        gateway: "banktransfer".to_owned(),
        lines: items,
        notes: String::new(),
        source: "order:1".to_owned(),
        levels: None,
    };
    let issued = invoices::issue(&mut locked, &terms, vec![new], Tell::Nobody).await.unwrap();
    tx.commit().await.unwrap();
    (issued[0].id, issued[0].total)
}

async fn pay(company: &Company, client: &Client, (invoice_id, amount): (i64, Money)) {
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let new = NewPayment {
        client_id: client.id,
        gateway: "banktransfer".to_owned(),
        external_id: format!("T{invoice_id}"),
        duplicate: Duplicate::Refuse,
        amount,
        fees: Money::zero(amount.currency),
        occurred_on: date("2026-01-16"),
        description: String::new(),
        invoices: vec![invoice_id],
    };
    payments::record(&mut locked, &company.by, new, company.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn first(company: &Company, id: i64) -> Option<First> {
    recurring::first::of_owner(&mut company.app.db.read().await.unwrap(), SERVICE, id).await.unwrap()
}

/// A service of 31.00 a month and 10.00 of setup, due on the first, whose first invoice the generation makes.
async fn prorated(company: &Company, client: &Client) -> Service {
    let edit = ProductEdit {
        prorata: Some(true),
        prorata_day: Some(1),
        prorata_cutoff: Some(20),
        ..company.product_edit("Prorated", list(&[("monthly", "31.00", "10.00")]))
    };
    let product = company.product(edit).await;
    let order = NewService { first_invoice: FirstInvoice::Generation, ..company.order(client, &product) };
    company.place(order).await.unwrap().service
}

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

    async fn a_changed_service_is_charged_as_it_says(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let edit = ServiceEdit {
            domain: Some("Shop.Example.org".to_owned()),
            recurring_amount: Some(money("12.34")),
            next_due_on: Some(date("2026-03-31")),
            gateway: Some("mailin".to_owned()),
            ..ServiceEdit::default()
        };
        let changed = change(&company, &service, edit).await.unwrap();
        let moved = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!(moved.description, "Starter - shop.example.org");
        assert_eq!((moved.amount, moved.gateway.as_str()), (1234, "mailin"));
        assert_eq!((moved.next_due_on, moved.next_invoice_on), (date("2026-03-31"), date("2026-03-31")));
        assert_eq!((moved.anchor_day, changed.anchor_day), (31, 31));
        let shorter = ServiceEdit { next_due_on: Some(date("2026-04-30")), ..ServiceEdit::default() };
        let kept = change(&company, &service, shorter).await.unwrap();
        assert_eq!(kept.anchor_day, 31, "the end of a short month stands for the 31st");
        let back = change(&company, &service, ServiceEdit { recalculate: Some(Recalculate), ..ServiceEdit::default() });
        assert_eq!(back.await.unwrap().recurring(), money("31.00"));
        assert_eq!(charge(&company, SERVICE, service.id).await.unwrap().amount, 3100);
    }

    async fn a_due_date_that_would_bill_days_twice_is_refused(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let created = company.place(company.order(&client, &product)).await.unwrap();
        let (service, id) = (&created.service, created.service.id.to_string());
        invoice(&company, &client, &created.lines).await;
        let doors = company.doors().await;
        let set = async |date: &str| doors.compat("UpdateClientProduct", &[("serviceid", &id), ("nextduedate", date)]).await;
        assert_eq!(set("2026-04-15").await["result"], json!("success"));
        assert_eq!(set("2026-01-15").await["result"], json!("success"), "its invoice is unpaid");
        let before = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!((before.next_due_on, before.next_invoice_on), (date("2026-01-15"), date("2026-02-15")));
        let message = "nextduedate: 2026-02-01 lies in a period that is billed already: (2026-01-15 - 2026-02-14), \
                       on invoice 1. Choose 2026-02-15 or later, or credit that line first; then it can be billed anew.";
        assert_eq!(set("2026-02-01").await["message"], json!(message));
        let page = doors.post(&format!("/admin/services/{id}"), &[
            ("product_id", "1"),
            ("domain", "example.com"),
            ("quantity", "1"),
            ("recurring_amount", "31.00"),
            ("first_amount", "41.00"),
            ("cycle", "monthly"),
            ("gateway", "banktransfer"),
            ("registered_on", "2026-01-15"),
            ("next_due_on", "2026-02-01"),
        ]).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains("value=\"2026-02-01\"") && page.text.contains("is billed already"), "{}", page.text);
        assert_eq!(stored(&company, service.id).await.next_due_on, Some(date("2026-01-15")));
        assert_eq!(charge(&company, SERVICE, service.id).await.unwrap().next_invoice_on, before.next_invoice_on);
    }

    async fn every_wrong_field_is_named_and_nothing_changes(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let eur = Money::parse("5", crate::testing::eur()).unwrap();
        let edit = ServiceEdit {
            domain: Some("http://example.com/".to_owned()),
            quantity: Some(0),
            recurring_amount: Some(eur),
            first_amount: Some(money("-1")),
            notes: Some("later".to_owned()),
            ..ServiceEdit::default()
        };
        let Err(Error::Invalid(errors)) = change(&company, &service, edit).await else { panic!("refused") };
        let fields: Vec<&str> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["domain", "quantity", "first_amount", "recurring_amount"]);
        for gateway in ["nope", "retiredpay"] {
            let edit = ServiceEdit { gateway: Some(gateway.to_owned()), ..ServiceEdit::default() };
            let Err(Error::Invalid(errors)) = change(&company, &service, edit).await else { panic!("refused") };
            assert_eq!(errors.of("gateway"), Some("Invalid Payment Method. Valid options include banktransfer, mailin"));
        }
        let gone = ServiceEdit { product_id: Some(999), ..ServiceEdit::default() };
        assert!(matches!(change(&company, &service, gone).await, Err(Error::Invalid(_))));
        assert_eq!(stored(&company, service.id).await, service);
    }

    // One amount too many digits long would break the sums of every list and report that it is part of.
    async fn amounts_that_nobody_means_are_refused(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let most = Money::new(Money::LARGEST, crate::testing::usd());
        let more = Money::new(Money::LARGEST + 1, crate::testing::usd());
        let words = "The amount is too large. Enter a smaller amount.";
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let edit = |amount| ServiceEdit { recurring_amount: Some(amount), first_amount: Some(amount), ..ServiceEdit::default() };
        let Err(Error::Invalid(errors)) = change(&company, &service, edit(more)).await else { panic!("refused") };
        assert_eq!((errors.of("recurring_amount"), errors.of("first_amount")), (Some(words), Some(words)));
        assert_eq!(stored(&company, service.id).await, service);
        assert_eq!(change(&company, &service, edit(most)).await.unwrap().recurring(), most);
        for (field, order) in [
            ("price", NewService { price: Some(more), ..company.order(&client, &product) }),
            ("setup", NewService { setup: Some(more), ..company.order(&client, &product) }),
        ] {
            let Err(Error::Invalid(errors)) = company.place(order).await else { panic!("{field} is refused") };
            assert_eq!(errors.of(field), Some(words));
        }
        let price = most.decimal();
        let scaled = ProductEdit {
            quantity_mode: Some(QuantityMode::Scaling),
            ..company.product_edit("Dear", list(&[("monthly", &price, "0")]))
        };
        let dear = company.product(scaled).await;
        assert!(company.place(company.order(&client, &dear)).await.is_ok());
        let twice = company.place(NewService { quantity: 2, ..company.order(&client, &dear) }).await;
        assert!(matches!(twice, Err(Error::Invalid(_))), "{twice:?}");
        let mut tx = company.app.db.write().await.unwrap();
        let edit = company.product_edit("Dearer", list(&[("monthly", &more.decimal(), "0")]));
        let Err(Error::Invalid(errors)) = crate::products::create(&mut tx, &company.by, &edit, company.now()).await else {
            panic!("refused")
        };
        assert!(errors.iter().any(|(_, message)| message == words), "{errors}");
    }

    async fn options_are_part_of_the_amount(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let mut tx = company.app.db.write().await.unwrap();
        let memory = OptionEdit {
            name: Some("Memory".to_owned()),
            kind: Some(OptionKind::Dropdown),
            product_ids: Some(vec![product.id]),
            ..OptionEdit::default()
        };
        let memory = config_options::create(&mut tx, &company.by, &memory, company.now()).await.unwrap();
        let mut choices = Vec::new();
        for (name, price) in [("4 GB", "0"), ("8 GB", "6.20")] {
            let prices = Some(list(&[("monthly", price, "0")]));
            let edit = ChoiceEdit { name: Some(name.to_owned()), prices, ..ChoiceEdit::default() };
            let choice = config_options::create_choice(&mut tx, &company.by, memory.id, &edit, company.now()).await;
            choices.push(choice.unwrap().id);
        }
        tx.commit().await.unwrap();
        let value = |value| vec![OptionValue { option_id: memory.id, value }];
        let order = NewService { options: value(choices[1]), ..company.order(&client, &product) };
        let service = company.place(order).await.unwrap().service;
        assert_eq!(service.recurring(), money("37.20"));
        let edit = ServiceEdit {
            options: Some(value(choices[0])),
            recalculate: Some(Recalculate),
            ..ServiceEdit::default()
        };
        assert_eq!(change(&company, &service, edit).await.unwrap().recurring(), money("31.00"));
        let named = named_options(&mut company.app.db.read().await.unwrap(), &[service.id]).await.unwrap();
        assert_eq!(named[0].choice, "4 GB");
        let wrong = NewService { options: value(999), ..company.order(&client, &product) };
        let Err(Error::Invalid(errors)) = company.place(wrong).await else { panic!("refused") };
        assert!(errors.of(&format!("configoptions[{}]", memory.id)).is_some());
        let annual = NewService { cycle: Some(Cycle::Annually), ..company.order(&client, &product) };
        let Err(Error::Invalid(errors)) = company.place(annual).await else { panic!("the option has no annual price") };
        let sentence = "“Memory: 4 GB” has no annual price in USD. Add one, or choose monthly.";
        assert_eq!(errors.of(&format!("configoptions[{}]", memory.id)), Some(sentence));
    }

    async fn what_is_not_sold_is_refused(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let quarterly = NewService { cycle: Some(Cycle::Quarterly), ..company.order(&client, &product) };
        let Err(Error::Invalid(errors)) = company.place(quarterly).await else { panic!("refused") };
        let sentence = "“Starter” has no quarterly price in USD. Add one, or choose monthly or annually.";
        assert_eq!(errors.of("billingcycle"), Some(sentence));
        let retired = ProductEdit { retired: Some(true), ..company.product_edit("Old", list(&[("monthly", "1", "0")])) };
        let retired = company.product(retired).await;
        assert!(matches!(company.place(company.order(&client, &retired)).await, Err(Error::Refused(_))));
        let last = ProductEdit {
            stock_control: Some(true),
            stock: Some(1),
            ..company.product_edit("Last", list(&[("monthly", "1", "0")]))
        };
        let last = company.product(last).await;
        company.place(company.order(&client, &last)).await.unwrap();
        let Err(Error::Refused(why)) = company.place(company.order(&client, &last)).await else { panic!("sold out") };
        assert_eq!(why, "“Last” is out of stock.");
        let domain = ProductEdit { needs_domain: Some(true), ..company.product_edit("Web", list(&[("monthly", "1", "0")])) };
        let domain = company.product(domain).await;
        let without = NewService { domain: String::new(), ..company.order(&client, &domain) };
        assert!(matches!(company.place(without).await, Err(Error::Invalid(_))));
    }

    async fn what_was_never_set_up_goes_back_into_the_stock(company: Company) {
        use ServiceStatus::{Active, Cancelled, Fraud, Pending, Suspended, Terminated};
        let client = company.client("ada@client.example").await;
        let counted = ProductEdit {
            stock_control: Some(true),
            stock: Some(5),
            quantity_mode: Some(QuantityMode::Scaling),
            ..company.product_edit("Nodes", list(&[("monthly", "1", "0")]))
        };
        let product = company.product(counted).await;
        let stock = async || products::find(&mut company.app.db.read().await.unwrap(), product.id).await.unwrap().stock;
        let order = |quantity| NewService { quantity, ..company.order(&client, &product) };
        let first = company.place(order(4)).await.unwrap().service;
        assert_eq!(stock().await, 1);
        for (status, left) in [(Cancelled, 5), (Cancelled, 5), (Fraud, 5), (Pending, 1), (Fraud, 5), (Pending, 1), (Terminated, 5)] {
            to(&company, &first, status).await;
            assert_eq!(stock().await, left, "{status}");
        }
        // Another client was faster: it cannot come back, and stays what it is.
        let second = company.place(order(2)).await.unwrap().service;
        let back = ServiceEdit { status: Some(Pending), ..ServiceEdit::default() };
        let Err(Error::Refused(why)) = change(&company, &first, back).await else { panic!("there are not enough") };
        assert_eq!(why, "“Nodes” is out of stock.");
        assert_eq!((stored(&company, first.id).await.status, stock().await), (Terminated, 3));
        // What has run was sold: nothing goes back, and nothing is taken when it goes on.
        for status in [Active, Suspended, Terminated, Active, Fraud, Pending] {
            to(&company, &second, status).await;
            assert_eq!(stock().await, 3, "{status}");
        }
        to(&company, &second, Cancelled).await;
        assert_eq!(stock().await, 5);
    }

    // Staff change what the pending service is made of, and how the product is counted.
    async fn stock_goes_back_to_where_it_was_taken(company: Company) {
        use ServiceStatus::{Cancelled, Pending};
        let client = company.client("ada@client.example").await;
        let counted = |name: &str| ProductEdit {
            stock_control: Some(true),
            stock: Some(1),
            ..company.product_edit(name, list(&[("monthly", "1", "0")]))
        };
        let (old, new) = (company.product(counted("Old")).await, company.product(counted("New")).await);
        let left = async || {
            let mut conn = company.app.db.read().await.unwrap();
            (products::find(&mut conn, old.id).await.unwrap().stock, products::find(&mut conn, new.id).await.unwrap().stock)
        };
        let service = company.place(company.order(&client, &old)).await.unwrap().service;
        change(&company, &service, ServiceEdit { product_id: Some(new.id), ..ServiceEdit::default() }).await.unwrap();
        assert_eq!(left().await, (0, 1));
        to(&company, &service, Cancelled).await;
        assert_eq!(left().await, (1, 1));
        to(&company, &service, Pending).await;
        assert_eq!(left().await, (1, 1), "it is made of something else by now");
        // Not counted meanwhile: what was taken then goes back once it is.
        let service = company.place(company.order(&client, &old)).await.unwrap().service;
        let count = async |on: bool| {
            let mut tx = company.app.db.write().await.unwrap();
            let edit = ProductEdit { stock_control: Some(on), ..ProductEdit::default() };
            products::update(&mut tx, &company.by, old.id, &edit, company.now()).await.unwrap();
            tx.commit().await.unwrap();
        };
        count(false).await;
        to(&company, &service, Cancelled).await;
        to(&company, &service, Pending).await;
        count(true).await;
        assert_eq!(left().await, (0, 1));
        to(&company, &service, Cancelled).await;
        assert_eq!(left().await, (1, 1));
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

    async fn what_ends_by_an_event_says_when_and_why(company: Company) {
        let client = company.client("ada@client.example").await;
        let edit = ProductEdit { cycles_limit: Some(1), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
        let product = company.product(edit).await;
        let mut tx = company.app.db.write().await.unwrap();
        let edit = AddonEdit {
            name: Some("Backups".to_owned()),
            product_ids: Some(vec![product.id]),
            prices: Some(list(&[("monthly", "3.10", "0")])),
            ..AddonEdit::default()
        };
        let addon_id = crate::addons::create(&mut tx, &company.by, &edit, company.now()).await.unwrap().id;
        tx.commit().await.unwrap();
        let addons = vec![NewAddon { addon_id, quantity: 1, cycle: None, price: None }];
        let order = NewService { addons, ..company.order(&client, &product) };
        let paid = company.place(order.clone()).await.unwrap();
        let closed = company.place(order).await.unwrap();
        for created in [&paid, &closed] {
            to(&company, &created.service, ServiceStatus::Active).await;
        }
        company.app.clock.set(Timestamp::parse("2026-01-20T10:00:00Z").unwrap());
        pay(&company, &client, invoice(&company, &client, &paid.lines).await).await;
        company.app.clock.set(Timestamp::parse("2026-01-25T10:00:00Z").unwrap());
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        clients::close(&mut locked, &company.by, client.id, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = company.app.db.read().await.unwrap();
        for (created, day, status, who) in [
            (&paid, "2026-01-20", ServiceStatus::Completed, "Last payment"),
            (&closed, "2026-01-25", ServiceStatus::Terminated, "Test"),
        ] {
            let service = find(&mut conn, created.service.id).await.unwrap();
            assert_eq!((service.status, service.terminated_on), (status, Some(date(day))));
            let addon = find_addon(&mut conn, created.addons[0].id).await.unwrap();
            assert_eq!((addon.status, addon.terminated_on), (status, Some(date(day))), "{day}");
            let entries = activity_log::about(&mut conn, &subject(service.id)).await.unwrap();
            assert_eq!(entries[0].description, format!("Service “Loan - example.com” is {status} now"));
            assert_eq!(entries[0].actor_name, who);
            let fields: Vec<String> = entries[0].changes().into_iter().map(|change| change.field).collect();
            assert_eq!(fields, ["status", "terminated_on", "status of addon “Backups”"]);
        }
    }

    async fn closing_a_client_ends_its_services(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let waiting = company.place(company.order(&client, &product)).await.unwrap().service;
        let running = company.place(company.order(&client, &product)).await.unwrap().service;
        to(&company, &running, ServiceStatus::Active).await;
        let mut tx = company.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        clients::close(&mut locked, &company.by, client.id, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stored(&company, waiting.id).await.status, ServiceStatus::Cancelled);
        assert_eq!(stored(&company, running.id).await.status, ServiceStatus::Terminated);
        assert!(!charge(&company, SERVICE, running.id).await.unwrap().billable);
        assert!(matches!(company.place(company.order(&client, &product)).await, Err(Error::Refused(_))));
    }

    async fn staff_see_and_change_services(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let doors = company.doors().await;
        assert!(doors.page("/admin/services").await.contains("No services yet"));
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let list = doors.page("/admin/services?q=exam&status=pending&cycle=monthly&gateway=banktransfer&sort=due").await;
        assert!(list.contains("example.com") && list.contains("31.00 USD"), "{list}");
        assert!(doors.page("/admin/services?q=lovelace").await.contains("example.com"));
        assert!(doors.page("/admin/services?q=nothing").await.contains("No service fits"));
        assert!(doors.page("/admin/services?format=csv").await.starts_with("Id,Client,Product"));
        let path = format!("/admin/services/{}", service.id);
        assert!(doors.page(&path).await.contains("Activate"));
        assert!(doors.page(&format!("/admin/clients/{}", client.id)).await.contains("Services of this client"));
        assert!(doors.page(&format!("{path}/status?to=active")).await.contains("Addons that go along"));
        assert_eq!(doors.post(&format!("{path}/status"), &[("to", "active")]).await.location, path);
        assert!(doors.page(&format!("{path}/status?to=suspended")).await.contains("Reason"));
        doors.post(&format!("{path}/status"), &[("to", "suspended"), ("reason", "Abuse")]).await;
        assert!(doors.page(&path).await.contains("suspended: <bdi>Abuse</bdi>"));
        assert!(doors.page(&format!("{path}/edit")).await.contains("Amount of a period"));
        let mut fields = vec![
            ("product_id", "1"),
            ("domain", "new.example.com"),
            ("quantity", "1"),
            ("recurring_amount", "20.00"),
            ("first_amount", "41.00"),
            ("cycle", "monthly"),
            ("gateway", "mailin"),
            ("registered_on", "2026-01-15"),
            ("next_due_on", "2026-02-15"),
        ];
        assert_eq!(doors.post(&path, &fields).await.location, path);
        assert_eq!(stored(&company, service.id).await.recurring(), money("20.00"));
        assert_eq!(charge(&company, SERVICE, service.id).await.unwrap().next_invoice_on, date("2026-02-15"));
        fields[3].1 = "much";
        let again = doors.post(&path, &fields).await;
        assert_eq!(again.status, 422);
        assert!(again.text.contains("value=\"much\"") && again.text.contains("is not an amount"), "{}", again.text);
        doors.post(&format!("{path}/recalculate"), &[]).await;
        assert_eq!(stored(&company, service.id).await.recurring(), money("31.00"));
        assert_eq!(doors.get("/admin/services/999").await.status, 404);
    }

    async fn the_json_api_reads_and_changes_services(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let doors = company.doors().await;
        let list = doors.api("GET", &format!("/services?client={}", client.id), json!({})).await.json();
        assert_eq!((&list["total"], &list["items"][0]["recurring_amount"]), (&json!(1), &json!("31.00")));
        let path = format!("/services/{}", service.id);
        let changed = doors.api("PATCH", &path, json!({ "recurring_amount": "7.50", "notes": "hi" })).await.json();
        assert_eq!((&changed["recurring_amount"], &changed["notes"]), (&json!("7.50"), &json!("hi")));
        let active = doors.api("POST", &format!("{path}/activate"), json!({})).await.json();
        assert_eq!((&active["status"], &active["next_invoice_on"]), (&json!("active"), &json!("2026-01-15")));
        let suspended = doors.api("POST", &format!("{path}/suspend"), json!({ "reason": "Abuse" })).await.json();
        assert_eq!(suspended["suspend_reason"], json!("Abuse"));
        let refused = doors.api("PATCH", &path, json!({ "currency": "EUR", "recurring_amount": "x", "status": "gone" })).await;
        assert_eq!(refused.status, 422);
        let fields: Vec<String> =
            refused.json()["errors"].as_array().unwrap().iter().map(|error| error["field"].to_string()).collect();
        assert_eq!(fields, ["\"currency\"", "\"status\"", "\"recurring_amount\""]);
        assert_eq!(doors.api("GET", "/services/999", json!({})).await.status, 404);
    }

    async fn callers_of_the_compatible_api_know_services(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let service = company.place(company.order(&client, &product)).await.unwrap().service;
        let (id, client_id) = (service.id.to_string(), client.id.to_string());
        let doors = company.doors().await;
        let got = doors.compat("GetClientsProducts", &[("clientid", &client_id)]).await;
        assert_eq!((&got["result"], &got["totalresults"], &got["numreturned"]), (&json!("success"), &json!(1), &json!(1)));
        let one = &got["products"]["product"][0];
        assert_eq!((&one["id"], &one["pid"], &one["qty"]), (&json!(id), &json!(product.id.to_string()), &json!("1")));
        assert_eq!((&one["recurringamount"], &one["billingcycle"]), (&json!("31.00"), &json!("Monthly")));
        assert_eq!((&one["status"], &one["nextduedate"]), (&json!("Pending"), &json!("2026-01-15")));
        assert_eq!((&one["groupname"], &one["paymentmethod"]), (&json!("Shared hosting"), &json!("banktransfer")));
        assert_eq!(doors.compat("GetClientsProducts", &[("domain", "other.example")]).await["totalresults"], json!(0));
        let update = [
            ("serviceid", id.as_str()),
            ("status", "Active"),
            ("recurringamount", "12.50"),
            ("nextduedate", "2026-03-01"),
            ("billingcycle", "Annually"),
            ("paymentmethod", "mailin"),
            ("notes", "kept"),
            ("terminationdate", "0000-00-00"),
        ];
        assert_eq!(doors.compat("UpdateClientProduct", &update).await, json!({ "result": "success", "serviceid": id }));
        let changed = stored(&company, service.id).await;
        assert_eq!((changed.status, changed.cycle), (ServiceStatus::Active, Cycle::Annually));
        assert_eq!((changed.recurring(), changed.next_due_on), (money("12.50"), Some(date("2026-03-01"))));
        let charged = charge(&company, SERVICE, service.id).await.unwrap();
        assert_eq!((charged.amount, charged.billable, charged.gateway.as_str()), (1250, true, "mailin"));
        doors.compat("UpdateClientProduct", &[("serviceid", &id), ("autorecalc", "true"), ("unset[0]", "notes")]).await;
        let changed = stored(&company, service.id).await;
        assert_eq!((changed.recurring(), changed.notes.as_str()), (money("310.00"), ""));
        for (fields, message) in [
            (vec![("serviceid", "999")], "Service ID Not Found"),
            (
                vec![("serviceid", id.as_str()), ("paymentmethod", "nope")],
                "Invalid Payment Method. Valid options include banktransfer, mailin",
            ),
            (
                vec![("serviceid", id.as_str()), ("servicepassword", "x")],
                "servicepassword: Passwords of services are not stored yet. Leave this out.",
            ),
        ] {
            let refused = doors.compat("UpdateClientProduct", &fields).await;
            assert_eq!((&refused["result"], &refused["message"]), (&json!("error"), &json!(message)));
        }
    }
}

/// The questions that `innkeeper doctor` asks of services.
mod questions {
    use super::*;

    testkit::both_engines! {
        async fn each_question_notices_what_it_is_about(company: Company) {
            let client = company.client("ada@client.example").await;
            let limited = ProductEdit { cycles_limit: Some(2), ..company.product_edit("Loan", list(&[("monthly", "9", "0")])) };
            let product = company.product(limited).await;
            let mut tx = company.app.db.write().await.unwrap();
            let edit = AddonEdit {
                name: Some("Backups".to_owned()),
                product_ids: Some(vec![product.id]),
                prices: Some(list(&[("monthly", "3.10", "0")])),
                ..AddonEdit::default()
            };
            let addon_id = crate::addons::create(&mut tx, &company.by, &edit, company.now()).await.unwrap().id;
            tx.commit().await.unwrap();
            let addon = NewAddon { addon_id, quantity: 1, cycle: None, price: None };
            let created = company.place(NewService { addons: vec![addon], ..company.order(&client, &product) }).await.unwrap();
            to(&company, &created.service, ServiceStatus::Active).await;
            pay(&company, &client, invoice(&company, &client, &created.lines).await).await;
            let ask = async |sql: &str| {
                let mut tx = company.app.db.write().await.unwrap();
                if !sql.is_empty() {
                    assert_eq!(tx.execute(sql, platform::params![]).await.unwrap(), 1, "{sql}");
                }
                let found = billing::doctor::ask(&mut tx, crate::doctor::QUESTIONS).await.unwrap();
                tx.rollback().await.unwrap();
                found.iter().map(|finding| finding.check).collect::<Vec<_>>()
            };
            assert!(ask("").await.is_empty());
            let corruptions = [
                "UPDATE services SET next_due_on = '2026-01-15'",
                "UPDATE service_addons SET next_due_on = '2026-01-15'",
                "UPDATE recurring_charges SET billable = FALSE WHERE owner_kind = 'service'",
                "UPDATE recurring_charges SET remaining = 0 WHERE owner_kind = 'service'",
            ];
            for (question, sql) in crate::doctor::QUESTIONS.iter().zip(corruptions) {
                assert_eq!(ask(sql).await, [question.name], "{sql}");
            }
            assert_eq!(crate::doctor::QUESTIONS.len(), corruptions.len());
        }
    }
}
