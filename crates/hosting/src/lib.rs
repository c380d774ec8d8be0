//! What is sold and run: products with their prices, options and addons; the services that clients have of them.

pub mod addons;
pub mod config_options;
pub mod doctor;
pub mod edit;
mod finder;
pub mod oauth_credentials;
pub mod prices;
pub mod pricing;
pub mod product_groups;
pub mod products;
pub mod services;
pub mod view;

use accounts::clients::ClientPanels;
use accounts::company;
use accounts::doors::{NavItem, Routes};
use kernel::{Date, Result, Timestamp};
use platform::db::Conn;

#[cfg(test)]
mod testing;

/// The business's today.
pub async fn today(conn: &mut Conn, now: Timestamp) -> Result<Date> {
    Ok(now.date_in(&company::zone(conn).await?))
}

pub use finder::finders;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;

/// There are no settings yet: what can be set is set of a product.
pub const SETTINGS: &[platform::Setting] = &[];

/// Every route of this crate.
pub fn routes() -> Routes {
    Routes::new()
        .merge(product_groups::admin::routes())
        .merge(product_groups::api::routes())
        .merge(products::admin::routes())
        .merge(products::api::routes())
        .merge(products::compat::routes())
        .merge(config_options::admin::routes())
        .merge(config_options::api::routes())
        .merge(addons::admin::routes())
        .merge(addons::api::routes())
        .merge(services::admin::routes())
        .merge(services::api::routes())
        .merge(services::compat::routes())
        .merge(oauth_credentials::routes())
}

/// Entries of the sidebar, each with the key of its section.
pub fn nav() -> Vec<(&'static str, NavItem)> {
    let item = |label, href, permission| NavItem { label, href, permission };
    vec![
        ("clients", item("Products/Services", "/admin/services", services::LIST)),
        ("configuration", item("Products/Services", "/admin/setup/products", products::VIEW)),
        ("configuration", item("Configurable options", "/admin/setup/config-options", products::VIEW)),
        ("configuration", item("Product addons", "/admin/setup/addons", addons::CONFIGURE)),
    ]
}

/// What the client's page shows of services.
pub fn client_panels(panels: &mut ClientPanels) {
    services::panels::contribute(panels);
}

/// What this crate listens to.
pub fn events(events: &mut platform::Events) {
    events.on_lasting("hosting.services", services::due_date_moved);
    events.on(services::client_closed);
}
