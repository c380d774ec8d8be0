//! What several tests start from.

use std::collections::BTreeMap;
use std::time::Duration;

use domains::registrars::contract::{Account, Contact, Contacts, Registration, Renewal, TransferIn};
use kernel::{Currency, Date, DomainName, Money};
use modules::http::Http;
use modules::registrars::Openprovider;
use testkit::openprovider::{Openprovider as StandIn, PASSWORD, USERNAME};

pub const AUTH_CODE: &str = "c0de\"of/the&domain";

/// A module with its account at a stand-in.
pub struct Set {
    pub there: StandIn,
    pub module: Openprovider,
    pub account: Account,
}

impl Set {
    pub async fn up() -> Set {
        Set::with_patience(Duration::from_secs(20)).await
    }

    /// So impatient that a time-out can be waited for.
    pub async fn impatient() -> Set {
        Set::with_patience(Duration::from_millis(800)).await
    }

    async fn with_patience(total: Duration) -> Set {
        let there = StandIn::start().await;
        let account = account(there.base_url(), PASSWORD);
        Set { module: module(total), account, there }
    }
}

pub fn module(total: Duration) -> Openprovider {
    // A second installation in the same process is refused, and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Openprovider::new(Http::with_timeouts(reqwest::Client::builder(), Duration::from_secs(5), total).unwrap())
}

pub fn account(base: &str, password: &str) -> Account {
    let values = [("username", USERNAME), ("password", password), ("endpoint", base)];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Account::new("openprovider", BTreeMap::from(values))
}

pub fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub fn euros(decimal: &str) -> Money {
    Money::parse(decimal, Currency::parse("EUR").unwrap()).unwrap()
}

pub fn ada() -> Contact {
    let text = str::to_owned;
    Contact {
        first_name: text("Ada"),
        last_name: text("Lovelace"),
        company: text("Analytical Engines"),
        email: text("ada@example.com"),
        address1: text("Albusstraat 83"),
        address2: String::new(),
        city: text("Oosterhout"),
        state: text("Noord-Brabant"),
        postcode: text("4903 RG"),
        country: text("NL"),
        phone: text("+31.201234567"),
    }
}

pub fn everywhere(contact: &Contact) -> Contacts {
    let [registrant, admin, tech, billing] = std::array::from_fn(|_| contact.clone());
    Contacts { registrant, admin, tech, billing }
}

pub fn servers() -> Vec<String> {
    vec!["ns1.host.example".to_owned(), "ns2.host.example".to_owned()]
}

pub fn registration(domain: &str) -> Registration {
    Registration {
        id: "op-1".to_owned(),
        name: name(domain),
        years: 2,
        nameservers: servers(),
        contacts: everywhere(&ada()),
        extra: Vec::new(),
        id_protection: true,
        premium: None,
    }
}

pub fn incoming(domain: &str, auth_code: &str) -> TransferIn {
    TransferIn {
        id: "op-2".to_owned(),
        name: name(domain),
        years: 1,
        auth_code: auth_code.to_owned(),
        nameservers: servers(),
        contacts: everywhere(&ada()),
        extra: Vec::new(),
        id_protection: false,
        premium: None,
    }
}

pub fn renewal(domain: &str, current_expiry: &str) -> Renewal {
    Renewal {
        id: "op-3".to_owned(),
        name: name(domain),
        years: 1,
        current_expiry: day(current_expiry),
        late: None,
        deleted_at: None,
        now: kernel::Timestamp::from_micros(0),
        premium: None,
    }
}
