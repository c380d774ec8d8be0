//! A place in a sorted list, and the way on from there along an index.

use kernel::{Error, Result};

use super::{Column, Sort};
use crate::db::{Cell, FromCell, Value};

/// What a line has in one of the columns that the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Int(i64),
    Text(String),
    Missing,
}

impl FromCell for Part {
    fn from_cell(cell: Cell<'_>) -> Result<Part> {
        match cell {
            Cell::Int(value) => Ok(Part::Int(value)),
            Cell::Text(value) => Ok(Part::Text(value.to_owned())),
            Cell::Null => Ok(Part::Missing),
            other => Err(crate::db::mismatch("a number or text to sort by", other)),
        }
    }
}

impl Part {
    fn value<'v>(&self) -> Value<'v> {
        match self {
            Part::Int(value) => Value::Int(*value),
            Part::Text(value) => Value::Text(value.clone().into()),
            Part::Missing => Value::Null,
        }
    }
}

/// A line's values in the columns of the sort, its id last. Unlike the number of a page it stays where it is when lines
/// are added, and an index leads to it however far down it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(pub(super) Vec<Part>);

impl Place {
    /// For an address: `2026-03-01~17`.
    pub fn encode(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|part| match part {
                Part::Int(value) => value.to_string(),
                Part::Text(text) => text.replace('!', "!0").replace('~', "!1"),
                Part::Missing => "!".to_owned(),
            })
            .collect();
        parts.join("~")
    }

    /// What [`Place::encode`] wrote for this sort.
    pub fn decode(text: &str, sort: &Sort) -> Result<Place> {
        let columns = sort.columns.len();
        let parts: Option<Vec<Part>> = text
            .split('~')
            .enumerate()
            .map(|(at, part)| match sort.columns.get(at) {
                Some(column) => column.part(part),
                None => part.parse().ok().map(Part::Int),
            })
            .collect();
        match parts {
            Some(parts) if parts.len() == columns + 1 => Ok(Place(parts)),
            _ => {
                Err(Error::invalid("after", "This is no place in the list sorted like this. Begin at its first page."))
            }
        }
    }
}

impl Column {
    fn part(&self, text: &str) -> Option<Part> {
        match text {
            "!" => Some(Part::Missing),
            text if self.number => text.parse().ok().map(Part::Int),
            text if text.contains('\0') => None,
            text => Some(Part::Text(text.replace("!1", "~").replace("!0", "!"))),
        }
    }
}

/// Along the sort's index, from a place or from one end.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub sort: &'a Sort,
    pub id: &'static str,
    pub descending: bool,
    pub from: Option<&'a Place>,
}

/// A part of the way that is one range of the index.
pub(super) struct Stretch {
    pub conditions: Vec<String>,
    /// Without `ORDER BY`.
    pub order: String,
}

impl<'a> Walk<'a> {
    pub fn columns(&self) -> Vec<Column> {
        let mut columns = self.sort.columns.to_vec();
        columns.push(Column::int(self.id));
        columns
    }

    /// The columns of the sort under the names that [`Walk::selected`] gives them.
    fn named(&self) -> Vec<Column> {
        const NAMES: [&str; 4] = ["k0", "k1", "k2", "k3"];
        let mut columns: Vec<Column> =
            self.sort.columns.iter().zip(NAMES).map(|(column, sql)| Column { sql, ..*column }).collect();
        columns.push(Column::int("id"));
        columns
    }

    /// `i.id AS id, i.due_on AS k0`
    pub fn selected(&self) -> String {
        let columns = self.columns();
        let named = self.named();
        let pairs = columns.iter().zip(&named).map(|(column, named)| format!("{} AS {}", column.sql, named.sql));
        pairs.collect::<Vec<_>>().join(", ")
    }

    /// The order over the whole list. What is missing comes before everything, on either engine.
    pub fn order(&self) -> String {
        self.ordered(&self.columns())
    }

