//! The answer about a domain (RFC 9083 section 5.3), with what is left out of it (RFC 9537).

use serde_json::Value;

use super::Failure;
use crate::date::Moment;
use crate::idn;

/// A name that is registered. What the registry did not say is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Domain {
    /// In lower-case ASCII.
    pub name: String,
    /// The registry's own key.
    pub handle: Option<String>,
    /// Such as `active` or `client transfer prohibited`; RFC 8056 says what they are in EPP.
    pub status: Vec<String>,
    /// What happened and will, such as the registration and the expiration.
    pub events: Vec<Event>,
    /// The name servers, in order.
    pub name_servers: Vec<NameServer>,
    /// Who has registered it for its owner.
    pub registrar: Option<Registrar>,
    /// `None` when the registry says nothing about it.
    pub secure_dns: Option<SecureDns>,
    /// All entities but the registrar.
    pub contacts: Vec<Contact>,
    /// The names of what was left out.
    pub redacted: Vec<String>,
    /// Terms of use, and remarks about this name.
    pub notices: Vec<Notice>,
    /// The address that answered.
    pub server: String,
    /// All that was answered.
    pub raw: Value,
}

/// Something that happened to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `registration`, `expiration`, `last changed`, `transfer` …, as IANA lists them, in lower case.
    pub action: String,
    /// When.
    pub on: Moment,
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// In lower-case ASCII.
    pub name: String,
    /// The registry's glue, as it is written there.
    pub addresses: Vec<String>,
}

/// A registrar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registrar {
    /// As it is known.
    pub name: Option<String>,
    /// Its number in IANA's list of registrars.
    pub iana_id: Option<String>,
}

/// Whether the registry hands out a DS record, and which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecureDns {
    /// Whether the zone is signed by its operator, as far as the registry knows.
    pub zone_signed: Option<bool>,
    /// Whether there is a DS record.
    pub delegation_signed: Option<bool>,
    /// The DS records.
    pub ds: Vec<Ds>,
}

/// A DS record (RFC 4034 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Ds {
    pub key_tag: u64,
    pub algorithm: u64,
    pub digest_type: u64,
    pub digest: String,
}

/// Somebody who has to do with a name. Registries leave out most of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Contact {
    /// `registrant`, `administrative`, `technical`, `abuse` …
    pub roles: Vec<String>,
    pub handle: Option<String>,
    pub name: Option<String>,
    pub organisation: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Whether a remark says that something was left out (RFC 9083 section 10.2.1, before RFC 9537).
    pub redacted: bool,
}

/// A notice or a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its heading.
    pub title: Option<String>,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Domain {
    /// When something happened, or will, by the name of the event.
    #[must_use]
    pub fn event(&self, action: &str) -> Option<&Moment> {
        self.events.iter().find(|event| event.action == action).map(|event| &event.on)
    }

    /// Reads the answer to a question about `name`.
    pub(super) fn read(raw: Value, name: &str, server: &str) -> Result<Self, Failure> {
        if raw["objectClassName"] != "domain" {
            return Err(Failure::Malformed("it is not about a domain".to_owned()));
        }
        match name_of(&raw) {
            Some(other) if other != name => return Err(Failure::AnotherName(other)),
            Some(_) => {}
            None => return Err(Failure::Malformed("it names no domain".to_owned())),
        }
        let registrar = entries(&raw["entities"]).find(|entity| is_registrar(entity));
        Ok(Self {
            name: name.to_owned(),
            handle: text(&raw["handle"]),
            status: texts(&raw["status"]).iter().map(|status| status.to_lowercase()).collect(),
            events: entries(&raw["events"]).filter_map(event).collect(),
            name_servers: entries(&raw["nameservers"]).filter_map(name_server).collect(),
            registrar: registrar.map(read_registrar),
            secure_dns: raw["secureDNS"].is_object().then(|| secure_dns(&raw["secureDNS"])),
            contacts: contacts(&raw),
            redacted: entries(&raw["redacted"]).filter_map(redacted).collect(),
            notices: entries(&raw["notices"]).chain(entries(&raw["remarks"])).map(notice).collect(),
            server: server.to_owned(),
            raw,
        })
    }
}

