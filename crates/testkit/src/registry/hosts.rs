//! Name servers (RFC 5732). A host in a zone of the registry is below a domain of its sponsor, and has addresses when,
//! and only when, it is in a zone of the registry.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answer::{Done, Refusal};
use super::clock::instant;
use super::command::Call;
use super::names;
use super::state::{Host, Provenance, State};
use super::xml::{Element, HOST, Sequence, Writer, choice, collapsed, label, only_attributes, token};

const STATUSES: [&str; 10] = [
    "clientDeleteProhibited",
    "clientUpdateProhibited",
    "linked",
    "ok",
    "pendingCreate",
    "pendingDelete",
    "pendingTransfer",
    "pendingUpdate",
    "serverDeleteProhibited",
    "serverUpdateProhibited",
];

pub(super) fn check(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let names = names_of(object)?;
    let mut out = Writer::new();
    out.open("host:chkData", &[("xmlns:host", HOST)]);
    for name in names {
        let problem = if call.state.hosts.contains_key(&name) {
            Some("In use")
        } else {
            names::checked(&name).err().map(|_| "Not a name")
        };
        let available = if problem.is_none() { "1" } else { "0" };
        out.open("host:cd", &[]).text_with("host:name", &[("avail", available)], &name);
        out.maybe("host:reason", problem).close("host:cd");
    }
    Ok(Done::with(out.close("host:chkData").finish()))
}

fn names_of(object: Element<'_>) -> Result<Vec<String>, Refusal> {
    let mut fields = Sequence::of(object)?;
    let names = fields.some("name")?.into_iter().map(label).collect::<Result<_, _>>()?;
    fields.end()?;
    Ok(names)
}

/// The only name of the command, of a host that exists.
fn existing(state: &State, object: Element<'_>) -> Result<String, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    fields.end()?;
    found(state, &name)?;
    Ok(name)
}

fn found<'a>(state: &'a State, name: &str) -> Result<&'a Host, Refusal> {
    state.hosts.get(name).ok_or_else(|| Refusal::because(2303, "No such host").about("host", HOST, "name", name))
}

pub(super) fn info(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let name = existing(call.state, object)?;
    let host = found(call.state, &name)?;
    let mut out = Writer::new();
    out.open("host:infData", &[("xmlns:host", HOST)]).text("host:name", &name);
    out.text("host:roid", &host.about.roid);
    for status in shown_statuses(call.state, &name, host) {
        out.empty("host:status", &[("s", &status)]);
    }
    for address in &host.addresses {
        let family = if address.is_ipv4() { "v4" } else { "v6" };
        out.text_with("host:addr", &[("ip", family)], &address.to_string());
    }
    host.about.write("host", &mut out);
    out.maybe("host:trDate", host.about.transferred.map(instant).as_deref());
    Ok(Done::with(out.close("host:infData").finish()))
}

fn shown_statuses(state: &State, name: &str, host: &Host) -> Vec<String> {
    let mut shown: Vec<String> = host.statuses.iter().cloned().collect();
    let superordinate = state.superordinate(name).and_then(|domain| state.domains.get(&domain));
    if superordinate.is_some_and(super::state::Domain::is_transferring) {
        shown.push("pendingTransfer".to_owned());
    }
    // `ok` goes with no other status but `linked` (RFC 5732, section 2.3).
    if shown.is_empty() {
        shown.push("ok".to_owned());
    }
    if state.is_host_linked(name) {
        shown.push("linked".to_owned());
    }
    shown
}

pub(super) fn create(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let addresses = addresses(&fields.many("addr", usize::MAX)?)?;
    fields.end()?;
    names::checked(&name)?;
    if call.state.hosts.contains_key(&name) {
        return Err(Refusal::because(2302, "The host exists").about("host", HOST, "name", &name));
    }
    may_be_named(call, &name)?;
    addresses_fit(call.state, &name, &addresses)?;
    let about = call.made('H');
    let created = about.created;
    call.state.hosts.insert(name.clone(), Host { about, addresses, statuses: BTreeSet::new() });
    let mut out = Writer::new();
    out.open("host:creData", &[("xmlns:host", HOST)]).text("host:name", &name);
    Ok(Done::with(out.text("host:crDate", &instant(created)).close("host:creData").finish()))
}

/// A host in a zone of the registry is made by the sponsor of the domain above it, which exists.
fn may_be_named(call: &Call<'_>, name: &str) -> Result<(), Refusal> {
    if !call.state.is_internal(name) {
        return Ok(());
    }
    let above = call.state.superordinate(name).and_then(|domain| call.state.domains.get(&domain));
    above.ok_or_else(|| Refusal::because(2303, "No domain is above the host"))?.about.sponsored_by(&call.by)
}

/// Glue is for hosts within the zones, which cannot be found without (RFC 5732, section 1.1).
fn addresses_fit(state: &State, name: &str, addresses: &BTreeSet<IpAddr>) -> Result<(), Refusal> {
    match (state.is_internal(name), addresses.is_empty()) {
        (true, true) => Err(Refusal::because(2003, "A host in the zone needs an address")),
        (false, false) => Err(Refusal::because(2306, "A host outside of the zone has no address here")),
        _ => Ok(()),
    }
}

