//! What the pages of this crate show alike.

use kernel::Money;
use minijinja::{Value, context};

/// A choice of a select box.
pub fn option(value: impl Into<String>, label: impl Into<String>) -> Value {
    context! { value => value.into(), label => label.into() }
}

/// Adds an amount to the sum in its currency.
pub fn add_up(sums: &mut Vec<Money>, amount: Money) {
    match sums.iter_mut().find(|sum| sum.currency == amount.currency) {
        Some(sum) => sum.minor = sum.minor.saturating_add(amount.minor),
        None => sums.push(amount),
    }
}

/// `payment_pending` as `Payment pending`.
pub fn words(text: &str) -> String {
    let mut words = text.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// A list that is not offered as a file.
pub fn no_file(list: Value) -> Value {
    context! { csv => "", ..list }
}

/// The pattern of a `LIKE … ESCAPE '\'` that finds `text` anywhere, in lower case.
pub fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// A date in a filter; what is none is an error that names the field.
pub fn date_filter(request: &platform::web::lists::Request, name: &str) -> kernel::Result<Option<kernel::Date>> {
    match kernel::nonempty(request.filter(name)) {
        None => Ok(None),
        Some(text) => match kernel::Date::parse(text) {
            Ok(date) => Ok(Some(date)),
            Err(error) => Err(kernel::Error::invalid(name, error.to_string())),
        },
    }
}

/// An id in a filter. What is no number finds nothing.
pub fn id_filter(request: &platform::web::lists::Request, name: &str) -> Option<i64> {
    kernel::nonempty(request.filter(name)).map(|text| text.parse().unwrap_or(-1))
}

/// A date as people type it in either API: `2026-01-31`, also with a time of day, `20260131`, or `31/01/2026`.
pub fn day(text: &str) -> Result<kernel::Date, kernel::DateError> {
    let day = text.trim().split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split('/').collect();
    match parts.as_slice() {
        [day, month, year] if year.len() == 4 => kernel::Date::parse(&format!("{year}-{month:0>2}-{day:0>2}")),
        [compact] if compact.len() == 8 && compact.bytes().all(|byte| byte.is_ascii_digit()) => {
            kernel::Date::parse(&format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..]))
        }
        _ => kernel::Date::parse(day),
    }
}

/// The first of the sentences of an error, without the name of its field: what the compatible API documents.
pub fn sentence(error: &kernel::Error) -> String {
    match error {
        kernel::Error::Invalid(errors) => errors.iter().next().map(|(_, text)| text.to_owned()).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// A rate of exchange with the five decimals that the compatible API shows.
pub fn rate5(rate: &str) -> String {
    rate.parse::<rust_decimal::Decimal>().map_or_else(|_| rate.to_owned(), |rate| format!("{rate:.5}"))
}
