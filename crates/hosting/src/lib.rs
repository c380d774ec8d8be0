//! What is sold and run: products with their prices, options and addons; the services that clients have of them.

pub mod addons;
pub mod config_options;
mod edit;
pub mod prices;
pub mod pricing;
pub mod product_groups;
pub mod products;
pub mod services;

use accounts::company;
use kernel::{Date, Result, Timestamp};
use platform::db::Conn;

#[cfg(test)]
mod testing;

/// The business's today.
pub async fn today(conn: &mut Conn, now: Timestamp) -> Result<Date> {
    Ok(now.date_in(&company::zone(conn).await?))
}

/// What this crate listens to.
pub fn events(events: &mut platform::Events) {
    events.on(services::due_date_moved);
    events.on(services::client_closed);
}
