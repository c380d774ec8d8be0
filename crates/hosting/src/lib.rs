//! What is sold and run: products with their prices, options and addons; the services that clients have of them.

pub mod addons;
pub mod config_options;
mod edit;
pub mod prices;
pub mod pricing;
pub mod product_groups;
pub mod products;
pub mod services;

use kernel::{Date, Result, Timestamp};
use platform::db::Conn;
use platform::settings::Values;

/// The business's today.
pub async fn today(conn: &mut Conn, now: Timestamp) -> Result<Date> {
    let settings = Values::load(conn).await?;
    Ok(now.date_in(&settings.time_zone(&billing::settings::TIME_ZONE)))
}

/// What this crate listens to.
pub fn events(events: &mut platform::Events) {
    events.on(services::due_date_moved);
}
