//! Names in other scripts than Latin: as people write them, and as the world is asked (RFC 5890 to 5894, UTS 46).

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::name::{NotAName, check_domain};

/// Why a name has no other form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdnError {
    /// Letters that are not allowed, or not in this order; or what begins with `xn--` and stands for nothing.
    #[error("this name has letters or signs that no domain name may have")]
    NotAllowed,
    /// What it becomes is no name.
    #[error(transparent)]
    NotAName(#[from] NotAName),
}

/// The lower-case ASCII form, in which names are looked up and registered: `bücher.example` is `xn--bcher-kva.example`.
/// White space around the name and a dot at its end are left out. Letters that IDNA 2003 changed, such as `ß`, stay.
///
/// # Errors
/// When there is none.
pub fn to_ascii(name: &str) -> Result<String, IdnError> {
    let name = name.trim();
    let name = name.strip_suffix('.').unwrap_or(name);
    let ascii = Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Ignore);
    let ascii = ascii.map_err(|_| IdnError::NotAllowed)?.into_owned();
    check_domain(&ascii)?;
    Ok(ascii)
}

/// The form that people read.
///
/// # Errors
/// When `name` has a label that begins with `xn--` and stands for nothing: it is to be shown as it is.
pub fn to_unicode(name: &str) -> Result<String, IdnError> {
    let (unicode, result) = Uts46::new().to_unicode(name.as_bytes(), AsciiDenyList::URL, Hyphens::Allow);
    result.map(|()| unicode.into_owned()).map_err(|_| IdnError::NotAllowed)
}

/// Whether a label mixes letters of scripts that look alike, Latin with Cyrillic or Greek, as names do that pass
/// themselves off as others: `pаypal.com` with a Cyrillic `а`. Such a name should be shown in its ASCII form too.
///
/// A label wholly in Cyrillic is not mixed, though it may look Latin.
#[must_use]
pub fn is_mixed(name: &str) -> bool {
    let unicode = to_unicode(name).unwrap_or_else(|_| name.to_owned());
    unicode.split('.').any(|label| {
        let mut seen = [false; 3];
        for script in label.chars().filter_map(script) {
            seen[script] = true;
        }
        seen.iter().filter(|seen| **seen).count() > 1
    })
}

fn script(letter: char) -> Option<usize> {
    match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(0),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(1),
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_becomes_a_name_stays_the_same_name(text in "\\PC{1,12}\\.[a-zа-яüß]{2,8}") {
            let _ = is_mixed(&text);
            if let Ok(ascii) = to_ascii(&text) {
                prop_assert_eq!(check_domain(&ascii), Ok(()));
                prop_assert_eq!(to_ascii(&ascii), Ok(ascii.clone()));
                let unicode = to_unicode(&ascii).unwrap();
                prop_assert_eq!(to_ascii(&unicode), Ok(ascii));
            }
        }
    }

    #[test]
    fn names_go_to_ascii_and_back() {
        for (unicode, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("straße.de", "xn--strae-oqa.de"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
            ("example.com", "example.com"),
        ] {
            assert_eq!(to_ascii(unicode).as_deref(), Ok(ascii));
            assert_eq!(to_unicode(ascii).as_deref(), Ok(unicode));
        }
        assert_eq!(to_ascii(" BÜCHER.Example. ").as_deref(), Ok("xn--bcher-kva.example"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["a b.com", "a/b.com", "xn--a.com", "\u{200d}.com", "a\u{0}b.com", "a%b.com"] {
            assert_eq!(to_ascii(bad), Err(IdnError::NotAllowed), "{bad:?}");
        }
        assert_eq!(to_ascii("example"), Err(IdnError::NotAName(NotAName::OneLabel)));
        assert_eq!(to_ascii(""), Err(IdnError::NotAName(NotAName::EmptyLabel)));
        assert_eq!(to_ascii("-a.com"), Err(IdnError::NotAName(NotAName::Hyphen)));
        assert_eq!(to_ascii(&format!("{}.com", "ü".repeat(60))), Err(IdnError::NotAName(NotAName::TooLong)));
        assert_eq!(to_unicode("xn--a.com"), Err(IdnError::NotAllowed));
    }

    #[test]
    fn scripts_that_look_alike_are_not_mixed_in_silence() {
        for mixed in ["p\u{430}ypal.com", "g\u{3bf}\u{3bf}gle.com", &to_ascii("p\u{430}ypal.com").unwrap()] {
            assert!(is_mixed(mixed), "{mixed}");
        }
        for plain in ["paypal.com", "пример.com", "bücher.example", "例えexample.jp", "xn--a.com"] {
            assert!(!is_mixed(plain), "{plain}");
        }
    }
}
