//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod backups;
mod browser;
mod cli;
mod front;
mod gateways;
mod guards;
mod health;
mod killed;
mod mails;
mod pages;
mod permissions;
mod support;
mod tls;
mod two_nodes;
