//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod backups;
mod browser;
mod clean_up;
mod cli;
mod gateways;
mod guards;
mod health;
mod killed;
mod one_document;
mod pages;
mod settings;
mod stopping;
mod support;
mod two_nodes;
