//! What happens to a domain, from its registration to its end.

use domains::registrars::contract::{
    Ability, AuthCode, Availability, Change, Completed, Done, Ds, GlueChange, GlueHost, Registrar, RegistrarError,
    State, TransferState,
};
use domains::tlds::prices::LateFee;
use serde_json::json;

use super::fixtures::*;

fn completed(done: Done) -> Completed {
    match done {
        Done::Completed(completed) => completed,
        other => panic!("{other:?}"),
    }
}

fn code(error: Result<Done, RegistrarError>) -> String {
    match error {
        Err(RegistrarError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_domain_lives_from_its_registration_to_its_deletion_and_back() {
    let Set { there, module, account } = Set::up().await;
    let domain = name("example.co.uk");
    let free = module.check(&account, std::slice::from_ref(&domain)).await.unwrap();
    assert_eq!((free[0].state.clone(), free[0].premium.clone()), (Availability::Available, None));
    assert_eq!(module.info(&account, &domain).await.unwrap(), None);

    let done = completed(module.register(&account, &registration("example.co.uk")).await.unwrap());
    assert_eq!(done.expires_on, Some(day("2028-06-01")));
    let order = there.last("POST", "/v1beta/domains");
    assert_eq!(order["domain"], json!({ "name": "example", "extension": "co.uk" }));
    assert_eq!((&order["period"], &order["autorenew"], &order["comments"]), (&json!(2), &json!("off"), &json!("op-1")));

    let held = module.info(&account, &domain).await.unwrap().unwrap();
    assert_eq!((held.state, held.expires_on), (State::Active, Some(day("2028-06-01"))));
    assert_eq!((held.nameservers, held.id_protection, held.locked), (servers(), Some(true), Some(false)));
    assert_eq!(held.registrant_email.as_deref(), Some("ada@example.com"));
    assert_eq!(module.contacts(&account, &domain).await.unwrap(), everywhere(&ada()));

    let change = Change {
        nameservers: Some(vec!["ns9.host.example".to_owned()]),
        locked: Some(true),
        id_protection: Some(false),
        ..Change::default()
    };
    module.update(&account, &domain, &change).await.unwrap();
    assert_eq!(there.requests().iter().filter(|one| one.method == "PUT").count(), 1, "in one go");
    let held = module.info(&account, &domain).await.unwrap().unwrap();
    assert_eq!((held.locked, held.id_protection), (Some(true), Some(false)));
    assert_eq!(held.nameservers, ["ns9.host.example"]);

    let done = completed(module.renew(&account, &renewal("example.co.uk", "2028-06-01")).await.unwrap());
    assert_eq!(done.expires_on, Some(day("2029-06-01")));

    module.delete(&account, &domain).await.unwrap();
    let held = module.info(&account, &domain).await.unwrap().unwrap();
    assert_eq!(held.state, State::Redemption);
    let again = super::fixtures::renewal("example.co.uk", "2029-06-01");
    assert_eq!(code(module.renew(&account, &again).await), "quarantine", "the fee was not paid for");
    let again = domains::registrars::contract::Renewal { late: Some(LateFee::Redemption), ..again };
    completed(module.renew(&account, &again).await.unwrap());
    assert_eq!(module.info(&account, &domain).await.unwrap().unwrap().state, State::Active);
}

#[tokio::test]
async fn a_change_of_nothing_asks_for_nothing() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    completed(module.update(&account, &name("example.com"), &Change::default()).await.unwrap());
    assert!(there.requests().iter().all(|one| one.method != "PUT"));
}

#[tokio::test]
async fn a_change_that_the_registry_considers_is_pending() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    let fault = || testkit::openprovider::Fault::Data(json!({ "status": "REQ" }));
    there.fail("PUT", "", fault());
    let change = Change { locked: Some(true), ..Change::default() };
    let done = module.update(&account, &name("example.com"), &change).await.unwrap();
    assert!(matches!(done, Done::Pending { .. }), "{done:?}");
    there.fail("DELETE", "", fault());
    let done = module.delete(&account, &name("example.com")).await.unwrap();
    assert!(matches!(done, Done::Pending { .. }), "{done:?}");
}

#[tokio::test]
async fn an_order_that_names_no_servers_gets_openproviders() {
    let Set { there, module, account } = Set::up().await;
    let order = domains::registrars::contract::Registration { nameservers: Vec::new(), ..registration("example.com") };
    module.register(&account, &order).await.unwrap();
    let sent = there.last("POST", "/v1beta/domains");
    assert_eq!((&sent["ns_group"], sent.get("name_servers")), (&json!("dns-openprovider"), None));
}

#[tokio::test]
async fn what_the_registry_considers_is_pending_and_what_failed_does_not_exist() {
    let Set { there, module, account } = Set::up().await;
    let domain = name("example.pending");
    let done = module.register(&account, &registration("example.pending")).await.unwrap();
    assert!(matches!(&done, Done::Pending { reference } if !reference.is_empty()), "{done:?}");
    let state = |held: Option<domains::registrars::contract::Registered>| held.map(|held| held.state);
    let held = module.info(&account, &domain).await.unwrap();
    assert_eq!(state(held), Some(State::PendingRegistration));
    there.with(|account| account.domain("example.pending")["status"] = json!("FAI"));
    assert_eq!(state(module.info(&account, &domain).await.unwrap()), None);
    // It may be ordered again; then there are two of the name, and the one that lives counts.
    there.with(|account| account.hold("example.pending", "2030-01-01"));
    assert_eq!(state(module.info(&account, &domain).await.unwrap()), Some(State::Active));
}

#[tokio::test]
async fn a_transfer_is_pending_until_openprovider_has_the_domain() {
    let Set { there, module, account } = Set::up().await;
    let domain = name("example.com");
    let state = async || module.transfer_state(&account, &domain).await.unwrap();
    assert!(matches!(state().await, TransferState::Failed { .. }), "nobody has asked for it");
    let done = module.transfer(&account, &incoming("example.com", AUTH_CODE)).await.unwrap();
    assert!(matches!(done, Done::Pending { .. }), "{done:?}");
    assert_eq!(there.last("POST", "/transfer")["auth_code"], AUTH_CODE);
    assert_eq!(state().await, TransferState::Pending);
    let held = module.info(&account, &domain).await.unwrap().unwrap();
    assert_eq!(held.state, State::PendingTransfer);
    there.with(|account| account.domain("example.com")["status"] = json!("ACT"));
    assert_eq!(state().await, TransferState::Completed { expires_on: Some(day("2027-06-01")) });
    there.with(|account| account.domain("example.com")["status"] = json!("FAI"));
    assert!(matches!(state().await, TransferState::Failed { .. }));
}

#[tokio::test]
async fn a_transfer_for_more_than_a_year_is_refused() {
    let Set { there, module, account } = Set::up().await;
    let request = domains::registrars::contract::TransferIn { years: 2, ..incoming("example.com", AUTH_CODE) };
    assert_eq!(code(module.transfer(&account, &request).await), "years");
    assert_eq!(there.requests().len(), 0);
}

#[tokio::test]
async fn a_stale_expiry_is_refused_and_costs_nothing() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    assert_eq!(code(module.renew(&account, &renewal("example.com", "2026-01-01")).await), "expiry");
    there.with(|state| state.domain("example.com")["renewal_date"] = json!(""));
    there.with(|state| state.domain("example.com")["expiration_date"] = json!("0000-00-00 00:00:00"));
    assert_eq!(code(module.renew(&account, &renewal("example.com", "2027-01-01")).await), "expiry", "nobody knows");
    assert_eq!(code(module.renew(&account, &renewal("example.net", "2027-01-01")).await), "not found");
    assert_eq!(there.count("POST", "/renew"), 0);
    assert_eq!(there.with(|state| state.balance), 1000.0);
}

