//! All that is asked about one name.

use tokio::join;

use super::{Answer, Dnssec, Kind, Record, Resolver, dnssec};
use crate::name::{NotAName, check_host};

/// What DNS says about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Report {
    pub a: Answer,
    pub aaaa: Answer,
    pub ns: Answer,
    pub mx: Answer,
    pub txt: Answer,
    pub caa: Answer,
    pub soa: Answer,
    pub dnssec: Dnssec,
}

impl Report {
    /// The name servers, as they are named.
    #[must_use]
    pub fn name_servers(&self) -> Vec<String> {
        let servers = self.ns.records().iter().filter_map(|record| match record {
            Record::Ns(name) => Some(name.clone()),
            _ => None,
        });
        servers.collect()
    }

    /// The hosts that take mail, the preferred first; without the `.` that says that none does (RFC 7505).
    #[must_use]
    pub fn mail_hosts(&self) -> Vec<String> {
        let mut hosts: Vec<(u16, String)> = self
            .mx
            .records()
            .iter()
            .filter_map(|record| match record {
                Record::Mx { preference, exchange } if exchange != "." => Some((*preference, exchange.clone())),
                _ => None,
            })
            .collect();
        hosts.sort();
        hosts.into_iter().map(|(_, host)| host).collect()
    }
}

/// The addresses of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Host {
    pub a: Answer,
    pub aaaa: Answer,
}

pub async fn make(resolver: &Resolver, name: &str) -> Report {
    let ask = |kind| {
        let question = super::message::Question::new(name, kind);
        async move { resolver.ask(&question).await.1 }
    };
    let (a, aaaa, ns, mx, txt, caa, (soa, dnssec)) = join!(
        ask(Kind::A),
        ask(Kind::Aaaa),
        ask(Kind::Ns),
        ask(Kind::Mx),
        ask(Kind::Txt),
        ask(Kind::Caa),
        dnssec::soa(resolver, name)
    );
    Report { a, aaaa, ns, mx, txt, caa, soa, dnssec }
}

pub async fn host(resolver: &Resolver, name: &str) -> Result<Host, NotAName> {
    check_host(name)?;
    let (a, aaaa) = join!(resolver.look_up(name, Kind::A), resolver.look_up(name, Kind::Aaaa));
    Ok(Host { a: a?, aaaa: aaaa? })
}
