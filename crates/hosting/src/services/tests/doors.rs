//! The pages, the JSON API and the compatible API.

use super::*;

testkit::both_engines! {
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
