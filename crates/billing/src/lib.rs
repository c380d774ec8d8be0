//! Money: what falls due, invoices, the ledger, payments, credit, gateways.

pub mod captures;
pub mod credits;
pub mod currencies;
pub mod disputes;
pub mod doctor;
mod figures;
mod finder;
pub mod gateways;
pub mod generation;
pub mod invoices;
pub mod ledger;
pub mod notes;
pub mod once;
pub mod overview;
pub mod pay_methods;
pub mod payments;
pub mod recurring;
pub mod refunds;
pub mod restores;
pub mod schedule;
pub mod settings;
pub mod taxes;
pub mod terms;
mod view;

#[cfg(test)]
mod testing;

pub use finder::finders;
pub use settings::SETTINGS;
pub use terms::{Buyer, Terms};

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
#[include = "*.txt"]
pub struct Templates;

/// What of this crate need not be kept for ever.
pub const RUBBISH: &[platform::prune::Rubbish] =
    &[invoices::pay_links::EXPIRED, pay_methods::setups::EXPIRED, gateways::OLD_LOG];

/// Every route of this crate.
pub fn routes() -> accounts::doors::Routes {
    accounts::doors::Routes::new()
        .merge(invoices::admin::routes())
        .merge(invoices::api::routes())
        .merge(invoices::compat::routes())
        .merge(invoices::pay_links::routes())
        .merge(generation::admin::routes())
        .merge(generation::api::routes())
        .merge(generation::compat::routes())
        .merge(notes::admin::routes())
        .merge(notes::api::routes())
        .merge(captures::routes())
        .merge(disputes::routes())
        .merge(gateways::routes())
        .merge(pay_methods::routes())
        .merge(payments::routes())
        .merge(refunds::routes())
        .merge(credits::routes())
        .merge(currencies::routes())
        .merge(taxes::routes())
}

/// Entries of the sidebar, each with the key of its section.
pub fn nav() -> Vec<(&'static str, accounts::doors::NavItem)> {
    let item = |label, href, permission| accounts::doors::NavItem { label, href, permission };
    vec![
        ("billing", item("Transactions", "/admin/transactions", payments::LIST)),
        ("billing", item("Invoices", "/admin/invoices", invoices::LIST)),
        ("billing", item("Credit notes", "/admin/credit-notes", notes::LIST)),
        ("billing", item("Generate due invoices", generation::admin::PAGE, generation::GENERATE)),
        ("billing", item("Attempt CC captures", "/admin/payments/capture", captures::CAPTURE)),
        ("billing", item("Payment attempts", "/admin/payments/attempts", payments::LIST)),
        ("billing", item("Webhook events", "/admin/payments/webhooks", gateways::VIEW_LOG)),
        ("billing", item("Disputes", disputes::admin::PAGE, disputes::LIST)),
        ("billing", item("Gateway log", "/admin/payments/gateway-log", gateways::VIEW_LOG)),
        ("configuration", item("Currencies", "/admin/setup/currencies", currencies::CONFIGURE)),
        ("configuration", item("Tax configuration", "/admin/setup/taxes", taxes::CONFIGURE)),
        ("configuration", item("Payment gateways", "/admin/setup/gateways", gateways::CONFIGURE)),
    ]
}

/// What billing shows on a client's page.
pub fn client_panels(panels: &mut accounts::clients::ClientPanels) {
    use accounts::clients::{ClientLink, LinkPlace};
    panels.panels.extend(invoices::panel::panels());
    panels.panels.extend(credits::panel::panels());
    panels.panels.extend(pay_methods::panel::panels());
    let link = |label, href, place, order, permission| ClientLink { label, href, place, order, permission };
    panels.links.extend([
        link("Invoices", "/admin/invoices?client={id}", LinkPlace::Tab, 40, invoices::LIST),
        link("Transactions", "/admin/transactions?client={id}", LinkPlace::Tab, 50, payments::LIST),
        link("Credit", "/admin/clients/{id}/credit", LinkPlace::Tab, 60, credits::VIEW),
        link("Payment methods", "/admin/clients/{id}/pay-methods", LinkPlace::Tab, 70, pay_methods::MANAGE),
        link("New invoice", "/admin/invoices/new?client={id}", LinkPlace::Action, 20, invoices::CREATE),
        link("Add payment", "/admin/transactions/new?client={id}", LinkPlace::Action, 30, payments::ADD),
        link(
            "Generate due invoices",
            "/admin/invoices/generate?client={id}",
            LinkPlace::Action,
            40,
            generation::GENERATE,
        ),
    ]);
    panels.figures.push(figures::figures);
}

/// What the button for new things offers of this crate.
pub fn create() -> Vec<accounts::doors::NavItem> {
    vec![accounts::doors::NavItem { label: "New invoice", href: "/admin/invoices/new", permission: invoices::CREATE }]
}

/// What of billing listens to what happens elsewhere in it.
pub fn events(events: &mut platform::Events) {
    invoices::mail::events(events);
    captures::events(events);
}

/// The kinds of jobs that billing does.
pub fn jobs(registry: &mut platform::jobs::Registry) {
    generation::jobs::register(registry);
    captures::jobs::register(registry);
    refunds::jobs::register(registry);
    pay_methods::setups::jobs::register(registry);
    invoices::mail::register(registry);
}
