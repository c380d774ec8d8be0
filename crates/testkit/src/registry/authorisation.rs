//! `authInfo` of domains and contacts (RFC 5730, section 2.9.3.4): whoever knows it may see and transfer the object.

use super::answer::Refusal;
use super::xml::{Element, Sequence, empty, only_attributes, string};

/// What a command shows to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    password: String,
    /// The object whose password it is, when that is another one.
    roid: Option<String>,
}

impl Shown {
    /// Of a command that must know it.
    pub(super) fn read(element: Element<'_>) -> Result<Self, Refusal> {
        only_attributes(element, &[])?;
        let mut fields = Sequence::of(element)?;
        let password = password(&mut fields)?;
        fields.end()?;
        only_attributes(password, &["roid"])?;
        Ok(Self { password: string(password, 0, 255)?, roid: password.attribute("roid").map(str::to_owned) })
    }

    /// Whether it is that of one of these objects, by `roid` and password; the first is the object in question.
    pub(super) fn fits(&self, objects: &[(&str, Option<&str>)]) -> Result<(), Refusal> {
        let asked = match &self.roid {
            None => objects.first(),
            Some(roid) => objects.iter().find(|(known, _)| known == roid),
        };
        let known = asked.and_then(|(_, password)| *password);
        if known.is_some_and(|known| known == self.password) {
            Ok(())
        } else {
            Err(Refusal::because(2202, "authInfo is another one"))
        }
    }
}

/// The password that an object gets.
pub(super) fn given(element: Element<'_>) -> Result<String, Refusal> {
    Shown::read(element).map(|shown| shown.password)
}

/// As [`given`], or `None` for `null`.
pub(super) fn changed(element: Element<'_>) -> Result<Option<String>, Refusal> {
    let mut fields = Sequence::of(element)?;
    let Some(null) = fields.maybe("null") else { return given(element).map(Some) };
    fields.end()?;
    empty(null).map(|()| None)
}

fn password<'a>(fields: &mut Sequence<'a>) -> Result<Element<'a>, Refusal> {
    if fields.maybe("ext").is_some() {
        return Err(Refusal::because(2102, "authInfo is a password"));
    }
    fields.one("pw")
}
