//! What several pages show alike.

use kernel::FieldErrors;
use minijinja::{Value, context};
use platform::web::Form;

/// A choice of a select.
pub fn option(value: impl ToString, label: impl ToString) -> Value {
    context! { value => value.to_string(), label => label.to_string() }
}

/// Ids of ticked boxes. What is no number was not made by our form.
pub fn ids(form: &Form, name: &str) -> Vec<i64> {
    form.all(name).filter_map(|id| id.parse().ok()).collect()
}

/// A number that may have been left empty.
pub fn number(form: &Form, name: &str, errors: &mut FieldErrors) -> Option<i64> {
    match form.text(name) {
        "" => None,
        text => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                errors.add(name, "Enter a whole number.");
                None
            }
        },
    }
}

/// What was typed in these fields, or what is stored where nothing was typed.
pub fn fields(names: &[&'static str], form: &Form) -> Value {
    Value::from_pairs(names.iter().map(|name| (*name, form.raw(name).unwrap_or_default().to_owned())))
}
