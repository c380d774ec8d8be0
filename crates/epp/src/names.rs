//! What may be sent: names, ids and other texts are checked before a session is even looked for.

use crate::error::{NotSent, invalid};

/// A name of DNS with at least two labels, in letters, digits and hyphens (RFC 1035, section 2.3.1; RFC 1123, section 2.1).
/// Names in other scripts are given in their A-label form, `xn--…`. It is sent in lower case: not every registry knows that
/// names have none.
pub(crate) fn domain(name: &str) -> Result<String, NotSent> {
    let good_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = name.split('.').count();
    if name.len() <= 253 && labels >= 2 && name.split('.').all(good_label) {
        return Ok(name.to_ascii_lowercase());
    }
    Err(invalid(format!("{name:?} is not a domain name")))
}

/// Every one of them as it is sent, and at least one.
pub(crate) fn all(names: &[String], check: impl Fn(&str) -> Result<String, NotSent>) -> Result<Vec<String>, NotSent> {
    if names.is_empty() {
        return Err(invalid("nothing is asked about"));
    }
    for (place, name) in names.iter().enumerate() {
        if names[..place].iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            return Err(invalid(format!("{name} is asked about twice")));
        }
    }
    names.iter().map(|name| check(name)).collect()
}

/// An id of a contact or a registrar: `clIDType` of RFC 5730, section 4.
pub(crate) fn id(id: &str) -> Result<&str, NotSent> {
    token(id, 3, 16).map_err(|_| invalid(format!("{id:?} is not an id of 3 to 16 characters")))
}

/// `trIDStringType` of RFC 5730, section 4.
pub(crate) fn transaction_id(id: &str) -> Result<&str, NotSent> {
    token(id, 3, 64).map_err(|_| invalid("a transaction id has 3 to 64 characters"))
}

/// A token of XML Schema: a reader takes space at its ends away, and makes one of several, so that what arrives would not
/// be what was sent.
pub(crate) fn token(text: &str, least: usize, most: usize) -> Result<&str, NotSent> {
    let length = text.chars().count();
    let spaces = text.starts_with(' ') || text.ends_with(' ') || text.contains("  ");
    if (least..=most).contains(&length) && !spaces && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(invalid(format!("a text is not one of {least} to {most} characters without superfluous space")))
}

/// An amount: digits, with a point and more digits if need be.
pub(crate) fn amount(text: &str) -> Result<&str, NotSent> {
    if is_amount(text) && !text.starts_with('-') {
        return Ok(text);
    }
    Err(invalid(format!("{text:?} is not an amount")))
}

/// Whether it is a decimal number, which may be negative, of a length that fits what calculates with it.
pub(crate) fn is_amount(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 24 && whole.len() + part.len() > 0 && all_digits(whole) && all_digits(part)
}

/// An ISO 4217 code: three capital letters.
pub(crate) fn currency(text: &str) -> Result<&str, NotSent> {
    if is_currency(text) {
        return Ok(text);
    }
    Err(invalid(format!("{text:?} is not a currency")))
}

pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
