//! The program as it is used: its command line as a process, its pages and APIs through the whole service.

#![allow(clippy::unwrap_used)]

mod account;
mod asvs;
mod at_size;
mod attack;
mod backups;
mod bad_input;
mod browser;
mod clean_up;
mod cli;
mod client_figures;
mod compat_answers;
mod compat_clients;
mod compat_wire;
mod demo;
mod front;
mod gateways;
mod guards;
mod health;
mod idempotency;
mod killed;
mod known_holes;
mod limits;
mod mails;
mod oauth_credentials;
mod offered_permissions;
mod one_document;
mod openapi;
mod pages;
mod paying;
mod permissions;
mod restores;
mod runs;
mod settings;
mod stopping;
mod support;
mod tls;
mod two_nodes;
