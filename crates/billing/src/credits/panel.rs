//! A client's credit among the figures of its page.

use accounts::clients::{Client, ClientPanel, Panel, PanelFuture, Place};
use minijinja::context;
use platform::App;
use platform::db::Conn;

use super::VIEW;

pub fn panels() -> Vec<ClientPanel> {
    vec![ClientPanel { title: "Credit", place: Place::Figures, order: 20, permission: VIEW, load: credit }]
}

fn credit<'a>(app: &'a App, conn: &'a mut Conn, client: &'a Client) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let balance = super::balance(conn, client.id, client.currency).await?;
        let values =
            context! { balance => balance.to_string(), href => format!("/admin/clients/{}/credit", client.id) };
        let html = app.templates.render("billing/credits/figure.html", values)?;
        Ok(Some(Panel { html, ..Panel::default() }))
    })
}
