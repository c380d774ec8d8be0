//! From a tree to text.

use std::fmt;

use super::read::allowed;
use super::{Element, Node};
use crate::ns;
use crate::secret::MASK;

/// A text has a character that XML 1.0 has no way to write, such as most control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwritable;

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text has a character that XML cannot hold")
    }
}

impl std::error::Error for Unwritable {}

/// Elements whose content is nobody's business: the passwords of the login (RFC 5730) and of objects (RFC 5731, 5733).
const SECRET: [&str; 3] = ["pw", "newPW", "authInfo"];

impl Element {
    /// The document with this root, ready to be sent.
    pub fn document(&self) -> Result<String, Unwritable> {
        if !self.writable() {
            return Err(Unwritable);
        }
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n");
        self.write(&mut out, &mut Scope::default(), Secrets::Shown);
        Ok(out)
    }

    /// Its XML with the secrets masked, for people to read.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &mut Scope::default(), Secrets::Masked);
        out
    }

    /// The texts in it that are secrets.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.gather(false, &mut found);
        found
    }

    fn gather(&self, within: bool, found: &mut Vec<String>) {
        let within = within || SECRET.contains(&&*self.name);
        if within {
            let whole = self.whole_text();
            if !whole.trim().is_empty() {
                found.push(whole.trim().to_owned());
            }
        }
        self.elements().for_each(|element| element.gather(within, found));
    }

    fn writable(&self) -> bool {
        let names = self.attributes.iter().all(|(name, value)| is_name(name) && value.chars().all(allowed));
        names
            && is_name(&self.name)
            && self.ns.chars().all(allowed)
            && self.content.iter().all(|node| match node {
                Node::Element(element) => element.writable(),
                Node::Text(text) => text.chars().all(allowed),
            })
    }

    fn write(&self, out: &mut String, scope: &mut Scope, secrets: Secrets) {
        let before = scope.bound.len();
        let (prefix, new) = scope.prefix(&self.ns);
        let name = if prefix.is_empty() { self.name.to_string() } else { format!("{prefix}:{}", self.name) };
        out.push('<');
        out.push_str(&name);
        if new {
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(&prefix);
            attribute_value(out, &self.ns);
        }
        for (key, value) in &self.attributes {
            out.push(' ');
            out.push_str(key);
            attribute_value(out, value);
        }
        if self.content.is_empty() {
            out.push_str("/>");
        } else {
            out.push('>');
            self.write_content(out, scope, secrets);
            out.push_str("</");
            out.push_str(&name);
            out.push('>');
        }
        scope.bound.truncate(before);
    }

    fn write_content(&self, out: &mut String, scope: &mut Scope, secrets: Secrets) {
        if secrets == Secrets::Masked && SECRET.contains(&&*self.name) {
            return out.push_str(MASK);
        }
        for node in &self.content {
            match node {
                Node::Element(element) => element.write(out, scope, secrets),
                Node::Text(text) => escape(out, text),
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Shown,
    Masked,
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|next| next.is_alphanumeric() || matches!(next, '_' | '-' | '.'))
}

/// The namespaces that are declared around an element, each with its prefix; the last one of a prefix counts.
#[derive(Default)]
struct Scope {
    bound: Vec<(String, String)>,
    made: usize,
}

impl Scope {
    /// The prefix for a namespace, and whether the element must declare it.
    fn prefix(&mut self, ns: &str) -> (String, bool) {
        let live = |prefix: &str| self.bound.iter().rev().find(|(known, _)| known == prefix).map(|(_, ns)| &**ns);
        if ns.is_empty() {
            // Without a declaration nothing has a namespace.
            let new = live("").is_some_and(|outer| !outer.is_empty());
            if new {
                self.bound.push((String::new(), String::new()));
            }
            return (String::new(), new);
        }
        if let Some((prefix, _)) = self.bound.iter().rev().find(|(known, bound)| bound == ns && live(known) == Some(ns))
        {
            return (prefix.clone(), false);
        }
        let prefix = ns::prefix(ns).map_or_else(
            || {
                self.made += 1;
                format!("ns{}", self.made)
            },
            str::to_owned,
        );
        self.bound.push((prefix.clone(), ns.to_owned()));
        (prefix, true)
    }
}

fn attribute_value(out: &mut String, value: &str) {
    out.push_str("=\"");
    for character in value.chars() {
        match character {
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            other => push(out, other),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, text: &str) {
    text.chars().for_each(|character| push(out, character));
}

fn push(out: &mut String, character: char) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        // A reader turns a bare one into a line feed.
        '\r' => out.push_str("&#13;"),
        other => out.push(other),
    }
}
