//! A domain as Openprovider holds it.

use domains::registrars::contract::{Registered, RegistrarError, State};
use kernel::{Date, DomainName};
use serde::Deserialize;

use super::api::Api;
use super::dnssec::Key;
use super::wire::{Parts, Text, flag, list, number, unreadable};

/// <https://docs.openprovider.com>, `domainGetDomainResponseData`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Domain {
    #[serde(deserialize_with = "number")]
    pub id: Option<i64>,
    pub domain: Parts,
    pub status: Text,
    pub creation_date: Text,
    /// “Date when a domain expires at Openprovider. This date should be referred for domain expiration and renewals.”
    pub renewal_date: Text,
    pub expiration_date: Text,
    pub soft_quarantine_expiry_date: Text,
    pub hard_quarantine_expiry_date: Text,
    pub restorable_until: Text,
    #[serde(deserialize_with = "list")]
    pub name_servers: Vec<NameServer>,
    #[serde(deserialize_with = "flag")]
    pub is_locked: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub is_private_whois_enabled: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub is_premium: Option<bool>,
    #[serde(deserialize_with = "list")]
    pub dnssec_keys: Vec<Key>,
    /// `signedDelegation` or `unsigned`.
    pub dnssec: Text,
    pub delete_status: Text,
    pub owner_handle: Text,
    pub admin_handle: Text,
    pub tech_handle: Text,
    pub billing_handle: Text,
    pub verification_email_name: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NameServer {
    pub name: Text,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "list")]
    results: Vec<Domain>,
}

/// A domain, and the day on which it was looked up.
pub(super) struct Found {
    pub domain: Domain,
    pub id: i64,
    /// By Openprovider's clock.
    today: Option<Date>,
}

/// The statuses of <https://doc.openprovider.eu/API_Format_Domain_Status>, and PRE (pre-registered) of the examples.
pub(super) const ACTIVE: &str = "ACT";
pub(super) const FAILED: &str = "FAI";
pub(super) const DELETED: &str = "DEL";
const RESTORING: &str = "RRQ";
const SCHEDULED: &str = "SCH";
const UNDER_WAY: [&str; 5] = ["REQ", "PEN", SCHEDULED, RESTORING, "PRE"];

/// Whether somebody still has to decide on it.
pub(super) fn under_way(status: &str) -> bool {
    UNDER_WAY.contains(&status)
}

/// What stands in our account of this name. A name can be there several times, as its history: what lives goes before what
/// was deleted, and that before a request that failed; of the same kind the newest counts.
pub(super) async fn find(api: &Api<'_>, name: &DomainName) -> Result<Option<Found>, RegistrarError> {
    search(api, name, &[]).await
}

async fn search(api: &Api<'_>, name: &DomainName, more: &[(&str, &str)]) -> Result<Option<Found>, RegistrarError> {
    let mut query = vec![("full_name", name.as_str()), ("limit", "100"), ("with_verification_email", "true")];
    query.extend(more);
    let told = api.get::<Listed>("/v1beta/domains", &query).await?;
    if told.data.results.iter().any(|found| found.domain.joined().as_ref() != Some(name)) {
        return Err(unreadable(&format!("{name} was asked for, and another domain is in it")));
    }
    let newest = told.data.results.into_iter().max_by_key(|found| (rank(found.status.as_str()), found.id));
    let Some(domain) = newest else { return Ok(None) };
    let id = domain.id.ok_or_else(|| unreadable("a domain without an id"))?;
    Ok(Some(Found { domain, id, today: told.today }))
}

fn rank(status: &str) -> u8 {
    match status {
        ACTIVE => 3,
        DELETED => 1,
        FAILED => 0,
        _ => 2,
    }
}

/// As the contract has it; `None` for a request that failed: then there is no domain.
pub(super) async fn info(api: &Api<'_>, name: &DomainName) -> Result<Option<Registered>, RegistrarError> {
    let Some(found) = find(api, name).await? else { return Ok(None) };
    let state = match found.domain.status.as_str() {
        FAILED => return Ok(None),
        ACTIVE => State::Active,
        RESTORING => State::Redemption,
        DELETED => found.quarantine(),
        SCHEDULED => State::PendingTransfer,
        status if under_way(status) => pending(api, name).await?,
        status => return Err(unreadable(&format!("the status “{}”", api.without_secrets(status, "")))),
    };
    Ok(Some(found.registered(name, state)))
}

/// Of a domain that was requested: by which request. Only the list can say it, by its queues.
async fn pending(api: &Api<'_>, name: &DomainName) -> Result<State, RegistrarError> {
    let transfer = search(api, name, &[("queue_status", "transfer")]).await?;
    Ok(if transfer.is_some() { State::PendingTransfer } else { State::PendingRegistration })
}

impl Found {
    pub fn expires_on(&self) -> Option<Date> {
        self.domain.renewal_date.date().or_else(|| self.domain.expiration_date.date())
    }

    /// Whether a deleted domain is one for which no fee is taken beyond a year's renewal. Only when it is certain.
    pub fn is_soft(&self) -> bool {
        self.lasts(&self.domain.soft_quarantine_expiry_date)
    }

    fn lasts(&self, until: &Text) -> bool {
        matches!((until.date(), self.today), (Some(until), Some(today)) if until > today)
    }

    /// Of a deleted domain.
    fn quarantine(&self) -> State {
        let hard = [&self.domain.restorable_until, &self.domain.hard_quarantine_expiry_date];
        if self.is_soft() {
            State::Grace
        } else if hard.iter().any(|until| self.lasts(until)) {
            State::Redemption
        } else {
            State::PendingDelete
        }
    }

    fn registered(&self, name: &DomainName, state: State) -> Registered {
        let domain = &self.domain;
        let text = |text: &Text| Some(text.0.clone()).filter(|text| !text.is_empty());
        let servers = domain.name_servers.iter().filter_map(|server| text(&server.name));
        Registered {
            name: name.clone(),
            state,
            created_on: domain.creation_date.date(),
            expires_on: self.expires_on(),
            nameservers: servers.map(|server| server.to_ascii_lowercase()).collect(),
            locked: domain.is_locked,
            id_protection: domain.is_private_whois_enabled,
            // A key that cannot be read has no record here; that the domain is signed stands in its statuses.
            ds: domain.dnssec_keys.iter().filter_map(|key| key.ds(name)).collect(),
            registrant_email: text(&domain.verification_email_name),
            change_pending: false,
            statuses: [&domain.status, &domain.delete_status, &domain.dnssec].into_iter().filter_map(text).collect(),
        }
    }
}
