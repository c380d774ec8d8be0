use std::collections::{BTreeMap, HashSet};

use testkit::{rdap as registry, whois as text};

use super::*;
use crate::reach::Reach;

fn rdap_of(server: &registry::Rdap) -> rdap::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bootstrap = rdap::Bootstrap::parse(&server.bootstrap(&["test"])).unwrap();
    let settings = rdap::Settings { reach: Reach::Anywhere, ..rdap::Settings::default() };
    rdap::Client::new(reqwest::Client::builder().no_proxy(), bootstrap, settings).unwrap()
}

fn whois_of(server: &text::Whois) -> whois::Client {
    let table = whois::Table::parse(&format!("test\t{}\t{{}}\tNo match for \"{{}}\"", server.address())).unwrap();
    whois::Client::new(table, whois::Settings { reach: Reach::Anywhere, ..whois::Settings::default() })
}

/// What comes out when RDAP answers the one and WHOIS the other.
async fn check(by_rdap: registry::Reply, by_whois: text::Reply) -> Finding {
    let (rdap, whois) =
        (registry::Rdap::start(move |_| by_rdap.clone()), text::Whois::start(move |_| by_whois.clone()));
    let sources = Sources { rdap: Some(rdap_of(&rdap)), whois: Some(whois_of(&whois)), ..Sources::default() };
    Checker::new(sources).check("example.test").await.unwrap()
}

#[tokio::test]
async fn the_first_source_that_knows_decides() {
    let registered = check(registry::Reply::Registered, text::Reply::NotFound).await;
    assert_eq!((registered.availability, registered.source), (Availability::Registered, Some(Source::Rdap)));
    assert!(matches!(registered.details, Some(Details::Rdap(_))) && registered.tried.is_empty());
    let free = check(registry::Reply::NotFound, text::Reply::Registered).await;
    assert_eq!((free.availability, free.source), (Availability::Available, Some(Source::Rdap)));
}

#[tokio::test]
async fn who_could_not_find_out_is_followed_by_the_next() {
    for (reply, expected) in [
        (text::Reply::Registered, Availability::Registered),
        (text::Reply::NotFound, Availability::Available),
        (text::Reply::Raw(b"Reserved name\n".to_vec()), Availability::Reserved),
    ] {
        let found = check(registry::Reply::TooMany("7".to_owned()), reply).await;
        assert_eq!((&found.availability, found.source), (&expected, Some(Source::Whois)));
        assert!(matches!(found.tried.as_slice(), [(Source::Rdap, Why::Rdap(rdap::Failure::TooMany { .. }))]));
        assert_eq!(found.retry_after(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn what_nobody_knows_is_unknown_with_all_reasons() {
    for by_rdap in [registry::Reply::Garbage, registry::Reply::NoSuchPage, registry::Reply::About("a.test".to_owned())]
    {
        for by_whois in [text::Reply::TooMany, text::Reply::Empty, text::Reply::Garbage] {
            let found = check(by_rdap.clone(), by_whois.clone()).await;
            let Availability::Unknown { why } = found.availability else {
                panic!("{by_rdap:?} {by_whois:?}: {found:?}")
            };
            assert!(why.contains("RDAP: ") && why.contains("; WHOIS: "), "{why}");
            assert_eq!((found.source, found.tried.len()), (None, 2));
        }
    }
    let nobody =
        Checker::new(Sources { order: Order { usual: Vec::new(), by_suffix: HashMap::new() }, ..Sources::default() });
    assert!(matches!(nobody.check("example.test").await.unwrap().availability, Availability::Unknown { .. }));
    let none = Checker::new(Sources::default()).check("example.test").await.unwrap();
    assert_eq!(none.tried, [(Source::Rdap, Why::NotSetUp), (Source::Whois, Why::NotSetUp)]);
    assert!(nobody.check("Example.test").await.is_err());
}

#[tokio::test]
async fn a_name_that_only_the_registry_has_is_reserved() {
    let body = br#"{"objectClassName": "domain", "ldhName": "example.test", "status": ["Reserved"]}"#.to_vec();
    let reserved = check(registry::Reply::Raw(200, "X: y".to_owned(), body), text::Reply::NotFound).await;
    assert_eq!(reserved.availability, Availability::Reserved);
}

#[tokio::test]
async fn each_suffix_has_its_order() {
    let (rdap, whois) =
        (registry::Rdap::start(|_| registry::Reply::Registered), text::Whois::start(|_| text::Reply::Registered));
    let mut order = Order::default();
    order.by_suffix.insert("co.test".to_owned(), vec![Source::Whois]);
    let sources = Sources { rdap: Some(rdap_of(&rdap)), whois: Some(whois_of(&whois)), order, ..Sources::default() };
    let checker = Checker::new(sources);
    assert_eq!(checker.check("example.test").await.unwrap().source, Some(Source::Rdap));
    assert_eq!(checker.check("example.co.test").await.unwrap().source, Some(Source::Whois));
}

#[test]
fn dns_says_registered_or_nothing() {
    let answer = |found: dns::Found, aliases: &[&str]| dns::Answer {
        found,
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        authentic: false,
    };
    let servers = || dns::Found::Records(vec![dns::Record::Ns("ns.test".to_owned())]);
    assert!(matches!(by_dns(answer(servers(), &[])), Ok((Availability::Registered, _))));
    assert_eq!(by_dns(answer(servers(), &["other.test"])), Err(Why::NotDelegated));
    assert_eq!(by_dns(answer(dns::Found::NoSuchName, &[])), Err(Why::NotDelegated));
    assert_eq!(by_dns(answer(dns::Found::None, &[])), Err(Why::NotDelegated));
    let failed = dns::Found::Unknown(dns::Failure::TimedOut);
    assert_eq!(by_dns(answer(failed, &[])), Err(Why::Dns(dns::Failure::TimedOut)));
}

#[tokio::test]
async fn many_names_are_checked_each_once() {
    let rdap = registry::Rdap::start(|name| match name[1..].trim_end_matches(".test").parse::<u32>().unwrap() % 3 {
        0 => registry::Reply::NotFound,
        1 => registry::Reply::Registered,
        _ => registry::Reply::Garbage,
    });
    let sources = Sources { rdap: Some(rdap_of(&rdap)), parallelism: 4, ..Sources::default() };
    let mut names: Vec<String> = (0..40).map(|n| format!("n{n}.test")).collect();
    names.push("No name".to_owned());
    let mut answers = Checker::new(sources).check_all(names);
    let (mut seen, mut counts) = (HashSet::new(), BTreeMap::new());
    while let Some((name, finding)) = answers.next().await {
        assert!(seen.insert(name));
        let kind = finding.map_or("refused", |finding| match finding.availability {
            Availability::Available => "available",
            Availability::Registered => "registered",
            Availability::Reserved => "reserved",
            Availability::Unknown { .. } => "unknown",
        });
        *counts.entry(kind).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().collect();
    assert_eq!(counts, [("available", 14), ("refused", 1), ("registered", 13), ("unknown", 13)]);
}
