//! Searching in stored lowercase text: neither engine folds the case of all scripts alike, so we do.

use std::borrow::Cow;

use platform::db::Value;

/// What a `search` column holds.
pub fn text(parts: &[&str]) -> String {
    let filled: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    filled.join(" ").to_lowercase()
}

/// For `column LIKE ? ESCAPE '\'`: the word anywhere. It must be in lower case already.
pub fn anywhere(word: &str) -> Value<'static> {
    Value::Text(Cow::Owned(format!("%{}%", literal(word))))
}

/// For `' ' || column LIKE ? ESCAPE '\'`: where a word of the column begins.
pub fn word_start(text: &str) -> Value<'static> {
    Value::Text(Cow::Owned(format!("% {}%", literal(text))))
}

fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
