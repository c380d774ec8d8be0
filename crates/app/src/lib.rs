//! The program: the command line, the wiring of all crates, and the pages that belong to no feature.

pub mod account;
pub mod api_docs;
pub mod automation;
pub mod cli;
pub mod commands;
pub mod dashboard;
pub mod demo;
pub mod instance;
pub mod jobs_page;
mod listening;
pub mod logging;
pub mod prune;
pub mod search;
pub mod settings_page;
pub mod times;
pub mod wiring;

/// The templates of this crate, by the folder of their page.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;
