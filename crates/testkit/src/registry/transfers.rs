//! Transfers of domains and contacts (RFC 5730, section 2.9.3.4).

use super::answer::Refusal;
use super::clock::instant;
use super::state::Transfer;
use super::xml::Writer;

/// The status that a pending transfer gets: the losing registrar approves and rejects, the gaining one cancels.
pub(super) fn decided(transfer: Option<&Transfer>, operation: &str, by: &str) -> Result<&'static str, Refusal> {
    let pending = transfer.filter(|transfer| transfer.status == "pending");
    let pending = pending.ok_or_else(|| Refusal::because(2301, "No transfer is pending"))?;
    let (who, status) = match operation {
        "approve" => (&pending.losing, "clientApproved"),
        "reject" => (&pending.losing, "clientRejected"),
        _ => (&pending.gaining, "clientCancelled"),
    };
    if who == by { Ok(status) } else { Err(Refusal::because(2201, "Another registrar decides that")) }
}

/// The last transfer, for those who take part in it or showed that they may see the object.
pub(super) fn queried<'a>(transfer: Option<&'a Transfer>, by: &str, is_allowed: bool) -> Result<&'a Transfer, Refusal> {
    let transfer = transfer.ok_or_else(|| Refusal::because(2301, "It was not transferred"))?;
    let takes_part = transfer.gaining == by || transfer.losing == by;
    if takes_part || is_allowed { Ok(transfer) } else { Err(Refusal::because(2201, "Not one of the two registrars")) }
}

/// Whether a transfer was approved by someone.
pub(super) fn is_approval(status: &str) -> bool {
    matches!(status, "clientApproved" | "serverApproved")
}

impl Transfer {
    /// `trnData` of this object.
    pub(super) fn write(&self, prefix: &str, namespace: &str, element: &str, id: &str) -> String {
        let name = |element: &str| format!("{prefix}:{element}");
        let (data, attribute) = (name("trnData"), format!("xmlns:{prefix}"));
        let mut out = Writer::new();
        out.open(&data, &[(&attribute, namespace)]).text(&name(element), id);
        out.text(&name("trStatus"), self.status).text(&name("reID"), &self.gaining);
        out.text(&name("reDate"), &instant(self.requested)).text(&name("acID"), &self.losing);
        out.text(&name("acDate"), &instant(self.acted));
        let expires = self.expires.filter(|_| self.status == "pending" || is_approval(self.status));
        out.maybe(&name("exDate"), expires.map(instant).as_deref());
        out.close(&data).finish()
    }
}
