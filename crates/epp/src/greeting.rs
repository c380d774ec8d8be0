//! What a server says of itself (RFC 5730, section 2.4).

use jiff::Timestamp;

use crate::error::Hostile;
use crate::ns;
use crate::xml::{self, Element};

/// What a server says when a connection is made, and when it is asked with `<hello>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The server's name for itself.
    pub server: String,
    /// The server's clock.
    pub at: Option<Timestamp>,
    /// Versions of the protocol; `1.0` must be among them.
    pub versions: Vec<String>,
    /// Languages of messages.
    pub languages: Vec<String>,
    /// Namespaces of objects.
    pub objects: Vec<String>,
    /// Namespaces of extensions.
    pub extensions: Vec<String>,
}

impl Greeting {
    pub(crate) fn read(root: &Element) -> Result<Greeting, Hostile> {
        if !root.is(ns::EPP, "epp") {
            return Err(Hostile::new("it is not EPP"));
        }
        let greeting = root.need("greeting")?;
        let menu = greeting.need("svcMenu")?;
        let texts = |of: &Element, name: &str| of.all(name).map(Element::text).collect::<Vec<_>>();
        let versions = texts(menu, "version");
        if !versions.iter().any(|version| version == "1.0") {
            return Err(Hostile::new("the server does not speak EPP 1.0"));
        }
        Ok(Greeting {
            server: greeting.need_text("svID")?,
            // Nothing depends on it, and there are servers that write it in ways of their own.
            at: greeting.text_of("svDate").and_then(|text| xml::instant(&text).ok()),
            versions,
            languages: texts(menu, "lang"),
            objects: texts(menu, "objURI"),
            extensions: menu.get("svcExtension").map(|all| texts(all, "extURI")).unwrap_or_default(),
        })
    }

    /// What a session is opened for: what the server has and we know, `more` being what the owner knows besides.
    pub(crate) fn services(&self, more: &[String]) -> Services {
        let both = |offered: &[String], known: &[&str]| {
            let wanted = |uri: &&String| known.contains(&uri.as_str()) || more.contains(uri);
            let mut both: Vec<String> = offered.iter().filter(wanted).cloned().collect();
            both.dedup();
            both
        };
        Services { objects: both(&self.objects, &ns::OBJECTS), extensions: both(&self.extensions, &ns::EXTENSIONS) }
    }

    /// The language to ask for: `wanted` where the server has it, otherwise its first.
    pub(crate) fn language(&self, wanted: &str) -> String {
        let found = self.languages.iter().find(|language| language.eq_ignore_ascii_case(wanted));
        found.or(self.languages.first()).cloned().unwrap_or_else(|| "en".to_owned())
    }
}

/// What a session was opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Services {
    pub objects: Vec<String>,
    pub extensions: Vec<String>,
}
