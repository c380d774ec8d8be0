//! Changing a domain.

use super::{add, found, people, references_exist, remove, restore, servers};
use crate::registry::answer::{Done, Refusal};
use crate::registry::authorisation;
use crate::registry::command::Call;
use crate::registry::dnssec;
use crate::registry::fees;
use crate::registry::hosts::{change_statuses, statuses};
use crate::registry::options::Operation;
use crate::registry::state::Domain;
use crate::registry::xml::{Element, FEE, RGP, SEC_DNS, Sequence, label, only_attributes, token};

const STATUSES: [&str; 17] = [
    "clientDeleteProhibited",
    "clientHold",
    "clientRenewProhibited",
    "clientTransferProhibited",
    "clientUpdateProhibited",
    "inactive",
    "ok",
    "pendingCreate",
    "pendingDelete",
    "pendingRenew",
    "pendingTransfer",
    "pendingUpdate",
    "serverDeleteProhibited",
    "serverHold",
    "serverRenewProhibited",
    "serverTransferProhibited",
    "serverUpdateProhibited",
];

/// What `add` or `rem` names.
#[derive(Default)]
struct Change {
    hosts: Vec<String>,
    contacts: Vec<(String, String)>,
    statuses: Vec<String>,
}

impl Change {
    fn read(element: Option<Element<'_>>) -> Result<Self, Refusal> {
        let Some(element) = element else { return Ok(Self::default()) };
        only_attributes(element, &[])?;
        let mut fields = Sequence::of(element)?;
        let hosts = fields.maybe("ns").map_or(Ok(Vec::new()), servers)?;
        let contacts = people(&fields.many("contact", usize::MAX)?)?;
        let statuses = statuses(&fields.many("status", 11)?, &STATUSES)?;
        fields.end()?;
        Ok(Self { hosts, contacts, statuses })
    }

    fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.contacts.is_empty() && self.statuses.is_empty()
    }
}

pub(in crate::registry) fn update(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let parts = [fields.maybe("add"), fields.maybe("rem"), fields.maybe("chg")];
    fields.end()?;
    let (add, remove) = (Change::read(parts[0])?, Change::read(parts[1])?);
    let domain = found(call.state, &name)?;
    domain.about.sponsored_by(&call.by)?;
    if let Some(element) = call.extension(RGP) {
        let changes = !add.is_empty() || !remove.is_empty() || call.extension(SEC_DNS).is_some();
        return restore::restore(call, &name, element, changes);
    }
    if parts.iter().all(Option::is_none) && call.extension(SEC_DNS).is_none() && call.extension(FEE).is_none() {
        return Err(Refusal::because(2003, "add, rem or chg"));
    }
    let frees = remove.statuses.iter().any(|status| status == "clientUpdateProhibited");
    match domain.prohibits("Update") {
        Err(refusal) if !(frees && refusal.reason.as_deref() == Some("clientUpdateProhibited")) => return Err(refusal),
        _ => {}
    }
    let mut changed = applied(domain, &add, &remove, parts[2])?;
    if let Some(element) = call.extension(SEC_DNS) {
        changed.signing = dnssec::updated(element, &domain.signing)?;
    }
    references_exist(call.state, &changed)?;
    let price = call.state.price(&name, Operation::Update, 1)?;
    fees::agreed(call, &price)?;
    call.state.afford(&call.by, &price)?;
    call.state.charge(&call.by, &price.currency, price.minor);
    changed.about.updated = Some((call.by.clone(), call.state.now));
    call.state.domains.insert(name, changed);
    Ok(Done { code: 1000, data: String::new(), extension: fees::paid(call, "updData", &price, None) })
}

/// The domain after the changes; what goes, goes first.
fn applied(domain: &Domain, new: &Change, old: &Change, chg: Option<Element<'_>>) -> Result<Domain, Refusal> {
    let mut changed = domain.clone();
    remove(&mut changed.hosts, &old.hosts)?;
    add(&mut changed.hosts, &new.hosts)?;
    remove(&mut changed.contacts, &old.contacts)?;
    add(&mut changed.contacts, &new.contacts)?;
    changed.statuses = change_statuses(&domain.statuses, &new.statuses, &old.statuses)?;
    let Some(chg) = chg else { return Ok(changed) };
    let mut fields = Sequence::of(chg)?;
    if let Some(registrant) = fields.maybe("registrant") {
        let id = token(registrant, 0, 16)?;
        changed.registrant = Some(id).filter(|id| !id.is_empty());
    }
    if let Some(auth_info) = fields.maybe("authInfo") {
        changed.auth_info = authorisation::changed(auth_info)?;
    }
    fields.end()?;
    Ok(changed)
}
