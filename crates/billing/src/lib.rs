//! billing

pub mod invoices;
