//! Refunds: money of a payment that goes back to the client.
//!
//! What must hold, whatever crashes, times out or runs twice:
//! - The refund's row is committed before the provider is called, and its id is the provider's idempotency key.
//! - From then on the money is held: neither the client's credit nor the invoice has it any more. A refund that fails
//!   makes credit of it again; one that succeeds is a transaction.
//! - All refunds of a payment together are at most the payment.
//! - An invoice that was paid is corrected by a credit note, which makes credit of the money; the refund pays the credit
//!   out. An invoice that is still open needs no note: it is owed again.
//!
//! What surprises: a refund whose answer was lost is looked up first. What the gateway does not have is asked for again
//! with the same id, which gateways promise to do once.

pub mod admin;
pub mod api;
mod held;
pub mod jobs;
mod outcome;
mod store;
#[cfg(test)]
mod tests;
mod told;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::Locked;
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::jobs::NewJob;
use platform::{App, record};
use serde_json::json;

pub use self::outcome::send;
pub(crate) use self::told::{Reported, Told, reported};
use crate::credits;
use crate::gateways::Gateways;
use crate::invoices::{self, InvoiceStatus};
use crate::notes;
use crate::payments::{self, Transaction, TransactionKind};
use crate::restores;
use crate::terms::Terms;

pub const REFUND: Permission = Permission("Refund Invoice Payments");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes())
}

kernel::text_enum! {
    /// How the money goes back.
    pub enum Method {
        /// The gateway sends it back to where it came from.
        Gateway = "gateway",
        /// Staff have sent it; it is only recorded.
        Manual = "manual",
        /// It becomes credit of the client.
        Credit = "credit",
    }
}
kernel::text_enum! {
    pub enum RefundState {
        /// Written before the provider is called.
        Intent = "intent",
        /// The call broke off: it may or may not have been carried out.
        Unknown = "unknown",
        /// In the provider's hands.
        Pending = "pending",
        Succeeded = "succeeded",
        Failed = "failed",
    }
}
platform::enum_column!(Method, RefundState);

record! {
    #[derive(Debug, Clone)]
    pub struct Refund {
        pub id: i64,
        pub public_id: String,
        pub transaction_id: i64,
        pub client_id: i64,
        pub invoice_id: Option<i64>,
        pub note_id: Option<i64>,
        pub gateway: String,
        pub currency: Currency,
        pub amount: i64,
        pub method: Method,
        pub state: RefundState,
        pub external_id: Option<String>,
        pub reason: String,
        pub message: String,
        pub refund_transaction_id: Option<i64>,
        pub requested_by: String,
        pub created_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

impl Refund {
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }

    /// Whether money left by it, or is held to leave.
    pub fn counts(&self) -> bool {
        self.state != RefundState::Failed && self.method != Method::Credit
    }

    pub fn is_settled(&self) -> bool {
        matches!(self.state, RefundState::Succeeded | RefundState::Failed)
    }
}

/// Where the money of a payment is that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It became credit of the client.
    Credit,
    /// It settled this invoice.
    Invoice(i64),
}

