//! The commands, a file for each group.

pub mod admin;
pub mod api_credential;
pub mod backup;
pub mod banned_ip;
pub mod doctor;
pub mod gateway;
pub mod init;
pub mod invoices;
pub mod payments;
pub mod serve;
pub mod setting;
pub mod tld;
