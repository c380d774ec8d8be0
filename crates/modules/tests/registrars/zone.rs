//! DNS records in Openprovider's name servers.

use domains::registrars::contract::{Record, Registrar, RegistrarError};

use super::fixtures::*;

fn record(host: &str, kind: &str, value: &str) -> Record {
    let (host, kind, value) = (host.to_owned(), kind.to_owned(), value.to_owned());
    Record { host, kind, value, priority: None, ttl: Some(3_600) }
}

#[tokio::test]
async fn a_zone_is_made_replaced_and_emptied() {
    let Set { there, module, account } = Set::up().await;
    let domain = name("example.com");
    assert_eq!(module.records(&account, &domain).await.unwrap(), [], "there is no zone");
    module.set_records(&account, &domain, &[]).await.unwrap();
    assert_eq!(there.with(|state| state.zones.len()), 0);

    let mail = Record { priority: Some(10), ..record("", "MX", "mail.example.com") };
    let first = [record("", "A", "192.0.2.1"), record("www", "CNAME", "example.com"), mail];
    module.set_records(&account, &domain, &first).await.unwrap();
    assert_eq!(module.records(&account, &domain).await.unwrap(), first, "without the zone's own SOA and NS");

    let second = [record("a.b", "TXT", "v=spf1 -all"), record("sub", "NS", "ns1.host.example")];
    module.set_records(&account, &domain, &second).await.unwrap();
    assert_eq!(module.records(&account, &domain).await.unwrap(), second);

    module.set_records(&account, &domain, &[]).await.unwrap();
    assert_eq!(module.records(&account, &domain).await.unwrap(), []);
    assert_eq!(there.with(|state| state.zones["example.com"].len()), 2, "the zone stays");
}

#[tokio::test]
async fn a_zone_of_several_pages_is_read_to_its_end() {
    let Set { there, module, account } = Set::up().await;
    let all: Vec<Record> = (0..1_200).map(|n| record(&format!("h{n}"), "A", "192.0.2.1")).collect();
    module.set_records(&account, &name("example.com"), &all).await.unwrap();
    assert_eq!(module.records(&account, &name("example.com")).await.unwrap(), all);
    assert_eq!(there.count("GET", "/records"), 1 + 3);
}

#[tokio::test]
async fn what_openprovider_would_change_is_changed_here_or_refused() {
    let Set { there, module, account } = Set::up().await;
    let short = Record { ttl: Some(5_000), ..record("", "A", "192.0.2.1") };
    module.set_records(&account, &name("example.com"), &[short]).await.unwrap();
    assert_eq!(module.records(&account, &name("example.com")).await.unwrap()[0].ttl, Some(3_600));
    let odd = record("", "ALIAS", "example.net");
    let refused = module.set_records(&account, &name("example.com"), &[odd]).await;
    assert!(matches!(refused, Err(RegistrarError::Refused { .. })), "{refused:?}");
    assert_eq!(there.count("PUT", "/zones/example.com"), 0);
}

#[tokio::test]
async fn records_of_another_zone_are_no_answer() {
    let Set { there, module, account } = Set::up().await;
    module.set_records(&account, &name("example.com"), &[record("", "A", "192.0.2.1")]).await.unwrap();
    there.fail("GET", "/records", testkit::openprovider::Fault::OtherDomain);
    let told = module.records(&account, &name("example.com")).await;
    assert!(matches!(told, Err(RegistrarError::Unknown(_))), "{told:?}");
}
