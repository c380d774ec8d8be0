//! The life of a domain, from its registration to the day when nobody has it.

use epp::domain::{Check, Create, Delete, Info, Renew, Status, Update};
use epp::rgp::{self, Report, Restore};
use epp::{Code, Error, Period, Secret};

use crate::world::{NAME, World, code_of};

#[tokio::test]
async fn a_domain_is_registered_changed_renewed_and_deleted() {
    let world = World::start().await;
    let check = world.run(&Check::new([NAME, "taken.example"])).await.unwrap();
    assert!(check.result.iter().all(|name| name.available));

    world.contact("jd1234").await;
    let create = Create { registrant: Some("jd1234".to_owned()), ..world.create(NAME) };
    let created = world.run(&create).await.unwrap();
    assert!(!created.is_pending());
    assert_eq!("2028-01-15", &created.result.expires_at.unwrap().to_string()[..10]);
    assert!(!world.run(&Check::new([NAME])).await.unwrap().result[0].available);

    let lock = epp::domain::Change { statuses: vec![Status::ClientTransferProhibited], ..Default::default() };
    world.run(&Update { add: lock.clone(), ..Update::new(NAME) }).await.unwrap();
    let info = world.run(&Info::new(NAME)).await.unwrap();
    assert!(info.result.has(&Status::ClientTransferProhibited));
    assert_eq!(Some("jd1234"), info.result.registrant.as_deref());
    assert_eq!([rgp::Status::AddPeriod], info.extensions.rgp[..]);
    world.run(&Update { remove: lock, ..Update::new(NAME) }).await.unwrap();
    assert!(!world.run(&Info::new(NAME)).await.unwrap().result.has(&Status::ClientTransferProhibited));

    let renewed = world.run(&Renew::new(NAME, "2028-01-15".parse().unwrap(), Period::Years(3))).await.unwrap();
    assert_eq!("2031-01-15", &renewed.result.expires_at.unwrap().to_string()[..10]);
    assert_eq!(Some("2031-01-15"), world.snapshot(NAME).map(|domain| domain.expires[..10].to_owned()).as_deref());

    // Within the days after its creation it is gone at once.
    assert!(!world.run(&Delete::new(NAME)).await.unwrap().is_pending());
    assert!(world.snapshot(NAME).is_none());
    assert_eq!(Code::NO_SUCH_OBJECT, code_of(world.run(&Info::new(NAME)).await));
}

#[tokio::test]
async fn a_renewal_that_is_repeated_is_refused() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    let renew = Renew::new(NAME, "2028-01-15".parse().unwrap(), Period::Years(1));
    world.run(&renew).await.unwrap();
    let error = world.run(&renew).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(_)) && error.nothing_happened(), "{error}");
    assert_eq!(1, world.registry.counts(NAME).renewed);
}

#[tokio::test]
async fn a_deleted_domain_is_restored() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    world.advance_days(100);
    assert!(world.run(&Delete::new(NAME)).await.unwrap().is_pending());
    let info = world.run(&Info::new(NAME)).await.unwrap();
    assert!(info.result.has(&Status::PendingDelete));
    assert_eq!([rgp::Status::RedemptionPeriod], info.extensions.rgp[..]);

    let restore = |restore| Update { restore: Some(restore), ..Update::new(NAME) };
    let asked = world.run(&restore(Restore::Request)).await.unwrap();
    assert_eq!([rgp::Status::PendingRestore], asked.extensions.rgp[..]);
    let report = Report {
        before: "before".to_owned(),
        after: "after".to_owned(),
        deleted_at: "2026-04-25T12:00:00Z".parse().unwrap(),
        restored_at: "2026-04-25T12:00:00Z".parse().unwrap(),
        reason: "Registrant error.".to_owned(),
        statement: "This registrar has not restored it to keep it.".to_owned(),
        second_statement: "This is true.".to_owned(),
        other: None,
    };
    world.run(&restore(Restore::Report(Box::new(report)))).await.unwrap();
    let info = world.run(&Info::new(NAME)).await.unwrap();
    assert!(!info.result.has(&Status::PendingDelete) && info.extensions.rgp.is_empty());
    assert_eq!(1, world.registry.counts(NAME).restored);
}

#[tokio::test]
async fn a_deleted_domain_that_nobody_restores_is_anybodys() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    world.advance_days(100);
    world.run(&Delete::new(NAME)).await.unwrap();
    world.advance_days(31);
    assert_eq!([rgp::Status::PendingDelete], world.run(&Info::new(NAME)).await.unwrap().extensions.rgp[..]);
    world.advance_days(5);
    assert!(world.run(&Check::new([NAME])).await.unwrap().result[0].available);
}

#[tokio::test]
async fn an_auth_code_is_shown_to_its_registrar_and_can_be_changed() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    let shown = world.run(&Info::new(NAME)).await.unwrap().result.auth_info.unwrap();
    assert_eq!("2fooBAR", shown.password.expose());
    let new = epp::domain::AuthInfoChange::Set(epp::AuthInfo::new(Secret::new("<New & \"strange\">")));
    world.run(&Update { auth_info: Some(new), ..Update::new(NAME) }).await.unwrap();
    assert_eq!(Some("<New & \"strange\">"), world.snapshot(NAME).unwrap().auth_info.as_deref());
}
