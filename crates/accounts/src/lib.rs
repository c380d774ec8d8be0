//! Who: clients, users, staff, roles, credentials, the activity log, and the doors through which requests come.

pub mod activity_log;
pub mod admins;
pub mod api_credentials;
pub mod clients;
pub mod doors;
pub mod parties;
pub mod roles;
pub mod sessions;
