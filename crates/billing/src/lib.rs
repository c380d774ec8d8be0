//! billing

pub mod invoices;
pub mod taxes;
