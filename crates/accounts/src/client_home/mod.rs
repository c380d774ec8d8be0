//! The first page of the client area: for which account the user acts, and the way to what there is.

pub mod client;
