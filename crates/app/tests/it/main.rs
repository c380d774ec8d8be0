//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod at_size;
mod backups;
mod browser;
mod cli;
mod compat_answers;
mod compat_clients;
mod gateways;
mod guards;
mod health;
mod killed;
mod limits;
mod one_document;
mod pages;
mod restores;
mod runs;
mod settings;
mod support;
mod two_nodes;
