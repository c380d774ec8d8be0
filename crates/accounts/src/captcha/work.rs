//! The proof of work: a number which, written after the challenge, gives a hash (SHA-256) that begins with so many zero bits.
//! The challenge says itself for which form, since when and how hard it is; it is sealed, so that nobody makes their own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Error, Result, Timestamp};
use platform::{App, crypto};

use super::FIELD;

/// Binds the seal to this use of the instance's key.
const PLACE: &str = "captcha:challenge";
/// Seconds for which a challenge is good: as long as somebody may fill in a form.
const GOOD_FOR: i64 = 3600;

pub(super) fn challenge(app: &App, form: &str, bits: u32, now: Timestamp) -> Result<String> {
    let said = format!("{form} {bits} {}", now.micros());
    Ok(URL_SAFE_NO_PAD.encode(app.vault.seal(&app.random, PLACE, said.as_bytes())?))
}

/// When the challenge expires, if the answer is right.
pub(super) fn check(app: &App, form: &str, token: &str, answer: &str, now: Timestamp) -> Result<Timestamp> {
    let wrong =
        || Error::invalid(FIELD, "Wait until your browser has shown that it is no robot, then send the form again.");
    let (bits, begun) = read(app, form, token).ok_or_else(wrong)?;
    let expires_at = begun.plus_seconds(GOOD_FOR);
    if expires_at <= now {
        return Err(Error::invalid(FIELD, "This form was open for too long. Send it once more."));
    }
    let right = answer.len() <= 20 && answer.bytes().all(|byte| byte.is_ascii_digit()) && proves(token, answer, bits);
    if right { Ok(expires_at) } else { Err(wrong()) }
}

fn read(app: &App, form: &str, token: &str) -> Option<(u32, Timestamp)> {
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    let said = String::from_utf8(app.vault.open(PLACE, &sealed).ok()?).ok()?;
    let mut words = said.split(' ');
    let fits = words.next() == Some(form);
    let bits = words.next()?.parse().ok()?;
    let begun = words.next()?.parse().ok()?;
    fits.then_some((bits, Timestamp::from_micros(begun)))
}

fn proves(token: &str, answer: &str, bits: u32) -> bool {
    zero_bits(&crypto::sha256(format!("{token}:{answer}").as_bytes())) >= bits
}

fn zero_bits(hash: &[u8; 32]) -> u32 {
    let zeros = hash.iter().take_while(|byte| **byte == 0).count();
    let next = hash.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zeros).unwrap_or_default() * 8 + next
}

/// What a browser does.
#[cfg(test)]
pub(super) fn solve(token: &str, bits: u32) -> String {
    (0u64..).map(|number| number.to_string()).find(|answer| proves(token, answer, bits)).unwrap()
}

/// What a browser does not send.
#[cfg(test)]
pub(super) fn fail(token: &str, bits: u32) -> String {
    (0u64..).map(|number| number.to_string()).find(|answer| !proves(token, answer, bits)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::zero_bits;

    #[test]
    fn zero_bits_are_counted_from_the_left() {
        let hash = |first: [u8; 3]| {
            let mut all = [0xff; 32];
            all[..3].copy_from_slice(&first);
            all
        };
        assert_eq!(zero_bits(&hash([0x80, 0, 0])), 0);
        assert_eq!(zero_bits(&hash([0x01, 0, 0])), 7);
        assert_eq!(zero_bits(&hash([0, 0x10, 0])), 11);
        assert_eq!(zero_bits(&hash([0, 0, 0x3f])), 18);
        assert_eq!(zero_bits(&[0; 32]), 256);
    }
}
