//! What invoices show on a client's page: what is owed, and the latest invoices.

use accounts::clients::{Client, ClientPanel, Panel, PanelFuture, Place};
use accounts::company;
use kernel::{Date, Money};
use minijinja::context;
use platform::db::Conn;
use platform::{App, params};

use super::listing::{Filter, Search};
use super::{LIST, view};

const RECENT: i64 = 10;

pub fn panels() -> Vec<ClientPanel> {
    vec![
        ClientPanel { title: "Owes", place: Place::Figures, order: 10, permission: LIST, load: owed },
        ClientPanel { title: "Invoices", place: Place::Main, order: 20, permission: LIST, load: invoices },
    ]
}

/// What the client owes, and how much of it is overdue.
pub fn owed<'a>(app: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let zone = company::zone(conn).await?;
        let today = app.clock.now().date_in(&zone);
        let open: Vec<(Date, i64)> = conn
            .all(
                "SELECT due_on, balance FROM invoices WHERE client_id = $1 \
                 AND status IN ('unpaid', 'payment_pending', 'collections')",
                params![client.id],
            )
            .await?;
        let sum = |late: bool| {
            let of = open.iter().filter(|(due_on, _)| !late || *due_on < today);
            Money::sum(of.map(|(_, balance)| Money::new(*balance, client.currency)), client.currency)
        };
        let (owed, overdue) = (sum(false)?, sum(true)?);
        let values = context! {
            owed => owed.to_string(),
            overdue => overdue.is_positive().then(|| overdue.to_string()),
            href => format!("/admin/invoices?client={}&status=unpaid", client.id),
        };
        let html = app.templates.render("billing/invoices/owed.html", values)?;
        Ok(Some(Panel { html, ..Panel::default() }))
    })
}

/// The latest invoices.
pub fn invoices<'a>(app: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let zone = company::zone(conn).await?;
        let today = app.clock.now().date_in(&zone);
        let filter = Filter { client_id: Some(client.id), ..Filter::default() };
        let found = Search::new(conn, filter, today).await?.page(conn, "ORDER BY i.id DESC", RECENT, 0).await?;
        let rows: Vec<minijinja::Value> = found
            .iter()
            .map(|row| {
                context! {
                    href => format!("/admin/invoices/{}", row.id), number => row.title(),
                    due => row.due_on.to_string(), status => view::shown(row.status, row.due_on, today),
                    total => Money::new(row.total, row.currency).to_string(),
                    balance => Money::new(row.balance, row.currency).to_string(),
                }
            })
            .collect();
        let new = format!("/admin/invoices/new?client={}", client.id);
        let html = app.templates.render("billing/invoices/panel.html", context! { rows, new })?;
        Ok(Some(Panel {
            html,
            href: format!("/admin/invoices?client={}", client.id),
            label: "All".to_owned(),
            flush: !found.is_empty(),
        }))
    })
}