#[tokio::test]
async fn the_soft_quarantine_costs_a_year_and_is_told_by_openproviders_clock() {
    let Set { there, module, account } = Set::up().await;
    let deleted = |soft: &str| {
        there.with(|state| {
            state.domains.clear();
            state.hold("example.com", "2026-05-20");
            let domain = state.domain("example.com");
            domain["status"] = json!("DEL");
            domain["soft_quarantine_expiry_date"] = json!(soft);
            domain["hard_quarantine_expiry_date"] = json!("2026-07-20 00:00:00");
        });
    };
    let late = |late| domains::registrars::contract::Renewal { late, ..renewal("example.com", "2026-05-20") };
    let state = async || module.info(&account, &name("example.com")).await.unwrap().unwrap().state;

    deleted("2026-06-01 00:00:00");
    assert_eq!(state().await, State::Redemption, "it ends today");
    assert_eq!(code(module.renew(&account, &late(Some(LateFee::Grace))).await), "quarantine");
    deleted("2026-06-02 00:00:00");
    assert_eq!(state().await, State::Grace);
    assert_eq!(code(module.renew(&account, &late(None)).await), "quarantine", "nobody said that it was late");
    let two = domains::registrars::contract::Renewal { years: 2, ..late(Some(LateFee::Grace)) };
    assert_eq!(code(module.renew(&account, &two).await), "years");
    assert_eq!(there.with(|state| state.balance), 1000.0, "nothing was ordered so far");

    let done = completed(module.renew(&account, &late(Some(LateFee::Grace))).await.unwrap());
    assert_eq!(done.expires_on, Some(day("2027-05-20")));
    assert_eq!(there.with(|state| state.balance), 992.47);

    deleted("");
    there.with(|state| state.domain("example.com")["hard_quarantine_expiry_date"] = json!("2026-05-31 00:00:00"));
    assert_eq!(state().await, State::PendingDelete);
}

