//! How an invoice is shown: words for states, and everything that stands beside an invoice on its page and in the APIs.

use accounts::clients;
use accounts::parties::{self, Party};
use kernel::{Currency, Date, Error, Money, Result};
use platform::db::{Conn, FromRow, Row};

use super::{Invoice, InvoiceStatus, Line};
use crate::notes::{self, CreditNote, Left};
use crate::payments::{self, OfInvoice, Transaction};
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
    let OfInvoice { transactions, settled } = payments::of_invoice(conn, invoice.id).await?;
    let notes = notes::of_invoice(conn, invoice.id).await?;
    Ok(Whole { invoice, lines, seller, buyer, transactions, settled, notes })
}

/// An invoice with what belongs to it and what its page says of the client, in few questions.
pub struct Seen {
    pub whole: Whole,
    /// What is left of each line to credit.
    pub left: Vec<Left>,
    pub client: String,
    pub email: String,
    /// Of the client.
    pub credit: Money,
}

pub async fn seen(conn: &mut Conn, id: i64) -> Result<Seen> {
    let Head { invoice, names, email, currency, buyer, seller, credit } = head(conn, id).await?;
    let read = |document: Option<String>| document.map_or(Ok(Party::default()), |text| parties::read(&text));
    let (buyer, seller) = (read(buyer)?, read(seller)?);
    let lines = super::lines(conn, id).await?;
    let OfInvoice { transactions, settled } = payments::of_invoice(conn, id).await?;
    let (notes, credited): (Vec<_>, Vec<_>) = notes::with_lines(conn, id).await?.into_iter().unzip();
    let left = notes::left_of(lines.clone(), &credited.concat());
    let [first, last, company] = names;
    let client = clients::name(&company, &first, &last);
    let whole = Whole { invoice, lines, seller, buyer, transactions, settled, notes };
    Ok(Seen { whole, left, client, email, credit: Money::new(credit, currency) })
}

struct Head {
    invoice: Invoice,
    names: [String; 3],
    email: String,
    currency: Currency,
    buyer: Option<String>,
    seller: Option<String>,
    credit: i64,
}

impl FromRow for Head {
    fn from_row(row: &Row<'_>) -> Result<Head> {
        let at = Invoice::COLUMNS.len();
        Ok(Head {
            invoice: Invoice::from_row(row)?,
            names: [row.get(at)?, row.get(at + 1)?, row.get(at + 2)?],
            email: row.get(at + 3)?,
            currency: row.get(at + 4)?,
            buyer: row.get(at + 5)?,
            seller: row.get(at + 6)?,
            credit: row.get(at + 7)?,
        })
    }
}

/// The invoice; until it is issued its buyer is the client as it is now.
async fn head(conn: &mut Conn, id: i64) -> Result<Head> {
    let sql = format!(
        "SELECT {}, c.first_name, c.last_name, c.company, c.email, c.currency, b.document, s.document, \
         COALESCE(k.balance, 0) FROM invoices i JOIN clients c ON c.id = i.client_id \
         LEFT JOIN parties b ON b.id = COALESCE(i.buyer_id, c.party_id) LEFT JOIN parties s ON s.id = i.seller_id \
         LEFT JOIN credit_balances k ON k.client_id = i.client_id WHERE i.id = $1",
        Invoice::columns("i")
    );
    conn.optional(&sql, platform::params![id]).await?.ok_or(Error::NotFound("Invoice"))
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
