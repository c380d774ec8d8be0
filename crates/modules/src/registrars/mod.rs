//! The registrars that ship with Innkeeper.
//!
//! Each implements [`domains::registrars::Registrar`]; what its answers mean is told there.

use std::sync::Arc;

use domains::registrars::Registrar;

pub mod epp;
pub mod manual;

/// Every registrar module of this crate, in the order in which staff should see them.
pub fn built_in() -> Vec<Arc<dyn Registrar>> {
    vec![Arc::new(epp::Epp::default()), Arc::new(manual::Manual)]
}
