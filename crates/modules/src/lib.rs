//! The plug-ins that ship with Innkeeper, a folder each.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod fields;
pub mod gateways;
pub mod http;
pub mod registrars;

/// The templates of this crate, by the folder of their plug-in.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;

/// Every route of this crate.
pub fn routes() -> accounts::doors::Routes {
    gateways::sandbox::routes()
}
