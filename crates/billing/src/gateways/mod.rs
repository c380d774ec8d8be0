//! Payment gateways: the contract that modules implement.

pub mod contract;

pub use contract::*;
