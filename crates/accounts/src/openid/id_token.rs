//! Whether an ID token says what it seems to say (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kernel::Timestamp;
use platform::crypto;
use serde_json::Value;

use super::signatures;

/// Seconds by which the provider's clock may differ from ours.
const LEEWAY: i64 = 60;
const MOST_BYTES: usize = 64 * 1024;

/// What the token must be about.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// SHA-256 of the nonce that was sent, in hexadecimal digits.
    pub nonce_hash: &'a str,
}

/// Why a token counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// None of the keys is the one that it names. New ones may have been published.
    UnknownKey,
    /// In words for the log.
    Because(&'static str),
}

/// The claims of a token that is genuine, for us, in time, and the answer to our question.
pub fn verify(token: &str, keys: &[Jwk], expected: Expected<'_>, now: Timestamp) -> Result<Value, Wrong> {
    let claims = signed(token, keys)?;
    check(&claims, expected, now).map_err(Wrong::Because)?;
    Ok(claims)
}

/// The claims as somebody with one of the keys has signed them.
fn signed(token: &str, keys: &[Jwk]) -> Result<Value, Wrong> {
    if token.len() > MOST_BYTES {
        return Err(Wrong::Because("it is too long"));
    }
    // Fails of algorithms that are none, such as “none”.
    let header = decode_header(token).or(Err(Wrong::Because("its header cannot be read")))?;
    if !signatures::ALLOWED.contains(&header.alg) {
        return Err(Wrong::Because("its algorithm is not allowed"));
    }
    if raw_header(token).is_none_or(|header| header.get("crit").is_some()) {
        return Err(Wrong::Because("its header asks for what is not known"));
    }
    let fitting: Vec<&Jwk> = keys
        .iter()
        .filter(|key| fits(key, header.alg) && (header.kid.is_none() || key.common.key_id == header.kid))
        .collect();
    // Without a name only a single key can be meant.
    let [key] = fitting.as_slice() else { return Err(Wrong::UnknownKey) };
    let key = DecodingKey::from_jwk(key).or(Err(Wrong::Because("the key cannot be read")))?;
    signatures::install();
    let mut only = Validation::new(header.alg);
    // What the claims say is checked by `check`, with the program's clock.
    (only.validate_exp, only.validate_aud) = (false, false);
    only.required_spec_claims.clear();
    let decoded = decode::<Value>(token, &key, &only).or(Err(Wrong::Because("its signature is wrong")))?;
    Ok(decoded.claims)
}

fn raw_header(token: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether a key is for signatures of this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let right_kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let stated = match key.common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(KeyAlgorithm::EdDSA) => algorithm == Algorithm::EdDSA,
        Some(_) => false,
    };
    let for_signing = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    right_kind && stated && for_signing
}

fn check(claims: &Value, expected: Expected<'_>, now: Timestamp) -> Result<(), &'static str> {
    let now = now.micros() / 1_000_000;
    let text = |name: &str| claims[name].as_str();
    let moment = |name: &str| claims[name].as_f64().filter(|at| at.is_finite()).map(|at| at as i64);
    if text("iss") != Some(expected.issuer) {
        return Err("it is of another issuer");
    }
    let audience: Vec<&str> = match &claims["aud"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&expected.client_id) {
        return Err("it is for another client");
    }
    let party = &claims["azp"];
    if (audience.len() > 1 || !party.is_null()) && *party != expected.client_id {
        return Err("it was given to another client");
    }
    if moment("exp").is_none_or(|at| at <= now - LEEWAY) {
        return Err("it has expired");
    }
    if moment("iat").is_none_or(|at| at > now + LEEWAY) || moment("nbf").is_some_and(|at| at > now + LEEWAY) {
        return Err("it is not valid yet");
    }
    let nonce = text("nonce").unwrap_or_default();
    if !crypto::same(&crypto::sha256_hex(nonce.as_bytes()), expected.nonce_hash) {
        return Err("it answers another question");
    }
    match text("sub") {
        Some(subject) if !subject.is_empty() && subject.len() <= 255 && !subject.contains('\0') => Ok(()),
        _ => Err("it says of nobody who they are"),
    }
}
