//! Ten thousand names in one run, by a process that may open few files.

use std::process::Command;
use std::time::{Duration, Instant};

use names::dns::{Dnssec, Found, Kind, Record, Resolver, Settings, Validation};
use testkit::peers;

const NAMES: usize = 10_000;
/// Makes this program the child that may open few files.
const RESOLVER: &str = "NAMES_TEST_RESOLVER";

#[test]
fn ten_thousand_names_need_less_than_a_hundred_files() {
    let zone = "local-zone: \"bulk.test.\" redirect\nlocal-data: \"bulk.test. 60 A 192.0.2.10\"\n\
                local-data: \"bulk.test. 60 MX 10 mail.bulk.test.\"\nso-rcvbuf: 1m";
    let Some(unbound) = peers::require(testkit::dns::Resolver::start(None, zone)) else { return };
    // Sockets for 64 look-ups, and what every program has open. The shell's limit holds for the program that it becomes.
    let mut child = Command::new("sh");
    child.args(["-c", "ulimit -n 100 && exec \"$0\" --exact run_of_the_child --nocapture"]);
    child.arg(std::env::current_exe().unwrap()).env(RESOLVER, unbound.address().to_string());
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("{NAMES} names known")), "{said}");
}

/// Does nothing unless the test above has started this process for it.
#[tokio::test]
async fn run_of_the_child() {
    let Ok(address) = std::env::var(RESOLVER) else { return };
    let settings = Settings {
        timeout: Duration::from_secs(10),
        validation: Validation::Yes,
        ..Settings::new(vec![address.parse().unwrap()])
    };
    let resolver = Resolver::new(settings).unwrap();
    let since = Instant::now();
    let mut answers = resolver.reports((0..NAMES).map(|n| format!("n{n}.bulk.test")));
    let mut known = 0;
    while let Some((name, report)) = answers.next().await {
        let report = report.unwrap();
        assert_eq!(report.mail_hosts(), ["mail.bulk.test"], "{name}");
        assert_eq!((&report.caa.found, &report.dnssec), (&Found::None, &Dnssec::Insecure), "{name}: {:?}", report.caa);
        assert!(matches!(report.a.records(), [Record::A(_)]), "{name}: {:?}", report.a);
        known += 1;
    }
    println!("{known} names known, 7 questions each, {:?}", since.elapsed());
    assert!(resolver.look_up("n0.bulk.test", Kind::A).await.unwrap().failure().is_none());
}
