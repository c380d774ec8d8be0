//! Contacts (RFC 5733).

mod details;

use std::collections::BTreeSet;

pub(super) use details::Details;

use super::answer::{Done, Refusal};
use super::authorisation::Shown;
use super::clock::{days_after, instant};
use super::command::Call;
use super::hosts::{change_statuses, statuses};
use super::state::{Contact, State, Transfer};
use super::transfers;
use super::xml::{CONTACT, Element, Sequence, Writer, client_id};

const STATUSES: [&str; 12] = [
    "clientDeleteProhibited",
    "clientTransferProhibited",
    "clientUpdateProhibited",
    "linked",
    "ok",
    "pendingCreate",
    "pendingDelete",
    "pendingTransfer",
    "pendingUpdate",
    "serverDeleteProhibited",
    "serverTransferProhibited",
    "serverUpdateProhibited",
];

pub(super) fn check(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let ids = fields.some("id")?.into_iter().map(client_id).collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    let mut out = Writer::new();
    out.open("contact:chkData", &[("xmlns:contact", CONTACT)]);
    for id in ids {
        let exists = call.state.contacts.contains_key(&id);
        let available = if exists { "0" } else { "1" };
        out.open("contact:cd", &[]).text_with("contact:id", &[("avail", available)], &id);
        out.maybe("contact:reason", exists.then_some("In use")).close("contact:cd");
    }
    Ok(Done::with(out.close("contact:chkData").finish()))
}

pub(super) fn found<'a>(state: &'a State, id: &str) -> Result<&'a Contact, Refusal> {
    let contact = state.contacts.get(id);
    contact.ok_or_else(|| Refusal::because(2303, "No such contact").about("contact", CONTACT, "id", id))
}

/// The contact of a command, and the `authInfo` that it shows.
fn asked(object: Element<'_>) -> Result<(String, Option<Shown>), Refusal> {
    let mut fields = Sequence::of(object)?;
    let id = client_id(fields.one("id")?)?;
    let shown = fields.maybe("authInfo").map(Shown::read).transpose()?;
    fields.end()?;
    Ok((id, shown))
}

fn check_shown(contact: &Contact, shown: Option<&Shown>) -> Result<(), Refusal> {
    let own = (contact.about.roid.as_str(), Some(contact.details.auth_info.as_str()));
    shown.map_or(Ok(()), |shown| shown.fits(&[own]))
}

pub(super) fn info(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let (id, shown) = asked(object)?;
    let contact = found(call.state, &id)?;
    check_shown(contact, shown.as_ref())?;
    if shown.is_none() {
        contact.about.sponsored_by(&call.by)?;
    }
    let mut out = Writer::new();
    out.open("contact:infData", &[("xmlns:contact", CONTACT)]).text("contact:id", &id);
    out.text("contact:roid", &contact.about.roid);
    for status in shown_statuses(call.state, &id, contact) {
        out.empty("contact:status", &[("s", &status)]);
    }
    contact.details.write(&mut out);
    contact.about.write("contact", &mut out);
    out.maybe("contact:trDate", contact.about.transferred.map(instant).as_deref());
    contact.details.write_private(&mut out);
    Ok(Done::with(out.close("contact:infData").finish()))
}

fn is_transferring(contact: &Contact) -> bool {
    contact.transfer.as_ref().is_some_and(|transfer| transfer.status == "pending")
}

fn shown_statuses(state: &State, id: &str, contact: &Contact) -> Vec<String> {
    let mut shown: Vec<String> = contact.statuses.iter().cloned().collect();
    if is_transferring(contact) {
        shown.push("pendingTransfer".to_owned());
    }
    if shown.is_empty() {
        shown.push("ok".to_owned());
    }
    if state.is_contact_linked(id) {
        shown.push("linked".to_owned());
    }
    shown
}

pub(super) fn create(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let id = client_id(fields.one("id")?)?;
    let details = Details::read(&mut fields)?;
    fields.end()?;
    if call.state.contacts.contains_key(&id) {
        return Err(Refusal::because(2302, "The contact exists").about("contact", CONTACT, "id", &id));
    }
    let about = call.made('C');
    let created = about.created;
    call.state.contacts.insert(id.clone(), Contact { about, details, statuses: BTreeSet::new(), transfer: None });
    let mut out = Writer::new();
    out.open("contact:creData", &[("xmlns:contact", CONTACT)]).text("contact:id", &id);
    Ok(Done::with(out.text("contact:crDate", &instant(created)).close("contact:creData").finish()))
}

/// Whether nothing stands in the way of an operation of the sponsor.
fn may(contact: &Contact, operation: &str) -> Result<(), Refusal> {
    if is_transferring(contact) {
        let code = if operation == "Transfer" { 2300 } else { 2304 };
        return Err(Refusal::because(code, "pendingTransfer"));
    }
    let set = ["client", "server"].map(|by| format!("{by}{operation}Prohibited"));
    let status = set.into_iter().find(|status| contact.statuses.contains(status));
    status.map_or(Ok(()), |status| Err(Refusal::because(2304, status)))
}

