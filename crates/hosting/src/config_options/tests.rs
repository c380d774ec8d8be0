//! Rules of configurable options, and the doors to them.

use kernel::Error;
use serde_json::json;

use super::*;
use crate::testing::{Company, list};

fn option(kind: OptionKind, choices: &[(i64, &str)]) -> FullOption {
    let option = ConfigOption {
        id: 3,
        name: "Memory".to_owned(),
        kind,
        min_quantity: 2,
        max_quantity: 8,
        hidden: false,
        position: 0,
    };
    let choice = |(id, name): &(i64, &str)| PricedChoice {
        choice: Choice { id: *id, option_id: 3, name: (*name).to_owned(), hidden: *name == "old", position: 0 },
        prices: PriceList::default(),
    };
    FullOption { option, choices: choices.iter().map(choice).collect() }
}

#[test]
fn a_value_means_what_its_option_is() {
    let pick =
        |full: &FullOption, value| full.pick(value, None).map(|picked| picked.map(|p| (p.choice_id, p.quantity)));
    let radio = option(OptionKind::Radio, &[(5, "4 GB"), (6, "8 GB"), (7, "old")]);
    assert_eq!(pick(&radio, Some(6)).unwrap(), Some((6, 1)));
    assert_eq!(pick(&radio, None).unwrap(), Some((5, 1)), "the first choice");
    assert!(pick(&radio, Some(7)).is_err(), "hidden");
    assert!(radio.pick(Some(7), Some(7)).is_ok(), "the service has it already");
    assert!(pick(&radio, Some(99)).is_err());
    let yes = option(OptionKind::YesNo, &[(9, "Backups")]);
    assert_eq!(pick(&yes, None).unwrap(), None);
    assert_eq!(pick(&yes, Some(0)).unwrap(), None);
    assert_eq!(pick(&yes, Some(1)).unwrap(), Some((9, 1)));
    assert_eq!(pick(&yes, Some(9)).unwrap(), Some((9, 1)), "the id of its choice");
    let many = option(OptionKind::Quantity, &[(9, "Addresses")]);
    assert_eq!(pick(&many, None).unwrap(), Some((9, 2)), "the smallest quantity");
    assert_eq!(pick(&many, Some(4)).unwrap(), Some((9, 4)));
}

#[test]
fn an_option_of_another_product_is_refused() {
    let options = [option(OptionKind::YesNo, &[(9, "Backups")])];
    let Err(Error::Invalid(errors)) = pick_all(&options, &[OptionValue { option_id: 4, value: 1 }], &[]) else {
        panic!("refused")
    };
    assert_eq!(errors.of("configoptions[4]"), Some("The product has no such option."));
    assert!(pick_all(&options, &[OptionValue { option_id: 3, value: -1 }], &[]).is_err());
    let had = [Picked { option_id: 3, choice_id: 9, quantity: 1 }];
    assert_eq!(pick_all(&options, &[], &had).unwrap(), had, "what was not mentioned stays");
}

