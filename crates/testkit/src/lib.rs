//! What tests stand on: real databases, real peers, real processes.
//!
//! Almost nothing here fakes anything. A test that needs a PostgreSQL server gets one of its own on a Unix socket; a test that
//! needs a card processor or a mail server talks to a separate process over the loopback interface. All of it is gone
//! when the test process is, however that ended: see [`watchdog`]. What no peer can do, the pages on which a card
//! processor's client pays, [`stripe`] does by the processor's own description of its API; and what no registry would answer
//! on demand, that it is asked too often or about another name, [`rdap`] and [`whois`] do; a registrar that takes money for
//! whatever is tried is [`openprovider`].
//!
//! What a machine lacks is skipped, in words, unless `INNKEEPER_TEST_REQUIRE=all` is set, as it is in CI: then it fails.

pub mod device;
pub mod dns;
mod engines;
mod folder;
mod http;
pub mod localstripe;
pub mod openprovider;
pub mod peers;
pub mod plans;
pub mod postgres;
pub mod process;
pub mod rdap;
pub mod registry;
mod scripted;
pub mod smtp;
pub mod stripe;
mod watchdog;
pub mod whois;

pub use engines::{Engine, Open, run};
pub use folder::Folder;

/// Whether what is missing is a failure rather than a reason to skip.
#[must_use]
pub fn everything_is_required() -> bool {
    std::env::var("INNKEEPER_TEST_REQUIRE").is_ok_and(|required| required == "all")
}
