//! Against real name servers: Knot DNS as authority, Unbound as the validating resolver.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use names::dns::{Dnssec, Failure, Found, Kind, Record, Resolver, Settings, Undecided, Validation};
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

/// Both servers, and a resolver of ours that asks Unbound.
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
        let unreachable = format!(
            "local-zone: \"2.0.192.in-addr.arpa.\" nodefault\nlocal-zone: \"refused.test.\" refuse\nroot-hints: \"\"\n"
        );
        let unbound = peers::require(testkit::dns::Resolver::start(Some(&authority), &unreachable))?;
        Some(Self { authority, unbound })
    }

    fn settings(&self) -> Settings {
        Settings {
            validation: Validation::Probe("signed.test".to_owned()),
            timeout: Duration::from_secs(10),
            ..Settings::new(vec![self.unbound.address()])
        }
    }

    fn resolver(&self) -> Resolver {
        Resolver::new(self.settings()).unwrap()
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
    assert_eq!(report.mail_hosts(), ["mail.signed.test", "mail2.signed.test"]);
    println!("{report:#?}");
}
