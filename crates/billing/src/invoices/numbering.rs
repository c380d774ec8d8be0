//! How a document's number is written, and when counting starts again.
//!
//! Who hands out the next number, and that nobody gets it twice, is not decided here. Here it is made sure that two
//! numbers of one series never look the same.

use kernel::{Date, text_enum};

#[cfg(test)]
mod tests;

text_enum! {
    /// When the next number is the first again.
    pub enum Reset { Never = "never", Yearly = "yearly", Monthly = "monthly" }
}

/// What numbers are counted in: the same key, the same count. `""`, `2026` or `2026-01`.
pub fn period_key(reset: Reset, on: Date) -> String {
    match reset {
        Reset::Never => String::new(),
        Reset::Yearly => format!("{:04}", on.year()),
        Reset::Monthly => format!("{:04}-{:02}", on.year(), on.month()),
    }
}

/// The first and last day of the time that is counted together with these days; `None` when that is all time. As text,
/// because no month is asked for its length here: days are compared as they are written.
pub fn period_days(reset: Reset, days: &[Date]) -> Option<(String, String)> {
    let day = days.first()?;
    match reset {
        Reset::Never => None,
        Reset::Yearly => Some((format!("{:04}-01-01", day.year()), format!("{:04}-12-31", day.year()))),
        Reset::Monthly => {
            let month = period_key(reset, *day);
            Some((format!("{month}-01"), format!("{month}-31")))
        }
    }
}

/// A text with placeholders, such as `INV-{YEAR}-{NUMBER:6}`.
///
/// Everything but the one number has a fixed width, so the number can always be told from what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// Filled up with zeros to at least this many digits.
    Number(usize),
    Year,
    Month,
    Day,
}

impl Format {
    /// So that a number fits into a column and into the reference of a bank transfer.
    const MAX_LENGTH: usize = 40;
    const MAX_DIGITS: usize = 12;

    /// Besides the placeholders {NUMBER}, {YEAR}, {MONTH} and {DAY}, letters and digits of ASCII and `- _ / . #`. The
    /// error is a sentence for whoever typed it.
    pub fn parse(text: &str) -> Result<Format, String> {
        let text = text.trim();
        if let Some(error) = unprintable(text) {
            return Err(error);
        }
        let parts = parts(text)?;
        if parts.iter().filter(|part| matches!(part, Part::Number(_))).count() != 1 {
            return Err("The format needs {NUMBER} exactly once, such as {YEAR}-{NUMBER}.".to_owned());
        }
        Ok(Format(parts))
    }

    /// Whether numbers stay unique although counting starts again: the period must be in them.
    pub fn check(&self, reset: Reset) -> Result<(), String> {
        let has = |part| self.0.contains(&part);
        match reset {
            Reset::Yearly if !has(Part::Year) => {
                Err("Numbers that start again every year need {YEAR} in the format.".to_owned())
            }
            Reset::Monthly if !(has(Part::Year) && has(Part::Month)) => {
                Err("Numbers that start again every month need {YEAR} and {MONTH} in the format.".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub fn render(&self, number: i64, on: Date) -> String {
        self.0.iter().map(|part| part.render(number, on)).collect()
    }

    /// Whether a number of this format and one of the other can be the same text.
    pub fn may_look_like(&self, other: &Format) -> bool {
        let (ours, theirs) = (self.letters(), other.letters());
        // Pairs of places in the two texts that can be reached by the same beginning.
        let mut reached = vec![(0, 0)];
        let mut at = 0;
        while let Some((i, j)) = reached.get(at).copied() {
            at += 1;
            let (Some(one), Some(two)) = (ours.get(i), theirs.get(j)) else {
                if i == ours.len() && j == theirs.len() {
                    return true;
                }
                continue;
            };
            if !one.meets(two) {
                continue;
            }
            for next in one.after(i).flat_map(|i| two.after(j).map(move |j| (i, j))) {
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
        }
        false
    }

    fn letters(&self) -> Vec<Letter> {
        let digits = |count| std::iter::repeat_n(Letter::Digit, count);
        let mut letters = Vec::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => letters.extend(text.chars().map(Letter::Only)),
                Part::Number(least) => {
                    letters.extend(digits(least - 1));
                    letters.push(Letter::Digits);
                }
                Part::Year => letters.extend(digits(4)),
                Part::Month | Part::Day => letters.extend(digits(2)),
            }
        }
        letters
    }

    /// The next three numbers, for whoever sets up a series that counts in steps of `step`.
    pub fn preview(&self, next: i64, step: i64, on: Date) -> [String; 3] {
        [0, 1, 2].map(|index| self.render(next.saturating_add(step.saturating_mul(index)), on))
    }
}

/// What can stand at a place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    Only(char),
    Digit,
    /// One or more.
    Digits,
}

impl Letter {
    fn meets(&self, other: &Letter) -> bool {
        match (self, other) {
            (Letter::Only(one), Letter::Only(two)) => one == two,
            (Letter::Only(one), _) | (_, Letter::Only(one)) => one.is_ascii_digit(),
            _ => true,
        }
    }

    /// Where the text goes on after one character from this place.
    fn after(&self, place: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        std::iter::once(place + 1).chain((*self == Letter::Digits).then_some(place))
    }
}

impl Part {
    fn render(&self, number: i64, on: Date) -> String {
        match self {
            Part::Literal(text) => text.clone(),
            Part::Number(digits) => format!("{number:0digits$}"),
            Part::Year => format!("{:04}", on.year()),
            Part::Month => format!("{:02}", on.month()),
            Part::Day => format!("{:02}", on.day()),
        }
    }
}

/// What is left is harmless in errors, file names and QR codes.
fn unprintable(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_/.#{}:".contains(c);
    if !text.chars().all(allowed) {
        return Some(
            "Use only placeholders, letters from A to Z, digits and the characters - _ / . # here.".to_owned(),
        );
    }
    let max = Format::MAX_LENGTH;
    (text.len() > max).then(|| format!("Shorten the format to at most {max} characters; it has {}.", text.len()))
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) =
            after.split_once('}').ok_or_else(|| format!("Close the brace in “{{{after}” with a “}}”."))?;
        parts.extend(literal(before)?);
        parts.push(placeholder(name)?);
        rest = behind;
    }
    parts.extend(literal(rest)?);
    Ok(parts)
}

fn literal(text: &str) -> Result<Option<Part>, String> {
    match text.find([':', '}']) {
        None if text.is_empty() => Ok(None),
        None => Ok(Some(Part::Literal(text.to_owned()))),
        Some(_) => Err(format!("Use “:” and “}}” only in placeholders such as {{NUMBER:6}}, not in “{text}”.")),
    }
}

/// The name between the braces, in any case.
fn placeholder(name: &str) -> Result<Part, String> {
    match name.to_ascii_uppercase().as_str() {
        "NUMBER" => Ok(Part::Number(1)),
        "YEAR" => Ok(Part::Year),
        "MONTH" => Ok(Part::Month),
        "DAY" => Ok(Part::Day),
        other => match other.strip_prefix("NUMBER:") {
            Some(digits) => number(digits),
            None => Err(format!("{{{name}}} is not a placeholder. Use {{NUMBER}}, {{YEAR}}, {{MONTH}} or {{DAY}}.")),
        },
    }
}

fn number(digits: &str) -> Result<Part, String> {
    let max = Format::MAX_DIGITS;
    let wrong = || format!("{{NUMBER:{digits}}} needs a count of digits from 1 to {max}, such as {{NUMBER:6}}.");
    digits.parse().ok().filter(|digits| (1..=max).contains(digits)).map(Part::Number).ok_or_else(wrong)
}
