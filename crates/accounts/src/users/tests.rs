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

    async fn the_compatible_actions_make_list_and_change_users(house: House) {
        house.ann().await;
        let bob = [("firstname", "Bob"), ("lastname", "Dee"), ("email", "Bob@example.com"), ("password2", "lantern gravel 81 pony")];
        let added = house.action("AddUser", &[&bob[..], &[("language", "english")]].concat()).await;
        assert_eq!(added, json!({ "result": "success", "user_id": "2" }));
        let mut browser = house.visitor("192.0.2.7");
        assert_eq!(browser.log_in("bob@example.com", "lantern gravel 81 pony").await.status, 303);
        let without = |name: &str| bob.iter().copied().filter(|(field, _)| *field != name).collect::<Vec<_>>();
        let with = |name: &'static str, value: &'static str| [&without(name)[..], &[(name, value)]].concat();
        for (fields, words) in [
            (without("firstname"), "You did not enter a first name"),
            (without("lastname"), "You did not enter a last name"),
            (with("email", " "), "You did not enter an email address"),
            (without("password2"), "You did not enter a password"),
            (with("email", "nonsense"), "The email address entered is not valid"),
            (bob.to_vec(), "A user already exists with that email address"),
        ] {
            assert_eq!(house.action("AddUser", &fields).await, json!({ "result": "error", "message": words }));
        }
        let weak = house.action("AddUser", &[("firstname", "C"), ("lastname", "D"), ("email", "c@example.com"), ("password2", "short")]).await;
        assert!(weak["message"].as_str().unwrap().contains("password2"), "{weak}");
        let wrong = house.action("AddUser", &[&with("email", "c@example.com")[..], &[("language", "x\ny")]].concat()).await;
        assert!(wrong["message"].as_str().unwrap().contains("language"), "{wrong}");
        assert_eq!(house.count("users").await, 2);

        house.post("/admin/clients/1/users", &[("email", "bob@example.com")]).await;
        let all = house.action("GetUsers", &[]).await;
        let first = json!({ "id": 1, "firstname": "Ann", "lastname": "Lee", "email": "ann@example.com",
            "datecreated": "2026-03-01 12:00:00", "validationdata": "", "clients": [{ "id": 1, "isOwner": true }] });
        assert_eq!((&all["users"][0], &all["users"][1]["clients"]), (&first, &json!([{ "id": 1, "isOwner": false }])));
        assert_eq!((&all["totalresults"], &all["startnumber"], &all["numreturned"]), (&json!(2), &json!(0), &json!(2)));
        let last = house.action("GetUsers", &[("sorting", "DESC"), ("limitnum", "1")]).await;
        assert_eq!((&last["users"][0]["id"], &last["totalresults"], &last["numreturned"]), (&json!(2), &json!(2), &json!(1)));
        let found = house.action("GetUsers", &[("search", "dee")]).await;
        assert_eq!((&found["users"][0]["firstname"], &found["totalresults"]), (&json!("Bob"), &json!(1)));
        assert_eq!(house.action("GetUsers", &[("sorting", "UP")]).await["result"], "error");

        let changed = house.action("UpdateUser", &[("user_id", "2"), ("firstname", "Robert")]).await;
        assert_eq!(changed, json!({ "result": "success", "user_id": "2" }));
        assert_eq!(house.action("GetUsers", &[("search", "robert")]).await["users"][0]["lastname"], "Dee");
        for (fields, words) in [
            (vec![("user_id", "9"), ("firstname", "X")], "Invalid User ID requested"),
            (vec![("firstname", "X")], "Invalid User ID requested"),
            (vec![("user_id", "2")], "One of `email`, `firstname`, `lastname`, or `language` is required"),
            (vec![("user_id", "2"), ("email", "nonsense")], "The email address entered is not valid"),
            (vec![("user_id", "2"), ("email", "ann@example.com")], "A user already exists with that email address"),
        ] {
            assert_eq!(house.action("UpdateUser", &fields).await, json!({ "result": "error", "message": words }));
        }
    }
}
