//! What is known of a domain. Everybody sees it; `authInfo` is for the sponsor and for who shows it.

use super::found;
use crate::registry::answer::{Done, Refusal};
use crate::registry::authorisation::Shown;
use crate::registry::clock::instant;
use crate::registry::command::Call;
use crate::registry::state::{Domain, State};
use crate::registry::xml::{DOMAIN, Element, RGP, SEC_DNS, Sequence, Writer, choice, only_attributes, token};

pub(in crate::registry) fn info(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let element = fields.one("name")?;
    only_attributes(element, &["hosts"])?;
    let which = choice(element, "hosts", &["all", "del", "none", "sub"])?.unwrap_or("all");
    let name = token(element, 1, 255)?.to_lowercase();
    let shown = fields.maybe("authInfo").map(Shown::read).transpose()?;
    fields.end()?;
    let domain = found(call.state, &name)?;
    if let Some(shown) = &shown {
        fits(call.state, domain, shown)?;
    }
    let is_private = shown.is_some() || domain.about.sponsor == call.by;
    let data = answer(call.state, domain, which, is_private);
    let mut out = Writer::new();
    if call.chose(RGP) {
        write_rgp(domain, "rgp:infData", &mut out);
    }
    if call.chose(SEC_DNS) {
        domain.signing.write(&mut out);
    }
    Ok(Done { code: 1000, data, extension: out.finish() })
}

/// Whether it is the `authInfo` of the domain, or by `roid` that of one of its contacts (RFC 5731, section 3.1.2).
pub(super) fn fits(state: &State, domain: &Domain, shown: &Shown) -> Result<(), Refusal> {
    let contacts = domain.registrant.iter().chain(domain.contacts.iter().map(|(_, id)| id));
    let contacts = contacts.filter_map(|id| state.contacts.get(id));
    let own = (domain.about.roid.as_str(), domain.auth_info.as_deref());
    let others = contacts.map(|contact| (contact.about.roid.as_str(), Some(contact.details.auth_info.as_str())));
    shown.fits(&std::iter::once(own).chain(others).collect::<Vec<_>>())
}

fn answer(state: &State, domain: &Domain, which: &str, is_private: bool) -> String {
    let mut out = Writer::new();
    out.open("domain:infData", &[("xmlns:domain", DOMAIN)]).text("domain:name", &domain.name);
    out.text("domain:roid", &domain.about.roid);
    for status in domain.shown_statuses() {
        out.empty("domain:status", &[("s", &status)]);
    }
    out.maybe("domain:registrant", domain.registrant.as_deref());
    for (kind, id) in &domain.contacts {
        out.text_with("domain:contact", &[("type", kind)], id);
    }
    if matches!(which, "all" | "del") && !domain.hosts.is_empty() {
        out.open("domain:ns", &[]);
        for host in &domain.hosts {
            out.text("domain:hostObj", host);
        }
        out.close("domain:ns");
    }
    if matches!(which, "all" | "sub") {
        for host in state.subordinates(&domain.name) {
            out.text("domain:host", &host);
        }
    }
    domain.about.write("domain", &mut out);
    out.text("domain:exDate", &instant(domain.expires));
    out.maybe("domain:trDate", domain.about.transferred.map(instant).as_deref());
    if let (true, Some(password)) = (is_private, &domain.auth_info) {
        out.open("domain:authInfo", &[]).text("domain:pw", password).close("domain:authInfo");
    }
    out.close("domain:infData").finish()
}

/// The statuses of RFC 3915, when there are any.
pub(super) fn write_rgp(domain: &Domain, name: &str, out: &mut Writer) {
    let statuses = domain.rgp();
    if statuses.is_empty() {
        return;
    }
    out.open(name, &[("xmlns:rgp", RGP)]);
    for status in statuses {
        out.empty("rgp:rgpStatus", &[("s", status)]);
    }
    out.close(name);
}
