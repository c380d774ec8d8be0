//! A client's stored payment methods on its page.

use accounts::clients::{ClientPanel, Panel, PanelFuture, Place, Seen};
use minijinja::{Value, context};
use platform::App;
use platform::db::Conn;

use super::MANAGE;
use crate::gateways::Gateways;

pub fn panels() -> Vec<ClientPanel> {
    vec![ClientPanel { title: "Payment methods", place: Place::Side, order: 20, permission: MANAGE, load: methods }]
}

fn methods<'a>(app: &'a App, conn: &'a mut Conn, seen: &'a Seen) -> PanelFuture<'a, Option<Panel>> {
    Box::pin(async move {
        let methods = super::of_client(conn, seen.client.id).await?;
        let known = app.get::<Gateways>()?;
        let rows: Vec<Value> = methods
            .iter()
            .map(|method| {
                context! {
                    label => method.label(), description => &method.description,
                    gateway => known.title(&method.gateway),
                    is_default => method.is_default,
                }
            })
            .collect();
        let usual = seen.client.default_gateway.as_deref().map(|name| known.title(name));
        let html = app.templates.render("billing/pay_methods/panel.html", context! { rows, usual })?;
        let href = format!("/admin/clients/{}/pay-methods", seen.client.id);
        Ok(Some(Panel { html, href, label: "Manage".to_owned(), flush: false }))
    })
}
