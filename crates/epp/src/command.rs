//! What can be asked of a registry.

use crate::error::{Hostile, NotSent};
use crate::extensions::Extensions;
use crate::greeting::Services;
use crate::ns;
use crate::response::{Answer, Response, Standing};
use crate::xml::Element;

/// Whether a command changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It only asks; sending it twice does no harm.
    Query,
    /// It changes something, and may cost money. An answer that cannot be believed leaves it unknown whether it did.
    Transform,
}

/// A command and how its answer is read.
///
/// The objects and extensions it needs are seen by the namespaces of its elements; it is sent only where the server offers
/// them all. A registrar with an extension of its own wraps a command in [`Extended`], or makes one.
pub trait Command: Sync {
    /// What a successful answer tells.
    type Result: Send;

    /// Whether it changes something.
    fn intent(&self) -> Intent;

    /// The element that stands in `<command>`, with every value in it checked.
    fn verb(&self) -> Result<Element, NotSent>;

    /// The elements that stand in `<extension>`, with every value in them checked.
    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        Ok(Vec::new())
    }

    /// Reads a success. It must be about the object that was asked for.
    fn read(&self, response: &Response) -> Result<Self::Result, Hostile>;

    /// Reads what extensions say, which for most commands is either understood or not believed.
    fn read_extensions(&self, response: &Response) -> Result<Extensions, Hostile> {
        Extensions::read(&response.extensions)
    }
}

/// A command with elements of extensions that this crate does not know.
#[derive(Debug, Clone)]
pub struct Extended<C> {
    /// The command.
    pub command: C,
    /// What is added to its `<extension>`. The owner answers for the values.
    pub elements: Vec<Element>,
}

impl<C: Command> Command for Extended<C> {
    type Result = C::Result;

    fn intent(&self) -> Intent {
        self.command.intent()
    }

    fn verb(&self) -> Result<Element, NotSent> {
        self.command.verb()
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let mut all = self.command.extensions()?;
        all.extend(self.elements.iter().cloned());
        Ok(all)
    }

    fn read(&self, response: &Response) -> Result<C::Result, Hostile> {
        self.command.read(response)
    }

    fn read_extensions(&self, response: &Response) -> Result<Extensions, Hostile> {
        self.command.read_extensions(response)
    }
}

/// A command as it goes out.
pub(crate) struct Prepared {
    pub root: Element,
    /// Namespaces of the objects in it.
    objects: Vec<String>,
    /// Namespaces of the extensions in it.
    extensions: Vec<String>,
}

impl Prepared {
    /// Whether the server has everything that the command needs.
    pub fn offered(&self, services: &Services) -> Result<(), NotSent> {
        let missing_object = self.objects.iter().find(|ns| !services.objects.contains(ns));
        let missing = missing_object.or_else(|| self.extensions.iter().find(|ns| !services.extensions.contains(ns)));
        missing.map_or(Ok(()), |ns| Err(NotSent::NotOffered(ns.clone())))
    }
}

/// Builds the document of a command.
pub(crate) fn prepare<C: Command>(command: &C, cltrid: &str) -> Result<Prepared, NotSent> {
    crate::names::transaction_id(cltrid)?;
    let verb = command.verb()?;
    let extensions = command.extensions()?;
    let names =
        |elements: &mut dyn Iterator<Item = &Element>| elements.map(|element| element.ns().to_owned()).collect();
    let objects = names(&mut verb.elements().filter(|element| element.ns() != ns::EPP));
    let needed = names(&mut extensions.iter());
    let mut inner = Element::new(ns::EPP, "command").with(verb);
    if !extensions.is_empty() {
        let all = inner.sibling("extension").with_all(extensions);
        inner = inner.with(all);
    }
    let root = Element::new(ns::EPP, "epp").with(inner.with_leaf("clTRID", cltrid));
    Ok(Prepared { root, objects, extensions: needed })
}

/// Makes the answer of a success.
pub(crate) fn answer<C: Command>(command: &C, response: Response, cltrid: &str) -> Result<Answer<C::Result>, Hostile> {
    let result = command.read(&response)?;
    let mut extensions = command.read_extensions(&response)?;
    extensions.other.extend(response.unhandled.iter().cloned());
    let standing = if response.is_pending() { Standing::Pending } else { Standing::Done };
    let Response { code, message, queue, svtrid, .. } = response;
    Ok(Answer { code, message, standing, cltrid: cltrid.to_owned(), svtrid, queue, result, extensions })
}

/// An element of the protocol with one of an object in it, as most commands are: `<check><domain:check>`.
pub(crate) fn verb(name: &str, object: Element) -> Element {
    Element::new(ns::EPP, name).with(object)
}

/// What an answer that has to be about `asked` is about.
pub(crate) fn same_name(asked: &str, answered: &str) -> Result<(), Hostile> {
    if asked.eq_ignore_ascii_case(answered) {
        return Ok(());
    }
    Err(Hostile::new(format!("it is about {} instead of {asked}", shortened(answered))))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(64).collect()
}

/// Whether each thing that was asked about is answered once, and nothing else is.
pub(crate) fn same_names<'a>(asked: &[String], answered: impl Iterator<Item = &'a str>) -> Result<(), Hostile> {
    let mut open: Vec<&String> = asked.iter().collect();
    for name in answered {
        let position = open.iter().position(|asked| asked.eq_ignore_ascii_case(name));
        let Some(position) = position else {
            return Err(Hostile::new(format!("it is about {}, which was not asked", shortened(name))));
        };
        open.swap_remove(position);
    }
    open.first().map_or(Ok(()), |name| Err(Hostile::new(format!("it does not say anything about {name}"))))
}
