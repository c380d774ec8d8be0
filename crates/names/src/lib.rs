//! What the world says about a domain name: DNS, RDAP, WHOIS.
//!
//! What always holds:
//! - "There is nothing" and "it could not be found out" are different values everywhere. A time-out, a refusal or an
//!   answer that is not understood never reads as an empty answer, and never as a free name.
//! - Names come in as lower-case ASCII ([`name`] says which); other spellings are refused, not repaired.
//! - No answer from outside is read without a limit of bytes and of time, and none makes a reader panic.
//!
//! Nothing here knows of hosting, of a database or of a clock; everything asked is asked anew.

pub mod availability;
pub mod bulk;
pub mod date;
pub mod dns;
pub mod idn;
pub mod name;
pub mod rdap;
pub mod reach;
pub mod whois;
