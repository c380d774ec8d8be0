//! Labels and values, in the forms that registries use:
//!
//! ```text
//! Registrar: Example Inc.         registrar..........: Example Inc.      [Registrar]   Example Inc.
//!
//! Name servers:                   Registrar
//!     ns1.example.com                 Organization:   Example Inc.
//!     ns2.example.com
//! ```

/// Longer beginnings of a line are prose.
const MAX_LABEL: usize = 40;
/// More lines than any registry writes are not looked at.
const MAX_LINES: usize = 2000;

/// Registries that write these without a colon.
const WITHOUT_COLON: [&str; 2] = ["record expires on", "record created on"];

/// A value and what it is the value of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The heading it stands under, in lower case; empty without one.
    pub section: String,
    /// In lower case.
    pub label: String,
    /// Not empty.
    pub value: String,
}

/// All fields of a text, in order.
pub fn read(text: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut section = String::new();
    for line in text.lines().take(MAX_LINES) {
        let bare = line.trim();
        if bare.is_empty() {
            section.clear();
        } else if bare.starts_with(['%', '#', '>']) {
            // Terms of use and notes.
        } else if let Some((label, value)) = split(bare) {
            if value.is_empty() {
                section = label;
            } else {
                fields.push(Field { section: section.clone(), label, value });
            }
        } else if line.starts_with([' ', '\t']) && !section.is_empty() {
            fields.push(Field { section: String::new(), label: section.clone(), value: bare.to_owned() });
        } else if bare.len() <= MAX_LABEL {
            section = bare.to_lowercase();
        }
    }
    fields
}

/// The label, and the value, which may be empty.
fn split(line: &str) -> Option<(String, String)> {
    let after = |start: &str| line.get(start.len()..).filter(|_| line.to_ascii_lowercase().starts_with(start));
    if let Some((label, value)) = WITHOUT_COLON.iter().find_map(|start| Some((*start, after(start)?))) {
        return Some((label.to_owned(), value.trim_start_matches(':').trim().to_owned()));
    }
    let (label, value) = match line.find('[') {
        // "a. [Domain Name]  EXAMPLE.JP"
        Some(open) if open <= 4 => line.get(open + 1..)?.split_once(']')?,
        _ => line.split_once(':')?,
    };
    let label = label.trim_matches(|sign: char| sign.is_whitespace() || ".*-".contains(sign));
    let is_address = value.starts_with("//");
    if label.is_empty() || label.len() > MAX_LABEL || is_address {
        return None;
    }
    let label = label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    Some((label, value.trim().to_owned()))
}
