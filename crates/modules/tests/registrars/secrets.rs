//! What is secret is in no error and in no print, whatever the other side quotes.

use domains::registrars::contract::{Registrar, RegistrarError};
use serde_json::json;
use testkit::openprovider::{Fault, PASSWORD};

use super::fixtures::*;

/// Everything that is known of the stand-in's tokens and that a test can see.
fn tokens(there: &testkit::openprovider::Openprovider) -> Vec<String> {
    let sent = there.requests();
    let bearers = sent.iter().filter_map(|one| one.header("authorization")?.strip_prefix("Bearer "));
    bearers.map(str::to_owned).collect()
}

fn assert_silent(words: &str, tokens: &[String]) {
    for secret in tokens.iter().map(String::as_str).chain([PASSWORD, AUTH_CODE]) {
        let escaped = json!(secret).to_string();
        let escaped = escaped.trim_matches('"');
        assert!(!words.contains(secret) && !words.contains(escaped), "{secret} is in {words}");
    }
}

#[tokio::test]
async fn a_refused_log_in_does_not_repeat_the_password() {
    let Set { there, module, account } = Set::up().await;
    there.fail("POST", "/login", Fault::Answer(500, json!({ "code": 196, "desc": PASSWORD, "data": PASSWORD })));
    there.fail("POST", "/login", Fault::Answer(500, json!({ "code": 102, "desc": format!("not {PASSWORD}!") })));
    there.fail("POST", "/login", Fault::Data(json!({ "tokens": PASSWORD })));
    for _ in 0..3 {
        let error = module.test(&account).await.unwrap_err();
        assert_silent(&format!("{error} {error:?}"), &[]);
    }
}

#[tokio::test]
async fn whatever_goes_wrong_no_error_has_a_secret() {
    let Set { there, module, account } = Set::up().await;
    module.balance(&account).await.unwrap();
    let token = tokens(&there).remove(0);
    let quoting = format!("{token} {PASSWORD} {AUTH_CODE}");
    for fault in [
        Fault::Answer(500, json!({ "code": 399, "desc": quoting, "data": quoting })),
        Fault::Answer(400, json!({ "code": 3, "message": quoting })),
        Fault::Answer(500, json!({ "code": 10005, "desc": quoting })),
        Fault::Answer(500, json!({ "code": 199, "desc": quoting })),
        Fault::Answer(500, json!({ "code": 399, "desc": quoting, "maintenance": true })),
        Fault::Data(json!({ "status": quoting })),
        Fault::Data(json!({ "status": "FAI", "error": quoting })),
        Fault::Data(json!(quoting)),
        Fault::CloseAfter,
        Fault::GarbageAfter,
    ] {
        there.with(|state| state.domains.clear());
        there.fail("POST", "/domains/transfer", fault.clone());
        let error = module.transfer(&account, &incoming("example.com", AUTH_CODE)).await.unwrap_err();
        assert_silent(&format!("{error} {error:?}"), &tokens(&there));
    }
    assert_silent(&format!("{module:?} {account:?}"), &tokens(&there));
}

#[tokio::test]
async fn an_answer_with_a_code_that_cannot_be_read_is_not_quoted() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.hold("example.com", "2027-01-01"));
    there.fail("GET", "/authcode", Fault::Data(json!({ "auth_code": [AUTH_CODE] })));
    let error = module.auth_code(&account, &name("example.com")).await.unwrap_err();
    assert!(matches!(error, RegistrarError::Unknown(_)));
    assert_silent(&format!("{error} {error:?}"), &tokens(&there));
}

#[tokio::test]
async fn secrets_travel_in_bodies_and_headers_only() {
    let Set { there, module, account } = Set::up().await;
    module.transfer(&account, &incoming("example.com", AUTH_CODE)).await.unwrap();
    for request in there.requests() {
        let address = format!("{} {:?}", request.path, request.query);
        assert_silent(&address, &tokens(&there));
    }
}
