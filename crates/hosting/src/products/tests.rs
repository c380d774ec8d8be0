//! Rules of products and their groups, and the doors to them.

use kernel::{Cycle, Error};
use serde_json::json;

use super::*;
use crate::product_groups::GroupEdit;
use crate::testing::{Company, eur, list, money, usd};

async fn save(company: &Company, id: i64, edit: ProductEdit) -> Result<Product> {
    let mut tx = company.app.db.write().await?;
    let product = update(&mut tx, &company.by, id, &edit, company.now()).await?;
    tx.commit().await?;
    Ok(product)
}

async fn prices_of(company: &Company, id: i64) -> PriceList {
    prices::of(&mut company.app.db.read().await.unwrap(), Owner::Product, id).await.unwrap()
}

testkit::both_engines! {
    async fn every_wrong_field_of_a_product_is_named_at_once(company: Company) {
        let mut tx = company.app.db.write().await.unwrap();
        let edit = ProductEdit {
            name: Some(" ".to_owned()),
            group_id: Some(99),
            colour: Some("blue".to_owned()),
            stock: Some(-1),
            cycles_limit: Some(1000),
            prorata_day: Some(32),
            position: Some(-5),
            prices: Some(list(&[("onetime", "5", "0"), ("monthly", "-1", "0")])),
            ..ProductEdit::default()
        };
        let refused = create(&mut tx, &company.by, &edit, company.now()).await;
        let Err(Error::Invalid(errors)) = refused else { panic!("refused") };
        let fields: Vec<&str> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            ["stock", "cycles_limit", "prorata_day", "position", "colour", "name", "group_id", "price_USD_onetime",
             "price_USD_monthly"]
        );
    }

    async fn address_names_are_unique(company: Company) {
        let first = company.starter().await;
        let second = company.starter().await;
        assert_eq!((first.slug.as_str(), second.slug.as_str()), ("starter", "starter-2"));
        let same = ProductEdit { slug: Some("Starter".to_owned()), ..ProductEdit::default() };
        let Err(Error::Invalid(errors)) = save(&company, second.id, same).await else { panic!("taken") };
        assert!(errors.of("slug").is_some());
        let arabic = company.product(company.product_edit("استضافة", list(&[]))).await;
        assert_eq!(arabic.slug, "product");
    }

    async fn an_empty_price_is_not_sold_and_nought_is_free(company: Company) {
        let product = company.product(company.product_edit("Starter", list(&[("monthly", "0.00", "0")]))).await;
        let prices = prices_of(&company, product.id).await;
        assert_eq!(prices.get(usd(), Cycle::Monthly).map(|price| price.price), Some(money("0")));
        assert_eq!(prices.get(usd(), Cycle::Annually), None);
        assert_eq!(prices.get(eur(), Cycle::Monthly), None);
    }

    async fn another_payment_type_drops_the_prices_that_mean_nothing(company: Company) {
        let product = company.starter().await;
        save(&company, product.id, ProductEdit { pay_type: Some(PayType::Free), ..ProductEdit::default() }).await.unwrap();
        assert!(prices_of(&company, product.id).await.is_empty());
    }

    async fn a_product_in_use_is_retired_not_deleted(company: Company) {
        let client = company.client("ada@client.example").await;
        let product = company.starter().await;
        company.place(company.order(&client, &product)).await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        let Err(Error::Refused(why)) = delete(&mut tx, &company.by, product.id, company.now()).await else {
            panic!("refused")
        };
        assert!(why.starts_with("1 service is made of “Starter”"), "{why}");
        let full = product_groups::delete(&mut tx, &company.by, company.group_id, company.now()).await;
        assert!(matches!(full, Err(Error::Refused(_))));
        drop(tx);
        let unused = company.starter().await;
        let mut tx = company.app.db.write().await.unwrap();
        delete(&mut tx, &company.by, unused.id, company.now()).await.unwrap();
        assert!(matches!(find(&mut tx, unused.id).await, Err(Error::NotFound(_))));
        let group = GroupEdit { name: Some("Empty".to_owned()), ..GroupEdit::default() };
        let group = product_groups::create(&mut tx, &company.by, &group, company.now()).await.unwrap();
        product_groups::delete(&mut tx, &company.by, group.id, company.now()).await.unwrap();
    }

    async fn staff_set_products_up(company: Company) {
        let doors = company.doors().await;
        let page = doors.page("/admin/setup/products").await;
        assert!(page.contains("Shared hosting") && page.contains("No products in this group yet"));
        let group = doors.page("/admin/setup/product-groups/new").await;
        assert!(group.contains("New product group"));
        assert_eq!(doors.post("/admin/setup/product-groups", &[("name", "Servers")]).await.location, "/admin/setup/products");
        assert_eq!(doors.post("/admin/setup/product-groups", &[("name", "")]).await.status, 422);
        doors.page("/admin/setup/product-groups/1").await;
        assert!(doors.page("/admin/setup/products/new?group=1").await.contains("New product"));
        let mut fields = vec![
            ("group_id", "1"),
            ("kind", "hostingaccount"),
            ("name", "Starter"),
            ("pay_type", "recurring"),
            ("quantity_mode", "none"),
            ("price_USD_monthly", "5.00"),
            ("setup_USD_monthly", "1.50"),
            ("price_EUR_annually", "0.00"),
            ("prorata", "1"),
            ("prorata_day", "1"),
            ("prorata_cutoff", "20"),
        ];
        let added = doors.post("/admin/setup/products", &fields).await;
        assert_eq!(added.location, "/admin/setup/products/1", "{}", added.text);
        let prices = prices_of(&company, 1).await;
        assert_eq!(prices.described(), "EUR annually 0.00 + 0.00; USD monthly 5.00 + 1.50");
        let form = doors.page("/admin/setup/products/1").await;
        assert!(form.contains("value=\"5.00\"") && form.contains("Delete"), "{form}");
        assert!(doors.page("/admin/setup/products").await.contains("5.00 USD monthly"));
        fields[2].1 = "";
        fields[5].1 = "five";
        fields.push(("setup_USD_quarterly", "3"));
        let again = doors.post("/admin/setup/products/1", &fields).await;
        assert_eq!(again.status, 422);
        assert!(again.text.contains("value=\"five\""), "what was typed is kept");
        assert!(again.text.contains("“five” is not an amount"));
        assert!(again.text.contains("There is a setup fee, but no quarterly price in USD"));
        assert_eq!(doors.post("/admin/setup/products/1/retire", &[("to", "retired")]).await.location, "/admin/setup/products");
        assert!(doors.page("/admin/setup/products").await.contains("Retired"));
        doors.post("/admin/setup/products/1/retire", &[("to", "sold")]).await;
        assert!(!find(&mut company.app.db.read().await.unwrap(), 1).await.unwrap().retired);
        doors.post("/admin/setup/products/1/delete", &[]).await;
        assert_eq!(doors.get("/admin/setup/products/1").await.status, 404);
        assert_eq!(doors.post("/admin/setup/product-groups/2/delete", &[]).await.location, "/admin/setup/products");
    }

    // What the form does not show, it does not change.
    async fn the_form_says_when_services_become_active_and_leaves_notes_alone(company: Company) {
        let doors = company.doors().await;
        let edit = ProductEdit {
            featured: Some(true),
            colour: Some("#2f6fde".to_owned()),
            module: Some("cpanel".to_owned()),
            ..company.product_edit("Starter", list(&[("monthly", "5.00", "0")]))
        };
        let product = company.product(edit).await;
        let path = format!("/admin/setup/products/{}", product.id);
        let form = doors.page(&path).await;
        assert!(form.contains("When staff accept the order") && !form.contains("featured"), "{form}");
        let mut fields = vec![
            ("group_id", "1"), ("kind", "hostingaccount"), ("name", "Starter"), ("pay_type", "recurring"),
            ("quantity_mode", "none"), ("price_USD_monthly", "5.00"), ("auto_setup", "payment"),
        ];
        assert_eq!(doors.post(&path, &fields).await.status, 303);
        let saved = find(&mut company.app.db.read().await.unwrap(), product.id).await.unwrap();
        assert_eq!(saved.auto_setup, AutoSetup::Payment);
        assert_eq!((saved.featured, saved.colour.as_str(), saved.module.as_str()), (true, "#2f6fde", "cpanel"));
        fields[6].1 = "soon";
        assert_eq!(doors.post(&path, &fields).await.status, 422);
    }

    async fn the_json_api_reads_and_writes_products(company: Company) {
        let doors = company.doors().await;
        let body = json!({
            "name": "Starter",
            "group_id": company.group_id,
            "prices": [{ "currency": "USD", "cycle": "monthly", "price": "5.00" },
                       { "currency": "EUR", "cycle": "every:10:days", "price": "1.00", "setup": "2.00" }],
        });
        let added = doors.api("POST", "/products", body).await;
        assert_eq!(added.status, 201, "{}", added.text);
        assert_eq!(added.json()["prices"][1], json!({ "currency": "USD", "cycle": "monthly", "price": "5.00", "setup": "0.00" }));
        let path = format!("/products/{}", added.json()["id"]);
        let changed = doors.api("PATCH", &path, json!({ "hidden": true, "prices": [] })).await.json();
        assert_eq!((&changed["hidden"], &changed["name"], &changed["prices"]), (&json!(true), &json!("Starter"), &json!([])));
        assert_eq!(doors.api("GET", "/products", json!({})).await.json()["total"], json!(1));
        let wrong = json!({ "prices": [{ "currency": "ZZZ", "cycle": "monthly", "price": "5" }], "kind": "boat" });
        let wrong = doors.api("PATCH", &path, wrong).await.json();
        assert_eq!((&wrong["errors"][0]["field"], &wrong["errors"][1]["field"]), (&json!("kind"), &json!("prices[0].currency")));
        assert_eq!(doors.api("DELETE", &path, json!({})).await.json(), json!({ "deleted": true }));
        let group = doors.api("POST", "/product-groups", json!({ "name": "VPS" })).await.json();
        let path = format!("/product-groups/{}", group["id"]);
        assert_eq!(doors.api("PATCH", &path, json!({ "hidden": true })).await.json()["hidden"], json!(true));
        assert_eq!(doors.api("GET", "/product-groups", json!({})).await.json()["total"], json!(2));
        assert_eq!(doors.api("DELETE", &path, json!({})).await.status, 200);
        assert_eq!(doors.api("GET", &path, json!({})).await.status, 404);
    }

    async fn callers_of_the_compatible_api_add_and_list_products(company: Company) {
        let doors = company.doors().await;
        let gid = company.group_id.to_string();
        let add = [
            ("name", "Starter"),
            ("gid", gid.as_str()),
            ("type", "hostingaccount"),
            ("paytype", "recurring"),
            ("hidden", "0"),
            ("tax", "true"),
            ("pricing[1][monthly]", "5.00"),
            ("pricing[1][msetupfee]", "1.50"),
            ("pricing[1][quarterly]", "-1"),
            ("pricing[1][annually]", "-1.00"),
            ("pricing[2][annually]", "0.00"),
        ];
        let added = doors.compat("AddProduct", &add).await;
        assert_eq!(added, json!({ "result": "success", "pid": 1 }));
        let once = [
            ("name", "Move"),
            ("gid", gid.as_str()),
            ("paytype", "onetime"),
            ("pricing[1][monthly]", "80"),
            ("color", "#2f6"),
        ];
        assert_eq!(doors.compat("AddProduct", &once).await["pid"], json!(2));
        let all = doors.compat("GetProducts", &[]).await;
        assert_eq!(all["totalresults"], json!(2));
        let product = &all["products"]["product"][0];
        let usd = &product["pricing"]["USD"];
        assert_eq!((&usd["prefix"], &usd["monthly"], &usd["msetupfee"]), (&json!("$"), &json!("5.00"), &json!("1.50")));
        assert_eq!((&usd["quarterly"], &usd["annually"]), (&json!("-1.00"), &json!("-1.00")));
        assert_eq!(product["pricing"]["EUR"]["annually"], json!("0.00"), "free, because somebody said so");
        assert_eq!((&product["pid"], &product["customfields"]), (&json!(1), &json!({ "customfield": [] })));
        let some = doors.compat("GetProducts", &[("pid", "2,7")]).await;
        assert_eq!((&some["totalresults"], &some["products"]["product"][0]["pricing"]["USD"]["monthly"]), (&json!(1), &json!("80.00")));
        assert_eq!(doors.compat("GetProducts", &[("gid", "99")]).await["products"], json!({ "product": [] }));
        for (field, value, message) in [
            ("name", "", "You must supply a name for the product"),
            ("gid", "99", "You must supply a valid Product Group ID"),
            ("welcomeemail", "5", "You must supply a valid welcome email ID"),
            ("type", "boat", "Invalid product type. Must be one of \"hostingaccount\", \"reselleraccount\", \"server\" or \"other\""),
            ("paytype", "gold", "Invalid pay type. Must be one of \"free\", \"onetime\" or \"recurring\""),
            ("autosetup", "soon", "Invalid autosetup value. Must be one of \"\", \"on\", \"order\" or \"payment\""),
            ("color", "blue", "The color must be a valid hexadecimal value."),
            ("recommendations[0][id]", "99", "The recommendation product ID is invalid. This must be an existing product ID."),
            ("pricing[9][monthly]", "5", "pricing[9]: There is no currency with the id 9."),
            ("pricing[1][monthly]", "-5", "pricing[1][monthly]: Send an amount of nought or more, or -1 for what is not sold."),
            ("servergroupid", "3", "servergroupid: There are no server groups yet. Leave this out."),
        ] {
            let mut fields = vec![("name", "Other"), ("gid", gid.as_str()), ("paytype", "recurring")];
            fields.retain(|(name, _)| *name != field);
            fields.push((field, value));
            let refused = doors.compat("AddProduct", &fields).await;
            assert_eq!((&refused["result"], &refused["message"]), (&json!("error"), &json!(message)));
        }
    }
}
