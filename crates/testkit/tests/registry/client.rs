//! A client that sends what it is told to, right or wrong, and reads the answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testkit::registry::{Certificate, Options, Registrar, Registry};

/// Longer than any answer takes, and shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

pub const ALPHA: &str = "alpha-reg";
pub const BETA: &str = "beta-reg";
pub const PASSWORD: &str = "test-password";

/// A registry with the registrars [`ALPHA`] and [`BETA`].
pub fn registry(options: Options) -> Registry {
    let registrars = vec![Registrar::new(ALPHA, PASSWORD), Registrar::new(BETA, PASSWORD)];
    Registry::start(Options { registrars, ..options })
}

/// What comes back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub xml: String,
    pub code: u16,
}

impl Answer {
    fn new(xml: String) -> Self {
        let code = between(&xml, "<result code=\"", "\"").and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { xml, code }
    }

    /// The text of the first element of this name, as the registry writes its prefix.
    pub fn text(&self, name: &str) -> Option<&str> {
        let rest = &self.xml[self.xml.find(&format!("<{name}"))?..];
        between(&rest[rest.find('>')?..], ">", "<")
    }

    /// The value of an attribute of the first element of this name.
    pub fn attribute(&self, name: &str, attribute: &str) -> Option<&str> {
        let rest = &self.xml[self.xml.find(&format!("<{name} "))?..];
        between(&rest[..rest.find('>')?], &format!(" {attribute}=\""), "\"")
    }

    pub fn has(&self, text: &str) -> bool {
        self.xml.contains(text)
    }

    /// Fails unless the code is this one.
    #[track_caller]
    pub fn expect(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.xml);
        self
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pub greeting: String,
}

impl Client {
    /// Connects, and reads the greeting.
    pub fn connect(registry: &Registry, certificate: Option<&Certificate>) -> std::io::Result<Self> {
        let stream = TcpStream::connect(registry.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(registry.authority_pem().as_bytes()).expect("a certificate");
        roots.add(authority).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots);
        let config = match certificate {
            None => config.with_no_client_auth(),
            Some(own) => {
                let chain =
                    vec![CertificateDer::from_pem_slice(own.certificate_pem.as_bytes()).expect("a certificate")];
                let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).expect("a key");
                config.with_client_auth_cert(chain, key).expect("they fit")
            }
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        let mut client = Self { stream: StreamOwned::new(connection, stream), greeting: String::new() };
        client.greeting = client.read()?;
        Ok(client)
    }

    /// Connects and logs in.
    pub fn of(registry: &Registry, registrar: &str) -> Self {
        let mut client = Self::connect(registry, None).expect("it answers");
        client.login(registrar, PASSWORD).expect(1000);
        client
    }

    pub fn login(&mut self, registrar: &str, password: &str) -> Answer {
        self.command(&login(registrar, password))
    }

    /// Sends the content of `command`, with a `clTRID` of its own.
    pub fn command(&mut self, content: &str) -> Answer {
        self.command_as(content, &client_id())
    }

    pub fn command_as(&mut self, content: &str, id: &str) -> Answer {
        let answer = self.say(&format!("<command>{content}<clTRID>{id}</clTRID></command>"));
        assert_eq!(answer.text("clTRID"), Some(id), "{}", answer.xml);
        answer
    }

    /// Sends the content of `epp`.
    pub fn say(&mut self, content: &str) -> Answer {
        self.send(&format!("<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">{content}</epp>"));
        Answer::new(self.read().expect("an answer"))
    }

    /// Sends a frame and reads the answer.
    pub fn say_raw(&mut self, frame: &str) -> Answer {
        self.send(frame);
        Answer::new(self.read().expect("an answer"))
    }

    pub fn send(&mut self, frame: &str) {
        let length = u32::try_from(frame.len() + 4).expect("a short frame");
        self.send_octets(&[&length.to_be_bytes()[..], frame.as_bytes()].concat());
    }

    pub fn send_octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).and_then(|()| self.stream.flush()).expect("it reads");
    }

    pub fn read(&mut self) -> std::io::Result<String> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header)?;
        let mut frame = vec![0; u32::from_be_bytes(header) as usize - 4];
        self.stream.read_exact(&mut frame)?;
        String::from_utf8(frame).map_err(std::io::Error::other)
    }

    /// Whether nothing comes for a moment, though the connection is open.
    pub fn is_silent(&mut self) -> bool {
        self.stream.sock.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let silent = self.stream.read(&mut [0; 1]).is_err_and(|problem| {
            matches!(problem.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        });
        self.stream.sock.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        silent
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        !matches!(self.stream.read(&mut [0; 1]), Ok(1..))
    }
}

pub fn client_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("ABC-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn login(registrar: &str, password: &str) -> String {
    login_with(registrar, password, "", "en", &OBJECTS, &EXTENSIONS)
}

pub const OBJECTS: [&str; 3] =
    ["urn:ietf:params:xml:ns:domain-1.0", "urn:ietf:params:xml:ns:contact-1.0", "urn:ietf:params:xml:ns:host-1.0"];
pub const EXTENSIONS: [&str; 4] = [
    "urn:ietf:params:xml:ns:secDNS-1.1",
    "urn:ietf:params:xml:ns:rgp-1.0",
    "urn:ietf:params:xml:ns:epp:fee-1.0",
    "urn:ietf:params:xml:ns:launch-1.0",
];

pub fn login_with(
    registrar: &str,
    password: &str,
    new: &str,
    language: &str,
    objects: &[&str],
    extensions: &[&str],
) -> String {
    let uris =
        |name: &str, uris: &[&str]| -> String { uris.iter().map(|uri| format!("<{name}>{uri}</{name}>")).collect() };
    let extensions = if extensions.is_empty() {
        String::new()
    } else {
        format!("<svcExtension>{}</svcExtension>", uris("extURI", extensions))
    };
    format!(
        "<login><clID>{registrar}</clID><pw>{password}</pw>{new}<options><version>1.0</version><lang>{language}</lang>\
         </options><svcs>{}{extensions}</svcs></login>",
        uris("objURI", objects)
    )
}
