use domains::registrars::contract::{
    AuthCode, Availability, Change, Ds, GlueChange, GlueHost, MessageKind, State, TransferIn, TransferState,
};
use domains::tlds::prices::LateFee;
use testkit::registry::Premium;

use super::*;

#[tokio::test]
async fn a_domain_lives_as_the_module_asks() {
    let w = World::start();
    let done = completed(w.epp.register(&w.account, &registration("op1", "shop.test", 2)).await);
    let there = w.registry.domain("shop.test").unwrap();
    assert_eq!(there.sponsor, "hosting-co");
    assert_eq!(there.expires.get(..10), done.expires_on.map(|day| day.to_string()).as_deref());
    let info = w.epp.info(&w.account, &name("shop.test")).await.unwrap().unwrap();
    assert_eq!((info.state, info.expires_on, info.locked), (State::Active, done.expires_on, Some(false)));
    assert_eq!(info.nameservers, ["ns1.host.net", "ns2.host.net"]);
    // One contact in all roles is one contact.
    assert_eq!(w.registry.received("contact:create"), 1);
    assert_eq!(w.epp.contacts(&w.account, &name("shop.test")).await.unwrap().registrant, ada());

    let renewed = completed(w.epp.renew(&w.account, &renewal("op2", "shop.test", done.expires_on.unwrap())).await);
    assert!(renewed.expires_on > done.expires_on);
    assert_eq!(refused(w.epp.renew(&w.account, &renewal("op3", "shop.test", done.expires_on.unwrap())).await), "2306");
    assert_eq!(w.registry.counts("shop.test").renewed, 1, "a stale renewal buys nothing");

    let ds = Ds { key_tag: 12345, algorithm: 13, digest_type: 2, digest: "AB".repeat(32) };
    let change = Change {
        id: "op4".to_owned(),
        nameservers: Some(vec!["ns2.host.net".to_owned(), "ns3.host.net".to_owned()]),
        locked: Some(true),
        ds: Some(vec![ds.clone()]),
        ..Change::default()
    };
    completed(w.epp.update(&w.account, &name("shop.test"), &change).await);
    let info = w.epp.info(&w.account, &name("shop.test")).await.unwrap().unwrap();
    assert_eq!((info.locked, info.ds), (Some(true), vec![ds]));
    assert_eq!(info.nameservers, ["ns2.host.net", "ns3.host.net"]);
    let updates = w.registry.received("domain:update");
    let again = Change { id: "op5".to_owned(), ds: None, ..change };
    completed(w.epp.update(&w.account, &name("shop.test"), &again).await);
    assert_eq!(w.registry.received("domain:update"), updates, "what is so already is not asked for");
    assert_eq!(w.epp.info(&w.account, &name("nobody.test")).await, Ok(None));
}

#[tokio::test]
async fn names_are_looked_up_with_their_prices() {
    let w = World::with(|options| {
        let gold = Premium {
            class: "gold".to_owned(),
            prices: options.zones[0].clone().price(testkit::registry::Operation::Create, 90_000).prices,
        };
        options.zones[0].premium.insert("gold.test".to_owned(), gold);
        options.zones[0].reserved.insert("kept.test".to_owned());
    });
    let zone = "test";
    completed(w.epp.register(&w.account, &registration("op1", "taken.test", 1)).await);
    let names = ["free", "taken", "kept", "gold"].map(|label| name(&format!("{label}.{zone}")));
    let checked = w.epp.check(&w.account, &names).await.unwrap();
    let states: Vec<_> = checked.iter().map(|one| one.state.clone()).collect();
    let wanted = [Availability::Available, Availability::Registered, Availability::Reserved, Availability::Available];
    assert_eq!(states, wanted);
    assert_eq!(checked[3].premium.as_ref().unwrap().register, Some(usd("900.00")));
    assert_eq!(checked[0].premium, None);
    // Without the price that was agreed to, a premium name is not bought.
    assert!(w.epp.register(&w.account, &registration("op2", "gold.test", 1)).await.is_err());
    let agreed = Registration { premium: Some(usd("900.00")), ..registration("op3", "gold.test", 1) };
    let done = completed(w.epp.register(&w.account, &agreed).await);
    assert_eq!(done.cost, Some(usd("900.00")));
}

