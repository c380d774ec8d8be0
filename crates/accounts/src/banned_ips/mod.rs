//! Networks from which nothing is answered: staff's and clients' pages, both APIs, logins with the right password too.
//!
//! What must hold:
//! - A ban holds before anything else is looked at, on every node: each keeps all bans in memory ([`InForce`]) and hears
//!   of a change when it is committed.
//! - A network has one ban. Banning it again is a conflict while that is in force; one that has ended is replaced.
//! - Nobody shuts out the own address without saying so.
//! - Bans that the program sets itself never meet a network of the setting [`NEVER`].
//!
//! What surprises: 10.1.2.3 is banned by 10.1.2.3, by 10.1.0.0/16, and by ::ffff:10.1.2.3, which is the same address.

pub mod admin;
pub mod api;
pub(crate) mod automatic;
pub mod compat;
mod in_force;
pub mod lookup;
mod store;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use kernel::{Error, FieldErrors, Network, Result, Timestamp, nonempty, single_line};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::{news, record};

use crate::activity_log::{self, Activity, Actor, changes};
use crate::roles::Permission;

pub use automatic::{API_TRIES, Door, SETTINGS, failed};
pub use in_force::{InForce, log_refused_login, watch};
pub use store::{COLUMNS, SORTS, query};

pub const VIEW: Permission = Permission("View Banned IPs");
pub const ADD: Permission = Permission("Add Banned IP");
pub const LIFT: Permission = Permission("Unban Banned IP");

/// What other nodes are told has changed.
const TOPIC: &str = "banned_ips";

/// Bans that have ended, for [`platform::prune`].
pub const ENDED: Rubbish = Rubbish {
    name: "ended bans",
    table: "banned_ips",
    key: "id",
    condition: "expires_at <= $1",
    after: After::Seconds(0),
};

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Ban {
        pub id: i64,
        /// `192.0.2.1`, `10.1.0.0/16`, `2001:db8::/32`.
        pub network: String,
        pub reason: String,
        /// Who set it.
        pub set_by: String,
        /// After too many failures, by the program itself.
        pub automatic: bool,
        pub created_at: Timestamp,
        /// `None`: for good.
        pub expires_at: Option<Timestamp>,
    }
}

impl Ban {
    /// What whoever is banned is told.
    pub fn refusal(&self) -> Error {
        Error::Banned { reason: self.reason.clone(), until: self.expires_at }
    }

    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|until| until > now)
    }
}

/// A ban as somebody wants it.
#[derive(Debug, Clone)]
pub struct NewBan {
    pub network: Network,
    /// Shown to whoever is banned.
    pub reason: String,
    /// `None`: for good.
    pub expires_at: Option<Timestamp>,
}

/// Whether whoever bans the own address has said that this is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnAddress {
    Refuse,
    Confirmed,
}

/// What became of several bans.
#[derive(Debug, Default)]
pub struct Banned {
    pub added: Vec<Ban>,
    /// Networks that were banned already.
    pub already: Vec<String>,
}

/// So many networks are banned at once.
pub const MOST: usize = 10_000;
const REASON: usize = 200;

/// The network that is written, or the sentence to show beside its field.
pub fn network(text: &str) -> Result<Network, String> {
    let shown: String = text.trim().chars().take(60).collect();
    Network::parse(text).ok_or_else(|| {
        format!("“{shown}” is no address or network. Write it like 192.0.2.1, 10.1.0.0/16, 10.1.*.* or 2001:db8::/32.")
    })
}

