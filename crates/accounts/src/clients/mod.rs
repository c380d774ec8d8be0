//! placeholder
pub fn country_name(_: &str) -> Option<&'static str> { None }
