//! Attempt CC Captures: unpaid invoices are charged to stored payment methods, and clients who are there pay them.
//!
//! What must hold, whatever crashes, times out or runs twice:
//! - The attempt's row is committed before the provider is called, and its id is the provider's idempotency key.
//! - One attempt per slot of the schedule, and no new one while another can still take money: two unique indexes say so.
//!   One that waits for the client is given up at the provider before another is made, and when less is owed by then
//!   than it would take: no client is sent to pay it.
//! - An attempt whose outcome we do not know has a job that asks; nothing is retried before the answer is known.
//! - The client's lock is held in our transactions only, never while the provider is asked.
//!
//! An attempt is made in one of three [`Way`]s: `charge` charges an absent client, `present` one who is on our page or
//! is sent to the provider's. `outcome` writes what came of it, `resolve` asks what came of it.

pub mod admin;
pub mod api;
mod charge;
pub mod compat;
mod due;
pub mod jobs;
mod outcome;
pub mod present;
mod resolve;
mod run;
pub mod schedule;
pub mod store;
#[cfg(test)]
mod tests;
pub mod webhooks;

use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::{params, record};

use crate::invoices::Invoice;

pub use charge::{attempt, attempt_now};
pub use due::{Due, due};
pub use outcome::conclude;
pub use resolve::{ask_again, page_told};
pub use run::{Report, run};
pub use webhooks::charge_told;

pub const CAPTURE: Permission = Permission("Attempts CC Captures");

/// What needs somebody's eye until it is settled.
pub const OPEN: &[AttemptState] =
    &[AttemptState::Intent, AttemptState::Unknown, AttemptState::Pending, AttemptState::ActionRequired];

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

/// Attempts listen to what becomes of their invoice.
pub fn events(events: &mut platform::Events) {
    jobs::events(events);
}

kernel::text_enum! {
    pub enum AttemptState {
        /// Written before the provider is called.
        Intent = "intent",
        /// The call broke off: it may or may not have been carried out.
        Unknown = "unknown",
        /// In the provider's hands.
        Pending = "pending",
        Succeeded = "succeeded",
        Declined = "declined",
        /// The client must authenticate, or is on the provider's page.
        ActionRequired = "action_required",
        /// Certainly not carried out.
        Failed = "failed",
    }
}
kernel::text_enum! {
    /// How the client is charged.
    pub enum Way {
        /// A stored method, while the client is away.
        OffSession = "off_session",
        /// A stored method, while the client is on our page.
        OnSession = "on_session",
        /// On a page of the provider's, with whatever the client enters there.
        Hosted = "hosted",
    }
}
platform::enum_column!(AttemptState, Way);

record! {
    #[derive(Debug, Clone)]
    pub struct Attempt {
        pub id: i64,
        pub public_id: String,
        pub client_id: i64,
        pub invoice_id: i64,
        pub pay_method_id: Option<i64>,
        pub gateway: String,
        pub currency: Currency,
        pub amount: i64,
        pub way: Way,
        pub slot_on: Option<Date>,
        pub state: AttemptState,
        pub external_id: Option<String>,
        /// The provider's id of its page.
        pub page_id: Option<String>,
        /// The method that is entered on the page is kept.
        pub keep_method: bool,
        pub code: String,
        pub reason: String,
        /// Where the client has to go.
        pub action_url: Option<String>,
        pub transaction_id: Option<i64>,
        pub started_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

impl Attempt {
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }

    pub fn is_settled(&self) -> bool {
        matches!(self.state, AttemptState::Succeeded | AttemptState::Declined | AttemptState::Failed)
    }

    /// It can still be completed by the client.
    pub fn waits(&self) -> bool {
        self.state == AttemptState::ActionRequired
    }

    /// It takes what is owed on its invoice now, neither more nor less.
    pub fn fits(&self, invoice: &Invoice) -> bool {
        invoice.is_open() && invoice.balance == self.amount
    }

    /// It would take more than is owed on its invoice by now.
    fn is_too_much(&self, invoice: &Invoice) -> bool {
        !invoice.is_open() || invoice.balance < self.amount
    }
}

/// Announced when a client who is away must authenticate a payment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ActionNeeded {
    pub attempt_id: i64,
    pub invoice_id: i64,
    pub client_id: i64,
}

impl platform::Lasting for ActionNeeded {
    const NAME: &'static str = "billing.action_needed";

    fn subject(&self) -> String {
        format!("invoice:{}", self.invoice_id)
    }
}

/// Announced when a charge was declined and the client was not there to see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CaptureDeclined {
    pub attempt_id: i64,
    pub invoice_id: i64,
    pub client_id: i64,
}

impl platform::Lasting for CaptureDeclined {
    const NAME: &'static str = "billing.capture_declined";

    fn subject(&self) -> String {
        format!("invoice:{}", self.invoice_id)
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Attempt> {
    let sql = format!("SELECT {} FROM payment_attempts WHERE id = $1", Attempt::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Payment attempt"))
}

/// The attempts of an invoice, the latest first.
pub async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Attempt>> {
    let sql = format!("SELECT {} FROM payment_attempts WHERE invoice_id = $1 ORDER BY id DESC", Attempt::columns(""));
    conn.all(&sql, params![invoice_id]).await
}

/// The attempt with a public id at a gateway.
pub async fn by_public_id(conn: &mut Conn, gateway: &str, public_id: &str) -> Result<Option<Attempt>> {
    let sql = format!("SELECT {} FROM payment_attempts WHERE public_id = $1 AND gateway = $2", Attempt::columns(""));
    conn.optional(&sql, params![public_id, gateway]).await
}

/// How one attempt ended, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Succeeded {
        amount: Money,
    },
    Pending,
    Declined {
        reason: String,
    },
    ActionRequired,
    Unknown {
        reason: String,
    },
    NotSent {
        reason: String,
    },
    /// Paid, attempted or changed meanwhile: there was nothing to do.
    Nothing,
}

impl Ended {
    /// What happened, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Ended::Succeeded { amount } => format!("{amount} was charged."),
            Ended::Pending => "The gateway has taken the charge on and will tell how it ends.".to_owned(),
            Ended::Declined { reason } => format!("The charge was declined: {reason}"),
            Ended::ActionRequired => "The client must authenticate the payment.".to_owned(),
            Ended::Unknown { reason } => {
                format!("The gateway did not answer ({reason}). It is asked what became of the charge.")
            }
            Ended::NotSent { reason } => format!("The charge was not carried out: {reason}"),
            Ended::Nothing => "There was nothing to charge.".to_owned(),
        }
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            Ended::Succeeded { .. } => "succeeded",
            Ended::Pending => "pending",
            Ended::Declined { .. } => "declined",
            Ended::ActionRequired => "action_required",
            Ended::Unknown { .. } => "unknown",
            Ended::NotSent { .. } => "failed",
            Ended::Nothing => "nothing",
        }
    }
}
