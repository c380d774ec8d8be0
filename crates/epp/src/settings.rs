//! Where a registry is, who we are to it, and how long we wait.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::secret::Secret;

/// A server and how it knows us.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// Usually 700 (RFC 5734, section 7).
    pub port: u16,
    /// The name that the server's certificate is for, where it is not `host`.
    pub server_name: Option<String>,
    /// Who vouches for the server.
    pub roots: Roots,
    /// Our certificate; nearly every registry wants one (RFC 5734, section 9).
    pub identity: Option<Identity>,
}

/// Who vouches for a server.
#[derive(Debug, Clone)]
pub enum Roots {
    /// Whom the machine trusts.
    System,
    /// These alone: certificates in PEM.
    Pem(Vec<u8>),
}

/// A certificate of ours.
#[derive(Clone)]
pub struct Identity {
    /// The certificate and those that vouch for it, in PEM.
    pub chain_pem: Vec<u8>,
    /// Its private key, in PEM, without a password.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For TCP and TLS together.
    pub connect: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For a command and its answer; a command without one is [`crate::Error::Unknown`].
    pub command: Duration,
    /// For a session to become free.
    pub wait: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let seconds = Duration::from_secs;
        Timeouts { connect: seconds(15), greeting: seconds(15), command: seconds(60), wait: seconds(30) }
    }
}

/// How much is taken from a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest frame, in bytes, its length among them.
    pub frame: usize,
    /// How deeply elements may be nested; at most 100.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { frame: 1024 * 1024, depth: 32 }
    }
}

/// What was said to a server and what it said, with secrets masked, as long as the call lasts.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The id of the command; none for `<hello>` and for a logout.
    pub cltrid: Option<&'a str>,
    /// The XML that was sent.
    pub request: &'a str,
    /// The XML that was read; where there is none that can be read, why.
    pub response: Result<&'a str, &'a crate::error::Lost>,
}

/// Is called after each exchange, logins among them, for a log. It must not take long.
pub type Log = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// All that a [`crate::Pool`] needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The server.
    pub endpoint: Endpoint,
    /// Our id at the registry.
    pub client_id: String,
    /// The password to it.
    pub password: Secret,
    /// How many sessions there may be at a time. A registry has a limit, for all nodes together.
    pub sessions: usize,
    /// How long is waited.
    pub timeouts: Timeouts,
    /// How much is taken.
    pub limits: Limits,
    /// A session that was idle for so long is asked with `<hello>` whether it is still there before it is used: a command
    /// that is written to one that is not would be [`crate::Error::Unknown`] for no reason.
    pub probe_after: Duration,
    /// Namespaces of more objects and extensions that sessions are opened for; for [`crate::Extended`].
    pub extensions: Vec<String>,
    /// The language of messages.
    pub language: String,
    /// The log.
    pub log: Option<Log>,
}

impl Settings {
    /// One session, the usual times and limits, no log.
    #[must_use]
    pub fn new(endpoint: Endpoint, client_id: &str, password: Secret) -> Settings {
        Settings {
            endpoint,
            client_id: client_id.to_owned(),
            password,
            sessions: 1,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            probe_after: Duration::from_secs(60),
            extensions: Vec::new(),
            language: "en".to_owned(),
            log: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("client_id", &self.client_id)
            .field("sessions", &self.sessions)
            .field("timeouts", &self.timeouts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
