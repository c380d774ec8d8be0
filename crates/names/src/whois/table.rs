//! Which server knows which suffix, how it is asked, and how it says that there is nothing.

use std::collections::HashMap;
use std::sync::Arc;

use crate::name::check_host;

const SHIPPED: &str = include_str!("servers.txt");

/// The servers of suffixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    entries: HashMap<String, Arc<Entry>>,
}

/// How a suffix is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// A host, perhaps with `:` and a port; `None` when the registry has no such server.
    pub server: Option<String>,
    /// What is sent, `{}` being the name.
    pub question: String,
    /// How lines begin that say that the name is not registered, in the form of [`tidy`].
    pub patterns: Vec<String>,
}

/// Why a table is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table of WHOIS servers: {why}")]
pub struct TableError {
    /// Counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Table {
    /// The table that comes with the program.
    #[must_use]
    pub fn shipped() -> Self {
        // A test reads it.
        Self::parse(SHIPPED).unwrap_or_default()
    }

    /// Reads a table; the first lines of `servers.txt` beside this file say what it looks like.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut named = HashMap::new();
        let mut table = Self::default();
        for (number, line) in text.lines().enumerate() {
            let wrong = |why: String| TableError { line: number + 1, why };
            if let Some((name, patterns)) = line.strip_prefix('=').and_then(|line| line.split_once('\t')) {
                named.insert(format!("@{name}"), patterns.to_owned());
            } else if !line.is_empty() && !line.starts_with('#') {
                table.take(line, &named).map_err(wrong)?;
            }
        }
        Ok(table)
    }

    fn take(&mut self, line: &str, named: &HashMap<String, String>) -> Result<(), String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let (suffixes, server, question, patterns) = match fields.as_slice() {
            [suffixes, server] => (suffixes, server, "{}", ""),
            [suffixes, server, question] => (suffixes, server, *question, ""),
            [suffixes, server, question, patterns] => (suffixes, server, *question, *patterns),
            _ => return Err("it has not two to four fields".to_owned()),
        };
        let patterns = match patterns.strip_prefix('@') {
            Some(_) => named.get(patterns).ok_or_else(|| format!("no patterns are named {patterns}"))?,
            None => patterns,
        };
        for suffix in suffixes.split(' ') {
            check_host(suffix).map_err(|why| format!("{suffix}: {why}"))?;
            let entry = Entry::new(&server.replace("{}", suffix), question, patterns)?;
            self.entries.insert(suffix.to_owned(), Arc::new(entry));
        }
        Ok(())
    }

    /// The entry of the longest suffix of a name, such as `uk.com` before `com`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        let suffixes = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
        suffixes.filter_map(|suffix| self.entries.get(suffix)).next()
    }

    /// Takes over the entries of another table, instead of one's own for the same suffixes.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The suffixes and their entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(suffix, entry)| (suffix.as_str(), entry.as_ref()))
    }
}

impl Entry {
    /// `server` is `-` for none; `patterns` have `|` between them.
    fn new(server: &str, question: &str, patterns: &str) -> Result<Self, String> {
        let host = server.split(':').next().unwrap_or(server);
        if server != "-" {
            check_host(host).map_err(|why| format!("{server}: {why}"))?;
        }
        if !question.contains("{}") || question.contains(['\r', '\n']) {
            return Err(format!("the question '{question}' has no place for the name"));
        }
        let patterns: Vec<String> = patterns.split('|').map(tidy).filter(|pattern| !pattern.is_empty()).collect();
        let says_nothing = |pattern: &&String| pattern.replace("{}", "").trim().len() < 4;
        if let Some(pattern) = patterns.iter().find(says_nothing) {
            return Err(format!("the pattern '{pattern}' would fit too much"));
        }
        let server = (server != "-").then(|| server.to_owned());
        Ok(Self { server, question: question.to_owned(), patterns })
    }

    /// Whether this line says that `name` is not registered.
    #[must_use]
    pub fn says_nothing(&self, line: &str, name: &str) -> bool {
        let line = tidy(line);
        self.patterns.iter().any(|pattern| {
            let wanted = pattern.replace("{}", name);
            match wanted.strip_suffix('$') {
                Some(whole) => line == whole,
                None => line.starts_with(&wanted),
            }
        })
    }
}

/// A line without the signs of comments before it and superfluous white space, in lower case.
pub(super) fn tidy(line: &str) -> String {
    let bare = line.trim_start_matches(|sign: char| sign.is_whitespace() || "%#*>".contains(sign));
    bare.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_comes_along_has_the_usual_suffixes() {
        let table = Table::parse(SHIPPED).unwrap();
        let with_patterns = table.iter().filter(|(_, entry)| !entry.patterns.is_empty()).count();
        assert!(with_patterns > 650, "{with_patterns}");
        let of = |name: &str| table.find(name).unwrap();
        assert_eq!(of("example.com").server.as_deref(), Some("whois.verisign-grs.com"));
        assert_eq!(of("example.com").question, "domain {}");
        assert_eq!(of("example.de").question, "-T dn,ace {}");
        assert_eq!(of("example.uk.com").server.as_deref(), Some("whois.centralnic.net"));
        assert_eq!(of("example.berlin").server.as_deref(), Some("whois.nic.berlin"));
        assert_eq!(of("example.es").server, None);
        assert!(table.find("example.invalid").is_none() && table.find("com").is_none());
    }

    #[test]
    fn a_table_with_a_mistake_is_refused_with_its_line() {
        for (text, line) in [
            ("# a\ntest", 2),
            ("test\twhois.test\tno place", 1),
            ("test\twhois.test\t{}\t@missing", 1),
            ("Test\twhois.test", 1),
            ("\ntest\twho is", 2),
            ("test\twhois.test\t{}\tok", 1),
            ("test\twhois.test\t{}\t{}", 1),
        ] {
            assert_eq!(Table::parse(text).map_err(|error| error.line), Err(line), "{text}");
        }
    }

    #[test]
    fn a_line_fits_a_pattern_that_it_begins_with_or_is() {
        let table = "=p\tNot found: {}|Status: free$\ntest\twhois.test:4343\t-x {}\t@p";
        let table = Table::parse(table).unwrap();
        let entry = table.find("a.test").unwrap();
        for line in ["NOT FOUND: A.TEST", "%  not   found: a.test.", "Status:\tFREE", "not found: a.test (really)"] {
            assert!(entry.says_nothing(line, "a.test"), "{line}");
        }
        for line in ["was not found: a.test", "Not found: b.test", "Status: free of charge", "Status:", ""] {
            assert!(!entry.says_nothing(line, "a.test"), "{line}");
        }
    }
}
