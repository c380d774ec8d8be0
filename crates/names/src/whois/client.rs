//! Asking.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::judgement::judge;
use super::record::server;
use super::{Entry, Failure, Lookup, MAX_BYTES, Record, Referred, Registrars, Settings, State, Table};
use crate::name::{NotAName, check_domain, top_level};
use crate::reach::Reach;

const PORT: u16 = 43;

/// Asks WHOIS servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Table,
    settings: Settings,
    /// What IANA has said, so that it is asked once for a top-level domain. There are fewer than two thousand.
    referred: Mutex<HashMap<String, Option<String>>>,
}

impl Client {
    /// Asks the servers of this table.
    #[must_use]
    pub fn new(table: Table, settings: Settings) -> Self {
        Self(Arc::new(Inner { table, settings, referred: Mutex::default() }))
    }

    /// What the registry says about a name, and its registrar if that is asked too.
    ///
    /// # Errors
    /// When `name` is none, see [`check_domain`].
    pub async fn look_up(&self, name: &str) -> Result<Lookup, NotAName> {
        check_domain(name)?;
        let found = match self.entry(name).await {
            Ok(entry) => self.with(name, &entry).await,
            Err(why) => unknown(why, String::new()),
        };
        Ok(found)
    }

    async fn with(&self, name: &str, entry: &Entry) -> Lookup {
        let server = entry.server.clone().unwrap_or_default();
        match self.ask(&server, &entry.question.replace("{}", name)).await {
            Err(why) => unknown(why, server),
            Ok(text) => {
                let record = Record::read(&text);
                let state = judge(&text, name, entry, &record);
                let registrar = self.referral(name, &state, &record, &server).await;
                Lookup { state, record, text, server, registrar }
            }
        }
    }

    /// The table's entry; for what is not in it IANA's word, with which nothing can be called free.
    async fn entry(&self, name: &str) -> Result<Arc<Entry>, Failure> {
        let server = match self.0.table.find(name) {
            Some(entry) if entry.server.is_none() => return Err(Failure::NoServer),
            Some(entry) => return Ok(entry.clone()),
            None => self.named_by_iana(top_level(name)).await?.ok_or(Failure::NoServer)?,
        };
        Ok(Arc::new(Entry { server: Some(server), question: "{}".to_owned(), patterns: Vec::new() }))
    }

    async fn named_by_iana(&self, top_level: &str) -> Result<Option<String>, Failure> {
        let known = || self.0.referred.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known().get(top_level) {
            return Ok(server.clone());
        }
        let text = self.ask(&self.0.settings.iana, top_level).await?;
        let labelled = |label: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(found, _)| found.trim() == label).find_map(|(_, value)| server(value))
        };
        // An answer that is not IANA's is no reason never to ask again.
        if !text.lines().any(|line| line.starts_with("domain:") || line.contains("returned 0 objects")) {
            return Err(Failure::NotUnderstood);
        }
        let server = labelled("refer").or_else(|| labelled("whois"));
        known().insert(top_level.to_owned(), server.clone());
        Ok(server)
    }

    async fn referral(&self, name: &str, state: &State, record: &Record, asked: &str) -> Option<Referred> {
        let wanted = self.0.settings.registrars == Registrars::Ask && *state == State::Registered;
        let server = record.registrar_server.clone().filter(|server| wanted && server != asked)?;
        Some(match self.ask(&server, name).await {
            Ok(text) => Referred::Answered { server, record: Box::new(Record::read(&text)), text },
            Err(why) => Referred::Failed { server, why },
        })
    }

    /// The whole answer of one server to one line.
    async fn ask(&self, server: &str, question: &str) -> Result<String, Failure> {
        let settings = &self.0.settings;
        let (host, port) = match server.split_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(PORT)),
            None => (server, PORT),
        };
        if port != PORT && settings.reach != Reach::Anywhere {
            return Err(Failure::Forbidden(format!("{server} is not on port {PORT}")));
        }
        let work = exchange(settings.reach, host, port, question);
        timeout(settings.timeout, work).await.unwrap_or(Err(Failure::TimedOut))
    }
}

async fn exchange(reach: Reach, host: &str, port: u16, question: &str) -> Result<String, Failure> {
    let addresses = reach.resolve(host, port).await.map_err(failure)?;
    let mut stream = TcpStream::connect(addresses.as_slice()).await.map_err(failure)?;
    stream.write_all(format!("{question}\r\n").as_bytes()).await.map_err(failure)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    // An answer whose end is missing is none: it may be the end that says what matters.
    stream.take(limit).read_to_end(&mut bytes).await.map_err(failure)?;
    if bytes.len() > MAX_BYTES {
        return Err(Failure::TooLong);
    }
    Ok(decode(bytes))
}

fn failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::Forbidden(error.to_string()),
        _ => Failure::Unreachable(error.to_string()),
    }
}

/// The protocol does not say how letters are written (RFC 3912 section 4): UTF-8 where it can be, else Latin-1.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
}

fn unknown(why: Failure, server: String) -> Lookup {
    Lookup { state: State::Unknown(why), record: Record::default(), text: String::new(), server, registrar: None }
}