testkit::both_engines! {
    async fn a_choice_in_use_is_hidden_not_deleted(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        let mut tx = company.app.db.write().await.unwrap();
        let edit = OptionEdit {
            name: Some("Memory".to_owned()),
            product_ids: Some(vec![product.id]),
            ..OptionEdit::default()
        };
        let memory = create(&mut tx, &company.by, &edit, company.now()).await.unwrap();
        let edit = ChoiceEdit {
            name: Some("8 GB".to_owned()),
            prices: Some(list(&[("monthly", "2", "0")])),
            ..ChoiceEdit::default()
        };
        let choice = create_choice(&mut tx, &company.by, memory.id, &edit, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        company.place(company.order(&client, &product)).await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        let used = delete_choice(&mut tx, &company.by, choice.id, company.now()).await;
        let Err(Error::Refused(why)) = used else { panic!("refused") };
        assert_eq!(why, "1 service has “8 GB”. Hide it instead: then nobody new can choose it.");
        assert!(delete(&mut tx, &company.by, memory.id, company.now()).await.is_err());
        let several = OptionEdit { kind: Some(OptionKind::YesNo), ..OptionEdit::default() };
        assert!(update(&mut tx, &company.by, memory.id, &several, company.now()).await.is_ok(), "it has one choice");
        let second = create_choice(&mut tx, &company.by, memory.id, &edit, company.now()).await;
        assert!(matches!(second, Err(Error::Refused(_))), "a yes-or-no has one choice");
    }

    async fn staff_set_options_up(company: Company) {
        company.starter().await;
        let doors = company.doors().await;
        assert!(doors.page("/admin/setup/config-options").await.contains("No options yet"));
        doors.page("/admin/setup/config-options/new").await;
        let fields = [("name", "Memory"), ("kind", "dropdown"), ("product_ids", "1")];
        assert_eq!(doors.post("/admin/setup/config-options", &fields).await.location, "/admin/setup/config-options/1");
        assert_eq!(doors.post("/admin/setup/config-options", &[("name", ""), ("kind", "radio")]).await.status, 422);
        assert!(doors.page("/admin/setup/config-options/1").await.contains("No choices yet"));
        assert!(doors.page("/admin/setup/config-options/1/choices/new").await.contains("New choice of Memory"));
        let choice = [("name", "8 GB"), ("price_USD_monthly", "2.00"), ("price_USD_onetime", "9.00")];
        let added = doors.post("/admin/setup/config-options/1/choices", &choice).await;
        assert_eq!(added.location, "/admin/setup/config-options/1");
        let page = doors.page("/admin/setup/config-options/1").await;
        assert!(page.contains("9.00 USD once <span class=\"none\">and 1 more"), "{page}");
        assert!(doors.page("/admin/setup/config-choices/1").await.contains("value=\"2.00\""));
        assert_eq!(doors.post("/admin/setup/config-choices/1", &[("name", "8 GB"), ("price_USD_monthly", "x")]).await.status, 422);
        doors.post("/admin/setup/config-choices/1", &[("name", "16 GB"), ("price_USD_monthly", "4.00")]).await;
        assert!(doors.page("/admin/setup/config-options").await.contains("Memory"));
        assert!(doors.page("/admin/setup/products/1").await.contains(">Memory</a>"));
        let compat = doors.compat("GetProducts", &[("pid", "1")]).await;
        let option = &compat["products"]["product"][0]["configoptions"]["configoption"][0];
        assert_eq!((&option["name"], &option["type"]), (&json!("Memory"), &json!("1")));
        assert_eq!(option["options"]["option"][0]["pricing"]["USD"]["monthly"], json!("4.00"));
        doors.post("/admin/setup/config-options/1", &[("name", "RAM"), ("kind", "radio")]).await;
        doors.post("/admin/setup/config-choices/1/delete", &[]).await;
        doors.post("/admin/setup/config-options/1/delete", &[]).await;
        assert_eq!(doors.get("/admin/setup/config-options/1").await.status, 404);
    }

    async fn the_json_api_reads_and_writes_options(company: Company) {
        let product = company.starter().await;
        let doors = company.doors().await;
        let body = json!({ "name": "Addresses", "kind": "quantity", "max_quantity": 8, "product_ids": [product.id] });
        let added = doors.api("POST", "/config-options", body).await.json();
        assert_eq!((&added["choices"][0]["name"], &added["product_ids"]), (&json!("Addresses"), &json!([product.id])));
        let choice = format!("/config-choices/{}", added["choices"][0]["id"]);
        let prices = json!({ "prices": [{ "currency": "USD", "cycle": "monthly", "price": "1.00" }] });
        let priced = doors.api("PATCH", &choice, prices).await.json();
        assert_eq!(priced["choices"][0]["prices"][0]["price"], json!("1.00"));
        let path = format!("/config-options/{}", added["id"]);
        assert_eq!(doors.api("POST", &format!("{path}/choices"), json!({ "name": "More" })).await.status, 409);
        let wrong = doors.api("PATCH", &path, json!({ "min_quantity": 9, "product_ids": [99] })).await.json();
        assert_eq!((&wrong["errors"][0]["field"], &wrong["errors"][1]["field"]), (&json!("max_quantity"), &json!("product_ids")));
        assert_eq!(doors.api("GET", "/config-options", json!({})).await.json()["total"], json!(1));
        assert_eq!(doors.api("DELETE", &choice, json!({})).await.status, 409);
        assert_eq!(doors.api("DELETE", &path, json!({})).await.status, 200);
    }
}
