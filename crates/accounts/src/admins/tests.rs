//! Letting administrators in and keeping them out.

use axum::http::StatusCode;
use platform::params;

use super::*;
use crate::doors::by_credential;
use crate::passwords::guessing;
use crate::testing::{As, House, system};
use crate::{api_credentials, sessions};

const PASSWORD: &str = "a long password";

async fn add(house: &House, username: &str, role: &str) -> Admin {
    let new = NewAdmin {
        username: username.to_owned(),
        email: format!("{username}@example.com"),
        role: role.to_owned(),
        password: Some(passwords::hash(PASSWORD).await.unwrap()),
    };
    let mut tx = house.app.db.write().await.unwrap();
    let admin = create(&mut tx, &system(), new, house.now).await.unwrap();
    tx.commit().await.unwrap();
    admin
}

async fn boss(house: &House) -> Admin {
    by_username(&mut house.app.db.read().await.unwrap(), "boss").await.unwrap().unwrap()
}

async fn said(house: &House) -> Vec<String> {
    let mut conn = house.app.db.read().await.unwrap();
    conn.column("SELECT actor_name || ': ' || description FROM activity_log ORDER BY id", params![]).await.unwrap()
}

async fn enter(house: &House, name: &str, password: &str) -> StatusCode {
    house.post_as(As::Stranger, "/admin/login", &[("email", name), ("password", password)]).await.status
}

