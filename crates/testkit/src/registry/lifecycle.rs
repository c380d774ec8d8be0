//! What time does to the objects of the registry. Each thing happens at its own instant, in order, however far the clock
//! is moved at once.

use jiff::Timestamp;

use super::clock::{days_after, instant, years_after};
use super::options::{AtExpiry, Operation};
use super::state::{Domain, Grace, GraceKind, Stage, State};
use super::xml::{DOMAIN, Writer};

/// The status of a domain whose time is up and that is not renewed by itself.
pub(super) const EXPIRED: &str = "serverHold";

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    DomainTransfer(String),
    ContactTransfer(String),
    Expiry(String),
    EndOfHold(String),
    EndOfStage(String),
    EndOfGrace(String),
}

impl State {
    /// Moves the clock, and lets happen what is due on the way.
    pub(super) fn move_to(&mut self, target: Timestamp) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= target) {
            self.now = self.now.max(at);
            self.happen(due);
        }
        self.now = target;
    }

    /// Lets happen what is due by now.
    pub(super) fn settle(&mut self) {
        self.move_to(self.now);
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        let contacts = self.contacts.iter().filter_map(|(id, contact)| {
            let pending = contact.transfer.as_ref().filter(|transfer| transfer.status == "pending")?;
            Some((pending.acted, Due::ContactTransfer(id.clone())))
        });
        self.domains.values().flat_map(|domain| self.due(domain)).chain(contacts).min()
    }

    fn due(&self, domain: &Domain) -> Vec<(Timestamp, Due)> {
        let name = || domain.name.clone();
        let mut due: Vec<_> = domain.graces.iter().map(|grace| (grace.until, Due::EndOfGrace(name()))).collect();
        if let Some(pending) = domain.transfer.as_ref().filter(|transfer| transfer.status == "pending") {
            due.push((pending.acted, Due::DomainTransfer(name())));
        }
        match (&domain.stage, self.options.at_expiry) {
            (Stage::Active, AtExpiry::Expire { grace_days }) if domain.statuses.contains(EXPIRED) => {
                due.push((days_after(domain.expires, grace_days), Due::EndOfHold(name())));
            }
            (Stage::Active, _) => due.push((domain.expires, Due::Expiry(name()))),
            (
                Stage::Redemption { until, .. }
                | Stage::PendingRestore { until, .. }
                | Stage::PendingDelete { until, .. },
                _,
            ) => due.push((*until, Due::EndOfStage(name()))),
        }
        due
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::DomainTransfer(name) => {
                self.end_domain_transfer(&name, "serverApproved");
            }
            Due::ContactTransfer(id) => {
                self.end_contact_transfer(&id, "serverApproved");
            }
            Due::Expiry(name) => match self.options.at_expiry {
                AtExpiry::AutoRenew { grace_days } => self.renew_by_itself(&name, grace_days),
                AtExpiry::Expire { .. } => self.expire(&name),
            },
            Due::EndOfHold(name) => {
                let trid = self.own_trid();
                let sponsor = self.domains.get(&name).map(|domain| domain.about.sponsor.clone());
                if let Some(domain) = self.domains.get_mut(&name) {
                    domain.statuses.remove(EXPIRED);
                }
                self.tell(
                    &sponsor.unwrap_or_default(),
                    "Domain deleted after its expiry",
                    String::new(),
                    String::new(),
                );
                self.put_into_redemption(&name, trid);
            }
            Due::EndOfStage(name) => self.end_stage(&name),
            Due::EndOfGrace(name) => {
                let now = self.now;
                if let Some(domain) = self.domains.get_mut(&name) {
                    domain.graces.retain(|grace| grace.until > now);
                }
            }
        }
    }

    fn renew_by_itself(&mut self, name: &str, grace_days: i64) {
        let Ok(price) = self.price(name, Operation::Renew, 1) else { return };
        let now = self.now;
        let Some(domain) = self.domains.get_mut(name) else { return };
        domain.expires = years_after(domain.expires, 1);
        if grace_days > 0 {
            let (until, currency) = (days_after(now, grace_days), price.currency.clone());
            domain.graces.push(Grace { kind: GraceKind::AutoRenew, until, currency, paid: price.minor });
        }
        let (sponsor, expires) = (domain.about.sponsor.clone(), domain.expires);
        self.charge(&sponsor, &price.currency, price.minor);
        self.counts(name).auto_renewed += 1;
        self.tell(&sponsor, "Domain renewed automatically", renewed(name, expires), String::new());
    }

    fn expire(&mut self, name: &str) {
        let Some(domain) = self.domains.get_mut(name) else { return };
        domain.statuses.insert(EXPIRED.to_owned());
        let (sponsor, data) = (domain.about.sponsor.clone(), renewed(name, domain.expires));
        self.tell(&sponsor, "Domain expired", data, String::new());
    }

    fn end_stage(&mut self, name: &str) {
        let (now, options) = (self.now, self.options.clone());
        let Some(domain) = self.domains.get_mut(name) else { return };
        let sponsor = domain.about.sponsor.clone();
        match domain.stage.clone() {
            Stage::Active => {}
            Stage::Redemption { by, .. } => {
                domain.stage = Stage::PendingDelete { until: days_after(now, options.pending_delete_days), by };
            }
            // RFC 3915, section 2: without a report in time, back to the redemption period.
            Stage::PendingRestore { deleted, by, .. } => {
                domain.stage = Stage::Redemption { until: days_after(now, options.redemption_days), deleted, by };
                self.tell(&sponsor, "Restore report missing", String::new(), String::new());
            }
            Stage::PendingDelete { by, .. } => {
                self.remove(name);
                let data = self.action_ended(name, &by);
                self.tell(&sponsor, "Domain deleted", data, String::new());
            }
        }
    }
}

fn renewed(name: &str, expires: Timestamp) -> String {
    let mut out = Writer::new();
    out.open("domain:renData", &[("xmlns:domain", DOMAIN)]).text("domain:name", name);
    out.text("domain:exDate", &instant(expires)).close("domain:renData").finish()
}
