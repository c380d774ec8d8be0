//! From bytes to a tree. Whatever the bytes are, this ends soon, takes memory in proportion to them and does not panic.

use std::collections::HashSet;
use std::sync::Arc;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::{Element, Node};
use crate::error::Hostile;

/// A namespace is copied for none of its elements, but it is compared for each of them.
const LONGEST_NAMESPACE: usize = 255;
/// Looking for a name that stands twice takes time in the square of their number.
const MOST_ATTRIBUTES: usize = 64;
/// The largest answers, a check of some hundred names with fees, have some thousand elements.
const MOST_ELEMENTS: usize = 100_000;
/// Namespaces that are in scope at a time.
const MOST_BINDINGS: usize = 64;

/// The root of the document in `bytes`, which are UTF-8. No element may stand deeper than `depth`, the root being at one.
pub(crate) fn parse(bytes: &[u8], depth: usize) -> Result<Element, Hostile> {
    let text = std::str::from_utf8(bytes).or(Err(Hostile::new("it is not UTF-8".to_owned())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MOST_BINDINGS);
    let mut tree = Tree { depth, elements: 0, open: Vec::new(), root: None, namespaces: HashSet::new() };
    loop {
        let (resolved, event) = reader.read_resolved_event().or(Err(malformed()))?;
        match event {
            Event::Start(start) => tree.open(&resolved, &start)?,
            Event::Empty(start) => {
                tree.open(&resolved, &start)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.text(&character(&reference)?)?,
            Event::Decl(declaration) => only_utf8(&declaration)?,
            Event::Comment(_) => {}
            Event::DocType(_) => return Err(Hostile::new("it has a document type".to_owned())),
            Event::PI(_) => return Err(Hostile::new("it has a processing instruction".to_owned())),
            Event::Eof => return tree.finished(),
        }
    }
}

fn malformed() -> Hostile {
    Hostile::new("it is not well-formed XML".to_owned())
}

fn only_utf8(declaration: &quick_xml::events::BytesDecl<'_>) -> Result<(), Hostile> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(Hostile::new("it is in another encoding than UTF-8".to_owned())),
    }
}

/// What `&…;` stands for: a character by its number, or one of the five that XML names itself.
fn character(reference: &BytesRef<'_>) -> Result<String, Hostile> {
    if let Some(character) = reference.resolve_char_ref().or(Err(malformed()))? {
        return if allowed(character) { Ok(character.to_string()) } else { Err(malformed()) };
    }
    let known = quick_xml::escape::resolve_predefined_entity(reference);
    known.map(str::to_owned).ok_or_else(|| Hostile::new("it has an entity of its own".to_owned()))
}

/// The characters of XML 1.0, section 2.2.
pub(super) fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

struct Tree {
    depth: usize,
    elements: usize,
    open: Vec<Element>,
    root: Option<Element>,
    namespaces: HashSet<Arc<str>>,
}

impl Tree {
    fn open(&mut self, resolved: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<(), Hostile> {
        self.elements += 1;
        if self.open.len() >= self.depth {
            return Err(Hostile::new("its elements are nested too deeply".to_owned()));
        }
        if self.elements > MOST_ELEMENTS {
            return Err(Hostile::new("it has too many elements".to_owned()));
        }
        if self.root.is_some() {
            return Err(malformed());
        }
        let ns = match resolved {
            ResolveResult::Bound(ns) => self.namespace(ns.as_ref())?,
            ResolveResult::Unbound => self.namespace("")?,
            ResolveResult::Unknown(_) => return Err(Hostile::new("a prefix is not declared".to_owned())),
        };
        let mut element = Element::within(ns, start.local_name().as_ref());
        element.attributes = attributes(start)?;
        self.open.push(element);
        Ok(())
    }

    fn namespace(&mut self, ns: &str) -> Result<Arc<str>, Hostile> {
        if ns.len() > LONGEST_NAMESPACE {
            return Err(Hostile::new("a namespace is too long".to_owned()));
        }
        if let Some(known) = self.namespaces.get(ns) {
            return Ok(known.clone());
        }
        let new: Arc<str> = Arc::from(ns);
        self.namespaces.insert(new.clone());
        Ok(new)
    }

    fn close(&mut self) -> Result<(), Hostile> {
        let done = self.open.pop().ok_or_else(malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.content.push(Node::Element(done)),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Hostile> {
        if !text.chars().all(allowed) {
            return Err(malformed());
        }
        match self.open.last_mut() {
            Some(parent) if !text.is_empty() => parent.content.push(Node::Text(text.into())),
            None if !text.trim().is_empty() => return Err(malformed()),
            _ => {}
        }
        Ok(())
    }

    fn finished(self) -> Result<Element, Hostile> {
        if self.open.is_empty() { self.root.ok_or_else(malformed) } else { Err(malformed()) }
    }
}

/// The attributes that have no namespace. Declarations of namespaces are no attributes, and those of other namespaces, such
/// as `xsi:schemaLocation`, say nothing in EPP.
fn attributes(start: &BytesStart<'_>) -> Result<Vec<(Box<str>, Box<str>)>, Hostile> {
    let mut found = Vec::new();
    for (count, attribute) in start.attributes().enumerate() {
        if count >= MOST_ATTRIBUTES {
            return Err(Hostile::new("an element has too many attributes".to_owned()));
        }
        let attribute = attribute.or(Err(malformed()))?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).or(Err(malformed()))?;
        if !value.chars().all(allowed) {
            return Err(malformed());
        }
        if attribute.key.prefix().is_none() && attribute.key.as_namespace_binding().is_none() {
            found.push((attribute.key.local_name().as_ref().into(), value.as_ref().into()));
        }
    }
    Ok(found)
}
