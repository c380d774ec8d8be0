//! The registrars that ship with Innkeeper.
//!
//! Each implements [`domains::registrars::Registrar`]; what its answers mean is told there.

use std::sync::Arc;

use domains::registrars::Registrar;

use crate::http::Http;

pub mod epp;
pub mod manual;
pub mod openprovider;

pub use openprovider::Openprovider;

/// Every registrar module of this crate, in the order in which staff should see them.
pub fn built_in(http: &Http) -> Vec<Arc<dyn Registrar>> {
    vec![Arc::new(epp::Epp::default()), Arc::new(Openprovider::new(http.clone())), Arc::new(manual::Manual)]
}
