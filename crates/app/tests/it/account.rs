//! The own account of an administrator.

use accounts::activity_log::Actor;
use accounts::admins::own;
use accounts::{admins, passwords, sessions};
use axum::http::StatusCode;
use platform::web::lists::escape;

use crate::support::{Session, Site, ask, read};

const OLD: &str = "violet tram orbits quietly";
const NEW: &str = "seven copper lanterns drift";

async fn with_password(site: &Site, username: &str) {
    let hash = passwords::hash(OLD).await.unwrap();
    let mut tx = site.app.db.write().await.unwrap();
    let admin = admins::by_username(&mut tx, username).await.unwrap().unwrap();
    let keep: Vec<String> = sessions::of_admin(&mut tx, admin.id, site.app.clock.now())
        .await
        .unwrap()
        .into_iter()
        .map(|session| session.token_hash)
        .collect();
    own::change_password(&mut tx, &Actor::system("test"), admin.id, &keep[0], &hash, site.app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn entered(site: &Site, password: &str) -> StatusCode {
    let form = format!("email=boss&password={}", password.replace(' ', "+"));
    read(site.send(ask("POST", "/admin/login", None, &form)).await).await.0
}

async fn stored(site: &Site) -> admins::Admin {
    admins::by_username(&mut site.app.db.read().await.unwrap(), "boss").await.unwrap().unwrap()
}

fn about<'a>(email: &'a str, current: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("first_name", "Ada"),
        ("last_name", "Lovelace"),
        ("email", email),
        ("current", current),
        ("signature", "Ada"),
        ("notes", "Call Charles"),
    ]
}

testkit::both_engines! {
    async fn administrators_change_what_is_theirs(site: Site) {
        let boss = site.boss().await;
        with_password(&site, "boss").await;
        let (status, to) = site.post("/admin/account", &boss, &about("boss@example.com", "")).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/admin/account"));
        let (_, page) = site.get("/admin/account", Some(&boss)).await;
        assert!(page.contains("value=\"Lovelace\"") && page.contains("Call Charles") && page.contains("This session"), "{page}");
        for current in ["", "wrong"] {
            let (status, page) = site.post("/admin/account", &boss, &about("ada@example.com", current)).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.contains("not your current password") && page.contains("value=\"ada@example.com\""), "{page}");
        }
        assert_eq!(stored(&site).await.email, "boss@example.com");
        assert_eq!(site.post("/admin/account", &boss, &about("ada@example.com", OLD)).await.0, StatusCode::SEE_OTHER);
        let admin = stored(&site).await;
        assert_eq!((admin.email.as_str(), admin.username.as_str(), admin.name().as_str()), ("ada@example.com", "boss", "Ada Lovelace"));
        // Neither the role nor the user name is in reach.
        let mut sly = about("ada@example.com", OLD);
        sly.extend([("role", "2"), ("role_id", "2"), ("username", "root"), ("disabled", "1")]);
        site.post("/admin/account", &boss, &sly).await;
        assert_eq!(stored(&site).await, admin);
    }

    async fn a_password_is_changed_with_the_old_one(site: Site) {
        let boss = site.boss().await;
        with_password(&site, "boss").await;
        assert_eq!(entered(&site, OLD).await, StatusCode::SEE_OTHER);
        let change = async |current: &str, password: &str, again: &str| {
            let fields = [("current_password", current), ("password", password), ("again", again)];
            site.post("/admin/account/password", &boss, &fields).await
        };
        for (current, password, again, told) in [
            ("wrong", NEW, NEW, "not your current password"),
            (OLD, "short", "short", "at least 10 characters"),
            (OLD, NEW, "another", "The two passwords differ"),
        ] {
            let (status, page) = change(current, password, again).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.contains(told) && !page.contains(NEW), "{told}: {page}");
        }
        let form = format!("csrf={}&current_password={}&password={}&again={}", boss.csrf, escape(OLD), escape(NEW), escape(NEW));
        let changed = site.send(ask("POST", "/admin/account/password", Some(&boss), &form)).await;
        assert_eq!(changed.status(), StatusCode::SEE_OTHER);
        let mut cookies = changed.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let own = cookies.rfind(|cookie| cookie.starts_with(sessions::COOKIE)).unwrap();
        let renewed = Session { cookie: own.split(';').next().unwrap().to_owned(), ..boss.clone() };
        assert_eq!(entered(&site, OLD).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(site.get("/admin/account", Some(&renewed)).await.0, StatusCode::OK, "this session goes on");
        assert_eq!(site.get("/admin/account", Some(&boss)).await.0, StatusCode::SEE_OTHER, "by another cookie");
        let mut conn = site.app.db.read().await.unwrap();
        let id = admins::by_username(&mut conn, "boss").await.unwrap().unwrap().id;
        assert_eq!(sessions::of_admin(&mut conn, id, site.app.clock.now()).await.unwrap().len(), 1);
        drop(conn);
        assert_eq!(entered(&site, NEW).await, StatusCode::SEE_OTHER);
    }

    async fn sessions_are_shown_and_ended(site: Site) {
        let boss = site.boss().await;
        let other = other_session(&site).await;
        assert_eq!(site.get("/admin", Some(&other)).await.0, StatusCode::OK);
        let (_, page) = site.get("/admin/account", Some(&boss)).await;
        let name = page.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(site.post("/admin/account/sessions/end", &boss, &[("session", name)]).await.0, StatusCode::SEE_OTHER);
        assert_eq!(site.get("/admin", Some(&other)).await.0, StatusCode::SEE_OTHER);
        let third = other_session(&site).await;
        let (_, to) = site.post("/admin/account/sessions/end-all", &boss, &[]).await;
        assert_eq!(to, "/admin/login");
        for session in [&boss, &third] {
            assert_eq!(site.get("/admin", Some(session)).await.0, StatusCode::SEE_OTHER);
        }
    }
}

async fn other_session(site: &Site) -> Session {
    let now = site.app.clock.now();
    let mut tx = site.app.db.write().await.unwrap();
    let admin = admins::by_username(&mut tx, "boss").await.unwrap().unwrap();
    let token = sessions::start(&mut tx, admin.id, "192.0.2.9", &site.app.random, now).await.unwrap();
    let csrf = sessions::find(&mut tx, &token, now).await.unwrap().unwrap().csrf;
    tx.commit().await.unwrap();
    Session { cookie: format!("{}={token}", sessions::COOKIE), csrf }
}
