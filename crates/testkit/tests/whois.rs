//! The WHOIS server of the tests speaks the protocol: Debian's client understands it.

use std::process::Command;

use testkit::peers;
use testkit::whois::{Reply, Whois};

#[test]
fn the_usual_client_gets_the_answers_of_the_scripted_server() {
    let Some(client) = peers::require(peers::system("whois")) else { return };
    let server = Whois::start(|name| if name == "free.test" { Reply::NotFound } else { Reply::Registered });
    let ask = |name: &str| {
        let port = server.address().port().to_string();
        let output = Command::new(&client).args(["-h", "127.0.0.1", "-p", &port, name]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask("example.test").contains("Registrar: Example Registrar, Inc."));
    assert!(ask("free.test").starts_with("No match for \"FREE.TEST\"."));
    assert_eq!(server.questions(), ["example.test\r\n", "free.test\r\n"]);
}
