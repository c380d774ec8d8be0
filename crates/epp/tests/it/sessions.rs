//! Sessions, their limits, and passwords.

use epp::domain::{Check, Info};
use epp::{Error, NotSent, Pool, Secret};
use testkit::registry::Fault;

use crate::world::{NAME, World};

#[tokio::test]
async fn many_commands_share_few_sessions() {
    let world = World::start_with(|options| options.sessions = 2, |settings| settings.sessions = 2).await;
    let mut runs = tokio::task::JoinSet::new();
    for number in 0..20 {
        let pool = world.pool.clone();
        runs.spawn(async move { pool.run(&Check::new([NAME]), &format!("check-{number}")).await.unwrap() });
    }
    assert_eq!(20, runs.join_all().await.len());
    assert!(world.registry.most_sessions() <= 2);
    world.pool.close().await;
    assert_eq!(0, world.registry.open_sessions());
}

#[tokio::test]
async fn where_the_registry_allows_fewer_sessions_than_we_do_ours_are_waited_for() {
    let world = World::start_with(|options| options.sessions = 1, |settings| settings.sessions = 4).await;
    let mut runs = tokio::task::JoinSet::new();
    for number in 0..12 {
        let pool = world.pool.clone();
        runs.spawn(async move { pool.run(&Check::new([NAME]), &format!("check-{number}")).await.unwrap() });
    }
    assert_eq!(12, runs.join_all().await.len());
    assert_eq!(1, world.registry.most_sessions());
}

#[tokio::test]
async fn where_others_have_all_sessions_the_error_says_so() {
    let world = World::start_with(|options| options.sessions = 1, |_| ()).await;
    world.run(&Check::new([NAME])).await.unwrap();
    let other = Pool::new(world.settings.clone()).unwrap();
    let error = other.run(&Check::new([NAME]), "other-1").await.unwrap_err();
    assert!(matches!(error, Error::NotSent(NotSent::SessionLimit(_))), "{error}");
    world.pool.close().await;
    other.run(&Check::new([NAME]), "other-2").await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_new_one_holds() {
    let world = World::start().await;
    let mut wrong = world.settings.clone();
    wrong.password = Secret::new("wrong-one");
    let error = Pool::new(wrong.clone()).unwrap().run(&Check::new([NAME]), "wrong-1").await.unwrap_err();
    assert!(matches!(error, Error::NotSent(NotSent::LoginRefused(_))), "{error}");
    world.pool.change_password(Secret::new("wrong-one"), "password-1").await.unwrap();
    Pool::new(wrong).unwrap().run(&Check::new([NAME]), "right-1").await.unwrap();
    let old = Pool::new(world.settings.clone()).unwrap();
    let error = old.run(&Check::new([NAME]), "old-1").await.unwrap_err();
    assert!(matches!(error, Error::NotSent(NotSent::LoginRefused(_))), "{error}");
}

#[tokio::test]
async fn a_session_that_broke_is_replaced() {
    let world = World::start().await;
    for number in 0..3 {
        world.registry.inject(Fault::CloseAfter("domain:check"));
        assert!(matches!(world.run(&Check::new([NAME])).await.unwrap_err(), Error::Unknown { .. }), "{number}");
        world.run(&Check::new([NAME])).await.unwrap();
    }
    assert!(world.pool.keep_alive().await <= 1);
    assert!(matches!(world.run(&Info::new(NAME)).await.unwrap_err(), Error::Refused(_)));
}
