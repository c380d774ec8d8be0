//! How a connection to PostgreSQL is protected: what the URL asks for, and who the server has to prove to be.
//!
//! What must hold: to another machine nothing goes in plain text unless `sslmode=disable` is written. The words are
//! those of libpq (<https://www.postgresql.org/docs/current/libpq-ssl.html>); what differs is the default, which for
//! another machine is `verify-full` with the certificates that the system trusts.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use kernel::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

const FIELD: &str = "database";

/// What the server must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    /// Nothing: whoever answers is encrypted to.
    None,
    /// A certificate of one of these authorities.
    Authority(Roots),
    /// That, for the name that was connected to.
    Name(Roots),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    System,
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Plain,
    /// As the server offers; only within this machine.
    IfOffered,
    Tls(Proof),
}

/// A URL's `sslmode` and `sslrootcert`, which the driver does not know all of, and the URL without them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    url: String,
    mode: Option<String>,
    roots: Option<String>,
}

fn asked(url: &str) -> Asked {
    let Some((base, query)) = url.split_once('?') else { return Asked { url: url.to_owned(), ..Asked::default() } };
    let mut asked = Asked::default();
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
        match name {
            "sslmode" => asked.mode = value(),
            "sslrootcert" => asked.roots = value(),
            _ => rest.push(pair),
        }
    }
    asked.url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    asked
}

/// Where a connection may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Socket,
    ThisMachine,
    Network,
}

fn reach(config: &Config) -> Reach {
    let far = |host: &Host| match host {
        Host::Tcp(name) => {
            let address = name.parse::<IpAddr>();
            !name.eq_ignore_ascii_case("localhost") && !address.is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => false,
    };
    // `postgres://user@/name?host=/folder` has an empty host too.
    let hosts: Vec<&Host> = config.get_hosts().iter().filter(|host| **host != Host::Tcp(String::new())).collect();
    let addresses = config.get_hostaddrs();
    if addresses.iter().any(|address| !address.is_loopback()) {
        Reach::Network
    } else if !addresses.is_empty() {
        Reach::ThisMachine
    } else if hosts.iter().any(|host| far(host)) {
        Reach::Network
    } else if hosts.iter().any(|host| matches!(host, Host::Tcp(_))) {
        Reach::ThisMachine
    } else {
        Reach::Socket
    }
}

fn wanted(mode: Option<&str>, roots: Option<&str>, reach: Reach) -> Result<Wanted> {
    let named = match roots {
        None | Some("system") => Roots::System,
        Some(file) => Roots::File(file.into()),
    };
    let tls = |proof| Ok(Wanted::Tls(proof));
    match (mode, reach) {
        (Some("disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full") | None, Reach::Socket) => {
            Ok(Wanted::Plain)
        }
        (Some("disable"), _) | (None | Some("allow"), Reach::ThisMachine) => Ok(Wanted::Plain),
        (Some("prefer"), Reach::ThisMachine) => Ok(Wanted::IfOffered),
        (Some(weak @ ("allow" | "prefer")), _) => Err(Error::invalid(
            FIELD,
            format!(
                "With sslmode={weak} whoever stands in between chooses plain text. Write sslmode=verify-full or require; \
                 or disable, where the network is trusted with everything."
            ),
        )),
        (Some("require"), _) if roots.is_none() => tls(Proof::None),
        // As libpq has it: who names authorities wants them asked.
        (Some("require" | "verify-ca"), _) => tls(Proof::Authority(named)),
        (Some("verify-full") | None, _) => tls(Proof::Name(named)),
        (Some(other), _) => Err(Error::invalid(
            FIELD,
            format!("There is no sslmode “{other}”. Write verify-full, verify-ca, require or disable."),
        )),
    }
}

/// What a URL says to the driver, the connector, and how the connection is protected, for an error.
pub(super) fn read(url: &str) -> Result<(Config, Connector, Option<&'static str>)> {
    let asked = asked(url);
    let mut config: Config = asked
        .url
        .parse()
        .map_err(|error| Error::invalid(FIELD, format!("The PostgreSQL URL cannot be read: {error}")))?;
    let wanted = wanted(asked.mode.as_deref(), asked.roots.as_deref(), reach(&config))?;
    let (mode, proof, hint) = match wanted {
        Wanted::Plain => (SslMode::Disable, Proof::None, None),
        Wanted::IfOffered => (SslMode::Prefer, Proof::None, None),
        Wanted::Tls(Proof::None) => (SslMode::Require, Proof::None, Some(ENCRYPTED)),
        Wanted::Tls(proof) => (SslMode::Require, proof, Some(PROVEN)),
    };
    config.ssl_mode(mode);
    let connector = Connector { config: Arc::new(client(&proof)?) };
    Ok((config, connector, hint))
}

const ENCRYPTED: &str = "The connection has to be encrypted. Switch TLS on at the server (ssl = on); sslmode=disable sends \
                         everything, the password too, in plain text.";
const PROVEN: &str = "The connection has to be encrypted, and the server's certificate has to be good for its name. Name \
                      the authority with sslrootcert=FILE, or the server's own certificate; sslmode=require encrypts \
                      without asking who answers; sslmode=disable sends everything in plain text.";

fn client(proof: &Proof) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::of(proof, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::broken(format!("TLS: {error}")))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// Asks for the proof.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None when nothing has to be proven.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that were named themselves. One that a server shows is its own, whatever stands in it: a server that
    /// made its certificate itself has no other proof.
    known: Vec<CertificateDer<'static>>,
    any_name: bool,
}