pub(super) fn update(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let id = client_id(fields.one("id")?)?;
    let parts = [fields.maybe("add"), fields.maybe("rem"), fields.maybe("chg")];
    fields.end()?;
    let contact = found(call.state, &id)?;
    contact.about.sponsored_by(&call.by)?;
    if parts.iter().all(Option::is_none) {
        return Err(Refusal::because(2003, "add, rem or chg"));
    }
    let (add, remove) = (named(parts[0])?, named(parts[1])?);
    let frees = remove.iter().any(|status| status == "clientUpdateProhibited");
    match may(contact, "Update") {
        Err(refusal) if !(frees && refusal.reason.as_deref() == Some("clientUpdateProhibited")) => return Err(refusal),
        _ => {}
    }
    let mut changed = contact.clone();
    changed.statuses = change_statuses(&contact.statuses, &add, &remove)?;
    if let Some(chg) = parts[2] {
        changed.details = contact.details.changed(chg)?;
    }
    changed.about.updated = Some((call.by.clone(), call.state.now));
    call.state.contacts.insert(id, changed);
    Ok(Done::new(1000))
}

/// The statuses that `add` or `rem` names, at least one.
fn named(element: Option<Element<'_>>) -> Result<Vec<String>, Refusal> {
    let Some(element) = element else { return Ok(Vec::new()) };
    let mut fields = Sequence::of(element)?;
    let found = statuses(&fields.some("status")?, &STATUSES)?;
    fields.end()?;
    Ok(found)
}

pub(super) fn delete(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let id = client_id(fields.one("id")?)?;
    fields.end()?;
    let contact = found(call.state, &id)?;
    contact.about.sponsored_by(&call.by)?;
    may(contact, "Delete")?;
    if call.state.is_contact_linked(&id) {
        return Err(Refusal::because(2305, "Domains name it").about("contact", CONTACT, "id", &id));
    }
    call.state.contacts.remove(&id);
    Ok(Done::new(1000))
}

pub(super) fn transfer(call: &mut Call<'_>, operation: &str, object: Element<'_>) -> Result<Done, Refusal> {
    let (id, shown) = asked(object)?;
    let contact = found(call.state, &id)?;
    check_shown(contact, shown.as_ref())?;
    match operation {
        "query" => {
            let last = transfers::queried(contact.transfer.as_ref(), &call.by, shown.is_some())?;
            Ok(Done::with(last.write("contact", CONTACT, "id", &id)))
        }
        "request" if shown.is_none() => Err(Refusal::because(2003, "authInfo")),
        "request" => request(call, &id),
        _ => {
            let status = transfers::decided(contact.transfer.as_ref(), operation, &call.by)?;
            let data = call.state.end_contact_transfer(&id, status);
            Ok(Done::with(data))
        }
    }
}

fn request(call: &mut Call<'_>, id: &str) -> Result<Done, Refusal> {
    let (now, days) = (call.state.now, call.state.options.transfer_days);
    let contact = found(call.state, id)?;
    if contact.about.sponsor == call.by {
        return Err(Refusal::because(2106, "The contact is the registrar's own"));
    }
    may(contact, "Transfer")?;
    let losing = contact.about.sponsor.clone();
    let transfer = Transfer {
        status: "pending",
        gaining: call.by.clone(),
        requested: now,
        losing: losing.clone(),
        acted: days_after(now, days),
        expires: None,
        years: 0,
    };
    let data = transfer.write("contact", CONTACT, "id", id);
    if let Some(contact) = call.state.contacts.get_mut(id) {
        contact.transfer = Some(transfer);
    }
    call.state.tell(&losing, "Transfer requested", data.clone(), String::new());
    Ok(Done { code: 1001, data, extension: String::new() })
}

impl State {
    /// Ends a transfer that is pending, tells the other registrar (or both, when the registry decides), and returns
    /// `trnData`.
    pub(super) fn end_contact_transfer(&mut self, id: &str, status: &'static str) -> String {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(id) else { return String::new() };
        let Some(transfer) = contact.transfer.as_mut() else { return String::new() };
        (transfer.status, transfer.acted) = (status, now);
        if transfers::is_approval(status) {
            contact.about.sponsor.clone_from(&transfer.gaining);
            contact.about.transferred = Some(now);
        }
        let data = transfer.write("contact", CONTACT, "id", id);
        let (gaining, losing) = (transfer.gaining.clone(), transfer.losing.clone());
        self.tell_of_transfer(status, &gaining, &losing, &data);
        data
    }

    /// Whoever did not decide about a transfer learns of it.
    pub(super) fn tell_of_transfer(&mut self, status: &str, gaining: &str, losing: &str, data: &str) {
        let (text, to): (_, &[&str]) = match status {
            "clientApproved" => ("Transfer approved", &[gaining]),
            "clientRejected" => ("Transfer rejected", &[gaining]),
            "clientCancelled" => ("Transfer cancelled", &[losing]),
            "serverApproved" => ("Transfer approved by the registry", &[gaining, losing]),
            _ => ("Transfer cancelled by the registry", &[gaining, losing]),
        };
        for registrar in to {
            self.tell(registrar, text, data.to_owned(), String::new());
        }
    }
}
