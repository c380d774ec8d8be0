//! The charges of services and addons say what these say.

use accounts::clients::Locked;
use billing::recurring::{self, Charge, First, RecurringCharge};
use kernel::{Cycle, Money, Result, Timestamp};
use platform::db::{Conn, Tx};

use super::plan::addon_title;
use super::{ADDON, FirstInvoice, SERVICE, Service, ServiceAddon, first};
use crate::pricing::FirstCharge;
use crate::products::Product;

/// What becomes of the number of periods that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Kept,
    /// The product's limit once more: a completed service is brought back to be billed, not to run for nothing.
    Anew,
}

/// Whether the last of a limited number of periods is paid. It may be invoiced while an earlier one is being paid.
pub(super) fn is_paid_off(charge: &RecurringCharge) -> bool {
    charge.cycle.is_recurring() && charge.remaining == Some(0) && charge.next_invoice_on <= charge.next_due_on
}

/// As [`is_paid_off`], of a service.
pub(super) async fn service_is_paid_off(conn: &mut Conn, id: i64) -> Result<bool> {
    Ok(recurring::of_owner(conn, SERVICE, id).await?.is_some_and(|charge| is_paid_off(&charge)))
}

/// Makes the service's charge say what the service says. `None` for what is free.
pub(super) async fn put_charge(
    tx: &mut Locked<'_>,
    service: &Service,
    product: &Product,
    count: Count,
    now: Timestamp,
) -> Result<Option<i64>> {
    let charge = Charge {
        client_id: service.client_id,
        owner_kind: SERVICE,
        owner_id: service.id,
        description: service.title(&product.name),
        amount: service.recurring(),
        cycle: service.cycle,
        anchor_day: service.anchor_day,
        gateway: service.gateway.clone(),
        taxed: product.taxed,
        billable: service.status.is_billable(),
        next_due_on: service.next_due_on.unwrap_or(service.registered_on),
        remaining: product.periods(),
    };
    put(tx, charge, count, now).await
}

pub(super) async fn put_addon_charge(
    tx: &mut Locked<'_>,
    service: &Service,
    product: &str,
    addon: &ServiceAddon,
    now: Timestamp,
) -> Result<Option<i64>> {
    let charge = Charge {
        client_id: service.client_id,
        owner_kind: ADDON,
        owner_id: addon.id,
        description: addon_title(&addon.name, addon.quantity, &service.title(product)),
        amount: Money::new(addon.recurring_amount, service.currency),
        cycle: addon.cycle,
        anchor_day: addon.anchor_day,
        gateway: service.gateway.clone(),
        taxed: addon.taxed,
        billable: service.status.is_billable() && addon.status.is_billable(),
        next_due_on: addon.next_due_on.unwrap_or(addon.registered_on),
        remaining: None,
    };
    put(tx, charge, Count::Kept, now).await
}

/// `charge.remaining` is that of a new charge; one that is there keeps its count, unless that begins anew.
async fn put(tx: &mut Locked<'_>, mut charge: Charge, count: Count, now: Timestamp) -> Result<Option<i64>> {
    let existing = recurring::of_owner(tx, charge.owner_kind, charge.owner_id).await?;
    if charge.cycle == Cycle::Free {
        if existing.is_some() {
            recurring::set_billable(tx, charge.owner_kind, charge.owner_id, false).await?;
        }
        return Ok(None);
    }
    let recurs = charge.cycle.is_recurring();
    let limit = charge.remaining;
    charge.remaining = match &existing {
        None if recurs => limit,
        None => Some(1),
        Some(_) if recurs && count == Count::Anew => limit,
        Some(there) if there.cycle.is_recurring() == recurs => there.remaining,
        Some(_) if recurs => limit,
        // What was paid period by period is not charged once more for being one-time from now on.
        Some(_) => Some(0),
    };
    if !recurs && let Some(there) = &existing {
        charge.next_due_on = there.next_due_on;
    }
    recurring::put(tx, &charge, now).await.map(Some)
}

/// Leaves what the first invoice is to bill with the charge, for the generation of due invoices.
pub(super) async fn put_first(
    tx: &mut Tx,
    by: FirstInvoice,
    charge_id: Option<i64>,
    charge: &FirstCharge,
) -> Result<()> {
    match (by, charge_id, first::waiting(charge)) {
        (FirstInvoice::Generation, Some(charge_id), Some(first)) => recurring::first::put(tx, charge_id, &first).await,
        _ => Ok(()),
    }
}

/// Puts down what the first invoice bills now. The outer `None`: it has been made.
pub(super) async fn keep_first(
    tx: &mut Tx,
    owner_kind: &str,
    owner_id: i64,
    charge_id: Option<i64>,
    first: Option<Option<First>>,
) -> Result<()> {
    match (first, charge_id) {
        (Some(Some(first)), Some(charge_id)) => recurring::first::put(tx, charge_id, &first).await,
        (Some(_), _) => recurring::first::forget(tx, owner_kind, owner_id).await,
        (None, _) => Ok(()),
    }
}
