//! What an answer, or none, says of the money.

use domains::registrars::contract::{Change, Done, Registrar, RegistrarError};
use serde_json::json;
use testkit::openprovider::Fault;
use tokio::net::TcpListener;

use super::fixtures::*;

fn class<T: std::fmt::Debug>(told: &Result<T, RegistrarError>) -> &'static str {
    match told {
        Ok(_) => "ok",
        Err(RegistrarError::Refused { .. }) => "refused",
        Err(RegistrarError::Unavailable(_)) => "unavailable",
        Err(RegistrarError::Unknown(_)) => "unknown",
        Err(RegistrarError::Misconfigured(_)) => "misconfigured",
        Err(RegistrarError::Unsupported(_)) => "unsupported",
    }
}

/// What each fault makes of an order, and whether it was carried out.
fn faults() -> Vec<(Fault, &'static str, usize)> {
    let answer = |status, body| Fault::Answer(status, body);
    vec![
        (Fault::Close, "unknown", 0),
        (Fault::CloseAfter, "unknown", 1),
        (Fault::ServerErrorAfter, "unknown", 1),
        (Fault::GarbageAfter, "unknown", 1),
        (Fault::HugeAfter, "unknown", 1),
        (Fault::Data(json!({ "id": 7, "status": "??" })), "unknown", 1),
        (Fault::Data(json!({ "id": 7 })), "unknown", 1),
        (Fault::Data(json!(null)), "unknown", 1),
        (Fault::Data(json!([])), "unknown", 1),
        (Fault::Data(json!({ "id": 7, "status": "FAI", "error": "no" })), "refused", 1),
        (Fault::TooMany, "unavailable", 0),
        (answer(500, json!({ "code": 50, "desc": "Calls limit has been reached" })), "unavailable", 0),
        (answer(500, json!({ "code": 399, "desc": "See below", "data": "Object exists" })), "refused", 0),
        (answer(200, json!({ "code": "901", "desc": "Your balance is insufficient" })), "refused", 0),
        (answer(500, json!({ "code": 199, "desc": "An unknown error has occurred!" })), "unknown", 0),
        (answer(500, json!({ "code": 10005, "desc": "Access denied" })), "misconfigured", 0),
        (answer(500, json!({ "code": 399, "desc": "Later", "maintenance": true })), "unknown", 0),
        (answer(503, json!({ "code": 14, "message": "upstream is gone", "error": "x" })), "unknown", 0),
        (answer(504, json!({ "code": 4, "message": "deadline exceeded" })), "unknown", 0),
        (answer(200, json!({ "code": -1 })), "unknown", 0),
        (answer(200, json!("ok")), "unknown", 0),
        (answer(302, json!({})), "unknown", 0),
        (answer(408, json!({})), "unknown", 0),
        (answer(404, json!({ "code": 5, "message": "Not Found" })), "refused", 0),
        (answer(400, json!({ "code": 3, "message": "period is no number" })), "refused", 0),
    ]
}

#[tokio::test]
async fn every_way_to_fail_says_what_it_means_for_the_money_and_is_sent_once() {
    for (fault, wanted, carried_out) in faults() {
        let Set { there, module, account } = Set::up().await;
        there.fail("POST", "/v1beta/domains", fault.clone());
        let told = module.register(&account, &registration("example.com")).await;
        assert_eq!(class(&told), wanted, "{fault:?}: {told:?}");
        assert_eq!(there.count("POST", "/v1beta/domains"), 1, "{fault:?}");
        assert_eq!(there.with(|state| state.domains.len()), carried_out, "{fault:?}");
    }
}

