//! The questions that `innkeeper doctor` asks of services.

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
