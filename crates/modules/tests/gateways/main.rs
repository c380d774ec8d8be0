//! The gateways against real peers and against a scripted one.

#![allow(clippy::unwrap_used)]

mod contract;
mod fixtures;
mod localstripe;
mod manual;
mod sandbox;
mod server;
mod stripe_answers;
mod stripe_on_localstripe;
mod stripe_on_stand_in;
