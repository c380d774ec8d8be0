//! Which names there can be (RFC 1035, section 2.3.1; RFC 5890 for A-labels).

use super::answer::Refusal;
use super::state::{State, suffixes};

/// The name of a host or domain: labels of letters, digits and hyphens, at least two of them.
pub(super) fn checked(name: &str) -> Result<(), Refusal> {
    let labels: Vec<&str> = name.split('.').collect();
    if labels.len() < 2 || name.len() > 253 {
        return Err(Refusal::because(2005, "Not a name"));
    }
    let numbers = labels.iter().all(|label| label.bytes().all(|c| c.is_ascii_digit()));
    if numbers { Err(Refusal::because(2005, "Not a name")) } else { labels.into_iter().try_for_each(check_label) }
}

fn check_label(label: &str) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::because(2005, why));
    if !label.is_ascii() {
        return refused("Internationalised names are written as A-labels");
    }
    let known = label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    if !known || label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
        return refused("Not a label of a name");
    }
    if label.get(2..4) != Some("--") {
        return Ok(());
    }
    match label.strip_prefix("xn--") {
        Some(encoded) if is_punycode(encoded) => Ok(()),
        _ => refused("Not an A-label"),
    }
}

/// Whether it decodes, to something that is not plain ASCII (RFC 3492, section 6.2).
fn is_punycode(encoded: &str) -> bool {
    let (basic, digits) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let (mut code, mut index, mut bias, mut length) = (128_u32, 0_u32, 72_u32, basic.len() as u32);
    let mut digits = digits.bytes();
    if digits.len() == 0 {
        return false;
    }
    while digits.len() > 0 {
        let before = index;
        let Some(after) = read_delta(&mut digits, index, bias) else { return false };
        index = after;
        length += 1;
        bias = adapted(index - before, length, before == 0);
        let Some(next) = code.checked_add(index / length) else { return false };
        code = next;
        index %= length;
        if char::from_u32(code).is_none_or(char::is_control) {
            return false;
        }
        index += 1;
    }
    true
}

fn read_delta(digits: &mut std::str::Bytes<'_>, mut index: u32, bias: u32) -> Option<u32> {
    let mut weight = 1_u32;
    for k in (36..).step_by(36) {
        let digit = match digits.next()? {
            c @ b'a'..=b'z' => u32::from(c - b'a'),
            c @ b'0'..=b'9' => u32::from(c - b'0') + 26,
            _ => return None,
        };
        index = index.checked_add(digit.checked_mul(weight)?)?;
        let threshold = if k <= bias { 1 } else { (k - bias).min(26) };
        if digit < threshold {
            return Some(index);
        }
        weight = weight.checked_mul(36 - threshold)?;
    }
    None
}

fn adapted(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

impl State {
    /// The zone that a domain of this name would be registered in: the name has one label more.
    pub(super) fn zone_of(&self, name: &str) -> Result<&super::options::Zone, Refusal> {
        checked(name)?;
        let zone = name.split_once('.').and_then(|(_, zone)| self.zones.get(zone));
        zone.ok_or_else(|| Refusal::because(2306, "No such zone is served"))
    }

    /// Whether the name is in or below a zone of the registry.
    pub(super) fn is_internal(&self, name: &str) -> bool {
        suffixes(name).any(|part| self.zones.contains_key(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_does_not_decode_is_refused() {
        for good in ["example.test", "xn--mnchen-3ya.test", "xn--fiqs8s.test", "1a.test", "a-b.test"] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "test",
            "-a.test",
            "a-.test",
            "ab--c.test",
            "xn--.test",
            "xn--a.test",
            "xn--99999999.test",
            "münchen.test",
            "a..test",
            "1.2",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
