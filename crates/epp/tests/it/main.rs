//! The client against a registry: what it says of its answers is compared with what the registry knows itself.

mod errors;
mod life;
mod money;
mod objects;
mod sessions;
mod transfers;
mod world;
