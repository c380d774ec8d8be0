//! Contacts are customers there, which domains share.

use domains::registrars::contract::{Change, Contact, Contacts, Registrar, RegistrarError, Registration};
use serde_json::json;

use super::fixtures::*;

#[tokio::test]
async fn somebody_who_is_there_already_is_the_same_customer() {
    let Set { there, module, account } = Set::up().await;
    module.register(&account, &registration("example.com")).await.unwrap();
    assert_eq!(there.count("POST", "/customers"), 1, "one person in four roles");
    module.register(&account, &registration("example.net")).await.unwrap();
    assert_eq!(there.count("POST", "/customers"), 1);
    let grown = Contact { city: "Amsterdam".to_owned(), ..ada() };
    let order = Registration { contacts: everywhere(&grown), ..registration("example.org") };
    module.register(&account, &order).await.unwrap();
    assert_eq!(there.count("POST", "/customers"), 2, "another city is somebody else");
}

#[tokio::test]
async fn a_change_of_one_domains_contacts_leaves_other_domains_alone() {
    let Set { there, module, account } = Set::up().await;
    module.register(&account, &registration("example.com")).await.unwrap();
    module.register(&account, &registration("example.net")).await.unwrap();
    let moved = Contact { address1: "12 St James's Square".to_owned(), country: "GB".to_owned(), ..ada() };
    let change = Change { contacts: Some(everywhere(&moved)), ..Change::default() };
    module.update(&account, &name("example.com"), &change).await.unwrap();
    assert_eq!(module.contacts(&account, &name("example.com")).await.unwrap(), everywhere(&moved));
    assert_eq!(module.contacts(&account, &name("example.net")).await.unwrap(), everywhere(&ada()));
    assert!(there.requests().iter().all(|one| one.method != "PUT" || !one.path.contains("customers")));
}

#[tokio::test]
async fn answers_to_questions_go_to_the_domain_or_to_its_owner() {
    let Set { there, module, account } = Set::up().await;
    let extra = [("legal_type", "TRS"), ("owner.country_of_citizenship", "NL")];
    let extra = extra.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    module.register(&account, &Registration { extra, ..registration("example.eu") }).await.unwrap();
    assert_eq!(there.last("POST", "/v1beta/domains")["additional_data"], json!({ "legal_type": "TRS" }));
    let owner = json!([{ "name": "eu", "data": { "country_of_citizenship": "NL" } }]);
    assert_eq!(there.last("POST", "/customers")["extension_additional_data"], owner);
}

#[tokio::test]
async fn a_contact_of_another_handle_is_not_shown() {
    let Set { there, module, account } = Set::up().await;
    module.register(&account, &registration("example.com")).await.unwrap();
    there.with(|state| {
        for customer in state.customers.values_mut() {
            customer["handle"] = json!("XX999999-NL");
        }
    });
    let told = module.contacts(&account, &name("example.com")).await;
    assert!(matches!(told, Err(RegistrarError::Unknown(_))), "{told:?}");
}

#[tokio::test]
async fn a_customer_that_cannot_be_made_leaves_nothing_ordered() {
    let Set { there, module, account } = Set::up().await;
    there.fail("POST", "/customers", testkit::openprovider::Fault::CloseAfter);
    let told = module.register(&account, &registration("example.com")).await;
    assert!(matches!(told, Err(RegistrarError::Unavailable(_))), "it may be tried again: {told:?}");
    assert_eq!(there.count("POST", "/v1beta/domains"), 0);
    module.register(&account, &registration("example.com")).await.unwrap();
    assert_eq!(there.with(|state| state.customers.len()), 1, "the one that was made is found");
}

#[tokio::test]
async fn a_role_that_nobody_has_is_the_owners() {
    let Set { there, module, account } = Set::up().await;
    let contacts = Contacts { registrant: ada(), ..Contacts::default() };
    module.register(&account, &Registration { contacts, ..registration("example.com") }).await.unwrap();
    assert_eq!(there.count("POST", "/customers"), 1);
    assert_eq!(module.contacts(&account, &name("example.com")).await.unwrap(), everywhere(&ada()));
}
