//! The rules of the own account; its page is tested where it stands.

use super::*;
use crate::testing::{House, system};

testkit::both_engines! {
    async fn the_current_password_is_asked_for_and_not_guessed(house: House) {
        let mut conn = house.app.db.read().await.unwrap();
        let boss = admins::by_username(&mut conn, "boss").await.unwrap().unwrap();
        drop(conn);
        let prove = async |password: &str, now: Timestamp| prove(&house.app, &boss, password, "current", "192.0.2.1", now).await;
        let none = prove("anything at all", house.now).await.unwrap_err();
        assert!(none.to_string().contains("no password yet"), "{none}");
        let hash = passwords::hash("violet tram orbits").await.unwrap();
        let mut tx = house.app.db.write().await.unwrap();
        change_password(&mut tx, &system(), boss.id, "", &hash, house.now).await.unwrap();
        tx.commit().await.unwrap();
        prove("violet tram orbits", house.now).await.unwrap();
        for _ in 0..guessing::HERE {
            assert!(matches!(prove("wrong", house.now).await, Err(Error::Invalid(_))));
        }
        assert!(matches!(prove("violet tram orbits", house.now).await, Err(Error::TooMany { .. })));
        prove("violet tram orbits", house.now.plus_seconds(guessing::WINDOW + 1)).await.unwrap();
    }

    async fn a_new_password_ends_what_others_have_open(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        let boss = admins::by_username(&mut tx, "boss").await.unwrap().unwrap();
        let mine = sessions::start(&mut tx, boss.id, "192.0.2.1", &house.app.random, house.now).await.unwrap();
        let link = admins::make_link(&mut tx, boss.id, &house.app.random, house.now).await.unwrap();
        assert_eq!(sessions::of_admin(&mut tx, boss.id, house.now).await.unwrap().len(), 2);
        let hash = passwords::hash("violet tram orbits").await.unwrap();
        change_password(&mut tx, &system(), boss.id, &sessions::hash(&mine), &hash, house.now).await.unwrap();
        let left = sessions::of_admin(&mut tx, boss.id, house.now).await.unwrap();
        assert_eq!(left.iter().map(|session| session.token_hash.as_str()).collect::<Vec<_>>(), [sessions::hash(&mine)]);
        assert!(admins::link_owner(&mut tx, &link, house.now).await.is_err());
    }

    async fn sessions_are_ended_by_their_owner_only(house: House) {
        let mut tx = house.app.db.write().await.unwrap();
        let boss = admins::by_username(&mut tx, "boss").await.unwrap().unwrap();
        let nobody = admins::by_username(&mut tx, "nobody").await.unwrap().unwrap();
        let bosses = sessions::of_admin(&mut tx, boss.id, house.now).await.unwrap().remove(0);
        end_session(&mut tx, &system(), nobody.id, &bosses.token_hash, house.now).await.unwrap();
        assert_eq!(sessions::of_admin(&mut tx, boss.id, house.now).await.unwrap().len(), 1);
        end_session(&mut tx, &system(), boss.id, &bosses.token_hash, house.now).await.unwrap();
        assert_eq!(sessions::of_admin(&mut tx, boss.id, house.now).await.unwrap().len(), 0);
        end_all_sessions(&mut tx, &system(), nobody.id, house.now).await.unwrap();
        assert_eq!(sessions::of_admin(&mut tx, nobody.id, house.now).await.unwrap().len(), 0);
    }
}
