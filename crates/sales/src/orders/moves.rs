//! What becomes of an order: accepted, called off, put back, set up by its payment.

use std::collections::HashSet;

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients::{self, ClientClosed, ClientStatus, Locked};
use billing::invoices::rearrange::{InvoiceReplaced, InvoiceSplit};
use billing::invoices::{self, InvoicePaid, InvoiceStatus};
use billing::notes;
use billing::terms::Terms;
use hosting::products::AutoSetup;
use hosting::services::{self, ServiceAddonEdit, ServiceStatus};
use kernel::{Error, Result, Timestamp};
use platform::Reaction;
use platform::db::{Conn, Tx};

use super::{
    Ended, InvoiceFate, Item, Move, NOT_DELETABLE, NOT_PENDING, Order, OrderStatus, again, documents, find, items,
    store, subject,
};

/// Makes a pending order active, with all that is pending of it.
pub async fn accept(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Order> {
    go(tx, by, id, Move::Accept, now).await
}

/// Puts an order back to where it was before it was accepted or called off. What was called off with its invoice is
/// invoiced again.
pub async fn set_pending(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Order> {
    let from = find(tx, id).await?.status;
    let order = go(tx, by, id, Move::Pending, now).await?;
    again::bill(tx, by, order, from, now).await
}

/// Calls an order off: what was not set up yet is cancelled, and so are its invoices as far as they are open.
pub async fn cancel(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Ended> {
    let order = go(tx, by, id, Move::Cancel, now).await?;
    let invoice = call_off_invoices(tx, by, &order, now).await?;
    Ok(Ended { order, invoice })
}

/// Stops everything that was ordered, and cancels its invoices as far as they are open.
pub async fn set_fraud(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Ended> {
    let order = go(tx, by, id, Move::Fraud, now).await?;
    let invoice = call_off_invoices(tx, by, &order, now).await?;
    Ok(Ended { order, invoice })
}

/// Puts a cancelled or fraudulent order out of sight. Documents, and the services that they speak of, stay.
pub async fn delete(tx: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let order = find(tx, id).await?;
    tx.check(order.client_id)?;
    if !matches!(order.status, OrderStatus::Cancelled | OrderStatus::Fraud) {
        return Err(Error::refused(NOT_DELETABLE));
    }
    store::delete(tx, id, now).await?;
    let activity = Activity::new(format!("Order {} deleted", order.number)).client(order.client_id);
    activity_log::record(tx, by, activity.about(subject(id)), now).await
}

async fn go(tx: &mut Locked<'_>, by: &Actor, id: i64, step: Move, now: Timestamp) -> Result<Order> {
    let order = find(tx, id).await?;
    tx.check(order.client_id)?;
    if !step.allowed(order.status) {
        return Err(Error::refused(match step {
            Move::Accept => NOT_PENDING.to_owned(),
            _ => format!("The order is {} already.", order.status),
        }));
    }
    if matches!(step, Move::Accept | Move::Pending) {
        let client = clients::find(tx, order.client_id).await?;
        if client.status == ClientStatus::Closed {
            return Err(Error::refused("The client's account is closed. Reopen it first."));
        }
    }
    let items = items(tx, id).await?;
    if step != Move::Accept {
        let services: Vec<i64> = items.iter().map(|item| item.service_id).collect();
        services::lock_stock(tx, &services).await?;
    }
    for item in items {
        // An addon may have gone along with its service a moment ago, so its status is asked for anew.
        if let Some(status) = step.of_service(order.status, status_of(tx, &item).await?) {
            set_item_status(tx, by, &item, status, now).await?;
        }
    }
    change_status(tx, by, order, step.target(), now).await
}

pub(super) async fn status_of(conn: &mut Conn, item: &Item) -> Result<ServiceStatus> {
    match item.service_addon_id {
        Some(id) => Ok(services::find_addon(conn, id).await?.status),
        None => Ok(services::find(conn, item.service_id).await?.status),
    }
}

async fn set_item_status(
    tx: &mut Locked<'_>,
    by: &Actor,
    item: &Item,
    status: ServiceStatus,
    now: Timestamp,
) -> Result<()> {
    match item.service_addon_id {
        Some(id) => {
            let edit = ServiceAddonEdit { status: Some(status), ..ServiceAddonEdit::default() };
            services::update_addon(tx, by, id, &edit, now).await?;
        }
        None => {
            services::set_status(tx, by, item.service_id, status, now).await?;
        }
    }
    Ok(())
}

/// What happened to an order that has this status now.
fn done(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Active => "accepted",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Fraud => "marked as fraud",
        OrderStatus::Pending => "set back to pending",
    }
}

async fn change_status(
    tx: &mut Locked<'_>,
    by: &Actor,
    order: Order,
    status: OrderStatus,
    now: Timestamp,
) -> Result<Order> {
    store::set_status(tx, order.id, status, now).await?;
    let activity = Activity::new(format!("Order {} {}", order.number, done(status)))
        .client(order.client_id)
        .about(subject(order.id))
        .changed(changes([("Status", order.status.to_string(), status.to_string())]));
    activity_log::record(tx, by, activity, now).await?;
    Ok(Order { status, updated_at: now, ..order })
}

/// Cancels the invoices of an order that was called off. One that was paid in part is left to staff: whether that money
/// goes back or becomes credit is theirs to say. While a charge of one is under way the order cannot be called off.
async fn call_off_invoices(tx: &mut Locked<'_>, by: &Actor, order: &Order, now: Timestamp) -> Result<InvoiceFate> {
    let mut fates = Vec::new();
    for document in documents::of(tx, order).await? {
        let invoice = &document.invoice;
        fates.push(document.fate());
        match document.fate() {
            InvoiceFate::Untouched => {}
            InvoiceFate::LeftOpen => {
                let why = if document.is_shared { "is about more than order" } else { "was paid in part for order" };
                let text = format!("Invoice {} {why} {} and stays open", invoice.title(), order.number);
                let activity = Activity::new(text).client(order.client_id).about(subject(order.id));
                activity_log::record(tx, by, activity, now).await?;
            }
            InvoiceFate::Cancelled => {
                let terms = Terms::load(tx, now).await?;
                let reason = format!("Order {} {}", order.number, done(order.status));
                notes::cancel(tx, &by.in_consequence(), &terms, invoice.id, &reason).await?;
            }
        }
    }
    // What somebody has to look at is told before what is done.
    let told = [InvoiceFate::LeftOpen, InvoiceFate::Cancelled].into_iter().find(|fate| fates.contains(fate));
    Ok(told.unwrap_or(InvoiceFate::Untouched))
}

/// What has happened to an order that may set things up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Placed,
    Paid,
}

/// Makes active what its product says is set up by itself now. A payment sets up what it paid for: not what was split
/// off to another invoice, before that is paid, too. When nothing is left to accept, the order is accepted.
pub(super) async fn set_up(
    tx: &mut Locked<'_>,
    by: &Actor,
    order: &Order,
    trigger: Trigger,
    now: Timestamp,
) -> Result<()> {
    let all = items(tx, order.id).await?;
    let unpaid = match trigger {
        Trigger::Placed => HashSet::new(),
        Trigger::Paid => documents::unpaid(&documents::of(tx, order).await?),
    };
    let ready = |item: &&Item| match item.auto_setup {
        AutoSetup::Order => true,
        AutoSetup::Payment => trigger == Trigger::Paid && !unpaid.contains(&documents::owner(item)),
        AutoSetup::Accept | AutoSetup::Never => false,
    };
    for item in all.iter().filter(ready) {
        if status_of(tx, item).await? == ServiceStatus::Pending {
            set_item_status(tx, by, item, ServiceStatus::Active, now).await?;
        }
    }
    if all.iter().all(|item| ready(&item)) {
        change_status(tx, by, order.clone(), OrderStatus::Active, now).await?;
    }
    Ok(())
}

/// Payment accepts what waits for nothing else. It may have been taken back by the time this is called, by a job that
/// holds nobody's lock: so the client is locked before anything is read.
pub fn invoice_paid<'a>(tx: &'a mut Tx, event: &'a InvoicePaid) -> Reaction<'a> {
    Box::pin(async move {
        let mut locked = clients::lock(tx, event.client_id).await?;
        if invoices::find(&mut locked, event.invoice_id).await?.status != InvoiceStatus::Paid {
            return Ok(());
        }
        let orders = store::of_invoice(&mut locked, event.invoice_id).await?;
        for order in orders.into_iter().filter(|order| order.status == OrderStatus::Pending) {
            set_up(&mut locked, &Actor::system("Payment"), &order, Trigger::Paid, event.now).await?;
        }
        Ok(())
    })
}

/// The invoice of an order was merged into another: paying that one counts.
pub fn invoice_replaced<'a>(tx: &'a mut Tx, event: &'a InvoiceReplaced) -> Reaction<'a> {
    Box::pin(async move { store::replace_invoice(tx, event.old_id, event.new_id).await })
}

/// Lines of an order stand on an invoice of their own from now on: that belongs to the order, too. One that asks for
/// nothing was paid when it was made, when nobody knew whose it was.
pub fn invoice_split<'a>(tx: &'a mut Tx, event: &'a InvoiceSplit) -> Reaction<'a> {
    Box::pin(async move {
        let mut tx = clients::lock(tx, event.client_id).await?;
        let moved: HashSet<documents::Owner> =
            invoices::lines(&mut tx, event.new_id).await?.iter().filter_map(documents::owner_of).collect();
        let is_paid = invoices::find(&mut tx, event.new_id).await?.status == InvoiceStatus::Paid;
        for order in store::of_invoice(&mut tx, event.old_id).await? {
            if items(&mut tx, order.id).await?.iter().any(|item| moved.contains(&documents::owner(item))) {
                store::add_split_off(&mut tx, order.id, event.new_id).await?;
                if is_paid && order.status == OrderStatus::Pending {
                    set_up(&mut tx, &Actor::system("Payment"), &order, Trigger::Paid, event.now).await?;
                }
            }
        }
        Ok(())
    })
}

/// A closed client orders nothing any more.
pub fn client_closed<'a>(tx: &'a mut Tx, event: &'a ClientClosed) -> Reaction<'a> {
    Box::pin(async move {
        for (id, number) in store::cancel_pending_of(tx, event.client_id, event.now).await? {
            let text = format!("Order {number} cancelled with its client");
            let activity = Activity::new(text).client(event.client_id).about(subject(id));
            activity_log::record(tx, &event.by, activity, event.now).await?;
        }
        Ok(())
    })
}
