//! Grace periods, and the restoring of a domain that was deleted (RFC 3915, rgp-1.0).
//!
//! A restore is asked for, and then reported on: until the report is in, the domain is `pendingRestore`, and is deleted
//! after all when none comes.

use jiff::Timestamp;

use crate::error::{Hostile, NotSent, invalid};
use crate::ns;
use crate::tokens::tokens;
use crate::xml::Element;

tokens! {
    /// Where in its life a domain is (RFC 3915, section 3.1).
    Status {
        /// Created a moment ago: deleting it is refunded.
        AddPeriod = "addPeriod",
        /// Renewed by the registry a moment ago.
        AutoRenewPeriod = "autoRenewPeriod",
        /// Renewed a moment ago.
        RenewPeriod = "renewPeriod",
        /// Transferred a moment ago.
        TransferPeriod = "transferPeriod",
        /// Deleted, and can be restored.
        RedemptionPeriod = "redemptionPeriod",
        /// The restore was asked for, and the report on it is awaited.
        PendingRestore = "pendingRestore",
        /// Deleted, and cannot be restored any more.
        PendingDelete = "pendingDelete",
    }
}

/// A step of a restore; it goes with a domain's update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// The domain shall be restored.
    Request,
    /// Why and how it was.
    Report(Box<Report>),
}

/// The report on a restore (RFC 3915, section 4.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The registration before it was deleted: what WHOIS showed, or any text.
    pub before: String,
    /// The registration now.
    pub after: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// When the restore was asked for.
    pub restored_at: Timestamp,
    /// Why it is restored.
    pub reason: String,
    /// The first statement that the registry wants to have: that nobody but the registrant is to have the name.
    pub statement: String,
    /// The second: that what is said is true.
    pub second_statement: String,
    /// Anything else.
    pub other: Option<String>,
}

impl Restore {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        let update = Element::new(ns::RGP, "update");
        let restore = match self {
            Restore::Request => update.sibling("restore").with_attribute("op", "request"),
            Restore::Report(report) => {
                let body = report.element(update.sibling("report"))?;
                update.sibling("restore").with_attribute("op", "report").with(body)
            }
        };
        Ok(update.with(restore))
    }
}

impl Report {
    fn element(&self, report: Element) -> Result<Element, NotSent> {
        let needed = [&self.before, &self.after, &self.reason, &self.statement, &self.second_statement];
        if needed.iter().any(|text| text.trim().is_empty()) {
            return Err(invalid("a part of the restore report is missing"));
        }
        Ok(report
            .with_leaf("preData", &self.before)
            .with_leaf("postData", &self.after)
            .with_leaf("delTime", self.deleted_at.to_string())
            .with_leaf("resTime", self.restored_at.to_string())
            .with_leaf("resReason", &self.reason)
            .with_leaf("statement", &self.statement)
            .with_leaf("statement", &self.second_statement)
            .with_some("other", self.other.as_ref()))
    }
}

pub(crate) fn statuses(element: &Element) -> Result<Vec<Status>, Hostile> {
    element.all("rgpStatus").map(|status| Ok(Status::from(status.need_attribute("s")?))).collect()
}
