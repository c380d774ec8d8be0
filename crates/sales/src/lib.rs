//! How it is bought: orders.

pub mod orders;

use accounts::clients::{ClientLink, ClientPanel, ClosingEffect, LinkPlace};
use accounts::doors::{NavItem, NavSection, Routes};

#[cfg(test)]
mod testing;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;

/// Every route of this crate.
pub fn routes() -> Routes {
    Routes::new().merge(orders::admin::routes()).merge(orders::api::routes()).merge(orders::compat::routes())
}

/// What this crate listens to.
pub fn events(events: &mut platform::Events) {
    events.on_lasting("sales.orders", orders::invoice_paid);
    events.on(orders::invoice_replaced);
    events.on(orders::invoice_split);
    events.on(orders::client_closed);
}

/// What the client's page shows of this crate.
pub fn panels() -> Vec<ClientPanel> {
    vec![orders::panels::panel()]
}

/// Where the client's page leads of this crate.
pub fn client_links() -> Vec<ClientLink> {
    let link = |label, href, place, order, permission| ClientLink { label, href, place, order, permission };
    vec![
        link("Orders", "/admin/orders?client={id}", LinkPlace::Tab, 30, orders::LIST),
        link("New order", "/admin/orders/new?client={id}", LinkPlace::Action, 10, orders::ADD),
    ]
}

/// What closing a client ends of this crate.
pub fn closing() -> Vec<ClosingEffect> {
    vec![orders::panels::closing()]
}

/// What the sidebar shows of this crate.
pub fn nav() -> Vec<NavSection> {
    vec![NavSection {
        label: "Orders",
        key: "orders",
        href: "/admin/orders",
        items: vec![
            NavItem { label: "Orders", href: "/admin/orders", permission: orders::LIST },
            NavItem { label: "New order", href: "/admin/orders/new", permission: orders::ADD },
        ],
    }]
}

/// What the button for new things offers of this crate.
pub fn create() -> Vec<NavItem> {
    vec![NavItem { label: "New order", href: "/admin/orders/new", permission: orders::ADD }]
}
