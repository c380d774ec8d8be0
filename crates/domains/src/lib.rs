//! Domains: what they are registered under and what that costs, and the registrars they are registered through.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod lookups;
pub mod registrars;
pub mod resolver;
pub mod settings;
pub mod tld_sync;
pub mod tlds;

pub use settings::SETTINGS;

/// What the daily clean-up takes away.
pub const RUBBISH: &[platform::prune::Rubbish] =
    &[registrars::OLD_LOG, tld_sync::OLD_LISTS, lookups::OLD_LOG, lookups::OLD_ANSWERS, resolver::OLD_NAMES];

use accounts::doors::{NavItem, Routes};

#[cfg(test)]
mod testing;

/// What this crate does later.
pub fn jobs(registry: &mut platform::jobs::Registry) {
    tld_sync::jobs::register(registry);
    resolver::jobs::register(registry);
}

/// What happens by itself, called now and then by every node that works.
pub async fn tick(app: &platform::App) -> kernel::Result<()> {
    tld_sync::jobs::tick(app).await
}

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
pub struct Templates;

/// Every route of this crate.
pub fn routes() -> Routes {
    Routes::new()
        .merge(tlds::admin::routes())
        .merge(tlds::api::routes())
        .merge(tlds::compat::routes())
        .merge(registrars::routes())
        .merge(lookups::routes())
        .merge(resolver::routes())
        .merge(tld_sync::admin::routes())
        .merge(tld_sync::api::routes())
}

/// Entries of the sidebar, each with the key of its section.
pub fn nav() -> Vec<(&'static str, NavItem)> {
    let item = |label, href, permission| NavItem { label, href, permission };
    vec![
        ("configuration", item("Domain pricing", "/admin/setup/tlds", tlds::CONFIGURE)),
        ("configuration", item("Registrars", "/admin/setup/registrars", registrars::CONFIGURE)),
        ("utilities", item("TLD sync", "/admin/utilities/tld-sync", tlds::CONFIGURE)),
        ("utilities", item("Domain resolver", "/admin/utilities/resolver", resolver::CHECK)),
        ("utilities", item("WHOIS look-ups", "/admin/utilities/whois", lookups::LOOK_UP)),
        ("logs", item("WHOIS look-up log", "/admin/logs/whois", lookups::VIEW_LOG)),
        ("logs", item("Registrar log", "/admin/logs/registrars", registrars::CONFIGURE)),
    ]
}
