//! An RDAP server (RFC 9083) within the test process, with the answers that the test has written.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::scripted::{Connection, Server};

/// A running server, on the loopback interface; ended when dropped.
#[derive(Debug)]
pub struct Rdap(Server);

/// What is answered about a name.
#[derive(Clone, Debug)]
pub enum Reply {
    /// That it is registered, in full: see [`domain`].
    Registered,
    /// That this other name is.
    About(String),
    /// That it is not: status 404 with the body of RFC 9083 section 6.
    NotFound,
    /// Status 404 as of a web server that speaks no RDAP.
    NoSuchPage,
    /// Status 429 with this `Retry-After`.
    TooMany(String),
    /// Status 200, and what is no JSON.
    Garbage,
    /// A body that does not end before four megabytes.
    Huge,
    /// Nothing at all.
    Silence,
    /// A redirect to this address, with the path of the question after it.
    Redirect(String),
    /// This status, these header lines, this body.
    Raw(u16, String, Vec<u8>),
}

impl Rdap {
    /// Starts one that answers about each name what `script` says.
    pub fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self(Server::start("\r\n\r\n", move |request, connection| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            answer(&script(name), name, path, connection);
        }))
    }

    /// `http://127.0.0.1:PORT/`, to which `domain/NAME` is appended.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/", self.0.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// A file as IANA's (RFC 9224) by which this server knows these top-level domains.
    #[must_use]
    pub fn bootstrap(&self, top_level: &[&str]) -> Vec<u8> {
        let services = json!([[top_level, [self.base_url()]]]);
        json!({"version": "1.0", "publication": "2026-01-01T00:00:00Z", "services": services}).to_string().into_bytes()
    }

    /// The requests that came, each with its header.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.0.asked()
    }
}

fn answer(reply: &Reply, name: &str, path: &str, connection: &mut Connection) {
    let kind = "Content-Type: application/rdap+json";
    let (status, header, body) = match reply {
        Reply::Registered => (200, kind.to_owned(), domain(name).to_string().into_bytes()),
        Reply::About(other) => (200, kind.to_owned(), domain(other).to_string().into_bytes()),
        Reply::NotFound => (404, kind.to_owned(), json!({"errorCode": 404, "title": "Not Found"}).to_string().into()),
        Reply::NoSuchPage => (404, "Content-Type: text/html".to_owned(), b"<html><h1>Not Found</h1></html>".to_vec()),
        Reply::TooMany(after) => {
            (429, format!("Retry-After: {after}\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT"), Vec::new())
        }
        Reply::Garbage => (200, kind.to_owned(), b"{\"objectClassName\": \"domain\", \"ldhName\"".to_vec()),
        Reply::Huge => (200, kind.to_owned(), vec![b' '; 4 << 20]),
        Reply::Silence => return connection.wait(),
        Reply::Redirect(to) => (302, format!("Location: {}{path}", to.trim_end_matches('/')), Vec::new()),
        Reply::Raw(status, header, body) => (*status, header.clone(), body.clone()),
    };
    let mut head = format!("HTTP/1.1 {status} Scripted\r\nConnection: close\r\n");
    let _ = write!(head, "Content-Length: {}\r\n{}\r\n\r\n", body.len(), header.trim_end());
    // Who has read enough closes, which is an error here and none of the test's.
    let _ = connection.stream.write_all(head.replace("\r\n\r\n\r\n", "\r\n\r\n").as_bytes());
    let _ = connection.stream.write_all(&body);
}

/// The answer about a registered name, with all that a registry may say.
#[must_use]
pub fn domain(name: &str) -> Value {
    let card = |name: &str, email: &str| {
        json!(["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", name], ["email", {}, "text", email],
            ["tel", {"type": "voice"}, "uri", "tel:+1.5555551234"]]])
    };
    json!({
        "rdapConformance": ["rdap_level_0", "redacted"],
        "objectClassName": "domain",
        "handle": "2336799_DOMAIN_TEST",
        "ldhName": name.to_uppercase(),
        "status": ["client transfer prohibited", "Active"],
        "events": [
            {"eventAction": "registration", "eventDate": "1995-08-14T04:00:00Z"},
            {"eventAction": "expiration", "eventDate": "2027-08-13T04:00:00Z"},
            {"eventAction": "last changed", "eventDate": "2026-08-14T07:01:34Z"},
            {"eventAction": "transfer", "eventDate": "2001-02-03T04:05:06Z"},
        ],
        "nameservers": [
            {"objectClassName": "nameserver", "ldhName": format!("NS1.{name}").to_uppercase(),
             "ipAddresses": {"v4": ["192.0.2.53"], "v6": ["2001:db8::53"]}},
            {"objectClassName": "nameserver", "ldhName": "ns2.example.net."},
        ],
        "secureDNS": {"zoneSigned": true, "delegationSigned": true, "dsData": [
            {"keyTag": 370, "algorithm": 13, "digestType": 2,
             "digest": "BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C"}]},
        "entities": [
            {"objectClassName": "entity", "handle": "376", "roles": ["registrar"],
             "publicIds": [{"type": "IANA Registrar ID", "identifier": "376"}],
             "vcardArray": card("Example Registrar, Inc.", ""),
             "entities": [{"objectClassName": "entity", "roles": ["abuse"],
                           "vcardArray": card("Abuse desk", "abuse@registrar.example")}]},
            {"objectClassName": "entity", "handle": "C1", "roles": ["registrant"],
             "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", ""],
                                      ["org", {}, "text", ["Example Ltd", "Unit 7"]]]],
             "remarks": [{"title": "REDACTED FOR PRIVACY", "description": ["Some of the data is left out."]}]},
        ],
        "redacted": [{"name": {"description": "Registrant Name"}, "method": "emptyValue"}],
        "notices": [{"title": "Terms of Use", "description": ["Be kind.", "Ask seldom."],
                     "links": [{"href": "https://registry.example/terms"}]}],
    })
}
