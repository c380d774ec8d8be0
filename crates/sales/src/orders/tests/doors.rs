//! The pages, the JSON API and the compatible API.

use super::*;

testkit::both_engines! {
    async fn the_json_api_places_and_moves_orders(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let body = json!({
            "client_id": client.id, "gateway": "mailin", "mail": false, "notes": "By telephone",
            "items": [{ "product_id": product.id, "cycle": "annually", "domain": "example.com", "price": "300", "setup": 5 }],
        });
        let made = shop.api("POST", "/orders", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        assert_eq!((made["amount"].as_str(), made["status"].as_str()), (Some("305.00"), Some("pending")));
        assert_eq!(made["items"][0]["recurring_amount"], "300.00");
        assert_eq!(shop.count("jobs").await, 0, "nobody is told");
        let place = format!("/orders/{}", made["id"]);
        for (step, status, service) in [("accept", "active", "active"), ("fraud", "fraud", "fraud"), ("pending", "pending", "pending"), ("cancel", "cancelled", "cancelled")] {
            let reply = shop.api("POST", &format!("{place}/{step}"), json!(null)).await;
            assert_eq!((reply.status.as_u16(), reply.json()["status"].as_str()), (200, Some(status)), "{}", reply.text);
            assert_eq!(reply.json()["items"][0]["status"], service);
        }
        assert_eq!(shop.api("POST", &format!("{place}/cancel"), json!(null)).await.status, 409);
        for (query, total) in [("?status=cancelled", 1), ("?status=active", 0), ("?at_least=305&at_most=305.00", 1), ("?at_least=305.01", 0), ("?gateway=mailin&from=2026-01-15&until=2026-01-15", 1), ("?until=2026-01-14", 0), ("?q=lovelace", 1), ("?q=nobody", 0)] {
            let list = shop.api("GET", &format!("/orders{query}"), json!(null)).await.json();
            assert_eq!(list["total"], total, "{query}: {list}");
        }
        assert_eq!(shop.api("GET", "/orders?status=odd", json!(null)).await.status, 422);
        assert_eq!(shop.api("DELETE", &place, json!(null)).await.status, 200);
        assert_eq!(shop.api("GET", &place, json!(null)).await.status, 404);
        shop.is_sound().await;
    }

    async fn wrong_json_names_every_field(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let before = shop.rows().await;
        let body = json!({ "client_id": client.id, "items": [{ "product_id": "x", "cycle": "weekly-ish" }, 7, { "options": [{ "option_id": 1 }] }], "invoice": "yes" });
        let reply = shop.api("POST", "/orders", body).await;
        assert_eq!(reply.status, 422);
        let errors = reply.json()["errors"].clone();
        let named: Vec<&str> = errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, ["items[1]", "items[0].product_id", "items[0].cycle", "items[2].product_id", "items[2].options[0].value", "invoice"]);
        let unknown = shop.api("POST", "/orders", json!({ "client_id": 4711, "items": [{ "product_id": 1 }] })).await;
        assert_eq!((unknown.status.as_u16(), unknown.json()["errors"][0]["field"].as_str()), (422, Some("client_id")));
        let huge = json!({ "client_id": client.id, "gateway": "mailin", "items": [{ "product_id": 1, "price": "99999999999999999999" }] });
        assert_eq!(shop.api("POST", "/orders", huge).await.status, 422);
        assert_eq!(shop.rows().await, before);
    }

    async fn the_compatible_actions_speak_as_documented(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let option = shop.option("Mailboxes", "6.20", product.id).await;
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await;
        let options = base64::engine::general_purpose::STANDARD.encode(format!("a:1:{{i:{option};i:2;}}"));
        let addons = format!("{extra}");
        let made = shop.action("AddOrder", &[
            ("clientid", &id), ("paymentmethod", "mailin"), ("clientip", "192.0.2.1"), ("notes", "Sample notes"),
            ("pid[0]", &pid), ("billingcycle[0]", "monthly"), ("domain[0]", "one.example.com"), ("configoptions[0]", &options), ("addons[0]", &addons), ("addonsqty[0]", "2"),
            ("pid[1]", &pid), ("billingcycle[1]", "annually"), ("domain[1]", "two.example.com"), ("priceoverride[1]", "300.00"),
            ("customfields[0]", "YTowOnt9"), ("promocode", ""), ("regperiod[0]", ""), ("affid", "0"),
        ]).await;
        assert_eq!(made["result"], "success", "{made}");
        let order = made["orderid"].as_str().unwrap().to_owned();
        assert_eq!((made["serviceids"].as_str(), made["addonids"].as_str(), made["domainids"].as_str()), (Some("1,2"), Some("1"), Some("")));
        assert!(made["invoiceid"].is_string());
        let listed = shop.action("GetOrders", &[("id", &order)]).await;
        assert_eq!((listed["totalresults"].as_i64(), listed["numreturned"].as_i64()), (Some(1), Some(1)));
        let found = &listed["orders"]["order"][0];
        // 31.00 and two mailboxes of 6.20, the setup fee of 10.00, two backups, 300.00 for the year.
        assert_eq!((found["amount"].as_str(), found["status"].as_str(), found["paymentstatus"].as_str()), (Some("359.40"), Some("Pending"), Some("Unpaid")));
        assert_eq!((found["name"].as_str(), found["date"].as_str(), found["ipaddress"].as_str()), (Some("Ada Lovelace"), Some("2026-01-15 10:00:00"), Some("192.0.2.1")));
        assert_eq!(found["ordernum"].to_string().len(), 10);
        let items = found["lineitems"]["lineitem"].as_array().unwrap();
        assert_eq!(items[0], json!({ "type": "product", "relid": 1, "producttype": "Hosting Account", "product": "Shared hosting - Starter", "domain": "one.example.com", "billingcycle": "Monthly", "amount": "53.40", "status": "Pending" }));
        assert_eq!((items[1]["type"].as_str(), items[1]["amount"].as_str()), (Some("addon"), Some("6.00")));
        let orderid = [("orderid", order.as_str())];
        let success = json!({ "result": "success" });
        let error = |text: &str| json!({ "result": "error", "message": text });
        assert_eq!(shop.action("DeleteOrder", &orderid).await, error("The order status must be in Cancelled or Fraud to be deleted"));
        assert_eq!(shop.action("AcceptOrder", &orderid).await, success);
        assert_eq!(shop.action("AcceptOrder", &orderid).await, error("Order ID not found or Status not Pending"));
        assert_eq!(shop.action("CancelOrder", &orderid).await, error("Order ID not found or Status not Pending"));
        assert_eq!(shop.action("PendingOrder", &orderid).await, success);
        assert_eq!(shop.action("PendingOrder", &orderid).await, success);
        assert_eq!(shop.action("CancelOrder", &orderid).await, success);
        assert_eq!(shop.action("GetOrders", &[("status", "Cancelled"), ("userid", &id)]).await["totalresults"], 1);
        assert_eq!(shop.action("DeleteOrder", &orderid).await, success);
        for (action, sentence) in [("AcceptOrder", "Order ID not found or Status not Pending"), ("CancelOrder", "Order ID not found or Status not Pending"), ("PendingOrder", "Order ID Not Found"), ("DeleteOrder", "Order ID not found")] {
            assert_eq!(shop.action(action, &orderid).await, error(sentence), "{action}");
        }
        shop.is_sound().await;
    }

    async fn add_order_takes_single_values_and_orders_addons(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let extra = shop.addon("Backups", &[("monthly", "3.00", "0")], false, product.id).await.to_string();
        let made = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("pid", &pid), ("billingcycle", "monthly"), ("domain", "example.com"), ("noinvoice", "true")]).await;
        assert_eq!((made["result"].as_str(), made.get("invoiceid")), (Some("success"), None), "{made}");
        let service_id = made["serviceids"].as_str().unwrap().to_owned();
        let made = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("addonid", &extra), ("serviceid", &service_id), ("noinvoiceemail", "1")]).await;
        assert_eq!(made["result"], "success", "{made}");
        let several = shop.action("AddOrder", &[("clientid", &id), ("paymentmethod", "banktransfer"), ("addonids[]", &extra), ("addonids[]", &extra), ("serviceids[]", &service_id), ("serviceids[]", &service_id)]).await;
        assert_eq!(several["addonids"].as_str().map(|ids| ids.split(',').count()), Some(2), "{several}");
    }

    async fn add_order_refuses_as_documented(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.starter().await;
        let pid = product.id.to_string();
        let before = shop.rows().await;
        let refused = async |fields: &[(&str, &str)]| {
            let answer = shop.action("AddOrder", fields).await;
            assert_eq!(answer["result"], "error", "{answer}");
            answer["message"].as_str().unwrap().to_owned()
        };
        let pay = ("paymentmethod", "banktransfer");
        assert_eq!(refused(&[("clientid", "4711"), pay, ("pid[0]", &pid)]).await, "Client ID Not Found");
        assert_eq!(refused(&[("clientid", &id), pay]).await, "No items added to cart so order cannot proceed");
        for gateway in ["", "stripe"] {
            let answer = refused(&[("clientid", &id), ("paymentmethod", gateway), ("pid[0]", &pid)]).await;
            assert_eq!(answer, "Invalid Payment Method. Valid options include banktransfer, mailin");
        }
        assert_eq!(refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("addons[0]", "99")]).await, "Addon ID invalid");
        assert_eq!(refused(&[("clientid", &id), pay, ("addonid", "1"), ("serviceid", "99")]).await, "Service ID not owned by Client ID provided");
        let cycle = refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("billingcycle[0]", "quarterly")]).await;
        assert!(cycle.starts_with("billingcycle[0]: “Starter” has no quarterly price in USD."), "{cycle}");
        let unknown = refused(&[("clientid", &id), pay, ("pid[0]", "99")]).await;
        assert_eq!(unknown, "pid[0]: There is no product 99.");
        for (name, value) in [("promocode", "SUMMER"), ("affid", "3"), ("domaintype[0]", "register"), ("idprotection[0]", "1"), ("domainrenewals[example.com]", "1"), ("servicerenewals[]", "4")] {
            let answer = refused(&[("clientid", &id), pay, ("pid[0]", &pid), (name, value)]).await;
            let bare = name.split('[').next().unwrap();
            assert!(answer.starts_with(&format!("{bare}: There are no ")), "{name}: {answer}");
        }
        let custom = base64::engine::general_purpose::STANDARD.encode("a:1:{i:1;s:1:\"x\";}");
        let answer = refused(&[("clientid", &id), pay, ("pid[0]", &pid), ("customfields[0]", &custom)]).await;
        assert!(answer.contains("no custom fields"), "{answer}");
        assert_eq!(shop.rows().await, before);
    }

    async fn staff_see_what_an_order_comes_to_before_they_place_it(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let product = shop.prorated("31.00", "10.00", 1, 20).await;
        let pid = product.id.to_string();
        let option = format!("items[0].options[{}]", shop.option("Mailboxes", "6.20", product.id).await);
        let extra = format!("items[0].addon[{}]", shop.addon("Backups", &[("monthly", "3.10", "0")], true, product.id).await);
        let found = shop.get("/admin/orders/new?q=lovelace").await;
        assert!(found.text.contains(&format!("/admin/orders/new?client={id}")), "{}", found.text);
        let blank = shop.get(&format!("/admin/orders/new?client={id}")).await;
        assert!(blank.text.contains("Choose a product") && !blank.text.contains("Place the order"), "{}", blank.text);
        let key = "0123456789abcdef0123456789abcdef";
        let chosen = [("client_id", id.as_str()), ("key", key), ("gateway", "mailin"), ("invoice", "1"), ("items[0].product_id", &pid)];
        let shown = shop.post("/admin/orders/new", &[&chosen[..], &[("items[0].seen", "0"), ("do", "update")]].concat()).await;
        assert_eq!(shown.status, 200);
        for part in ["Monthly: 31.00 USD + 10.00 USD setup", "Mailboxes (+ 6.20 USD)", "Addon: Backups", "27.00 USD", &format!("value=\"{key}\"")] {
            assert!(shown.text.contains(part), "{part} is missing in {}", shown.text);
        }
        let full = [&chosen[..], &[("items[0].seen", pid.as_str()), ("items[0].domain", "example.com"), (&option, "1"), (&extra, "1")]].concat();
        // What was not shown is not placed.
        let changed = shop.post("/admin/orders/new", &[&full[..], &[("previewed", "27.00 USD"), ("do", "place")]].concat()).await;
        assert!(changed.status == 200 && changed.text.contains("32.10 USD") && changed.text.contains("Look at the amounts again"), "{}", changed.text);
        assert_eq!(shop.count("orders").await, 0);
        let place = [&full[..], &[("previewed", "32.10 USD"), ("do", "place")]].concat();
        let placed = shop.post("/admin/orders/new", &place).await;
        assert_eq!(placed.status, 303, "{}", placed.text);
        let again = shop.post("/admin/orders/new", &place).await;
        assert_eq!((again.status.as_u16(), &again.to, shop.count("orders").await), (303, &placed.to, 1));
        let order = orders_placed(&shop).await.remove(0);
        assert_eq!(placed.to, format!("/admin/orders/{}", order.id));
        assert_eq!(Money::new(order.amount, order.currency), usd("32.10"));
        shop.is_sound().await;
    }

    async fn the_form_says_what_is_wrong_and_keeps_what_was_typed(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let id = client.id.to_string();
        let pid = shop.starter().await.id.to_string();
        let typed = [("client_id", id.as_str()), ("gateway", "mailin"), ("items[0].product_id", &pid), ("items[0].seen", &pid), ("items[0].domain", "http://x"), ("items[0].price", "abc"), ("notes", "<b>Hello</b>"), ("do", "place")];
        let reply = shop.post("/admin/orders/new", &typed).await;
        assert_eq!(reply.status, 422);
        for part in ["value=\"abc\"", "&lt;b&gt;Hello", "#f-items[0].price"] {
            assert!(reply.text.contains(part), "{part} is missing in {}", reply.text);
        }
        let more = shop.post("/admin/orders/new", &[("client_id", id.as_str()), ("items[0].product_id", &pid), ("items[0].seen", &pid), ("do", "add")]).await;
        assert!(more.text.contains("items[1].product_id"), "{}", more.text);
        assert_eq!(shop.count("orders").await, 0);
    }

    async fn pages_show_orders_and_what_can_be_done(shop: Shop) {
        let empty = shop.get("/admin/orders").await;
        assert!(empty.status == 200 && empty.text.contains("No orders yet"), "{}", empty.text);
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let number = placed.order.number.clone();
        for query in ["", "?status=pending&gateway=banktransfer", "?at_least=41&sort=-amount", "?q=ada"] {
            let list = shop.get(&format!("/admin/orders{query}")).await;
            assert!(list.status == 200 && list.text.contains(&number), "{query}: {}", list.text);
        }
        assert!(shop.get("/admin/orders?status=fraud").await.text.contains("No order fits"));
        let csv = shop.get("/admin/orders?format=csv").await;
        assert!(csv.text.contains(&format!("1,{number},2026-01-15,{},Ada Lovelace,USD,41.00", client.id)), "{}", csv.text);
        let show = shop.get("/admin/orders/1").await;
        for part in [&number, "41.00 USD", "Accept the order", "/admin/invoices/", "example.com"] {
            assert!(show.text.contains(part), "{part} is missing in {}", show.text);
        }
        let panel = shop.get(&format!("/admin/clients/{}", client.id)).await;
        assert!(panel.text.contains(&number), "{}", panel.text);
        let closing = shop.get(&format!("/admin/clients/{}/close", client.id)).await;
        assert!(closing.text.contains("Pending orders that are cancelled"), "{}", closing.text);
        for (path, part) in [("accept", "Services that become active"), ("cancel", "Services that become cancelled"), ("fraud", "41.00 USD open; it is cancelled")] {
            let page = shop.get(&format!("/admin/orders/1/{path}")).await;
            assert!(page.status == 200 && page.text.contains(part), "{path}: {}", page.text);
        }
        assert_eq!(shop.get("/admin/orders/1/delete").await.status, 409);
        assert_eq!(shop.get("/admin/orders/1/pending").await.status, 409);
        for (path, wanted) in [("accept", OrderStatus::Active), ("pending", OrderStatus::Pending), ("fraud", OrderStatus::Fraud)] {
            let reply = shop.post(&format!("/admin/orders/1/{path}"), &[]).await;
            assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, "/admin/orders/1"));
            assert_eq!(status(&shop, 1).await, wanted);
            assert_eq!(shop.get("/admin/orders/1").await.status, 200);
        }
        assert_eq!(shop.get("/admin/orders/1/delete").await.status, 200);
        assert_eq!(shop.post("/admin/orders/1/delete", &[]).await.to, "/admin/orders");
        assert_eq!(shop.get("/admin/orders/1").await.status, 404);
        shop.is_sound().await;
    }

    async fn nobody_passes_without_the_permission(shop: Shop) {
        for entry in crate::routes().table {
            let path = entry.path.replace("{id}", "1");
            let kind = if path.starts_with("/api") { "application/json" } else { "application/x-www-form-urlencoded" };
            let refused = shop.send(As::Nobody, entry.method, &path, kind, String::new()).await;
            assert_eq!(refused.status, 403, "{} {path}", entry.method);
            let stranger = shop.send(As::Stranger, entry.method, &path, kind, String::new()).await;
            assert!([401, 303].contains(&stranger.status.as_u16()), "{} {path}: {}", entry.method, stranger.status);
        }
    }
}