/// The networks of a pasted list: lines, commas, spaces. Everything that is none is named.
pub fn networks(text: &str) -> Result<Vec<Network>, String> {
    let parts = text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for part in parts {
        match Network::parse(part) {
            Some(network) if found.contains(&network) => {}
            Some(network) => found.push(network),
            None => wrong.push(part.chars().take(60).collect::<String>()),
        }
    }
    if !wrong.is_empty() {
        let named: Vec<String> = wrong.iter().take(5).map(|part| format!("“{part}”")).collect();
        let more = if wrong.len() > 5 { format!(" and {} more", wrong.len() - 5) } else { String::new() };
        return Err(format!(
            "{}{more}: no address or network. Write them like 192.0.2.1, 10.1.0.0/16, 10.1.*.* or 2001:db8::/32.",
            named.join(", ")
        ));
    }
    match found.len() {
        0 => Err("Enter an address or a network.".to_owned()),
        many if many > MOST => Err(format!("These are {many} networks. Ban at most {MOST} at once.")),
        _ => Ok(found),
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Ban> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Ban"))
}

/// All bans in force, by network.
pub async fn in_force(conn: &mut Conn, now: Timestamp) -> Result<Vec<Ban>> {
    store::in_force(conn, now).await
}

/// Bans a network. Banning one again is a conflict while the ban is in force.
pub async fn ban(tx: &mut Tx, by: &Actor, new: NewBan, own: OwnAddress, now: Timestamp) -> Result<Ban> {
    let network = new.network;
    let banned = ban_all(tx, by, &[network], &new.reason, new.expires_at, own, now).await?;
    match banned.added.into_iter().next() {
        Some(ban) => Ok(ban),
        None => Err(Error::conflict(format!("{network} is banned already."))),
    }
}

/// Bans several networks for the same reason and as long: those that are not banned yet.
pub async fn ban_all(
    tx: &mut Tx,
    by: &Actor,
    networks: &[Network],
    reason: &str,
    expires_at: Option<Timestamp>,
    own: OwnAddress,
    now: Timestamp,
) -> Result<Banned> {
    let mut errors = FieldErrors::default();
    let reason = checked_reason(reason, &mut errors);
    check_end(expires_at, now, &mut errors);
    check_own(by, networks, own, &mut errors);
    errors.check()?;
    let set = store::Set { reason: &reason, set_by: &by.name, automatic: false, expires_at, now };
    let added = store::insert(tx, networks, &set).await?;
    let already = networks
        .iter()
        .map(Network::to_string)
        .filter(|network| !added.iter().any(|ban| ban.network == *network))
        .collect();
    let entries: Vec<Activity> = added.iter().map(told).collect();
    activity_log::record_all(tx, by, &entries, now).await?;
    if !added.is_empty() {
        news::tell(tx, TOPIC).await?;
    }
    Ok(Banned { added, already })
}

/// Changes the network, the reason and the end of a ban.
pub async fn change(tx: &mut Tx, by: &Actor, id: i64, new: NewBan, own: OwnAddress, now: Timestamp) -> Result<Ban> {
    let old = find(tx, id).await?;
    let network = new.network.to_string();
    let mut errors = FieldErrors::default();
    let reason = checked_reason(&new.reason, &mut errors);
    if new.expires_at != old.expires_at {
        check_end(new.expires_at, now, &mut errors);
    }
    check_own(by, &[new.network], own, &mut errors);
    if store::named(tx, &network).await?.is_some_and(|other| other != id) {
        errors.add("network", format!("{network} has a ban of its own."));
    }
    errors.check()?;
    let changes = changes([
        ("Network", old.network.clone(), network),
        ("Reason", old.reason.clone(), reason.clone()),
        ("Until", end(old.expires_at), end(new.expires_at)),
    ]);
    if changes.is_empty() {
        return Ok(old);
    }
    store::update(tx, id, &new.network, &reason, new.expires_at).await?;
    let activity = Activity::new(format!("Ban of {} changed", new.network)).about(subject(id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    news::tell(tx, TOPIC).await?;
    find(tx, id).await
}

/// Lifts a ban.
pub async fn lift(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<Ban> {
    let ban = find(tx, id).await?;
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Ban of {} lifted ({})", ban.network, ban.reason)).about(subject(id));
    activity_log::record(tx, by, activity, now).await?;
    news::tell(tx, TOPIC).await?;
    Ok(ban)
}

/// Lifts the ban of exactly this network.
pub async fn lift_network(tx: &mut Tx, by: &Actor, network: &Network, now: Timestamp) -> Result<Ban> {
    match store::named(tx, &network.to_string()).await? {
        Some(id) => lift(tx, by, id, now).await,
        None => Err(Error::NotFound("Ban")),
    }
}

/// The ban in force that an address is under, as the database has it: for whoever must not rely on what this node has
/// heard.
pub async fn of_address(conn: &mut Conn, ip: &str, now: Timestamp) -> Result<Option<Ban>> {
    match ip.parse() {
        Ok(address) => store::over(conn, address, now).await,
        Err(_) => Ok(None),
    }
}

fn checked_reason(reason: &str, errors: &mut FieldErrors) -> String {
    let reason = errors.take("reason", single_line(reason, REASON)).unwrap_or_default();
    if nonempty(&reason).is_none() && errors.of("reason").is_none() {
        errors.add("reason", "Enter a reason. Whoever is banned is shown it.");
    }
    reason
}

fn check_end(expires_at: Option<Timestamp>, now: Timestamp, errors: &mut FieldErrors) {
    if expires_at.is_some_and(|until| until <= now) {
        errors.add("expires_at", "Enter a moment in the future, or nothing for a ban for good.");
    }
}

fn check_own(by: &Actor, networks: &[Network], own: OwnAddress, errors: &mut FieldErrors) {
    let Ok(address) = by.ip.parse::<IpAddr>() else { return };
    if own == OwnAddress::Refuse
        && let Some(network) = networks.iter().find(|network| network.contains(address))
    {
        errors.add(
            "confirm",
            format!("{network} bans {address}, from where you are asking: you would be shut out at once. Confirm it if that is meant."),
        );
    }
}

fn told(ban: &Ban) -> Activity {
    let until = end(ban.expires_at);
    Activity::new(format!("{} banned, {until}: {}", ban.network, ban.reason)).about(subject(ban.id))
}

fn end(expires_at: Option<Timestamp>) -> String {
    expires_at.map_or_else(|| "for good".to_owned(), |until| format!("until {until}"))
}

fn subject(id: i64) -> String {
    format!("banned_ip:{id}")
}
