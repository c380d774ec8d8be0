//! A server that is told to end finishes the request in hand.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::process::{Signal, port_answers, wait_until};

use crate::support::Place;

/// What the server answers up to and with these words.
fn read_until(stream: &mut TcpStream, words: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(words) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection was closed after: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

testkit::both_engines! {
    async fn a_slow_request_is_answered_before_the_end(place: Place) {
        place.done(&["init", "--sandbox"]);
        let (mut server, address) = place.serve(&[]);
        let host = address.trim_start_matches("http://").to_owned();
        let port: u16 = host.rsplit(':').next().unwrap().parse().unwrap();
        let mut slow = TcpStream::connect(&host).unwrap();
        slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let body = "action=WhmcsDetails&responsetype=json";
        let head = format!(
            "POST /includes/api.php HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        slow.write_all(head.as_bytes()).unwrap();
        // The server asks for the body: the request is in its hands.
        read_until(&mut slow, "100 Continue");
        server.signal(Signal::TERM).unwrap();
        wait_until("the server takes no more", Duration::from_secs(30), || !port_answers(port)).unwrap();
        assert!(server.ended().is_none(), "it waits for the request in hand");
        slow.write_all(body.as_bytes()).unwrap();
        let answer = read_until(&mut slow, "}");
        assert!(answer.contains("Authentication Failed"), "{answer}");
        let status = server.wait(Duration::from_secs(30)).unwrap();
        assert!(status.success(), "{status}: {}", server.output());
    }
}