impl Verifier {
    fn of(proof: &Proof, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let (roots, any_name) = match proof {
            Proof::None => {
                return Ok(Verifier { provider: provider.clone(), chain: None, known: Vec::new(), any_name: true });
            }
            Proof::Authority(roots) => (roots, true),
            Proof::Name(roots) => (roots, false),
        };
        let known = match roots {
            Roots::System => Vec::new(),
            Roots::File(file) => certificates(file)?,
        };
        let trusted = match roots {
            Roots::System => rustls_native_certs::load_native_certs().certs,
            Roots::File(_) => known.clone(),
        };
        let mut store = RootCertStore::empty();
        if store.add_parsable_certificates(trusted).0 == 0 {
            return Err(Error::invalid(
                FIELD,
                "There is no certificate of an authority on this system. Name one with sslrootcert=FILE.",
            ));
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
            .build()
            .map_err(|error| Error::broken(format!("TLS: {error}")))?;
        Ok(Verifier { provider: provider.clone(), chain: Some(chain), known, any_name })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |why: String| {
        Error::invalid(FIELD, format!("The certificates in {} (sslrootcert) cannot be read: {why}", file.display()))
    };
    let all = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| unreadable(error.to_string()))?;
    if all.is_empty() { Err(unreadable("it has none in PEM form".to_owned())) } else { Ok(all) }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.known.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        // The name is looked at last, when everything else is proven.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes encrypted streams for the driver.
#[derive(Clone)]
pub(super) struct Connector {
    config: Arc<ClientConfig>,
}

/// A connector that knows the server's name. The driver asks for one even where it connects to a socket in plain text,
/// which has no name.
pub(super) struct Named {
    config: Arc<ClientConfig>,
    name: String,
}

impl<S> MakeTlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Named;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Named, Self::Error> {
        Ok(Named { config: self.config.clone(), name: domain.to_owned() })
    }
}

impl<S> TlsConnect<S> for Named
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connector = tokio_rustls::TlsConnector::from(self.config);
        Box::pin(async move {
            let name = ServerName::try_from(self.name).map_err(io::Error::other)?;
            connector.connect(name, stream).await.map(|stream| Stream(Box::new(stream)))
        })
    }
}

/// An encrypted stream. Boxed, because most connections are not.
pub(super) struct Stream<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    /// None: it would bind the password's proof to the certificate, which is verified already.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Wanted> {
        let asked = asked(url);
        let config = asked.url.parse().unwrap();
        wanted(asked.mode.as_deref(), asked.roots.as_deref(), reach(&config))
    }

    fn file(name: &str) -> Roots {
        Roots::File(name.into())
    }

    #[test]
    fn nothing_leaves_the_machine_in_plain_text_unless_that_is_written() {
        let far =
            ["u@db/n", "u@10.0.0.5/n", "u@[2001:db8::1]/n", "u@localhost,db/n", "u@localhost/n?hostaddr=10.0.0.5"];
        for place in far {
            let url = |mode: &str| format!("postgres://{place}{}{mode}", if place.contains('?') { "&" } else { "?" });
            assert_eq!(of(&format!("postgres://{place}")).unwrap(), Wanted::Tls(Proof::Name(Roots::System)), "{place}");
            assert_eq!(of(&url("sslmode=require")).unwrap(), Wanted::Tls(Proof::None), "{place}");
            assert_eq!(of(&url("sslmode=disable")).unwrap(), Wanted::Plain, "{place}");
            for weak in ["prefer", "allow"] {
                let refused = of(&url(&format!("sslmode={weak}"))).unwrap_err().to_string();
                assert!(refused.contains("verify-full"), "{place}: {refused}");
            }
        }
        assert_eq!(of("postgres://u@/n?host=/run/postgresql").unwrap(), Wanted::Plain);
        for here in ["u@localhost/n", "u@127.0.0.1/n", "u@[::1]/n", "u@db/n?hostaddr=127.0.0.1"] {
            assert_eq!(of(&format!("postgres://{here}")).unwrap(), Wanted::Plain, "{here}");
        }
        assert_eq!(of("postgres://u@localhost/n?sslmode=prefer").unwrap(), Wanted::IfOffered);
        assert_eq!(of("postgres://u@/n?host=/run/postgresql&sslmode=verify-full").unwrap(), Wanted::Plain);
    }

    #[test]
    fn the_modes_are_those_of_libpq() {
        let ca = "sslrootcert=/etc/my%20ca.pem";
        for (query, proof) in [
            (format!("sslmode=require&{ca}"), Proof::Authority(file("/etc/my ca.pem"))),
            (format!("{ca}&sslmode=verify-ca"), Proof::Authority(file("/etc/my ca.pem"))),
            (format!("connect_timeout=3&{ca}"), Proof::Name(file("/etc/my ca.pem"))),
            ("sslmode=verify-full&sslrootcert=system".to_owned(), Proof::Name(Roots::System)),
            ("sslmode=verify-ca".to_owned(), Proof::Authority(Roots::System)),
        ] {
            assert_eq!(of(&format!("postgres://u@db/n?{query}")).unwrap(), Wanted::Tls(proof), "{query}");
        }
        let unknown = of("postgres://u@db/n?sslmode=always").unwrap_err().to_string();
        assert!(unknown.contains("no sslmode “always”"), "{unknown}");
    }

    #[test]
    fn what_else_stands_in_the_url_is_kept() {
        let asked = asked("postgres://u:p%40w@db/n?sslmode=disable&connect_timeout=3&application_name=x");
        assert_eq!(asked.url, "postgres://u:p%40w@db/n?connect_timeout=3&application_name=x");
        assert_eq!(asked.mode.as_deref(), Some("disable"));
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        for file in ["/nowhere/ca.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let url = format!("postgres://u@db/n?sslrootcert={file}");
            let refused = read(&url).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(file) && refused.contains("sslrootcert"), "{refused}");
        }
    }
}
