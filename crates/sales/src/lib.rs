//! How it is bought: orders.

pub mod orders;

use accounts::doors::Routes;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;

/// Every route of this crate.
pub fn routes() -> Routes {
    Routes::new().merge(orders::api::routes()).merge(orders::compat::routes())
}

/// What this crate listens to.
pub fn events(events: &mut platform::Events) {
    events.on(orders::invoice_paid);
    events.on(orders::client_closed);
}
