//! A part of a list as it is shown: its rows, how many there are in all, and the ways to the other parts.

use super::place::Place;
use super::query::WINDOW;
use super::{COUNT_LIMIT, Sort, Spot, grouped};

/// How many lines a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exactly(i64),
    /// More than [`COUNT_LIMIT`].
    Over,
    /// Nobody looked at all of them.
    Unknown,
}

impl Total {
    pub(super) fn counted(count: i64) -> Total {
        if count > COUNT_LIMIT { Total::Over } else { Total::Exactly(count) }
    }

    pub fn words(self) -> String {
        match self {
            Total::Exactly(total) => grouped(total),
            Total::Over => format!("over {}", grouped(COUNT_LIMIT)),
            Total::Unknown => String::new(),
        }
    }

    /// The number that was counted, and whether there are no more.
    pub fn at_least(self) -> (i64, bool) {
        match self {
            Total::Exactly(total) => (total, true),
            Total::Over => (COUNT_LIMIT, false),
            Total::Unknown => (0, false),
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub total: Total,
    /// The order that the rows really have.
    pub sort: Sort,
    pub descending: bool,
    /// Which line of the list the first row is, where it was counted.
    pub first: Option<i64>,
    pub start: Option<Spot>,
    pub prev: Option<Spot>,
    pub next: Option<Spot>,
    pub end: Option<Spot>,
    /// Where the list goes on.
    pub on: Option<Place>,
    /// More than the rows were looked at, and the looking ended before the list.
    pub(super) looked: bool,
    /// Not in the order that was asked for.
    pub(super) resorted: bool,
}

impl<T> Page<T> {
    /// What the reader must know to read the page rightly.
    pub(super) fn note(&self) -> String {
        let mut notes = Vec::new();
        if self.resorted {
            notes.push(format!("More than {} fit, too many for another order", grouped(COUNT_LIMIT)));
        }
        if self.looked {
            notes.push(format!("{} were looked through for this page, the search goes on", grouped(WINDOW)));
        }
        notes.join(" · ")
    }
}