/// A place of a payment's money and how much of it can be given back from there.
#[derive(Debug, Clone)]
pub struct Available {
    pub source: Source,
    /// The invoice's number; empty for credit.
    pub number: String,
    /// The invoice was paid: a credit note is written.
    pub with_note: bool,
    pub most: Money,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewRefund {
    pub transaction_id: i64,
    pub source: Source,
    pub amount: Money,
    pub method: Method,
    /// The bank's id of what staff have sent; only by hand.
    pub reference: String,
    pub reason: String,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Refund> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Refund"))
}

/// The refunds of a payment, oldest first.
pub async fn of_transaction(conn: &mut Conn, transaction_id: i64) -> Result<Vec<Refund>> {
    store::of_transaction(conn, transaction_id).await
}

/// Whose money it is. What is no client's payment cannot be refunded.
pub fn client_of(transaction: &Transaction) -> Result<i64> {
    let client_id = transaction.client_id.filter(|_| transaction.kind == TransactionKind::Payment);
    client_id.ok_or_else(|| Error::refused("Only a client's payment can be refunded."))
}

/// Where the money of a payment is, as far as it can be given back. Nothing for what is no client's payment.
pub async fn available(conn: &mut Conn, transaction: &Transaction) -> Result<Vec<Available>> {
    let Ok(client_id) = client_of(transaction) else { return Ok(Vec::new()) };
    let money = |minor: i64| Money::new(minor, transaction.currency);
    let remaining = transaction.amount_in - store::given_back(conn, transaction.id).await?;
    let mut found = Vec::new();
    let credit = credits::balance(conn, client_id, transaction.currency).await?;
    let made_credit = store::made_credit(conn, transaction.id).await?;
    let most = made_credit.min(credit.minor).min(remaining);
    if most > 0 {
        found.push(Available { source: Source::Credit, number: String::new(), with_note: false, most: money(most) });
    }
    for (invoice_id, allocated) in store::allocated(conn, transaction.id).await? {
        let invoice = invoices::find(conn, invoice_id).await?;
        let with_note = invoice.status == InvoiceStatus::Paid;
        let most = match invoice.status {
            InvoiceStatus::Draft | InvoiceStatus::Cancelled | InvoiceStatus::Refunded => 0,
            InvoiceStatus::Paid => {
                let left = notes::left(conn, invoice_id).await?;
                let gross = Money::sum(left.iter().map(|left| money(left.gross())), transaction.currency)?;
                allocated.min(gross.minor).min(remaining)
            }
            _ => allocated.min(remaining),
        };
        if most > 0 {
            let source = Source::Invoice(invoice_id);
            found.push(Available { source, number: invoice.title(), with_note, most: money(most) });
        }
    }
    Ok(found)
}

/// Whether the gateway can send the money of this payment back.
pub fn gateway_can(app: &App, transaction: &Transaction) -> Result<bool> {
    let modules = app.get::<Gateways>()?;
    let able = modules.find(&transaction.gateway).is_ok_and(|module| module.capabilities().refunds);
    Ok(able && transaction.external_id.is_some())
}

/// Step one: the refund is written and its money held, in the caller's transaction. By hand and to credit it is done with
/// that; by the gateway [`send`] is the next step, after the commit.
pub async fn begin(tx: &mut Locked<'_>, app: &App, by: &Actor, terms: &Terms, new: NewRefund) -> Result<Refund> {
    let transaction = payments::find(tx, new.transaction_id).await?;
    let client_id = client_of(&transaction)?;
    tx.check(client_id)?;
    let reason = kernel::single_line(&new.reason, 500).map_err(|text| Error::invalid("reason", text))?;
    let reference = kernel::single_line(&new.reference, 255).map_err(|text| Error::invalid("reference", text))?;
    if new.amount.currency != transaction.currency {
        return Err(Error::invalid("amount", format!("Use the payment's currency, {}.", transaction.currency)));
    }
    if !new.amount.is_positive() {
        return Err(Error::invalid("amount", "Write an amount greater than nought."));
    }
    if new.method == Method::Credit && new.source == Source::Credit {
        return Err(Error::refused("This money is credit of the client already."));
    }
    if new.method == Method::Gateway && !gateway_can(app, &transaction)? {
        return Err(Error::refused(format!(
            "{} cannot send this payment back. Send the money yourself and record the refund by hand.",
            transaction.gateway
        )));
    }
    if new.method == Method::Gateway {
        restores::refuse_on_hold(tx).await?;
    }
    let places = available(tx, &transaction).await?;
    let Some(place) = places.iter().find(|place| place.source == new.source) else {
        return Err(Error::refused("Nothing of this payment is left there that could be refunded."));
    };
    if new.amount.minor > place.most.minor {
        return Err(Error::invalid("amount", format!("At most {} can be refunded from there.", place.most)));
    }
    let held = held::hold(tx, by, terms, &transaction, client_id, &new, &reason).await?;
    let refund = Refund {
        id: 0,
        public_id: app.random.uuid(terms.now).to_string(),
        transaction_id: transaction.id,
        client_id,
        invoice_id: match new.source {
            Source::Invoice(id) => Some(id),
            Source::Credit => None,
        },
        note_id: held,
        gateway: transaction.gateway.clone(),
        currency: transaction.currency,
        amount: new.amount.minor,
        method: new.method,
        state: RefundState::Intent,
        external_id: None,
        reason,
        message: String::new(),
        refund_transaction_id: None,
        requested_by: by.name.clone(),
        created_at: terms.now,
        finished_at: None,
    };
    let id = store::insert(tx, &refund).await?;
    let refund = Refund { id, ..refund };
    let text = format!("Refund of {} of payment {}: {}", new.amount, transaction.id, new.method.as_str());
    let activity = Activity::new(text).client(client_id).about(subject(&refund));
    activity_log::record(tx, by, activity, terms.now).await?;
    match new.method {
        Method::Credit => {
            held::to_credit(tx, by, &refund, terms).await?;
            store::set(tx, &refund, RefundState::Succeeded, None, "", terms.now).await?;
        }
        Method::Manual => {
            held::book_hold(tx, &refund, terms).await?;
            outcome::complete(tx, &refund, &reference, None, terms.today, terms.now).await?;
        }
        Method::Gateway => {
            held::book_hold(tx, &refund, terms).await?;
            let owner = NewJob::now(jobs::RESOLVE, json!({ "refund": id }), terms.now)
                .keyed(format!("refund:{id}"))
                .about(subject(&refund))
                .at(terms.now.plus_seconds(jobs::FIRST_LOOK))
                .attempts(1000);
            platform::jobs::enqueue(tx, owner, terms.now).await?;
        }
    }
    find(tx, id).await
}

fn subject(refund: &Refund) -> String {
    match refund.invoice_id {
        Some(id) => format!("invoice:{id}"),
        None => format!("transaction:{}", refund.transaction_id),
    }
}

/// Announced when money has gone back to a client.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PaymentRefunded {
    pub refund_id: i64,
    pub client_id: i64,
}

impl platform::Lasting for PaymentRefunded {
    const NAME: &'static str = "billing.payment_refunded";

    fn subject(&self) -> String {
        format!("refund:{}", self.refund_id)
    }
}
