//! Whether names can be registered, and who has them.
//!
//! What must hold: *could not find out* is an answer of its own and never taken for *available*. It is not kept, so that the
//! next question asks again. What is kept is used for minutes only: between a look-up and an order somebody else may have
//! been faster, and only registering shows it.

pub mod admin;
pub mod api;
pub mod compat;
mod servers;
mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use accounts::activity_log::Actor;
use accounts::doors::Routes;
use accounts::roles::Permission;
use kernel::{DomainName, Error, Result, Timestamp};
use platform::App;
use platform::db::Conn;
use platform::settings::Values;
use serde::{Deserialize, Serialize};

use crate::registrars::contract::{Ability, Availability};
use crate::registrars::{self, Line};
use crate::{settings, tlds};

pub use servers::{Fetched, refresh_servers, servers};
pub use store::{OLD_ANSWERS, OLD_LOG};
pub use wire::Wire;

pub const LOOK_UP: Permission = Permission("WHOIS Lookups");
pub const VIEW_LOG: Permission = Permission("View WHOIS Lookup Log");

/// So many names are looked up at a time.
pub const MOST: usize = 50;

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

kernel::text_enum! {
    pub enum State {
        Available = "available",
        Registered = "registered",
        /// The registry keeps it for itself.
        Reserved = "reserved",
        /// Nobody could say.
        Unknown = "unknown",
    }
}
platform::enum_column!(State);

/// What was found out about a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub name: DomainName,
    pub state: State,
    /// `registrar:NAME`, `rdap` or `whois`; empty when nobody could say.
    pub source: String,
    /// What each source said that could not find out.
    pub why: String,
    /// It costs more than others, as the registrar says: decimal amounts with their currency.
    pub premium: BTreeMap<String, String>,
    pub registrar: String,
    pub created: String,
    pub expires: String,
    pub nameservers: Vec<String>,
    pub statuses: Vec<String>,
    /// The answer itself.
    pub text: String,
    pub at: Timestamp,
}

impl Answer {
    fn of(name: &DomainName, state: State, source: &str, at: Timestamp) -> Answer {
        Answer {
            name: name.clone(),
            state,
            source: source.to_owned(),
            why: String::new(),
            premium: BTreeMap::new(),
            registrar: String::new(),
            created: String::new(),
            expires: String::new(),
            nameservers: Vec::new(),
            statuses: Vec::new(),
            text: String::new(),
            at,
        }
    }

    fn unknown(name: &DomainName, why: &str, at: Timestamp) -> Answer {
        Answer { why: why.to_owned(), ..Answer::of(name, State::Unknown, "", at) }
    }
}

/// Whether what was found out a few minutes ago will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    Kept,
    Now,
}

/// Looks names up, in the order of the question. The registrar of the extension is asked first, where it can say; then the
/// registry, by RDAP and by WHOIS. No transaction is open meanwhile.
pub async fn look_up(app: &App, by: &Actor, names: &[DomainName], freshness: Freshness) -> Result<Vec<Answer>> {
    if names.len() > MOST {
        return Err(Error::invalid("names", format!("Look up at most {MOST} names at a time.")));
    }
    let now = app.clock.now();
    let mut conn = app.db.read().await?;
    let values = Values::load(&mut conn).await?;
    let minutes = values.int(&settings::LOOKUP_CACHE_MINUTES);
    let mut found: BTreeMap<DomainName, Answer> = BTreeMap::new();
    if freshness == Freshness::Kept && minutes > 0 {
        let since = now.plus_seconds(-60 * minutes);
        found.extend(store::kept(&mut conn, names, since).await?.into_iter().map(|one| (one.name.clone(), one)));
    }
    let missing: Vec<DomainName> = names.iter().filter(|name| !found.contains_key(name)).cloned().collect();
    let by_registrar = sources(&mut conn, app, &missing).await?;
    drop(conn);
    let mut asked: BTreeMap<DomainName, Answer> = BTreeMap::new();
    for (registrar, names) in by_registrar {
        for answer in ask_registrar(app, &registrar, &names, now).await? {
            asked.insert(answer.name.clone(), answer);
        }
    }
    let is_open = |name: &&DomainName| asked.get(*name).is_none_or(|answer| answer.state == State::Unknown);
    let open: Vec<DomainName> = missing.iter().filter(is_open).cloned().collect();
    for mut answer in ask_registries(app, &values, &open, now).await? {
        if let Some(before) = asked.get(&answer.name).filter(|_| answer.state == State::Unknown) {
            answer.why = format!("{}; {}", before.why, answer.why);
        }
        asked.insert(answer.name.clone(), answer);
    }
    let mut tx = app.db.write().await?;
    store::keep(&mut tx, asked.values()).await?;
    found.extend(asked);
    let answers: Vec<Answer> = names.iter().filter_map(|name| found.get(name).cloned()).collect();
    store::log(&mut tx, &answers, &by.name, now).await?;
    tx.commit().await?;
    Ok(answers)
}

