//! Signed webhooks in the scheme that Stripe made common: a header `t=<unix seconds>,v1=<hex>` where the hex is
//! HMAC-SHA256 over `<t>.<body>`.

use std::fmt::Write;

use billing::gateways::WebhookError;
use hmac::{Hmac, KeyInit, Mac};
use kernel::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How far the signing time may be from now, in either direction. Stripe's own libraries use the same.
pub const TOLERANCE_SECONDS: i64 = 300;

/// The value of the header `name`, whatever its letter case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Passes when one of the `v1` signatures is right (there are several while a secret is being rolled) and the time
/// is near `now`. Without a secret nothing passes: a forgotten setting must not open the door.
pub fn verify(header: Option<&str>, secret: Option<&str>, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
    let (Some(header), Some(secret)) = (header, secret.filter(|secret| !secret.is_empty())) else {
        return Err(WebhookError::BadSignature);
    };
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    // Two times would leave open which of them was signed.
    let mut times = parts().filter(|(key, _)| *key == "t").map(|(_, value)| value);
    let (Some(time), None) = (times.next(), times.next()) else { return Err(WebhookError::BadSignature) };
    let expected = hex_signature(secret, time, body).ok_or(WebhookError::BadSignature)?;
    let matches = parts()
        .filter(|(key, _)| *key == "v1")
        .fold(subtle::Choice::from(0), |any, (_, value)| any | value.as_bytes().ct_eq(expected.as_bytes()));
    if !bool::from(matches) {
        return Err(WebhookError::BadSignature);
    }
    let Ok(signed_at) = time.parse::<i64>() else { return Err(WebhookError::BadSignature) };
    let age = (now.micros() / 1_000_000).saturating_sub(signed_at);
    if age.saturating_abs() > TOLERANCE_SECONDS {
        return Err(WebhookError::OutsideTolerance { seconds: age });
    }
    Ok(())
}

/// The header value for `body`, signed at `now`. `None` only if the platform refuses the key.
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> Option<String> {
    let time = (now.micros() / 1_000_000).to_string();
    let signature = hex_signature(secret, &time, body)?;
    Some(format!("t={time},v1={signature}"))
}

fn hex_signature(secret: &str, time: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(hex(&mac.finalize().into_bytes()))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn check(header: &str, body: &[u8]) -> Result<(), WebhookError> {
        verify(Some(header), Some("whsec_test"), body, NOW)
    }

    #[test]
    fn the_signature_is_the_documented_one() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        assert_eq!(
            sign("whsec_test", br#"{"a":1}"#, NOW).unwrap(),
            "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789"
        );
    }

    #[test]
    fn a_body_that_was_tampered_with_is_refused() {
        let header = sign("whsec_test", b"pay 10", NOW).unwrap();
        assert!(check(&header, b"pay 10").is_ok());
        assert!(matches!(check(&header, b"pay 11"), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn a_signature_by_another_secret_is_refused() {
        let header = sign("whsec_other", b"x", NOW).unwrap();
        assert!(matches!(check(&header, b"x"), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        let header = sign("whsec_test", b"x", NOW).unwrap();
        let (time, right) = header.split_once(',').unwrap();
        assert!(check(&format!("{time},v1=00ff, {right},v0=whatever"), b"x").is_ok());
    }

    #[test]
    fn a_v0_signature_alone_is_refused() {
        let header = sign("whsec_test", b"x", NOW).unwrap().replace("v1=", "v0=");
        assert!(matches!(check(&header, b"x"), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn the_time_may_be_five_minutes_off_in_either_direction() {
        for (seconds, accepted) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let header = sign("whsec_test", b"x", NOW.plus_seconds(seconds)).unwrap();
            let answer = check(&header, b"x");
            assert_eq!(answer.is_ok(), accepted, "{seconds}");
            assert!(
                accepted || matches!(answer, Err(WebhookError::OutsideTolerance { seconds: age }) if age == -seconds),
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_second_time_is_refused() {
        let header = sign("whsec_test", b"x", NOW.plus_seconds(-9000)).unwrap();
        assert!(matches!(check(&format!("t=1700000000,{header}"), b"x"), Err(WebhookError::BadSignature)));
        assert!(matches!(check(&format!("{header},t=1700000000"), b"x"), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn garbage_and_absence_are_refused() {
        for header in ["", "t=", "t=1700000000", "v1=abc", "t=x,v1=abc", "t=99999999999999999999,v1=abc", ",=,=="] {
            assert!(matches!(check(header, b"x"), Err(WebhookError::BadSignature)), "{header}");
        }
        assert!(matches!(verify(None, Some("s"), b"x", NOW), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn without_a_secret_nothing_passes() {
        let header = sign("", b"x", NOW).unwrap();
        assert!(matches!(verify(Some(&header), None, b"x", NOW), Err(WebhookError::BadSignature)));
        assert!(matches!(verify(Some(&header), Some(""), b"x", NOW), Err(WebhookError::BadSignature)));
    }

    #[test]
    fn a_header_is_found_in_any_letter_case() {
        let headers = [("stripe-signature".to_owned(), "v".to_owned())];
        assert_eq!(header(&headers, "Stripe-Signature"), Some("v"));
        assert_eq!(header(&headers, "Other"), None);
    }
}
