//! The invoice of an order that comes back after it was called off with its invoices. Without it the first period, which
//! a cancelled invoice billed, and the setup fee would be given away.

use std::collections::HashSet;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use billing::invoices::{self, InvoiceStatus, Line, NewInvoice, NewLine, Tell};
use billing::recurring;
use billing::terms::{Buyer, Terms};
use kernel::{Money, Period, Result, Timestamp};
use platform::db::Conn;

use super::moves::{Trigger, set_up, status_of};
use super::{Order, OrderStatus, documents, items, store, subject};

/// The lines that are billed once more when an order goes back to pending from a status: those that its cancelled
/// invoices hold and whose service or addon is not over.
pub(crate) async fn lines_to_bill(conn: &mut Conn, order: &Order, from: OrderStatus) -> Result<Vec<Line>> {
    if !matches!(from, OrderStatus::Cancelled | OrderStatus::Fraud) {
        return Ok(Vec::new());
    }
    let mut owners = HashSet::new();
    for item in items(conn, order.id).await? {
        let status = status_of(conn, &item).await?;
        let revived = super::Move::Pending.of_service(from, status).unwrap_or(status);
        if !revived.is_over() {
            owners.insert(documents::owner(&item));
        }
    }
    let is_wanted = |line: &Line| documents::owner_of(line).is_some_and(|owner| owners.contains(&owner));
    let all = documents::of(conn, order).await?;
    let cancelled = all.into_iter().filter(|document| document.invoice.status == InvoiceStatus::Cancelled);
    Ok(cancelled.flat_map(|document| document.lines).filter(is_wanted).collect())
}

/// Issues them, at the prices of then and with the taxes of today. `from` is the status that the order had.
pub(super) async fn bill(
    tx: &mut Locked<'_>,
    by: &Actor,
    order: Order,
    from: OrderStatus,
    now: Timestamp,
) -> Result<Order> {
    let old = lines_to_bill(tx, &order, from).await?;
    if old.is_empty() {
        return Ok(order);
    }
    let mut lines = Vec::with_capacity(old.len());
    for line in old {
        let period = line.period_from.zip(line.period_until).map(|(from, until)| Period { from, until });
        let billed = line.charge_id.zip(period);
        if let Some((charge, period)) = billed {
            recurring::reopen(tx, charge, period.from, now).await?;
        }
        lines.push(NewLine {
            kind: line.kind,
            billed,
            owner: line.owner_kind.zip(line.owner_id),
            description: line.description,
            quantity: line.quantity,
            amount: Money::new(line.amount, order.currency),
            taxed: line.taxed,
        });
    }
    let standing = documents::of(tx, &order).await?.into_iter().map(|document| document.invoice);
    let standing: Vec<i64> =
        standing.filter(|invoice| invoice.status != InvoiceStatus::Cancelled).map(|invoice| invoice.id).collect();
    let terms = Terms::load(tx, now).await?;
    let document = NewInvoice {
        buyer: Buyer::of(&clients::find(tx, order.client_id).await?),
        issued_on: terms.today,
        due_on: terms.today,
        gateway: order.gateway.clone(),
        lines,
        notes: String::new(),
        source: subject(order.id),
        levels: None,
    };
    let Some(issued) = invoices::issue(tx, &terms, vec![document], Tell::Client).await?.pop() else { return Ok(order) };
    store::set_invoice(tx, order.id, Some(issued.id)).await?;
    // What was paid, or stayed open, goes on to count.
    store::forget_split_off(tx, order.id).await?;
    for id in standing {
        store::add_split_off(tx, order.id, id).await?;
    }
    let text =
        format!("Invoice {} of {} issued for order {} that came back", issued.number, issued.total, order.number);
    let activity = Activity::new(text).client(order.client_id).about(subject(order.id));
    activity_log::record(tx, by, activity, now).await?;
    let order = Order { invoice_id: Some(issued.id), ..order };
    // What costs nothing is as good as paid, and its event came before the order knew the invoice.
    if issued.total.is_zero() {
        set_up(tx, by, &order, Trigger::Paid, now).await?;
    }
    super::find(tx, order.id).await
}
