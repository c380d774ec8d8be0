//! The domain resolver: what the names that we host point to, by DNS, and which of them have left.
//!
//! What must hold: a run says of each name what DNS said, or that it could not be found out; nothing is changed by it. A run
//! that was interrupted goes on with the names that it has not asked about yet.

pub mod admin;
pub mod api;
pub mod jobs;
pub mod judge;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use accounts::banned_ips;
use accounts::doors::Routes;
use accounts::roles::Permission;
use kernel::{DomainName, Error, Network, Result};
use names::dns::{Report, Resolver, Settings, Validation};
use platform::db::Conn;
use platform::runs::Progress;
use platform::settings::Values;
use platform::{App, Setting};

use crate::settings;
use judge::{Ours, Sight};

pub use store::{OLD_NAMES, Row, Target};

pub const CHECK: Permission = Permission("Domain Resolver Checker");

/// So many names are asked about in one run.
pub const MOST: usize = 100_000;
/// Rows that are written at a time.
const BATCH: usize = 100;
/// So many mail hosts of a name are looked at: those with the best preference.
const MAIL_HOSTS: usize = 4;

pub fn routes() -> Routes {
    admin::routes().merge(api::routes())
}

/// What a run asks about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Scope {
    Names(Vec<DomainName>),
    /// The names of all services that are active or suspended.
    Services,
}

/// How many services have a name to ask about.
pub async fn service_names(conn: &mut Conn) -> Result<i64> {
    store::service_count(conn).await
}

/// Where the DNS resolvers are: `192.0.2.53, [2001:db8::53]:5353`. Nothing written means those of this machine.
pub fn resolvers(text: &str) -> std::result::Result<Vec<SocketAddr>, String> {
    let one = |word: &str| {
        let plain = word.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
        plain.or_else(|_| word.parse::<SocketAddr>()).map_err(|_| {
            format!("“{word}” is not an address of a resolver. Write one such as 192.0.2.53 or [2001:db8::53]:5353.")
        })
    };
    text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(one).collect()
}

/// Host names with commas between them; a dot in front stands for every host under a domain.
pub fn hosts(text: &str) -> std::result::Result<Vec<String>, String> {
    let one = |word: &str| {
        let (dot, name) = word.strip_prefix('.').map_or(("", word), |name| (".", name));
        DomainName::parse(name).map(|name| format!("{dot}{name}"))
    };
    text.split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty()).map(one).collect()
}

/// Addresses and networks, as lists of bans have them. Nothing written means none.
pub fn networks(text: &str) -> std::result::Result<Vec<Network>, String> {
    if text.trim().is_empty() { Ok(Vec::new()) } else { banned_ips::networks(text) }
}

fn read<T>(values: &Values, setting: &Setting, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    parse(values.text(setting)).map_err(|why| Error::invalid(setting.key, why))
}

/// What the settings say is ours.
pub fn ours(values: &Values) -> Result<Ours> {
    Ok(Ours {
        networks: read(values, &settings::OUR_NETWORKS, networks)?,
        name_servers: read(values, &settings::OUR_NAME_SERVERS, hosts)?,
        mail_hosts: read(values, &settings::OUR_MAIL_HOSTS, hosts)?,
    })
}

fn resolver(values: &Values) -> Result<Resolver> {
    let wrong = |error: names::dns::SettingsError| Error::refused(format!("DNS: {error}"));
    let written = read(values, &settings::DNS_RESOLVERS, resolvers)?;
    let base = if written.is_empty() { Settings::system().map_err(wrong)? } else { Settings::new(written) };
    let number = |setting: &Setting| values.int(setting).unsigned_abs();
    let settings = Settings {
        timeout: Duration::from_millis(number(&settings::DNS_MILLISECONDS)),
        retries: usize::try_from(number(&settings::DNS_RETRIES)).unwrap_or(0),
        parallelism: usize::try_from(number(&settings::DNS_AT_ONCE)).unwrap_or(1),
        validation: Validation::Probe(".".to_owned()),
        ..base
    };
    Resolver::new(settings).map_err(wrong)
}