#[tokio::test]
async fn a_domain_goes_to_another_registrar_and_its_code_with_it() {
    let w = World::with(|options| options.transfer_lock_days = 0);
    let other = account(&w.registry, "other-co", &[]);
    completed(w.epp.register(&other, &registration("op1", "moving.test", 1)).await);
    let AuthCode::Code(code) = w.epp.auth_code(&other, &name("moving.test")).await.unwrap() else { panic!("a code") };
    let base = registration("op2", "moving.test", 1);
    let request = |code: &str, id: &str| TransferIn {
        id: id.to_owned(),
        name: base.name.clone(),
        years: 1,
        auth_code: code.to_owned(),
        nameservers: Vec::new(),
        contacts: base.contacts.clone(),
        extra: Vec::new(),
        id_protection: false,
        premium: None,
    };
    assert_eq!(refused(w.epp.transfer(&w.account, &request("wrong-Code-1", "op2")).await), "2202");
    assert!(matches!(w.epp.transfer(&w.account, &request(&code, "op3")).await, Ok(Done::Pending { .. })));
    assert_eq!(w.epp.transfer_state(&w.account, &name("moving.test")).await, Ok(TransferState::Pending));
    w.registry.advance(6);
    let state = w.epp.transfer_state(&w.account, &name("moving.test")).await.unwrap();
    assert!(matches!(state, TransferState::Completed { .. }), "{state:?}");
    assert_eq!(w.epp.info(&other, &name("moving.test")).await.unwrap().unwrap().state, State::TransferredAway);
    let mut kinds = Vec::new();
    while let Some(message) = w.epp.next_message(&w.account).await.unwrap() {
        kinds.push(message.kind);
        w.epp.acknowledge(&w.account, &message.id).await.unwrap();
    }
    assert!(kinds.contains(&MessageKind::TransferredIn), "{kinds:?}");
}

#[tokio::test]
async fn a_deleted_domain_is_restored_and_renewed() {
    let w = World::start();
    let done = completed(w.epp.register(&w.account, &registration("op1", "back.test", 1)).await);
    w.registry.advance(30);
    w.epp.delete(&w.account, &name("back.test")).await.unwrap();
    assert_eq!(w.epp.info(&w.account, &name("back.test")).await.unwrap().unwrap().state, State::Redemption);
    let account = account(&w.registry, "hosting-co", &[("restore_report", "1")]);
    let deleted_at = Some(at("2026-02-14T12:00:00Z"));
    let late = Renewal {
        late: Some(LateFee::Redemption),
        deleted_at,
        ..renewal("op2", "back.test", done.expires_on.unwrap())
    };
    completed(w.epp.renew(&account, &late).await);
    assert_eq!(w.epp.info(&account, &name("back.test")).await.unwrap().unwrap().state, State::Active);
    assert_eq!(w.registry.counts("back.test").renewed, 1);
}

#[tokio::test]
async fn hosts_under_the_domain_have_addresses() {
    let w = World::start();
    completed(w.epp.register(&w.account, &registration("op1", "glue.test", 1)).await);
    let own = vec!["ns1.glue.test".to_owned()];
    let change = Change { id: "op2".to_owned(), nameservers: Some(own.clone()), ..Change::default() };
    assert_eq!(refused(w.epp.update(&w.account, &name("glue.test"), &change).await), "glue");
    let host = |addresses: &[&str]| GlueHost {
        host: "ns1.glue.test".to_owned(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    };
    w.epp.set_glue(&w.account, &name("glue.test"), &GlueChange::Add(host(&["192.0.2.1"]))).await.unwrap();
    let moved = GlueChange::Set(host(&["192.0.2.2", "2001:db8::2"]));
    w.epp.set_glue(&w.account, &name("glue.test"), &moved).await.unwrap();
    w.epp.set_glue(&w.account, &name("glue.test"), &moved).await.unwrap();
    completed(w.epp.update(&w.account, &name("glue.test"), &Change { id: "op3".to_owned(), ..change }).await);
    let glue = w.epp.glue(&w.account, &name("glue.test")).await.unwrap();
    assert_eq!((glue.len(), glue[0].addresses.len()), (1, 2));
    let stranger = GlueChange::Remove("ns1.other.test".to_owned());
    assert!(w.epp.set_glue(&w.account, &name("glue.test"), &stranger).await.is_err());
}

#[tokio::test]
async fn what_is_set_up_wrongly_is_said() {
    let w = World::start();
    assert!(w.epp.test(&w.account).await.unwrap().contains("answers"));
    let wrong = account(&w.registry, "other-co", &[("password", "wrong-horse")]);
    assert!(
        matches!(w.epp.info(&wrong, &name("a.test")).await, Err(RegistrarError::Refused { code, .. }) if code == "2200")
    );
    for (key, value) in [("port", "x"), ("sessions", "0"), ("seconds", "0"), ("certificate", "only one of the two")] {
        let account = account(&w.registry, "other-co", &[(key, value)]);
        let told = w.epp.test(&account).await;
        assert!(matches!(told, Err(RegistrarError::Misconfigured(_))), "{key}: {told:?}");
    }
    for (host, sandbox, is_good) in [
        ("epp.registry.example", false, true),
        ("127.0.0.1", false, false),
        ("127.0.0.1", true, true),
        ("localhost", false, false),
        ("10.0.0.1", true, false),
        ("https://epp.registry.example", false, false),
    ] {
        assert_eq!(w.epp.check_address("host", host, sandbox).is_ok(), is_good, "{host}");
    }
}