fn addresses(elements: &[Element<'_>]) -> Result<BTreeSet<IpAddr>, Refusal> {
    let mut found = BTreeSet::new();
    for element in elements {
        only_attributes(*element, &["ip"])?;
        let text = token(*element, 3, 45)?;
        let address = if choice(*element, "ip", &["v4", "v6"])?.unwrap_or("v4") == "v4" {
            text.parse().ok().map(IpAddr::V4)
        } else {
            text.parse().ok().map(IpAddr::V6)
        };
        let address = address.ok_or_else(|| Refusal::because(2005, format!("Not an address of its family: {text}")))?;
        if !found.insert(address) {
            return Err(Refusal::because(2306, format!("Named twice: {text}")));
        }
    }
    Ok(found)
}

/// What `add` or `rem` names.
#[derive(Default)]
struct Change {
    addresses: BTreeSet<IpAddr>,
    statuses: Vec<String>,
}

fn change(element: Option<Element<'_>>) -> Result<Change, Refusal> {
    let Some(element) = element else { return Ok(Change::default()) };
    let mut fields = Sequence::of(element)?;
    let addresses = addresses(&fields.many("addr", usize::MAX)?)?;
    let statuses = statuses(&fields.many("status", 7)?, &STATUSES)?;
    fields.end()?;
    Ok(Change { addresses, statuses })
}

/// The statuses that a client names: of this mapping, and its own to set (RFC 5730, section 2.2 of the mappings).
pub(super) fn statuses(elements: &[Element<'_>], known: &[&'static str]) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for element in elements {
        only_attributes(*element, &["s", "lang"])?;
        let status = super::xml::chosen(*element, "s", known)?;
        collapsed(&super::xml::string(*element, 0, usize::MAX)?);
        if !status.starts_with("client") {
            return Err(Refusal::because(2306, format!("{status} is not for clients to set")));
        }
        found.push(status.to_owned());
    }
    Ok(found)
}

/// Adds and removes statuses, none of which may be there or missing already.
pub(super) fn change_statuses(
    set: &BTreeSet<String>,
    add: &[String],
    remove: &[String],
) -> Result<BTreeSet<String>, Refusal> {
    let mut set = set.clone();
    for status in remove {
        if !set.remove(status) {
            return Err(Refusal::because(2306, format!("{status} is not set")));
        }
    }
    for status in add {
        if !set.insert(status.clone()) {
            return Err(Refusal::because(2306, format!("{status} is set")));
        }
    }
    Ok(set)
}

pub(super) fn update(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let parts = [fields.maybe("add"), fields.maybe("rem"), fields.maybe("chg")];
    fields.end()?;
    let host = found(call.state, &name)?;
    host.about.sponsored_by(&call.by)?;
    if parts.iter().all(Option::is_none) {
        return Err(Refusal::because(2003, "add, rem or chg"));
    }
    let (add, remove) = (change(parts[0])?, change(parts[1])?);
    let renamed = parts[2].map(new_name).transpose()?;
    let frees = remove.statuses.iter().any(|status| status == "clientUpdateProhibited");
    if host.statuses.contains("serverUpdateProhibited") || (host.statuses.contains("clientUpdateProhibited") && !frees)
    {
        return Err(Refusal::because(2304, "UpdateProhibited"));
    }
    let mut changed = host.clone();
    changed.statuses = change_statuses(&host.statuses, &add.statuses, &remove.statuses)?;
    for address in &remove.addresses {
        if !changed.addresses.remove(address) {
            return Err(Refusal::because(2306, format!("{address} is not there")));
        }
    }
    for address in &add.addresses {
        if !changed.addresses.insert(*address) {
            return Err(Refusal::because(2306, format!("{address} is there")));
        }
    }
    let target = renamed.unwrap_or_else(|| name.clone());
    if target != name {
        may_be_renamed(call, &name, &target)?;
    }
    addresses_fit(call.state, &target, &changed.addresses)?;
    changed.about.updated = Some((call.by.clone(), call.state.now));
    rename(call.state, &name, target, changed);
    Ok(Done::new(1000))
}

fn new_name(element: Element<'_>) -> Result<String, Refusal> {
    let mut fields = Sequence::of(element)?;
    let name = label(fields.one("name")?)?;
    fields.end()?;
    names::checked(&name)?;
    Ok(name)
}

/// RFC 5732, section 3.2.5: the new name is free, and domains of other registrars do not get another name server by it.
fn may_be_renamed(call: &Call<'_>, from: &str, to: &str) -> Result<(), Refusal> {
    if call.state.hosts.contains_key(to) {
        return Err(Refusal::because(2302, "The host exists").about("host", HOST, "name", to));
    }
    may_be_named(call, to)?;
    let external = !call.state.is_internal(from);
    let foreign = call
        .state
        .domains
        .values()
        .any(|domain| domain.hosts.iter().any(|host| host == from) && domain.about.sponsor != call.by);
    if external && foreign {
        return Err(Refusal::because(2305, "Domains of other registrars are delegated to it"));
    }
    Ok(())
}

fn rename(state: &mut State, from: &str, to: String, host: Host) {
    for domain in state.domains.values_mut() {
        for server in domain.hosts.iter_mut().filter(|server| *server == from) {
            server.clone_from(&to);
        }
    }
    state.hosts.remove(from);
    state.hosts.insert(to, host);
}

pub(super) fn delete(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let name = existing(call.state, object)?;
    let host = found(call.state, &name)?;
    host.about.sponsored_by(&call.by)?;
    if let Some(status) = host.statuses.iter().find(|status| status.ends_with("DeleteProhibited")) {
        return Err(Refusal::because(2304, status.as_str()));
    }
    if call.state.is_host_linked(&name) {
        return Err(Refusal::because(2305, "Domains are delegated to it").about("host", HOST, "name", &name));
    }
    call.state.hosts.remove(&name);
    Ok(Done::new(1000))
}

impl Call<'_> {
    /// Who made an object, which is made now.
    pub(super) fn made(&mut self, kind: char) -> Provenance {
        Provenance {
            roid: self.state.roid(kind),
            sponsor: self.by.clone(),
            creator: self.by.clone(),
            created: self.state.now,
            updated: None,
            transferred: None,
        }
    }
}
