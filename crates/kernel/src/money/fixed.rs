//! Decimal text to and from an integer of its smallest unit, without floating point.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FixedError {
    NotANumber,
    TooManyDecimals,
    Overflow,
}

/// `-12.5` with two decimals is −1250. Zeros beyond the allowed decimals change nothing and are accepted.
pub(super) fn parse(text: &str, decimals: u32) -> Result<i64, FixedError> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(FixedError::NotANumber),
        Some(parts) => parts,
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(FixedError::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = (decimals as usize).checked_sub(fraction.len()).ok_or(FixedError::TooManyDecimals)?;
    let magnitude = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', missing))
        .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
        .ok_or(FixedError::Overflow)?;
    Ok(if negative { -magnitude } else { magnitude })
}

/// The reverse, with all decimals: −50 with two decimals is `-0.50`.
pub(super) fn format(units: i64, decimals: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let width = decimals as usize + 1;
    let digits = format!("{:0width$}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
