//! The peers answer as the tests that use them expect.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::process::{exists, http_status, port_answers};
use testkit::{localstripe, peers, smtp};

#[test]
fn localstripe_answers_freezes_and_ends() {
    let Some(stripe) = peers::require(localstripe::start()) else { return };
    // It knows no caller without a key.
    let url = format!("{}/v1/customers", stripe.base_url());
    assert_eq!(http_status(&url), Some(401), "{}", stripe.log());
    stripe.freeze();
    assert_eq!(http_status(&url), None);
    stripe.thaw();
    assert_eq!(http_status(&url), Some(401));
    stripe.freeze();
    let pid = stripe.pid();
    drop(stripe);
    assert!(!exists(pid));
}

#[test]
fn two_localstripes_run_side_by_side() {
    let Some(one) = peers::require(localstripe::start()) else { return };
    let Some(other) = peers::require(localstripe::start()) else { return };
    assert_ne!(one.base_url(), other.base_url());
}

/// Says each line and returns the replies; the first is the greeting.
fn say(sink: &smtp::Sink, lines: &[&str]) -> Vec<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", sink.port())).expect("it accepts");
    let mut replies = BufReader::new(connection.try_clone().expect("a second handle")).lines().map_while(Result::ok);
    let mut reply = move || replies.find(|line| line.as_bytes().get(3) == Some(&b' ')).unwrap_or_default();
    let mut said = vec![reply()];
    for line in lines {
        write!(connection, "{line}\r\n").expect("it reads");
        said.push(reply());
    }
    said
}

#[test]
fn the_sink_keeps_what_it_accepts_and_refuses_whom_it_is_told_to() {
    let Some(sink) = peers::require(smtp::Sink::start()) else { return };
    assert!(port_answers(sink.port()));
    sink.refuse("full@example.org", "452 4.2.2 Mailbox full");
    let replies = say(
        &sink,
        &[
            "EHLO localhost",
            "MAIL FROM:<shop@example.com>",
            "RCPT TO:<full@example.org>",
            "RCPT TO:<ann@example.org>",
            "RCPT TO:<bob@example.org>",
            "DATA",
            "Subject: Hello\r\n\r\nEnd with\r\n..\r\n.",
            "QUIT",
        ],
    );
    assert_eq!(replies[3], "452 4.2.2 Mailbox full");
    let kept = sink.wait_for_messages(1, Duration::from_secs(5)).expect("one message");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].from, "shop@example.com");
    assert_eq!(kept[0].to, ["ann@example.org", "bob@example.org"]);
    assert_eq!(String::from_utf8_lossy(&kept[0].raw), "Subject: Hello\r\n\r\nEnd with\r\n.\r\n");
    sink.accept("full@example.org");
    let replies = say(&sink, &["EHLO localhost", "MAIL FROM:<>", "RCPT TO:<full@example.org>"]);
    assert_eq!(replies[3], "250 OK");
}

#[test]
fn a_sink_with_a_login_takes_no_mail_without_it() {
    let login = smtp::Login { user: "innkeeper", password: "sesame" };
    let Some(sink) = peers::require(smtp::Sink::start_with_login(login)) else { return };
    let replies = say(&sink, &["EHLO localhost", "MAIL FROM:<shop@example.com>"]);
    assert!(replies[2].starts_with("530"), "{replies:?}");
    // innkeeper, sesame; then innkeeper, wrong.
    let right = "AUTH PLAIN AGlubmtlZXBlcgBzZXNhbWU=";
    let replies = say(&sink, &["EHLO localhost", right, "MAIL FROM:<shop@example.com>"]);
    assert!(replies[2].starts_with("235") && replies[3].starts_with("250"), "{replies:?}");
    let replies = say(&sink, &["EHLO localhost", "AUTH PLAIN AGlubmtlZXBlcgB3cm9uZw=="]);
    assert!(replies[2].starts_with("535"), "{replies:?}");
}

#[test]
fn a_missing_peer_says_what_is_missing() {
    assert!(peers::python("no-such-package").is_err_and(|why| why.contains("no-such-package")));
    assert!(peers::node("no-such-package").is_err_and(|why| why.contains("no-such-package")));
    assert!(peers::system("no-such-program").is_err_and(|why| why.contains("no-such-program")));
}
