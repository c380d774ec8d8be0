//! Whether a name can be registered, by the word of several sources, one after the other.
//!
//! What always holds:
//! - *Available* is only said on the word of a registry, by RDAP or WHOIS. DNS never says it: names without name
//!   servers are not in it, and neither are those that are on hold.
//! - A source that could not find out is followed by the next one; what each said is kept in [`Finding::tried`].
//! - *Available* is how things were when it was asked. Only registering a name shows that it could be.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::bulk::{self, Answers};
use crate::name::{NotAName, check_domain};
use crate::{dns, rdap, whois};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The registry, by RDAP.
    Rdap,
    /// The registry, by WHOIS.
    Whois,
    /// A resolver: whether the name is delegated. It is quick, and can only say *registered*.
    Dns,
}

/// Who is asked first, and who after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// For all suffixes but those below.
    pub usual: Vec<Source>,
    /// By suffix, without a dot before it; the longest one of a name counts.
    pub by_suffix: HashMap<String, Vec<Source>>,
}

impl Default for Order {
    fn default() -> Self {
        Self { usual: vec![Source::Rdap, Source::Whois], by_suffix: HashMap::new() }
    }
}

/// Whether a name can be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Nobody has it.
    Available,
    /// Somebody has it.
    Registered,
    /// The registry keeps it for itself.
    Reserved,
    /// It could not be found out.
    Unknown {
        /// What each source said, in words for staff.
        why: String,
    },
}

/// What was found out about a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Whether it can be registered.
    pub availability: Availability,
    /// Who says so; `None` when it is unknown.
    pub source: Option<Source>,
    /// All that this source said.
    pub details: Option<Details>,
    /// The sources that could not find out, in order.
    pub tried: Vec<(Source, Why)>,
}

/// All that a source said.
#[derive(Debug, Clone, PartialEq)]
pub enum Details {
    /// A registered or reserved name.
    Rdap(Box<rdap::Domain>),
    /// The registry's answer.
    Whois(Box<whois::Lookup>),
    /// The name servers.
    Dns(dns::Answer),
}

/// Why a source could not find out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error(transparent)]
    Rdap(rdap::Failure),
    #[error(transparent)]
    Whois(whois::Failure),
    #[error(transparent)]
    Dns(dns::Failure),
    /// That there are no name servers says nothing.
    #[error("the name has no name servers, which registered names may not have either")]
    NotDelegated,
    /// [`Checker`] was made without it.
    #[error("it is not set up")]
    NotSetUp,
}

/// Asks the sources. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Checker(Arc<Sources>);

/// What a [`Checker`] asks, and how.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// For [`Source::Rdap`].
    pub rdap: Option<rdap::Client>,
    /// For [`Source::Whois`].
    pub whois: Option<whois::Client>,
    /// For [`Source::Dns`].
    pub dns: Option<dns::Resolver>,
    /// Who comes first.
    pub order: Order,
    /// How many names are asked about at a time in [`Checker::check_all`]; zero counts as one. Registries take offence at
    /// many.
    pub parallelism: usize,
}

impl Order {
    /// The sources for a name, first to last.
    #[must_use]
    pub fn of(&self, name: &str) -> &[Source] {
        let suffixes = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
        suffixes.filter_map(|suffix| self.by_suffix.get(suffix)).next().unwrap_or(&self.usual)
    }
}

impl Finding {
    /// For how long a registry wants to be left alone, when one said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.tried.iter().find_map(|(_, why)| match why {
            Why::Rdap(rdap::Failure::TooMany { retry_after }) => *retry_after,
            _ => None,
        })
    }
}

impl Checker {
    /// Asks these.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self(Arc::new(sources))
    }

    /// Asks about one name.
    ///
    /// # Errors
    /// When `name` is none, see [`check_domain`].
    pub async fn check(&self, name: &str) -> Result<Finding, NotAName> {
        check_domain(name)?;
        let mut tried = Vec::new();
        for &source in self.0.order.of(name) {
            match self.ask(source, name).await? {
                Ok((availability, details)) => {
                    return Ok(Finding { availability, source: Some(source), details, tried });
                }
                Err(why) => tried.push((source, why)),
            }
        }
        let reasons: Vec<String> = tried.iter().map(|(source, why)| format!("{source}: {why}")).collect();
        let why = if reasons.is_empty() { "nobody is to be asked".to_owned() } else { reasons.join("; ") };
        Ok(Finding { availability: Availability::Unknown { why }, source: None, details: None, tried })
    }

    /// [`check`](Self::check) for each name, [`Sources::parallelism`] at a time, in the order in which they are ready.
    /// Must be called within a Tokio run time.
    pub fn check_all<I>(&self, names: I) -> Answers<(String, Result<Finding, NotAName>)>
    where
        I: IntoIterator<Item = String> + Send + 'static,
        I::IntoIter: Send,
    {
        let checker = self.clone();
        bulk::each(names, self.0.parallelism, move |name| {
            let checker = checker.clone();
            async move {
                let finding = checker.check(&name).await;
                (name, finding)
            }
        })
    }

    async fn ask(&self, source: Source, name: &str) -> Result<Result<Said, Why>, NotAName> {
        let sources = &self.0;
        Ok(match source {
            Source::Rdap => match &sources.rdap {
                Some(client) => by_rdap(client.look_up(name).await?),
                None => Err(Why::NotSetUp),
            },
            Source::Whois => match &sources.whois {
                Some(client) => by_whois(client.look_up(name).await?),
                None => Err(Why::NotSetUp),
            },
            Source::Dns => match &sources.dns {
                Some(resolver) => by_dns(resolver.look_up(name, dns::Kind::Ns).await?),
                None => Err(Why::NotSetUp),
            },
        })
    }
}

type Said = (Availability, Option<Details>);

fn by_rdap(found: rdap::Lookup) -> Result<Said, Why> {
    match found {
        rdap::Lookup::Registered(domain) if is_reserved(&domain) => {
            Ok((Availability::Reserved, Some(Details::Rdap(domain))))
        }
        rdap::Lookup::Registered(domain) => Ok((Availability::Registered, Some(Details::Rdap(domain)))),
        rdap::Lookup::NotRegistered { .. } => Ok((Availability::Available, None)),
        rdap::Lookup::Unknown(why) => Err(Why::Rdap(why)),
    }
}

/// Names that nobody has registered and that a registry has an object for all the same.
fn is_reserved(domain: &rdap::Domain) -> bool {
    domain.status.iter().any(|status| status == "reserved")
        && domain.registrar.is_none()
        && domain.event("registration").is_none()
}

fn by_whois(found: whois::Lookup) -> Result<Said, Why> {
    let availability = match &found.state {
        whois::State::Registered => Availability::Registered,
        whois::State::NotRegistered => Availability::Available,
        whois::State::Reserved => Availability::Reserved,
        whois::State::Unknown(why) => return Err(Why::Whois(why.clone())),
    };
    Ok((availability, Some(Details::Whois(Box::new(found)))))
}

fn by_dns(answer: dns::Answer) -> Result<Said, Why> {
    match &answer.found {
        // Name servers of an alias's target are not the name's own.
        dns::Found::Records(_) if answer.aliases.is_empty() => {
            Ok((Availability::Registered, Some(Details::Dns(answer))))
        }
        dns::Found::Unknown(why) => Err(Why::Dns(why.clone())),
        _ => Err(Why::NotDelegated),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Rdap => "RDAP",
            Source::Whois => "WHOIS",
            Source::Dns => "DNS",
        })
    }
}
