//! DNS records, in Openprovider's own name servers.

use domains::registrars::contract::{Record, RegistrarError};
use kernel::DomainName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, refused};
use super::hosts::Success;
use super::wire::{Parts, Text, list, number, unreadable};

/// “Zone specified is not found”
const NO_ZONE: &str = "872";
const PAGE: usize = 500;
const MOST_PAGES: usize = 20;
/// Every other one is kept as a day.
const LIFETIMES: [u32; 6] = [900, 3_600, 10_800, 21_600, 43_200, 86_400];
const USUAL_LIFETIME: u32 = 3_600;
/// What can be set (<https://doc.openprovider.eu/API_Format_Records>).
const KINDS: [&str; 11] = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SPF", "SRV", "SSHFP", "TLSA", "TXT"];

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "list")]
    results: Vec<Held>,
    #[serde(default, deserialize_with = "number")]
    total: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Held {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    r#type: Text,
    #[serde(default)]
    value: Text,
    #[serde(default, deserialize_with = "number")]
    prio: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    ttl: Option<i64>,
}

#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    r#type: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prio: Option<u16>,
    ttl: u32,
}

/// Without those that Openprovider makes itself and nobody can change: SOA, and the zone's own NS.
pub(super) async fn records(api: &Api<'_>, name: &DomainName) -> Result<Vec<Record>, RegistrarError> {
    Ok(zone(api, name).await?.unwrap_or_default())
}

/// `None`: there is no zone.
async fn zone(api: &Api<'_>, name: &DomainName) -> Result<Option<Vec<Record>>, RegistrarError> {
    let path = format!("/v1beta/dns/zones/{name}/records");
    let mut records = Vec::new();
    let mut read = 0;
    for _ in 0..MOST_PAGES {
        let (limit, offset) = (PAGE.to_string(), read.to_string());
        let page = match api.get::<Listed>(&path, &[("limit", limit.as_str()), ("offset", &offset)]).await {
            Ok(page) => page.data,
            Err(RegistrarError::Refused { code, .. }) if code == NO_ZONE => return Ok(None),
            Err(error) => return Err(error),
        };
        read += page.results.len();
        let last = page.results.len() < PAGE || page.total.is_some_and(|total| total <= read as i64);
        for held in &page.results {
            records.extend(held.record(name)?);
        }
        if last {
            return Ok(Some(records));
        }
    }
    Err(unreadable("a zone without an end"))
}

/// All records as they are from now on, in one request. A zone is made where there is none.
pub(super) async fn set_records(api: &Api<'_>, name: &DomainName, all: &[Record]) -> Result<(), RegistrarError> {
    let wanted: Vec<Written<'_>> = all.iter().map(Written::of).collect::<Result<_, _>>()?;
    let path = format!("/v1beta/dns/zones/{name}");
    let held = zone(api, name).await.map_err(super::api::unstarted)?;
    let success: Success = match held {
        None if wanted.is_empty() => return Ok(()),
        None => {
            let body = json!({ "domain": Parts::of(name), "type": "master", "records": wanted });
            api.post("/v1beta/dns/zones", &body).await?.data
        }
        Some(held) if wanted.is_empty() => {
            // An empty set is no set there, so each is named.
            let gone: Vec<Written<'_>> = held.iter().map(Written::of).collect::<Result<_, _>>()?;
            if gone.is_empty() {
                return Ok(());
            }
            api.put(&path, &json!({ "name": name, "type": "master", "records": { "remove": gone } })).await?.data
        }
        Some(_) => {
            api.put(&path, &json!({ "name": name, "type": "master", "records": { "replace": wanted } })).await?.data
        }
    };
    success.check()
}

impl Held {
    fn record(&self, zone: &DomainName) -> Result<Option<Record>, RegistrarError> {
        let full = self.name.as_str().trim_end_matches('.').to_ascii_lowercase();
        let host = match full.strip_suffix(zone.as_str()) {
            Some("") => "",
            Some(rest) if rest.ends_with('.') => &rest[..rest.len() - 1],
            _ if full.is_empty() => "",
            _ => return Err(unreadable(&format!("a record of another zone than {zone}"))),
        };
        let kind = self.r#type.as_str().to_ascii_uppercase();
        if kind == "SOA" || kind == "NS" && host.is_empty() {
            return Ok(None);
        }
        let has_priority = kind == "MX" || kind == "SRV";
        Ok(Some(Record {
            host: host.to_owned(),
            value: self.value.0.clone(),
            priority: self.prio.filter(|_| has_priority).and_then(|prio| u16::try_from(prio).ok()),
            ttl: self.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
            kind,
        }))
    }
}

impl<'a> Written<'a> {
    fn of(record: &'a Record) -> Result<Written<'a>, RegistrarError> {
        let kind = KINDS.into_iter().find(|kind| record.kind.eq_ignore_ascii_case(kind));
        let words = || format!("Openprovider keeps no records of the type {}.", record.kind);
        Ok(Written {
            name: &record.host,
            r#type: kind.ok_or_else(|| refused("record", words()))?,
            value: &record.value,
            prio: record.priority,
            ttl: lifetime(record.ttl),
        })
    }
}

/// The longest that is allowed and no longer than was asked for.
fn lifetime(wanted: Option<u32>) -> u32 {
    let wanted = wanted.unwrap_or(USUAL_LIFETIME);
    LIFETIMES.into_iter().rfind(|allowed| *allowed <= wanted).unwrap_or(LIFETIMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_never_longer_than_asked_for_unless_it_is_the_shortest() {
        for (wanted, kept) in [(None, 3_600), (Some(60), 900), (Some(3_599), 900), (Some(3_600), 3_600)] {
            assert_eq!(lifetime(wanted), kept);
        }
        assert_eq!(lifetime(Some(1_000_000)), 86_400);
    }
}
