//! Moving a domain to another registrar (RFC 5731, section 3.2.4).

use super::{MOST_YEARS, extended, found, info, period};
use crate::registry::answer::{Done, Refusal};
use crate::registry::authorisation::Shown;
use crate::registry::clock::{days_after, years_after};
use crate::registry::command::Call;
use crate::registry::options::Operation;
use crate::registry::state::{Domain, Grace, GraceKind, State, Transfer};
use crate::registry::xml::{DOMAIN, Element, Sequence, label};
use crate::registry::{fees, transfers};

pub(in crate::registry) fn transfer(
    call: &mut Call<'_>,
    operation: &str,
    object: Element<'_>,
) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let years = period(fields.maybe("period"))?;
    let shown = fields.maybe("authInfo").map(Shown::read).transpose()?;
    fields.end()?;
    let domain = found(call.state, &name)?;
    if let Some(shown) = &shown {
        info::fits(call.state, domain, shown)?;
    }
    match operation {
        "query" => {
            let last = transfers::queried(domain.transfer.as_ref(), &call.by, shown.is_some())?;
            Ok(Done::with(last.write("domain", DOMAIN, "name", &name)))
        }
        "request" if shown.is_none() => Err(Refusal::because(2003, "authInfo")),
        "request" => request(call, &name, years),
        _ => {
            let status = transfers::decided(domain.transfer.as_ref(), operation, &call.by)?;
            Ok(Done::with(call.state.end_domain_transfer(&name, status)))
        }
    }
}

fn request(call: &mut Call<'_>, name: &str, years: i64) -> Result<Done, Refusal> {
    let domain = found(call.state, name)?;
    if domain.about.sponsor == call.by {
        return Err(Refusal::because(2106, "The domain is the registrar's own"));
    }
    domain.prohibits("Transfer")?;
    is_old_enough(call.state, domain)?;
    let (base, _) = without_automatic_year(domain);
    let expires = extended(call.state, base, years)?;
    let price = call.state.price(name, Operation::Transfer, years)?;
    fees::agreed(call, &price)?;
    call.state.afford(&call.by, &price)?;
    let (now, losing) = (call.state.now, domain.about.sponsor.clone());
    let transfer = Transfer {
        status: "pending",
        gaining: call.by.clone(),
        requested: now,
        losing: losing.clone(),
        acted: days_after(now, call.state.options.transfer_days),
        expires: Some(expires),
        years,
    };
    let mut data = transfer.write("domain", DOMAIN, "name", name);
    if let Some(domain) = call.state.domains.get_mut(name) {
        domain.transfer = Some(transfer);
    }
    if call.state.options.transfer_days > 0 {
        call.state.tell(&losing, "Transfer requested", data.clone(), String::new());
    }
    call.state.settle();
    let is_pending = found(call.state, name)?.is_transferring();
    if let (false, Some(transfer)) = (is_pending, &found(call.state, name)?.transfer) {
        data = transfer.write("domain", DOMAIN, "name", name);
    }
    let extension = fees::paid(call, "trnData", &price, Some(years));
    Ok(Done { code: if is_pending { 1001 } else { 1000 }, data, extension })
}

fn is_old_enough(state: &State, domain: &Domain) -> Result<(), Refusal> {
    let days = state.options.transfer_lock_days;
    let (since, what) = match domain.about.transferred {
        Some(at) => (at, "transferred"),
        None => (domain.about.created, "created"),
    };
    if state.now < days_after(since, days) {
        return Err(Refusal::because(2304, format!("The domain was {what} less than {days} days ago")));
    }
    Ok(())
}

/// The expiry without the year that was added by itself and can still be given back, and what that year cost: a transfer
/// takes its place.
fn without_automatic_year(domain: &Domain) -> (jiff::Timestamp, Option<&Grace>) {
    let grace = domain.graces.iter().find(|grace| grace.kind == GraceKind::AutoRenew);
    if grace.is_some() { (years_after(domain.expires, -1), grace) } else { (domain.expires, None) }
}

impl State {
    /// Ends a transfer that is pending, tells who did not decide, and returns `trnData`. The gaining registrar pays when
    /// it is approved.
    pub(in crate::registry) fn end_domain_transfer(&mut self, name: &str, status: &'static str) -> String {
        let now = self.now;
        let Some(domain) = self.domains.get_mut(name) else { return String::new() };
        let Some(transfer) = domain.transfer.as_mut() else { return String::new() };
        (transfer.status, transfer.acted) = (status, now);
        let (gaining, losing, years) = (transfer.gaining.clone(), transfer.losing.clone(), transfer.years);
        if transfers::is_approval(status) {
            self.move_domain(name, &gaining, &losing, years);
        }
        let Some(transfer) = self.domains.get(name).and_then(|domain| domain.transfer.as_ref()) else {
            return String::new();
        };
        let data = transfer.write("domain", DOMAIN, "name", name);
        self.tell_of_transfer(status, &gaining, &losing, &data);
        data
    }

    fn move_domain(&mut self, name: &str, gaining: &str, losing: &str, years: i64) {
        let (now, days) = (self.now, self.options.transfer_grace_days);
        let Ok(price) = self.price(name, Operation::Transfer, years) else { return };
        let Some(domain) = self.domains.get_mut(name) else { return };
        let (base, given_back) = without_automatic_year(domain);
        let given_back = given_back.map(|grace| (grace.currency.clone(), grace.paid));
        domain.expires = years_after(base, years).min(years_after(now, MOST_YEARS));
        domain.about.sponsor = gaining.to_owned();
        domain.about.transferred = Some(now);
        domain.graces.clear();
        if days > 0 {
            let (until, currency) = (days_after(now, days), price.currency.clone());
            domain.graces.push(Grace { kind: GraceKind::Transfer, until, currency, paid: price.minor });
        }
        if let Some(transfer) = domain.transfer.as_mut() {
            transfer.expires = Some(domain.expires);
        }
        // The hosts below a domain go with it (RFC 5731, section 3.2.4).
        for host in self.subordinates(name) {
            if let Some(host) = self.hosts.get_mut(&host) {
                host.about.sponsor = gaining.to_owned();
                host.about.transferred = Some(now);
            }
        }
        self.charge(gaining, &price.currency, price.minor);
        if let Some((currency, paid)) = given_back {
            self.charge(losing, &currency, -paid);
        }
        self.counts(name).transferred += 1;
    }
}
