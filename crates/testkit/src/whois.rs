//! A WHOIS server (RFC 3912) within the test process, with the answers that the test has written.

use std::io::Write as _;
use std::net::SocketAddr;

use crate::scripted::Server;

/// A running server, on the loopback interface; ended when dropped.
#[derive(Debug)]
pub struct Whois(Server);

/// What is answered to a question.
#[derive(Clone, Debug)]
pub enum Reply {
    /// That the name is registered: see [`registered`].
    Registered,
    /// That this other name is.
    About(String),
    /// `No match for "NAME".`
    NotFound,
    /// That we have asked too often.
    TooMany,
    /// Bytes of no encoding.
    Garbage,
    /// Lines that do not end before a megabyte.
    Huge,
    /// Nothing at all, and the connection stays.
    Silence,
    /// Nothing at all, and the connection is closed.
    Empty,
    /// These bytes.
    Raw(Vec<u8>),
}

impl Whois {
    /// Starts one that answers each question, without its line end, what `script` says.
    pub fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self(Server::start("\r\n", move |question, connection| {
            let question = question.trim_end();
            let name = question.rsplit(' ').next().unwrap_or_default();
            let bytes = match script(question) {
                Reply::Registered => registered(name).into_bytes(),
                Reply::About(other) => registered(&other).into_bytes(),
                Reply::NotFound => format!("No match for \"{}\".\r\n", name.to_uppercase()).into_bytes(),
                Reply::TooMany => b"%ERROR: Query limit exceeded. Please try again later.\r\n".to_vec(),
                Reply::Garbage => (0..4096_u32).map(|n| n.wrapping_mul(197) as u8).collect(),
                Reply::Huge => b"Remark: it goes on and on and on and on.\r\n".repeat(25_000),
                Reply::Silence => return connection.wait(),
                Reply::Empty => Vec::new(),
                Reply::Raw(bytes) => bytes,
            };
            let _ = connection.stream.write_all(&bytes);
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// The questions that came, each with its line end.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        self.0.asked()
    }
}

/// The answer of a registry about a name that is registered.
#[must_use]
pub fn registered(name: &str) -> String {
    let upper = name.to_uppercase();
    let lines = [
        format!("   Domain Name: {upper}"),
        "   Registry Domain ID: 2336799_DOMAIN_TEST".to_owned(),
        "   Updated Date: 2026-08-14T07:01:34Z".to_owned(),
        "   Creation Date: 1995-08-14T04:00:00Z".to_owned(),
        "   Registry Expiry Date: 2027-08-13T04:00:00Z".to_owned(),
        "   Registrar: Example Registrar, Inc.".to_owned(),
        "   Registrar IANA ID: 376".to_owned(),
        "   Domain Status: clientTransferProhibited https://icann.org/epp#clientTransferProhibited".to_owned(),
        format!("   Name Server: NS1.{upper}"),
        "   Name Server: NS2.EXAMPLE.NET".to_owned(),
        "   DNSSEC: signedDelegation".to_owned(),
        ">>> Last update of whois database: 2026-11-23T12:00:00Z <<<".to_owned(),
        String::new(),
    ];
    lines.join("\r\n")
}
