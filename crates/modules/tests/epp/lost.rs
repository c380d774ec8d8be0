//! Answers that do not come, or are not to be believed.

use domains::registrars::contract::State;
use testkit::registry::Fault;

use super::*;

fn is_unknown(done: &Result<Done, RegistrarError>) -> bool {
    matches!(done, Err(RegistrarError::Unknown(_)))
}

#[tokio::test]
async fn a_registration_that_was_not_answered_is_looked_up_and_bought_once() {
    let w = World::start();
    for (at, fault) in [Fault::HangAfter("domain:create"), Fault::CloseAfter("domain:create")].into_iter().enumerate() {
        let of = format!("lost{at}.test");
        w.registry.inject(fault);
        let done = w.epp.register(&w.account, &registration(&format!("op{at}"), &of, 1)).await;
        assert!(is_unknown(&done), "{done:?}");
        let there = w.epp.info(&w.account, &name(&of)).await.unwrap().unwrap();
        assert_eq!(there.state, State::Active, "it was carried out");
        let again = w.epp.register(&w.account, &registration(&format!("op{at}-again"), &of, 1)).await;
        assert_eq!(refused(again), "2302");
        assert_eq!(w.registry.counts(&of).created, 1);
    }
}

#[tokio::test]
async fn a_renewal_that_was_not_answered_costs_nothing_more_when_it_is_repeated() {
    let w = World::start();
    let done = completed(w.epp.register(&w.account, &registration("op1", "once.test", 1)).await);
    let before = done.expires_on.unwrap();
    w.registry.inject(Fault::HangAfter("domain:renew"));
    let lost = w.epp.renew(&w.account, &renewal("op2", "once.test", before)).await;
    assert!(is_unknown(&lost), "{lost:?}");
    let taken = w.registry.money("hosting-co").taken.get("USD").copied();
    assert_eq!(refused(w.epp.renew(&w.account, &renewal("op3", "once.test", before)).await), "2306");
    assert_eq!(w.registry.counts("once.test").renewed, 1);
    assert_eq!(w.registry.money("hosting-co").taken.get("USD").copied(), taken);
}

#[tokio::test]
async fn what_was_never_sent_can_be_sent_again() {
    let w = World::start();
    let nowhere = account(&w.registry, "hosting-co", &[("port", "1")]);
    let done = w.epp.register(&nowhere, &registration("op1", "unsent.test", 1)).await;
    assert!(matches!(done, Err(RegistrarError::Unavailable(_))), "{done:?}");
    completed(w.epp.register(&w.account, &registration("op1", "unsent.test", 1)).await);
    assert_eq!(w.registry.counts("unsent.test").created, 1);
}

#[tokio::test]
async fn a_contact_that_was_not_answered_is_made_once() {
    let w = World::start();
    w.registry.inject(Fault::HangAfter("contact:create"));
    let lost = w.epp.register(&w.account, &registration("op1", "contact.test", 1)).await;
    assert!(matches!(lost, Err(RegistrarError::Unavailable(_))), "nothing was bought yet: {lost:?}");
    // The same operation once more: the contact is there, and is as good.
    completed(w.epp.register(&w.account, &registration("op1", "contact.test", 1)).await);
    let there = w.registry.domain("contact.test").unwrap();
    assert!(there.contacts.iter().all(|(_, id)| Some(id) == there.registrant.as_ref()), "{there:?}");
}

#[tokio::test]
async fn hostile_answers_are_not_believed() {
    let w = World::start();
    completed(w.epp.register(&w.account, &registration("op1", "mine.test", 1)).await);
    let before = w.epp.info(&w.account, &name("mine.test")).await.unwrap().unwrap().expires_on.unwrap();
    for (at, answer) in ["<epp/>".to_owned(), "no xml".to_owned(), "<a>".repeat(5000)].into_iter().enumerate() {
        w.registry.inject(Fault::Answer("domain:renew".into(), answer));
        let done = w.epp.renew(&w.account, &renewal(&format!("hostile{at}"), "mine.test", before)).await;
        assert!(is_unknown(&done), "{done:?}");
    }
    assert_eq!(w.epp.info(&w.account, &name("mine.test")).await.unwrap().unwrap().expires_on, Some(before));
}
