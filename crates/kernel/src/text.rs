//! What people type: trimmed, without characters that hide or forge something.

use std::fmt;

/// The trimmed text, unless nothing is left of it.
pub fn nonempty(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// One trimmed line of at most `max` characters (not bytes). Empty is fine; see [`nonempty`].
pub fn single_line(text: &str, max: usize) -> Result<String, String> {
    let line = text.trim();
    if line.chars().any(breaks_line) {
        return Err("Enter a single line without control characters.".to_owned());
    }
    if line.chars().any(reorders) {
        return Err("Remove the invisible characters that change the direction of the text.".to_owned());
    }
    let length = line.chars().count();
    if length > max {
        return Err(format!("Shorten this to at most {max} characters; it has {length}."));
    }
    Ok(line.to_owned())
}

/// Unicode's line and paragraph separators end a line in browsers and PDFs, though they are no control characters.
fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Bidirectional overrides, embeddings and isolates: they make a text read differently from what is stored.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What was typed, for an error sentence: short and harmless.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let clean: String = text.trim().chars().filter(|c| !breaks_line(*c) && !reorders(*c)).collect();
    if clean.chars().count() > SHOWN {
        format!("“{}…”", clean.chars().take(SHOWN).collect::<String>())
    } else {
        format!("“{clean}”")
    }
}

/// An e-mail address as its owner writes it. Whether it receives mail, only a mail can tell; this refuses what
/// cannot be one, and what would break a mail header. Two spellings of one address differ here; compare
/// [`Email::lower`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// RFC 5321, 4.5.3.1.3: a path has 256 octets, two of which are its angle brackets.
    const MAX_BYTES: usize = 254;

    pub fn parse(text: &str) -> Result<Email, String> {
        let address = text.trim();
        if address.is_empty() {
            return Err("Enter an e-mail address.".to_owned());
        }
        if address.len() > Self::MAX_BYTES {
            return Err(format!("Enter an e-mail address of at most {} characters.", Self::MAX_BYTES));
        }
        if is_address(address) {
            Ok(Email(address.to_owned()))
        } else {
            Err(format!("{} is not an e-mail address. Enter one such as name@example.com.", quoted(address)))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For look-ups and uniqueness: mail providers do not tell cases apart.
    pub fn lower(&self) -> String {
        self.0.to_lowercase()
    }

    /// What follows the @.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let forbidden = |c: char| c.is_whitespace() || breaks_line(c) || reorders(c) || r#"@<>()[],;:"\"#.contains(c);
    !local.is_empty() && !local.contains(forbidden) && !domain.contains(forbidden) && is_domain(domain)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii())
    };
    domain.eq_ignore_ascii_case("localhost") || (domain.contains('.') && domain.split('.').all(label))
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_value!(Email, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blank_text_is_empty() {
        assert_eq!(nonempty(" \t\n"), None);
        assert_eq!(nonempty("  a b "), Some("a b"));
    }

    #[test]
    fn a_line_is_trimmed_and_measured_in_characters() {
        assert_eq!(single_line("  Zoë & Söhne \n", 11), Ok("Zoë & Söhne".to_owned()));
        assert!(single_line("Zoë & Söhne", 10).unwrap_err().contains("at most 10 characters; it has 11"));
        assert_eq!(single_line(" ", 0), Ok(String::new()));
    }

    #[test]
    fn a_line_hides_nothing() {
        for text in ["a\nb", "a\r\nBcc: b", "a\0b", "a\u{7f}b", "a\u{2028}b", "a\u{202E}b", "a\u{2066}b", "a\u{2069}b"]
        {
            assert!(single_line(text, 100).is_err(), "{text:?}");
        }
        assert!(single_line("مرحبا", 100).is_ok());
    }

    #[test]
    fn an_email_keeps_its_case_and_compares_in_lower_case() {
        let email = Email::parse(" Ann.Lee+Bills@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "Ann.Lee+Bills@Example.COM");
        assert_eq!(email.lower(), "ann.lee+bills@example.com");
        assert_eq!(email.domain(), "Example.COM");
    }

    #[test]
    fn usual_addresses_are_accepted() {
        for text in
            ["a@b.co", "root@localhost", "o'neil@mail.example.org", "jörg@müller.example", "x_1@xn--bcher-kva.ch"]
        {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(243));
        for text in [
            "",
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a@@b.co",
            "a@b@c.co",
            "a b@c.co",
            "a@b c.co",
            "a@.co",
            "a@b..co",
            "a@b.co.",
            "a@-b.co",
            "a@b.co\nBcc: c@d.co",
            "a\u{202E}@b.co",
            "Ann <a@b.co>",
            "a@b.co,c@d.co",
            "a@[127.0.0.1]",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&long[1..]).is_ok(), "254 bytes fit");
    }

    #[test]
    fn an_error_repeats_the_input_shortened_and_without_control_characters() {
        let message = Email::parse(&format!("\u{202E}{}", "x".repeat(100))).unwrap_err();
        assert!(message.starts_with(&format!("“{}…”", "x".repeat(40))), "{message}");
    }
}
