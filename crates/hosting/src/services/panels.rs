//! What the client's page shows of services.

use accounts::clients::{
    Client, ClientLink, ClientPanel, ClientPanels, ClosingEffect, Figures, LinkPlace, Panel, PanelFuture, Place, Seen,
};
use minijinja::{Value, context};
use platform::App;
use platform::db::Conn;
use platform::web::lists::Total;
use serde_json::json;

use super::{Filter, LIST, Listed, ServiceStatus, store};
use crate::prices;
use crate::products::ProductKind;

const SHOWN: i64 = 10;

/// Adds what hosting has to say of a client.
pub fn contribute(panels: &mut ClientPanels) {
    panels.panels.push(ClientPanel { title: "Services", place: Place::Main, order: 20, permission: LIST, load: panel });
    panels.links.push(ClientLink {
        label: "Products/Services",
        href: "/admin/services?client={id}",
        place: LinkPlace::Tab,
        order: 20,
        permission: LIST,
    });
    panels.closing.push(ClosingEffect { label: "Services that are terminated or cancelled", count: closing });
    panels.figures.push(figures);
}

fn panel<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let filter = Filter { client_id: Some(seen.client.id), ..Filter::default() };
        let query = store::query(conn, &filter).await?;
        let (rows, total): (Vec<Listed>, Total) = query.newest(conn, store::LISTED, SHOWN).await?;
        let any = !rows.is_empty();
        let rows: Vec<Value> = rows.iter().map(row).collect();
        Ok(Some(Panel {
            html: app.templates.render("hosting/services/panel.html", context! { rows })?,
            href: if any { format!("/admin/services?client={}", seen.client.id) } else { String::new() },
            label: format!("All {}", total.words()),
            flush: any,
        }))
    })
}

/// A service as a line of a table.
pub(super) fn row(service: &Listed) -> Value {
    let amount = kernel::Money::new(service.recurring_amount, service.currency);
    context! {
        id => service.id,
        href => format!("/admin/services/{}", service.id),
        product => &service.product,
        domain => &service.domain,
        client => service.client(),
        client_href => format!("/admin/clients/{}", service.client_id),
        status => service.status.label(),
        amount => amount.to_string(),
        cycle => if service.cycle.is_recurring() { prices::adverb(service.cycle) } else { service.cycle.label() },
        gateway => &service.gateway,
        registered => service.registered_on.to_string(),
        due => service.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
        quantity => service.quantity,
    }
}

fn closing<'a>(conn: &'a mut Conn, ids: &'a [i64]) -> PanelFuture<'a, i64> {
    Box::pin(store::live_count(conn, ids))
}

/// The numbers of GetClientsDetails with `stats`.
fn figures<'a>(_: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Figures> {
    Box::pin(async move {
        let counts = store::kinds(conn, client.id).await?;
        let sum = |kind: Option<ProductKind>, only_active: bool| -> i64 {
            counts
                .iter()
                .filter(|(of, status, _)| {
                    kind.is_none_or(|kind| kind == *of) && (!only_active || *status == ServiceStatus::Active)
                })
                .map(|(_, _, count)| count)
                .sum()
        };
        let names = [
            (ProductKind::HostingAccount, "productsnumactivehosting", "productsnumhosting"),
            (ProductKind::ResellerAccount, "productsnumactivereseller", "productsnumreseller"),
            (ProductKind::Server, "productsnumactiveservers", "productsnumservers"),
            (ProductKind::Other, "productsnumactiveother", "productsnumother"),
        ];
        let mut figures: Figures = Vec::new();
        for (kind, active, all) in names {
            figures.push((active, json!(sum(Some(kind), true))));
            figures.push((all, json!(sum(Some(kind), false))));
        }
        figures.push(("productsnumactive", json!(sum(None, true))));
        figures.push(("productsnumtotal", json!(sum(None, false))));
        Ok(figures)
    })
}
