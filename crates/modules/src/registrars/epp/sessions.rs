//! The sessions with each registry, kept as long as its set-up stays the same.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domains::registrars::contract::{Account, RegistrarError};
use epp::{Endpoint, Identity, Pool, Roots, Secret, Settings};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::answers;

#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, (Vec<u8>, Arc<Pool>)>>);

/// What a set-up consists of. A pool is thrown away when any of it changes.
const PARTS: [&str; 8] = ["host", "port", "client_id", "password", "certificate", "key", "authority", "server_name"];

impl Sessions {
    pub fn of(&self, account: &Account) -> Result<Arc<Pool>, RegistrarError> {
        let mut digest = Sha256::new();
        for part in PARTS.iter().chain(&["sessions", "seconds"]) {
            digest.update(account.get(part).unwrap_or_default());
            digest.update([0]);
        }
        let made_of = digest.finalize().to_vec();
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pool)) = pools.get(&account.name)
            && *known == made_of
        {
            return Ok(pool.clone());
        }
        let pool = Arc::new(Pool::new(settings(account)?).map_err(answers::error)?);
        pools.insert(account.name.clone(), (made_of, pool.clone()));
        Ok(pool)
    }
}

fn settings(account: &Account) -> Result<Settings, RegistrarError> {
    let wrong = |what: &str| RegistrarError::Misconfigured(what.to_owned());
    let text = |key: &str| account.get(key).unwrap_or_default();
    let bytes = |key: &str| account.get(key).map(|text| text.as_bytes().to_vec());
    let identity = match (bytes("certificate"), bytes("key")) {
        (Some(chain_pem), Some(key_pem)) => Some(Identity { chain_pem, key_pem }),
        (None, None) => None,
        _ => return Err(wrong("A client certificate and its key belong together. Enter both, or none.")),
    };
    let endpoint = Endpoint {
        host: text("host").to_owned(),
        port: text("port").parse().map_err(|_| wrong("The port is no number from 1 to 65535."))?,
        server_name: account.get("server_name").map(str::to_owned),
        roots: bytes("authority").map_or(Roots::System, Roots::Pem),
        identity,
    };
    let mut settings = Settings::new(endpoint, text("client_id"), Secret::new(text("password")));
    settings.sessions = text("sessions")
        .parse()
        .ok()
        .filter(|sessions| (1..=50).contains(sessions))
        .ok_or_else(|| wrong("Enter from 1 to 50 sessions."))?;
    let seconds = text("seconds").parse().ok().filter(|seconds| (1..=120).contains(seconds));
    let seconds = seconds.ok_or_else(|| wrong("Enter from 1 to 120 seconds to wait for an answer."))?;
    settings.timeouts.command = std::time::Duration::from_secs(seconds);
    Ok(settings)
}

/// A host name. An address, or a name of this machine, is only for a sandbox: passwords go there.
pub fn check_host(text: &str, sandbox: bool) -> Result<(), String> {
    let is_here = text == "localhost" || text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here && sandbox {
        return Ok(());
    }
    match kernel::DomainName::parse(text) {
        Ok(_) if !is_here => Ok(()),
        _ => Err("Write the host's name, such as epp.registry.example.".to_owned()),
    }
}

/// Of a question: no two are alike.
pub fn id() -> String {
    format!("IK-{}", Uuid::new_v4().simple())
}

/// Of a step of an operation (RFC 5730, 2.5: 3 to 64 characters).
pub fn step(operation: &str, what: &str) -> String {
    let operation: String = operation.chars().take(48).collect();
    format!("IK-{operation}-{what}")
}

pub async fn offers(pool: &Pool, extension: &str) -> Result<bool, RegistrarError> {
    let greeting = pool.greeting().await.map_err(answers::error)?;
    Ok(greeting.extensions.iter().any(|known| known == extension))
}
