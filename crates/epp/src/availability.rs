//! Checks: RFC 5731, 5732 and 5733 have the same.

use crate::command::same_names;
use crate::error::Hostile;
use crate::response::Response;
use crate::xml::{self, Element};

/// Whether a name, or an id, can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The name.
    pub name: String,
    /// Whether it can be had.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// The question.
pub(crate) fn question(ns: &str, key: &str, names: &[String]) -> Element {
    names.iter().fold(Element::new(ns, "check"), |check, name| check.with_leaf(key, name))
}

/// The answer to it.
pub(crate) fn read(response: &Response, ns: &str, key: &str, asked: &[String]) -> Result<Vec<Availability>, Hostile> {
    let one = |cd: &Element| {
        let available = xml::boolean(cd.need(key)?.need_attribute("avail")?)?;
        Ok(Availability { name: cd.need_text(key)?, available, reason: cd.text_of("reason") })
    };
    let all: Vec<Availability> = response.need(ns, "chkData")?.all("cd").map(one).collect::<Result<_, _>>()?;
    same_names(asked, all.iter().map(|answer| answer.name.as_str()))?;
    Ok(all)
}