#[tokio::test]
async fn every_way_to_fail_means_the_same_of_a_renewal() {
    for (fault, wanted, _) in faults() {
        let Set { there, module, account } = Set::up().await;
        there.with(|state| state.hold("example.com", "2027-01-01"));
        there.fail("POST", "/renew", fault.clone());
        let told = module.renew(&account, &renewal("example.com", "2027-01-01")).await;
        assert_eq!(class(&told), wanted, "{fault:?}: {told:?}");
        assert_eq!(there.count("POST", "/renew"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_fails_before_the_order_leaves_nothing_ordered() {
    for fault in [Fault::Close, Fault::ServerErrorAfter, Fault::GarbageAfter, Fault::OtherDomain, Fault::HugeAfter] {
        for (method, path) in [("POST", "/auth/login"), ("GET", "/v1beta/domains")] {
            // The log-in's answer is about no domain.
            if path == "/auth/login" && fault == Fault::OtherDomain {
                continue;
            }
            let Set { there, module, account } = Set::up().await;
            there.with(|state| state.hold("example.com", "2027-01-01"));
            there.fail(method, path, fault.clone());
            let told = module.renew(&account, &renewal("example.com", "2027-01-01")).await;
            assert_eq!(class(&told), "unavailable", "{path} {fault:?}: {told:?}");
            assert_eq!(there.count("POST", "/renew"), 0);
        }
    }
}

#[tokio::test]
async fn after_a_time_out_the_look_up_shows_the_truth() {
    let Set { there, module, account } = Set::impatient().await;
    there.fail("POST", "/v1beta/domains", Fault::HangAfter);
    let told = module.register(&account, &registration("example.com")).await;
    assert_eq!(class(&told), "unknown", "{told:?}");
    let held = module.info(&account, &name("example.com")).await.unwrap().unwrap();
    assert_eq!(held.expires_on, Some(day("2028-06-01")), "it was registered");
    there.fail("POST", "/v1beta/domains", Fault::Hang);
    assert_eq!(class(&module.register(&account, &registration("example.net")).await), "unknown");
    assert_eq!(module.info(&account, &name("example.net")).await.unwrap(), None, "it was not");
}

#[tokio::test]
async fn a_renewal_that_is_repeated_after_a_lost_answer_is_paid_once() {
    let Set { there, module, account } = Set::impatient().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    there.fail("POST", "/renew", Fault::HangAfter);
    let request = renewal("example.com", "2027-01-01");
    assert_eq!(class(&module.renew(&account, &request).await), "unknown");
    assert_eq!(class(&module.renew(&account, &request).await), "refused", "it expires on another day now");
    let held = module.info(&account, &name("example.com")).await.unwrap().unwrap();
    assert_eq!(held.expires_on, Some(day("2028-01-01")));
    assert_eq!(there.with(|state| state.balance), 992.47);
}

#[tokio::test]
async fn a_token_that_is_over_is_replaced_once_and_the_order_sent_again() {
    let Set { there, module, account } = Set::up().await;
    module.balance(&account).await.unwrap();
    module.balance(&account).await.unwrap();
    assert_eq!(there.count("POST", "/login"), 1, "the token is kept");
    there.with(testkit::openprovider::State::forget_tokens);
    there.with(|state| state.hold("example.com", "2027-01-01"));
    there.fail("POST", "/renew", Fault::ExpiredToken);
    module.renew(&account, &renewal("example.com", "2027-01-01")).await.unwrap();
    assert_eq!((there.count("POST", "/login"), there.count("POST", "/renew")), (3, 2));
    assert_eq!(there.with(|state| state.balance), 992.47);
    // Whoever is not let in twice is not let in.
    there.fail("GET", "/resellers", Fault::ExpiredToken);
    there.fail("GET", "/resellers", Fault::Answer(401, json!({})));
    assert_eq!(class(&module.balance(&account).await), "misconfigured");
    assert_eq!(there.count("POST", "/login"), 4);
}

#[tokio::test]
async fn another_password_is_another_log_in() {
    let Set { there, module, account } = Set::up().await;
    module.balance(&account).await.unwrap();
    let wrong = super::fixtures::account(there.base_url(), "not the password");
    assert_eq!(class(&module.balance(&wrong).await), "misconfigured");
    module.balance(&account).await.unwrap();
    assert_eq!(there.count("POST", "/login"), 2, "and leaves the good one alone");
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let module = module(std::time::Duration::from_secs(5));
    let told = module.register(&account(&base, "x"), &registration("example.com")).await;
    assert_eq!(class(&told), "unavailable", "{told:?}");
}

#[tokio::test]
async fn an_answer_about_another_domain_is_none() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    there.fail("GET", "/v1beta/domains", Fault::OtherDomain);
    assert_eq!(class(&module.info(&account, &name("example.com")).await), "unknown");
    let other = json!({ "id": 1, "status": "ACT" });
    there.fail("PUT", "", Fault::Data(other));
    let change = Change { locked: Some(true), ..Change::default() };
    assert_eq!(class(&module.update(&account, &name("example.com"), &change).await), "unknown");
}

#[tokio::test]
async fn what_was_renewed_stays_renewed_when_it_cannot_be_looked_at_after() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    // The look before it, then the one after.
    let held = there.with(|state| state.domain("example.com").clone());
    there.fail("GET", "/v1beta/domains", Fault::Data(json!({ "results": [held], "total": 1 })));
    there.fail("GET", "/v1beta/domains", Fault::GarbageAfter);
    let told = module.renew(&account, &renewal("example.com", "2027-01-01")).await.unwrap();
    assert!(matches!(&told, Done::Completed(done) if done.expires_on.is_none()), "{told:?}");
}

#[tokio::test]
async fn the_password_goes_only_where_it_is_encrypted_or_stays_on_this_machine() {
    let module = module(std::time::Duration::from_secs(5));
    let fits = |address: &str, sandbox| module.check_address("endpoint", address, sandbox).is_ok();
    for address in ["https://api.openprovider.eu", "https://api.openprovider.eu/", "https://[2001:db8::1]:8443"] {
        assert!(fits(address, false) && fits(address, true), "{address}");
    }
    for address in ["http://127.0.0.1:8080", "http://[::1]", "http://localhost:1"] {
        assert!(!fits(address, false) && fits(address, true), "{address}");
    }
    for address in [
        "http://api.openprovider.eu",
        "http://192.0.2.1",
        "http://127.0.0.1.example.com",
        "https://user@api.openprovider.eu",
        "https://api.openprovider.eu/v1beta",
        "https://api.openprovider.eu?x",
        "ftp://127.0.0.1",
        "api.openprovider.eu",
        "",
    ] {
        assert!(!fits(address, true), "{address}");
        let told = module.balance(&account(address, "x")).await;
        // An empty field is the default.
        assert!(address.is_empty() || class(&told) == "misconfigured", "{address}: {told:?}");
    }
}

/// What a field could hold against all documentation.
fn nonsense() -> Vec<serde_json::Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("ⓐⓑⓒⓓ"),
        json!("9999-99-99 99:99:99"),
        json!("/".repeat(70_000)),
        json!([]),
        json!([null, 7, "x"]),
        json!([{ "alg": 255, "flags": 65_535, "protocol": 255, "pub_key": "/".repeat(200_000) }]),
        json!({ "name": [], "extension": {} }),
    ]
}

