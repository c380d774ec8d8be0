//! What the client's page shows of orders.

use accounts::clients::{ClientPanel, ClosingEffect, Panel, PanelFuture, Place, Seen};
use kernel::Money;
use minijinja::{Value, context};
use platform::App;
use platform::db::Conn;
use platform::web::lists::Total;

use super::{Filter, LIST, Listed, store};

const SHOWN: i64 = 5;

pub(crate) fn panel() -> ClientPanel {
    ClientPanel { title: "Orders", place: Place::Main, order: 40, permission: LIST, load }
}

pub(crate) fn closing() -> ClosingEffect {
    ClosingEffect { label: "Pending orders that are cancelled", count: pending }
}

fn load<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let filter = Filter { client_id: Some(seen.client.id), ..Filter::default() };
        let query = store::query(conn, &filter).await?;
        let (rows, total): (Vec<Listed>, Total) = query.newest(conn, &store::columns(), SHOWN).await?;
        let any = !rows.is_empty();
        let rows: Vec<Value> = rows.iter().map(row).collect();
        Ok(Some(Panel {
            html: app.templates.render("sales/orders/panel.html", context! { rows })?,
            href: if any { format!("/admin/orders?client={}", seen.client.id) } else { String::new() },
            label: format!("All {}", total.words()),
            flush: any,
        }))
    })
}

fn pending<'a>(conn: &'a mut Conn, ids: &'a [i64]) -> PanelFuture<'a, i64> {
    Box::pin(store::pending_count(conn, ids))
}

/// An order as a line of a table.
pub(super) fn row(order: &Listed) -> Value {
    context! {
        id => order.id,
        href => format!("/admin/orders/{}", order.id),
        number => &order.number,
        client => order.client(),
        client_href => format!("/admin/clients/{}", order.client_id),
        ordered => order.ordered_on.to_string(),
        ordered_at => order.created_at.to_string(),
        amount => Money::new(order.amount, order.currency).to_string(),
        gateway => &order.gateway,
        invoice => order.invoice_status.map(|status| invoice_word(status.as_str())).unwrap_or_default(),
        invoice_href => order.invoice_id.map(|id| format!("/admin/invoices/{id}")).unwrap_or_default(),
        status => order.status.label(),
    }
}

/// `payment_pending` as “Payment pending”.
pub(super) fn invoice_word(status: &str) -> String {
    let words = status.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
