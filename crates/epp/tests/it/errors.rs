//! What an error says of the command is what the registry knows of it.

use epp::domain::{Create, Delete, Info, Renew};
use epp::{Error, Lost, Period};
use testkit::registry::Fault;

use crate::world::{NAME, World};

/// What came of a registration that went wrong: whether it was carried out, and what we were told.
async fn registration(fault: Fault) -> (World, Error) {
    let world = World::start_with(|_| (), |settings| settings.timeouts.command = crate::world::SHORT).await;
    // The session is there before: it is the command that goes wrong.
    world.run(&Create::new("other.example", Period::Years(1), crate::world::secret())).await.unwrap();
    world.registry.inject(fault);
    let error = world.run(&world.create(NAME)).await.unwrap_err();
    (world, error)
}

#[tokio::test]
async fn a_command_that_was_carried_out_unanswered_is_unknown_and_the_look_up_tells() {
    for fault in [
        Fault::HangAfter("domain:create"),
        Fault::CloseAfter("domain:create"),
        Fault::AnswerAfter("domain:create", "<epp/>".to_owned()),
        Fault::Octets("domain:create", b"HTTP/1.1 500 Internal Server Error\r\n\r\n".to_vec()),
    ] {
        let (world, error) = registration(fault).await;
        assert!(matches!(error, Error::Unknown { .. }), "{error}");
        let found = world.run(&Info::new(NAME)).await.unwrap().result;
        assert_eq!("ClientX", found.registrar);
        assert_eq!(1, world.registry.counts(NAME).created);
    }
}

#[tokio::test]
async fn a_command_that_was_not_carried_out_is_unknown_too_and_the_look_up_tells() {
    for fault in [Fault::HangBefore("domain:create"), Fault::CloseBefore("domain:create")] {
        let (world, error) = registration(fault).await;
        assert!(matches!(error, Error::Unknown { .. }), "{error}");
        assert!(matches!(world.run(&Info::new(NAME)).await.unwrap_err(), Error::Refused(_)));
        world.run(&world.create(NAME)).await.unwrap();
        assert_eq!(1, world.registry.counts(NAME).created);
    }
}

#[tokio::test]
async fn a_renewal_of_unknown_end_can_be_repeated_without_harm() {
    let (world, _) = registration(Fault::HangBefore("domain:create")).await;
    world.run(&world.create(NAME)).await.unwrap();
    world.registry.inject(Fault::HangAfter("domain:renew"));
    let renew = Renew::new(NAME, "2028-01-15".parse().unwrap(), Period::Years(1));
    let error = world.run(&renew).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { why: Lost::TimedOut, .. }), "{error}");
    assert!(matches!(world.run(&renew).await.unwrap_err(), Error::Refused(_)));
    assert_eq!(1, world.registry.counts(NAME).renewed);
}

#[tokio::test]
async fn a_refusal_means_that_nothing_happened() {
    for code in [2306, 2400, 2500, 2501] {
        let (world, error) = registration(Fault::Refuse("domain:create", code, "Not today".to_owned())).await;
        let Error::Refused(refusal) = error else { panic!("{error}") };
        assert_eq!((code, "Not today"), (refusal.code.0, refusal.reasons[0].reason.as_str()));
        assert_eq!(0, world.registry.counts(NAME).created);
        // Whether or not the session was ended with it.
        world.run(&world.create(NAME)).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_about_another_domain_is_not_believed() {
    let answer = r#"<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>Done</msg></result>
        <resData><domain:creData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>else.example</domain:name>
        <domain:crDate>2026-01-15T12:00:00.0Z</domain:crDate></domain:creData></resData>
        <trID><clTRID>{clTRID}</clTRID><svTRID>{svTRID}</svTRID></trID></response></epp>"#;
    let (world, error) = registration(Fault::Answer("domain:create", answer.to_owned())).await;
    assert!(matches!(&error, Error::Unknown { why: Lost::Hostile(_), .. }), "{error}");
    assert!(world.snapshot(NAME).is_none());
    let (_, error) = registration(Fault::Answer(
        "domain:create",
        answer.replace("else.example", NAME).replace("{clTRID}", "OTHER-1"),
    ))
    .await;
    assert!(matches!(&error, Error::Unknown { why: Lost::Hostile(_), .. }), "{error}");
}

#[tokio::test]
async fn a_deletion_of_what_is_not_there_is_refused() {
    let world = World::start().await;
    let error = world.run(&Delete::new(NAME)).await.unwrap_err();
    let Error::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!(epp::Code::NO_SUCH_OBJECT, refusal.code);
    assert!(!refusal.svtrid.is_empty());
}
