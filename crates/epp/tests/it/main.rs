//! The client against a registry: what it says of its answers is compared with what the registry knows itself.

#![allow(clippy::unwrap_used)]

mod errors;
mod life;
mod money;
mod objects;
mod sessions;
mod transfers;
mod world;
