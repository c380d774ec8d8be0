//! What a registry asks of registrants beyond their address: a nexus, a number of a company or a person.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use kernel::{Extension, FieldErrors, single_line};
use serde::{Deserialize, Serialize};

kernel::text_enum! {
    pub enum FieldKind {
        Text = "text",
        Choice = "choice",
        Tick = "tick",
    }
}

/// A question and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// As registrar modules know it; unique in an extension.
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    #[serde(default)]
    pub required: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
}

/// A value that the registry knows, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

const MAX_FIELDS: usize = 40;
const MAX_OPTIONS: usize = 300;

/// What the registries of well-known extensions ask, by their published policies; the operator can change it.
pub fn shipped(extension: &Extension) -> Vec<Field> {
    static SHIPPED: OnceLock<BTreeMap<String, Vec<Field>>> = OnceLock::new();
    let shipped = SHIPPED.get_or_init(|| serde_json::from_str(include_str!("fields.json")).unwrap_or_default());
    let mut name = extension.as_str();
    loop {
        if let Some(fields) = shipped.get(name) {
            return fields.clone();
        }
        match name.split_once('.') {
            Some((_, rest)) => name = rest,
            None => return Vec::new(),
        }
    }
}

/// Notes what cannot be asked. `fields[2].name` is where.
pub fn check(fields: &[Field], errors: &mut FieldErrors) {
    if fields.len() > MAX_FIELDS {
        errors.add("fields", format!("Ask at most {MAX_FIELDS} questions."));
    }
    for (at, field) in fields.iter().enumerate() {
        let place = |part: &str| format!("fields[{at}].{part}");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == ' ';
        if field.name.is_empty() || field.name.len() > 60 || !field.name.chars().all(is_name) {
            errors.add(place("name"), "Use 1 to 60 letters, digits, spaces, - or _.");
        }
        if fields[..at].iter().any(|other| other.name == field.name) {
            errors.add(place("name"), "Two questions have this name. Give each its own.");
        }
        for (part, text, max) in [("label", &field.label, 120), ("help", &field.help, 500)] {
            errors.take(&place(part), single_line(text, max));
        }
        if field.label.trim().is_empty() {
            errors.add(place("label"), "Enter the question.");
        }
        check_options(field, &place("options"), errors);
    }
}

fn check_options(field: &Field, place: &str, errors: &mut FieldErrors) {
    match field.kind {
        FieldKind::Choice if field.options.is_empty() => errors.add(place, "Give at least one choice."),
        FieldKind::Choice => {}
        _ if !field.options.is_empty() => errors.add(place, "Only a choice has options. Remove them."),
        _ => {}
    }
    if field.options.len() > MAX_OPTIONS {
        errors.add(place, format!("Give at most {MAX_OPTIONS} choices."));
    }
    for option in &field.options {
        errors.take(place, single_line(&option.value, 120));
        errors.take(place, single_line(&option.label, 200));
        if option.value.trim().is_empty() {
            errors.add(place, "Every choice has a value.");
        }
    }
}

/// The answers of a registrant, checked: those of the fields that there are, in their order. `extra[name]` is where.
pub fn answers(fields: &[Field], given: &BTreeMap<String, String>, errors: &mut FieldErrors) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for field in fields {
        let place = format!("extra[{}]", field.name);
        let written = given.get(&field.name).map(String::as_str).unwrap_or_default();
        let Some(value) = errors.take(&place, single_line(written, 200)) else { continue };
        let known = field.options.iter().any(|option| option.value == value);
        match field.kind {
            _ if value.is_empty() && field.required => errors.add(place, format!("{}: this is required.", field.label)),
            _ if value.is_empty() => {}
            FieldKind::Choice if !known => errors.add(place, format!("{}: choose one of the values.", field.label)),
            FieldKind::Tick if value != "1" => errors.add(place, format!("{}: tick it or leave it.", field.label)),
            _ => answers.push((field.name.clone(), value)),
        }
    }
    answers
}
