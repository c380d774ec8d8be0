//! The plug-ins that ship with Innkeeper, a folder each.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod gateways;
