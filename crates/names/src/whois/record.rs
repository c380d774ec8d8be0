//! What the usual labels say.

use super::fields::{self, Field};
use crate::date::Moment;
use crate::idn;
use crate::name::check_host;

/// What was found in an answer. What was not is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The name that the answer is about, in lower-case ASCII.
    pub domain: Option<String>,
    /// Who has registered it for its owner.
    pub registrar: Option<String>,
    /// The registrar's number in IANA's list.
    pub registrar_iana_id: Option<String>,
    /// The registrar's own server, perhaps with a port.
    pub registrar_server: Option<String>,
    /// When it was registered.
    pub created: Option<Moment>,
    /// When that was last changed.
    pub changed: Option<Moment>,
    /// Until when it is registered.
    pub expires: Option<Moment>,
    /// In lower-case ASCII, each once.
    pub name_servers: Vec<String>,
    /// As the registry writes it, without addresses of explanations.
    pub status: Vec<String>,
}

const DOMAIN: &[&str] = &["domain name", "domain", "domainname", "domain_name", "nom de domaine", "domain/name"];
const REGISTRAR: &[&str] = &[
    "registrar",
    "registrar name",
    "sponsoring registrar",
    "registrar/name",
    "registrar organization",
    "current registrar",
    "authorized agency",
    "registrar/organization",
    "registrar_name",
    "registration service provider",
];
const IANA_ID: &[&str] = &["registrar iana id", "sponsoring registrar iana id"];
const SERVER: &[&str] = &["registrar whois server", "whois server"];
const CREATED: &[&str] = &[
    "creation date",
    "created",
    "created on",
    "created date",
    "registered on",
    "registered",
    "registration date",
    "registration time",
    "registered date",
    "domain registration date",
    "domain name commencement date",
    "record created",
    "record created on",
    "domain record activated",
    "registration",
    "domain_dateregistered",
    "date registered",
];
const CHANGED: &[&str] = &[
    "updated date",
    "changed",
    "last updated",
    "last-update",
    "last modified",
    "modified",
    "last update",
    "update date",
    "last updated date",
    "last-updated",
    "domain record last updated",
    "last updated on",
    "updated",
];
const EXPIRES: &[&str] = &[
    "registry expiry date",
    "registrar registration expiration date",
    "expiry date",
    "expiration date",
    "expires",
    "expires on",
    "expire date",
    "expire",
    "expiration time",
    "expire-date",
    "paid-till",
    "renewal date",
    "valid until",
    "record expires on",
    "domain expiration date",
    "domain expires",
    "expiry",
    "validity",
    "renewal",
    "option expiry date",
    "domain_datebilleduntil",
];
const NAME_SERVER: &[&str] = &[
    "name server",
    "name servers",
    "nserver",
    "nserver(s)",
    "nameserver",
    "nameservers",
    "domain nameservers",
    "domain servers",
    "dns servers",
    "domain name servers",
    "domain servers in listed order",
    "name servers information",
    "host name",
    "hostname",
    "ns 1",
    "ns 2",
    "ns_name_01",
    "ns_name_02",
    "ns_name_03",
    "ns_name_04",
    "p. name server",
];
const STATUS: &[&str] = &["domain status", "status", "registration status", "state", "query_status", "eppstatus"];

impl Record {
    /// Reads an answer.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let fields = fields::read(text);
        let first = |labels: &[&str]| {
            labels
                .iter()
                .find_map(|label| fields.iter().find(|field| is(field, label)))
                .map(|field| field.value.as_str())
        };
        let moment = |labels: &[&str]| first(labels).map(Moment::read);
        Self {
            domain: first(DOMAIN).and_then(name),
            registrar: first(REGISTRAR).map(str::to_owned),
            registrar_iana_id: first(IANA_ID).map(str::to_owned),
            registrar_server: first(SERVER).and_then(server),
            created: moment(CREATED),
            changed: moment(CHANGED),
            expires: moment(EXPIRES),
            name_servers: all(&fields, NAME_SERVER, name),
            status: all(&fields, STATUS, status),
        }
    }

    /// Whether there is more than a name: what only a registered one has. Some registries give the date of a change for
    /// free ones too, that of their data.
    pub(super) fn has_substance(&self) -> bool {
        self.registrar.is_some() || self.created.is_some() || self.expires.is_some() || !self.name_servers.is_empty()
    }
}

/// `registrar/name` is the label `name` under the heading `registrar`; other labels stand under any heading but that of a
/// person.
fn is(field: &Field, label: &str) -> bool {
    match label.split_once('/') {
        Some((section, label)) => field.section == section && field.label == label,
        None => field.label == label,
    }
}

fn all<'f>(fields: &'f [Field], labels: &[&str], read: impl Fn(&'f str) -> Option<String>) -> Vec<String> {
    let mut values = Vec::new();
    for field in fields.iter().filter(|field| labels.contains(&field.label.as_str())) {
        if let Some(value) = read(&field.value)
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    values
}

/// The first word, when it is a name: addresses and remarks may follow it.
fn name(value: &str) -> Option<String> {
    let word = value.split_whitespace().next()?.trim_matches(['"', '.', ',', ';', '[', ']']);
    let word = word.to_lowercase();
    let name = if word.is_ascii() { word } else { idn::to_ascii(&word).ok()? };
    (name.contains('.') && check_host(&name).is_ok()).then_some(name)
}

/// `clientHold https://icann.org/epp#clientHold` is `clientHold`.
fn status(value: &str) -> Option<String> {
    let words = value.split_whitespace().take_while(|word| !word.contains("://") && !word.starts_with("(http"));
    let status = words.collect::<Vec<_>>().join(" ");
    if status.is_empty() { None } else { Some(status) }
}

/// `whois://whois.example.com:43/` is `whois.example.com:43`. What is no host and port is nothing.
pub(super) fn server(value: &str) -> Option<String> {
    let value = value.split_whitespace().next()?.to_lowercase();
    let place = value.split_once("://").map_or(value.as_str(), |(_, rest)| rest).trim_end_matches(['/', '.']);
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let port_is_good = port.is_none_or(|port| port.parse::<u16>().is_ok());
    (host.contains('.') && check_host(host).is_ok() && port_is_good).then(|| place.to_owned())
}
