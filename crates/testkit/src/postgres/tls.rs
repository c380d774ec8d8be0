//! Certificates for a cluster that speaks TLS, made by openssl: an authority, and a server's for the name `localhost`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::as_its_user;
use crate::folder::program;
use crate::process::Child;

const PATIENCE: Duration = Duration::from_secs(30);

/// How a cluster is reached by TCP on the loopback interface, where it takes TLS and plain text.
#[derive(Clone, Debug)]
pub struct Tls {
    pub port: u16,
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The server's own certificate, good for `localhost` and no other name.
    pub own: PathBuf,
}

impl Tls {
    /// Makes the certificates in `folder`, and finds a free port.
    pub(super) fn make(folder: &Path) -> Result<Tls, String> {
        let openssl = program("openssl").ok_or("there is no openssl; Debian has it in the package openssl")?;
        let at = |name: &str| folder.join(name).display().to_string();
        let extensions = at("extensions");
        std::fs::write(&extensions, "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n")
            .and_then(|()| std::fs::set_permissions(&extensions, std::fs::Permissions::from_mode(0o644)))
            .map_err(|e| format!("{extensions}: {e}"))?;
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
        let run = |arguments: &[&str]| {
            let mut openssl = as_its_user(&openssl);
            let mut openssl = Child::spawn("openssl", openssl.args(arguments))?;
            if openssl.wait(PATIENCE)?.success() { Ok(()) } else { Err(format!("openssl:\n{}", openssl.output())) }
        };
        let (ca, ca_key, own, own_key) = (at("ca.pem"), at("ca.key"), at("own.pem"), at("own.key"));
        let request = at("own.csr");
        run(&[&["req", "-x509", "-days", "2", "-subj", "/CN=Test authority", "-out", &ca], &key[..], &[&ca_key]]
            .concat())?;
        run(&[&["req", "-subj", "/CN=Test server", "-out", &request], &key[..], &[&own_key]].concat())?;
        let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-in", &request, "-CA", &ca, "-CAkey", &ca_key];
        run(&[&sign[..], &["-extfile", &extensions, "-out", &own]].concat())?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|e| format!("no free port: {e}"))?.port();
        Ok(Tls { port, authority: ca.into(), own: own.into() })
    }

    /// The settings of the server.
    pub(super) fn settings(&self) -> Vec<String> {
        let key = self.own.with_extension("key");
        vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", self.own.display()),
            format!("ssl_key_file={}", key.display()),
        ]
    }
}
