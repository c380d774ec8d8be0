//! The double-entry ledger under everything.
//!
//! What must hold: an entry's postings sum to nought in each currency; an entry is booked once per source; entries are
//! never changed or deleted. Balances elsewhere are conveniences that `doctor` recomputes from here.

use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::{Insert, Tx, dialect};
use platform::{cells, params, record};

kernel::text_enum! {
    pub enum Account {
        /// What clients owe on issued invoices.
        Receivable = "receivable",
        Revenue = "revenue",
        /// Tax owed to the state.
        Tax = "tax",
        /// What we owe clients: their credit.
        Credit = "credit",
        /// Money on its way through a gateway to our bank.
        Clearing = "clearing",
        /// Money promised back to clients that has not left yet.
        Refunds = "refunds",
        /// What gateways keep.
        Fees = "fees",
        /// Credit that staff gave or took without money.
        Goodwill = "goodwill",
        /// Income and expense that belong to no invoice.
        Other = "other",
    }
}
platform::enum_column!(Account);

/// One side of an entry. A debit is positive, a credit negative.
#[derive(Debug, Clone)]
pub struct Posting {
    pub account: Account,
    /// The gateway, for [`Account::Clearing`].
    pub detail: String,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub amount: Money,
}

/// A balanced set of postings and where it comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `invoice:17`, `payment:4`: booked once.
    pub source: String,
    pub kind: &'static str,
    pub client_id: Option<i64>,
    pub booked_on: Date,
    pub postings: Vec<Posting>,
}

impl Entry {
    pub fn new(source: String, kind: &'static str, client_id: Option<i64>, booked_on: Date) -> Entry {
        Entry { source, kind, client_id, booked_on, postings: Vec::with_capacity(3) }
    }

    pub fn debit(self, account: Account, invoice_id: Option<i64>, amount: Money) -> Entry {
        self.post(account, "", invoice_id, amount)
    }

    pub fn credit(self, account: Account, invoice_id: Option<i64>, amount: Money) -> Entry {
        let negated = Money::new(amount.minor.saturating_neg(), amount.currency);
        self.post(account, "", invoice_id, negated)
    }

    /// A signed posting; one of nothing is left out.
    pub fn post(mut self, account: Account, detail: &str, invoice_id: Option<i64>, amount: Money) -> Entry {
        if !amount.is_zero() {
            let client_id = self.client_id;
            self.postings.push(Posting { account, detail: detail.to_owned(), client_id, invoice_id, amount });
        }
        self
    }

    /// Whether the postings sum to nought in each currency.
    fn is_balanced(&self) -> bool {
        self.postings.iter().all(|posting| {
            let currency = posting.amount.currency;
            let sum: i128 = self
                .postings
                .iter()
                .filter(|other| other.amount.currency == currency)
                .map(|other| i128::from(other.amount.minor))
                .sum();
            sum == 0
        })
    }
}

/// Books entries. An unbalanced one is a defect and books nothing; one whose source is booked already is a conflict.
pub async fn book(tx: &mut Tx, entries: &[Entry], now: Timestamp) -> Result<()> {
    let entries: Vec<&Entry> = entries.iter().filter(|entry| !entry.postings.is_empty()).collect();
    if let Some(wrong) = entries.iter().find(|entry| !entry.is_balanced()) {
        return Err(Error::broken(format!("ledger: the entry {} is not balanced", wrong.source)));
    }
    let ids = dialect::reserve_ids(tx, "ledger_entries", entries.len()).await?;
    let mut heads = Insert::into("ledger_entries", &["id", "source", "kind", "client_id", "booked_on", "created_at"]);
    let mut postings = Insert::into(
        "ledger_postings",
        &["entry_id", "position", "account", "detail", "client_id", "invoice_id", "currency", "amount"],
    );
    let longest = entries.iter().map(|entry| entry.postings.len()).max().unwrap_or_default();
    let positions: Vec<i64> = (1i64..).take(longest).collect();
    for (entry, id) in entries.iter().zip(&ids) {
        heads.row(cells![id, entry.source, entry.kind, entry.client_id, entry.booked_on, now]);
        for (posting, position) in entry.postings.iter().zip(&positions) {
            postings.row(cells![
                id,
                position,
                posting.account,
                posting.detail,
                posting.client_id,
                posting.invoice_id,
                posting.amount.currency,
                posting.amount.minor
            ]);
        }
    }
    heads.run(tx).await?;
    postings.run(tx).await?;
    Ok(())
}

record! {
    struct Booked {
        entry_id: i64,
        kind: String,
        client_id: Option<i64>,
        booked_on: Date,
        account: Account,
        detail: String,
        invoice_id: Option<i64>,
        currency: Currency,
        amount: i64,
    }
}

/// What was booked under a source.
async fn booked(tx: &mut Tx, source: &str) -> Result<Vec<Booked>> {
    tx.all(
        "SELECT e.id, e.kind, e.client_id, e.booked_on, p.account, p.detail, p.invoice_id, p.currency, p.amount \
         FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id WHERE e.source = $1 ORDER BY p.position",
        params![source],
    )
    .await
}

/// Which way a booked entry is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Same,
    Opposite,
}

fn again(booked: &[Booked], source: String, kind: &'static str, on: Date, sign: Sign) -> Result<Entry> {
    let client_id = booked.first().and_then(|first| first.client_id);
    let mut entry = Entry::new(source, kind, client_id, on);
    for posting in booked {
        let amount = Money::new(posting.amount, posting.currency);
        let amount = if sign == Sign::Opposite { amount.checked_neg()? } else { amount };
        entry = entry.post(posting.account, &posting.detail, posting.invoice_id, amount);
    }
    Ok(entry)
}

/// Takes an entry back by one with the opposite postings.
pub async fn reverse(
    tx: &mut Tx,
    source: &str,
    new_source: &str,
    kind: &'static str,
    on: Date,
    now: Timestamp,
) -> Result<()> {
    let found = booked(tx, source).await?;
    let entry = again(&found, new_source.to_owned(), kind, on, Sign::Opposite)?;
    book(tx, &[entry], now).await
}

/// Moves an entry to another day: taken back on the day that it stands on now, and booked again on the other.
pub async fn redate(tx: &mut Tx, source: &str, on: Date, now: Timestamp) -> Result<()> {
    let moves: Vec<Date> = tx
        .column(
            "SELECT booked_on FROM ledger_entries WHERE source LIKE $1 AND kind = 'redated' ORDER BY id",
            params![format!("redated:{source}:%")],
        )
        .await?;
    let found = booked(tx, source).await?;
    let Some(stands_on) = moves.last().copied().or(found.first().map(|first| first.booked_on)) else { return Ok(()) };
    let number = moves.len() + 1;
    let back = again(&found, format!("undated:{source}:{number}"), "undated", stands_on, Sign::Opposite)?;
    let anew = again(&found, format!("redated:{source}:{number}"), "redated", on, Sign::Same)?;
    book(tx, &[back, anew], now).await
}
