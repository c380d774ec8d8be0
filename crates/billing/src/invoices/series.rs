//! Handing out the numbers of documents: each once and without a gap, in the transaction that issues the document.
//!
//! What surprises: a series goes on behind numbers that look like its own. They are there when the format or the moment
//! at which counting starts again was changed in the middle of a period.

use std::collections::BTreeMap;

use kernel::{Date, Error, Result};
use platform::db::Tx;

use super::numbering::{self, Format, Reset};
use super::store;

/// The documents that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Invoices,
    CreditNotes,
}

impl Series {
    pub fn name(self) -> &'static str {
        match self {
            Series::Invoices => "invoice",
            Series::CreditNotes => "credit_note",
        }
    }

    pub(super) fn table(self) -> &'static str {
        match self {
            Series::Invoices => "invoices",
            Series::CreditNotes => "credit_notes",
        }
    }
}

/// A number that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// What it was counted in.
    pub period: String,
    pub number: i64,
    /// As the document shows it.
    pub text: String,
}

/// The next number for a document of each of these days, in their order.
pub(crate) async fn take(
    tx: &mut Tx,
    series: Series,
    format: &Format,
    reset: Reset,
    days: &[Date],
) -> Result<Vec<Number>> {
    let mut by_period: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, day) in days.iter().enumerate() {
        by_period.entry(numbering::period_key(reset, *day)).or_default().push(index);
    }
    let mut numbers: Vec<Option<Number>> = vec![None; days.len()];
    for (period, members) in by_period {
        let those: Vec<Date> = members.iter().map(|index| days[*index]).collect();
        for ((number, text), index) in of_period(tx, series, format, reset, &period, &those).await?.zip(members) {
            numbers[index] = Some(Number { period: period.clone(), number, text });
        }
    }
    numbers.into_iter().collect::<Option<_>>().ok_or_else(|| Error::broken("a document was left without a number"))
}

/// So often a series moves on behind documents that have its numbers, before somebody has to look.
const MOST_MOVES: usize = 1_000;

async fn of_period(
    tx: &mut Tx,
    series: Series,
    format: &Format,
    reset: Reset,
    period: &str,
    days: &[Date],
) -> Result<impl Iterator<Item = (i64, String)> + use<>> {
    let mut first = store::take_numbers(tx, series.name(), period, days.len()).await?;
    for _ in 0..MOST_MOVES {
        let texts: Vec<String> = (first..).zip(days).map(|(number, day)| format.render(number, *day)).collect();
        let there = store::numbers_there(tx, series.table(), &texts).await?;
        let Some(last) = texts.iter().rposition(|text| there.contains(text)) else {
            return Ok((first..).zip(texts));
        };
        // Behind what stands in the way, and behind all that was counted in this time under another key.
        let behind = first.saturating_add(i64::try_from(last).unwrap_or(i64::MAX)).saturating_add(1);
        let highest = store::highest_number(tx, series, numbering::period_days(reset, days)).await?;
        let next = behind.max(highest.saturating_add(1));
        store::pass_over(tx, series.name(), period, next - first).await?;
        first = next;
    }
    Err(Error::conflict(format!(
        "The numbers from {} on are given to documents already. Choose another format of numbers in the settings.",
        format.render(first, days.first().copied().unwrap_or(Date::MAX))
    )))
}