/// `unicodeName` counts where a registry leaves the other one out.
fn name_of(raw: &Value) -> Option<String> {
    let tidy = |name: String| name.trim_end_matches('.').to_lowercase();
    let ascii = text(&raw["ldhName"]).map(tidy);
    ascii.or_else(|| text(&raw["unicodeName"]).and_then(|name| idn::to_ascii(&tidy(name)).ok()))
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

fn texts(list: &Value) -> Vec<String> {
    entries(list).filter_map(text).collect()
}

fn roles(entity: &Value) -> Vec<String> {
    texts(&entity["roles"]).iter().map(|role| role.to_lowercase()).collect()
}

fn event(event: &Value) -> Option<Event> {
    let action = text(&event["eventAction"])?.to_lowercase();
    Some(Event { action, on: Moment::read(event["eventDate"].as_str()?) })
}

fn name_server(server: &Value) -> Option<NameServer> {
    let name = name_of(server)?;
    let addresses = &server["ipAddresses"];
    Some(NameServer { name, addresses: [texts(&addresses["v4"]), texts(&addresses["v6"])].concat() })
}

fn read_registrar(entity: &Value) -> Registrar {
    let is_iana = |id: &&Value| id["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("IANA Registrar ID"));
    let id = entries(&entity["publicIds"]).find(is_iana).map(|id| &id["identifier"]);
    let iana_id = id.and_then(|id| text(id).or_else(|| id.as_u64().map(|number| number.to_string())));
    let card = |property| card(entity, property);
    Registrar { name: card("fn").or_else(|| card("org")), iana_id }
}

fn is_registrar(entity: &Value) -> bool {
    roles(entity).iter().any(|role| role == "registrar")
}

/// All entities but the registrar, which has its contact for abuse inside.
fn contacts(domain: &Value) -> Vec<Contact> {
    let (registrars, others): (Vec<&Value>, Vec<&Value>) =
        entries(&domain["entities"]).partition(|one| is_registrar(one));
    let inside = registrars.into_iter().flat_map(|registrar| entries(&registrar["entities"]));
    others.into_iter().chain(inside).map(contact).collect()
}

fn contact(entity: &Value) -> Contact {
    let mut remarks = entries(&entity["remarks"]).filter_map(|remark| text(&remark["title"]));
    Contact {
        roles: roles(entity),
        handle: text(&entity["handle"]),
        name: card(entity, "fn"),
        organisation: card(entity, "org"),
        email: card(entity, "email"),
        phone: card(entity, "tel").map(|phone| phone.trim_start_matches("tel:").to_owned()),
        redacted: remarks.any(|title| title.to_lowercase().contains("redacted")),
    }
}

/// The first value of a property of a jCard (RFC 7095): `["vcard", [[name, parameters, type, value …] …]]`.
fn card(entity: &Value, property: &str) -> Option<String> {
    let named = |entry: &&Value| entry[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case(property));
    entries(&entity["vcardArray"][1]).filter(named).find_map(|entry| match &entry[3] {
        Value::Array(parts) => parts.iter().find_map(text),
        value => text(value),
    })
}

fn secure_dns(secure: &Value) -> SecureDns {
    let ds = entries(&secure["dsData"]).filter_map(|ds| {
        Some(Ds {
            key_tag: ds["keyTag"].as_u64()?,
            algorithm: ds["algorithm"].as_u64()?,
            digest_type: ds["digestType"].as_u64()?,
            digest: text(&ds["digest"])?,
        })
    });
    SecureDns {
        zone_signed: secure["zoneSigned"].as_bool(),
        delegation_signed: secure["delegationSigned"].as_bool(),
        ds: ds.collect(),
    }
}

fn redacted(entry: &Value) -> Option<String> {
    text(&entry["name"]["description"]).or_else(|| text(&entry["name"]["type"]))
}

fn notice(notice: &Value) -> Notice {
    Notice { title: text(&notice["title"]), lines: texts(&notice["description"]) }
}
