//! Administrators: invited, changed, disabled; and who may do that to whom.

use axum::http::StatusCode;
use platform::params;
use serde_json::{Value, json};

use super::*;
use crate::roles::{FULL_ADMINISTRATOR, SALES_OPERATOR};
use crate::testing::{As, House, system};

async fn role(house: &House, name: &str) -> i64 {
    house.app.db.read().await.unwrap().scalar("SELECT id FROM roles WHERE name = $1", params![name]).await.unwrap()
}

async fn named(house: &House, username: &str) -> Admin {
    admins::by_username(&mut house.app.db.read().await.unwrap(), username).await.unwrap().unwrap()
}

/// The mails, the last first: recipient, template, and the link's token as only the recipient gets it.
async fn mails(house: &House) -> Vec<(String, String, String)> {
    let mut conn = house.app.db.read().await.unwrap();
    let rows: Vec<(String, String, String, Vec<u8>, String)> = conn
        .all("SELECT recipient, template, unique_key, sealed_token, text_body FROM mails ORDER BY id DESC", params![])
        .await
        .unwrap();
    rows.into_iter()
        .map(|(recipient, template, key, sealed, text)| {
            assert!(text.contains(&format!("/admin/welcome/{}", platform::mail::TOKEN_PLACE)), "{text}");
            let token = house.app.vault.open(&format!("mails:{key}"), &sealed).unwrap();
            (recipient, template, String::from_utf8(token).unwrap())
        })
        .collect()
}

async fn api_as(house: &House, who: As, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = house.send(who, method, &format!("/api/v1{path}"), "application/json", body).await;
    (reply.status, reply.json())
}