#[tokio::test]
async fn a_renewal_that_is_not_seen_yet_is_pending() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    there.fail("POST", "/renew", testkit::openprovider::Fault::Answer(200, json!({ "data": { "status": "ACT" } })));
    let late =
        domains::registrars::contract::Renewal { late: Some(LateFee::Grace), ..renewal("example.com", "2027-01-01") };
    let done = module.renew(&account, &late).await.unwrap();
    assert!(matches!(done, Done::Pending { .. }), "{done:?}");
}

#[tokio::test]
async fn a_premium_name_costs_no_more_than_was_agreed() {
    let Set { there, module, account } = Set::up().await;
    let order = |premium: Option<kernel::Money>| domains::registrars::contract::Registration {
        years: 1,
        premium,
        ..registration("god.tools")
    };
    let seen = module.check(&account, &[name("god.tools")]).await.unwrap();
    assert_eq!(seen[0].premium.as_ref().unwrap().register, Some(euros("219.80")));
    assert_eq!(code(module.register(&account, &order(Some(euros("219.79")))).await), "price");
    let dollars = kernel::Money::parse("250", kernel::Currency::parse("USD").unwrap()).unwrap();
    assert_eq!(code(module.register(&account, &order(Some(dollars))).await), "currency");
    assert_eq!(there.count("POST", "/v1beta/domains"), 0);
    assert_eq!(code(module.register(&account, &order(None)).await), "311", "Openprovider wants it accepted");
    completed(module.register(&account, &order(Some(euros("219.80")))).await.unwrap());
    let sent = there.requests();
    let sent = sent.iter().rfind(|one| one.path.ends_with("/domains") && one.method == "POST").unwrap();
    assert!(sent.body.contains("\"accept_premium_fee\":250.0,"), "the digits of the price: {}", sent.body);

    there.with(|state| state.domain("god.tools")["is_premium"] = json!(true));
    assert_eq!(code(module.renew(&account, &renewal("god.tools", "2027-06-01")).await), "premium");
    let two = |agreed| domains::registrars::contract::Renewal {
        years: 2,
        premium: Some(euros(agreed)),
        ..renewal("god.tools", "2027-06-01")
    };
    assert_eq!(code(module.renew(&account, &two("219.80")).await), "price", "it is the price of a year");
    completed(module.renew(&account, &two("439.60")).await.unwrap());
}

