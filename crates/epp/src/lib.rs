//! A client for the Extensible Provisioning Protocol, by which registrars speak with registries of domains: RFC 5730 to
//! 5734, with secDNS-1.1 (RFC 5910), rgp-1.0 (RFC 3915), fee-1.0 (RFC 8748) and launch-1.0 (RFC 8334). It knows nothing of
//! hosting.
//!
//! What must always hold:
//!
//! - An [`Error`] says whether the registry can have carried the command out. [`Error::NotSent`] and [`Error::Refused`] are
//!   given only where it cannot.
//! - An answer is believed only if it carries the id of the command and is about the object that was asked for.
//! - Nothing that a server sends makes this crate panic, or take more than the [`Limits`] allow.
//! - Passwords, of the client and of objects, are in no error, no `Debug` and no log.
//! - An extension is used only where the server's greeting offers it.
//!
//! A [`Pool`] holds the sessions with a server; its [`Pool::run`] takes any [`Command`] of the modules [`domain`],
//! [`contact`], [`host`] and [`poll`].

mod auth_info;
mod availability;
mod command;
pub mod contact;
pub mod domain;
mod error;
mod extensions;
pub mod fee;
mod frame;
mod greeting;
pub mod host;
pub mod launch;
mod names;
pub mod ns;
mod period;
pub mod poll;
mod pool;
mod response;
pub mod rgp;
pub mod secdns;
mod secret;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod xml;

pub use auth_info::AuthInfo;
pub use availability::Availability;
pub use command::{Command, Extended, Intent};
pub use error::{Error, Hostile, Lost, NotSent, Reason, Refusal};
pub use extensions::Extensions;
pub use greeting::Greeting;
pub use period::Period;
pub use pool::Pool;
pub use response::{Answer, Code, Queue, Response, Standing};
pub use secret::Secret;
pub use settings::{Endpoint, Exchange, Identity, Limits, Log, Roots, Settings, Timeouts};
pub use xml::{Element, Unwritable};
