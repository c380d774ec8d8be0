//! Domains (RFC 5731).

mod create;
mod delete;
mod info;
mod renew;
mod restore;
mod transfer;
mod update;

pub(super) use create::create;
pub(super) use delete::delete;
pub(super) use info::info;
pub(super) use renew::renew;
pub(super) use transfer::transfer;
pub(super) use update::update;

use super::answer::{Done, Refusal};
use super::clock::years_after;
use super::command::Call;
use super::state::{Domain, State};
use super::xml::{DOMAIN, Element, Sequence, Writer, chosen, label, number, only_attributes, token};
use super::{contacts, fees, launch};

/// No registration reaches further than this into the future.
const MOST_YEARS: i64 = 10;

pub(super) fn check(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let names = fields.some("name")?.into_iter().map(label).collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    if let Some(done) = launch::checked(call, &names)? {
        return Ok(done);
    }
    let mut out = Writer::new();
    out.open("domain:chkData", &[("xmlns:domain", DOMAIN)]);
    for name in &names {
        let problem = unavailable(call.state, name);
        let available = if problem.is_none() { "1" } else { "0" };
        out.open("domain:cd", &[]).text_with("domain:name", &[("avail", available)], name);
        out.maybe("domain:reason", problem).close("domain:cd");
    }
    let mut done = Done::with(out.close("domain:chkData").finish());
    fees::checked(call, &names, &mut done)?;
    Ok(done)
}

/// Why nobody can register the name now, in the 32 characters that there are for it.
fn unavailable(state: &State, name: &str) -> Option<&'static str> {
    match state.zone_of(name) {
        Err(refusal) if refusal.code == 2306 => Some("Not a zone of this registry"),
        Err(_) => Some("Not a name"),
        Ok(_) if state.domains.contains_key(name) => Some("In use"),
        Ok(zone) if zone.reserved.contains(name) => Some("Reserved"),
        Ok(_) => None,
    }
}

fn found<'a>(state: &'a State, name: &str) -> Result<&'a Domain, Refusal> {
    let domain = state.domains.get(name);
    domain.ok_or_else(|| Refusal::because(2303, "No such domain").about("domain", DOMAIN, "name", name))
}

/// A period in whole years, of whatever length: `domain:period` and `fee:period`.
pub(super) fn years(element: Element<'_>) -> Result<u32, Refusal> {
    only_attributes(element, &["unit"])?;
    let unit = chosen(element, "unit", &["y", "m"])?;
    let count = number(element, 1..=99)?;
    if unit == "m" { Err(Refusal::because(2306, "A period is in whole years")) } else { Ok(count) }
}

/// A period that can be bought.
fn period(element: Option<Element<'_>>) -> Result<i64, Refusal> {
    let years = element.map_or(Ok(1), years).map(i64::from)?;
    if years > MOST_YEARS { Err(Refusal::because(2306, "The period is 1 to 10 years")) } else { Ok(years) }
}

/// The expiry so many years later, unless it were too far away.
fn extended(state: &State, from: jiff::Timestamp, years: i64) -> Result<jiff::Timestamp, Refusal> {
    let expires = years_after(from, years);
    if expires > years_after(state.now, MOST_YEARS) {
        return Err(Refusal::because(2306, "It would expire more than 10 years from now"));
    }
    Ok(expires)
}

/// The host objects of an `ns`.
fn servers(element: Element<'_>) -> Result<Vec<String>, Refusal> {
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    if fields.maybe("hostAttr").is_some() {
        return Err(Refusal::because(2102, "Name servers are host objects"));
    }
    let names = fields.some("hostObj")?.into_iter().map(label).collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    Ok(names)
}

/// Type and identifier of each contact.
fn people(elements: &[Element<'_>]) -> Result<Vec<(String, String)>, Refusal> {
    let read = |element: &Element<'_>| {
        only_attributes(*element, &["type"])?;
        let kind = super::xml::choice(*element, "type", &["admin", "billing", "tech"])?;
        let kind = kind.ok_or_else(|| Refusal::because(2003, "A contact needs a type"))?;
        Ok((kind.to_owned(), token(*element, 3, 16)?))
    };
    elements.iter().map(read).collect()
}

/// Adds what is not there yet.
fn add<T: PartialEq + Clone + std::fmt::Debug>(list: &mut Vec<T>, new: &[T]) -> Result<(), Refusal> {
    for item in new {
        if list.contains(item) {
            return Err(Refusal::because(2306, format!("It is there already: {item:?}")));
        }
        list.push(item.clone());
    }
    Ok(())
}

/// Removes what is there.
fn remove<T: PartialEq + std::fmt::Debug>(list: &mut Vec<T>, old: &[T]) -> Result<(), Refusal> {
    for item in old {
        let at = list.iter().position(|known| known == item);
        list.remove(at.ok_or_else(|| Refusal::because(2306, format!("It is not there: {item:?}")))?);
    }
    Ok(())
}

/// All hosts and contacts that a domain names exist.
fn references_exist(state: &State, domain: &Domain) -> Result<(), Refusal> {
    for host in &domain.hosts {
        if !state.hosts.contains_key(host) {
            let refusal = Refusal::because(2303, "No such host");
            return Err(refusal.about("domain", DOMAIN, "hostObj", host));
        }
    }
    let named = domain.registrant.iter().chain(domain.contacts.iter().map(|(_, id)| id));
    named.map(|id| contacts::found(state, id).map(|_| ())).collect()
}
