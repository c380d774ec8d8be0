//! Renewing a domain. The client says when it believes that the domain expires, so that a command that is sent twice
//! renews once (RFC 5731, section 3.2.3).

use super::{extended, found, period};
use crate::registry::answer::{Done, Refusal};
use crate::registry::clock::{day, days_after, instant};
use crate::registry::command::Call;
use crate::registry::fees;
use crate::registry::options::Operation;
use crate::registry::state::{Grace, GraceKind};
use crate::registry::xml::{DOMAIN, Element, Sequence, Writer, label, token};

pub(in crate::registry) fn renew(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let believed = date(fields.one("curExpDate")?)?;
    let years = period(fields.maybe("period"))?;
    fields.end()?;
    let domain = found(call.state, &name)?;
    domain.about.sponsored_by(&call.by)?;
    domain.prohibits("Renew")?;
    if believed != day(domain.expires) {
        return Err(Refusal::because(2306, "curExpDate is not the day on which the domain expires"));
    }
    let expires = extended(call.state, domain.expires, years)?;
    let price = call.state.price(&name, Operation::Renew, years)?;
    fees::agreed(call, &price)?;
    call.state.afford(&call.by, &price)?;
    call.state.charge(&call.by, &price.currency, price.minor);
    let (now, days) = (call.state.now, call.state.options.renew_grace_days);
    if let Some(domain) = call.state.domains.get_mut(&name) {
        domain.expires = expires;
        domain.about.updated = Some((call.by.clone(), now));
        if expires > now {
            domain.statuses.remove(crate::registry::lifecycle::EXPIRED);
        }
        if days > 0 {
            let until = days_after(now, days);
            let (currency, paid) = (price.currency.clone(), price.minor);
            domain.graces.push(Grace { kind: GraceKind::Renew, until, currency, paid });
        }
    }
    call.state.counts(&name).renewed += 1;
    let mut out = Writer::new();
    out.open("domain:renData", &[("xmlns:domain", DOMAIN)]).text("domain:name", &name);
    let data = out.text("domain:exDate", &instant(expires)).close("domain:renData").finish();
    Ok(Done { code: 1000, data, extension: fees::paid(call, "renData", &price, Some(years)) })
}

/// A `date` of XML Schema, of which the zone is UTC.
fn date(element: Element<'_>) -> Result<String, Refusal> {
    let text = token(element, 10, 11)?;
    let day = text.strip_suffix('Z').unwrap_or(&text);
    let invalid = || Refusal::because(2001, format!("curExpDate is a date: {text}"));
    day.parse::<jiff::civil::Date>().map_err(|_| invalid())?;
    // A date with the time of day is another type.
    if day.len() == 10 { Ok(day.to_owned()) } else { Err(invalid()) }
}
