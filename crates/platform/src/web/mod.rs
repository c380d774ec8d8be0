//! Pages and APIs, technically: templates, forms, errors, assets, health. Who may do what is decided in
//! `accounts::doors`, because it knows staff and their permissions.

pub mod assets;
pub mod errors;
pub mod forms;
pub mod health;
pub mod lists;
pub mod parts;
pub mod templates;
pub mod throttle;

pub use errors::{Audience, Fail, problem};
pub use forms::Form;

/// The largest request body that is read.
pub const MAX_BODY: usize = 2 * 1024 * 1024;
