//! Deleting a domain: it can be had back for a while (RFC 3915), unless it is new.

use super::found;
use crate::registry::answer::{Done, Refusal, Trid};
use crate::registry::clock::{days_after, instant};
use crate::registry::command::Call;
use crate::registry::fees::{self, Price};
use crate::registry::options::Operation;
use crate::registry::state::{Domain, Grace, GraceKind, Stage, State};
use crate::registry::xml::{DOMAIN, Element, Sequence, Writer, label};

pub(in crate::registry) fn delete(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    fields.end()?;
    let domain = found(call.state, &name)?;
    domain.about.sponsored_by(&call.by)?;
    domain.prohibits("Delete")?;
    let subordinates = call.state.subordinates(&name);
    if let Some(host) = subordinates.first() {
        let refusal = Refusal::because(2305, format!("The host {host} is below it"));
        return Err(refusal.about("domain", DOMAIN, "name", &name));
    }
    let cost = call.state.price(&name, Operation::Delete, 1)?;
    fees::agreed(call, &cost)?;
    call.state.afford(&call.by, &cost)?;
    let is_new = domain.graces.iter().any(|grace| grace.kind == GraceKind::Add);
    let credit = credit(domain);
    let price = Price { minor: cost.minor - credit, ..cost };
    call.state.charge(&call.by, &price.currency, price.minor);
    call.state.counts(&name).deleted += 1;
    if is_new {
        call.state.remove(&name);
    } else {
        call.state.put_into_redemption(&name, call.trid.clone());
    }
    let code = if call.state.domains.contains_key(&name) { 1001 } else { 1000 };
    Ok(Done { code, data: String::new(), extension: fees::paid(call, "delData", &price, None) })
}

/// What is given back for a domain that is deleted now (RFC 3915, section 2.1), which has one currency.
fn credit(domain: &Domain) -> i64 {
    domain.graces.iter().map(|grace: &Grace| grace.paid).sum()
}

impl State {
    /// Deletes a domain, which ends its grace periods.
    pub(in crate::registry) fn put_into_redemption(&mut self, name: &str, by: Trid) {
        let (now, days) = (self.now, self.options.redemption_days);
        if let Some(domain) = self.domains.get_mut(name) {
            domain.graces.clear();
            domain.stage = Stage::Redemption { until: days_after(now, days), deleted: now, by };
        }
        self.settle();
    }

    /// Removes a domain for good, and the hosts below it that were made meanwhile.
    pub(in crate::registry) fn remove(&mut self, name: &str) {
        for host in self.subordinates(name) {
            self.hosts.remove(&host);
            for domain in self.domains.values_mut() {
                domain.hosts.retain(|server| *server != host);
            }
        }
        self.domains.remove(name);
        self.counts(name).purged += 1;
    }

    /// The end of a pending action, as a message says it (RFC 5731, section 3.3).
    pub(in crate::registry) fn action_ended(&self, name: &str, by: &Trid) -> String {
        let mut out = Writer::new();
        out.open("domain:panData", &[("xmlns:domain", DOMAIN)]);
        out.text_with("domain:name", &[("paResult", "1")], name).open("domain:paTRID", &[]);
        by.write(&mut out);
        out.close("domain:paTRID").text("domain:paDate", &instant(self.now));
        out.close("domain:panData").finish()
    }
}
