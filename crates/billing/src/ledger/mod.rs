//! The double-entry ledger under everything.
//!
//! What must hold: an entry's postings sum to nought in each currency; an entry is booked once per source; entries are
//! never changed or deleted. Balances elsewhere are conveniences that `doctor` recomputes from here.

use kernel::{Date, Error, Money, Result, Timestamp};
use platform::cells;
use platform::db::{Insert, Tx, dialect};

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
