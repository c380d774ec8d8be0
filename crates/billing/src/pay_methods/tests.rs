use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use super::*;
use crate::testing::doors::Doors;
use crate::testing::{Company, Scripted};

async fn open(engine: Engine) -> Company {
    let cards = Scripted::called("cards");
    let company = Company::with_gateways(engine, vec![Arc::new(Scripted::default()), Arc::new(cards)]).await;
    let mut tx = company.app.db.write().await.unwrap();
    tx.batch(
        "INSERT INTO gateways (name, display_name, active, position, config) VALUES ('cards', 'Cards', TRUE, 3, '{}')",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
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
            (vec![("clientid", "1"), ("gateway_module_name", "paypal")], "Invalid Gateway Module Name. Must be one of: banktransfer, sandbox, cards"),
            (vec![("clientid", "1"), ("gateway_module_name", "banktransfer")], "Unsupported Gateway Type for Storage"),
            (vec![("clientid", "1"), ("gateway_module_name", "sandbox"), ("card_expiry", "1399"), ("card_number", "4242424242424242")], "Expiry Date is invalid"),
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

    // Whatever field a number is written in, and by whichever door: it is refused, shown to nobody and kept nowhere.
    async fn a_card_number_never_gets_in(company: Company) {
        let doors = Doors::of(&company).await;
        let mut keys = 0;
        for number in ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"] {
            let written = format!("my card is {number}, thanks");
            for (gateway, field, text) in [
                ("cards", "remote_token", number),
                ("cards", "remote_token", written.as_str()),
                ("cards", "description", written.as_str()),
                ("sandbox", "description", number),
            ] {
                let mut fields = vec![("gateway", gateway), ("once", "k"), (field, text)];
                let mut body = json!({ "gateway": gateway, "remote_token": "ok" });
                body[field] = json!(text);
                if field != "remote_token" {
                    fields.push(("remote_token", "ok"));
                }
                keys += 1;
                let once = format!("k{keys}");
                fields[1] = ("once", &once);
                let by_page = doors.post("/admin/clients/1/pay-methods", &fields).await;
                assert_eq!(by_page.status.as_u16(), 422, "{fields:?}: {}", by_page.text);
                assert!(by_page.text.contains("Card numbers are never taken here") && !by_page.text.contains(number));
                let by_api = doors.api_once("/clients/1/pay-methods", &once, body).await;
                assert_eq!((by_api.status.as_u16(), &by_api.json()["errors"][0]["field"]), (422, &json!(field)), "{}", by_api.text);
                assert!(!by_api.text.contains(number), "{}", by_api.text);
                let mut action = vec![("clientid", "1"), ("gateway_module_name", gateway), (field, text)];
                if field != "remote_token" {
                    action.push(("remote_token", "ok"));
                }
                let sentence = doors.refused("AddPayMethod", &action).await;
                assert!(sentence.contains("Card numbers are never taken here") && !sentence.contains(number), "{sentence}");
            }
            // The field that is made for it takes it in a sandbox only.
            let sentence = doors.refused("AddPayMethod", &[("clientid", "1"), ("gateway_module_name", "cards"), ("card_number", number)]).await;
            assert!(sentence.contains("Card numbers are never taken here"), "{sentence}");
        }
        assert_eq!(methods(&company, 1).await.len(), 0);
        // Nor by changing a method that is there.
        doors.api("POST", "/clients/1/pay-methods", json!({ "gateway": "cards", "remote_token": "ok" })).await;
        let changed = doors.api("PATCH", "/clients/1/pay-methods/1", json!({ "description": "4111111111111111" })).await;
        assert_eq!(changed.status.as_u16(), 422);
        let sentence = doors.refused("UpdatePayMethod", &[("clientid", "1"), ("paymethodid", "1"), ("description", "4111 1111 1111 1111")]).await;
        assert!(sentence.contains("Card numbers are never taken here"), "{sentence}");
        // And a provider's answer that repeats one is blotted out before anybody sees it.
        let refused = doors.api("POST", "/clients/1/pay-methods", json!({ "gateway": "cards", "remote_token": "chatty" })).await;
        assert_eq!(refused.status.as_u16(), 409);
        assert!(refused.text.contains("[card number …1111]") && !refused.text.contains("4111"), "{}", refused.text);
        for number in ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"] {
            assert_eq!(company.everywhere(number).await, Vec::<String>::new());
        }
    }

    async fn a_declined_method_is_not_stored(company: Company) {
        let doors = Doors::of(&company).await;
        let refused = doors.api("POST", "/clients/1/pay-methods", json!({ "gateway": "sandbox", "remote_token": "stolen" })).await;
        assert_eq!(refused.status.as_u16(), 409);
        assert!(refused.text.contains("The card was reported as stolen."), "{}", refused.text);
        assert_eq!(methods(&company, 1).await.len(), 0);
    }
}
