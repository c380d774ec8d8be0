//! What there is to be had, and for how much.

use domains::registrars::contract::{Availability, Registrar, RegistrarError, Suggest};
use kernel::{DomainName, Extension};
use serde_json::json;
use testkit::openprovider::Fault;

use super::fixtures::*;

#[tokio::test]
async fn a_price_list_of_1500_extensions_is_read_in_pages() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| state.sell(1_500));
    let costs = module.price_list(&account).await.unwrap();
    assert_eq!((costs.len(), there.count("GET", "/tlds")), (1_500, 3));
    let one = &costs[1_499];
    assert_eq!((one.extension.as_str(), one.currency.as_ref().unwrap().code()), ("tld1499", "EUR"));
    let text = |price: &Option<String>| price.clone().unwrap();
    assert_eq!([&one.register, &one.renew, &one.transfer].map(text), ["8.06", "9.06", "8.06"]);
    assert_eq!((one.min_years, one.max_years, one.epp_required), (1, 10, Some(true)));
    assert_eq!((one.grace_days, one.grace_fee.as_deref()), (Some(44), Some("0")));
    assert_eq!((one.redemption_days, one.redemption_fee.as_deref()), (Some(38), Some("80.0")));
}

#[tokio::test]
async fn a_registration_is_told_without_a_passing_promotion() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| {
        state.sell(2);
        let prices = |euros: f64| json!({ "reseller": { "currency": "EUR", "price": euros } });
        let promotion = json!({ "end_date": "1589932800", "non_promo_price": prices(12.34) });
        state.tlds[0]["prices"]["reseller_price"]["promotion_details"] = promotion;
        state.tlds[1]["status"] = json!("PRE");
    });
    let costs = module.price_list(&account).await.unwrap();
    assert_eq!(costs.len(), 1, "one is not sold yet");
    assert_eq!(costs[0].register.as_deref(), Some("12.34"));
}

#[tokio::test]
async fn a_price_list_that_does_not_add_up_is_none() {
    let Set { there, module, account } = Set::up().await;
    let two = |state: &mut testkit::openprovider::State| {
        state.tlds[3]["prices"]["renew_price"]["reseller"]["currency"] = json!("USD");
    };
    for fault in [
        Fault::Data(json!({ "results": [], "total": 10 })),
        Fault::Data(json!({ "results": [] })),
        Fault::Data(json!([])),
        Fault::GarbageAfter,
        Fault::HugeAfter,
    ] {
        there.fail("GET", "/tlds", fault.clone());
        let told = module.price_list(&account).await;
        assert!(matches!(told, Err(RegistrarError::Unknown(_))), "{fault:?}: {told:?}");
    }
    there.with(two);
    let told = module.price_list(&account).await;
    assert!(matches!(told, Err(RegistrarError::Unknown(_))), "two currencies: {told:?}");
}

#[tokio::test]
async fn prices_in_a_currency_that_nobody_knows_say_so() {
    let Set { there, module, account } = Set::up().await;
    there.fail("GET", "/tlds", Fault::OtherCurrency);
    let costs = module.price_list(&account).await.unwrap();
    assert!(costs.iter().all(|cost| cost.currency == Err("ZZZ".to_owned())));
    there.fail("GET", "/resellers", Fault::OtherCurrency);
    let told = module.balance(&account).await;
    assert!(matches!(told, Err(RegistrarError::Unknown(_))), "{told:?}");
}

#[tokio::test]
async fn the_balance_is_what_may_be_spent() {
    let Set { there, module, account } = Set::up().await;
    there.with(|state| (state.balance, state.reserved) = (99.5, 11.11));
    assert_eq!(module.balance(&account).await.unwrap(), euros("88.39"));
    assert_eq!(module.test(&account).await.unwrap(), "Logged in. 88.39 EUR may be spent.");
}

#[tokio::test]
async fn names_are_looked_up_fifteen_at_a_time_and_answered_in_order() {
    let Set { there, module, account } = Set::up().await;
    let mut names: Vec<DomainName> = (0..40).map(|n| name(&format!("name{n}.com"))).collect();
    names.insert(7, name("taken.com"));
    names.insert(20, name("bücher.com"));
    let checked = module.check(&account, &names).await.unwrap();
    assert_eq!(checked.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), names);
    let not_free: Vec<&str> =
        checked.iter().filter(|one| one.state != Availability::Available).map(|one| one.name.as_str()).collect();
    assert_eq!(not_free, ["taken.com"]);
    assert_eq!(there.count("POST", "/check"), 3 + 1);
}

#[tokio::test]
async fn silence_about_a_name_is_never_taken_for_available() {
    let Set { there, module, account } = Set::up().await;
    let state = async |data| {
        there.fail("POST", "/check", Fault::Data(data));
        module.check(&account, &[name("example.com")]).await.unwrap()[0].state.clone()
    };
    let one = |domain: &str, status: &str| json!({ "results": [{ "domain": domain, "status": status }] });
    assert_eq!(state(one("example.com", "free")).await, Availability::Available);
    assert_eq!(state(one("EXAMPLE.com", "in use")).await, Availability::Registered);
    assert_eq!(state(one("example.com", "reserved")).await, Availability::Reserved);
    for data in [json!({ "results": null }), one("another.com", "free"), one("example.com", "FREE?")] {
        assert!(matches!(state(data.clone()).await, Availability::Unknown(_)), "{data}");
    }
}

#[tokio::test]
async fn one_name_of_an_unknown_script_does_not_spoil_the_others() {
    let Set { there, module, account } = Set::up().await;
    let names = [name("пример.com"), name("example.com")];
    // Names in plain letters are asked for first.
    there.fail("POST", "/check", Fault::Data(json!({ "results": [{ "domain": "example.com", "status": "free" }] })));
    there.fail("POST", "/check", Fault::Answer(500, json!({ "code": 366, "desc": "The IDN script is required" })));
    let checked = module.check(&account, &names).await.unwrap();
    assert_eq!(checked[0].state, Availability::Unknown("The IDN script is required".to_owned()));
    assert_eq!(checked[1].state, Availability::Available);
}

#[tokio::test]
async fn suggestions_are_of_the_wanted_extensions_and_looked_up() {
    let Set { there, module, account } = Set::up().await;
    let extensions = ["com", "co.uk"].map(|text| Extension::parse(text).unwrap()).to_vec();
    let ask = Suggest { words: "analytical engine".to_owned(), extensions, most: 10 };
    let found = module.suggestions(&account, &ask).await.unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["youranalyticalengine.com", "youranalyticalengine.co.uk"]);
    assert!(found.iter().all(|one| one.state == Availability::Available));
    // The documentation has the whole name in one field, other answers in the other.
    let swapped = json!({ "results": [
        { "name": "engine", "domain": "engine.com", "tld": "com" },
        { "name": "engine", "domain": "engine", "tld": "co.uk" },
        { "name": "engine.xyz", "domain": "engine", "tld": "xyz" },
        { "name": "", "domain": "", "tld": "" },
    ] });
    there.fail("POST", "/suggest-name", Fault::Data(swapped));
    let found = module.suggestions(&account, &ask).await.unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["engine.com", "engine.co.uk"]);
}
