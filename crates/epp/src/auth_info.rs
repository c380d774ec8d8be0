//! The passwords of domains and contacts, which RFC 5731 and 5733 call authorization information and people the auth code.

use crate::error::{NotSent, invalid};
use crate::names;
use crate::secret::Secret;
use crate::xml::Element;

/// What proves that somebody may do something with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthInfo {
    /// The password of the object: the auth code.
    pub password: Secret,
    /// Of which contact the password is, by its repository id; none for the domain's own.
    pub roid: Option<String>,
}

impl AuthInfo {
    /// The object's own password.
    #[must_use]
    pub fn new(password: Secret) -> AuthInfo {
        AuthInfo { password, roid: None }
    }

    pub(crate) fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        if self.password.expose().chars().any(char::is_control) {
            return Err(invalid("the password of an object has control characters"));
        }
        let mut password = sibling.sibling("pw").with_text(self.password.expose());
        if let Some(roid) = &self.roid {
            password = password.with_attribute("roid", names::token(roid, 3, 89)?);
        }
        Ok(sibling.sibling("authInfo").with(password))
    }

    /// The password in an answer; a registry that tells none sends nothing, an empty one, or an extension.
    pub(crate) fn read(element: &Element) -> Option<AuthInfo> {
        let password = element.get("authInfo")?.get("pw")?;
        let text = password.whole_text();
        let roid = password.attribute("roid").map(str::to_owned);
        if text.trim().is_empty() { None } else { Some(AuthInfo { password: Secret::new(text), roid }) }
    }
}
