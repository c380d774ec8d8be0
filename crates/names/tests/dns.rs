//! Against real name servers: Knot DNS as authority, Unbound as the validating resolver.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use names::dns::{Answer, Dnssec, Failure, Found, Kind, Record, Resolver, Settings, Undecided, Validation};
use testkit::dns::{Authority, Signing, Zone};
use testkit::peers;

const SIGNED: &str = "\
@ A 192.0.2.1
@ AAAA 2001:db8::1
@ MX 20 mail2
@ MX 10 mail
@ TXT \"v=spf1 mx \" \"-all\"
@ TXT \"two\"
@ CAA 0 issue \"ca.example\"
@ CAA 128 iodef \"mailto:pki@signed.test\"
mail A 192.0.2.25
mail AAAA 2001:db8::25
mail2 A 192.0.2.26
www CNAME web
web CNAME @
dangling CNAME nowhere
circle CNAME circle2
circle2 CNAME circle
nomail MX 0 .
_dmarc TXT \"v=DMARC1; p=none\"
";

/// Both servers.
struct Testbed {
    authority: Authority,
    unbound: testkit::dns::Resolver,
}

impl Testbed {
    fn start() -> Option<Self> {
        let long: String = (0..60).map(|n| format!("long TXT \"{n} {}\"\n", "x".repeat(200))).collect();
        let zones = [
            Zone { name: "signed.test", signing: Signing::Signed, records: SIGNED },
            Zone { name: "plain.test", signing: Signing::Unsigned, records: &format!("@ A 192.0.2.2\n{long}") },
            Zone { name: "bogus.test", signing: Signing::Bogus, records: "@ A 192.0.2.3" },
            Zone { name: "2.0.192.in-addr.arpa", signing: Signing::Unsigned, records: "25 PTR mail.signed.test." },
        ];
        let authority = peers::require(Authority::start(&zones))?;
        // Knot does not serve dead.test and refuses, which Unbound passes on as SERVFAIL.
        let server = "local-zone: \"2.0.192.in-addr.arpa.\" nodefault\nlocal-zone: \"refused.test.\" refuse";
        let unbound = testkit::dns::Resolver::start(Some((&authority, &["dead.test"])), server);
        Some(Self { authority, unbound: peers::require(unbound)? })
    }

    fn settings(&self) -> Settings {
        Settings {
            validation: Validation::Probe("signed.test".to_owned()),
            timeout: Duration::from_secs(20),
            ..Settings::new(vec![self.unbound.address()])
        }
    }

    fn resolver(&self) -> Resolver {
        Resolver::new(self.settings()).unwrap()
    }

    async fn look_up(&self, name: &str, kind: Kind) -> Answer {
        self.resolver().look_up(name, kind).await.unwrap()
    }
}

