//! The seal of an issued document: a SHA-256 over everything that must never change, in a fixed text form. `doctor`
//! computes it again from the rows.

use std::fmt::Write;

use kernel::{Currency, Date, Period, Rate};
use platform::crypto;

use super::{Invoice, Line, LineKind};
use crate::taxes::calculation::TaxCategory;

pub struct Sealed<'a> {
    pub number: &'a str,
    pub client_id: i64,
    pub currency: Currency,
    pub issued_on: Date,
    pub due_on: Date,
    pub seller_id: i64,
    pub buyer_id: i64,
    pub taxes: [(String, Rate); 2],
    pub sums: [i64; 4],
    pub lines: Vec<SealedLine<'a>>,
}

pub struct SealedLine<'a> {
    pub kind: LineKind,
    pub charge_id: Option<i64>,
    pub description: &'a str,
    pub quantity: i64,
    pub amount: i64,
    pub taxed: bool,
    pub category: TaxCategory,
    pub net: i64,
    pub tax1: i64,
    pub tax2: i64,
    pub period: Option<Period>,
}

/// Lengths stand before free text, so that no two documents have the same form.
pub fn hash(document: &Sealed<'_>) -> String {
    let mut text = String::with_capacity(256 + document.lines.len() * 128);
    let Sealed { number, client_id, currency, issued_on, due_on, seller_id, buyer_id, taxes, sums, lines } = document;
    let _ =
        write!(text, "v1|{}:{number}|{client_id}|{currency}|{issued_on}|{due_on}|{seller_id}|{buyer_id}", number.len());
    for (name, rate) in taxes {
        let _ = write!(text, "|{}:{name}|{}", name.len(), rate.units());
    }
    for sum in sums {
        let _ = write!(text, "|{sum}");
    }
    for line in lines {
        let _ = write!(
            text,
            "\n{}|{}|{}:{}|{}|{}|{}|{}|{}|{}|{}",
            line.kind,
            line.charge_id.unwrap_or_default(),
            line.description.len(),
            line.description,
            line.quantity,
            line.amount,
            line.taxed,
            line.category,
            line.net,
            line.tax1,
            line.tax2
        );
        if let Some(period) = line.period {
            let _ = write!(text, "|{}|{}", period.from, period.until);
        }
    }
    crypto::sha256_hex(text.as_bytes())
}

/// The document as its rows have it. `None` for a draft.
pub fn stored<'a>(invoice: &'a Invoice, lines: &'a [Line]) -> Option<Sealed<'a>> {
    Some(Sealed {
        number: invoice.number.as_deref()?,
        client_id: invoice.client_id,
        currency: invoice.currency,
        issued_on: invoice.issued_on?,
        due_on: invoice.due_on,
        seller_id: invoice.seller_id?,
        buyer_id: invoice.buyer_id?,
        taxes: [(invoice.tax_name1.clone(), invoice.tax_rate1), (invoice.tax_name2.clone(), invoice.tax_rate2)],
        sums: [invoice.subtotal, invoice.tax1, invoice.tax2, invoice.total],
        lines: lines
            .iter()
            .map(|line| SealedLine {
                kind: line.kind,
                charge_id: line.charge_id,
                description: &line.description,
                quantity: line.quantity,
                amount: line.amount,
                taxed: line.taxed,
                category: line.tax_category,
                net: line.net,
                tax1: line.tax1,
                tax2: line.tax2,
                period: line.period_from.zip(line.period_until).map(|(from, until)| Period { from, until }),
            })
            .collect(),
    })
}
