//! The wire of the WHMCS-compatible API (`POST /includes/api.php`): what clients send and what they get back.
//!
//! Pure: bytes in, bytes out. Authentication, permissions and the actions themselves stand elsewhere. What must
//! always hold:
//!
//! * No input makes it panic, recurse without bound or build an object; what cannot be read is an error that
//!   names the parameter.
//! * A parameter that is missing and one that is sent empty can be told apart ([`Request::has`]): an update
//!   leaves the first alone and clears the second.
//! * Whatever form a client library chooses for a list, a map or a truth value, an action reads it the same way.
//! * Secrets do not reach a log: neither [`Request`] nor [`Credentials`] shows values in its `Debug` form.
//!
//! The public reference is <https://developers.whmcs.com/api/>; where it is silent, the tests name the client
//! libraries whose recorded requests decided.

mod fields;
mod multipart;
mod params;
pub mod php;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use params::{Commas, Noted, Params, parse_bool, parse_int};
pub use request::{Credentials, Login, Request, WireError};
pub use response::{Answer, Format, Rendered};
