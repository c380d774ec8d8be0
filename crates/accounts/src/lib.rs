//! Who: clients, users, staff, roles, credentials, the activity log, and the doors through which requests come.

pub mod activity_log;
pub mod admins;
pub mod api_credentials;
pub mod clients;
pub mod doors;
pub mod parties;
pub mod roles;
pub mod sessions;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;
