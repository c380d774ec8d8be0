//! platform

pub mod compat;
