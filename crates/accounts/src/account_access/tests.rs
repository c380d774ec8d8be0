//! What users may do for a client, who says so, and the compatible actions.

use serde_json::{Value, json};

use super::*;
use crate::clients::ClientEdit;
use crate::testing::{As, House, ann};

/// Ann owns the first client, Bob the second; Bob may see and pay the invoices of Ann's.
async fn two(house: &House) {
    house.ann().await;
    let bob = ClientEdit { first_name: Some("Bob".into()), email: Some("bob@example.com".into()), ..ann() };
    house.client(ClientEdit { company: Some("Bobs".into()), ..bob }).await;
    let added =
        house.api("POST", "/clients/1/users", json!({ "email": "bob@example.com", "permissions": ["invoices"] })).await;
    assert_eq!(added.status, 200, "{}", added.text);
}

async fn keys(house: &House, user_id: i64) -> Vec<&'static str> {
    listed(&member(&mut house.app.db.read().await.unwrap(), 1, user_id).await.unwrap().keys())
}

testkit::both_engines! {
    async fn staff_say_what_a_user_may_and_the_owner_stays(house: House) {
        two(&house).await;
        let page = house.get("/admin/clients/1/users").await.text;
        assert!(page.contains("everything") && page.contains(">invoices<"), "{page}");
        let form = house.get("/admin/clients/1/users/2").await.text;
        assert_eq!(form.matches(" checked").count(), 1, "{form}");
        let none = house.post("/admin/clients/1/users/2", &[]).await;
        assert!(none.status == 422 && none.text.contains("Choose at least one permission"), "{}", none.text);
        let path = "/admin/clients/1/users/2";
        assert_eq!(house.post_as(As::Nobody, path, &[("permissions", "orders")]).await.status, 403);
        assert_eq!(house.post(path, &[("permissions", "orders"), ("permissions", "quotes")]).await.status, 303);
        assert_eq!(keys(&house, 2).await, ["quotes", "orders"]);
        assert_eq!(house.post("/admin/clients/1/users/1", &[("permissions", "orders")]).await.status, 303);
        assert_eq!(keys(&house, 1).await.len(), 13, "the owner may everything");
        assert!(house.get("/admin/clients/1/users/1").await.text.contains("The owner may everything"));
        assert_eq!(house.post("/admin/clients/1/users/1/remove", &[]).await.status, 303);
        assert_eq!(house.post("/admin/clients/1/users/2/remove", &[]).await.status, 303);
        let left = members(&mut house.app.db.read().await.unwrap(), 1).await.unwrap();
        assert_eq!(left.iter().map(|member| member.id).collect::<Vec<_>>(), [1]);
        assert_eq!(house.get("/admin/clients/1/users/2").await.status, 404);
        assert_eq!(house.logged("Permissions of user bob@example.com changed").await.len(), 1);
    }

    async fn staff_make_another_user_the_owner(house: House) {
        two(&house).await;
        assert_eq!(house.post_as(As::Nobody, "/admin/clients/1/users/2/owner", &[]).await.status, 403);
        for _ in 0..2 {
            assert_eq!(house.post("/admin/clients/1/users/2/owner", &[]).await.status, 303);
        }
        let all = members(&mut house.app.db.read().await.unwrap(), 1).await.unwrap();
        assert_eq!(all.iter().map(|member| (member.id, member.is_owner)).collect::<Vec<_>>(), [(2, true), (1, false)]);
        assert_eq!(keys(&house, 1).await.len(), 13);
        assert_eq!(house.logged("User bob@example.com owns the client").await.len(), 1);
        let refused = house.api("PUT", "/clients/1/owner", json!({ "user_id": 9 })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!("user_id")));
        let owner = house.api("PUT", "/clients/1/owner", json!({ "user_id": 1 })).await.json();
        assert_eq!((&owner["id"], &owner["is_owner"]), (&json!(1), &json!(true)));
        // A client has one owner whatever a rule does wrong.
        let mut tx = house.app.db.write().await.unwrap();
        let sql = "UPDATE client_users SET is_owner = TRUE WHERE client_id = 1";
        assert!(tx.execute(sql, params![]).await.is_err());
        drop(tx);
        // Nobody but staff gives a client away.
        let mut tx = house.app.db.write().await.unwrap();
        let by = Actor::user(1, "ann@example.com", "192.0.2.1");
        assert!(matches!(transfer(&mut tx, &by, 1, 2, house.now).await, Err(Error::Forbidden(_))));
    }

    async fn the_owner_decides_and_others_do_not_even_look(house: House) {
        two(&house).await;
        let mut ann = house.logged_in("ann@example.com").await;
        let page = ann.get("/account/users").await.text;
        assert!(page.contains("bob@example.com") && page.contains("may invoices"), "{page}");
        assert_eq!(ann.post("/account/users/2", &[("permissions", "tickets")]).await.to, "/account/users");
        assert_eq!(keys(&house, 2).await, ["tickets"]);
        assert_eq!(ann.post("/account/users/1", &[("permissions", "tickets")]).await.status, 303);
        assert_eq!(ann.post("/account/users/1/remove", &[]).await.status, 303);
        assert_eq!(keys(&house, 1).await.len(), 13, "the owner cannot be limited or removed");
        assert_eq!(ann.get("/account/users/99").await.status, 404);
        // With every key Bob is no owner.
        house.api("PUT", "/clients/1/users/2", json!({ "permissions": listed(&ALL) })).await;
        let mut bob = house.logged_in("bob@example.com").await;
        assert_eq!(bob.post("/account/switch", &[("client", "1")]).await.status, 303);
        assert!(!bob.get("/account").await.text.contains("/account/users"), "the menu does not offer it");
        for path in ["/account/users", "/account/users/invite", "/account/users/1"] {
            assert_eq!(bob.get(path).await.status, 403, "{path}");
        }
        for path in ["/account/users/invite", "/account/users/1", "/account/users/1/remove", "/account/users/2"] {
            assert_eq!(bob.post(path, &[("permissions", "orders"), ("email", "x@example.com")]).await.status, 403, "{path}");
        }
        // Of the own account, only those of the other one are not found.
        assert_eq!(bob.post("/account/switch", &[("client", "2")]).await.status, 303);
        assert_eq!(bob.post("/account/users/1/remove", &[]).await.status, 404);
        assert_eq!(ann.post("/account/users/2/remove", &[]).await.status, 303);
        assert_eq!(members(&mut house.app.db.read().await.unwrap(), 1).await.unwrap().len(), 1);
    }

    async fn the_password_is_asked_for_before_permissions_change(house: House) {
        two(&house).await;
        let mut ann = house.logged_in("ann@example.com").await;
        house.pass(601);
        let asked = ann.post("/account/users/2", &[("permissions", "orders")]).await;
        assert!(asked.to.starts_with("/account/confirm?next=") && asked.to.contains("orders"), "{}", asked.to);
        assert_eq!(keys(&house, 2).await, ["invoices"]);
    }

    async fn the_api_lists_and_says_what_users_may(house: House) {
        two(&house).await;
        let listed = house.api("GET", "/clients/1/users", Value::Null).await.json();
        assert_eq!((&listed["total"], &listed["items"][0]["is_owner"]), (&json!(2), &json!(true)));
        assert_eq!((&listed["items"][1]["permissions"], &listed["items"][1]["last_login_at"]), (&json!(["invoices"]), &Value::Null));
        let changed = house.api("PUT", "/clients/1/users/2", json!({ "permissions": ["Orders", "domains", "orders"] })).await.json();
        assert_eq!(changed["permissions"], json!(["domains", "orders"]));
        for wrong in [json!({}), json!({ "permissions": [] }), json!({ "permissions": ["root"] }), json!({ "permissions": [7] })] {
            let refused = house.api("PUT", "/clients/1/users/2", wrong.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!("permissions")), "{wrong}");
        }
        let refused = house.api("PUT", "/clients/1/users/1", json!({ "permissions": ["orders"] })).await;
        assert_eq!(refused.status, 409);
        for path in ["/clients/9/users", "/clients/9/invitations"] {
            assert_eq!(house.api("GET", path, Value::Null).await.status, 404, "{path}");
        }
        assert_eq!(house.api("PUT", "/clients/2/users/1", json!({ "permissions": ["orders"] })).await.status, 404);
    }

    async fn a_client_has_so_many_users_and_no_more(house: House) {
        two(&house).await;
        let users: Vec<String> =
            (3..=200).map(|n| format!("('U', 'U', 'u{n}@example.com', 'u{n}@example.com', '', '', 0)")).collect();
        let columns = "first_name, last_name, email, email_lower, language, search, created_at";
        house.sql(&format!("INSERT INTO users ({columns}) VALUES {}", users.join(", "))).await;
        let members = "INSERT INTO client_users (client_id, user_id, is_owner) SELECT 1, id, FALSE FROM users";
        house.sql(&format!("{members} WHERE email_lower LIKE 'u%' AND email_lower <> 'u200@example.com'")).await;
        assert_eq!(house.api("POST", "/clients/1/invitations", json!({ "email": "one@example.com" })).await.status, 201);
        assert_eq!(house.api("POST", "/clients/1/invitations", json!({ "email": "two@example.com" })).await.status, 409);
        assert_eq!(house.api("POST", "/clients/1/users", json!({ "email": "u200@example.com" })).await.status, 409);
    }

    async fn the_compatible_actions_answer_in_the_documented_words(house: House) {
        two(&house).await;
        let all = house.action("GetPermissionsList", &[]).await;
        let documented = json!(["profile", "contacts", "products", "manageproducts", "productsso", "domains", "managedomains",
            "invoices", "quotes", "tickets", "affiliates", "emails", "orders"]);
        assert_eq!((&all["result"], &all["permissions"]["permission"]), (&json!("success"), &documented));
        let of_bob = [("user_id", "2"), ("client_id", "1")];
        assert_eq!(house.action("GetUserPermissions", &of_bob).await["permissions"], json!({ "permission": ["invoices"] }));
        assert_eq!(house.action("GetUserPermissions", &[("user_id", "1"), ("client_id", "1")]).await["permissions"]["permission"], documented);
        let update = [&of_bob[..], &[("permissions", "orders,profile")]].concat();
        assert_eq!(house.action("UpdateUserPermissions", &update).await, json!({ "result": "success" }));
        assert_eq!(keys(&house, 2).await, ["profile", "orders"]);
        let invite = [("client_id", "1"), ("email", "cy@example.com"), ("permissions", "orders")];
        assert_eq!(house.action("CreateClientInvite", &invite).await, json!({ "result": "success" }));
        assert_eq!(house.mailed("account_invitation").await[0].0, "cy@example.com");
        for (action, fields, words) in [
            ("GetUserPermissions", vec![("user_id", "9"), ("client_id", "1")], "Invalid user id"),
            ("GetUserPermissions", vec![("client_id", "1")], "Invalid user id"),
            ("GetUserPermissions", vec![("user_id", "2"), ("client_id", "9")], "Invalid client id"),
            ("GetUserPermissions", vec![("user_id", "1"), ("client_id", "2")], "User is not associated with client"),
            ("UpdateUserPermissions", vec![("user_id", "9"), ("client_id", "1")], "Invalid user id"),
            ("UpdateUserPermissions", vec![("user_id", "2"), ("client_id", "9")], "Invalid client id"),
            ("UpdateUserPermissions", vec![("user_id", "1"), ("client_id", "2")], "User is not associated with client"),
            ("UpdateUserPermissions", vec![("user_id", "1"), ("client_id", "1"), ("permissions", "orders")], "Permissions cannot be set on a client owner"),
            ("UpdateUserPermissions", vec![("user_id", "2"), ("client_id", "1"), ("permissions", "")], "Missing permissions definition"),
            ("DeleteUserClient", vec![("user_id", "9"), ("client_id", "1")], "Invalid user id"),
            ("DeleteUserClient", vec![("user_id", "2"), ("client_id", "9")], "Invalid client id"),
            ("DeleteUserClient", vec![("user_id", "1"), ("client_id", "2")], "User is not associated with client"),
            ("DeleteUserClient", vec![("user_id", "1"), ("client_id", "1")], "You cannot remove the account owner"),
            ("CreateClientInvite", vec![("client_id", "1"), ("permissions", "orders")], "Email is required"),
            ("CreateClientInvite", vec![("client_id", "9"), ("email", "d@example.com"), ("permissions", "orders")], "Invalid client id"),
            ("CreateClientInvite", vec![("client_id", "1"), ("email", "nonsense"), ("permissions", "orders")], "The email address entered is not valid"),
            ("CreateClientInvite", vec![("client_id", "1"), ("email", "d@example.com")], "User permissions are required"),
            ("CreateClientInvite", vec![("client_id", "1"), ("email", "Bob@example.com"), ("permissions", "orders")], "User already associated with client"),
        ] {
            assert_eq!(house.action(action, &fields).await, json!({ "result": "error", "message": words }), "{action} {fields:?}");
        }
        let unknown = [&of_bob[..], &[("permissions", "orders,root")]].concat();
        let refused = house.action("UpdateUserPermissions", &unknown).await;
        assert!(refused["message"].as_str().unwrap().contains("“root”"), "{refused}");
        assert_eq!(keys(&house, 2).await, ["profile", "orders"]);
        assert_eq!(house.action("DeleteUserClient", &of_bob).await, json!({ "result": "success" }));
        assert_eq!(members(&mut house.app.db.read().await.unwrap(), 1).await.unwrap().len(), 1);
    }
}
