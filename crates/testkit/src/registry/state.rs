//! What the registry knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::answer::{Refusal, Trid};
use super::faults::Faults;
use super::options::{Options, Registrar, Zone};
use super::snapshot::{Counts, Frame};

/// Everything, behind one lock: a command is carried out whole or not at all.
pub(super) struct State {
    pub(super) options: Options,
    pub(super) now: Timestamp,
    pub(super) zones: BTreeMap<String, Zone>,
    pub(super) registrars: BTreeMap<String, Account>,
    pub(super) domains: BTreeMap<String, Domain>,
    pub(super) hosts: BTreeMap<String, Host>,
    pub(super) contacts: BTreeMap<String, Contact>,
    pub(super) faults: Faults,
    pub(super) log: Vec<Frame>,
    pub(super) counts: BTreeMap<String, Counts>,
    /// The registrars of the sessions that are logged in, by the number of the session.
    pub(super) sessions: BTreeMap<u64, String>,
    pub(super) most_sessions: usize,
    /// Every `clTRID`, by registrar, in order.
    pub(super) client_ids: BTreeMap<String, Vec<String>>,
    serial: u64,
}

impl State {
    pub(super) fn new(mut options: Options) -> Result<Self, String> {
        let now = options.now.parse().map_err(|e| format!("{}: {e}", options.now))?;
        let zones = std::mem::take(&mut options.zones).into_iter().map(|zone| (zone.name.clone(), zone)).collect();
        let registrars = std::mem::take(&mut options.registrars);
        Ok(Self {
            options,
            now,
            zones,
            registrars: registrars.into_iter().map(|registrar| (registrar.id.clone(), registrar.into())).collect(),
            domains: BTreeMap::new(),
            hosts: BTreeMap::new(),
            contacts: BTreeMap::new(),
            faults: Faults::default(),
            log: Vec::new(),
            counts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            most_sessions: 0,
            client_ids: BTreeMap::new(),
            serial: 0,
        })
    }

    /// A number that was not used before.
    pub(super) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A repository object identifier (RFC 5730, section 2.8).
    pub(super) fn roid(&mut self, kind: char) -> String {
        format!("{kind}{}-TEST", self.next())
    }

    /// An identifier of a transaction that no client asked for.
    pub(super) fn own_trid(&mut self) -> Trid {
        Trid { client: None, server: format!("SRV-{}", self.next()) }
    }

    /// Queues a message; `data` is the content of `resData`.
    pub(super) fn tell(&mut self, registrar: &str, text: &str, data: String, extension: String) {
        let (id, at) = (self.next(), self.now);
        if let Some(account) = self.registrars.get_mut(registrar) {
            account.queue.push_back(Message { id, at, text: text.to_owned(), data, extension });
        }
    }

    pub(super) fn counts(&mut self, domain: &str) -> &mut Counts {
        self.counts.entry(domain.to_owned()).or_default()
    }

    /// The domain that a host's name is below of, or is.
    pub(super) fn superordinate(&self, host: &str) -> Option<String> {
        suffixes(host).find(|name| self.domains.contains_key(*name)).map(str::to_owned)
    }

    /// The names of the hosts below a domain.
    pub(super) fn subordinates(&self, domain: &str) -> Vec<String> {
        let below = self.hosts.keys().filter(|host| suffixes(host).any(|name| name == domain));
        below.cloned().collect()
    }

    /// Whether any domain is delegated to the host.
    pub(super) fn is_host_linked(&self, host: &str) -> bool {
        self.domains.values().any(|domain| domain.hosts.iter().any(|server| server == host))
    }

    /// Whether any domain names the contact.
    pub(super) fn is_contact_linked(&self, id: &str) -> bool {
        let named = |domain: &Domain| {
            domain.registrant.as_deref() == Some(id) || domain.contacts.iter().any(|(_, contact)| contact == id)
        };
        self.domains.values().any(named)
    }
}

/// The name, and what remains when its labels are taken off one by one.
pub(super) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest))
}

/// A registrar, and what became of its money.
pub(super) struct Account {
    pub(super) registrar: Registrar,
    /// What was taken and not given back, in minor units by currency.
    pub(super) taken: BTreeMap<String, i64>,
    pub(super) queue: VecDeque<Message>,
}

impl From<Registrar> for Account {
    fn from(registrar: Registrar) -> Self {
        Self { registrar, taken: BTreeMap::new(), queue: VecDeque::new() }
    }
}

/// A message that waits to be polled.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) at: Timestamp,
    pub(super) text: String,
    pub(super) data: String,
    pub(super) extension: String,
}

/// Who made, changed and holds an object, and when.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub(super) roid: String,
    pub(super) sponsor: String,
    pub(super) creator: String,
    pub(super) created: Timestamp,
    pub(super) updated: Option<(String, Timestamp)>,
    pub(super) transferred: Option<Timestamp>,
}

impl Provenance {
    /// The elements from `clID` to `upDate` of an `infData`.
    pub(super) fn write(&self, prefix: &str, out: &mut super::xml::Writer) {
        let name = |element: &str| format!("{prefix}:{element}");
        out.text(&name("clID"), &self.sponsor).text(&name("crID"), &self.creator);
        out.text(&name("crDate"), &super::clock::instant(self.created));
        if let Some((by, at)) = &self.updated {
            out.text(&name("upID"), by).text(&name("upDate"), &super::clock::instant(*at));
        }
    }