#[tokio::test]
async fn nonsense_in_any_field_is_an_answer_or_an_error_and_never_a_panic() {
    let Set { there, module, account } = Set::up().await;
    let held = there.with(|state| {
        state.hold("example.com", "2027-01-01");
        state.domain("example.com").clone()
    });
    let fields: Vec<String> = held.as_object().unwrap().keys().cloned().collect();
    for field in &fields {
        for value in nonsense() {
            let mut odd = held.clone();
            odd[field] = value.clone();
            let data = json!({ "results": [odd], "total": 1 });
            there.fail("GET", "/v1beta/domains", Fault::Data(data.clone()));
            let told = module.info(&account, &name("example.com")).await;
            assert!(["ok", "unknown"].contains(&class(&told)), "{field}: {told:?}");
            there.fail("GET", "/v1beta/domains", Fault::Data(data));
            // With another expiry than any of these, so that nothing is ordered.
            let told = module.renew(&account, &renewal("example.com", "2031-01-01")).await;
            assert!(["refused", "unavailable"].contains(&class(&told)), "{field}: {told:?}");
        }
    }
    assert_eq!(there.count("POST", "/renew"), 0);
}

#[tokio::test]
async fn nonsense_in_a_price_list_is_an_answer_or_an_error_and_never_a_panic() {
    let Set { there, module, account } = Set::up().await;
    let tld = there.with(|state| state.tlds[0].clone());
    let places: Vec<String> = ["name", "status", "min_period", "soft_quarantine_period", "prices"]
        .map(|field| format!("/{field}"))
        .into_iter()
        .chain(
            ["", "/reseller", "/reseller/price", "/reseller/currency"].map(|end| format!("/prices/renew_price{end}")),
        )
        .collect();
    for place in places {
        for value in nonsense() {
            let mut odd = tld.clone();
            *odd.pointer_mut(&place).unwrap() = value;
            there.fail("GET", "/tlds", Fault::Data(json!({ "results": [odd], "total": 1 })));
            let told = module.price_list(&account).await;
            assert!(["ok", "unknown"].contains(&class(&told)), "{place}: {told:?}");
        }
    }
}