    /// As [`Walk::order`], of what [`Walk::selected`] has named.
    pub fn order_named(&self) -> String {
        self.ordered(&self.named())
    }

    fn ordered(&self, columns: &[Column]) -> String {
        let of = |column: &Column| match (self.descending, column.may_be_missing) {
            (false, false) => column.sql.to_owned(),
            (true, false) => format!("{} DESC", column.sql),
            (false, true) => format!("{} NULLS FIRST", column.sql),
            (true, true) => format!("{} DESC NULLS LAST", column.sql),
        };
        columns.iter().map(of).collect::<Vec<_>>().join(", ")
    }

    fn plainly_ordered(&self, columns: &[Column]) -> String {
        let direction = if self.descending { " DESC" } else { "" };
        columns.iter().map(|column| format!("{}{direction}", column.sql)).collect::<Vec<_>>().join(", ")
    }

    /// Adds the place's values to `params`; the stretches refer to them.
    pub fn stretches(&self, params: &mut Vec<Value<'_>>) -> Vec<Stretch> {
        self.stretches_of(&self.columns(), params)
    }

    /// One condition over the named columns, for a set that is small enough to be looked at whole.
    pub fn condition_named(&self, params: &mut Vec<Value<'_>>) -> Option<String> {
        self.from?;
        let stretches = self.stretches_of(&self.named(), params);
        let parts: Vec<String> =
            stretches.into_iter().map(|stretch| format!("({})", stretch.conditions.join(" AND "))).collect();
        Some(format!("({})", parts.join(" OR ")))
    }

    /// `(a, b, id) < ($1, $2, $3)` as `a = $1 AND b = $2 AND id < $3`, `a = $1 AND b < $2` and `a < $1`: both engines find
    /// each of these in an index, and neither finds the row comparison when a column may be missing or is SQLite's row id.
    fn stretches_of(&self, columns: &[Column], params: &mut Vec<Value<'_>>) -> Vec<Stretch> {
        let Some(place) = self.from else { return self.whole_way(columns) };
        let first = params.len() + 1;
        params.extend(place.0.iter().filter(|part| **part != Part::Missing).map(Part::value));
        let mut numbers = first..;
        let bound: Vec<Option<usize>> =
            place.0.iter().map(|part| if *part == Part::Missing { None } else { numbers.next() }).collect();
        let beyond = if self.descending { "<" } else { ">" };
        let mut stretches = Vec::new();
        for at in (0..columns.len()).rev() {
            let column = columns[at];
            let same: Vec<String> = columns[..at]
                .iter()
                .zip(&bound)
                .map(|(column, number)| match number {
                    Some(number) => format!("{} = ${number}", column.sql),
                    None => format!("{} IS NULL", column.sql),
                })
                .collect();
            let mut push = |last: String, rest: &[Column]| {
                let mut conditions = same.clone();
                conditions.push(last);
                stretches.push(Stretch { conditions, order: self.plainly_ordered(rest) });
            };
            match bound.get(at).copied().flatten() {
                Some(number) => {
                    push(format!("{} {beyond} ${number}", column.sql), &columns[at..]);
                    if column.may_be_missing && self.descending {
                        push(format!("{} IS NULL", column.sql), &columns[at + 1..]);
                    }
                }
                None if column.may_be_missing && !self.descending => {
                    push(format!("{} IS NOT NULL", column.sql), &columns[at..]);
                }
                None => {}
            }
        }
        stretches
    }

    fn whole_way(&self, columns: &[Column]) -> Vec<Stretch> {
        let stretch = |conditions, rest: &[Column]| Stretch { conditions, order: self.plainly_ordered(rest) };
        let first = columns[0];
        if !first.may_be_missing {
            return vec![stretch(Vec::new(), columns)];
        }
        vec![
            stretch(vec![format!("{} IS NOT NULL", first.sql)], columns),
            stretch(vec![format!("{} IS NULL", first.sql)], &columns[1..]),
        ]
    }
}
