//! A client's credit among the figures of its page.

use accounts::clients::{ClientPanel, Panel, PanelFuture, Place, Seen};
use minijinja::context;
use platform::App;
use platform::db::Conn;

use super::VIEW;
use crate::invoices;

pub fn panels() -> Vec<ClientPanel> {
    vec![ClientPanel { title: "Credit", place: Place::Figures, order: 20, permission: VIEW, load: credit }]
}

fn credit<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let account = invoices::panel::account(conn, seen).await?;
        let href = format!("/admin/clients/{}/credit", seen.client.id);
        let values = context! { balance => account.credit.to_string(), href };
        let html = app.templates.render("billing/credits/figure.html", values)?;
        Ok(Some(Panel { html, ..Panel::default() }))
    })
}
