//! billing

pub mod gateways;
