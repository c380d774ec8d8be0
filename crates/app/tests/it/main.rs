//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod backups;
mod bad_input;
mod browser;
mod cli;
mod compat_answers;
mod compat_clients;
mod compat_wire;
mod gateways;
mod guards;
mod health;
mod idempotency;
mod killed;
mod limits;
mod openapi;
mod pages;
mod support;
mod two_nodes;
