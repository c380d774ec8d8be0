//! The address under which clients reach this installation.

use axum::http::Uri;
use platform::settings::Values;

use super::SYSTEM_URL;

/// With a scheme, without a slash at the end.
pub(super) fn rule(value: &str, _others: &Values) -> Result<String, String> {
    let address: Option<Uri> = value.parse().ok();
    let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    match address.filter(is_web) {
        Some(uri) if uri.query().is_none() => Ok(value.trim_end_matches('/').to_owned()),
        _ => Err("Write a web address such as https://billing.example.com.".to_owned()),
    }
}

/// The rule of a setting that is the address of a page, or nothing.
pub fn or_nothing(value: &str, _others: &Values) -> Result<String, String> {
    let address: Option<Uri> = value.parse().ok();
    let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if value.is_empty() || address.is_some_and(|uri| is_web(&uri)) {
        return Ok(value.to_owned());
    }
    Err("Write a web address such as https://example.com/terms, or nothing.".to_owned())
}

/// As the settings have it.
pub fn of(values: &Values) -> String {
    values.text(&SYSTEM_URL).trim_end_matches('/').to_owned()
}
