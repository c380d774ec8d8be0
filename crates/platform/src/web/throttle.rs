//! How often somebody may ask: for each a bucket of tokens, of which one is taken by a request and which fills again
//! evenly, the whole of it in a minute.
//!
//! What must hold:
//! - Memory is bounded: there are never more buckets than the capacity. One that is full again is forgotten; whoever
//!   comes when there is no place shares one bucket with all who come then.
//! - A clock that is put back keeps nobody out for longer than a minute.
//!
//! A bucket is one number, the instant at which it is full again: the generic cell rate algorithm, which decides as a
//! token bucket does. Own lines rather than a crate: what there is brings its own clock and forgets nothing by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Timestamp;

/// Seconds in which an empty bucket fills.
pub const WINDOW: i64 = 60;
const MICROS: i64 = 1_000_000;

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// What fits into it.
    pub limit: u32,
    pub remaining: u32,
    /// Until it is full again; for whoever was refused, until there is one token.
    pub seconds: u64,
}

impl Left {
    /// `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-10 writes them. `t` is the moment of
    /// `Retry-After` where there is one.
    pub fn tell(self, headers: &mut HeaderMap) {
        let policy = format!("\"requests\";q={};w={WINDOW}", self.limit);
        let now = format!("\"requests\";r={};t={}", self.remaining, self.seconds);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// The buckets of one kind.
#[derive(Debug)]
pub struct Throttle<K> {
    capacity: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    full_at: HashMap<K, i64>,
    /// Of those for whom there is no place.
    others: i64,
    swept_at: i64,
}

impl<K: Eq + Hash> Throttle<K> {
    pub fn new(capacity: usize) -> Throttle<K> {
        Throttle { capacity, state: Mutex::new(State { full_at: HashMap::new(), others: 0, swept_at: 0 }) }
    }

    /// Takes a token of `key`'s, of which `limit` fit into a bucket; `Err` when there is none. No limit is 0.
    pub fn take(&self, key: K, limit: u32, now: Timestamp) -> Result<Left, Left> {
        if limit == 0 {
            return Ok(Left { limit, remaining: u32::MAX, seconds: 0 });
        }
        let now = now.micros();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.full_at.len() >= self.capacity && !state.full_at.contains_key(&key) {
            state.sweep(now);
        }
        let place = state.full_at.len() < self.capacity;
        let bucket = match state.full_at.get_mut(&key) {
            Some(bucket) => bucket,
            None if place => state.full_at.entry(key).or_insert(now),
            None => &mut state.others,
        };
        take(bucket, limit, now)
    }

    /// How many buckets are kept.
    pub fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).full_at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Eq + Hash> State<K> {
    /// Forgets those that are full again; looks through them once a second at most, so that a crowd of new ones does
    /// not make each of them pay for it.
    fn sweep(&mut self, now: i64) {
        if (now - self.swept_at).abs() >= MICROS {
            self.swept_at = now;
            self.full_at.retain(|_, full_at| *full_at > now && *full_at <= now + WINDOW * MICROS);
        }
    }
}

fn take(full_at: &mut i64, limit: u32, now: i64) -> Result<Left, Left> {
    let token = WINDOW * MICROS / i64::from(limit).min(WINDOW * MICROS);
    let whole = token * i64::from(limit);
    let missing = (*full_at - now).clamp(0, whole);
    let left = |missing: i64, micros: i64| Left {
        limit,
        remaining: u32::try_from((whole - missing) / token).unwrap_or_default(),
        seconds: u64::try_from((micros + MICROS - 1) / MICROS).unwrap_or_default(),
    };
    let taken = missing + token;
    let enough = taken <= whole;
    // Also after a refusal: it may have been further off than a window.
    *full_at = now + if enough { taken } else { missing };
    if enough { Ok(left(taken, taken)) } else { Err(left(missing, taken - whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros((1_800_000_000 + seconds) * MICROS)
    }

    fn remaining(left: Result<Left, Left>) -> u32 {
        left.unwrap().remaining
    }

    #[test]
    fn a_bucket_empties_and_fills_again_evenly() {
        let throttle = Throttle::new(10);
        for left in (0..60).rev() {
            assert_eq!(remaining(throttle.take(1, 60, at(0))), left);
        }
        let refused = throttle.take(1, 60, at(0)).unwrap_err();
        assert_eq!(refused, Left { limit: 60, remaining: 0, seconds: 1 });
        assert_eq!(remaining(throttle.take(1, 60, at(1))), 0);
        assert!(throttle.take(1, 60, at(1)).is_err());
        assert_eq!(remaining(throttle.take(1, 60, at(31))), 29);
        assert_eq!(throttle.take(1, 60, at(1000)).unwrap(), Left { limit: 60, remaining: 59, seconds: 1 });
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let throttle = Throttle::new(10);
        throttle.take(1, 1, at(0)).unwrap();
        for second in 0..60 {
            assert_eq!(throttle.take(1, 1, at(second)).unwrap_err().seconds, u64::try_from(60 - second).unwrap());
        }
        assert!(throttle.take(1, 1, at(60)).is_ok());
    }

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let throttle = Throttle::new(10);
        throttle.take("a", 1, at(0)).unwrap();
        assert!(throttle.take("a", 1, at(0)).is_err());
        assert!(throttle.take("b", 1, at(0)).is_ok());
    }

    #[test]
    fn nought_is_no_limit_and_leaves_nothing_behind() {
        let throttle = Throttle::new(10);
        for _ in 0..1000 {
            throttle.take(1, 0, at(0)).unwrap();
        }
        assert!(throttle.is_empty());
    }

    #[test]
    fn a_changed_limit_counts_at_once() {
        let throttle = Throttle::new(10);
        for _ in 0..10 {
            throttle.take(1, 10, at(0)).unwrap();
        }
        assert!(throttle.take(1, 10, at(0)).is_err());
        assert!(throttle.take(1, 1_000_000, at(1)).is_ok());
    }

    #[test]
    fn there_are_never_more_buckets_than_the_capacity() {
        let throttle = Throttle::new(100);
        for key in 0..10_000 {
            let _ = throttle.take(key, 5, at(0));
        }
        assert_eq!(throttle.len(), 100);
        // The rest shared one, which is empty; those who have a place keep it.
        assert!(throttle.take(20_000, 5, at(0)).is_err());
        assert!(throttle.take(7, 5, at(0)).is_ok());
        // Later the places are free again.
        assert_eq!(remaining(throttle.take(20_000, 5, at(120))), 4);
        assert_eq!(throttle.len(), 1);
    }

    #[test]
    fn a_clock_that_is_put_back_keeps_nobody_out() {
        let throttle = Throttle::new(10);
        for _ in 0..5 {
            throttle.take(1, 5, at(86_400)).unwrap();
        }
        let refused = throttle.take(1, 5, at(0)).unwrap_err();
        assert_eq!(refused.seconds, 12);
        assert!(throttle.take(1, 5, at(12)).is_ok());
    }

    #[test]
    fn the_largest_limit_is_kept() {
        let throttle = Throttle::new(10);
        let limit = 1_000_000;
        for _ in 0..limit {
            throttle.take(1, limit, at(0)).unwrap();
        }
        assert!(throttle.take(1, limit, at(0)).is_err());
    }

    #[test]
    fn the_headers_are_structured_fields() {
        let mut headers = HeaderMap::new();
        Left { limit: 300, remaining: 12, seconds: 58 }.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=300;w=60");
        assert_eq!(headers["ratelimit"], "\"requests\";r=12;t=58");
    }
}
