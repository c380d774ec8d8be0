//! Money: what falls due, invoices, the ledger, payments, credit, gateways.

pub mod currencies;
pub mod gateways;
pub mod invoices;
pub mod taxes;
