//! billing

pub mod captures;
pub mod invoices;
pub mod taxes;
