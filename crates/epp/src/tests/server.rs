//! A server of TLS whose every word the test chooses.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::settings::{Endpoint, Identity, Roots, Settings};
use crate::{Pool, Secret};

pub const PASSWORD: &str = "foo-BAR2";

/// An authority and certificates that it vouches for.
pub struct Certificates {
    pub authority: String,
    server: (String, String),
    pub client: (String, String),
}

impl Certificates {
    pub fn make() -> Certificates {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
        };
        Certificates {
            server: signed("registry.example"),
            client: signed("registrar.example"),
            authority: authority.pem(),
        }
    }
}

/// A server that is gone when this is.
pub struct Server {
    pub settings: Settings,
    /// How many connections were made.
    connections: Arc<AtomicUsize>,
    /// What the log was told.
    pub log: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Calls `serve` for each connection, with its number from 0.
    pub async fn start<F, S>(serve: F) -> Server
    where
        F: Fn(Peer, usize) -> S + Send + 'static,
        S: Future<Output = Option<()>> + Send + 'static,
    {
        let certificates = Certificates::make();
        let acceptor = acceptor(&certificates);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let accepting = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // What was sent is on its way when the test is told so.
                stream.set_nodelay(true).unwrap();
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                serving.spawn(serve(Peer { stream, said: Vec::new() }, counted.fetch_add(1, Ordering::SeqCst)));
            }
        });
        let (settings, log) = settings(port, certificates);
        Server { settings, connections, log, accepting }
    }

    pub fn pool(&self) -> Pool {
        Pool::new(self.settings.clone()).unwrap()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.authority.as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificates.server.0.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificates.server.1.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_client_cert_verifier(clients).with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn settings(port: u16, certificates: Certificates) -> (Settings, Arc<Mutex<Vec<String>>>) {
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        server_name: Some("registry.example".to_owned()),
        roots: Roots::Pem(certificates.authority.into_bytes()),
        identity: Some(Identity {
            chain_pem: certificates.client.0.into_bytes(),
            key_pem: certificates.client.1.into_bytes(),
        }),
    };
    let mut settings = Settings::new(endpoint, "ClientX", Secret::new(PASSWORD));
    settings.timeouts.wait = Duration::from_secs(10);
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = log.clone();
    settings.log = Some(Arc::new(move |exchange| told.lock().unwrap().push(format!("{exchange:?}"))));
    (settings, log)
}

/// A client that is connected.
pub struct Peer {
    stream: TlsStream<TcpStream>,
    /// All that it sent.
    pub said: Vec<String>,
}

pub const GREETING: &str = r#"<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting><svID>Test</svID>
  <svDate>2000-06-08T22:00:00.0Z</svDate><svcMenu><version>1.0</version><lang>en</lang>
  <objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><objURI>urn:ietf:params:xml:ns:unheard-of</objURI>
  <svcExtension><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI><extURI>urn:ietf:params:xml:ns:secDNS-1.0</extURI></svcExtension>
  </svcMenu></greeting></epp>"#;

impl Peer {
    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()?;
        self.stream.flush().await.ok()
    }

    /// Sends a frame.
    pub async fn send(&mut self, document: &str) -> Option<()> {
        self.raw(&crate::frame::frame(document, usize::MAX)?).await
    }

    /// Sends a frame, each byte by itself.
    pub async fn send_in_pieces(&mut self, document: &str) -> Option<()> {
        for byte in crate::frame::frame(document, usize::MAX)? {
            self.raw(&[byte]).await?;
        }
        Some(())
    }

    /// The next document, or none when the client is gone.
    pub async fn hear(&mut self) -> Option<String> {
        let length = self.stream.read_u32().await.ok()?;
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body).await.ok()?;
        let document = String::from_utf8(body).ok()?;
        self.said.push(document.clone());
        Some(document)
    }

    /// Waits until the client is gone.
    pub async fn wait(&mut self) -> Option<()> {
        while self.hear().await.is_some() {}
        Some(())
    }

    /// Answers what was heard last.
    pub async fn answer(&mut self, code: u16, body: &str) -> Option<()> {
        let heard = self.said.last()?;
        let id = heard.split("<clTRID>").nth(1)?.split("</clTRID>").next()?;
        let answer = super::document(code, body).replace(super::OURS, id);
        self.send(&answer).await
    }

    /// Greets, and lets the client in.
    pub async fn let_in(&mut self) -> Option<()> {
        self.send(GREETING).await?;
        self.hear().await?;
        self.answer(1000, "").await
    }

    /// Says yes to whatever comes, and greets when greeted.
    pub async fn agree(&mut self) -> Option<()> {
        loop {
            let heard = self.hear().await?;
            match heard.contains("<hello/>") {
                true => self.send(GREETING).await?,
                false if heard.contains("<logout/>") => return self.answer(1500, "").await,
                false => self.answer(1000, "").await?,
            }
        }
    }
}
