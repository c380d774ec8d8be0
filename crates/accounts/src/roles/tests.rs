//! Roles: who may give what to whom, at every door.

use axum::http::StatusCode;
use platform::params;
use serde_json::{Value, json};

use super::*;
use crate::testing::{As, House, system};

/// Gives the one who may do nothing these permissions.
async fn let_nobody(house: &House, names: &[&str]) {
    for name in names {
        let sql = format!(
            "INSERT INTO role_permissions (role_id, permission) SELECT id, '{name}' FROM roles WHERE name = 'Nothing'"
        );
        house.sql(&sql).await;
    }
}

async fn role(house: &House, name: &str) -> i64 {
    let mut conn = house.app.db.read().await.unwrap();
    conn.scalar("SELECT id FROM roles WHERE name = $1", params![name]).await.unwrap()
}

async fn has(house: &House, id: i64) -> Vec<String> {
    permissions(&mut house.app.db.read().await.unwrap(), id).await.unwrap().into_iter().collect()
}

async fn api_as(house: &House, who: As, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = house.send(who, method, &format!("/api/v1{path}"), "application/json", body).await;
    (reply.status, reply.json())
}

fn field(problem: &Value) -> (&str, &str) {
    let error = &problem["errors"][0];
    (error["field"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
}

testkit::both_engines! {
    async fn a_role_is_made_changed_and_deleted(house: House) {
        let fields = [("name", "Night shift"), ("permissions", "List Clients"), ("permissions", "Main Homepage")];
        let made = house.post("/admin/roles", &fields).await;
        assert_eq!((made.status, made.to.as_str()), (StatusCode::SEE_OTHER, "/admin/roles"));
        let id = role(&house, "Night shift").await;
        assert_eq!(has(&house, id).await, ["List Clients", "Main Homepage"]);
        let page = house.get(&format!("/admin/roles/{id}")).await.text;
        assert!(page.contains("value=\"List Clients\" checked") && page.contains("value=\"Delete Client\">"), "{page}");
        assert!(house.get("/admin/roles").await.text.contains("Night shift"));
        let copy = house.get(&format!("/admin/roles/new?copy={id}")).await.text;
        assert!(copy.contains("Night shift (copy)") && copy.contains("value=\"List Clients\" checked"), "{copy}");

        let again = house.post("/admin/roles", &fields).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text.contains("There is a role “Night shift” already.") && again.text.contains("value=\"List Clients\" checked"), "{}", again.text);
        let fields = [("name", "Day shift"), ("permissions", "List Clients"), ("permissions", "Delete Client")];
        assert_eq!(house.post(&format!("/admin/roles/{id}"), &fields).await.status, StatusCode::SEE_OTHER);
        assert_eq!(has(&house, id).await, ["Delete Client", "List Clients"]);
        let mut conn = house.app.db.read().await.unwrap();
        let log = activity_log::about(&mut conn, &format!("role:{id}")).await.unwrap();
        drop(conn);
        let changes: Value = serde_json::from_str(&log[0].changes).unwrap();
        assert_eq!(changes, json!([
            { "field": "Name", "old": "Night shift", "new": "Day shift" },
            { "field": "Permissions", "old": "Main Homepage", "new": "Delete Client" },
        ]));
        let log = house.count("activity_log").await;
        assert_eq!(house.post(&format!("/admin/roles/{id}"), &fields).await.status, StatusCode::SEE_OTHER);
        assert_eq!(house.count("activity_log").await, log, "nothing changed, nothing is logged");
        assert_eq!(house.post(&format!("/admin/roles/{id}/delete"), &[]).await.to, "/admin/roles");
        assert_eq!(house.get(&format!("/admin/roles/{id}")).await.status, StatusCode::NOT_FOUND);
    }

    async fn a_role_that_somebody_has_stays_and_so_do_those_that_are_always_there(house: House) {
        let nothing = role(&house, "Nothing").await;
        let sales = role(&house, SALES_OPERATOR).await;
        let full = role(&house, FULL_ADMINISTRATOR).await;
        for id in [nothing, sales, full] {
            let (status, problem) = api_as(&house, As::Boss, "DELETE", &format!("/roles/{id}"), Value::Null).await;
            assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        }
        assert_eq!(house.post(&format!("/admin/roles/{nothing}/delete"), &[]).await.to, "/admin/roles");
        let rename = json!({ "name": "Sellers", "permissions": ["Main Homepage"] });
        let (status, problem) = api_as(&house, As::Boss, "PUT", &format!("/roles/{sales}"), rename).await;
        assert_eq!((status, field(&problem).0), (StatusCode::UNPROCESSABLE_ENTITY, "name"));
        let less = json!({ "name": FULL_ADMINISTRATOR, "permissions": ["Main Homepage"] });
        let (status, problem) = api_as(&house, As::Boss, "PUT", &format!("/roles/{full}"), less).await;
        assert_eq!((status, field(&problem).0), (StatusCode::UNPROCESSABLE_ENTITY, "permissions"));
        // Its permissions may change.
        let less = json!({ "name": SALES_OPERATOR, "permissions": ["Main Homepage"] });
        let (status, _) = api_as(&house, As::Boss, "PUT", &format!("/roles/{sales}"), less).await;
        assert_eq!((status, has(&house, sales).await), (StatusCode::OK, vec!["Main Homepage".to_owned()]));
        let mut tx = house.app.db.write().await.unwrap();
        seed(&mut tx, &crate::routes().permissions()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(has(&house, sales).await, ["Main Homepage"], "a new start gives nothing back");
    }

    async fn nobody_gives_what_they_do_not_have(house: House) {
        let_nobody(&house, &["Configure Admin Roles", "Configure Administrators", "List Clients"]).await;
        let own = role(&house, "Nothing").await;
        let more = json!({ "name": "Nothing", "permissions": ["Configure Admin Roles", "Configure Administrators", "List Clients", "Delete Client"] });
        let (status, problem) = api_as(&house, As::Nobody, "PUT", &format!("/roles/{own}"), more).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(field(&problem), ("permissions", "You cannot give what you may not do yourself: Delete Client."));
        let strong = json!({ "name": "Strong", "permissions": ["List Clients", "Delete Client"] });
        let (status, _) = api_as(&house, As::Nobody, "POST", "/roles", strong.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let full = role(&house, FULL_ADMINISTRATOR).await;
        let copy = json!({ "name": "Copy", "copy_of": full });
        assert_eq!(api_as(&house, As::Nobody, "POST", "/roles", copy).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let fields = [("name", "Strong"), ("permissions", "Delete Client")];
        assert_eq!(house.post_as(As::Nobody, "/admin/roles", &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(has(&house, own).await, ["Configure Admin Roles", "Configure Administrators", "List Clients"]);

        // What somebody else has given may stay, and may be taken away.
        let (_, made) = api_as(&house, As::Boss, "POST", "/roles", strong).await;
        let path = format!("/roles/{}", made["id"]);
        let kept = json!({ "name": "Strong", "permissions": ["Delete Client"] });
        assert_eq!(api_as(&house, As::Nobody, "PUT", &path, kept).await.0, StatusCode::OK);
        let taken = json!({ "name": "Strong", "permissions": [] });
        let (status, problem) = api_as(&house, As::Nobody, "PUT", &path, taken).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(field(&problem), ("permissions", "You cannot take what you may not do yourself: Delete Client."));
        let weak = json!({ "name": "Weak", "permissions": ["List Clients"] });
        let (status, made) = api_as(&house, As::Nobody, "POST", "/roles", weak).await;
        assert_eq!((status, &made["permissions"]), (StatusCode::CREATED, &json!(["List Clients"])));
    }

    async fn what_nothing_asks_for_is_not_offered(house: House) {
        let (_, offered) = api_as(&house, As::Boss, "GET", "/permissions", Value::Null).await;
        let names: Vec<&str> = offered["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let checked: Vec<&str> = crate::routes().permissions().iter().map(|permission| permission.0).collect();
        assert_eq!(names, checked);
        assert!(names.contains(&"Configure Admin Roles") && !names.contains(&"Calendar"));
        assert_eq!(offered["items"].as_array().unwrap().iter().find(|one| one["name"] == "List Clients").unwrap()["area"], "Clients");
        let page = house.get("/admin/roles/new").await.text;
        assert!(page.contains("Configure Admin Roles") && !page.contains("Calendar"), "{page}");
        let new = json!({ "name": "Planner", "permissions": ["Calendar"] });
        let (status, problem) = api_as(&house, As::Boss, "POST", "/roles", new).await;
        assert_eq!((status, field(&problem).1), (StatusCode::UNPROCESSABLE_ENTITY, "Nothing asks for these: Calendar."));
        // What a role had already of such names is not lost by saving it.
        let_nobody(&house, &["Calendar", "List Clients"]).await;
        let id = role(&house, "Nothing").await;
        let (status, saved) = api_as(&house, As::Boss, "PUT", &format!("/roles/{id}"), json!({ "name": "Nothing", "permissions": [] })).await;
        assert_eq!((status, &saved["permissions"]), (StatusCode::OK, &json!(["Calendar"])));
    }

    async fn a_change_holds_from_the_next_request_on_and_ends_no_session(house: House) {
        let clients = async || house.send(As::Nobody, "GET", "/admin/clients", "text/plain", String::new()).await.status;
        assert_eq!(clients().await, StatusCode::FORBIDDEN);
        let id = role(&house, "Nothing").await;
        let mut tx = house.app.db.write().await.unwrap();
        let offered = Offered(crate::routes().permissions());
        let wide = NewRole { name: "Nothing".to_owned(), permissions: ["List Clients".to_owned()].into() };
        update(&mut tx, &system(), &offered, id, wide, house.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(clients().await, StatusCode::OK);
        let mut tx = house.app.db.write().await.unwrap();
        update(&mut tx, &system(), &offered, id, NewRole { name: "Nothing".to_owned(), ..NewRole::default() }, house.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(clients().await, StatusCode::FORBIDDEN);
    }
}

#[test]
fn the_reference_names_133_permissions_once() {
    let mut all: Vec<&str> = names::KNOWN.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    assert_eq!(all.len(), 133);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 133);
}
