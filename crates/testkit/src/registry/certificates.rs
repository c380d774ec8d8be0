//! The certificates of a registry: an authority of its own, its server's, and those of registrars.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::folder::Folder;

/// A certificate that a registrar shows, and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub certificate_pem: String,
    pub key_pem: String,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    /// SHA-256 of the certificate, in lower-case hexadecimal digits.
    pub fingerprint: String,
}

/// Who signs, and where the files are.
pub(super) struct Authority {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
    root: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Result<Self, String> {
        let folder = Folder::new();
        let key = key()?;
        let mut params = params("Test registry authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(|e| e.to_string())?;
        let pem = certificate.pem();
        write(&folder.join("ca.pem"), &pem)?;
        let root = certificate.der().clone();
        Ok(Self { folder, issuer: Issuer::new(params, key), pem, root })
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for a client, whose common name is `name`.
    pub(super) fn client(&self, name: &str) -> Result<Certificate, String> {
        let (der, key) = self.sign(name, &[], ExtendedKeyUsagePurpose::ClientAuth)?;
        let certificate_file = self.folder.join(format!("{name}.pem"));
        let key_file = self.folder.join(format!("{name}.key"));
        let (certificate_pem, key_pem) = (der.pem(), key.serialize_pem());
        write(&certificate_file, &certificate_pem)?;
        write(&key_file, &key_pem)?;
        Ok(Certificate { fingerprint: fingerprint(der.der()), certificate_pem, key_pem, certificate_file, key_file })
    }

    /// What the server speaks TLS with: its certificate is good for `localhost` and the loopback addresses.
    pub(super) fn server(&self, is_client_known: bool) -> Result<Arc<ServerConfig>, String> {
        let names = ["localhost", "127.0.0.1", "::1"];
        let (certificate, key) = self.sign("localhost", &names, ExtendedKeyUsagePurpose::ServerAuth)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).map_err(|e| e.to_string())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = if is_client_known { verifier } else { verifier.allow_unauthenticated() };
        let verifier = verifier.build().map_err(|e| e.to_string())?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .map_err(|e| e.to_string())?;
        Ok(Arc::new(config))
    }

    fn sign(
        &self,
        name: &str,
        alternatives: &[&str],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<(rcgen::Certificate, KeyPair), String> {
        let key = key()?;
        let mut params = params(name, alternatives)?;
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| e.to_string())?;
        Ok((certificate, key))
    }
}

fn key() -> Result<KeyPair, String> {
    KeyPair::generate().map_err(|e| e.to_string())
}

fn params(name: &str, alternatives: &[&str]) -> Result<CertificateParams, String> {
    let alternatives: Vec<String> = alternatives.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).map_err(|e| e.to_string())?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

/// SHA-256, in lower-case hexadecimal digits.
pub(super) fn fingerprint(certificate: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}
