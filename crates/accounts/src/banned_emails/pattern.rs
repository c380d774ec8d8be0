//! What a ban is of, in the one spelling in which it is compared.

use std::collections::HashSet;

use kernel::Email;

/// An address, a domain with everything under it (`example.com`), or everything under a top-level domain (`.top`). In
/// lower case, domains in the letters of the DNS: `müller.example` and `xn--mller-kva.example` are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Reads `name@example.com`, `example.com`, `@example.com`, `*@example.com`, `*.example.com` or `.top`. The error is a
    /// sentence to show beside the field.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let text = text.trim();
        let domain = ["*@", "@", "*.", "."].iter().find_map(|start| text.strip_prefix(start));
        let found = match domain {
            Some(domain) => of_domain(domain, !text.contains('@')),
            None if text.contains('@') => Email::parse(text).ok().map(|email| of_email(&email)),
            None => of_domain(text, false),
        };
        found.map(Pattern).ok_or_else(|| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
            format!("“{shown}” is no address or domain. {FORMS}")
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) const FORMS: &str =
    "Write it like name@example.com, example.com, or .top for everything under a top-level domain.";

/// `top_level`: whether a single label is meant as such, and no slip.
fn of_domain(text: &str, top_level: bool) -> Option<String> {
    let domain = text.strip_suffix('.').unwrap_or(text);
    let single = !domain.contains('.');
    if single && !top_level {
        return None;
    }
    // What may stand in a domain is what may stand in an address.
    let whole = if single { format!("a@a.{domain}") } else { format!("a@{domain}") };
    Email::parse(&whole).ok()?;
    Some(if single { format!(".{}", ascii(domain)) } else { ascii(domain) })
}

fn of_email(email: &Email) -> String {
    let lower = email.lower();
    match lower.split_once('@') {
        Some((name, domain)) => format!("{name}@{}", ascii(domain)),
        None => lower,
    }
}

/// As the DNS has it; what cannot be written so stays, in lower case.
pub(super) fn ascii(domain: &str) -> String {
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

/// Everything that bans an address: the nearest first, which is the address itself, its domain, and the domains above it.
pub fn over(email: &Email) -> Vec<String> {
    let address = of_email(email);
    let domain = address.split_once('@').map_or("", |(_, domain)| domain).to_owned();
    let mut found = vec![address];
    let mut rest = domain.as_str();
    while let Some((_, above)) = rest.split_once('.') {
        found.push(rest.to_owned());
        rest = above;
    }
    found.push(format!(".{rest}"));
    found
}

/// So many are banned at once.
pub const MOST: usize = 10_000;

/// The addresses and domains of a pasted list: lines, commas, spaces. Everything that is none is named.
pub fn list(text: &str) -> Result<Vec<Pattern>, String> {
    let parts = text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    let (mut found, mut seen, mut wrong) = (Vec::new(), HashSet::new(), Vec::new());
    for part in parts {
        match Pattern::parse(part) {
            Ok(pattern) if seen.insert(pattern.clone()) => found.push(pattern),
            Ok(_) => {}
            Err(_) => wrong.push(part.chars().filter(|c| !c.is_control()).take(60).collect::<String>()),
        }
    }
    if !wrong.is_empty() {
        let named: Vec<String> = wrong.iter().take(5).map(|part| format!("“{part}”")).collect();
        let more = if wrong.len() > 5 { format!(" and {} more", wrong.len() - 5) } else { String::new() };
        return Err(format!("{}{more}: no address or domain. {FORMS}", named.join(", ")));
    }
    match found.len() {
        0 => Err("Enter an address or a domain.".to_owned()),
        many if many > MOST => Err(format!("These are {many}. Ban at most {MOST} at once.")),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Pattern::parse(text).ok().map(|pattern| pattern.as_str().to_owned())
    }

    #[test]
    fn one_spelling_for_all_ways_to_write_it() {
        for (text, stored) in [
            ("Ann.Lee@Example.COM", "ann.lee@example.com"),
            (" example.com ", "example.com"),
            ("Example.com.", "example.com"),
            ("@example.com", "example.com"),
            ("*@example.com", "example.com"),
            ("*.example.com", "example.com"),
            (".example.com", "example.com"),
            (".TOP", ".top"),
            ("*.top", ".top"),
            ("Müller.example", "xn--mller-kva.example"),
            ("jörg@MÜLLER.example", "jörg@xn--mller-kva.example"),
            ("xn--mller-kva.example", "xn--mller-kva.example"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(stored), "{text}");
            assert_eq!(parsed(stored).as_deref(), Some(stored), "what is stored can be written again");
        }
        for wrong in
            ["", "top", "@top", "*", ".", "a@b", "a@@b.co", "exa mple.com", "-a.com", "a..com", "a@b.co\nx", "a/b.co"]
        {
            let refused = Pattern::parse(wrong).unwrap_err();
            assert!(refused.contains("name@example.com"), "{wrong}: {refused}");
        }
    }

    #[test]
    fn an_address_is_under_itself_and_every_domain_above_it() {
        let over = |text| over(&Email::parse(text).unwrap());
        assert_eq!(
            over("Ann@a.b.example.com"),
            ["ann@a.b.example.com", "a.b.example.com", "b.example.com", "example.com", ".com"]
        );
        assert_eq!(over("ann@müller.example"), ["ann@xn--mller-kva.example", "xn--mller-kva.example", ".example"]);
        assert_eq!(over("root@localhost"), ["root@localhost", ".localhost"]);
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let texts = |text: &str| list(text).unwrap().iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts("a.example, b.example\r\nA.example;c@d.example"), ["a.example", "b.example", "c@d.example"]);
        assert_eq!(list("\n ,").unwrap_err(), "Enter an address or a domain.");
        let refused = list("a.example one two three four five six seven").unwrap_err();
        assert!(refused.starts_with("“one”, “two”, “three”, “four”, “five” and 2 more: "), "{refused}");
        let many: String = (0..=MOST).map(|at| format!("{at}.example\n")).collect();
        assert_eq!(list(&many).unwrap_err(), "These are 10001. Ban at most 10000 at once.");
    }
}
