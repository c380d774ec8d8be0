//! The registrars against stand-ins of theirs.

#![allow(clippy::unwrap_used)]

mod catalogue;
mod contacts;
mod errors;
mod fixtures;
mod life;
mod secrets;
mod zone;
