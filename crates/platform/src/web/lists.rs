//! What every list page does alike: filters from the query string, a sort column from a fixed set, pages, CSV.
//! The filter values never become SQL text; only names from the code do.

use kernel::Result;

use super::forms::Form;
use crate::db::Value;

pub const PAGE_SIZE: i64 = 50;
/// How far a list counts; beyond it the page says "over 10,000".
pub const COUNT_LIMIT: i64 = 10_000;

/// A column that a list may be sorted by.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// Its name in the address.
    pub key: &'static str,
    /// The SQL expression; an index should serve it together with the id.
    pub sql: &'static str,
}

/// One list page's request: `?status=unpaid&sort=-due_on&page=3`.
#[derive(Debug, Clone)]
pub struct Request {
    pub form: Form,
    pub sort: Sort,
    pub descending: bool,
    pub page: i64,
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
        let page = form.text("page").parse::<i64>().unwrap_or(1).clamp(1, 1_000_000);
        let csv = form.text("format") == "csv";
        Ok(Request { sort, descending, page, csv, form })
    }

    pub fn filter(&self, name: &str) -> &str {
        self.form.text(name)
    }

    pub fn order_by(&self, id: &str) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        if self.sort.sql == id {
            format!("ORDER BY {id} {direction}")
        } else {
            format!("ORDER BY {} {direction}, {id} {direction}", self.sort.sql)
        }
    }

    pub fn offset(&self) -> i64 {
        (self.page - 1) * PAGE_SIZE
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
}

impl Request {
    /// What the list macros of `macros.html` read: the links to other pages and sorts, and the count in words.
    /// `total` counts at most [`COUNT_LIMIT`] + 1.
    pub fn view(&self, total: i64, shown: usize) -> minijinja::Value {
        let first = if shown == 0 { 0 } else { self.offset() + 1 };
        let last = self.offset() + i64::try_from(shown).unwrap_or_default();
        let words = if total > COUNT_LIMIT { "over 10,000".to_owned() } else { grouped(total) };
        let more = if total > COUNT_LIMIT { last - first + 1 == PAGE_SIZE } else { total > last };
        let query = self.link(&[("sort", ""), ("page", ""), ("format", "")]);
        let sort = if self.descending { format!("-{}", self.sort.key) } else { self.sort.key.to_owned() };
        let page = |number: i64| self.link(&[("page", &number.to_string()), ("format", "")]);
        minijinja::context! {
            query => query.trim_start_matches('?'),
            sort,
            total => words,
            first => grouped(first),
            last => grouped(last),
            prev => if self.page > 1 { page(self.page - 1) } else { String::new() },
            next => if more { page(self.page + 1) } else { String::new() },
            csv => self.link(&[("format", "csv"), ("page", "")]),
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

pub fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Conditions of a `WHERE`, with their parameters.
#[derive(Default)]
pub struct Where<'a> {
    clauses: Vec<String>,
    pub params: Vec<Value<'a>>,
}

impl<'a> Where<'a> {
    /// Adds `clause`, in which `?` stands for `value`.
    pub fn and(&mut self, clause: &str, value: Value<'a>) {
        self.params.push(value);
        self.clauses.push(clause.replace('?', &format!("${}", self.params.len())));
    }

    pub fn plain(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    pub fn sql(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!("WHERE {}", self.clauses.join(" AND ")) }
    }

    /// The number that the next parameter has.
    pub fn next(&self) -> usize {
        self.params.len() + 1
    }
}

/// A cell of a CSV file. A spreadsheet must not take it for a formula.
pub fn csv_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A CSV file as an answer.
pub fn csv_response(name: &str, head: &[&str], rows: Vec<Vec<String>>) -> Result<axum::response::Response> {
    use axum::response::IntoResponse;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let broken = |error: csv::Error| kernel::Error::broken(format!("csv: {error}"));
    match writer.write_record(head) {
        Ok(()) => {}
        Err(error) => return Err(broken(error)),
    }
    for row in rows {
        match writer.write_record(row.iter().map(|cell| csv_cell(cell))) {
            Ok(()) => {}
            Err(error) => return Err(broken(error)),
        }
    }
    let body = match writer.into_inner() {
        Ok(body) => body,
        Err(error) => return Err(kernel::Error::broken(format!("csv: {error}"))),
    };
    Ok((
        [
            (axum::http::header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (axum::http::header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
        ],
        body,
    )
        .into_response())
}