#[tokio::test]
async fn an_authorisation_code_is_told_or_mailed() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| {
        state.hold("example.com", "2027-01-01");
        state.hold("example.nl", "2027-01-01");
        state.auth_codes.insert("example.com".to_owned(), AUTH_CODE.to_owned());
    });
    let code = module.auth_code(&account, &name("example.com")).await.unwrap();
    assert_eq!(code, AuthCode::Code(AUTH_CODE.to_owned()));
    assert_eq!(module.auth_code(&account, &name("example.nl")).await.unwrap(), AuthCode::Mailed);
}

#[tokio::test]
async fn name_servers_of_the_domains_own_are_kept_with_an_address_of_each_kind() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| {
        state.hold("example.com", "2027-01-01");
        state.hosts.insert("ns1.anexample.com".to_owned(), json!({ "name": "ns1.anexample.com", "ip": "192.0.2.9" }));
    });
    let domain = name("example.com");
    let host = |addresses: &[&str]| GlueHost {
        host: "ns1.example.com".to_owned(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    };
    module.set_glue(&account, &domain, &GlueChange::Add(host(&["192.0.2.1", "2001:db8::1"]))).await.unwrap();
    assert_eq!(module.glue(&account, &domain).await.unwrap(), [host(&["192.0.2.1", "2001:db8::1"])]);
    module.set_glue(&account, &domain, &GlueChange::Set(host(&["192.0.2.2"]))).await.unwrap();
    assert_eq!(module.glue(&account, &domain).await.unwrap(), [host(&["192.0.2.2"])]);
    for (what, why) in [
        (GlueChange::Set(host(&["192.0.2.1", "192.0.2.2"])), "two of a kind"),
        (GlueChange::Set(host(&[])), "no address"),
        (GlueChange::Remove("ns1.anexample.com".to_owned()), "of another domain"),
        (GlueChange::Remove("ns1.example.com/../x".to_owned()), "no host"),
    ] {
        let refused = module.set_glue(&account, &domain, &what).await;
        assert!(matches!(refused, Err(RegistrarError::Refused { .. })), "{why}: {refused:?}");
    }
    module.set_glue(&account, &domain, &GlueChange::Remove("ns1.example.com".to_owned())).await.unwrap();
    assert_eq!(module.glue(&account, &domain).await.unwrap(), []);
}

#[tokio::test]
async fn ds_records_are_shown_and_not_offered_to_be_set() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| {
        state.hold("example.com", "2027-01-01");
        let key = json!({ "alg": 13, "flags": 257, "protocol": 3, "readonly": 0, "pub_key": "AAECAw==" });
        let other = json!({ "alg": 13, "flags": 257, "protocol": 3, "pub_key": "?" });
        state.domain("example.com")["dnssec_keys"] = json!([key, other]);
        state.domain("example.com")["dnssec"] = json!("signedDelegation");
    });
    let held = module.info(&account, &name("example.com")).await.unwrap().unwrap();
    assert_eq!((held.ds.len(), held.ds[0].algorithm, held.ds[0].digest_type), (1, 13, 2));
    assert_eq!(held.statuses, ["ACT", "signedDelegation"]);
    assert!(!module.abilities(&account).contains(&Ability::Dnssec));
    let ds = Ds { key_tag: 1, algorithm: 13, digest_type: 2, digest: "00".to_owned() };
    let change = Change { ds: Some(vec![ds]), locked: Some(true), ..Change::default() };
    let refused = module.update(&account, &name("example.com"), &change).await;
    assert!(matches!(refused, Err(RegistrarError::Unsupported(_))), "{refused:?}");
    let held = module.info(&account, &name("example.com")).await.unwrap().unwrap();
    assert_eq!(held.locked, Some(false), "all of it or nothing");
}
