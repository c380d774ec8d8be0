//! Restoring a deleted domain (RFC 3915, section 4.2.5): a request, and a report that the registry waits for.

use super::{found, info};
use crate::registry::answer::{Done, Refusal};
use crate::registry::clock::{days_after, years_after};
use crate::registry::command::Call;
use crate::registry::fees;
use crate::registry::options::{AtExpiry, Operation};
use crate::registry::state::{Stage, State};
use crate::registry::xml::{Element, Sequence, Writer, chosen, only_attributes, token};

/// `rgp:update` of a domain of the registrar's own; nothing else may change with it.
pub(super) fn restore(call: &mut Call<'_>, name: &str, element: Element<'_>, changes: bool) -> Result<Done, Refusal> {
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    let asked = fields.one("restore")?;
    fields.end()?;
    only_attributes(asked, &["op"])?;
    let operation = chosen(asked, "op", &["request", "report"])?;
    let mut fields = Sequence::of(asked)?;
    let report = fields.maybe("report");
    fields.end()?;
    if changes {
        return Err(Refusal::because(2306, "A restore changes nothing else"));
    }
    match (operation, report) {
        ("request", None) => request(call, name),
        ("request", Some(_)) => Err(Refusal::because(2001, "A request has no report")),
        (_, None) => Err(Refusal::because(2003, "report")),
        (_, Some(report)) => report_received(call, name, report),
    }
}

fn request(call: &mut Call<'_>, name: &str) -> Result<Done, Refusal> {
    let domain = found(call.state, name)?;
    let Stage::Redemption { deleted, by, .. } = domain.stage.clone() else {
        return Err(Refusal::because(2304, "The domain is not in redemptionPeriod"));
    };
    let price = call.state.price(name, Operation::Restore, 1)?;
    fees::agreed(call, &price)?;
    call.state.afford(&call.by, &price)?;
    call.state.charge(&call.by, &price.currency, price.minor);
    let now = call.state.now;
    match call.state.options.restore_report_days {
        None => call.state.restored(name),
        Some(days) => {
            let until = days_after(now, days);
            if let Some(domain) = call.state.domains.get_mut(name) {
                domain.stage = Stage::PendingRestore { until, deleted, requested: now, by };
                domain.about.updated = Some((call.by.clone(), now));
            }
        }
    }
    let mut out = Writer::new();
    info::write_rgp(found(call.state, name)?, "rgp:upData", &mut out);
    let extension = out.raw(&fees::paid(call, "updData", &price, None)).finish();
    Ok(Done { code: 1000, data: String::new(), extension })
}

fn report_received(call: &mut Call<'_>, name: &str, report: Element<'_>) -> Result<Done, Refusal> {
    let Stage::PendingRestore { deleted, requested, .. } = found(call.state, name)?.stage else {
        return Err(Refusal::because(2304, "The domain is not in pendingRestore"));
    };
    let mut fields = Sequence::of(report)?;
    for name in ["preData", "postData"] {
        fields.one(name)?;
    }
    let (said_deleted, said_restored) = (time(fields.one("delTime")?)?, time(fields.one("resTime")?)?);
    fields.one("resReason")?;
    let statements = fields.many("statement", 2)?;
    fields.maybe("other");
    fields.end()?;
    if statements.len() != 2 {
        return Err(Refusal::because(2306, "A report has two statements"));
    }
    // The registry knows when that was, to the second.
    if said_deleted.as_second() != deleted.as_second() || said_restored.as_second() != requested.as_second() {
        return Err(Refusal::because(2306, "delTime and resTime are not those of the registry"));
    }
    call.state.restored(name);
    Ok(Done::new(1000))
}

fn time(element: Element<'_>) -> Result<jiff::Timestamp, Refusal> {
    let text = token(element, 1, 40)?;
    text.parse().map_err(|_| Refusal::because(2001, format!("Not a date and time: {text}")))
}

impl State {
    /// The domain is as it was before it was deleted. If its time is up meanwhile, the clock renews it where domains are
    /// renewed by themselves; elsewhere a year goes with the restore.
    fn restored(&mut self, name: &str) {
        let (now, at_expiry) = (self.now, self.options.at_expiry);
        if let Some(domain) = self.domains.get_mut(name) {
            domain.stage = Stage::Active;
            if matches!(at_expiry, AtExpiry::Expire { .. }) && domain.expires <= now {
                domain.expires = years_after(domain.expires, 1);
            }
        }
        self.counts(name).restored += 1;
        self.settle();
    }
}
