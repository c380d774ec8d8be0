//! Money: what falls due, invoices, the ledger, payments, credit, gateways.

pub mod currencies;
pub mod gateways;
pub mod invoices;
pub mod ledger;
pub mod recurring;
pub mod settings;
pub mod taxes;

pub use settings::SETTINGS;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
#[include = "*.txt"]
pub struct Templates;