testkit::both_engines! {
    async fn who_is_disabled_is_out_at_once_and_at_every_door(house: House) {
        let ana = add(&house, "ana", FULL_ADMINISTRATOR).await;
        assert_eq!(enter(&house, "ana", PASSWORD).await, StatusCode::SEE_OTHER);
        let mut tx = house.app.db.write().await.unwrap();
        let key = api_credentials::create(&mut tx, &system(), ana.id, &house.app.random, house.now).await.unwrap();
        let link = make_link(&mut tx, ana.id, &house.app.random, house.now).await.unwrap();
        let session = sessions::start(&mut tx, ana.id, "", &house.app.random, house.now).await.unwrap();
        assert!(disable(&mut tx, &system(), ana.id, house.now).await.unwrap().disabled);
        tx.commit().await.unwrap();

        assert_eq!(enter(&house, "ana", PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
        let mut tx = house.app.db.write().await.unwrap();
        assert!(sessions::find(&mut tx, &session, house.now).await.unwrap().is_none());
        assert!(link_owner(&mut tx, &link, house.now).await.is_err());
        assert!(by_credential(&mut tx, &key.identifier, &key.secret).await.unwrap().is_none());
        let before = said_in(&mut tx).await;
        disable(&mut tx, &system(), ana.id, house.now).await.unwrap();
        assert_eq!(said_in(&mut tx).await, before, "a second time changes nothing");
        let listed = list(&mut tx, house.now).await.unwrap();
        let shown = listed.iter().find(|admin| admin.username == "ana").unwrap();
        assert_eq!((shown.disabled, shown.sessions, shown.credentials), (true, 0, 1));

        enable(&mut tx, &system(), ana.id, house.now).await.unwrap();
        assert!(link_owner(&mut tx, &link, house.now).await.is_err(), "an old link stays useless");
        assert!(by_credential(&mut tx, &key.identifier, &key.secret).await.unwrap().is_some());
        tx.commit().await.unwrap();
        assert_eq!(enter(&house, "ana", PASSWORD).await, StatusCode::SEE_OTHER);
        let said = said(&house).await;
        assert!(said.contains(&"test: Administrator ana disabled".to_owned()), "{said:?}");
        assert!(said.contains(&"test: Administrator ana enabled".to_owned()), "{said:?}");
    }

    async fn the_last_who_may_do_everything_is_not_disabled(house: House) {
        let boss = boss(&house).await;
        let ben = add(&house, "ben", crate::roles::SALES_OPERATOR).await;
        let mut tx = house.app.db.write().await.unwrap();
        let refused = disable(&mut tx, &system(), boss.id, house.now).await.unwrap_err();
        assert!(refused.to_string().contains("last Full Administrator"), "{refused}");
        disable(&mut tx, &system(), ben.id, house.now).await.unwrap();
        tx.commit().await.unwrap();
        let ana = add(&house, "ana", FULL_ADMINISTRATOR).await;
        let mut tx = house.app.db.write().await.unwrap();
        disable(&mut tx, &system(), boss.id, house.now).await.unwrap();
        assert!(disable(&mut tx, &system(), ana.id, house.now).await.is_err(), "now ana is the last");
    }

    async fn two_who_disable_each_other_leave_one(house: House) {
        let (boss, ana) = (boss(&house).await, add(&house, "ana", FULL_ADMINISTRATOR).await);
        let off = async |id: i64| {
            let mut tx = house.app.db.write().await?;
            disable(&mut tx, &system(), id, house.now).await?;
            tx.commit().await
        };
        let (one, other) = tokio::join!(off(boss.id), off(ana.id));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }

    async fn a_reset_ends_what_the_old_password_had_opened(house: House) {
        let ana = add(&house, "ana", FULL_ADMINISTRATOR).await;
        let mut tx = house.app.db.write().await.unwrap();
        let session = sessions::start(&mut tx, ana.id, "", &house.app.random, house.now).await.unwrap();
        let first = reset(&mut tx, &system(), ana.id, &house.app.random, house.now).await.unwrap();
        assert!(sessions::find(&mut tx, &session, house.now).await.unwrap().is_none());
        let second = reset(&mut tx, &system(), ana.id, &house.app.random, house.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(enter(&house, "ana", PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.get(&format!("/admin/welcome/{first}")).await.status, StatusCode::NOT_FOUND);
        let fields = [("password", "another long one"), ("again", "another long one")];
        let chosen = house.post_as(As::Stranger, &format!("/admin/welcome/{second}"), &fields).await;
        assert_eq!(chosen.status, StatusCode::SEE_OTHER);
        assert_eq!(enter(&house, "ana", "another long one").await, StatusCode::SEE_OTHER);
        let said = said(&house).await;
        assert!(said.contains(&"ana: Administrator ana has chosen a password by a link".to_owned()), "{said:?}");
        let mut tx = house.app.db.write().await.unwrap();
        disable(&mut tx, &system(), ana.id, house.now).await.unwrap();
        assert!(reset(&mut tx, &system(), ana.id, &house.app.random, house.now).await.is_err());
    }

    async fn a_guesser_is_stopped_and_stops_nobody_else(house: House) {
        add(&house, "ana", FULL_ADMINISTRATOR).await;
        let mut tx = house.app.db.write().await.unwrap();
        let wait = async |tx: &mut Tx, account: &str, ip: &str| {
            guessing::check(tx, account, ip, house.now).await.is_err()
        };
        for _ in 0..guessing::HERE {
            assert!(!wait(&mut tx, "admin:ana", "203.0.113.7").await);
            guessing::note(&mut tx, "admin:ana", "203.0.113.7", house.now).await.unwrap();
        }
        assert!(wait(&mut tx, "admin:ana", "203.0.113.7").await);
        assert!(!wait(&mut tx, "admin:ana", "198.51.100.1").await, "ana herself is elsewhere");
        assert!(!wait(&mut tx, "admin:ben", "203.0.113.7").await, "and so is ben, a colleague in the same office");
        for at in 0..guessing::OF_ADDRESS {
            guessing::note(&mut tx, &format!("api:{at}"), "203.0.113.9", house.now).await.unwrap();
        }
        assert!(wait(&mut tx, "api:x", "203.0.113.9").await);
        assert!(!wait(&mut tx, "admin:ana", "203.0.113.9").await, "a program with an old key locks no login");
        for at in 0..guessing::OF_ACCOUNT {
            guessing::note(&mut tx, "admin:cy", &format!("192.0.2.{at}"), house.now).await.unwrap();
        }
        assert!(wait(&mut tx, "admin:cy", "198.51.100.1").await, "many machines guess one password");
        for _ in 0..guessing::HERE {
            guessing::note(&mut tx, "admin:dora", "2001:db8:1:2::1", house.now).await.unwrap();
        }
        assert!(wait(&mut tx, "admin:dora", "2001:db8:1:2:ffff::7").await, "a /64 is one address");
        let later = house.now.plus_seconds(guessing::WINDOW + 1);
        assert!(guessing::check(&mut tx, "admin:cy", "198.51.100.1", later).await.is_ok());
    }

    async fn a_wrong_password_is_written_down_and_a_name_that_is_none_is_not(house: House) {
        for name in ["boss", "hunter2 of boss"] {
            assert_eq!(enter(&house, name, "wrong").await, StatusCode::UNPROCESSABLE_ENTITY);
        }
        assert_eq!(said(&house).await[3..], [
            "Nobody: Log-in of boss refused: wrong password",
            "Nobody: Log-in to the staff area refused: nobody has this name",
        ]);
    }

    async fn everybody_may_log_out(house: House) {
        assert_eq!(house.get("/admin/clients").await.status, StatusCode::OK);
        let out = house.post_as(As::Nobody, "/admin/logout", &[]).await;
        assert_eq!((out.status, out.to.as_str()), (StatusCode::SEE_OTHER, "/admin/login"));
        assert_eq!(out.clears.as_str(), "\"cache\"");
        let gone = house.send(As::Nobody, "GET", "/admin/clients", "text/plain", String::new()).await;
        assert!(gone.to.starts_with("/admin/login"), "{}", gone.status);
        let unsigned = house.send(As::Boss, "POST", "/admin/logout", "application/x-www-form-urlencoded", String::new()).await;
        assert_eq!(unsigned.status, StatusCode::CONFLICT, "another site logs nobody out");
    }
}

async fn said_in(tx: &mut Tx) -> i64 {
    tx.scalar("SELECT COUNT(*) FROM activity_log", params![]).await.unwrap()
}
