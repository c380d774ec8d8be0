//! Domain names and the extensions that they are registered under, as DNS holds them.

use std::fmt;

use crate::text::quoted;

/// A name of at least two labels in the form that DNS, registries and we store: lower-case A-labels (RFC 5890, 2.3.2.1)
/// without a dot at the end. `Bücher.Example` is `xn--bcher-kva.example`; [`DomainName::unicode`] shows it to people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// What names are registered under: `com`, `co.uk`, `xn--p1ai`. Stored without the dot in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extension(String);

/// RFC 1035, 2.3.4: 255 octets on the wire are 253 characters.
const MAX_NAME: usize = 253;

impl DomainName {
    pub fn parse(text: &str) -> Result<DomainName, String> {
        let typed = text.trim().trim_end_matches('.');
        if typed.is_empty() {
            return Err("Enter a domain name.".to_owned());
        }
        let refuse = || format!("{} is not a domain name. Enter one such as example.com.", quoted(text));
        let name = ascii(typed).ok_or_else(refuse)?;
        let top = name.rsplit('.').next().unwrap_or_default();
        // The last label of an address such as 192.0.2.1 is a number; no top-level domain is (RFC 3696, 2).
        if !name.contains('.') || top.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        Ok(DomainName(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people write it. A name whose A-labels are no good stays as it is.
    pub fn unicode(&self) -> String {
        unicode(&self.0)
    }

    /// Whether a label of it is an A-label.
    pub fn is_idn(&self) -> bool {
        is_idn(&self.0)
    }

    /// What stands in front of an extension, when it is one label: `example` of `example.co.uk` under `co.uk`.
    pub fn label_under(&self, extension: &Extension) -> Option<&str> {
        let label = self.0.strip_suffix(extension.as_str())?.strip_suffix('.')?;
        Some(label).filter(|label| !label.contains('.'))
    }

    /// The extensions that it could be registered under, the longest first: `co.uk`, then `uk`.
    pub fn extensions(&self) -> impl Iterator<Item = Extension> + '_ {
        let after = |at: usize| Extension(self.0[at + 1..].to_owned());
        self.0.match_indices('.').map(move |(at, _)| after(at))
    }

    /// Without what stands in front of the first dot, and that: `("example", "co.uk")`.
    pub fn split(&self) -> (&str, &str) {
        self.0.split_once('.').unwrap_or((&self.0, ""))
    }
}

impl Extension {
    /// With or without the dot in front, in any script and case.
    pub fn parse(text: &str) -> Result<Extension, String> {
        let typed = text.trim();
        let typed = typed.strip_prefix('.').unwrap_or(typed);
        if typed.is_empty() {
            return Err("Enter an extension such as .com or .co.uk.".to_owned());
        }
        let refuse = || format!("{} is not an extension. Enter one such as .com or .co.uk.", quoted(text));
        let name = ascii(typed).ok_or_else(refuse)?;
        if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(refuse());
        }
        Ok(Extension(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With its dot, as people write it: `.co.uk`, `.рф`.
    pub fn shown(&self) -> String {
        format!(".{}", unicode(&self.0))
    }

    pub fn is_idn(&self) -> bool {
        is_idn(&self.0)
    }

    /// Whether it is, or ends in, a country's code (ISO 3166-1 in two letters, or its form in another script).
    pub fn is_country_code(&self) -> bool {
        let top = self.0.rsplit('.').next().unwrap_or_default();
        top.len() == 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
    }
}

fn is_idn(name: &str) -> bool {
    name.split('.').any(|label| label.starts_with("xn--"))
}

/// Lower-case A-labels of what is a host name by RFC 1123, 2.1, with the mapping of UTS 46.
fn ascii(text: &str) -> Option<String> {
    let name = idna::domain_to_ascii_strict(text).ok()?;
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    (name.len() <= MAX_NAME && name.split('.').all(label)).then_some(name)
}

fn unicode(name: &str) -> String {
    match idna::domain_to_unicode(name) {
        (shown, Ok(())) => shown,
        _ => name.to_owned(),
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_value!(DomainName, String);
text_value!(Extension, String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> String {
        DomainName::parse(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_name_is_kept_as_dns_has_it_and_shown_as_people_write_it() {
        for (typed, stored, shown) in [
            (" Example.COM. ", "example.com", "example.com"),
            ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
            ("BÜCHER.example", "xn--bcher-kva.example", "bücher.example"),
            ("пример.рф", "xn--e1afmkfd.xn--p1ai", "пример.рф"),
            ("faß.de", "xn--fa-hia.de", "faß.de"),
            ("1and1.com", "1and1.com", "1and1.com"),
        ] {
            assert_eq!(name(typed), stored);
            assert_eq!(DomainName::parse(typed).unwrap().unicode(), shown);
            assert_eq!(name(shown), stored, "there and back");
        }
    }

    #[test]
    fn what_cannot_be_registered_is_refused() {
        let long = format!("{}.com", "a".repeat(64));
        let too_long = format!("{}.com", ["abcdefghi"; 26].join("."));
        for text in [
            "",
            ".",
            "com",
            "a..com",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a b.com",
            "a/b.com",
            "192.0.2.1",
            "xn--.com",
            "xn--a\u{202E}.com",
            "a@b.com",
            "*.com",
            "a.com:80",
            &long,
            &too_long,
        ] {
            assert!(DomainName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_extension_may_have_several_labels() {
        let uk = Extension::parse(".CO.uk").unwrap();
        assert_eq!((uk.as_str(), uk.shown()), ("co.uk", ".co.uk".to_owned()));
        assert!(uk.is_country_code() && !uk.is_idn());
        let rf = Extension::parse("рф").unwrap();
        assert_eq!((rf.as_str(), rf.shown(), rf.is_idn()), ("xn--p1ai", ".рф".to_owned(), true));
        for text in ["", ".", "..com", "c m", "12", "-x"] {
            assert!(Extension::parse(text).is_err(), "{text:?}");
        }
        let domain = DomainName::parse("www.example.co.uk").unwrap();
        let all: Vec<String> = domain.extensions().map(|extension| extension.to_string()).collect();
        assert_eq!(all, ["example.co.uk", "co.uk", "uk"]);
        assert_eq!(domain.label_under(&uk), None, "two labels");
        assert_eq!(DomainName::parse("example.co.uk").unwrap().label_under(&uk), Some("example"));
        assert_eq!(DomainName::parse("exampleco.uk").unwrap().label_under(&uk), None);
    }

    proptest! {
        #[test]
        fn a_stored_name_reads_as_itself(text in "\\PC{0,40}") {
            if let Ok(domain) = DomainName::parse(&text) {
                prop_assert_eq!(DomainName::parse(domain.as_str()).unwrap(), domain.clone());
                prop_assert_eq!(DomainName::parse(&domain.unicode()).unwrap(), domain);
            }
        }
    }
}
