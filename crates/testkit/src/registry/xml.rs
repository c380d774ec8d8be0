//! Reading commands and writing answers.
//!
//! What is read is held to the schemas of the RFCs: elements in their order, in their namespace under any prefix, and
//! nothing beside them. What deviates is [`super::answer::Refusal`] 2001, never guessed at.

use roxmltree::Node;

use super::answer::Refusal;

pub(super) const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";
pub(super) const DOMAIN: &str = "urn:ietf:params:xml:ns:domain-1.0";
pub(super) const CONTACT: &str = "urn:ietf:params:xml:ns:contact-1.0";
pub(super) const HOST: &str = "urn:ietf:params:xml:ns:host-1.0";
pub(super) const SEC_DNS: &str = "urn:ietf:params:xml:ns:secDNS-1.1";
pub(super) const RGP: &str = "urn:ietf:params:xml:ns:rgp-1.0";
pub(super) const FEE: &str = "urn:ietf:params:xml:ns:epp:fee-1.0";
pub(super) const LAUNCH: &str = "urn:ietf:params:xml:ns:launch-1.0";

const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element of a command.
pub(super) type Element<'a> = Node<'a, 'a>;

fn invalid(reason: String) -> Refusal {
    Refusal::because(2001, reason)
}

/// The children of an element, taken one after another as a `sequence` of XML Schema.
pub(super) struct Sequence<'a> {
    parent: Element<'a>,
    namespace: &'a str,
    children: std::iter::Peekable<std::vec::IntoIter<Element<'a>>>,
}

impl<'a> Sequence<'a> {
    /// The children of `parent`, which are of its own namespace.
    pub(super) fn of(parent: Element<'a>) -> Result<Self, Refusal> {
        let stray = parent.children().find(|child| child.is_text() && !child.text().unwrap_or("").trim().is_empty());
        if stray.is_some() {
            return Err(invalid(format!("text where elements belong, in {}", parent.tag_name().name())));
        }
        let children: Vec<_> = parent.children().filter(Node::is_element).collect();
        let namespace = parent.tag_name().namespace().unwrap_or("");
        Ok(Self { parent, namespace, children: children.into_iter().peekable() })
    }

    /// The next child, when it has this name.
    pub(super) fn maybe(&mut self, name: &str) -> Option<Element<'a>> {
        let namespace = self.namespace;
        self.children.next_if(|child| child.has_tag_name((namespace, name)))
    }

    /// The next child, which must have this name.
    pub(super) fn one(&mut self, name: &str) -> Result<Element<'a>, Refusal> {
        self.maybe(name).ok_or_else(|| invalid(format!("{} lacks {name}", self.parent.tag_name().name())))
    }

    /// All children of this name that come next, at most `most`.
    pub(super) fn many(&mut self, name: &str, most: usize) -> Result<Vec<Element<'a>>, Refusal> {
        let found: Vec<_> = std::iter::from_fn(|| self.maybe(name)).collect();
        if found.len() > most { Err(invalid(format!("more than {most} of {name}"))) } else { Ok(found) }
    }

    /// As [`Sequence::many`], at least one.
    pub(super) fn some(&mut self, name: &str) -> Result<Vec<Element<'a>>, Refusal> {
        let found = self.many(name, usize::MAX)?;
        if found.is_empty() { Err(self.one(name).err().unwrap_or(Refusal::new(2001))) } else { Ok(found) }
    }

    /// The next child, of whatever name and namespace.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        self.children.next()
    }

    /// There is nothing else.
    pub(super) fn end(mut self) -> Result<(), Refusal> {
        match self.children.next() {
            Some(child) => Err(invalid(format!(
                "{} is not expected there in {}",
                child.tag_name().name(),
                self.parent.tag_name().name()
            ))),
            None => Ok(()),
        }
    }
}

/// The element has no attributes but these, and those of XML Schema itself.
pub(super) fn only_attributes(element: Element<'_>, known: &[&str]) -> Result<(), Refusal> {
    let strange = element.attributes().find(|attribute| match attribute.namespace() {
        None => !known.contains(&attribute.name()),
        Some(namespace) => namespace != INSTANCE,
    });
    strange.map_or(Ok(()), |attribute| {
        Err(invalid(format!("{} has no attribute {}", element.tag_name().name(), attribute.name())))
    })
}

