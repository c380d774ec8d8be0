//! The EPP module against the test kit's registry: what it asks, what it makes of the answers, and that nothing is bought
//! twice.

#![allow(clippy::unwrap_used)]

mod life;
mod lost;

use std::collections::BTreeMap;

use domains::registrars::contract::{
    Account, Completed, Contact, Contacts, Done, Registrar, RegistrarError, Registration, Renewal,
};
use kernel::{Currency, Date, DomainName, Money};
use modules::registrars::epp::Epp;
use testkit::registry::{Options, Registry};

pub struct World {
    pub registry: Registry,
    pub epp: Epp,
    pub account: Account,
}

fn registrar(id: &str) -> testkit::registry::Registrar {
    testkit::registry::Registrar::new(id, "correct-horse").balance("USD", 1_000_000)
}

impl World {
    pub fn start() -> World {
        World::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> World {
        let mut options =
            Options { registrars: vec![registrar("hosting-co"), registrar("other-co")], ..Options::default() };
        change(&mut options);
        let registry = Registry::start(options);
        let account = account(&registry, "hosting-co", &[]);
        World { registry, epp: Epp::default(), account }
    }
}

pub fn account(registry: &Registry, id: &str, more: &[(&str, &str)]) -> Account {
    let address = registry.address();
    let mut values: BTreeMap<String, String> = [
        ("host", address.ip().to_string()),
        ("port", address.port().to_string()),
        ("server_name", "localhost".to_owned()),
        ("authority", registry.authority_pem().to_owned()),
        ("client_id", id.to_owned()),
        ("password", "correct-horse".to_owned()),
        ("sessions", "2".to_owned()),
        ("seconds", "1".to_owned()),
        ("currency", "USD".to_owned()),
        ("contact_roles", "admin, tech".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    values.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Account::new(id, values)
}

pub fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub fn usd(text: &str) -> Money {
    Money::parse(text, Currency::parse("USD").unwrap()).unwrap()
}

pub fn ada() -> Contact {
    Contact {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        address1: "12 St James's Square".to_owned(),
        city: "London".to_owned(),
        postcode: "SW1Y 4JH".to_owned(),
        country: "GB".to_owned(),
        phone: "+44.2079460000".to_owned(),
        ..Contact::default()
    }
}

pub fn registration(id: &str, of: &str, years: u8) -> Registration {
    let contacts = Contacts { registrant: ada(), admin: ada(), tech: ada(), billing: ada() };
    Registration {
        id: id.to_owned(),
        name: name(of),
        years,
        nameservers: vec!["ns1.host.net".to_owned(), "ns2.host.net".to_owned()],
        contacts,
        extra: Vec::new(),
        id_protection: false,
        premium: None,
    }
}

pub fn renewal(id: &str, of: &str, current_expiry: Date) -> Renewal {
    Renewal {
        id: id.to_owned(),
        name: name(of),
        years: 1,
        current_expiry,
        late: None,
        deleted_at: None,
        now: at("2026-02-14T12:00:00Z"),
        premium: None,
    }
}

pub fn at(text: &str) -> kernel::Timestamp {
    kernel::Timestamp::parse(text).unwrap()
}

pub fn completed(done: Result<Done, RegistrarError>) -> Completed {
    match done {
        Ok(Done::Completed(completed)) => completed,
        other => panic!("{other:?}"),
    }
}

pub fn refused(done: Result<Done, RegistrarError>) -> String {
    match done {
        Err(RegistrarError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}
