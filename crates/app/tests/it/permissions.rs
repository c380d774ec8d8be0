//! One deed, one permission: what a page asks for, every other door asks for too.

use axum::http::StatusCode;
use platform::params;
use platform::runs::{self, NewRun};
use serde_json::{Value, json};

use crate::support::{Credential, Session, Site};

const API: &str = "API Access";

/// An unpaid invoice over 10.00 of a client with 50.00 of credit, and a draft: their ids.
async fn books(site: &Site, boss: &Session) -> (i64, i64) {
    let client = json!({ "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "country": "GB" });
    site.json(boss, "POST", "/clients", client).await;
    site.json(boss, "POST", "/clients/1/credits", json!({ "amount": "50.00", "description": "A gift" })).await;
    let lines = json!([{ "description": "Hosting", "amount": "10.00" }]);
    let issued = site.json(boss, "POST", "/invoices", json!({ "client_id": 1, "lines": lines })).await.1;
    let draft = site.json(boss, "POST", "/invoices", json!({ "client_id": 1, "lines": lines, "draft": true })).await.1;
    (issued["id"].as_i64().unwrap(), draft["id"].as_i64().unwrap())
}

async fn states(site: &Site) -> Vec<(i64, String, i64)> {
    let mut conn = site.app.db.read().await.unwrap();
    conn.all("SELECT id, status, balance FROM invoices ORDER BY id", params![]).await.unwrap()
}

/// Every door by which an invoice is called off, or its balance.
async fn call_off_everywhere(site: &Site, who: &Session, key: &Credential, id: i64) -> Vec<String> {
    let id = id.to_string();
    let mut answers = Vec::new();
    let (status, page) = site.post(&format!("/admin/invoices/{id}/cancel"), who, &[("reason", "x")]).await;
    answers.push(format!("page {} {}", status.as_u16(), page.contains("Permission needed")));
    let (status, to) = site.post("/admin/invoices/bulk/do", who, &[("do", "cancel"), ("ids", &id)]).await;
    answers.push(format!("bulk {} {to}", status.as_u16()));
    let (status, _) = site.json(who, "POST", &format!("/invoices/{id}/cancel"), json!({})).await;
    answers.push(format!("json {}", status.as_u16()));
    let (status, answer) = site.act(key, "UpdateInvoice", &[("invoiceid", &id), ("status", "Cancelled")]).await;
    answers.push(format!("compat {} {}", status.as_u16(), answer["result"].as_str().unwrap()));
    answers
}

testkit::both_engines! {
    async fn calling_an_invoice_off_asks_for_notes_at_every_door(site: Site) {
        let boss = site.boss().await;
        let (issued, draft) = books(&site, &boss).await;
        let before = states(&site).await;
        let clerk = site.log_in_with("clerk", &[API, "List Invoices", "Manage Invoice", "Create Invoice"]).await;
        let key = site.credential_of("clerk").await;
        let refused = ["page 403 true", "bulk 303 /admin/invoices", "json 403", "compat 403 error"];
        for id in [issued, draft] {
            assert_eq!(call_off_everywhere(&site, &clerk, &key, id).await, refused, "invoice {id}");
        }
        let paid = site.act(&key, "UpdateInvoice", &[("invoiceid", &issued.to_string()), ("status", "Paid")]).await;
        assert_eq!(paid.0, StatusCode::FORBIDDEN);
        assert!(paid.1["message"].as_str().unwrap().contains("Create Credit and Debit Notes"), "{}", paid.1);
        let waived = site.post(&format!("/admin/invoices/{issued}/credit-note"), &clerk, &[("do", "waive")]).await;
        assert_eq!(waived.0, StatusCode::FORBIDDEN);
        assert_eq!(states(&site).await, before, "and nothing changed");
        let (_, page) = site.get(&format!("/admin/invoices/{issued}"), Some(&clerk)).await;
        assert!(page.contains("Make a payment link") && !page.contains("Cancel the invoice"), "{page}");

        // With the permissions it works, whichever door it is.
        let mut all = vec![API, "List Invoices", "Manage Invoice", "Create Invoice", "Delete Invoice"];
        all.push("Create Credit and Debit Notes");
        let head = site.log_in_with("head", &all).await;
        assert_eq!(site.json(&head, "POST", &format!("/invoices/{draft}/cancel"), json!({})).await.0, StatusCode::OK);
        let key = site.credential_of("head").await;
        let done = site.act(&key, "UpdateInvoice", &[("invoiceid", &issued.to_string()), ("status", "Paid")]).await;
        assert_eq!((done.0, &done.1["result"]), (StatusCode::OK, &Value::from("success")), "{}", done.1);
    }

    async fn credit_is_spent_by_those_who_may_at_every_door(site: Site) {
        let boss = site.boss().await;
        books(&site, &boss).await;
        let before = states(&site).await;
        let clerk = site.log_in_with("clerk", &[API, "List Invoices", "Manage Invoice", "Create Invoice"]).await;
        let key = site.credential_of("clerk").await;
        let lines = json!([{ "description": "Domain", "amount": "5.00" }]);
        let body = json!({ "client_id": 1, "lines": lines, "apply_credit": true });
        assert_eq!(site.json(&clerk, "POST", "/invoices", body.clone()).await.0, StatusCode::FORBIDDEN);
        let fields = [("userid", "1"), ("itemdescription1", "Domain"), ("itemamount1", "5.00"), ("autoapplycredit", "1")];
        let (status, answer) = site.act(&key, "CreateInvoice", &fields).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
        assert_eq!(states(&site).await, before, "no invoice without what was asked for");
        let head = site.log_in_with("head", &[API, "Create Invoice", "Manage Credits"]).await;
        let (status, made) = site.json(&head, "POST", "/invoices", body).await;
        assert_eq!((status, &made["status"]), (StatusCode::CREATED, &Value::from("paid")), "{made}");
        // Who may see neither the log nor the credit sees neither on the invoice.
        let (_, page) = site.get("/admin/invoices/1", Some(&clerk)).await;
        assert!(!page.contains("Client’s credit") && !page.contains("<h2>Activity</h2>"), "{page}");
        let (_, page) = site.get("/admin/invoices/1", Some(&boss)).await;
        assert!(page.contains("Client’s credit") && page.contains("<h2>Activity</h2>"), "{page}");
    }

    async fn a_client_is_closed_by_those_who_may_at_every_door(site: Site) {
        let boss = site.boss().await;
        books(&site, &boss).await;
        let clerk = site.log_in_with("clerk", &[API, "List Clients", "View Clients Summary", "Edit Clients Details"]).await;
        let key = site.credential_of("clerk").await;
        let form = [("first_name", "Ada"), ("last_name", "L"), ("email", "ada@example.com"), ("country", "GB"), ("status", "closed")];
        for (path, fields) in [
            ("/admin/clients/1/close", &[][..]), ("/admin/clients/1", &form), ("/admin/clients/bulk", &[("id", "1")]),
            ("/admin/clients/close", &[("ids", "1")]),
        ] {
            assert_eq!(site.post(path, &clerk, fields).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(site.json(&clerk, "POST", "/clients/1/close", json!({})).await.0, StatusCode::FORBIDDEN);
        assert_eq!(site.json(&clerk, "PATCH", "/clients/1", json!({ "status": "closed" })).await.0, StatusCode::FORBIDDEN);
        for (action, fields) in [("CloseClient", vec![]), ("UpdateClient", vec![("status", "Closed")])] {
            let fields = [&[("clientid", "1")][..], &fields].concat();
            assert_eq!(site.act(&key, action, &fields).await.0, StatusCode::FORBIDDEN, "{action}");
        }
        let mut conn = site.app.db.read().await.unwrap();
        let client = accounts::clients::find(&mut conn, 1).await.unwrap();
        assert_eq!((client.status.as_str(), client.last_name.as_str()), ("active", "Lovelace"));
        drop(conn);
        let (_, page) = site.get("/admin/clients/1/edit", Some(&clerk)).await;
        assert!(page.contains(">Inactive<") && !page.contains(">Closed<"), "what may not be chosen is not offered");
        let renamed = [&form[..4], &[("status", "inactive")]].concat();
        assert_eq!(site.post("/admin/clients/1", &clerk, &renamed).await.0, StatusCode::SEE_OTHER);
        let head = site.log_in_with("head", &["Delete Client"]).await;
        assert_eq!(site.post("/admin/clients/1/close", &head, &[]).await.0, StatusCode::SEE_OTHER);
    }

    async fn a_run_is_shown_to_those_who_may_see_jobs(site: Site) {
        let clerk = site.log_in_with("clerk", &["Generate Due Invoices", "Attempts CC Captures"]).await;
        let viewer = site.log_in_with("viewer", &["View System Jobs"]).await;
        let mut tx = site.app.db.write().await.unwrap();
        let new = NewRun {
            task: "capture_payments",
            job: "test",
            key: "key".to_owned(),
            business_date: kernel::Date::new(2026, 3, 1).unwrap(),
            trigger: "manual",
            requested_by: "boss".to_owned(),
            scope: json!({}),
        };
        let (id, _) = runs::request(&mut tx, new, site.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for path in ["/runs".to_owned(), format!("/runs/{id}")] {
            assert_eq!(site.json(&clerk, "GET", &path, Value::Null).await.0, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(site.json(&viewer, "GET", &path, Value::Null).await.0, StatusCode::OK, "{path}");
        }
        let page = format!("/admin/utilities/automation/{id}");
        assert_eq!(site.get(&page, Some(&clerk)).await.0, StatusCode::FORBIDDEN);
        assert_eq!(site.get(&page, Some(&viewer)).await.0, StatusCode::OK);
    }

    async fn what_only_shows_does_not_do(site: Site) {
        let viewer = site.log_in_with("viewer", &[API, "View System Jobs", "View Activity Log"]).await;
        let key = site.credential_of("viewer").await;
        let now = site.app.clock.now();
        let mut tx = site.app.db.write().await.unwrap();
        let job = platform::jobs::NewJob::now("nobody.knows", json!({}), now).attempts(1);
        platform::jobs::enqueue(&mut tx, job, now).await.unwrap();
        tx.commit().await.unwrap();
        platform::jobs::drain(&site.app).await.unwrap();
        for page in ["/admin/utilities/jobs", "/admin/utilities/jobs/1"] {
            let (status, text) = site.get(page, Some(&viewer)).await;
            assert!(status == StatusCode::OK && text.contains("nobody.knows") && !text.contains("Try again"), "{text}");
        }
        let retries = [("/admin/utilities/jobs/1/retry", &[][..]), ("/admin/utilities/jobs/retry", &[("id", "1")])];
        for (path, fields) in retries {
            assert_eq!(site.post(path, &viewer, fields).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(site.json(&viewer, "GET", "/jobs/1", Value::Null).await.0, StatusCode::OK);
        assert_eq!(site.json(&viewer, "POST", "/jobs/1/retry", Value::Null).await.0, StatusCode::FORBIDDEN);
        assert_eq!(site.json(&viewer, "GET", "/jobs/1", Value::Null).await.1["state"], "failed", "nothing was done");
        assert_eq!(site.act(&key, "LogActivity", &[("description", "I was here")]).await.0, StatusCode::FORBIDDEN);
        assert_eq!(site.act(&key, "GetActivityLog", &[]).await.0, StatusCode::OK);
    }

    async fn who_lists_users_does_not_change_them(site: Site) {
        let boss = site.boss().await;
        books(&site, &boss).await;
        let viewer = site.log_in_with("viewer", &["List Clients"]).await;
        let (_, before) = site.json(&boss, "GET", "/users/1", Value::Null).await;
        assert_eq!(site.json(&viewer, "GET", "/users", Value::Null).await.1["total"], 1);
        let deeds = [
            ("PATCH", "/users/1", json!({ "first_name": "Eve" })),
            ("POST", "/clients/1/users", json!({ "email": "ada@example.com" })),
            ("DELETE", "/clients/1/users/1", Value::Null),
        ];
        for (method, path, body) in deeds {
            assert_eq!(site.json(&viewer, method, path, body).await.0, StatusCode::FORBIDDEN, "{method} {path}");
        }
        assert_eq!(site.json(&viewer, "GET", "/users/1", Value::Null).await, (StatusCode::OK, before));
    }

    async fn what_follows_from_a_deed_asks_for_no_more(site: Site) {
        let boss = site.boss().await;
        let (issued, _) = books(&site, &boss).await;
        let paid = json!({ "client_id": 1, "amount_in": "10.00", "gateway": "banktransfer", "invoice_ids": [issued] });
        let (status, paid) = site.json(&boss, "POST", "/transactions", paid).await;
        assert_eq!(status, StatusCode::CREATED, "{paid}");
        // A refund writes a credit note by itself.
        let cashier = site.log_in_with("cashier", &["Refund Invoice Payments"]).await;
        let refund = json!({ "amount": "10.00", "invoice_id": issued, "method": "credit", "reason": "A mistake" });
        let (status, refunded) = site.json(&cashier, "POST", "/transactions/1/refunds", refund).await;
        assert!(status.is_success(), "{refunded}");
        // An order that is called off takes its invoice with it.
        let owner = site.credential_of("boss").await;
        let product = [("name", "Web"), ("gid", "1"), ("paytype", "recurring"), ("pricing[1][monthly]", "5.00")];
        let (_, made) = site.act(&owner, "AddProduct", &product).await;
        let pid = made["pid"].to_string();
        let order = [("clientid", "1"), ("pid[0]", pid.trim_matches('"')), ("billingcycle[0]", "monthly"), ("paymentmethod", "banktransfer")];
        let (_, ordered) = site.act(&owner, "AddOrder", &order).await;
        assert_eq!(ordered["result"], "success", "{ordered}");
        site.log_in("sally", accounts::roles::SALES_OPERATOR).await;
        let mut tx = site.app.db.write().await.unwrap();
        tx.execute(
            "INSERT INTO role_permissions (role_id, permission) SELECT id, 'API Access' FROM roles WHERE name = $1",
            params![accounts::roles::SALES_OPERATOR],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let sally = site.credential_of("sally").await;
        let (status, cancelled) = site.act(&sally, "CancelOrder", &[("orderid", ordered["orderid"].as_str().unwrap())]).await;
        assert_eq!((status, &cancelled["result"]), (StatusCode::OK, &Value::from("success")), "{cancelled}");
        assert!(states(&site).await.iter().any(|(_, status, _)| status == "cancelled"));
        let mut conn = site.app.db.read().await.unwrap();
        assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
    }
}

#[test]
fn the_default_roles_name_permissions_that_exist_and_no_configuration() {
    let known: Vec<&str> = innkeeper::wiring::routes().permissions().iter().map(|permission| permission.0).collect();
    for role in [accounts::roles::SALES_OPERATOR, accounts::roles::SUPPORT_OPERATOR] {
        let allowed = accounts::roles::allowed(role);
        assert!(!allowed.is_empty());
        for permission in allowed {
            assert!(known.contains(permission), "{role}: nothing asks for “{permission}”");
            let lever =
                ["Configure", "Tax", "Refund", "Manage Credits", "Create Credit", "API", "Job", "Generate", "Captures"];
            assert!(!lever.iter().any(|word| permission.contains(word)), "{role}: {permission}");
        }
    }
    assert!(accounts::roles::allowed("Full Administrator").is_empty(), "that one is not limited to a list");
}
