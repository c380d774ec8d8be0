use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use super::*;
use crate::testing::doors::Doors;
use crate::testing::{Company, Scripted};

async fn open(engine: Engine) -> Company {
    let company = Company::with_gateways(engine, vec![Arc::new(Scripted)]).await;
    company.client("ada@example.com").await;
    company.client("bob@example.com").await;
    company
}

async fn methods(company: &Company, client: i64) -> Vec<PayMethod> {
    of_client(&mut company.app.db.read().await.unwrap(), client).await.unwrap()
}

testkit::both_engines! {
    with = open;

    async fn staff_add_choose_and_remove_methods(company: Company) {
        let doors = Doors::of(&company).await;
        let page = doors.get("/admin/clients/1/pay-methods").await;
        page.shows(&["No stored payment methods", "Never a card number"]);
        let once = page.once();
        for _ in 0..2 {
            let fields = [("once", once.as_str()), ("gateway", "sandbox"), ("remote_token", "ok"), ("description", "Card")];
            assert_eq!(doors.post("/admin/clients/1/pay-methods", &fields).await.status.as_u16(), 303);
        }
        assert_eq!(methods(&company, 1).await.len(), 1);
        doors.post("/admin/clients/1/pay-methods", &[("once", "k2"), ("gateway", "sandbox"), ("remote_token", "declined")]).await;
        doors.get("/admin/clients/1/pay-methods").await.shows(&["Visa •••• 4242", "Charge this first", "Default"]);
        doors.post("/admin/clients/1/pay-methods/2/default", &[]).await;
        assert_eq!(methods(&company, 1).await[0].id, 2);
        // Another client's address leads nowhere.
        assert_eq!(doors.post("/admin/clients/2/pay-methods/2/default", &[]).await.status.as_u16(), 404);
        assert_eq!(doors.get("/admin/clients/2/pay-methods/2/remove").await.status.as_u16(), 404);
        doors.get("/admin/clients/1/pay-methods/2/remove").await.shows(&["Remove it", "cannot be brought back"]);
        doors.post("/admin/clients/1/pay-methods/2/remove", &[]).await;
        assert_eq!(methods(&company, 1).await.len(), 1);
    }

    async fn wrong_input_is_shown_beside_its_field_and_changes_nothing(company: Company) {
        let doors = Doors::of(&company).await;
        let wrong = [
            (vec![("once", "a"), ("gateway", "sandbox"), ("remote_token", "")], "own id of the stored method"),
            (vec![("once", "b"), ("gateway", "banktransfer"), ("remote_token", "ok")], "There is no gateway"),
            (vec![("once", "c"), ("gateway", "nothing"), ("remote_token", "ok")], "There is no gateway"),
        ];
        for (fields, words) in wrong {
            let reply = doors.post("/admin/clients/1/pay-methods", &fields).await;
            assert_eq!(reply.status.as_u16(), 422, "{}", reply.text);
            assert!(reply.text.contains(words), "{words}: {}", reply.text);
        }
        assert_eq!(methods(&company, 1).await.len(), 0);
    }

    async fn the_api_stores_a_method_once_for_its_key(company: Company) {
        let doors = Doors::of(&company).await;
        let body = json!({ "gateway": "sandbox", "remote_token": "ok", "is_default": true });
        let calls = (0..10).map(|_| doors.api_once("/clients/1/pay-methods", "key", body.clone()));
        let replies = futures::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status.as_u16())), "{replies:?}");
        assert_eq!(methods(&company, 1).await.len(), 1);
        let listed = doors.api("GET", "/clients/1/pay-methods", json!(null)).await;
        assert_eq!(listed.json()["items"][0]["last_four"], "4242");
        assert!(!listed.text.contains("token"), "{}", listed.text);
        let changed = doors.api("PATCH", "/clients/1/pay-methods/1", json!({ "description": "Mine", "expiry_month": 6, "expiry_year": 2030 })).await;
        assert_eq!((&changed.json()["description"], &changed.json()["expiry_year"]), (&json!("Mine"), &json!(2030)));
        let wrong = doors.api("PATCH", "/clients/1/pay-methods/1", json!({ "expiry_month": 13, "expiry_year": 2030 })).await;
        assert_eq!(wrong.status.as_u16(), 422);
        assert_eq!(doors.api("DELETE", "/clients/2/pay-methods/1", json!(null)).await.status.as_u16(), 404);
        assert_eq!(doors.api("DELETE", "/clients/1/pay-methods/1", json!(null)).await.status.as_u16(), 200);
        assert_eq!(doors.api("GET", "/clients/99/pay-methods", json!(null)).await.status.as_u16(), 404);
        let refused = doors.api("POST", "/clients/1/pay-methods", json!({ "gateway": "sandbox", "remote_token": "ok", "card_number": "4242" })).await;
        assert_eq!(refused.json()["errors"][0]["field"], "card_number");
    }

    async fn the_compatible_actions_answer_in_the_documented_words(company: Company) {
        let doors = Doors::of(&company).await;
        for (fields, words) in [
            (vec![], "Client ID Is Required"),
            (vec![("clientid", "99")], "Invalid Client ID"),
            (vec![("clientid", "1"), ("type", "Cheque")], "Invalid Pay Method Type. Type should be one of 'BankAccount', 'CreditCard', or 'RemoteCreditCard'"),
            (vec![("clientid", "1"), ("type", "RemoteCreditCard")], "Gateway is Required for RemoteCreditCard type"),
            (vec![("clientid", "1"), ("type", "BankAccount")], "Gateway is Required for Bank Account Storage"),
            (vec![("clientid", "1"), ("gateway_module_name", "paypal")], "Invalid Gateway Module Name. Must be one of: banktransfer, sandbox"),
            (vec![("clientid", "1"), ("gateway_module_name", "banktransfer")], "Unsupported Gateway Type for Storage"),
            (vec![("clientid", "1"), ("card_expiry", "1399"), ("card_number", "4242424242424242")], "Expiry Date is invalid"),
            (vec![("clientid", "1")], "Card Number is required for 'CreditCard' or 'RemoteCreditCard' type"),
        ] {
            assert_eq!(doors.refused("AddPayMethod", &fields).await, words, "{fields:?}");
        }
        let added = doors.action("AddPayMethod", &[("clientid", "1"), ("gateway_module_name", "sandbox"), ("remote_token", "ok"), ("set_as_default", "true")]).await;
        assert_eq!((&added["result"], &added["paymethodid"]), (&json!("success"), &json!("1")));
        // A test number, because this is a sandbox.
        let added = doors.action("AddPayMethod", &[("clientid", "1"), ("card_number", "4242424242424242"), ("card_expiry", "1230")]).await;
        assert_eq!(added["paymethodid"], "2");
        let listed = doors.action("GetPayMethods", &[("clientid", "1"), ("type", "CreditCard")]).await;
        assert_eq!(listed["paymethods"].as_array().unwrap().len(), 2);
        assert_eq!(listed["paymethods"][0]["type"], "RemoteCreditCard");
        assert_eq!(listed["paymethods"][0]["last_updated"], "15/01/2026 10:00");
        assert_eq!(doors.refused("GetPayMethods", &[]).await, "Client ID Is Required");
        assert_eq!(doors.refused("GetPayMethods", &[("clientid", "77")]).await, "Client Not Found");
        assert_eq!(doors.refused("UpdatePayMethod", &[("clientid", "1")]).await, "Pay Method ID is Required");
        assert_eq!(doors.refused("UpdatePayMethod", &[("clientid", "2"), ("paymethodid", "1")]).await, "Pay Method does not belong to passed Client ID");
        assert_eq!(doors.refused("UpdatePayMethod", &[("clientid", "1"), ("paymethodid", "1")]).await, "No Details Provided for Update");
        assert_eq!(doors.refused("UpdatePayMethod", &[("clientid", "1"), ("paymethodid", "1"), ("card_expiry", "0000")]).await, "Expiry Date is invalid");
        let updated = doors.action("UpdatePayMethod", &[("clientid", "1"), ("paymethodid", "2"), ("card_expiry", "06/27"), ("set_as_default", "1")]).await;
        assert_eq!(updated["result"], "success");
        assert_eq!((methods(&company, 1).await[0].id, methods(&company, 1).await[0].expiry_year), (2, Some(2027)));
        assert_eq!(doors.refused("DeletePayMethod", &[("paymethodid", "1")]).await, "Client ID is Required");
        assert_eq!(doors.refused("DeletePayMethod", &[("clientid", "1"), ("paymethodid", "9")]).await, "Invalid Pay Method ID");
        assert_eq!(doors.action("DeletePayMethod", &[("clientid", "1"), ("paymethodid", "1")]).await["paymethodid"], "1");
        company.is_sound().await;
    }

    async fn the_client_page_shows_methods_and_credit(company: Company) {
        let mut conn = company.app.db.read().await.unwrap();
        let client = clients::find(&mut conn, 1).await.unwrap();
        let seen = accounts::clients::Seen::new(client, kernel::Date::MIN);
        let mut panels = accounts::clients::ClientPanels::default();
        crate::client_panels(&mut panels);
        let mut all = String::new();
        for panel in panels.panels {
            let shown = (panel.load)(&company.app, &mut conn, &seen).await.unwrap();
            all.push_str(&shown.map(|panel| panel.html).unwrap_or_default());
        }
        assert!(all.contains("None stored") && all.contains("0.00 USD"), "{all}");
    }

    async fn a_card_number_is_not_a_token(company: Company) {
        let refused = refuse_card_number(&company.app, "remote_token", "stripe", "4242 4242 4242 4242");
        assert!(refused.is_err());
        assert!(refuse_card_number(&company.app, "remote_token", "stripe", "pm_123456789012345").is_ok());
    }
}
