//! Ways to be paid.

pub mod contract;

pub use contract::*;
