//! Fields that say where a gateway's secrets are sent. No input or output.
//!
//! What must hold: whoever may set a gateway up but does not know its secrets cannot learn them by pointing it elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::Uri;
use kernel::{FieldErrors, Result};

use super::{ConfigField, Gateway};

/// Fields with these names are addresses that the module talks to.
fn is_address(field: &ConfigField) -> bool {
    !field.secret && ["api_base", "base_url", "api_url", "endpoint", "host"].contains(&field.key)
}

/// Refuses an address that is not safe, and one that is new while a stored secret is not entered again.
pub fn check(
    gateway: &dyn Gateway,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    stored: &[&str],
    entered: &[(String, String)],
    sandbox: bool,
) -> Result<()> {
    let mut errors = FieldErrors::default();
    for field in gateway.fields().iter().filter(|field| is_address(field)) {
        let of = |values: &BTreeMap<String, String>| {
            let written = values.get(field.key).map(|text| text.trim()).filter(|text| !text.is_empty());
            written.unwrap_or(field.default).trim_end_matches('/').to_owned()
        };
        let (before, after) = (of(old), of(new));
        if before == after {
            continue;
        }
        if after != field.default.trim_end_matches('/')
            && let Err(message) = check_address(&after, sandbox)
        {
            errors.add(field.key, message);
        }
        for secret in stored.iter().filter(|secret| !entered.iter().any(|(key, _)| key == *secret)) {
            errors.add(
                *secret,
                format!("Enter this again: it was entered for {before} and would be sent to another address."),
            );
        }
    }
    errors.check()
}

const SAFE: &str = "Write an address such as https://api.example.com.";

fn check_address(text: &str, sandbox: bool) -> Result<(), &'static str> {
    let Ok(uri) = text.parse::<Uri>() else { return Err(SAFE) };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(SAFE) };
    if authority.as_str().contains('@') || uri.query().is_some() {
        return Err(SAFE);
    }
    match scheme {
        "https" => Ok(()),
        "http" if sandbox && is_this_machine(authority.host()) => Ok(()),
        "http" if sandbox => {
            Err("Without TLS only an address of this machine is taken, such as http://127.0.0.1:8420.")
        }
        "http" => {
            Err("Use https: without it the secrets can be read on their way. Only a sandbox talks http, to itself.")
        }
        _ => Err(SAFE),
    }
}

fn is_this_machine(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || plain.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_listened_to_is_taken() {
        for good in ["https://api.stripe.com", "https://proxy.example.com:8443/stripe"] {
            assert_eq!(check_address(good, false), Ok(()), "{good}");
        }
        for local in ["http://127.0.0.1:8420", "http://localhost:8420", "http://[::1]:8420"] {
            assert_eq!(check_address(local, true), Ok(()), "{local}");
            assert!(check_address(local, false).unwrap_err().contains("https"), "{local}");
        }
        for bad in [
            "",
            "api.stripe.com",
            "ftp://example.com",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "https://user@example.com",
            "https://example.com?x=",
            "http://localhost@example.com",
            "javascript:x",
            "https://",
        ] {
            assert!(check_address(bad, true).is_err(), "{bad}");
        }
    }
}
