//! Money: what falls due, invoices, the ledger, payments, credit, gateways.

pub mod captures;
pub mod credits;
pub mod currencies;
pub mod doctor;
pub mod gateways;
pub mod generation;
pub mod invoices;
pub mod ledger;
pub mod once;
pub mod pay_methods;
pub mod payments;
pub mod recurring;
pub mod schedule;
pub mod settings;
pub mod taxes;
pub mod terms;
mod view;

#[cfg(test)]
mod testing;

pub use settings::SETTINGS;
pub use terms::{Buyer, Terms};

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
#[include = "*.txt"]
pub struct Templates;

/// The kinds of jobs that billing does.
pub fn jobs(registry: &mut platform::jobs::Registry) {
    generation::jobs::register(registry);
    captures::jobs::register(registry);
}

/// Every route of this crate.
pub fn routes() -> accounts::doors::Routes {
    accounts::doors::Routes::new()
        .merge(captures::routes())
        .merge(gateways::routes())
        .merge(pay_methods::routes())
        .merge(payments::routes())
        .merge(credits::routes())
        .merge(currencies::routes())
        .merge(taxes::routes())
}