/// The element has no children and no text.
pub(super) fn empty(element: Element<'_>) -> Result<(), Refusal> {
    only_attributes(element, &[])?;
    Sequence::of(element)?.end()
}

/// The text of an element without children: `normalizedString`, whose white space is as it was sent.
pub(super) fn string(element: Element<'_>, least: usize, most: usize) -> Result<String, Refusal> {
    let name = element.tag_name().name();
    if element.children().any(|child| child.is_element()) {
        return Err(invalid(format!("{name} holds text, not elements")));
    }
    let text: String =
        element.children().filter_map(|child| if child.is_text() { child.text() } else { None }).collect();
    let text: String = text.chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c }).collect();
    length(name, text, least, most)
}

/// The text of an element without children: a `token`, whose white space is collapsed.
pub(super) fn token(element: Element<'_>, least: usize, most: usize) -> Result<String, Refusal> {
    let text = string(element, 0, usize::MAX)?;
    length(element.tag_name().name(), collapsed(&text), least, most)
}

pub(super) fn collapsed(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn length(name: &str, text: String, least: usize, most: usize) -> Result<String, Refusal> {
    if (least..=most).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(invalid(format!("{name} has a length of {least} to {most}")))
    }
}

/// A whole number in this range.
pub(super) fn number(element: Element<'_>, range: std::ops::RangeInclusive<u32>) -> Result<u32, Refusal> {
    let text = token(element, 1, 20)?;
    let number = text.strip_prefix('+').unwrap_or(&text).parse().ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| invalid(format!("{} is not such a number: {text}", element.tag_name().name())))
}

/// The value of an attribute that is an enumeration.
pub(super) fn choice<'a>(
    element: Element<'a>,
    name: &str,
    choices: &[&'static str],
) -> Result<Option<&'static str>, Refusal> {
    let Some(given) = element.attribute(name) else { return Ok(None) };
    let known = choices.iter().find(|choice| **choice == given.trim());
    known.map(|known| Some(*known)).ok_or_else(|| invalid(format!("{name} is not {given}")))
}

/// As [`choice`], of an attribute that must be there.
pub(super) fn chosen(element: Element<'_>, name: &str, choices: &[&'static str]) -> Result<&'static str, Refusal> {
    choice(element, name, choices)?
        .ok_or_else(|| invalid(format!("{} lacks the attribute {name}", element.tag_name().name())))
}

/// A `boolean` of XML Schema.
pub(super) fn boolean(text: &str) -> Result<bool, Refusal> {
    match text.trim() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(invalid(format!("{other} is neither true nor false"))),
    }
}

/// An identifier of a client or a contact (RFC 5730, `clIDType`).
pub(super) fn client_id(element: Element<'_>) -> Result<String, Refusal> {
    only_attributes(element, &[])?;
    token(element, 3, 16)
}

/// A name of a domain or host, in lower case, not yet looked at as a name (RFC 5730, `labelType`).
pub(super) fn label(element: Element<'_>) -> Result<String, Refusal> {
    only_attributes(element, &[])?;
    Ok(token(element, 1, 255)?.to_lowercase())
}

/// Text that can stand in an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// An answer, or a part of one, while it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// `<name …>`; the attributes are not yet escaped.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.0.push('>');
        self
    }

    /// `</name>`.
    pub(super) fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// `<name>text</name>`.
    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.text_with(name, &[], text)
    }

    /// As [`Writer::text`], or nothing.
    pub(super) fn maybe(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// `<name …>text</name>`.
    pub(super) fn text_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.open(name, attributes);
        self.0.push_str(&escaped(text));
        self.close(name)
    }

    /// `<name …/>`.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.0.push_str("/>");
        self
    }

    /// What another wrote.
    pub(super) fn raw(&mut self, xml: &str) -> &mut Self {
        self.0.push_str(xml);
        self
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (key, value) in attributes {
            self.0.push(' ');
            self.0.push_str(key);
            self.0.push_str("=\"");
            self.0.push_str(&escaped(value));
            self.0.push('"');
        }
    }

    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}