    /// Only the sponsor may change an object.
    pub(super) fn sponsored_by(&self, registrar: &str) -> Result<(), Refusal> {
        if self.sponsor == registrar {
            Ok(())
        } else {
            Err(Refusal::because(2201, "Another registrar sponsors the object"))
        }
    }
}

/// A domain (RFC 5731).
#[derive(Clone, Debug)]
pub(super) struct Domain {
    pub(super) name: String,
    pub(super) about: Provenance,
    pub(super) expires: Timestamp,
    /// Those that a client or the registry set; what follows from elsewhere is in [`Domain::shown_statuses`].
    pub(super) statuses: BTreeSet<String>,
    pub(super) registrant: Option<String>,
    /// Type and identifier.
    pub(super) contacts: Vec<(String, String)>,
    pub(super) hosts: Vec<String>,
    pub(super) auth_info: Option<String>,
    pub(super) signing: Signing,
    pub(super) graces: Vec<Grace>,
    pub(super) stage: Stage,
    pub(super) transfer: Option<Transfer>,
}

impl Domain {
    /// All statuses, as `info` shows them.
    pub(super) fn shown_statuses(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.statuses.iter().cloned().collect();
        if self.stage != Stage::Active {
            shown.push("pendingDelete".to_owned());
        }
        if self.is_transferring() {
            shown.push("pendingTransfer".to_owned());
        }
        if self.hosts.is_empty() {
            shown.push("inactive".to_owned());
        }
        if shown.is_empty() {
            shown.push("ok".to_owned());
        }
        shown
    }

    /// The statuses of RFC 3915.
    pub(super) fn rgp(&self) -> Vec<&'static str> {
        match self.stage {
            Stage::Active => {
                let kinds: BTreeSet<_> = self.graces.iter().map(|grace| grace.kind.name()).collect();
                kinds.into_iter().collect()
            }
            Stage::Redemption { .. } => vec!["redemptionPeriod"],
            Stage::PendingRestore { .. } => vec!["pendingRestore"],
            Stage::PendingDelete { .. } => vec!["pendingDelete"],
        }
    }

    pub(super) fn is_transferring(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.status == "pending")
    }

    /// Whether one of these statuses is set, or a pending action stands in the way.
    pub(super) fn prohibits(&self, operation: &str) -> Result<(), Refusal> {
        if self.stage != Stage::Active {
            return Err(Refusal::because(2304, "pendingDelete"));
        }
        if self.is_transferring() {
            let code = if operation == "Transfer" { 2300 } else { 2304 };
            return Err(Refusal::because(code, "pendingTransfer"));
        }
        let set = ["client", "server"].map(|by| format!("{by}{operation}Prohibited"));
        let found = set.into_iter().find(|status| self.statuses.contains(status));
        found.map_or(Ok(()), |status| Err(Refusal::because(2304, status)))
    }
}

/// Where a domain is on its way out (RFC 3915, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Active,
    Redemption {
        until: Timestamp,
        deleted: Timestamp,
        by: Trid,
    },
    /// Restored, until the report is there or is late.
    PendingRestore {
        until: Timestamp,
        deleted: Timestamp,
        requested: Timestamp,
        by: Trid,
    },
    PendingDelete {
        until: Timestamp,
        by: Trid,
    },
}

/// A period in which the price is given back when the domain is deleted (RFC 3915, section 2.1).
#[derive(Clone, Debug)]
pub(super) struct Grace {
    pub(super) kind: GraceKind,
    pub(super) until: Timestamp,
    pub(super) currency: String,
    /// What was paid, in minor units.
    pub(super) paid: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GraceKind {
    Add,
    AutoRenew,
    Renew,
    Transfer,
}

impl GraceKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "addPeriod",
            Self::AutoRenew => "autoRenewPeriod",
            Self::Renew => "renewPeriod",
            Self::Transfer => "transferPeriod",
        }
    }
}

/// A transfer that is pending, or the last one (RFC 5731, section 3.2.4).
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) status: &'static str,
    pub(super) gaining: String,
    pub(super) requested: Timestamp,
    pub(super) losing: String,
    /// When it was decided, or will be.
    pub(super) acted: Timestamp,
    /// The expiry of a domain afterwards.
    pub(super) expires: Option<Timestamp>,
    pub(super) years: i64,
}

/// The keys that sign a zone (RFC 5910), as XML of the prefix `secDNS`, so that two are the same when they read the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signing {
    pub(super) max_life: Option<u32>,
    pub(super) records: Vec<super::dnssec::Record>,
}

/// A host (RFC 5732).
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) about: Provenance,
    pub(super) addresses: BTreeSet<std::net::IpAddr>,
    pub(super) statuses: BTreeSet<String>,
}

/// A contact (RFC 5733).
#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) about: Provenance,
    pub(super) details: super::contacts::Details,
    pub(super) statuses: BTreeSet<String>,
    pub(super) transfer: Option<Transfer>,
}