#[tokio::test]
async fn a_signed_name_is_reported_in_full() {
    let Some(bed) = Testbed::start() else { return };
    let report = bed.resolver().report("signed.test").await.unwrap();
    assert_eq!(report.dnssec, Dnssec::Secure, "{}", bed.unbound.log());
    assert_eq!(report.a.records(), [Record::A(Ipv4Addr::new(192, 0, 2, 1))]);
    assert_eq!(report.aaaa.records(), [Record::Aaaa("2001:db8::1".parse().unwrap())]);
    assert_eq!(report.name_servers(), ["ns1.signed.test"]);
    assert_eq!(report.ns.records(), [Record::Ns("ns1.signed.test".to_owned())], "and no glue");
    assert_eq!(report.mail_hosts(), ["mail.signed.test", "mail2.signed.test"]);
    assert!(report.txt.records().contains(&Record::Txt("v=spf1 mx -all".to_owned())), "{:?}", report.txt);
    assert_eq!(report.txt.records().len(), 2);
    let iodef = Record::Caa { critical: true, tag: "iodef".to_owned(), value: "mailto:pki@signed.test".to_owned() };
    assert!(report.caa.records().contains(&iodef), "{:?}", report.caa);
    let [Record::Soa { primary, mailbox, minimum: 300, .. }] = report.soa.records() else { panic!("{:?}", report.soa) };
    assert_eq!((primary.as_str(), mailbox.as_str()), ("ns1.signed.test", "hostmaster.signed.test"));

    let hosts = bed.resolver().hosts(&report.mail_hosts()).await;
    let [(first, Ok(mail)), (second, Ok(mail2))] = hosts.as_slice() else { panic!("{hosts:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("mail.signed.test", "mail2.signed.test"));
    assert_eq!(mail.a.addresses().collect::<Vec<_>>(), [IpAddr::from([192, 0, 2, 25])]);
    assert_eq!(mail.aaaa.addresses().count(), 1);
    assert_eq!(mail2.aaaa.found, Found::None);
}

#[tokio::test]
async fn nothing_is_told_from_no_such_name_and_from_not_known() {
    let Some(bed) = Testbed::start() else { return };
    for (name, kind, found) in [
        ("plain.test", Kind::Mx, Found::None),
        ("nowhere.plain.test", Kind::A, Found::NoSuchName),
        ("nowhere.signed.test", Kind::A, Found::NoSuchName),
        ("dead.test", Kind::A, Found::Unknown(Failure::ServFail)),
        ("bogus.test", Kind::A, Found::Unknown(Failure::ServFail)),
        ("refused.test", Kind::A, Found::Unknown(Failure::Refused)),
        ("nomail.signed.test", Kind::Mx, Found::Records(vec![Record::Mx { preference: 0, exchange: ".".to_owned() }])),
        ("_dmarc.signed.test", Kind::Txt, Found::Records(vec![Record::Txt("v=DMARC1; p=none".to_owned())])),
    ] {
        assert_eq!(bed.look_up(name, kind).await.found, found, "{name}\n{}", bed.unbound.log());
    }
    assert!(bed.resolver().report("nomail.signed.test").await.unwrap().mail_hosts().is_empty());
    assert!(bed.resolver().look_up("Not a name", Kind::A).await.is_err());
}

#[tokio::test]
async fn aliases_are_shown_in_order_and_records_are_those_of_the_last() {
    let Some(bed) = Testbed::start() else { return };
    let answer = bed.look_up("www.signed.test", Kind::A).await;
    assert_eq!(answer.aliases, ["web.signed.test", "signed.test"]);
    assert_eq!(answer.found, Found::Records(vec![Record::A(Ipv4Addr::new(192, 0, 2, 1))]));
    let dangling = bed.look_up("dangling.signed.test", Kind::A).await;
    assert_eq!((dangling.found, dangling.aliases), (Found::NoSuchName, vec!["nowhere.signed.test".to_owned()]));
    let circle = bed.look_up("circle.signed.test", Kind::A).await;
    assert!(circle.failure().is_some(), "{circle:?}");
}

#[tokio::test]
async fn the_four_states_of_dnssec_are_told_apart() {
    let Some(bed) = Testbed::start() else { return };
    let state = async |resolver: Resolver, name: &str| resolver.report(name).await.unwrap().dnssec;
    for (name, expected) in [
        ("signed.test", Dnssec::Secure),
        ("mail.signed.test", Dnssec::Secure),
        ("nowhere.signed.test", Dnssec::Secure),
        ("plain.test", Dnssec::Insecure),
        ("nowhere.plain.test", Dnssec::Insecure),
        ("bogus.test", Dnssec::Bogus),
        ("dead.test", Dnssec::Unknown(Undecided::Failed(Failure::ServFail))),
    ] {
        assert_eq!(state(bed.resolver(), name).await, expected, "{name}\n{}", bed.unbound.log());
    }
    let unbelieved = Settings { validation: Validation::No, ..bed.settings() };
    let not_validating = Dnssec::Unknown(Undecided::NotValidating);
    assert_eq!(state(Resolver::new(unbelieved).unwrap(), "signed.test").await, not_validating);
    // Knot answers for its own zones and never says that anything was validated.
    let knot = Settings { resolvers: vec![bed.authority.address()], ..bed.settings() };
    assert_eq!(state(Resolver::new(knot).unwrap(), "plain.test").await, not_validating);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_comes_over_tcp() {
    let Some(bed) = Testbed::start() else { return };
    let answer = bed.look_up("long.plain.test", Kind::Txt).await;
    assert_eq!(answer.records().len(), 60, "{answer:?}");
}

#[tokio::test]
async fn addresses_lead_back_to_names() {
    let Some(bed) = Testbed::start() else { return };
    let answer = bed.resolver().reverse(IpAddr::from([192, 0, 2, 25])).await;
    assert_eq!(answer.found, Found::Records(vec![Record::Ptr("mail.signed.test".to_owned())]));
    let none = bed.resolver().reverse(IpAddr::from([192, 0, 2, 99])).await;
    assert_eq!(none.found, Found::NoSuchName);
}

#[tokio::test]
async fn a_server_that_does_not_resolve_is_no_proof_that_there_is_nothing() {
    let Some(bed) = Testbed::start() else { return };
    let knot = Resolver::new(Settings::new(vec![bed.authority.address()])).unwrap();
    let refused = knot.look_up("elsewhere.example", Kind::A).await.unwrap();
    assert_eq!(refused.found, Found::Unknown(Failure::Refused), "{}", bed.authority.log());
}
