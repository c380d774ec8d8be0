use serde_json::{Value, json};

use super::*;

testkit::both_engines! {
    async fn staff_add_change_and_delete_an_extension(company: Company) {
        let doors = company.doors().await;
        assert!(doors.page("/admin/setup/tlds").await.contains("No TLDs yet"));
        let settings = [
            ("extension", ".shop"), ("dns_management", "free"), ("email_forwarding", "none"), ("id_protection", "paid"),
            ("epp_required", "1"), ("badge", "new"), ("grace_days", "30"), ("redemption_days", "30"),
            ("registrar", "first"), ("position", ""), ("category", ""),
        ];
        let with = |more: &[(&'static str, &'static str)]| [&settings[..], more].concat();
        let typed = with(&[("price_0_USD_register_1", "twelve"), ("fee_grace_USD", "0")]);
        let again = doors.post("/admin/setup/tlds", &typed).await;
        assert_eq!(again.status, 422, "{}", again.text);
        assert!(again.text.contains("value=\"twelve\"") && again.text.contains("value=\".shop\""), "what was typed is kept");
        let good = with(&[("price_0_USD_register_1", "12.00"), ("price_0_EUR_renew_9", "99"), ("fee_redemption_USD", "80")]);
        let made = doors.post("/admin/setup/tlds", &good).await;
        assert_eq!(made.status, 303, "{}", made.text);
        let id = tlds::all(&mut company.app.db.read().await.unwrap(), &Filter::default()).await.unwrap()[0].id;
        let list = doors.page("/admin/setup/tlds").await;
        assert!(list.contains(".shop") && list.contains("12.00") && list.contains("First Registrar") | list.contains("first"));
        let page = doors.page(&format!("/admin/setup/tlds/{id}")).await;
        assert!(page.contains("value=\"12.00\"") && page.contains("value=\"99.00\"") && page.contains("value=\"80.00\""));
        let group = company.group("Resellers").await;
        let tab = format!("/admin/setup/tlds/{id}?group={group}");
        assert!(doors.page(&tab).await.contains("Prices for “Resellers”"));
        let name = format!("price_{group}_USD_register_1");
        assert_eq!(doors.post(&tab, &[(&name, "9.00")]).await.status, 303);
        let mut conn = company.app.db.read().await.unwrap();
        let tld = tlds::find(&mut conn, id).await.unwrap();
        let of = tlds::priced(&mut conn, tld).await.unwrap();
        drop(conn);
        assert_eq!(of.prices.of(Some(group), usd(), Operation::Register, 1), Some(money("9.00")));
        assert_eq!(of.prices.of(None, usd(), Operation::Register, 1), Some(money("12.00")), "only the tab's prices changed");
        assert_eq!((of.tld.badge, of.tld.grace_days), (Badge::New, 30));
        let copy = doors.post(&format!("/admin/setup/tlds/{id}/duplicate"), &[("as", "store")]).await;
        assert_eq!(copy.status, 303);
        assert!(doors.page("/admin/setup/tlds?q=stor").await.contains(".store"));
        assert_eq!(doors.post(&format!("/admin/setup/tlds/{id}/delete"), &[]).await.status, 303);
        assert_eq!(doors.get(&format!("/admin/setup/tlds/{id}")).await.status, 404);
    }

    async fn many_are_changed_on_a_page_that_says_how_many(company: Company) {
        let com = company.com().await;
        let doors = company.doors().await;
        let id = com.tld.id.to_string();
        assert_eq!(doors.post("/admin/setup/tlds/bulk", &[("do", "change")]).await.status, 303, "nothing is ticked");
        let page = doors.post("/admin/setup/tlds/bulk", &[("do", "change"), ("id", &id)]).await;
        assert!(page.text.contains("Change one TLD"), "{}", page.text);
        let again = doors.post("/admin/setup/tlds/change", &[("ids", &id), ("change", "0.50")]).await;
        assert!(again.status == 422 && again.text.contains("Choose it"), "{}", again.text);
        let good = [("ids", id.as_str()), ("change", "0.50"), ("currency", "USD"), ("badge", "hot")];
        assert_eq!(doors.post("/admin/setup/tlds/change", &good).await.status, 303);
        let mut conn = company.app.db.read().await.unwrap();
        let tld = tlds::find(&mut conn, com.tld.id).await.unwrap();
        assert_eq!(tld.badge, Badge::Hot);
        let of = tlds::priced(&mut conn, tld).await.unwrap().prices;
        drop(conn);
        assert_eq!(of.of(None, usd(), Operation::Register, 2), Some(money("23.00")), "0.50 for each year");
        let ask = doors.post("/admin/setup/tlds/bulk", &[("do", "delete"), ("all", "1")]).await;
        assert!(ask.text.contains("Delete one TLD") && ask.text.contains(".com") && ask.text.contains(">4<"), "{}", ask.text);
        assert_eq!(doors.post("/admin/setup/tlds/delete", &[("ids", &id)]).await.status, 303);
        assert!(doors.page("/admin/setup/tlds").await.contains("No TLDs yet"));
    }

    async fn a_file_is_looked_at_before_it_changes_anything(company: Company) {
        company.com().await;
        let doors = company.doors().await;
        let csv = "extension,currency,register_1\ncom,USD,14.00\nnet,USD,11.00\n";
        let look = doors.post("/admin/setup/tlds/import", &[("csv", csv), ("do", "look")]).await;
        assert!(look.status == 200 && look.text.contains("TLDs to be added"), "{}", look.text);
        assert_eq!(tlds::all(&mut company.app.db.read().await.unwrap(), &Filter::default()).await.unwrap().len(), 1);
        assert_eq!(doors.post("/admin/setup/tlds/import", &[("csv", csv), ("do", "import")]).await.status, 303);
        let file = doors.page("/admin/setup/tlds/export.csv?q=net").await;
        assert!(file.starts_with("extension,position,") && file.contains("\nnet,") && !file.contains("\ncom,"), "{file}");
        let wrong = doors.post("/admin/setup/tlds/import", &[("csv", "x\n"), ("do", "import")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("extension"), "{}", wrong.text);
    }

    async fn questions_are_edited_row_by_row(company: Company) {
        let uk = company.tld("uk", TldEdit::default()).await.unwrap().tld;
        let doors = company.doors().await;
        let path = format!("/admin/setup/tlds/{}/questions", uk.id);
        assert!(doors.page(&path).await.contains("LTD = UK limited company"));
        let wrong = doors.post(&path, &[("q0_name", "kind"), ("q0_label", "Kind"), ("q0_kind", "choice")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("f-q0_options"), "{}", wrong.text);
        let good = [("q0_name", "kind"), ("q0_label", "Kind"), ("q0_kind", "choice"), ("q0_options", "A = First\nB"), ("q0_required", "1")];
        assert_eq!(doors.post(&path, &good).await.status, 303);
        let asked = tlds::find(&mut company.app.db.read().await.unwrap(), uk.id).await.unwrap().questions();
        assert_eq!((asked.len(), asked[0].options[1].value.as_str(), asked[0].required), (1, "B", true));
        assert_eq!(doors.post(&path, &[("do", "known")]).await.status, 303);
        assert_eq!(tlds::find(&mut company.app.db.read().await.unwrap(), uk.id).await.unwrap().questions(), uk.questions());
    }

    async fn the_json_api_has_all_of_it(company: Company) {
        let doors = company.doors().await;
        let body = json!({
            "extension": ".dev", "registrar": "first", "grace_days": 10,
            "prices": [{ "currency": "USD", "operation": "register", "years": 1, "price": "12.00" }],
            "fees": [{ "kind": "grace", "currency": "USD", "amount": "0.00" }],
        });
        let made = doors.api("POST", "/tlds", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_i64().unwrap();
        let shown = doors.api("GET", &format!("/tlds/{id}"), Value::Null).await.json();
        assert_eq!(shown, made.json());
        assert_eq!(shown["prices"][0], json!({ "currency": "USD", "operation": "register", "years": 1, "price": "12.00", "client_group_id": null }));
        let wrong = doors.api("PATCH", &format!("/tlds/{id}"), json!({ "prices": [
            { "currency": "USD", "operation": "register", "years": 1, "price": "1" },
            { "currency": "USD", "operation": "renew", "years": 10, "price": "1" },
        ] })).await;
        assert!(wrong.status == 422 && wrong.text.contains("prices[1]"), "{}", wrong.text);
        let changed = doors.api("PATCH", &format!("/tlds/{id}"), json!({ "badge": "hot" })).await.json();
        assert_eq!((&changed["badge"], &changed["prices"]), (&json!("hot"), &shown["prices"]));
        let bulk = json!({ "ids": [id], "epp_required": false, "prices": { "percent": "10", "ending": "99" } });
        assert_eq!(doors.api("POST", "/tlds/bulk", bulk).await.json(), json!({ "changed": 1 }));
        let copy = doors.api("POST", &format!("/tlds/{id}/duplicate"), json!({ "extension": "app" })).await;
        assert_eq!((copy.status.as_u16(), &copy.json()["prices"][0]["price"]), (201, &json!("13.99")));
        let dry = doors.api("POST", "/tlds/import", json!({ "csv": "extension\nnew\n", "dry_run": true })).await;
        assert_eq!(dry.json(), json!({ "added": 1, "changed": 0, "unchanged": 0 }));
        let list = doors.api("GET", "/tlds?sort=-extension", Value::Null).await.json();
        assert_eq!((&list["total"], &list["items"][0]["extension"]), (&json!(2), &json!("dev")));
        let addons = json!({ "prices": [{ "addon": "id_protection", "currency": "EUR", "price": "2.50" }] });
        assert_eq!(doors.api("PUT", "/domain-addon-prices", addons.clone()).await.json(), addons);
        assert_eq!(doors.api("GET", "/domain-addon-prices", Value::Null).await.json(), addons);
        assert_eq!(doors.api("DELETE", &format!("/tlds/{id}"), json!({})).await.json(), json!({ "deleted": true }));
    }

    async fn programs_made_for_whmcs_write_and_read_prices(company: Company) {
        let doors = company.doors().await;
        for (fields, says) in [
            (&[("extension", "")][..], "Extension is required"),
            (&[("extension", ".com"), ("auto_registrar", "enom")], "Invalid auto_registrar value. Must be empty or one of: first"),
            (&[("extension", ".com"), ("group", "COLD")], "Invalid group parameter: COLD. Should be one of HOT, NEW, SALE"),
            (&[("extension", ".com"), ("register[1]", "9")], "Variable currency_code is required when defining pricing"),
            (&[("extension", ".com"), ("currency_code", "XXX")], "Provided currency_code value does not exist. Must be one of: USD, EUR"),
            (&[("extension", ".com"), ("currency_code", "USD"), ("register", "9")], "Parameters register, renew and transfer must be arrays"),
            (&[("extension", ".com"), ("currency_code", "USD"), ("register[11]", "9")], "The maximum register period is 10 years"),
            (&[("extension", ".com"), ("currency_code", "USD"), ("renew[10]", "9")], "The maximum renew period is 9 years"),
            (&[("extension", ".com"), ("currency_code", "USD"), ("transfer[1]", "9"), ("transfer[2]", "9")], "Only one transfer period can be defined"),
        ] {
            let answer = doors.compat("CreateOrUpdateTLD", fields).await;
            assert_eq!((&answer["result"], &answer["message"]), (&json!("error"), &json!(says)));
        }
        let bad = [("extension", "com"), ("currency_code", "USD"), ("register[0]", "1")];
        let bad = doors.compat("CreateOrUpdateTLD", &bad).await;
        assert!(bad["message"].as_str().unwrap().starts_with("register[0]"), "{bad}");
        let made = doors.compat("CreateOrUpdateTLD", &[
            ("extension", ".com"), ("currency_code", "USD"), ("register[1]", "14.95"), ("register[2]", "-1"), ("renew[1]", "15.95"),
            ("transfer[1]", "14.95"), ("id_protection", "true"), ("group", "HOT"), ("auto_registrar", "first"),
            ("grace_period_days", "30"), ("grace_period_fee", "10.00"), ("redemption_period_days", "30"), ("redemption_period_fee", "-1"),
        ]).await;
        assert_eq!((&made["result"], &made["extension"]), (&json!("success"), &json!(".com")), "{made}");
        let again = doors.compat("CreateOrUpdateTLD", &[("extension", "com"), ("currency_code", "USD"), ("register[1]", "15.95")]).await;
        assert_eq!(again["id"], made["id"], "the same extension is changed, not added");
        let read = doors.compat("GetTLDPricing", &[]).await;
        assert_eq!(read["currency"]["code"], "USD");
        let com = &read["pricing"]["com"];
        assert_eq!((&com["register"], &com["renew"]), (&json!({ "1": "15.95" }), &json!({ "1": "15.95" })), "{read}");
        assert_eq!((&com["addons"], &com["group"]), (&json!({ "dns": false, "email": false, "idprotect": true }), &json!("hot")));
        assert_eq!((&com["grace_period"], &com["redemption_period"]), (&json!({ "days": 30, "price": "10.00" }), &Value::Null));
        let euros = doors.compat("GetTLDPricing", &[("currencyid", "2")]).await;
        assert_eq!(euros["pricing"]["com"]["grace_period"]["price"], "9.00", "converted at 0.9");
        assert_eq!(euros["pricing"]["com"]["register"], json!({}), "no price, not sold");
        let group = company.group("Resellers").await;
        let client = company.client("ada@example.com", Some(group)).await;
        let mut tx = company.app.db.write().await.unwrap();
        let tld = tlds::all(&mut tx, &Filter::default()).await.unwrap().remove(0);
        let of = tlds::priced(&mut tx, tld).await.unwrap();
        let own = Price { group_id: Some(group), operation: Operation::Register, years: 1, amount: money("9.95") };
        let edit = TldEdit { prices: Some(of.prices.with(|_| false, vec![own])), ..TldEdit::default() };
        tlds::update(&mut tx, &company.by, of.tld.id, &edit, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let theirs = doors.compat("GetTLDPricing", &[("clientid", &client.id.to_string())]).await;
        assert_eq!(theirs["pricing"]["com"]["register"]["1"], "9.95");
    }
}
