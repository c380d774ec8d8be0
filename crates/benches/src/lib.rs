//! What the benchmarks share: a data set, raw connections for the floors, and the price of a piece of work.
//!
//! A floor is the same work in the barest way on the same engine, in the same run. So what is printed are ratios, which
//! say more on another machine than microseconds do.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

pub mod books;
pub mod cost;
pub mod http;
pub mod machine;
pub mod raw;
pub mod w1;
pub mod watch;
