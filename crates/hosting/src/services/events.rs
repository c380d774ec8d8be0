//! What others tell services: a payment moved a due date, a client was closed.

use accounts::activity_log::Actor;
use accounts::clients::{self, ClientClosed, Locked};
use billing::recurring::{self, Direction, DueDateMoved};
use kernel::{Result, Timestamp};
use platform::Reaction;
use platform::db::Tx;

use super::change::complete;
use super::charges::is_paid_off;
use super::{ADDON, SERVICE, ServiceStatus, find, lock_stock, set_status, store};

/// A payment has moved a charge: the service or addon says the same. The last of a limited number of periods, once paid,
/// completes a service. What the charge says now counts, because this may be called long after the event, by a job that
/// holds nobody's lock: it is read under the client's.
pub fn due_date_moved<'a>(tx: &'a mut Tx, event: &'a DueDateMoved) -> Reaction<'a> {
    Box::pin(async move {
        let (kind, id) = (event.owner_kind.as_str(), event.owner_id);
        // A charge keeps its client.
        let Some(charge) = recurring::of_owner(tx, kind, id).await? else { return Ok(()) };
        let mut locked = clients::lock(tx, charge.client_id).await?;
        let Some(charge) = recurring::of_owner(&mut locked, kind, id).await? else { return Ok(()) };
        match kind {
            SERVICE => {
                store::move_due(&mut locked, id, charge.next_due_on).await?;
                match (event.direction, is_paid_off(&charge)) {
                    (Direction::On, true) => run_out(&mut locked, id, event.now).await,
                    (Direction::Back, false) => go_on(&mut locked, id, event.now).await,
                    _ => Ok(()),
                }
            }
            ADDON => store::move_addon_due(&mut locked, id, charge.next_due_on).await,
            _ => Ok(()),
        }
    })
}

/// A closed client has no services: what was ordered is cancelled, what ran is terminated.
pub fn client_closed<'a>(tx: &'a mut Tx, event: &'a ClientClosed) -> Reaction<'a> {
    Box::pin(async move {
        let mut locked = clients::lock(tx, event.client_id).await?;
        let live = store::live_of_client(&mut locked, event.client_id).await?;
        lock_stock(&mut locked, &live.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        for (id, status) in live {
            let end = match status {
                ServiceStatus::Pending => ServiceStatus::Cancelled,
                _ => ServiceStatus::Terminated,
            };
            set_status(&mut locked, &event.by, id, end, event.now).await?;
        }
        Ok(())
    })
}

async fn run_out(tx: &mut Locked<'_>, id: i64, now: Timestamp) -> Result<()> {
    let service = find(tx, id).await?;
    if service.status.is_billable() {
        complete(tx, service, now).await?;
    }
    Ok(())
}

/// A service that its last payment had completed goes on when that payment is taken back.
async fn go_on(tx: &mut Locked<'_>, id: i64, now: Timestamp) -> Result<()> {
    let service = find(tx, id).await?;
    if service.status == ServiceStatus::Completed {
        set_status(tx, &Actor::system("Payment taken back"), id, ServiceStatus::Active, now).await?;
    }
    Ok(())
}
