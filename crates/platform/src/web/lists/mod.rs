//! What every list does alike: filters from the query string, a sort from a fixed set, pages, files.
//!
//! What must hold: a page costs the same wherever in the list it is and however long the list has become. So
//! - pages far down are reached by a [`Place`] in an index, not by counting rows;
//! - nothing is counted beyond [`COUNT_LIMIT`]; the page says "over 10,000";
//! - where no index serves both filter and sort, [`Query`] looks at a bounded number of rows, and the page says so.
//!
//! The filter values never become SQL text; only names from the code do.

mod conditions;
mod file;
mod page;
mod place;
mod query;
mod statement;
#[cfg(test)]
mod tests;

use kernel::Result;

use super::forms::Form;

pub use conditions::Where;
pub use file::{csv_cell, file, json_lines};
pub use page::{Page, Total};
pub use place::{Part, Place};
pub use query::{Query, Way};

pub const PAGE_SIZE: i64 = 50;
/// How far a list counts; beyond it the page says "over 10,000". So many lines also have pages with numbers.
pub const COUNT_LIMIT: i64 = 10_000;

/// A column that a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub sql: &'static str,
    number: bool,
    may_be_missing: bool,
}

impl Column {
    pub const fn text(sql: &'static str) -> Column {
        Column { sql, number: false, may_be_missing: false }
    }

    pub const fn int(sql: &'static str) -> Column {
        Column { sql, number: true, may_be_missing: false }
    }

    /// Its value may be missing; allowed of the first column of a sort.
    pub const fn or_missing(self) -> Column {
        Column { may_be_missing: true, ..self }
    }
}

/// An order that a list is offered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Its name in the address.
    pub key: &'static str,
    /// An index has these columns, and the id behind them. None: the id alone.
    pub columns: &'static [Column],
    /// Each of these columns begins an index that goes on with the sort's columns and the id.
    pub with: &'static [&'static str],
}

impl Sort {
    pub const fn by(key: &'static str, columns: &'static [Column]) -> Sort {
        assert!(columns.len() <= 3);
        Sort { key, columns, with: &[] }
    }

    pub const fn with(self, with: &'static [&'static str]) -> Sort {
        Sort { with, ..self }
    }
}

/// Where in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// The page with this number, from 1.
    Number(i64),
    /// Behind an encoded place.
    After(String),
    /// In front of an encoded place.
    Before(String),
    Last,
}

/// One list page's request: `?status=unpaid&sort=-due_on&page=3`.
#[derive(Debug, Clone)]
pub struct Request {
    pub form: Form,
    pub sorts: &'static [Sort],
    pub sort: Sort,
    pub descending: bool,
    pub spot: Spot,
    pub csv: bool,
}

impl Request {
    /// `sorts[0]` is the default, descending when `newest_first`.
    pub fn parse(query: &str, sorts: &'static [Sort], newest_first: Order) -> Result<Request> {
        let form = Form::parse(query.as_bytes())?;
        let wanted = form.text("sort");
        let (descending, key) = match wanted.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, wanted),
        };
        let found = sorts.iter().find(|sort| sort.key == key);
        let descending = if found.is_some() { descending } else { newest_first == Order::Descending };
        let sort = *found.unwrap_or(&sorts[0]);
        let spot = match (form.raw("after"), form.raw("before"), form.text("page")) {
            (Some(place), _, _) if !place.is_empty() => Spot::After(place.to_owned()),
            (_, Some(place), _) if !place.is_empty() => Spot::Before(place.to_owned()),
            (_, _, "last") => Spot::Last,
            (_, _, number) => Spot::Number(number.parse::<i64>().unwrap_or(1).clamp(1, 1_000_000)),
        };
        let csv = form.text("format") == "csv";
        Ok(Request { sorts, sort, descending, spot, csv, form })
    }

    pub fn filter(&self, name: &str) -> &str {
        self.form.text(name)
    }

    /// The number of the page, where it is asked for by number.
    pub fn page(&self) -> Option<i64> {
        match self.spot {
            Spot::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The query string with some fields replaced; an empty value removes the field.
    pub fn link(&self, changes: &[(&str, &str)]) -> String {
        let mut pairs: Vec<(&str, &str)> = self
            .form
            .pairs()
            .filter(|(name, value)| !value.is_empty() && !changes.iter().any(|(changed, _)| changed == name))
            .collect();
        pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()).copied());
        let encoded: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        if encoded.is_empty() { "?".to_owned() } else { format!("?{}", encoded.join("&")) }
    }

    /// The address of another part of the list. A place is one of a certain order, so the order goes with it.
    fn link_to(&self, spot: &Spot, sort: &str) -> String {
        let (number, after, before) = match spot {
            Spot::Number(number) => (number.to_string(), "", ""),
            Spot::Last => ("last".to_owned(), "", ""),
            Spot::After(place) => (String::new(), place.as_str(), ""),
            Spot::Before(place) => (String::new(), "", place.as_str()),
        };
        let pinned = if matches!(spot, Spot::Number(_)) { self.form.text("sort") } else { sort };
        self.link(&[("sort", pinned), ("page", &number), ("after", after), ("before", before), ("format", "")])
    }

    /// What the list macros of `macros.html` read: the links to other pages and sorts, and the count in words.
    pub fn view<T>(&self, page: &Page<T>) -> minijinja::Value {
        let none = [("page", ""), ("after", ""), ("before", "")];
        let without = |more: &[(&'static str, &'static str)]| self.link(&[&none[..], more].concat());
        let sort = if page.descending { format!("-{}", page.sort.key) } else { page.sort.key.to_owned() };
        let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
        let (first, last) = match page.first {
            Some(first) if shown > 0 && page.total != Total::Unknown => (grouped(first), grouped(first + shown - 1)),
            _ => (String::new(), String::new()),
        };
        let all = page.total.words();
        let total = match (all.is_empty(), first.is_empty() && shown > 0) {
            (true, _) => grouped(shown),
            (false, true) => format!("{} of {all}", grouped(shown)),
            (false, false) => all.clone(),
        };
        let link = |spot: &Option<Spot>| spot.as_ref().map(|spot| self.link_to(spot, &sort)).unwrap_or_default();
        minijinja::context! {
            query => without(&[("sort", ""), ("format", "")]).trim_start_matches('?'),
            total,
            // For a button that acts on all of them.
            all,
            first,
            last,
            note => page.note(),
            start => link(&page.start),
            prev => link(&page.prev),
            next => link(&page.next),
            end => link(&page.end),
            csv => without(&[("format", "csv")]),
            sort,
        }
    }
}

/// `12345` as `12,345`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count that was not carried on beyond [`COUNT_LIMIT`], in words.
pub fn counted(count: i64) -> String {
    Total::counted(count).words()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

pub fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
