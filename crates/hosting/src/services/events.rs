//! What others tell services: a payment moved a due date, a client was closed.

use accounts::activity_log::Actor;
use accounts::clients::{self, ClientClosed};
use billing::recurring::{self, Direction, DueDateMoved};
use kernel::{Result, Timestamp};
use platform::Reaction;
use platform::db::Tx;

use super::{ADDON, SERVICE, ServiceStatus, find, set_status, store};

/// A payment has moved a charge on: the service or addon says the same. The last of a limited number of periods, once
/// paid, completes a service.
pub fn due_date_moved<'a>(tx: &'a mut Tx, event: &'a DueDateMoved) -> Reaction<'a> {
    Box::pin(async move {
        match event.owner_kind.as_str() {
            SERVICE => {
                store::move_due(tx, event.owner_id, event.next_due_on).await?;
                let charge = recurring::of_owner(tx, SERVICE, event.owner_id).await?;
                // The last period may be invoiced while an earlier one is being paid.
                let is_last = |charge: &recurring::RecurringCharge| {
                    charge.remaining == Some(0) && charge.next_invoice_on <= charge.next_due_on
                };
                match event.direction {
                    Direction::On if charge.is_some_and(|charge| charge.cycle.is_recurring() && is_last(&charge)) => {
                        complete(tx, event.owner_id, event.now).await
                    }
                    Direction::On => Ok(()),
                    Direction::Back => go_on(tx, event.owner_id, event.now).await,
                }
            }
            ADDON => store::move_addon_due(tx, event.owner_id, event.next_due_on).await,
            _ => Ok(()),
        }
    })
}

/// A closed client has no services: what was ordered is cancelled, what ran is terminated.
pub fn client_closed<'a>(tx: &'a mut Tx, event: &'a ClientClosed) -> Reaction<'a> {
    Box::pin(async move {
        let mut locked = clients::lock(tx, event.client_id).await?;
        for (id, status) in store::live_of_client(&mut locked, event.client_id).await? {
            let end = match status {
                ServiceStatus::Pending => ServiceStatus::Cancelled,
                _ => ServiceStatus::Terminated,
            };
            set_status(&mut locked, &event.by, id, end, event.now).await?;
        }
        Ok(())
    })
}

/// Ends a service that ran until its last period was paid.
async fn complete(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    let service = find(tx, id).await?;
    if service.status.is_billable() {
        let mut locked = clients::lock(tx, service.client_id).await?;
        set_status(&mut locked, &Actor::system("Last payment"), id, ServiceStatus::Completed, now).await?;
    }
    Ok(())
}

/// A service that its last payment had completed goes on when that payment is taken back.
async fn go_on(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    let service = find(tx, id).await?;
    if service.status == ServiceStatus::Completed {
        let mut locked = clients::lock(tx, service.client_id).await?;
        set_status(&mut locked, &Actor::system("Payment taken back"), id, ServiceStatus::Active, now).await?;
    }
    Ok(())
}
