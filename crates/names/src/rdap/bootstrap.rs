//! Which server knows which top-level domain (RFC 9224).

use std::collections::HashMap;

use serde_json::Value;

/// IANA's file of 2026-07-23, one service a line. IANA gives its registries to the public domain (CC0 1.0,
/// <https://www.iana.org/help/licensing-terms>); the current one is at <https://data.iana.org/rdap/dns.json>, this copy
/// was found in the repository kotophalk/domain-checker.
const SHIPPED: &[u8] = include_bytes!("dns.json");
/// A longer file is refused. IANA's has 35 to 75 kB.
const MAX_BYTES: usize = 1 << 20;

/// The RDAP servers of top-level domains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bootstrap {
    /// When IANA published it, as it is written there.
    pub publication: String,
    /// By lower-case suffix without a dot before it; https first.
    servers: HashMap<String, Vec<String>>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// More than a megabyte.
    #[error("the list of RDAP servers is too long")]
    TooLong,
    /// It is not what RFC 9224 describes.
    #[error("the list of RDAP servers cannot be read: {0}")]
    Malformed(String),
}

impl Bootstrap {
    /// The file that comes with the program.
    #[must_use]
    pub fn shipped() -> Self {
        // A test reads it.
        Self::parse(SHIPPED).unwrap_or_default()
    }

    /// Reads a file that was fetched.
    ///
    /// # Errors
    /// When it is too long, is none, or names no server at all. Single entries that cannot be understood are left out,
    /// as section 12 of the RFC wants.
    pub fn parse(bytes: &[u8]) -> Result<Self, BootstrapError> {
        if bytes.len() > MAX_BYTES {
            return Err(BootstrapError::TooLong);
        }
        let malformed = |why: &str| BootstrapError::Malformed(why.to_owned());
        let file: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
        if file["version"] != "1.0" {
            return Err(malformed("its version is not 1.0"));
        }
        let services = file["services"].as_array().ok_or_else(|| malformed("it has no services"))?;
        let mut servers = HashMap::new();
        for service in services {
            let addresses = addresses(&service[1]);
            for suffix in texts(&service[0]).filter(|_| !addresses.is_empty()) {
                servers.insert(suffix.trim_matches('.').to_lowercase(), addresses.clone());
            }
        }
        if servers.is_empty() {
            return Err(malformed("it names no server"));
        }
        Ok(Self { publication: file["publication"].as_str().unwrap_or_default().to_owned(), servers })
    }

    /// The addresses of servers for a name, best first: those of its longest suffix that is listed (section 4).
    #[must_use]
    pub fn servers(&self, name: &str) -> &[String] {
        let starts = name.match_indices('.').map(|(dot, _)| dot + 1);
        let suffixes = std::iter::once(0).chain(starts).filter_map(|start| name.get(start..));
        suffixes.filter_map(|suffix| self.servers.get(suffix)).next().map_or(&[], Vec::as_slice)
    }

    /// Sets the servers of a suffix, such as one that IANA does not list.
    pub fn set(&mut self, suffix: &str, addresses: Vec<String>) {
        self.servers
            .insert(suffix.trim_matches('.').to_lowercase(), addresses.iter().map(|at| with_slash(at)).collect());
    }

    /// How many suffixes are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn addresses(list: &Value) -> Vec<String> {
    let mut addresses: Vec<String> =
        texts(list).filter(|at| at.starts_with("https://") || at.starts_with("http://")).map(with_slash).collect();
    addresses.sort_by_key(|address| !address.starts_with("https://"));
    addresses
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_comes_along_knows_the_top_level_domains() {
        let shipped = Bootstrap::shipped();
        assert!(shipped.len() > 1000, "{}", shipped.len());
        assert_eq!(shipped.servers("example.com"), ["https://rdap.verisign.com/com/v1/"]);
        assert_eq!(shipped.servers("example.co.uk"), ["https://rdap.nominet.uk/uk/"]);
        assert!(shipped.servers("example.invalid").is_empty());
        assert!(shipped.publication.starts_with("2026-"));
    }

    #[test]
    fn the_longest_suffix_counts_and_https_comes_first() {
        let file = br#"{"version":"1.0","publication":"2026-01-01T00:00:00Z","services":[
            [["Test"],["http://a.example/x","https://b.example"]],
            [["co.test"],["https://c.example/"]],
            [["ftp"],["ftp://d.example/"]], 7, [], [["broken"]]]}"#;
        let mut read = Bootstrap::parse(file).unwrap();
        assert_eq!(read.servers("name.test"), ["https://b.example/", "http://a.example/x/"]);
        assert_eq!(read.servers("name.co.test"), ["https://c.example/"]);
        assert_eq!(read.servers("nameco.test").len(), 2, "only whole labels count");
        assert_eq!((read.len(), read.servers("name.ftp").len()), (2, 0));
        read.set("local", vec!["http://127.0.0.1:8080".to_owned()]);
        assert_eq!(read.servers("a.local"), ["http://127.0.0.1:8080/"]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for bad in
            [&b""[..], b"[]", b"{}", br#"{"version":"2.0","services":[]}"#, br#"{"version":"1.0","services":[]}"#]
        {
            assert!(matches!(Bootstrap::parse(bad), Err(BootstrapError::Malformed(_))));
        }
        assert_eq!(Bootstrap::parse(&vec![b' '; MAX_BYTES + 1]), Err(BootstrapError::TooLong));
    }
}
