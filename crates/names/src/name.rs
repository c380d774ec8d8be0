//! Which names are looked up: lower-case ASCII, as they are on the wire (RFC 1035 section 2.3.1, RFC 5890 A-labels).

/// The most bytes of a name without the dot at its end (RFC 1035 section 2.3.4: 255 on the wire).
pub const MAX_BYTES: usize = 253;
/// The most bytes of a label.
pub const MAX_LABEL_BYTES: usize = 63;

/// Why a text is not a name that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// There is nothing, or an empty label.
    #[error("a name consists of labels with one dot between them")]
    EmptyLabel,
    /// Longer than [`MAX_BYTES`], or a label longer than [`MAX_LABEL_BYTES`].
    #[error("a name has at most 253 characters, and 63 between two dots")]
    TooLong,
    /// Something other than lower-case letters, digits and hyphens.
    #[error("a name is written with the letters a to z, digits, hyphens and dots")]
    Character(char),
    /// A label begins or ends with a hyphen.
    #[error("no part of a name begins or ends with a hyphen")]
    Hyphen,
    /// One label only: no name that somebody registers.
    #[error("a domain name has a dot in it")]
    OneLabel,
}

/// Checks the name of a host or of a record: as [`check_domain`], but `_` is a letter, as in `_dmarc.example.com`, and
/// one label is enough.
///
/// # Errors
/// What is wrong with it.
pub fn check_host(name: &str) -> Result<(), NotAName> {
    check(name, |byte| byte == b'_')
}

/// Checks a name that can be registered: letters, digits and hyphens, at least two labels, no dot at the end.
///
/// # Errors
/// What is wrong with it.
pub fn check_domain(name: &str) -> Result<(), NotAName> {
    check(name, |_| false)?;
    if name.contains('.') { Ok(()) } else { Err(NotAName::OneLabel) }
}

fn check(name: &str, also: impl Fn(u8) -> bool) -> Result<(), NotAName> {
    if name.len() > MAX_BYTES {
        return Err(NotAName::TooLong);
    }
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte) || also(byte);
    if let Some(other) = name.chars().find(|&letter| !u8::try_from(letter).is_ok_and(good)) {
        return Err(NotAName::Character(other));
    }
    name.split('.').try_for_each(|label| match label.len() {
        0 => Err(NotAName::EmptyLabel),
        1..=MAX_LABEL_BYTES if label.starts_with('-') || label.ends_with('-') => Err(NotAName::Hyphen),
        1..=MAX_LABEL_BYTES => Ok(()),
        _ => Err(NotAName::TooLong),
    })
}

/// The last label: `uk` of `example.co.uk`.
#[must_use]
pub fn top_level(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_they_are_on_the_wire_are_taken() {
        for name in ["example.com", "xn--bcher-kva.example", "1.co.uk", "a-b.c", "x--y.test"] {
            assert_eq!(check_domain(name), Ok(()), "{name}");
        }
        assert_eq!(check_host("_dmarc.example.com"), Ok(()));
        assert_eq!(check_host("localhost"), Ok(()));
    }

    #[test]
    fn other_spellings_are_refused_with_the_reason() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abc.".repeat(63));
        for (name, why) in [
            ("", NotAName::EmptyLabel),
            ("example..com", NotAName::EmptyLabel),
            ("example.com.", NotAName::EmptyLabel),
            (".com", NotAName::EmptyLabel),
            ("Example.com", NotAName::Character('E')),
            ("bücher.example", NotAName::Character('ü')),
            ("a b.com", NotAName::Character(' ')),
            ("a\r\nb.com", NotAName::Character('\r')),
            ("a/b.com", NotAName::Character('/')),
            ("_dmarc.example.com", NotAName::Character('_')),
            ("-a.com", NotAName::Hyphen),
            ("a-.com", NotAName::Hyphen),
            ("com", NotAName::OneLabel),
            (&long_label, NotAName::TooLong),
            (&long_name, NotAName::TooLong),
        ] {
            assert_eq!(check_domain(name), Err(why), "{name}");
        }
    }

    #[test]
    fn the_last_label_is_the_top_level_domain() {
        assert_eq!(top_level("example.co.uk"), "uk");
        assert_eq!(top_level("uk"), "uk");
    }
}
