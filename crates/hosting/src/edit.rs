//! Edits: fields that may or may not have been written, applied to what is there; the differences, for the log.

use accounts::activity_log::Change;
use kernel::{FieldErrors, single_line};

/// Puts a written line into its field, or notes what is wrong with it.
pub fn line(field: &mut String, name: &str, written: &Option<String>, max: usize, errors: &mut FieldErrors) {
    if let Some(value) = written.as_ref().and_then(|text| errors.take(name, single_line(text, max))) {
        *field = value;
    }
}

/// Text of several lines.
pub fn text(field: &mut String, name: &str, written: &Option<String>, max: usize, errors: &mut FieldErrors) {
    let Some(written) = written else { return };
    let value = written.trim().replace("\r\n", "\n");
    let length = value.chars().count();
    if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        errors.add(name, "Remove the control characters.");
    } else if length > max {
        errors.add(name, format!("Shorten this to at most {max} characters; it has {length}."));
    } else {
        *field = value;
    }
}

pub fn set<T: Clone>(field: &mut T, written: &Option<T>) {
    if let Some(value) = written {
        *field = value.clone();
    }
}

/// Notes a number outside its limits.
pub fn within(name: &str, value: i64, min: i64, max: i64, errors: &mut FieldErrors) {
    if !(min..=max).contains(&value) {
        errors.add(name, format!("Enter a whole number from {min} to {max}."));
    }
}

/// A name for addresses: lower-case letters, digits and hyphens. Empty when nothing of the text can be used.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(80);
    slug.trim_end_matches('-').to_owned()
}

/// The name, or the name with the first number behind it that is free.
pub fn free_slug(wanted: &str, fallback: &str, taken: &[String]) -> String {
    let base = if wanted.is_empty() { fallback } else { wanted };
    let is_free = |slug: &String| !taken.contains(slug);
    std::iter::once(base.to_owned())
        .chain((2_u32..).map(|number| format!("{base}-{number}")))
        .find(is_free)
        .unwrap_or_else(|| base.to_owned())
}

/// What differs between two descriptions of the same thing, made by the same function.
pub fn differences(before: Vec<(&'static str, String)>, after: Vec<(&'static str, String)>) -> Vec<Change> {
    before
        .into_iter()
        .zip(after)
        .filter(|((_, old), (_, new))| old != new)
        .map(|((field, old), (_, new))| Change { field: field.to_owned(), old, new })
        .collect()
}

/// An optional value as the log shows it.
pub fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

/// `true` and `false` as people read them.
pub fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { "no".to_owned() }
}
