//! API roles at the doors.

use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::api_credentials::{self, Details};
use crate::testing::{As, House, system};

/// A credential of the boss that is bound to a role that allows this.
async fn bound(house: &House, name: &str, allowed: &[&str]) -> (String, String) {
    let deeds = house.app.get::<Deeds>().unwrap();
    let mut tx = house.app.db.write().await.unwrap();
    let allowed = allowed.iter().map(|key| (*key).to_owned()).collect();
    let role = create(&mut tx, &system(), NewRole { name: name.to_owned(), allowed }, &deeds, house.now).await.unwrap();
    let details = Details { role_id: Some(role.id), ..Details::default() };
    let identifier = api_credentials::new_identifier(&house.app.random);
    let made =
        api_credentials::make(&mut tx, &system(), 1, details, &identifier, &house.app.random, house.now).await.unwrap();
    tx.commit().await.unwrap();
    (made.identifier, made.secret)
}

testkit::both_engines! {
    async fn a_role_allows_what_is_ticked_and_nothing_else(house: House) {
        house.ann().await;
        let (identifier, secret) = bound(&house, "Reader", &["GetClients", "GET /clients"]).await;
        let pair = (identifier.as_str(), secret.as_str());
        let at = "192.0.2.9";
        assert_eq!(house.basic_from(at, pair, "GET", "/clients").await.status, StatusCode::OK);
        let refused = house.basic_from(at, pair, "GET", "/clients/1").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.text.contains("does not allow GET /clients/{id}"), "{}", refused.text);
        let act = async |name: &str| {
            house.compat_from(at, &[("identifier", pair.0), ("secret", pair.1), ("action", name)]).await
        };
        assert_eq!(act("GETCLIENTS").await.1["result"], "success");
        let (status, answer) = act("GetActivityLog").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(answer, json!({
            "result": "error", "message": "Invalid Permissions: API action \"getactivitylog\" is not allowed",
        }));
        // What is ticked allows no more than the administrator may.
        house.sql("DELETE FROM role_permissions WHERE permission = 'List Clients'").await;
        assert_eq!(house.basic_from(at, pair, "GET", "/clients").await.status, StatusCode::FORBIDDEN);
    }

    async fn an_empty_role_opens_no_operation_and_no_action(house: House) {
        let (identifier, secret) = bound(&house, "Nothing at all", &[]).await;
        house.configure_all(&[("api_requests_per_minute", "0")]).await;
        let routes = crate::routes();
        assert!(routes.operations.len() > 20 && routes.actions.len() > 5);
        for operation in &routes.operations {
            let path = operation.path.replace("{id}", "1");
            let refused = house.basic_from("192.0.2.9", (&identifier, &secret), operation.method, &path).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{} {path}: {}", operation.method, refused.text);
            assert!(refused.text.contains("role of this API credential"), "{}", refused.text);
        }
        for action in &routes.actions {
            let fields = [("identifier", identifier.as_str()), ("secret", &secret), ("action", action.name)];
            let (status, answer) = house.compat_from("192.0.2.9", &fields).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{}", action.name);
            assert!(answer["message"].as_str().unwrap().ends_with("is not allowed"), "{answer}");
        }
    }

    async fn what_a_role_may_do_is_managed_by_api(house: House) {
        let new = json!({ "name": "Reader", "allowed": ["getclients", "GetClients", "GET /clients"] });
        let made = house.api("POST", "/api-roles", new.clone()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert_eq!(made.json()["allowed"], json!(["GET /clients", "getclients"]));
        assert_eq!(house.api("POST", "/api-roles", new).await.status, StatusCode::UNPROCESSABLE_ENTITY, "one name, one role");
        // Nobody frees a bound credential: managing credentials cannot be ticked.
        for never in ["POST /api-credentials", "POST /api-credentials/{id}/rotate", "PUT /api-roles/{id}", "NoSuchAction"] {
            let refused = house.api("POST", "/api-roles", json!({ "name": "X", "allowed": [never] })).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{never}");
            assert!(refused.text.contains(never), "{}", refused.text);
        }
        let changed = house.api("PUT", "/api-roles/1", json!({ "name": "Looker", "allowed": ["GET /clients/{id}"] })).await;
        assert_eq!(changed.json()["allows"], 1, "{}", changed.text);
        let log = house.api("GET", "/activity-log?q=looker", json!(null)).await.json();
        assert_eq!(log["items"][0]["changes"][1], json!({
            "field": "Allowed", "old": "GET /clients, getclients", "new": "GET /clients/{id}",
        }), "{log}");
        assert_eq!(house.api("GET", "/api-roles", json!(null)).await.json()["total"], 1);
        assert_eq!(house.api("DELETE", "/api-roles/1", json!(null)).await.status, StatusCode::OK);
        assert_eq!(house.api("GET", "/api-roles/1", json!(null)).await.status, StatusCode::NOT_FOUND);
    }

    async fn nobody_widens_what_the_credential_of_a_stronger_one_may(house: House) {
        bound(&house, "Reader", &["GetClients"]).await;
        for name in [MANAGE.0, "API Access"] {
            let give = "INSERT INTO role_permissions (role_id, permission) SELECT id, '{}' FROM roles WHERE name = 'Nothing'";
            house.sql(&give.replace("{}", name)).await;
        }
        let change = async |allowed: &[&str]| {
            let body = json!({ "name": "Reader", "allowed": allowed }).to_string();
            house.send(As::Nobody, "PUT", "/api/v1/api-roles/1", "application/json", body).await
        };
        let refused = change(&["GetClients", "GetActivityLog"]).await;
        assert!(refused.status == StatusCode::CONFLICT && refused.text.contains("boss may do what you may not"), "{}", refused.text);
        assert_eq!(change(&[]).await.status, StatusCode::OK, "less is always right");
        assert_eq!(change(&["GetClients"]).await.status, StatusCode::CONFLICT);
        house.sql("UPDATE api_credentials SET revoked_at = 1 WHERE role_id = 1").await;
        assert_eq!(change(&["GetClients"]).await.status, StatusCode::OK, "nobody has it any more");
    }

    async fn a_role_in_use_stays(house: House) {
        bound(&house, "Reader", &["GetClients"]).await;
        let refused = house.api("DELETE", "/api-roles/1", json!(null)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains("1 API credential has the role"), "{}", refused.text);
        assert_eq!(house.count("api_role_deeds").await, 1);
        house.sql("UPDATE api_credentials SET revoked_at = 1 WHERE role_id = 1").await;
        assert_eq!(house.api("DELETE", "/api-roles/1", json!(null)).await.status, StatusCode::OK);
    }

    async fn a_role_is_ticked_together_on_its_page(house: House) {
        let page = house.get("/admin/api-roles/new").await.text;
        assert!(page.contains("value=\"getclients\"") && page.contains("GET &#x2f;clients&#x2f;{id}:"), "{page}");
        assert!(!page.contains("POST &#x2f;api-credentials"));
        let empty = house.post("/admin/api-roles", &[("name", ""), ("allowed", "getclients")]).await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(empty.text.contains("value=\"getclients\" checked"), "what was ticked is kept");
        let made = house.post("/admin/api-roles", &[("name", "Reader"), ("allowed", "getclients"), ("allowed", "GET /clients")]).await;
        assert_eq!((made.status, made.to.as_str()), (StatusCode::SEE_OTHER, "/admin/api-roles"));
        assert!(house.get("/admin/api-roles").await.text.contains("Reader"));
        let page = house.get("/admin/api-roles/1").await.text;
        assert!(page.contains("value=\"getclients\" checked") && page.contains("Delete the role"), "{page}");
        assert_eq!(house.post("/admin/api-roles/1", &[("name", "Writer")]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(house.count("api_role_deeds").await, 0);
        assert_eq!(house.post("/admin/api-roles/1/delete", &[]).await.to, "/admin/api-roles");
        assert_eq!(house.count("api_roles").await, 0);
        assert_eq!(house.send(As::Nobody, "GET", "/admin/api-roles", "text/plain", String::new()).await.status, StatusCode::FORBIDDEN);
    }
}
