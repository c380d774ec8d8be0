//! What a test sees of the registry.

use std::collections::BTreeMap;

use super::clock::instant;
use super::dnssec::Record;
use super::state::{Contact, Domain, Host, State};

/// A domain as it is. Instants are UTC: `2026-01-15T12:00:00.0Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSnapshot {
    pub name: String,
    pub roid: String,
    pub sponsor: String,
    /// Those of RFC 5731.
    pub statuses: Vec<String>,
    /// Those of RFC 3915.
    pub rgp: Vec<String>,
    pub created: String,
    pub expires: String,
    pub transferred: Option<String>,
    pub registrant: Option<String>,
    /// Type and identifier.
    pub contacts: Vec<(String, String)>,
    pub hosts: Vec<String>,
    /// The `dsData` and `keyData` of RFC 5910, their fields in order.
    pub ds: Vec<String>,
    pub auth_info: Option<String>,
}

impl DomainSnapshot {
    pub(super) fn of(domain: &Domain) -> Self {
        Self {
            name: domain.name.clone(),
            roid: domain.about.roid.clone(),
            sponsor: domain.about.sponsor.clone(),
            statuses: domain.shown_statuses(),
            rgp: domain.rgp().into_iter().map(str::to_owned).collect(),
            created: instant(domain.about.created),
            expires: instant(domain.expires),
            transferred: domain.about.transferred.map(instant),
            registrant: domain.registrant.clone(),
            contacts: domain.contacts.clone(),
            hosts: domain.hosts.clone(),
            ds: domain.signing.records.iter().map(Record::to_string).collect(),
            auth_info: domain.auth_info.clone(),
        }
    }
}

/// How often something was done with a name, whoever did it. It outlives the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u32,
    /// At a client's command.
    pub renewed: u32,
    pub auto_renewed: u32,
    /// Transfers that were completed.
    pub transferred: u32,
    /// Restores that were completed.
    pub restored: u32,
    /// Commands to delete that were accepted.
    pub deleted: u32,
    /// Removed from the registry.
    pub purged: u32,
}

/// The money of a registrar, in minor units by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub balances: BTreeMap<String, i64>,
    /// What was taken for commands and automatic renewals, less what was given back.
    pub taken: BTreeMap<String, i64>,
}

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    FromClient,
    FromServer,
}

/// A frame as it went over the wire, without its header.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The number of the connection, from 1.
    pub session: u64,
    /// Who was logged in.
    pub registrar: Option<String>,
    pub direction: Direction,
    /// Such as `greeting`, `login`, `domain:create`; empty when it could not be told.
    pub command: String,
    /// When, on the registry's clock.
    pub at: String,
    pub xml: String,
}

impl State {
    pub(super) fn money(&self, registrar: &str) -> Money {
        let found = self.registrars.get(registrar);
        found.map_or_else(Money::default, |account| Money {
            balances: account.registrar.balances.clone(),
            taken: account.taken.clone(),
        })
    }
}

/// A contact as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactSnapshot {
    pub id: String,
    pub roid: String,
    pub sponsor: String,
    pub email: String,
    pub voice: Option<String>,
    pub fax: Option<String>,
    pub auth_info: String,
    /// By type, `int` or `loc`.
    pub postal: BTreeMap<String, PostalSnapshot>,
}

/// A postal address of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostalSnapshot {
    pub name: String,
    pub organisation: Option<String>,
    pub street: Vec<String>,
    pub city: String,
    pub province: Option<String>,
    pub code: Option<String>,
    pub country: String,
}

impl ContactSnapshot {
    pub(super) fn of(id: &str, contact: &Contact) -> Self {
        let details = &contact.details;
        let postal = details.postal.iter().map(|(kind, postal)| {
            let address = &postal.address;
            let snapshot = PostalSnapshot {
                name: postal.name.clone(),
                organisation: postal.organisation.clone(),
                street: address.street.clone(),
                city: address.city.clone(),
                province: address.province.clone(),
                code: address.code.clone(),
                country: address.country.clone(),
            };
            ((*kind).to_owned(), snapshot)
        });
        Self {
            id: id.to_owned(),
            roid: contact.about.roid.clone(),
            sponsor: contact.about.sponsor.clone(),
            email: details.email.clone(),
            voice: details.voice.as_ref().map(|voice| voice.number.clone()),
            fax: details.fax.as_ref().map(|fax| fax.number.clone()),
            auth_info: details.auth_info.clone(),
            postal: postal.collect(),
        }
    }
}

/// A host as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSnapshot {
    pub name: String,
    pub roid: String,
    pub sponsor: String,
    pub addresses: Vec<std::net::IpAddr>,
}

impl HostSnapshot {
    pub(super) fn of(name: &str, host: &Host) -> Self {
        Self {
            name: name.to_owned(),
            roid: host.about.roid.clone(),
            sponsor: host.about.sponsor.clone(),
            addresses: host.addresses.iter().copied().collect(),
        }
    }
}
