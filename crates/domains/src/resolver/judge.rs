//! What DNS says of a name, judged: does it point to us? No input or output.
//!
//! What must hold: what could not be found out is *unknown*, never *elsewhere* or *nowhere*.

use std::net::IpAddr;

use kernel::Network;
use names::dns::{Answer, Dnssec, Found, Record, Report};
use serde_json::{Value, json};

kernel::text_enum! {
    /// Where something leads.
    pub enum Sight {
        Ours = "ours",
        Elsewhere = "elsewhere",
        /// The name is there, and has no such records.
        Nowhere = "nowhere",
        NoSuchName = "no_such_name",
        Unknown = "unknown",
    }
}
kernel::text_enum! {
    pub enum Signed {
        Secure = "secure",
        Insecure = "insecure",
        Bogus = "bogus",
        Unknown = "unknown",
    }
}
platform::enum_column!(Sight, Signed);

/// What is ours.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    pub networks: Vec<Network>,
    /// Lower-case host names; `.host.example` is every host under it.
    pub name_servers: Vec<String>,
    pub mail_hosts: Vec<String>,
}

impl Ours {
    /// An address of ours, or the one that the service has to itself.
    fn has(&self, address: IpAddr, own: &[IpAddr]) -> bool {
        own.contains(&address) || self.networks.iter().any(|network| network.contains(address))
    }

    fn names(list: &[String], host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        list.iter().any(|wanted| match wanted.strip_prefix('.') {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => *wanted == host,
        })
    }

    pub fn is_mail_host(&self, host: &str) -> bool {
        Ours::names(&self.mail_hosts, host)
    }
}

/// Two kinds of records together: what one has counts, and what neither has is only certain when both were answered.
fn together(one: &Answer, other: &Answer) -> Sight {
    match (&one.found, &other.found) {
        (Found::Unknown(_), _) | (_, Found::Unknown(_)) => Sight::Unknown,
        (Found::NoSuchName, _) | (_, Found::NoSuchName) => Sight::NoSuchName,
        _ => Sight::Nowhere,
    }
}

/// Where the addresses of a host lead.
pub fn addresses(a: &Answer, aaaa: &Answer, ours: &Ours, own: &[IpAddr]) -> Sight {
    let mut all = a.addresses().chain(aaaa.addresses()).peekable();
    if all.peek().is_none() {
        return together(a, aaaa);
    }
    if all.any(|address| ours.has(address, own)) {
        return Sight::Ours;
    }
    // The kind that was not answered could have been ours.
    if a.failure().is_some() || aaaa.failure().is_some() { Sight::Unknown } else { Sight::Elsewhere }
}

pub fn name_servers(report: &Report, ours: &Ours) -> Sight {
    let servers = report.name_servers();
    if servers.is_empty() {
        return together(&report.ns, &report.ns);
    }
    if servers.iter().any(|server| Ours::names(&ours.name_servers, server)) { Sight::Ours } else { Sight::Elsewhere }
}

/// Where mail goes, as far as names tell. `None`: the addresses of the mail hosts decide.
pub fn mail(report: &Report, ours: &Ours, points: Sight) -> Option<Sight> {
    match &report.mx.found {
        // Without an MX record mail goes to the address (RFC 5321, 5.1).
        Found::None => return Some(points),
        Found::NoSuchName => return Some(Sight::NoSuchName),
        Found::Unknown(_) => return Some(Sight::Unknown),
        Found::Records(_) => {}
    }
    let hosts = report.mail_hosts();
    match hosts.as_slice() {
        // A null MX says that there is no mail (RFC 7505).
        [] => Some(Sight::Nowhere),
        hosts if hosts.iter().any(|host| ours.is_mail_host(host)) => Some(Sight::Ours),
        _ if ours.networks.is_empty() => Some(Sight::Elsewhere),
        _ => None,
    }
}

/// The sights of several mail hosts as one: one of ours is enough.
pub fn any(sights: &[Sight]) -> Sight {
    for wanted in [Sight::Ours, Sight::Unknown, Sight::Elsewhere] {
        if sights.contains(&wanted) {
            return wanted;
        }
    }
    Sight::Nowhere
}

pub fn signed(of: &Dnssec) -> Signed {
    match of {
        Dnssec::Secure => Signed::Secure,
        Dnssec::Insecure => Signed::Insecure,
        Dnssec::Bogus => Signed::Bogus,
        Dnssec::Unknown(_) => Signed::Unknown,
    }
}

/// The records by type, as people read them: a list, or why there is none.
pub fn shown(report: &Report) -> Value {
    let answers = [
        ("A", &report.a),
        ("AAAA", &report.aaaa),
        ("NS", &report.ns),
        ("MX", &report.mx),
        ("TXT", &report.txt),
        ("CAA", &report.caa),
        ("SOA", &report.soa),
    ];
    answers.into_iter().map(|(kind, answer)| (kind.to_owned(), one(answer))).collect::<serde_json::Map<_, _>>().into()
}

/// Records and aliases of one name beyond this are cut: a name with thousands of them is hostile.
const MOST: usize = 50;

fn one(answer: &Answer) -> Value {
    let mut value = match &answer.found {
        Found::Records(records) => json!({ "records": records.iter().take(MOST).map(text).collect::<Vec<_>>() }),
        Found::None => json!({ "records": [] }),
        Found::NoSuchName => json!({ "failure": "There is no such name." }),
        Found::Unknown(why) => json!({ "failure": why.to_string() }),
    };
    if !answer.aliases.is_empty() {
        value["aliases"] = json!(answer.aliases.iter().take(MOST).collect::<Vec<_>>());
    }
    value
}

fn text(record: &Record) -> String {
    let text = match record {
        Record::A(address) => address.to_string(),
        Record::Aaaa(address) => address.to_string(),
        Record::Caa { critical, tag, value } => format!("{} {tag} \"{value}\"", if *critical { 128 } else { 0 }),
        Record::Mx { preference, exchange } => format!("{preference} {exchange}"),
        Record::Ns(name) | Record::Ptr(name) => name.clone(),
        Record::Soa { primary, mailbox, serial, .. } => format!("{primary} {mailbox} {serial}"),
        Record::Txt(text) => text.clone(),
    };
    text.chars().filter(|c| *c != '\0').take(1000).collect()
}
