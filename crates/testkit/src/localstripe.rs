//! A card processor: localstripe, which answers like Stripe and keeps everything in memory.
//!
//! What it does not do as Stripe does: it ignores idempotency keys, never refuses to refund too much, and answers 400 to
//! `description`, `setup_future_usage` and `automatic_payment_methods`.

use std::process::Command;
use std::time::Duration;

use crate::peers;
use crate::process::{Child, Signal};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running localstripe of this test's own, on the loopback interface; ended when dropped. Any `sk_…` is a valid key.
#[derive(Debug)]
pub struct Localstripe {
    process: Child,
    base_url: String,
}

/// Starts one.
///
/// # Errors
/// When it is not installed or does not start.
pub fn start() -> Result<Localstripe, String> {
    let mut python = Command::new(peers::python("localstripe")?);
    python.args(["-u", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/localstripe_on_loopback.py")]);
    let mut process = Child::spawn("localstripe", &mut python)?;
    let base_url = process.wait_for_line("listening on ", PATIENCE)?;
    Ok(Localstripe { process, base_url })
}

impl Localstripe {
    /// `http://127.0.0.1:PORT`, to which `/v1/…` is appended.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// From now on connections are accepted and never answered: a time-out, whose request may yet take effect.
    ///
    /// # Panics
    /// When it has ended.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Lets it go on, with all that arrived meanwhile.
    ///
    /// # Panics
    /// When it has ended.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The requests it served and the errors it met.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}
