//! Services that end with something else.

use super::*;

testkit::both_engines! {
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
}
