//! Fields of a form or a query string, in any order, repeated or not. Nothing is parsed away: what cannot be used is
//! shown again with its error beside it.

use kernel::{Error, FieldErrors, Result};

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Parses `application/x-www-form-urlencoded`. Text that is no UTF-8 is refused, not replaced.
    pub fn parse(body: &[u8]) -> Result<Form> {
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default(), "form")?;
            let value = decode(parts.next().unwrap_or_default(), &name)?;
            fields.push((name, value));
            if fields.len() > 5_000 {
                return Err(Error::invalid("form", "The form has more than 5,000 fields."));
            }
        }
        Ok(Form(fields))
    }

    pub fn from_pairs(pairs: Vec<(String, String)>) -> Form {
        Form(pairs)
    }

    /// The field, trimmed; empty when it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).unwrap_or_default().trim()
    }

    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A tick box.
    pub fn ticked(&self, name: &str) -> bool {
        matches!(self.text(name), "1" | "on" | "true" | "yes")
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.trim())
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The id in a field, or 0 when nothing was chosen.
    pub fn id(&self, name: &str, errors: &mut FieldErrors) -> i64 {
        match self.text(name) {
            "" => 0,
            text => match text.parse::<i64>() {
                Ok(id) if id >= 0 => id,
                _ => {
                    errors.add(name, "Choose one of the list.");
                    0
                }
            },
        }
    }

    /// The fields as a map for a template that shows them again; of repeated fields the first.
    pub fn typed(&self) -> std::collections::BTreeMap<&str, &str> {
        let mut map = std::collections::BTreeMap::new();
        for (name, value) in self.pairs() {
            map.entry(name).or_insert(value);
        }
        map
    }
}

fn decode(raw: &[u8], name: &str) -> Result<String> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(Error::invalid(name, "Remove the NUL character.")),
        Ok(text) => Ok(text),
        Err(_) => Err(Error::invalid(name, "The text is not valid UTF-8.")),
    }
}
