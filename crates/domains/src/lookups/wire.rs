//! The way to the registries' RDAP and WHOIS servers.

use std::sync::Mutex;
use std::time::Duration;

use kernel::{DomainName, Error, Result, Timestamp};
use names::availability::{Availability, Checker, Details, Finding, Order, Source, Sources};
use names::reach::Reach;
use names::{rdap, whois};
use platform::settings::Values;

use super::servers::Servers;
use super::{Answer, State};
use crate::settings;

/// Longer answers are cut for the page and the cache.
const LONGEST: usize = 64 * 1024;

/// What look-ups are done with; one for the program.
pub struct Wire {
    rdap: rdap::Client,
    /// The list of servers that a client was last made with, and the client.
    current: Mutex<Option<(String, rdap::Client)>>,
    whois: whois::Settings,
    table: whois::Table,
    pub(super) http: reqwest::Client,
    /// Where IANA's list is fetched from.
    pub(super) bootstrap_address: String,
}

/// Where IANA publishes the list of RDAP servers (RFC 9224, 3).
const BOOTSTRAP: &str = "https://data.iana.org/rdap/dns.json";

impl Wire {
    /// `builder` makes each of the two HTTP clients: for RDAP, and for IANA's list.
    pub fn new(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<Wire> {
        Wire::with(builder, Reach::Public, rdap::Bootstrap::shipped(), whois::Table::shipped(), BOOTSTRAP, None)
    }

    /// With other servers than those of the world.
    pub fn with(
        builder: impl Fn() -> reqwest::ClientBuilder,
        reach: Reach,
        bootstrap: rdap::Bootstrap,
        table: whois::Table,
        bootstrap_address: &str,
        iana_whois: Option<String>,
    ) -> Result<Wire> {
        let broken = |error: reqwest::Error| Error::broken(format!("HTTP client: {error}"));
        let rdap_settings = rdap::Settings { reach, ..rdap::Settings::default() };
        let usual = whois::Settings::default();
        Ok(Wire {
            rdap: rdap::Client::new(builder(), bootstrap, rdap_settings).map_err(broken)?,
            current: Mutex::new(None),
            whois: whois::Settings { reach, iana: iana_whois.unwrap_or(usual.iana.clone()), ..usual },
            table,
            http: builder().timeout(Duration::from_secs(30)).build().map_err(broken)?,
            bootstrap_address: bootstrap_address.to_owned(),
        })
    }

    /// Asks as the settings say.
    pub(super) fn checker(&self, values: &Values, servers: &Servers) -> Result<Checker> {
        let mut order = Order { usual: Vec::new(), ..Order::default() };
        for word in values.text(&settings::LOOKUP_ORDER).split(',').map(str::trim) {
            match word {
                "rdap" => order.usual.push(Source::Rdap),
                "whois" => order.usual.push(Source::Whois),
                _ => {}
            }
        }
        let at_once = usize::try_from(values.int(&settings::LOOKUPS_AT_ONCE)).unwrap_or(1);
        Ok(Checker::new(Sources {
            rdap: Some(self.client(servers)?),
            whois: Some(whois::Client::new(self.table.clone(), self.whois.clone())),
            dns: None,
            order,
            parallelism: at_once,
        }))
    }

    fn client(&self, servers: &Servers) -> Result<rdap::Client> {
        let Some(fetched) = &servers.fetched else { return Ok(self.rdap.clone()) };
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((publication, client)) = &*current
            && *publication == servers.publication
        {
            return Ok(client.clone());
        }
        let bootstrap = rdap::Bootstrap::parse(fetched.as_bytes());
        let bootstrap = bootstrap.map_err(|error| Error::broken(format!("RDAP servers: {error}")))?;
        let client = self.rdap.with_bootstrap(bootstrap);
        *current = Some((servers.publication.clone(), client.clone()));
        Ok(client)
    }
}

/// What a finding says, in the words of this feature.
pub(super) fn answer(name: &DomainName, finding: Finding, now: Timestamp) -> Answer {
    let tried: Vec<String> = finding.tried.iter().map(|(source, why)| format!("{source}: {why}")).collect();
    let source = match finding.source {
        Some(Source::Rdap) => "rdap",
        Some(Source::Whois) => "whois",
        Some(Source::Dns) => "dns",
        None => "",
    };
    let state = match finding.availability {
        Availability::Available => State::Available,
        Availability::Registered => State::Registered,
        Availability::Reserved => State::Reserved,
        Availability::Unknown { .. } => State::Unknown,
    };
    let mut answer = Answer { why: tried.join("; "), ..Answer::of(name, state, source, now) };
    match finding.details {
        Some(Details::Rdap(domain)) => by_rdap(&mut answer, &domain),
        Some(Details::Whois(lookup)) => by_whois(&mut answer, &lookup),
        Some(Details::Dns(_)) | None => {}
    }
    answer
}

fn by_rdap(answer: &mut Answer, domain: &rdap::Domain) {
    let event = |action: &str| domain.event(action).map(|moment| moment.text.clone()).unwrap_or_default();
    answer.registrar = domain.registrar.as_ref().and_then(|registrar| registrar.name.clone()).unwrap_or_default();
    answer.created = event("registration");
    answer.expires = event("expiration");
    answer.nameservers = domain.name_servers.iter().map(|server| server.name.clone()).collect();
    answer.statuses = domain.status.clone();
    answer.text = cut(&serde_json::to_string_pretty(&domain.raw).unwrap_or_default());
}

fn by_whois(answer: &mut Answer, lookup: &whois::Lookup) {
    let moment = |of: &Option<names::date::Moment>| of.as_ref().map(|moment| moment.text.clone()).unwrap_or_default();
    answer.registrar = lookup.record.registrar.clone().unwrap_or_default();
    answer.created = moment(&lookup.record.created);
    answer.expires = moment(&lookup.record.expires);
    answer.nameservers = lookup.record.name_servers.clone();
    answer.statuses = lookup.record.status.clone();
    answer.text = cut(&lookup.text);
}

fn cut(text: &str) -> String {
    let clean: String = text.chars().filter(|c| *c != '\0' && *c != '\r').collect();
    match clean.char_indices().nth(LONGEST) {
        Some((at, _)) => clean[..at].to_owned(),
        None => clean,
    }
}