async fn invited(house: &House, username: &str, role_id: i64) -> Admin {
    let body = json!({ "username": username, "email": format!("{username}@example.com"), "role_id": role_id });
    let (status, made) = api_as(house, As::Boss, "POST", "/administrators", body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    named(house, username).await
}

const GOOD: &str = "violet tram orbits quietly";

testkit::both_engines! {
    async fn somebody_is_invited_and_comes_in(house: House) {
        let sales = role(&house, SALES_OPERATOR).await.to_string();
        let fields = [("username", "ana"), ("email", "ana@example.com"), ("first_name", "Ana"), ("last_name", "Lee"), ("role", &sales)];
        let made = house.post("/admin/administrators", &fields).await;
        assert_eq!((made.status, made.to.as_str()), (StatusCode::SEE_OTHER, "/admin/administrators"));
        let (recipient, template, token) = mails(&house).await.remove(0);
        assert_eq!((recipient.as_str(), template.as_str()), ("ana@example.com", "admin_invited"));
        let list = house.get("/admin/administrators?q=lee").await.text;
        assert!(list.contains("Ana Lee") && list.contains("No password yet") && !list.contains("boss@example.com"), "{list}");

        let again = house.post("/admin/administrators", &fields).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text.contains("There is an administrator with this user name") && again.text.contains("value=\"Lee\""), "{}", again.text);
        assert_eq!(mails(&house).await.len(), 1);

        let ana = named(&house, "ana").await;
        let sent = house.post(&format!("/admin/administrators/{}/invite", ana.id), &[]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        let second = mails(&house).await.remove(0).2;
        assert_eq!(house.get(&format!("/admin/welcome/{token}")).await.status, StatusCode::NOT_FOUND, "only the last one works");
        let mut conn = house.app.db.read().await.unwrap();
        let last_moment = house.now.plus_seconds(admins::INVITATION_DAYS * 86_400 - 1);
        assert!(admins::link_owner(&mut conn, &second, last_moment).await.is_ok());
        assert!(admins::link_owner(&mut conn, &second, last_moment.plus_seconds(2)).await.is_err());
        drop(conn);
        let chosen = house.post_as(As::Stranger, &format!("/admin/welcome/{second}"), &[("password", GOOD), ("again", GOOD)]).await;
        assert_eq!(chosen.status, StatusCode::SEE_OTHER, "{}", chosen.text);
        let entered = house.post_as(As::Stranger, "/admin/login", &[("email", "ana"), ("password", GOOD)]).await;
        assert_eq!(entered.status, StatusCode::SEE_OTHER);
        let late = api_as(&house, As::Boss, "POST", &format!("/administrators/{}/invite", ana.id), Value::Null).await;
        assert_eq!(late.0, StatusCode::CONFLICT, "who has a password needs no invitation: {}", late.1);
    }

    async fn what_is_wrong_is_told_beside_its_field(house: House) {
        let body = json!({ "username": "1st", "email": "nobody", "role_id": 99, "first_name": "A\u{0007}" });
        let (status, problem) = api_as(&house, As::Boss, "POST", "/administrators", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let mut fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["email", "first_name", "role_id", "username"]);
        let (_, missing) = api_as(&house, As::Boss, "POST", "/administrators", json!({})).await;
        assert_eq!(missing["errors"].as_array().unwrap().len(), 3, "{missing}");
        let page = house.post("/admin/administrators", &[("username", "ana"), ("email", "ana@example.com"), ("notes", "x")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("#f-role") && page.text.contains("ana@example.com"), "{}", page.text);
        assert_eq!((house.count("mails").await, house.count("admins").await), (0, 2));
    }

    async fn changes_are_logged_and_an_old_address_gets_nobody_in(house: House) {
        let ana = invited(&house, "ana", role(&house, SALES_OPERATOR).await).await;
        let link = mails(&house).await.remove(0).2;
        let boss = named(&house, "boss").await;
        let path = format!("/administrators/{}", ana.id);
        for taken in [json!({ "email": boss.email }), json!({ "username": "BOSS" })] {
            assert_eq!(api_as(&house, As::Boss, "PATCH", &path, taken).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let edit = json!({ "email": "ana@new.example", "signature": "Ana\nSales", "notes": "secret thoughts" });
        let (status, changed) = api_as(&house, As::Boss, "PATCH", &path, edit.clone()).await;
        assert_eq!((status, &changed["email"], &changed["username"]), (StatusCode::OK, &json!("ana@new.example"), &json!("ana")));
        assert_eq!(house.get(&format!("/admin/welcome/{link}")).await.status, StatusCode::NOT_FOUND);
        let mut conn = house.app.db.read().await.unwrap();
        let log = activity_log::about(&mut conn, &format!("admin:{}", ana.id)).await.unwrap();
        drop(conn);
        assert!(log[0].changes.contains("ana@new.example") && log[0].changes.contains("Notes"), "{}", log[0].changes);
        assert!(!log[0].changes.contains("secret thoughts"), "notes are their owner's");
        let before = house.count("activity_log").await;
        api_as(&house, As::Boss, "PATCH", &path, edit).await;
        assert_eq!(house.count("activity_log").await, before, "a second time changes nothing");
        assert_eq!(api_as(&house, As::Boss, "PATCH", "/administrators/99", json!({})).await.0, StatusCode::NOT_FOUND);
    }

    async fn the_last_who_may_do_everything_keeps_the_role(house: House) {
        let (boss, sales) = (named(&house, "boss").await, role(&house, SALES_OPERATOR).await);
        let demote = async |id: i64| {
            let mut tx = house.app.db.write().await?;
            let edit = AdminEdit { role_id: Some(sales), ..AdminEdit::default() };
            update(&mut tx, &system(), id, edit, house.now).await?;
            tx.commit().await
        };
        assert!(demote(boss.id).await.unwrap_err().to_string().contains("last Full Administrator"));
        let fields = [("username", "boss"), ("email", "boss@example.com"), ("role", &*sales.to_string()), ("first_name", "Typed")];
        let page = house.post(&format!("/admin/administrators/{}", boss.id), &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("your own role") && page.text.contains("value=\"Typed\""), "{}", page.text);
        let ana = invited(&house, "ana", role(&house, FULL_ADMINISTRATOR).await).await;
        let (one, other) = tokio::join!(demote(boss.id), demote(ana.id));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }

    async fn nobody_rises_by_configuring_others(house: House) {
        let (full, sales, nothing) = (role(&house, FULL_ADMINISTRATOR).await, role(&house, SALES_OPERATOR).await, role(&house, "Nothing").await);
        house.sql(&format!("INSERT INTO role_permissions (role_id, permission) VALUES ({nothing}, 'Configure Administrators')")).await;
        let (boss, nobody) = (named(&house, "boss").await, named(&house, "nobody").await);
        let new = |role_id: i64| json!({ "username": "eve", "email": "eve@example.com", "role_id": role_id });
        for role_id in [full, sales] {
            let (status, problem) = api_as(&house, As::Nobody, "POST", "/administrators", new(role_id)).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("role_id")), "{problem}");
        }
        let own = format!("/administrators/{}", nobody.id);
        assert_eq!(api_as(&house, As::Nobody, "PATCH", &own, json!({ "role_id": full })).await.0, StatusCode::CONFLICT);
        let bosses = format!("/administrators/{}", boss.id);
        let tries = [
            ("PATCH", bosses.clone(), json!({ "email": "eve@example.com" })),
            ("POST", format!("{bosses}/reset"), Value::Null),
            ("POST", format!("{bosses}/disable"), Value::Null),
            ("POST", format!("{bosses}/invite"), Value::Null),
        ];
        for (method, path, body) in tries {
            assert_eq!(api_as(&house, As::Nobody, method, &path, body).await.0, StatusCode::CONFLICT, "{path}");
        }
        let page = house.post_as(As::Nobody, &format!("/admin/administrators/{}/reset", boss.id), &[]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "told on the page");
        assert_eq!((named(&house, "boss").await, house.count("mails").await, house.count("admins").await), (boss.clone(), 0, 2));
        let mine = api_as(&house, As::Boss, "PATCH", &bosses, json!({ "email": "eve@example.com" })).await;
        assert_eq!((mine.0, &mine.1["errors"][0]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("email")), "not without the password");
        assert_eq!(api_as(&house, As::Boss, "PATCH", &bosses, json!({ "role_id": nothing })).await.0, StatusCode::CONFLICT);
        // Among equals it works.
        let (status, _) = api_as(&house, As::Nobody, "POST", "/administrators", new(nothing)).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(api_as(&house, As::Boss, "POST", &format!("{bosses}/disable"), Value::Null).await.0, StatusCode::CONFLICT, "nobody disables themselves");
    }

    async fn an_administrator_is_disabled_enabled_and_reset(house: House) {
        let ana = invited(&house, "ana", role(&house, SALES_OPERATOR).await).await;
        let link = mails(&house).await.remove(0).2;
        house.post_as(As::Stranger, &format!("/admin/welcome/{link}"), &[("password", GOOD), ("again", GOOD)]).await;
        let enter = async || house.post_as(As::Stranger, "/admin/login", &[("email", "ana"), ("password", GOOD)]).await.status;
        assert_eq!(enter().await, StatusCode::SEE_OTHER);
        let page = format!("/admin/administrators/{}", ana.id);
        for deed in ["disable", "disable"] {
            assert_eq!(house.post(&format!("{page}/{deed}"), &[]).await.to, page);
        }
        assert_eq!(enter().await, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(house.get("/admin/administrators?state=disabled").await.text.contains("ana@example.com"));
        assert!(house.get(&page).await.text.contains("This administrator is disabled"));
        house.post(&format!("{page}/enable"), &[]).await;
        assert_eq!(enter().await, StatusCode::SEE_OTHER);
        let (status, answer) = api_as(&house, As::Boss, "POST", &format!("/administrators/{}/reset", ana.id), Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let (recipient, template, token) = mails(&house).await.remove(0);
        assert_eq!((recipient.as_str(), template.as_str()), ("ana@example.com", "admin_reset"));
        assert!(!answer.to_string().contains(&token), "the link is the administrator's alone");
        assert_eq!(enter().await, StatusCode::UNPROCESSABLE_ENTITY, "the old password is of no use");
        assert_eq!(house.get(&format!("/admin/welcome/{token}")).await.status, StatusCode::OK);
    }

    async fn the_list_is_filtered_sorted_and_downloaded(house: House) {
        let sales = role(&house, SALES_OPERATOR).await;
        for name in ["cy", "ana", "ben"] {
            invited(&house, name, sales).await;
        }
        let names = async |query: &str| {
            let (_, list) = api_as(&house, As::Boss, "GET", &format!("/administrators{query}"), Value::Null).await;
            let items = list["items"].as_array().unwrap();
            items.iter().map(|one| one["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("").await, "ana ben boss cy nobody");
        assert_eq!(names("?sort=-email").await, "nobody cy boss ben ana");
        assert_eq!(names(&format!("?role_id={sales}")).await, "ana ben cy");
        assert_eq!(names("?q=EXAMPLE%20b").await, "ben boss nobody");
        assert_eq!(names("?state=disabled").await, "");
        let file = house.get("/admin/administrators?format=csv&q=ben").await.text;
        assert!(file.starts_with("Id,User name,") && file.contains(",ben,,,ben@example.com,Sales Operator,No password yet,"), "{file}");
        assert_eq!(house.get("/admin/administrators?q=100%25").await.status, StatusCode::OK);
    }

    async fn programs_list_administrators_as_the_reference_says(house: House) {
        let sales = role(&house, SALES_OPERATOR).await;
        let ana = invited(&house, "ana", sales).await;
        let mut tx = house.app.db.write().await.unwrap();
        let edit = AdminEdit { first_name: Some("Ana".into()), last_name: Some("Lee".into()), signature: Some("Ana".into()), ..AdminEdit::default() };
        update(&mut tx, &system(), ana.id, edit, house.now).await.unwrap();
        crate::passwords::guessing::note(&mut tx, "admin:ana", "192.0.2.1", house.now).await.unwrap();
        tx.commit().await.unwrap();
        let all = house.action("GetAdminUsers", &[]).await;
        assert_eq!((&all["result"], &all["count"]), (&json!("success"), &json!(3)));
        assert_eq!(all["admin_users"][2], json!({
            "id": ana.id, "uuid": "", "roleId": sales, "username": "ana", "twoFactorAuthModule": "", "firstname": "Ana",
            "lastname": "Lee", "email": "ana@example.com", "signature": "Ana", "notes": "", "template": "",
            "language": "english", "isDisabled": 0, "loginAttempts": 1, "supportDepartmentIds": [],
            "receivesTicketNotifications": [], "homepageWidgetsConfig": "", "hiddenHomepageWidgets": "",
            "created_at": "2026-03-01 12:00:00", "updated_at": "2026-03-01 12:00:00", "fullName": "Ana Lee",
            "gravatarHash": "cdb9d6a1dddc375a09cc83e3001598dc",
        }));
        let mut tx = house.app.db.write().await.unwrap();
        admins::disable(&mut tx, &system(), ana.id, house.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.action("GetAdminUsers", &[]).await["count"], 2);
        assert_eq!(house.action("GetAdminUsers", &[("include_disabled", "true")]).await["count"], 3);
        assert_eq!(house.action("GetAdminUsers", &[("include_disabled", "1"), ("roleid", &sales.to_string())]).await["admin_users"][0]["isDisabled"], 1);
        assert_eq!(house.action("GetAdminUsers", &[("email", "BOSS@example.com")]).await["admin_users"][0]["username"], "boss");
    }

    async fn programs_read_and_write_what_is_the_callers(house: House) {
        let boss = named(&house, "boss").await;
        assert_eq!(house.action("UpdateAdminNotes", &[("notes", "Call Ann\nat noon")]).await, json!({ "result": "success" }));
        let own = house.action("GetAdminDetails", &[]).await;
        assert_eq!((&own["adminid"], &own["name"], &own["notes"]), (&json!(boss.id.to_string()), &json!("boss"), &json!("Call Ann\nat noon")));
        let granted: Vec<&str> = own["allowedpermissions"].as_str().unwrap().split(',').collect();
        let checked: Vec<&str> = crate::routes().permissions().iter().map(|permission| permission.0).collect();
        assert_eq!(granted, checked);
        assert_eq!((&own["departments"], &own["signature"]), (&json!(""), &json!("")));
        assert_eq!(house.action("UpdateAdminNotes", &[]).await["result"], "error");
        assert_eq!(house.action("UpdateAdminNotes", &[("notes", "")]).await["result"], "success");
        assert_eq!(named(&house, "boss").await.notes, "");
    }

    async fn programs_see_who_is_here(house: House) {
        let here = house.action("GetStaffOnline", &[]).await;
        assert_eq!(here["totalresults"], 2);
        assert_eq!(here["staffonline"]["staff"][0], json!({
            "adminusername": "boss", "logintime": "2026-03-01 12:00:00", "ipaddress": "127.0.0.1", "lastvisit": "2026-03-01 12:00:00",
        }));
        house.app.clock.set(house.now.plus_seconds(16 * 60));
        assert_eq!(house.action("GetStaffOnline", &[]).await["totalresults"], 0);
    }
}
