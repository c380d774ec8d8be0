//! Users: what their list shows.

use serde_json::{Value, json};

use crate::clients::ClientEdit;
use crate::testing::{House, ann};

testkit::both_engines! {
    async fn the_list_names_one_client_of_each_user_and_counts_the_others(house: House) {
        house.ann().await;
        house.client(ClientEdit { email: Some("bob@example.com".into()), company: Some("Bobs".into()), ..ann() }).await;
        house.post("/admin/clients/2/users", &[("email", "ann@example.com")]).await;
        let page = house.get("/admin/users?q=ann").await.text;
        assert!(page.contains("Lee &amp; Söhne") && page.contains("and 1 more"), "{page}");
        let file = house.get("/admin/users?format=csv&sort=id").await.text;
        assert_eq!(file.lines().nth(1), Some("1,Ann,Lee,ann@example.com,2,2026-03-01,"));
    }

    async fn the_json_api_changes_users_and_for_whom_they_act(house: House) {
        house.ann().await;
        house.client(ClientEdit { email: Some("bob@example.com".into()), company: Some("Bobs".into()), ..ann() }).await;
        let api = async |method: &str, path: &str, body: Value| {
            let reply = house.api(method, path, body).await;
            (reply.status.as_u16(), reply.json())
        };
        let (_, list) = api("GET", "/users?sort=id", Value::Null).await;
        let emails: Vec<&str> = list["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect();
        assert_eq!(emails, ["ann@example.com", "bob@example.com"]);
        assert_eq!(api("GET", "/users?q=bob", Value::Null).await.1["total"], 1);
        for _ in 0..2 {
            let (status, user) = api("POST", "/clients/2/users", json!({ "email": "Ann@example.com" })).await;
            assert_eq!(status, 200, "{user}");
            let clients: Vec<_> = user["clients"].as_array().unwrap().iter().map(|client| (&client["id"], &client["is_owner"])).collect();
            assert_eq!(clients, [(&json!(1), &json!(true)), (&json!(2), &json!(false))]);
        }
        assert_eq!(api("DELETE", "/clients/1/users/1", Value::Null).await.0, 409, "the owner stays");
        assert_eq!(api("DELETE", "/clients/2/users/1", Value::Null).await.1["clients"].as_array().unwrap().len(), 1);
        assert_eq!(api("DELETE", "/clients/2/users/1", Value::Null).await.0, 404);
        let (status, user) = api("PATCH", "/users/1", json!({ "first_name": "Anna" })).await;
        assert_eq!((status, &user["first_name"], &user["last_name"]), (200, &json!("Anna"), &json!("Lee")));
        assert_eq!(api("GET", "/users/1", Value::Null).await.1, user);
        for (body, field) in [(json!({ "email": "bob@example.com" }), "email"), (json!({ "email": "" }), "email"), (json!({ "frob": "1" }), "frob")] {
            let (status, problem) = api("PATCH", "/users/1", body).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)));
        }
        let (status, problem) = api("POST", "/clients/2/users", json!({ "email": "nobody@example.com" })).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("email")));
        assert_eq!((api("GET", "/users/9", Value::Null).await.0, api("POST", "/clients/9/users", json!({ "email": "ann@example.com" })).await.0), (404, 404));
    }
}
