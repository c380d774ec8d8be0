//! What staff change about a service, and what is refused.

use super::*;

testkit::both_engines! {
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
}
