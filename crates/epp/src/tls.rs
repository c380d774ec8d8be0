//! The way to a server: TCP, and TLS with both sides' certificates (RFC 5734, section 9).

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{NotSent, invalid};
use crate::settings::{Endpoint, Identity, Roots, Timeouts};

/// What connections are made with.
pub(crate) struct Way {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    port: u16,
}

impl Way {
    pub fn new(endpoint: &Endpoint) -> Result<Way, NotSent> {
        let name = endpoint.server_name.as_ref().unwrap_or(&endpoint.host);
        let server = ServerName::try_from(name.clone()).or(Err(invalid(format!("{name:?} is no server's name"))))?;
        let connector = TlsConnector::from(Arc::new(config(endpoint)?));
        Ok(Way { connector, name: server, host: endpoint.host.clone(), port: endpoint.port })
    }

    pub async fn connect(&self, timeouts: &Timeouts) -> Result<TlsStream<TcpStream>, NotSent> {
        let connecting = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            self.connector.connect(self.name.clone(), stream).await
        };
        let late = || NotSent::Unreachable(format!("{}:{} does not answer", self.host, self.port));
        let connected = timeout(timeouts.connect, connecting).await.or(Err(late()))?;
        connected.map_err(|error| NotSent::Unreachable(format!("{}:{}: {error}", self.host, self.port)))
    }
}

fn config(endpoint: &Endpoint) -> Result<ClientConfig, NotSent> {
    let roots = roots(&endpoint.roots)?;
    let broken = |error: rustls::Error| invalid(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(broken)?.with_root_certificates(roots);
    match &endpoint.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = certificate(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(broken)
        }
    }
}

fn roots(roots: &Roots) -> Result<RootCertStore, NotSent> {
    let certificates = match roots {
        Roots::System => rustls_native_certs::load_native_certs().certs,
        Roots::Pem(pem) => chain(pem, "the authority's certificate")?,
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    if store.is_empty() { Err(invalid("nobody is trusted to vouch for the server")) } else { Ok(store) }
}

fn certificate(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), NotSent> {
    // Why a key cannot be read is not told: the words may quote it.
    let key = PrivateKeyDer::from_pem_slice(&identity.key_pem).or(Err(invalid("our key is not one in PEM")))?;
    Ok((chain(&identity.chain_pem, "our certificate")?, key))
}

fn chain(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, NotSent> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.or(Err(invalid(format!("{what} is not one in PEM"))))?;
    if all.is_empty() { Err(invalid(format!("{what} is not one in PEM"))) } else { Ok(all) }
}
