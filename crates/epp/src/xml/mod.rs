//! A small tree of XML, for reading and for writing. It holds elements, their attributes without a namespace, and text;
//! comments are not kept, processing instructions, document types and entities of its own are refused.

mod read;
mod write;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::error::Hostile;

pub(crate) use read::parse;
pub use write::Unwritable;

/// An element with all that is in it.
///
/// Its `Debug` is its XML with the secrets masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    ns: Arc<str>,
    name: Box<str>,
    attributes: Vec<(Box<str>, Box<str>)>,
    content: Vec<Node>,
}

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(Box<str>),
}

/// Building.
impl Element {
    /// An empty element in the namespace `ns`.
    pub fn new(ns: &str, name: &str) -> Element {
        Element::within(Arc::from(ns), name)
    }

    fn within(ns: Arc<str>, name: &str) -> Element {
        Element { ns, name: name.into(), attributes: Vec::new(), content: Vec::new() }
    }

    /// With an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: impl AsRef<str>) -> Element {
        self.attributes.push((name.into(), value.as_ref().into()));
        self
    }

    /// With text at the end.
    #[must_use]
    pub fn with_text(mut self, text: impl AsRef<str>) -> Element {
        self.content.push(Node::Text(text.as_ref().into()));
        self
    }

    /// With an element at the end.
    #[must_use]
    pub fn with(mut self, child: Element) -> Element {
        self.content.push(Node::Element(child));
        self
    }

    /// With several elements at the end.
    #[must_use]
    pub fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.content.extend(children.into_iter().map(Node::Element));
        self
    }

    /// An empty element in the namespace of this one.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Element {
        Element::within(self.ns.clone(), name)
    }

    /// With an element of the same namespace that holds a text.
    #[must_use]
    pub fn with_leaf(self, name: &str, text: impl AsRef<str>) -> Element {
        let leaf = self.sibling(name).with_text(text);
        self.with(leaf)
    }

    /// The same, where there is a text.
    #[must_use]
    pub fn with_some(self, name: &str, text: Option<impl AsRef<str>>) -> Element {
        match text {
            Some(text) => self.with_leaf(name, text),
            None => self,
        }
    }
}

/// Reading.
impl Element {
    /// The namespace; empty when it has none.
    #[must_use]
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// The name without a prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is this element.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        &*self.ns == ns && &*self.name == name
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.content.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The elements in it that have its namespace and this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.is(&self.ns, name))
    }

    /// The first of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Element> {
        self.elements().find(|element| element.is(&self.ns, name))
    }

    /// Its own text, without the space around it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for node in &self.content {
            if let Node::Text(part) = node {
                text.push_str(part);
            }
        }
        text.trim_matches([' ', '\t', '\r', '\n']).to_owned()
    }

    /// Its own text as it stands, with the space around it: a password may begin with one.
    #[must_use]
    pub(crate) fn whole_text(&self) -> String {
        let parts = self.content.iter().filter_map(|node| match node {
            Node::Text(part) => Some(&**part),
            Node::Element(_) => None,
        });
        parts.collect()
    }

    /// The text of the first element of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.get(name).map(Element::text)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&Element, Hostile> {
        self.get(name).ok_or_else(|| Hostile::new(format!("there is no {name} in {}", self.name)))
    }

    pub(crate) fn need_text(&self, name: &str) -> Result<String, Hostile> {
        let text = self.need(name)?.text();
        if text.is_empty() { Err(Hostile::new(format!("{name} is empty"))) } else { Ok(text) }
    }

    pub(crate) fn need_attribute(&self, name: &str) -> Result<&str, Hostile> {
        self.attribute(name).ok_or_else(|| Hostile::new(format!("{} has no {name}", self.name)))
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<N, Hostile> {
        let text = self.need_text(name)?;
        text.parse().or(Err(Hostile::new(format!("{name} is not such a number"))))
    }

    /// The instant in the first element of this name, where there is one.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Hostile> {
        self.get(name).map(|element| instant(&element.text())).transpose()
    }

    pub(crate) fn need_instant(&self, name: &str) -> Result<Timestamp, Hostile> {
        instant(&self.need(name)?.text())
    }
}

/// An instant as RFC 5731, section 2.4 has it: in UTC, which is also meant where a server leaves the `Z` away.
pub(crate) fn instant(text: &str) -> Result<Timestamp, Hostile> {
    let not = || Hostile::new("an instant cannot be read".to_owned());
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let local: DateTime = text.parse().or(Err(not()))?;
    Ok(local.to_zoned(jiff::tz::TimeZone::UTC).or(Err(not()))?.timestamp())
}

/// A boolean of XML Schema.
pub(crate) fn boolean(text: &str) -> Result<bool, Hostile> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Hostile::new("a yes or no is neither".to_owned())),
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}
