//! The doors to addons.

use serde_json::json;

use crate::services::{NewAddon, NewService};
use crate::testing::{Company, money};

testkit::both_engines! {
    async fn staff_set_addons_up(company: Company) {
        company.starter().await;
        let doors = company.doors().await;
        assert!(doors.page("/admin/setup/addons").await.contains("No addons yet"));
        doors.page("/admin/setup/addons/new").await;
        let mut fields = vec![
            ("name", "Backups"),
            ("pay_type", "recurring"),
            ("price_USD_monthly", "3.00"),
            ("prorata", "1"),
            ("product_ids", "1"),
        ];
        assert_eq!(doors.post("/admin/setup/addons", &fields).await.location, "/admin/setup/addons");
        assert!(doors.page("/admin/setup/addons").await.contains("Backups"));
        let form = doors.page("/admin/setup/addons/1").await;
        assert!(form.contains("value=\"3.00\"") && form.contains("value=\"1\" checked"), "{form}");
        assert!(doors.page("/admin/setup/products/1").await.contains("Backups"));
        fields[2].1 = "3.005";
        assert_eq!(doors.post("/admin/setup/addons/1", &fields).await.status, 422);
        fields[2].1 = "4.00";
        assert_eq!(doors.post("/admin/setup/addons/1", &fields).await.location, "/admin/setup/addons");
        let client = company.client("ada@client.example").await;
        let product = crate::products::find(&mut company.app.db.read().await.unwrap(), 1).await.unwrap();
        let addon = NewAddon { addon_id: 1, quantity: 2, cycle: None, price: None };
        let order = NewService { addons: vec![addon], ..company.order(&client, &product) };
        let created = company.place(order).await.unwrap();
        assert_eq!(created.lines[1].amount, money("8.00"));
        assert_eq!(created.lines[1].description, "2 × Backups (Starter - example.com) (2026-01-15 - 2026-02-14)");
        let path = format!("/admin/service-addons/{}", created.addons[0].id);
        assert!(doors.page(&path).await.contains("value=\"8.00\""));
        let change = [
            ("status", "active"),
            ("quantity", "2"),
            ("recurring_amount", "7.00"),
            ("cycle", "monthly"),
            ("next_due_on", "2026-01-15"),
        ];
        assert_eq!(doors.post(&path, &change).await.location, "/admin/services/1");
        assert!(doors.page("/admin/services/1").await.contains("7.00 USD"));
        assert_eq!(doors.post(&path, &[("status", "active"), ("cycle", "monthly"), ("recurring_amount", "")]).await.status, 422);
        doors.post("/admin/setup/addons/1/delete", &[]).await;
        assert!(doors.page("/admin/setup/addons").await.contains("Backups"), "a service has it");
    }

    async fn the_json_api_reads_and_writes_addons(company: Company) {
        let product = company.starter().await;
        let doors = company.doors().await;
        let body = json!({
            "name": "Backups",
            "product_ids": [product.id],
            "prices": [{ "currency": "USD", "cycle": "monthly", "price": "3.00" }],
        });
        let added = doors.api("POST", "/addons", body).await.json();
        assert_eq!((&added["pay_type"], &added["product_ids"]), (&json!("recurring"), &json!([product.id])));
        let path = format!("/addons/{}", added["id"]);
        let free = doors.api("PATCH", &path, json!({ "pay_type": "free" })).await.json();
        assert_eq!(free["prices"], json!([]));
        assert_eq!(doors.api("GET", "/addons", json!({})).await.json()["total"], json!(1));
        assert_eq!(doors.api("DELETE", &path, json!({})).await.status, 200);
        assert_eq!(doors.api("GET", &path, json!({})).await.status, 404);
    }
}
