//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod backups;
mod browser;
mod cli;
mod gateways;
mod guards;
mod health;
mod killed;
mod pages;
mod paying;
mod support;
mod two_nodes;
