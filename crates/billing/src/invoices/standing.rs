//! Where staff put an invoice that is owed: unpaid, announced as on its way, or handed over to collections. No money moves.
//!
//! What surprises: only unpaid invoices are charged to stored cards and take credit; the other two wait for somebody.

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients::Locked;
use kernel::{Error, Result, Timestamp};
use platform::params;

use super::InvoiceStatus;

kernel::text_enum! {
    pub enum Standing {
        Unpaid = "unpaid",
        PaymentPending = "payment_pending",
        Collections = "collections",
    }
}

impl Standing {
    pub fn status(self) -> InvoiceStatus {
        match self {
            Standing::Unpaid => InvoiceStatus::Unpaid,
            Standing::PaymentPending => InvoiceStatus::PaymentPending,
            Standing::Collections => InvoiceStatus::Collections,
        }
    }

    /// The standing that a status is, if somebody may choose it.
    pub fn of(status: InvoiceStatus) -> Option<Standing> {
        Standing::ALL.iter().copied().find(|standing| standing.status() == status)
    }
}

/// Puts an open invoice there. Putting it where it is changes nothing.
pub async fn put(tx: &mut Locked<'_>, by: &Actor, id: i64, standing: Standing, now: Timestamp) -> Result<()> {
    let invoice = super::find(tx, id).await?;
    tx.check(invoice.client_id)?;
    if !invoice.is_open() {
        let how = match invoice.status {
            InvoiceStatus::Draft => "Publish it first.",
            InvoiceStatus::Paid => "To take a payment back that was recorded by mistake, void the transaction.",
            _ => "Duplicate it to ask for the money again.",
        };
        return Err(Error::refused(format!("The invoice is {}, so nothing is owed on it. {how}", invoice.status)));
    }
    if invoice.status == standing.status() {
        return Ok(());
    }
    super::check_no_charge_under_way(tx, id).await?;
    tx.execute("UPDATE invoices SET status = $2, updated_at = $3 WHERE id = $1", params![id, standing.status(), now])
        .await?;
    let changed = changes([("status", invoice.status.to_string(), standing.to_string())]);
    let activity = Activity::new(format!("Invoice {} is {} now", invoice.title(), standing))
        .client(invoice.client_id)
        .about(format!("invoice:{id}"))
        .changed(changed);
    activity_log::record(tx, by, activity, now).await
}