/// The names by the registrar that can say something of them: that of their extension.
async fn sources(conn: &mut Conn, app: &App, names: &[DomainName]) -> Result<BTreeMap<String, Vec<DomainName>>> {
    let mut by: BTreeMap<String, Vec<DomainName>> = BTreeMap::new();
    for name in names {
        for extension in name.extensions() {
            let Some(tld) = tlds::by_extension(conn, &extension).await? else { continue };
            if !tld.registrar.is_empty() {
                by.entry(tld.registrar).or_default().push(name.clone());
            }
            break;
        }
    }
    let mut able = BTreeMap::new();
    for (registrar, names) in by {
        let Some(set_up) = registrars::by_name(conn, &registrar).await?.filter(|one| one.active) else { continue };
        let Ok((module, account)) = registrars::account(conn, app, &set_up).await else { continue };
        if module.abilities(&account).contains(&Ability::Check) {
            able.insert(registrar, names);
        }
    }
    Ok(able)
}

/// One that does not answer, or answers about other names, leaves the names unknown.
async fn ask_registrar(app: &App, registrar: &str, names: &[DomainName], now: Timestamp) -> Result<Vec<Answer>> {
    let mut conn = app.db.read().await?;
    let Some(set_up) = registrars::by_name(&mut conn, registrar).await? else { return Ok(Vec::new()) };
    let (module, account) = registrars::account(&mut conn, app, &set_up).await?;
    drop(conn);
    let answer = module.check(&account, names).await;
    if let Err(error) = &answer {
        let mut tx = app.db.write().await?;
        let domain = names.first().map(DomainName::as_str).unwrap_or_default();
        let line = Line { registrar, what: "check", ok: false, domain, detail: error.to_string() };
        registrars::log_line(&mut tx, line, now).await?;
        tx.commit().await?;
    }
    let checked = match answer {
        Ok(checked) => checked,
        Err(error) => {
            let why = format!("{}: {error}", set_up.title);
            return Ok(names.iter().map(|name| Answer::unknown(name, &why, now)).collect());
        }
    };
    let source = format!("registrar:{registrar}");
    let one = |name: &DomainName| {
        let Some(checked) = checked.iter().find(|checked| checked.name == *name) else {
            return Answer::unknown(name, &format!("{}: it said nothing of this name", set_up.title), now);
        };
        let state = match &checked.state {
            Availability::Available => State::Available,
            Availability::Registered => State::Registered,
            Availability::Reserved => State::Reserved,
            Availability::Unknown(why) => {
                return Answer::unknown(name, &format!("{}: {why}", set_up.title), now);
            }
        };
        let mut answer = Answer::of(name, state, &source, now);
        if let Some(premium) = &checked.premium {
            let costs = [
                ("register", premium.register),
                ("renew", premium.renew),
                ("transfer", premium.transfer),
                ("restore", premium.restore),
            ];
            let known = costs.into_iter().filter_map(|(what, cost)| Some((what.to_owned(), cost?.to_string())));
            answer.premium = known.collect();
        }
        answer
    };
    Ok(names.iter().map(one).collect())
}

async fn ask_registries(app: &App, values: &Values, names: &[DomainName], now: Timestamp) -> Result<Vec<Answer>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let list = servers(&mut app.db.read().await?).await?;
    let checker = app.get::<Wire>()?.checker(values, &list)?;
    let patience = Duration::from_secs(values.int(&settings::LOOKUP_SECONDS).unsigned_abs());
    let mut answers = checker.check_all(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut found: BTreeMap<String, Answer> = BTreeMap::new();
    let all = async {
        while let Some((name, finding)) = answers.next().await {
            let Ok(domain) = DomainName::parse(&name) else { continue };
            let answer = match finding {
                Ok(finding) => wire::answer(&domain, finding, now),
                Err(error) => Answer::unknown(&domain, &error.to_string(), now),
            };
            found.insert(name, answer);
        }
    };
    // Each source has its own time; this is for all of them together.
    let late = tokio::time::timeout(patience, all).await.is_err();
    let one = |name: &DomainName| {
        found.remove(name.as_str()).unwrap_or_else(|| {
            let why =
                if late { format!("no answer within {} seconds", patience.as_secs()) } else { "no answer".to_owned() };
            Answer::unknown(name, &why, now)
        })
    };
    Ok(names.iter().map(one).collect())
}
