//! Texts that nobody may read by accident: passwords and the authorization information of objects.

use std::fmt;

/// A text that is not shown: its `Debug` is three asterisks, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// Shorter texts are no secrets worth the name, and masking them would make everything else unreadable.
const SHORTEST: usize = 4;

/// `text` without any of the secrets: a server may repeat in a message what it was sent.
pub(crate) fn scrub(text: &str, secrets: &[String]) -> String {
    let worth = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    worth.fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, MASK) } else { text })
}
