//! Client groups: rules, page, API.

use axum::http::StatusCode;
use serde_json::json;

use crate::clients::ClientEdit;
use crate::testing::{House, ann};

testkit::both_engines! {
    async fn a_group_is_added_changed_and_deleted(house: House) {
        assert!(house.get("/admin/client-groups").await.text.contains("No groups yet"));
        let added = house.post("/admin/client-groups", &[("name", " Resellers "), ("colour", "#3366CC")]).await;
        assert_eq!(added.to, "/admin/client-groups", "{}", added.text);
        let list = house.get("/admin/client-groups").await.text;
        assert!(list.contains("Resellers") && list.contains("fill=\"#3366cc\""), "{list}");
        house.post("/admin/client-groups/1", &[("name", "Partners"), ("colour", "#000000"), ("separate_invoices", "1")]).await;
        assert!(house.get("/admin/client-groups/1").await.text.contains("Partners"));
        assert_eq!(house.get("/admin/client-groups/9").await.status, StatusCode::NOT_FOUND);
        house.post("/admin/client-groups/1/delete", &[]).await;
        assert_eq!(house.count("client_groups").await, 0);
    }

    async fn a_name_is_taken_once_and_a_colour_is_a_colour(house: House) {
        house.post("/admin/client-groups", &[("name", "A")]).await;
        let again = house.post("/admin/client-groups", &[("name", "A"), ("colour", "red; x")]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text.contains("Enter a colour"));
        assert_eq!(house.post("/admin/client-groups", &[("name", "A")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.post("/admin/client-groups", &[("name", "")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        house.post("/admin/client-groups", &[("name", "B")]).await;
        // Names that were taken have used up ids on one of the engines.
        let groups = house.api("GET", "/client-groups", json!(null)).await.json();
        let path = format!("/admin/client-groups/{}", groups["items"][1]["id"]);
        assert_eq!(house.post(&path, &[("name", "A")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.count("client_groups").await, 2);
    }

    async fn a_group_in_use_stays(house: House) {
        house.post("/admin/client-groups", &[("name", "A")]).await;
        house.client(ClientEdit { group_id: Some(1), ..ann() }).await;
        let before = house.rows().await;
        house.post("/admin/client-groups/1/delete", &[]).await;
        let refused = house.api("DELETE", "/client-groups/1", json!(null)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.json()["detail"].as_str().unwrap().contains("One client is in “A”"));
        assert_eq!(house.rows().await, before);
        assert!(house.get("/admin/clients?group=1").await.text.contains("Söhne"));
        assert!(house.get("/admin/clients?group=0").await.text.contains("No client fits"));
    }

    async fn the_api_keeps_groups(house: House) {
        let made = house.api("POST", "/client-groups", json!({ "name": "A", "separate_invoices": true })).await;
        assert_eq!((made.status, &made.json()["colour"]), (StatusCode::CREATED, &json!("#808080")));
        let changed = house.api("PUT", "/client-groups/1", json!({ "name": "B" })).await.json();
        assert_eq!((&changed["name"], &changed["separate_invoices"]), (&json!("B"), &json!(false)));
        assert_eq!(house.api("GET", "/client-groups", json!(null)).await.json()["items"][0]["name"], "B");
        assert_eq!(house.api("POST", "/client-groups", json!({})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.api("DELETE", "/client-groups/1", json!(null)).await.json()["deleted"], true);
        assert_eq!(house.api("GET", "/client-groups/1", json!(null)).await.status, StatusCode::NOT_FOUND);
    }
}
