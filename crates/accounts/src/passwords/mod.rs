//! Passwords of staff and of users: which are good enough, how they are hashed, and how guessing is slowed down.
//!
//! What must hold:
//! - A password is only known while it is checked and hashed. What is kept is an Argon2id hash.
//! - Checking takes as long for an account that does not exist as for one that does.
//! - Hashing is slow and takes memory on purpose. It happens in a line of its own, outside of any transaction, so that a
//!   crowd at the login neither fills the memory nor keeps other requests waiting.

mod breached;
pub mod guessing;
mod hashing;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Result};
use platform::settings::{Values, anything};
use platform::{App, Kind, Setting};

pub use breached::Breached;
pub use hashing::{Hash, hash, matches};

/// NIST SP 800-63B revision 4, 3.1.1.2, asks for 8 where a second factor is needed and 15 where it is not; who guards the
/// books of others chooses at least so many.
pub const MIN_STAFF: usize = 10;
pub const MIN_USER: usize = 8;
/// A longer text is not a password but a load test of the hash function.
pub const MAX: usize = 512;

pub const STRENGTH: Setting = Setting {
    key: "minimum_password_strength",
    kind: Kind::Choice(&[
        ("0", "0 – any that is long enough"),
        ("1", "1 – not one of the very first guesses"),
        ("2", "2 – withstands guessing at a login"),
        ("3", "3 – withstands guessing for long"),
        ("4", "4 – withstands guessing by machines that have its hash"),
    ]),
    default: "2",
    section: "Security",
    label: "Minimum password strength",
    help: "As zxcvbn estimates it, from how often a password would have to be guessed. What stands in lists of leaked passwords is refused whatever its strength.",
    rule: anything,
    read_by: "accounts::passwords::check",
};

pub const SETTINGS: &[Setting] = &[STRENGTH];

/// Whose password it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub kind: Kinds,
    /// Names, addresses and what else others know of the owner: a password made of them is weak.
    pub known: &'a [&'a str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    Staff,
    User,
}

impl Kinds {
    pub fn shortest(self) -> usize {
        match self {
            Kinds::Staff => MIN_STAFF,
            Kinds::User => MIN_USER,
        }
    }
}

/// Checks the password that somebody wants to have and hashes it. `field` is where it was typed.
pub async fn choose(app: &App, owner: Owner<'_>, password: &str, field: &str) -> Result<Hash> {
    let refused = check(app, owner, password).await?;
    let mut errors = FieldErrors::default();
    errors.take(field, refused.map_or(Ok(()), Err));
    errors.check()?;
    hash(password).await
}

/// Why a password is not good enough, in words for whoever typed it; `None` when it is.
pub async fn check(app: &App, owner: Owner<'_>, password: &str) -> Result<Option<String>> {
    let shortest = owner.kind.shortest();
    let length = password.chars().count();
    if length < shortest {
        return Ok(Some(format!("Use at least {shortest} characters.")));
    }
    if length > MAX {
        return Ok(Some(format!("Use at most {MAX} characters.")));
    }
    let values = Values::load(&mut app.db.read().await?).await?;
    let least = values.int(&STRENGTH);
    let password = password.to_owned();
    let known: Vec<String> = owner.known.iter().flat_map(|text| words(text)).collect();
    let list = app.extensions.get::<Breached>();
    // The estimate may take some milliseconds, the list is a file.
    let checked = tokio::task::spawn_blocking(move || {
        if list.map(|list| list.contains(&password)).transpose()?.unwrap_or_default() {
            return Ok(Some(LEAKED.to_owned()));
        }
        Ok(weakness(&password, &known, least))
    });
    checked.await.map_err(|error| Error::broken(format!("password check: {error}")))?
}

const LEAKED: &str = "This password is in lists of leaked passwords. Choose another.";

/// The estimate grows with the square of the length; what follows does not make a password weaker.
const LOOKED_AT: usize = 100;

fn weakness(password: &str, known: &[String], least: i64) -> Option<String> {
    use zxcvbn::feedback::Warning;
    let start: String = password.chars().take(LOOKED_AT).collect();
    let inputs: Vec<&str> = known.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(&start, &inputs);
    let warning = estimate.feedback().and_then(|feedback| feedback.warning());
    let common = [Warning::ThisIsATop10Password, Warning::ThisIsATop100Password, Warning::ThisIsACommonPassword];
    if warning.is_some_and(|warning| common.contains(&warning)) {
        return Some(LEAKED.to_owned());
    }
    let score = i64::from(u8::from(estimate.score()));
    if score >= least {
        return None;
    }
    let why = warning.map(|warning| format!(" {warning}")).unwrap_or_default();
    Some(format!(
        "This password is too easy to guess: its strength is {score} of 4, at least {least} is needed.{why} Use several words that do not belong together."
    ))
}

/// What a person's name or address consists of: who knows it tries its parts.
fn words(text: &str) -> Vec<String> {
    let lower = text.trim().to_lowercase();
    let mut words: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 2)
        .map(str::to_owned)
        .collect();
    if !lower.is_empty() {
        words.push(lower);
    }
    words
}