/// How many names a run has asked about, and what of them it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub names: usize,
    pub points: BTreeMap<Sight, usize>,
}

/// Asks about everything in the scope that the run has not asked about yet.
pub async fn run(app: &App, run_id: i64, scope: &Scope, progress: &Progress) -> Result<Outcome> {
    let mut conn = app.db.read().await?;
    let values = Values::load(&mut conn).await?;
    let (ours, resolver) = (ours(&values)?, resolver(&values)?);
    let targets = targets(&mut conn, scope).await?;
    let done = store::names_of(&mut conn, run_id).await?;
    drop(conn);
    let total = targets.len();
    let open: HashMap<String, Target> = targets.into_iter().filter(|(name, _)| !done.contains(name)).collect();
    let names: BTreeSet<String> = open.keys().cloned().collect();
    let mut ready = done.len();
    progress.step(total, ready, 0, &[]).await?;
    let mut answers = resolver.reports(names);
    let mut batch: Vec<(String, Report)> = Vec::with_capacity(BATCH);
    loop {
        let answer = answers.next().await;
        let over = answer.is_none();
        if let Some((name, Ok(report))) = answer {
            batch.push((name, report));
        }
        if batch.len() >= BATCH || (over && !batch.is_empty()) {
            let rows = judged(&resolver, &ours, &open, std::mem::take(&mut batch)).await;
            ready += rows.len();
            let mut tx = app.db.write().await?;
            store::insert(&mut tx, run_id, &rows, app.clock.now()).await?;
            tx.commit().await?;
            progress.step(total, ready, 0, &[]).await?;
        }
        if over {
            break;
        }
    }
    let points = store::points(&mut app.db.read().await?, run_id).await?;
    Ok(Outcome { names: total, points })
}

/// The names of the scope, each with the service that has it.
async fn targets(conn: &mut Conn, scope: &Scope) -> Result<BTreeMap<String, Target>> {
    let services = store::services(conn).await?;
    Ok(match scope {
        Scope::Services => services,
        Scope::Names(names) => {
            let with = |name: &DomainName| {
                let known = services.get(name.as_str()).cloned().unwrap_or_default();
                (name.to_string(), known)
            };
            names.iter().map(with).collect()
        }
    })
}

/// Looks where the mail hosts of these are, all at once, and judges.
async fn judged(
    resolver: &Resolver,
    ours: &Ours,
    targets: &HashMap<String, Target>,
    reports: Vec<(String, Report)>,
) -> Vec<store::New> {
    let none = Target::default();
    let own = |name: &str| targets.get(name).unwrap_or(&none);
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for (name, report) in &reports {
        let points = judge::addresses(&report.a, &report.aaaa, ours, &own(name).addresses);
        if judge::mail(report, ours, points).is_none() {
            wanted.extend(report.mail_hosts().into_iter().take(MAIL_HOSTS));
        }
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    let hosts: HashMap<String, _> = resolver.hosts(&wanted).await.into_iter().collect();
    let one = |(name, report): (String, Report)| {
        let target = own(&name).clone();
        let points = judge::addresses(&report.a, &report.aaaa, ours, &target.addresses);
        let mail = judge::mail(&report, ours, points).unwrap_or_else(|| {
            let sight = |host: &String| match hosts.get(host) {
                Some(Ok(host)) => judge::addresses(&host.a, &host.aaaa, ours, &target.addresses),
                _ => Sight::Unknown,
            };
            judge::any(&report.mail_hosts().iter().take(MAIL_HOSTS).map(sight).collect::<Vec<_>>())
        });
        store::New {
            points,
            mail,
            servers: judge::name_servers(&report, ours),
            dnssec: judge::signed(&report.dnssec),
            answers: judge::shown(&report).to_string(),
            name,
            target,
        }
    };
    reports.into_iter().map(one).collect()
}
