//! Time and chance come from here and nowhere else, so that a test can decide both.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The clock of the process.
#[derive(Clone)]
pub struct Clock(Arc<Mutex<Mode>>);

enum Mode {
    System,
    /// Runs on from an instant chosen at the start (sandbox databases only): offset to the system's clock.
    Shifted {
        micros: i64,
    },
    /// Stands still until a test moves it.
    Fixed(Timestamp),
}

impl Clock {
    pub fn system() -> Clock {
        Clock(Arc::new(Mutex::new(Mode::System)))
    }

    /// A clock that shows `start` now and runs on from there.
    pub fn starting_at(start: Timestamp) -> Clock {
        Clock(Arc::new(Mutex::new(Mode::Shifted { micros: start.micros() - system_now().micros() })))
    }

    /// A clock that stands at `now`.
    pub fn fixed(now: Timestamp) -> Clock {
        Clock(Arc::new(Mutex::new(Mode::Fixed(now))))
    }

    pub fn now(&self) -> Timestamp {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Mode::System => system_now(),
            Mode::Shifted { micros } => Timestamp::from_micros(system_now().micros() + micros),
            Mode::Fixed(now) => now,
        }
    }

    /// Goes back to the system's time.
    pub fn resume(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Mode::System;
    }

    /// Stands at `now` from here on.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Mode::Fixed(now);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Unpredictable bytes; in tests, predictable ones.
#[derive(Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for chance")]
    pub fn system() -> Random {
        Random(Arc::new(Mutex::new(StdRng::from_rng(&mut rand::rng()))))
    }

    pub fn seeded(seed: u64) -> Random {
        Random(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }

    /// 256 bits as 64 hexadecimal digits: session ids, links, API secrets.
    pub fn token(&self) -> String {
        let mut bytes = [0u8; 32];
        self.fill(&mut bytes);
        crate::crypto::hex(&bytes)
    }

    /// A version 7 UUID: sorts by time, public reference and idempotency key.
    pub fn uuid(&self, now: Timestamp) -> uuid::Uuid {
        let mut bytes = [0u8; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(now.micros() / 1000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
