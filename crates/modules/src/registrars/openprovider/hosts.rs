//! Name servers under a domain, with their addresses (glue).

use std::net::IpAddr;

use domains::registrars::contract::{GlueChange, GlueHost, RegistrarError};
use kernel::DomainName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, refused};
use super::orders::existing;
use super::wire::{Text, flag, list, number, unreadable};

const PAGE: usize = 100;

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "list")]
    results: Vec<Host>,
    #[serde(default, deserialize_with = "number")]
    total: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Host {
    name: Text,
    ip: Text,
    ip6: Text,
}

/// The answer to a change.
#[derive(Deserialize)]
pub(super) struct Success {
    #[serde(default, deserialize_with = "flag")]
    success: Option<bool>,
}

impl Success {
    pub fn check(&self) -> Result<(), RegistrarError> {
        match self.success {
            Some(true) => Ok(()),
            Some(false) => Err(refused("no success", "Openprovider says that it was not done.")),
            None => Err(unreadable("it does not say whether it was done")),
        }
    }
}

pub(super) async fn glue(api: &Api<'_>, name: &DomainName) -> Result<Vec<GlueHost>, RegistrarError> {
    let pattern = format!("*{name}");
    let mut hosts = Vec::new();
    let mut read = 0;
    loop {
        let (limit, offset) = (PAGE.to_string(), read.to_string());
        let query = [("pattern", pattern.as_str()), ("limit", &limit), ("offset", &offset)];
        let page = api.get::<Listed>("/v1beta/dns/nameservers", &query).await?.data;
        read += page.results.len();
        let last = page.results.len() < PAGE || page.total.is_some_and(|total| total <= read as i64);
        hosts.extend(page.results.iter().filter_map(|host| host.under(name)));
        if last {
            return Ok(hosts);
        }
    }
}

pub(super) async fn set_glue(api: &Api<'_>, name: &DomainName, change: &GlueChange) -> Result<(), RegistrarError> {
    let host = match change {
        GlueChange::Add(host) | GlueChange::Set(host) => &host.host,
        GlueChange::Remove(host) => host,
    };
    // A name server of another domain could be ours too.
    let host = checked(name, host)?;
    existing(api, name).await?;
    let path = format!("/v1beta/dns/nameservers/{host}");
    match change {
        GlueChange::Add(new) => {
            let made = api.post::<Host>("/v1beta/dns/nameservers", &body(&host, &new.addresses)?).await?.data;
            if made.name.as_str().eq_ignore_ascii_case(host.as_str()) {
                Ok(())
            } else {
                Err(unreadable("another host"))
            }
        }
        GlueChange::Set(new) => api.put::<Success>(&path, &body(&host, &new.addresses)?).await?.data.check(),
        GlueChange::Remove(_) => api.delete::<Success>(&path, &[]).await?.data.check(),
    }
}

fn checked(name: &DomainName, host: &str) -> Result<DomainName, RegistrarError> {
    let wrong = || refused("host", format!("{host} is no host under {name}."));
    let host = DomainName::parse(host).map_err(|_| wrong())?;
    let under = host.as_str().strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
    if under { Ok(host) } else { Err(wrong()) }
}

/// Openprovider keeps one address of each kind.
fn body(host: &DomainName, addresses: &[IpAddr]) -> Result<Value, RegistrarError> {
    let (old, new): (Vec<&IpAddr>, Vec<&IpAddr>) = addresses.iter().partition(|address| address.is_ipv4());
    if addresses.is_empty() || old.len() > 1 || new.len() > 1 {
        return Err(refused("addresses", "Openprovider keeps one IPv4 and one IPv6 address of a name server."));
    }
    let text = |one: Vec<&IpAddr>| one.first().map(|address| address.to_string()).unwrap_or_default();
    Ok(json!({ "name": host.as_str(), "ip": text(old), "ip6": text(new) }))
}

impl Host {
    fn under(&self, name: &DomainName) -> Option<GlueHost> {
        let host = checked(name, self.name.as_str()).ok()?;
        let addresses = [&self.ip, &self.ip6].into_iter().filter_map(|text| text.as_str().parse().ok()).collect();
        Some(GlueHost { host: host.to_string(), addresses })
    }
}
