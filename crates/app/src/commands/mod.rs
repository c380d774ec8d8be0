//! The commands, a file for each group.

pub mod admin;
pub mod api_credential;
pub mod backup;
pub mod gateway;
pub mod init;
pub mod serve;
pub mod setting;
