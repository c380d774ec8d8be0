//! How an invoice is shown: words for states, and everything that stands beside an invoice on its page and in the APIs.

use accounts::parties::{self, Party};
use kernel::{Date, Money, Result};
use platform::db::Conn;

use super::{Invoice, InvoiceStatus, Line};
use crate::notes::{self, CreditNote};
use crate::payments::{self, Transaction};
use crate::taxes::calculation::TaxCategory;

/// The status as staff and clients read it.
pub fn word(status: InvoiceStatus) -> &'static str {
    match status {
        InvoiceStatus::Draft => "Draft",
        InvoiceStatus::Unpaid => "Unpaid",
        InvoiceStatus::PaymentPending => "Payment Pending",
        InvoiceStatus::Paid => "Paid",
        InvoiceStatus::Cancelled => "Cancelled",
        InvoiceStatus::Refunded => "Refunded",
        InvoiceStatus::Collections => "Collections",
    }
}

pub fn is_overdue(status: InvoiceStatus, due_on: Date, today: Date) -> bool {
    status == InvoiceStatus::Unpaid && due_on < today
}

/// As [`word`], with what a date makes of it.
pub fn shown(status: InvoiceStatus, due_on: Date, today: Date) -> &'static str {
    if is_overdue(status, due_on, today) { "Overdue" } else { word(status) }
}

/// The documented word of a status, in any case and with or without the space.
pub fn parse_word(text: &str) -> Option<InvoiceStatus> {
    let plain = text.trim().to_lowercase().replace([' ', '_', '-'], "");
    InvoiceStatus::ALL.iter().copied().find(|status| word(*status).to_lowercase().replace(' ', "") == plain)
}

/// A tax as a row of the sums: name, rate, amount.
pub struct TaxRow {
    pub name: String,
    pub rate: String,
    pub amount: Money,
    /// What the tax is on.
    pub base: Money,
}

/// An invoice with what belongs to it.
pub struct Whole {
    pub invoice: Invoice,
    pub lines: Vec<Line>,
    pub seller: Party,
    pub buyer: Party,
    pub transactions: Vec<Transaction>,
    /// Which part of which transaction settled this invoice.
    pub settled: Vec<(i64, i64)>,
    pub notes: Vec<CreditNote>,
}

pub async fn load(conn: &mut Conn, invoice: Invoice) -> Result<Whole> {
    let lines = super::lines(conn, invoice.id).await?;
    let seller = match invoice.seller_id {
        Some(id) => parties::find(conn, id).await?,
        None => Party::default(),
    };
    let buyer = match invoice.buyer_id {
        Some(id) => parties::find(conn, id).await?,
        None => accounts::clients::find(conn, invoice.client_id).await?.party(),
    };
    let transactions = payments::of_invoice(conn, invoice.id).await?;
    let settled = conn
        .all(
            "SELECT transaction_id, amount FROM allocations WHERE invoice_id = $1 ORDER BY id",
            platform::params![invoice.id],
        )
        .await?;
    let notes = notes::of_invoice(conn, invoice.id).await?;
    Ok(Whole { invoice, lines, seller, buyer, transactions, settled, notes })
}

impl Whole {
    pub fn taxes(&self) -> Vec<TaxRow> {
        let base = |of: fn(&Line) -> i64| {
            self.invoice.money(self.lines.iter().filter(|line| line.taxed && of(line) != 0).map(|line| line.net).sum())
        };
        let invoice = &self.invoice;
        [
            (&invoice.tax_name1, invoice.tax_rate1, invoice.tax1, base(|line| line.tax1)),
            (&invoice.tax_name2, invoice.tax_rate2, invoice.tax2, base(|line| line.tax2)),
        ]
        .into_iter()
        .filter(|(name, rate, amount, _)| !name.is_empty() || !rate.is_zero() || *amount != 0)
        .map(|(name, rate, amount, base)| TaxRow {
            name: if name.is_empty() { "Tax".to_owned() } else { name.clone() },
            rate: format!("{rate} %"),
            amount: invoice.money(amount),
            base,
        })
        .collect()
    }

    /// What was paid by money.
    pub fn paid(&self) -> Money {
        self.invoice.money(self.settled.iter().map(|(_, amount)| amount).sum())
    }

    /// What credit notes took back.
    pub fn noted(&self) -> Money {
        self.invoice.money(self.notes.iter().map(|note| note.total).sum())
    }
}

/// The sentence that a document must carry because of why no tax is charged on it, by the categories of its lines.
pub fn tax_note(categories: impl IntoIterator<Item = TaxCategory> + Clone) -> Option<&'static str> {
    let all = |wanted| {
        let mut lines = categories.clone().into_iter().peekable();
        lines.peek().is_some() && lines.all(|category| category == wanted)
    };
    if categories.clone().into_iter().any(|category| category == TaxCategory::ReverseCharge) {
        // The words of Directive 2006/112/EC, article 226 (11a).
        Some("Reverse charge: the customer owes the tax.")
    } else if all(TaxCategory::Exempt) {
        Some("Exempt from tax.")
    } else {
        None
    }
}

/// The period of a line as people read it; its last day, not the day after.
pub fn period(line: &Line) -> Option<String> {
    let (from, until) = line.period_from.zip(line.period_until)?;
    let last = until.plus_days(-1).unwrap_or(until);
    Some(if from == last { from.to_string() } else { format!("{from} – {last}") })
}
