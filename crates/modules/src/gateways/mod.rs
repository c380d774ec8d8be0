//! The payment gateways that ship with Innkeeper.
//!
//! Each implements [`billing::gateways::Gateway`]; what its answers mean is told there.

use std::sync::Arc;

use billing::gateways::Gateway;

use crate::http::Http;

pub mod manual;
pub mod sandbox;
pub mod signature;
pub mod stripe;

pub use sandbox::Sandbox;
pub use stripe::Stripe;

/// Every gateway of this crate, in the order in which staff should see them.
pub fn built_in(http: &Http) -> Vec<Arc<dyn Gateway>> {
    vec![
        Arc::new(Stripe::new(http.clone())),
        Arc::new(manual::bank_transfer()),
        Arc::new(manual::mail_in()),
        Arc::new(Sandbox),
    ]
}
