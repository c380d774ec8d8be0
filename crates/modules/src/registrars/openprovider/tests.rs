//! What is read of Openprovider's answers, held against Openprovider's own description of them.

use testkit::openprovider::Spec;

use super::{Code, api, catalogue, customers, dnssec, domain, hosts, orders, wire};
use crate::fields::names;

#[test]
fn every_field_that_is_read_is_one_of_openproviders() {
    const DOMAINS: &str = "GET /v1beta/domains";
    const CUSTOMER: &str = "GET /v1beta/customers/{handle}";
    const TLDS: &str = "GET /v1beta/tlds";
    const CHECK: &str = "POST /v1beta/domains/check";
    const RECORDS: &str = "GET /v1beta/dns/zones/{name}/records";
    let spec = Spec::load();
    for (operation, place, read) in [
        ("POST /v1beta/auth/login", "", names::<api::LoggedIn>()),
        (DOMAINS, "", names::<domain::Listed>()),
        (DOMAINS, "/results/0", names::<domain::Domain>()),
        (DOMAINS, "/results/0/domain", names::<wire::Parts>()),
        (DOMAINS, "/results/0/name_servers/0", names::<domain::NameServer>()),
        (DOMAINS, "/results/0/dnssec_keys/0", names::<dnssec::Key>()),
        ("PUT /v1beta/domains/{id}", "", names::<orders::Changed>()),
        ("POST /v1beta/domains/transfer", "", names::<orders::Ordered>()),
        ("GET /v1beta/domains/prices", "", names::<orders::Quoted>()),
        ("GET /v1beta/domains/prices", "/price", names::<wire::Prices>()),
        ("GET /v1beta/domains/prices", "/price/reseller", names::<wire::Price>()),
        ("GET /v1beta/domains/{id}/authcode", "", names::<Code>()),
        ("GET /v1beta/customers", "", names::<customers::Listed>()),
        ("GET /v1beta/customers", "/results/0", names::<customers::Customer>()),
        (CUSTOMER, "", names::<customers::Customer>()),
        (CUSTOMER, "/name", names::<customers::Name>()),
        (CUSTOMER, "/address", names::<customers::Address>()),
        (CUSTOMER, "/phone", names::<customers::Phone>()),
        ("POST /v1beta/customers", "", names::<customers::Created>()),
        (CHECK, "/results/0", names::<catalogue::Looked>()),
        (CHECK, "/results/0/price", names::<wire::Prices>()),
        ("POST /v1beta/domains/suggest-name", "/results/0", names::<catalogue::Suggested>()),
        (TLDS, "", names::<catalogue::Listed<catalogue::Tld>>()),
        (TLDS, "/results/0", names::<catalogue::Tld>()),
        (TLDS, "/results/0/prices", names::<catalogue::TldPrices>()),
        (TLDS, "/results/0/prices/renew_price", names::<wire::Prices>()),
        (TLDS, "/results/0/prices/reseller_price", names::<catalogue::Today>()),
        (TLDS, "/results/0/prices/reseller_price/promotion_details", names::<catalogue::Promotion>()),
        ("GET /v1beta/resellers", "", names::<catalogue::Reseller>()),
        ("GET /v1beta/resellers", "/settings", names::<catalogue::Settings>()),
        ("GET /v1beta/dns/nameservers", "", names::<hosts::Listed>()),
        ("GET /v1beta/dns/nameservers", "/results/0", names::<hosts::Host>()),
        ("DELETE /v1beta/dns/nameservers/{name}", "", names::<hosts::Success>()),
        ("PUT /v1beta/dns/zones/{name}", "", names::<hosts::Success>()),
        (RECORDS, "", names::<super::zone::Listed>()),
        (RECORDS, "/results/0", names::<super::zone::Held>()),
    ] {
        for name in read {
            assert!(spec.answers(operation, place, name), "{operation} answers no {name} at {place}");
        }
    }
    assert!(!spec.answers(DOMAINS, "/results/0", "expiry"));
}
