use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use super::*;
use crate::testing::doors::Doors;
use crate::testing::{Company, Scripted};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::new(Scripted::default())]).await
}

testkit::both_engines! {
    with = open;

    async fn a_secret_goes_in_and_never_comes_out(company: Company) {
        let doors = Doors::of(&company).await;
        doors.get("/admin/setup/gateways/sandbox").await.shows(&["It is not set.", "Webhook address"]);
        let fields = [("display_name", "Cards"), ("active", "1"), ("account", "acct_1"), ("key", "sk_very_secret")];
        let reply = doors.post("/admin/setup/gateways/sandbox", &fields).await;
        assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, "/admin/setup/gateways"));
        let page = doors.get("/admin/setup/gateways/sandbox").await;
        page.shows(&["It is set.", "acct_1", "Cards"]);
        assert!(!page.text.contains("sk_very_secret"));
        // Saving again without the secret keeps it.
        doors.post("/admin/setup/gateways/sandbox", &[("display_name", "Cards"), ("active", "1"), ("account", "acct_2")]).await;
        let mut conn = company.app.db.read().await.unwrap();
        let config = config(&mut conn, &company.app, &Scripted::default()).await.unwrap();
        assert_eq!((config.get("account"), config.get("key")), (Some("acct_2"), Some("sk_very_secret")));
        let all = doors.api("GET", "/gateways", serde_json::Value::Null).await;
        assert!(!all.text.contains("secret") && !all.text.contains("acct"), "{}", all.text);
    }

    async fn a_secret_is_not_sent_where_it_was_not_entered_for(company: Company) {
        let doors = Doors::of(&company).await;
        let page = "/admin/setup/gateways/sandbox";
        let usual = [("display_name", "Cards"), ("active", "1"), ("account", "acct_1")];
        let with = |more: &[(&'static str, &'static str)]| [&usual[..], more].concat();
        let stored = async || {
            let mut conn = company.app.db.read().await.unwrap();
            let config = config(&mut conn, &company.app, &Scripted::default()).await.unwrap();
            (config.get("api_base").unwrap().to_owned(), config.get("key").unwrap().to_owned())
        };
        doors.post(page, &with(&[("key", "sk_one"), ("api_base", "https://pay.example.com")])).await;
        for (base, why) in [
            ("https://evil.example", "Enter this again"),
            ("http://evil.example", "Without TLS"),
            ("https://pay.example.com@evil.example", "Write an address"),
        ] {
            let reply = doors.post(page, &with(&[("api_base", base)])).await;
            assert_eq!(reply.status.as_u16(), 422, "{base}");
            assert!(reply.text.contains(why), "{base}: {}", reply.text);
        }
        assert_eq!(stored().await, ("https://pay.example.com".to_owned(), "sk_one".to_owned()));
        // The same address in another spelling is no other address.
        assert_eq!(doors.post(page, &with(&[("api_base", "https://pay.example.com/")])).await.status.as_u16(), 303);
        assert_eq!(doors.post(page, &with(&[("api_base", "")])).await.status.as_u16(), 303);
        // Whoever knows the secret may point it elsewhere, in a sandbox to this machine.
        let moved = with(&[("api_base", "http://127.0.0.1:8420"), ("key", "sk_two")]);
        assert_eq!(doors.post(page, &moved).await.status.as_u16(), 303);
        assert_eq!(stored().await, ("http://127.0.0.1:8420".to_owned(), "sk_two".to_owned()));
        let back = doors.post(page, &with(&[("api_base", "https://pay.example.com")])).await;
        assert_eq!(back.status.as_u16(), 422, "nor does it go back by itself");
        let mut conn = company.app.db.read().await.unwrap();
        let told = activity_log::about(&mut conn, "gateway:sandbox").await.unwrap();
        let changed: Vec<Change> = told[0].changes();
        let change = |field: &str| changed.iter().find(|change| change.field == field);
        assert_eq!(change("api_base").map(|base| base.new.as_str()), Some("http://127.0.0.1:8420"));
        assert!(change("key").is_none() && told[0].description.contains("secrets: key"), "{told:?}");
        assert!(told.iter().all(|entry| !format!("{entry:?}").contains("sk_")), "{told:?}");
    }

    async fn a_missing_field_is_named_and_nothing_changes(company: Company) {
        let doors = Doors::of(&company).await;
        let reply = doors.post("/admin/setup/gateways/sandbox", &[("active", "1"), ("display_name", "X"), ("account", "")]).await;
        assert_eq!(reply.status.as_u16(), 422);
        assert!(reply.text.contains("Account is required"), "{}", reply.text);
        doors.get("/admin/setup/gateways").await.shows(&["banktransfer"]);
        let mut conn = company.app.db.read().await.unwrap();
        assert!(all(&mut conn).await.unwrap().iter().all(|gateway| gateway.display_name != "X"));
        drop(conn);
        assert_eq!(doors.get("/admin/setup/gateways/nothing").await.status.as_u16(), 404);
    }

    async fn gateways_are_switched_and_rearranged(company: Company) {
        let doors = Doors::of(&company).await;
        doors.post("/admin/setup/gateways/sandbox/switch", &[("on", "")]).await;
        let answer = doors.action("GetPaymentMethods", &[]).await;
        assert_eq!(answer["totalresults"], 1);
        assert_eq!(answer["paymentmethods"]["paymentmethod"], json!([{ "module": "banktransfer", "displayname": "banktransfer" }]));
        // It lacks its account, so it cannot be switched on.
        let reply = doors.post("/admin/setup/gateways/sandbox/switch", &[("on", "1")]).await;
        assert!(reply.flash.contains("bad"), "{reply:?}");
        doors.post("/admin/setup/gateways/sandbox/move", &[("towards", "up")]).await;
        let listed = doors.api("GET", "/gateways", serde_json::Value::Null).await.json();
        let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|gateway| gateway["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["sandbox", "banktransfer"]);
        let moved = doors.api("POST", "/gateways/sandbox/move", json!({ "towards": "down" })).await;
        assert_eq!((moved.status.as_u16(), &moved.json()["position"]), (200, &json!(2)), "{}", moved.text);
        assert_eq!(doors.api("POST", "/gateways/sandbox/move", json!({ "towards": "left" })).await.status, 422);
        assert_eq!(doors.api("POST", "/gateways/nothing/move", json!({ "towards": "up" })).await.status, 404);
    }

    async fn the_json_api_sets_a_gateway_up_and_tells_no_secret(company: Company) {
        let doors = Doors::of(&company).await;
        let path = "/gateways/sandbox";
        let set = json!({
            "display_name": "Cards", "active": false, "values": { "account": "acct_7" }, "secrets": { "key": "sk_hidden" },
        });
        let reply = doors.api("PATCH", path, set).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let shown = doors.api("GET", path, serde_json::Value::Null).await;
        assert_eq!(shown.json(), reply.json());
        assert!(!shown.text.contains("sk_hidden"));
        assert_eq!((&shown.json()["display_name"], &shown.json()["active"]), (&json!("Cards"), &json!(false)));
        let fields = shown.json()["fields"].as_array().unwrap().clone();
        let field = |key: &str| fields.iter().find(|field| field["key"] == key).unwrap().clone();
        assert_eq!((&field("account")["value"], &field("account")["set"]), (&json!("acct_7"), &json!(true)));
        assert_eq!((&field("key")["value"], &field("key")["set"]), (&serde_json::Value::Null, &json!(true)));
        // What is left out stays; what is wrong is named, and nothing changes.
        let reply = doors.api("PATCH", path, json!({ "display_name": "Cards and more" })).await;
        assert_eq!(reply.json()["active"], false);
        for (wrong, named) in [
            (json!({ "values": { "frob": "1" } }), "frob"),
            (json!({ "values": { "account": 7 } }), "values.account"),
            (json!({ "secrets": ["x"] }), "secrets"),
            (json!({ "secrets": { "account": "1" } }), "account"),
            (json!({ "name": "other" }), "name"),
            (json!({ "display_name": "x".repeat(101) }), "display_name"),
            (json!({ "display_name": "two\nlines" }), "display_name"),
            (json!({ "values": { "account": "x".repeat(5001) } }), "account"),
        ] {
            let reply = doors.api("PATCH", path, wrong.clone()).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (422, &json!(named)), "{wrong}");
        }
        assert_eq!(doors.api("GET", "/gateways/nothing", serde_json::Value::Null).await.status, 404);
        assert_eq!(doors.api("PATCH", "/gateways/nothing", json!({})).await.status, 404);
        assert_eq!(doors.api("GET", path, serde_json::Value::Null).await.json()["display_name"], "Cards and more");
    }

    async fn the_log_is_filtered_and_has_no_page_too_many(company: Company) {
        let now = company.app.clock.now();
        let mut tx = company.app.db.write().await.unwrap();
        for number in 0..60i64 {
            let line = LogLine {
                gateway: if number % 2 == 0 { "sandbox" } else { "banktransfer" },
                what: "charge",
                result: "answer",
                client_id: None,
                invoice_id: None,
                detail: format!("line {number} 100%"),
            };
            log(&mut tx, line, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let doors = Doors::of(&company).await;
        doors.get("/admin/payments/gateway-log").await.shows(&["line 59 100%", "of 60", "1–50"]);
        doors.get("/admin/payments/gateway-log?page=2").await.shows(&["line 0 100%"]);
        doors.get("/admin/payments/gateway-log?gateway=sandbox&from=2026-01-15&to=2026-01-15").await.shows(&["of 30"]);
        doors.get("/admin/payments/gateway-log?q=LINE+7+100%25").await.shows(&["line 7 100%", "1–1"]);
        doors.get("/admin/payments/gateway-log?to=2026-01-14").await.shows(&["Nothing in the log"]);
        assert_eq!(doors.get("/admin/payments/gateway-log?from=tomorrow").await.status.as_u16(), 422);
        let file = doors.get("/admin/payments/gateway-log?gateway=sandbox&format=csv").await;
        assert_eq!(file.text.lines().count(), 31);
        let listed = doors.api("GET", "/gateway-log?gateway=sandbox&q=line+5", serde_json::Value::Null).await.json();
        let details: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|line| line["detail"].as_str().unwrap()).collect();
        assert_eq!(details, ["line 58 100%", "line 56 100%", "line 54 100%", "line 52 100%", "line 50 100%"]);
        assert_eq!((&listed["total"], &listed["next"]), (&json!(5), &serde_json::Value::Null));
        assert_eq!(doors.api("GET", "/gateway-log?to=2026-01-14", serde_json::Value::Null).await.json()["total"], 0);
    }

    async fn details_name_the_version_that_the_documentation_has(company: Company) {
        let answer = Doors::of(&company).await.action("WhmcsDetails", &[]).await;
        assert_eq!(answer["whmcs"]["version"], accounts::doors::compat::VERSION);
    }
}
