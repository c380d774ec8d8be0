//! The commands, a file for each group.

pub mod admin;
pub mod api_credential;
pub mod init;
pub mod serve;
