//! The invoices that an order stands on: the one that placing it made, or the one that stands in for it, and those that
//! lines of it were split off to.
//!
//! What surprises: an issued invoice never changes, so a line that was moved is on the old invoice, too. It moves to a
//! newer one only; the newest invoice that has it holds it.

use std::collections::HashSet;

use billing::invoices::{self, Invoice, InvoiceStatus, Line};
use billing::notes;
use kernel::Result;
use platform::db::Conn;

use super::{InvoiceFate, Item, Order, items, store};

/// What a line is for: `services::SERVICE` or `services::ADDON`, and its id.
pub(super) type Owner = (String, i64);

/// An invoice, and what of the order it holds.
#[derive(Debug)]
pub(crate) struct Document {
    pub invoice: Invoice,
    pub lines: Vec<Line>,
    /// Something else is asked for on it, too.
    pub is_shared: bool,
    /// What notes have not taken back, in minor units. What is owed of it less than that was paid.
    left: i64,
}

impl Document {
    /// What becomes of it when the order is called off.
    pub fn fate(&self) -> InvoiceFate {
        match (self.invoice.is_open(), self.invoice.balance == self.left && !self.is_shared) {
            (false, _) => InvoiceFate::Untouched,
            (true, false) => InvoiceFate::LeftOpen,
            (true, true) => InvoiceFate::Cancelled,
        }
    }
}

pub(super) fn owner(item: &Item) -> Owner {
    match item.service_addon_id {
        Some(id) => (hosting::services::ADDON.to_owned(), id),
        None => (hosting::services::SERVICE.to_owned(), item.service_id),
    }
}

pub(super) fn owner_of(line: &Line) -> Option<Owner> {
    line.owner_kind.clone().zip(line.owner_id)
}

/// By age.
pub(crate) async fn of(conn: &mut Conn, order: &Order) -> Result<Vec<Document>> {
    let owners: HashSet<Owner> = items(conn, order.id).await?.iter().map(owner).collect();
    let mut ids = store::split_off(conn, order.id).await?;
    ids.extend(order.invoice_id);
    ids.sort_unstable();
    ids.dedup();
    let mut found: Vec<Document> = Vec::with_capacity(ids.len());
    let mut seen = HashSet::new();
    for id in ids.into_iter().rev() {
        let invoice = invoices::find(conn, id).await?;
        let all = notes::left(conn, id).await?;
        let left = all.iter().map(notes::Left::gross).sum();
        let (mine, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|left| owner_of(&left.line).is_some_and(|owner| owners.contains(&owner)));
        let is_shared = others.iter().any(|left| left.gross() != 0);
        let lines: Vec<Line> =
            mine.into_iter().map(|left| left.line).filter(|line| !seen.contains(&what(line))).collect();
        seen.extend(lines.iter().map(what));
        // All that it had of the order stands elsewhere by now.
        if !lines.is_empty() || found.is_empty() {
            found.push(Document { invoice, lines, is_shared, left });
        }
    }
    found.reverse();
    Ok(found)
}

/// What makes a line the same on another invoice: an owner has one setup fee, and each period of it once.
fn what(line: &Line) -> (String, Option<Owner>, Option<kernel::Date>) {
    (line.kind.to_string(), owner_of(line), line.period_from)
}

/// Whose lines stand on an invoice that is not paid.
pub(super) fn unpaid(documents: &[Document]) -> HashSet<Owner> {
    let unpaid = documents.iter().filter(|document| document.invoice.status != InvoiceStatus::Paid);
    unpaid.flat_map(|document| &document.lines).filter_map(owner_of).collect()
}
