//! Everything technical and nothing about hosting: database, jobs, settings, secrets, web.

pub mod backup;
pub mod charts;
pub mod clock;
pub mod compat;
pub mod context;
pub mod crypto;
pub mod db;
pub mod events;
pub mod jobs;
pub mod mail;
pub mod news;
pub mod prune;
pub mod runs;
pub mod secrets;
pub mod settings;
pub mod web;

pub use clock::{Clock, Random};
pub use context::{App, Extensions, Parts};
pub use crypto::Vault;
pub use db::{Conn, Db, Engine, Tx};
pub use events::{Events, Lasting, Reaction};
pub use jiff;
pub use settings::{Kind, Setting};
