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
pub mod jobs;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::jobs::NewJob;
use platform::{App, params, record};
use serde_json::json;

use crate::credits::{self, CreditKind, NewMovement};
use crate::currencies;
use crate::gateways::{self, GatewayError, Gateways, LogLine, RefundOutcome, RefundRequest};
use crate::invoices::{self, Invoice, InvoiceStatus};
use crate::ledger::{self, Account, Entry};
use crate::notes::{self, Selection};
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

/// Where the money of a payment is, as far as it can be given back. Nothing for what is no client's payment.
pub async fn available(conn: &mut Conn, transaction: &Transaction) -> Result<Vec<Available>> {
    let Some(client_id) = transaction.client_id.filter(|_| transaction.kind == TransactionKind::Payment) else {
        return Ok(Vec::new());
    };
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
    let Some(client_id) = transaction.client_id.filter(|_| transaction.kind == TransactionKind::Payment) else {
        return Err(Error::refused("Only a client's payment can be refunded."));
    };
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
    let held = hold(tx, by, terms, &transaction, client_id, &new, &reason).await?;
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
            to_credit(tx, by, &refund, terms).await?;
            store::set(tx, &refund, RefundState::Succeeded, None, "", terms.now).await?;
        }
        Method::Manual => {
            book_hold(tx, &refund, terms).await?;
            complete(tx, &refund, &reference, None, terms.today, terms.now).await?;
        }
        Method::Gateway => {
            book_hold(tx, &refund, terms).await?;
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

/// Takes the money away from where it is: the client's credit, or the invoice that it had settled. Answers the credit note
/// if one was written.
async fn hold(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    transaction: &Transaction,
    client_id: i64,
    new: &NewRefund,
    reason: &str,
) -> Result<Option<i64>> {
    let mut note_id = None;
    if let Source::Invoice(id) = new.source {
        let invoice = invoices::find(tx, id).await?;
        if invoice.is_open() {
            owe_again(tx, transaction.id, &invoice, new.amount, terms.now).await?;
            return Ok(None);
        }
        let selection = Selection::Amount(new.amount);
        let noted = notes::credit(tx, &by.in_consequence(), terms, id, &selection, reason).await?;
        if noted.to_credit != new.amount {
            return Err(Error::broken(format!("refund: note {} made credit of {} only", noted.id, noted.to_credit)));
        }
        note_id = Some(noted.id);
    }
    if new.method != Method::Credit {
        let description = format!("Refund of payment {}", transaction.id);
        move_credit(
            tx,
            by,
            client_id,
            transaction.id,
            new.amount.checked_neg()?,
            CreditKind::Refunded,
            &description,
            terms,
        )
        .await?;
    }
    Ok(note_id)
}

/// A part of a payment no longer settles an open invoice.
async fn owe_again(
    tx: &mut Locked<'_>,
    transaction_id: i64,
    invoice: &Invoice,
    amount: Money,
    now: Timestamp,
) -> Result<()> {
    if invoice.status == InvoiceStatus::PaymentPending {
        return Err(Error::refused("A charge of this invoice is under way. Wait for its outcome."));
    }
    tx.execute(
        "INSERT INTO allocations (transaction_id, invoice_id, amount) VALUES ($1, $2, $3)",
        params![transaction_id, invoice.id, amount.checked_neg()?.minor],
    )
    .await?;
    tx.execute(
        "UPDATE invoices SET balance = balance + $2, updated_at = $3 WHERE id = $1",
        params![invoice.id, amount.minor, now],
    )
    .await?;
    Ok(())
}

async fn move_credit(
    tx: &mut Locked<'_>,
    by: &Actor,
    client_id: i64,
    transaction_id: i64,
    amount: Money,
    kind: CreditKind,
    description: &str,
    terms: &Terms,
) -> Result<()> {
    let movement = NewMovement {
        client_id,
        amount,
        kind,
        description,
        invoice_id: None,
        transaction_id: Some(transaction_id),
        by,
        on: terms.today,
    };
    credits::write(tx, movement, terms.now).await.map(|_| ())
}

/// Whether the money was credit of the client when it was held: at once, or by the note.
fn was_credit(refund: &Refund) -> bool {
    refund.invoice_id.is_none() || refund.note_id.is_some()
}

async fn book_hold(tx: &mut Locked<'_>, refund: &Refund, terms: &Terms) -> Result<()> {
    let entry = Entry::new(format!("refund_hold:{}", refund.id), "refund_hold", Some(refund.client_id), terms.today);
    let entry = if was_credit(refund) {
        entry.debit(Account::Credit, None, refund.money())
    } else {
        entry.debit(Account::Receivable, refund.invoice_id, refund.money())
    };
    ledger::book(tx, &[entry.credit(Account::Refunds, None, refund.money())], terms.now).await
}

/// Makes credit of what had settled an open invoice. What a note has made credit of is credit by then.
async fn to_credit(tx: &mut Locked<'_>, by: &Actor, refund: &Refund, terms: &Terms) -> Result<()> {
    if was_credit(refund) {
        return Ok(());
    }
    let description = format!("Payment {} turned into credit", refund.transaction_id);
    let (client_id, payment) = (refund.client_id, refund.transaction_id);
    move_credit(tx, by, client_id, payment, refund.money(), CreditKind::Overpayment, &description, terms).await?;
    let entry = Entry::new(format!("refund_credit:{}", refund.id), "refund_credit", Some(client_id), terms.today)
        .debit(Account::Receivable, refund.invoice_id, refund.money())
        .credit(Account::Credit, None, refund.money());
    ledger::book(tx, &[entry], terms.now).await
}

/// The money has left: a transaction of its own.
async fn complete(
    tx: &mut Locked<'_>,
    refund: &Refund,
    reference: &str,
    external_id: Option<&str>,
    today: Date,
    now: Timestamp,
) -> Result<()> {
    // Staff may have recorded the same id by hand before; the money is this refund's all the same.
    let known = match external_id {
        Some(id) => payments::by_external_id(tx, &refund.gateway, id).await?.is_some(),
        None => false,
    };
    let rate = currencies::find(tx, refund.currency).await?.rate;
    let description = if refund.reason.is_empty() {
        format!("Refund of payment {}", refund.transaction_id)
    } else {
        refund.reason.clone()
    };
    let transaction_id: i64 = tx
        .scalar(
            "INSERT INTO transactions (client_id, gateway, external_id, reference, kind, currency, amount_in, \
             amount_out, fees, rate, description, occurred_on, invoice_id, refund_of, created_at) \
             VALUES ($1, $2, $3, $4, 'refund', $5, 0, $6, 0, $7, $8, $9, $10, $11, $12) RETURNING id",
            params![
                refund.client_id,
                refund.gateway,
                external_id.filter(|_| !known),
                reference,
                refund.currency,
                refund.amount,
                rate,
                description,
                today,
                refund.invoice_id,
                refund.transaction_id,
                now
            ],
        )
        .await?;
    let gone = refund.money().checked_neg()?;
    let entry = Entry::new(format!("refund:{transaction_id}"), "refund", Some(refund.client_id), today)
        .debit(Account::Refunds, None, refund.money())
        .post(Account::Clearing, &refund.gateway, None, gone);
    ledger::book(tx, &[entry], now).await?;
    store::set(tx, refund, RefundState::Succeeded, external_id, "", now).await?;
    tx.execute("UPDATE refunds SET refund_transaction_id = $2 WHERE id = $1", params![refund.id, transaction_id])
        .await?;
    if let (Some(invoice_id), Some(_)) = (refund.invoice_id, refund.note_id) {
        let nothing_left = notes::left(tx, invoice_id).await?.iter().all(|left| left.gross() == 0);
        if nothing_left {
            tx.execute(
                "UPDATE invoices SET status = 'refunded', refunded_at = $2, updated_at = $2 \
                 WHERE id = $1 AND status = 'paid'",
                params![invoice_id, now],
            )
            .await?;
        }
    }
    tx.announce(&PaymentRefunded { refund_id: refund.id, client_id: refund.client_id }, now).await
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

/// The money stays: it is credit of the client again, and pays the invoice again that had been settled with it. While a
/// charge of that invoice is under way it stays credit: the charge may pay the same.
async fn fail(tx: &mut Locked<'_>, refund: &Refund, message: &str, terms: &Terms) -> Result<()> {
    let by = Actor::system("Refund");
    let kind = if was_credit(refund) { CreditKind::Refunded } else { CreditKind::Overpayment };
    let description = format!("Refund {} failed", refund.id);
    let (client_id, payment, amount) = (refund.client_id, refund.transaction_id, refund.money());
    move_credit(tx, &by, client_id, payment, amount, kind, &description, terms).await?;
    let entry = Entry::new(format!("refund_release:{}", refund.id), "refund_release", Some(client_id), terms.today)
        .debit(Account::Refunds, None, amount)
        .credit(Account::Credit, None, amount);
    ledger::book(tx, &[entry], terms.now).await?;
    store::set(tx, refund, RefundState::Failed, None, message, terms.now).await?;
    if let Some(invoice_id) = refund.invoice_id.filter(|_| refund.note_id.is_none()) {
        let invoice = invoices::find(tx, invoice_id).await?;
        let part = invoice.money(invoice.balance.min(amount.minor));
        let is_free = invoice.status == InvoiceStatus::Unpaid && !invoices::is_charge_under_way(tx, invoice_id).await?;
        if is_free && part.is_positive() {
            credits::apply(tx, &by, invoice_id, part, terms.today, terms.now).await?;
        }
    }
    let activity = Activity::new(format!("Refund of {amount} failed: {message}")).client(client_id);
    activity_log::record(tx, &by, activity.about(subject(refund)), terms.now).await
}

/// Steps two and three: the gateway is asked and its answer is written. Goes on when whoever asked has left. What goes
/// wrong here is no refusal of the refund, which is begun and has its job: the answer is the refund as it is then, so that
/// nobody takes it for refused and begins another.
pub async fn send(app: &App, refund_id: i64) -> Result<Refund> {
    let itself = app.clone();
    let work = tokio::spawn(async move { ask(&itself, refund_id, Asking::First).await });
    let error = match work.await {
        Ok(Ok(refund)) => return Ok(refund),
        Ok(Err(error)) => error,
        Err(panic) => Error::broken(format!("refund: {panic}")),
    };
    tracing::error!(refund = refund_id, %error, "a refund is begun, but what came of it was not written; its job asks");
    find(&mut app.db.read().await?, refund_id).await
}

/// Whether the gateway may know of the refund from an earlier call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    First,
    Again,
}

async fn ask(app: &App, refund_id: i64, asking: Asking) -> Result<Refund> {
    let mut conn = app.db.read().await?;
    let refund = find(&mut conn, refund_id).await?;
    if refund.is_settled() {
        return Ok(refund);
    }
    let payment = payments::find(&mut conn, refund.transaction_id).await?;
    let gateway = app.get::<Gateways>()?.find(&refund.gateway)?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    drop(conn);
    let request = RefundRequest {
        refund: refund.public_id.clone(),
        payment: payment.external_id.unwrap_or_default(),
        amount: refund.money(),
    };
    app.wake.notify_waiters();
    let answer = match asking {
        Asking::First => gateway.refund(&config, request).await,
        Asking::Again => match gateway.look_up_refund(&config, &request).await {
            Ok(Some(outcome)) => Ok(outcome),
            // What a restored backup has not seen may have been done by another refund since.
            Ok(None) if restores::hold(&mut app.db.read().await?).await?.is_some() => {
                Err(GatewayError::Unknown("payments are on hold".to_owned()))
            }
            Ok(None) => gateway.refund(&config, request).await,
            Err(error) => Err(error),
        }
        // That this question was not carried out says nothing of an earlier call.
        .map_err(|error| GatewayError::Unknown(error.to_string())),
    };
    conclude(app, refund_id, answer).await
}

/// Writes the gateway's answer. Concluding a settled refund again does nothing.
async fn conclude(app: &App, refund_id: i64, answer: Result<RefundOutcome, GatewayError>) -> Result<Refund> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, now).await?;
    let seen = find(&mut tx, refund_id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let refund = find(&mut locked, refund_id).await?;
    if refund.is_settled() {
        return Ok(refund);
    }
    let (result, detail) = match &answer {
        Ok(outcome) => ("answer", outcome.told()),
        Err(error) => ("error", error.to_string()),
    };
    let line = LogLine {
        gateway: &refund.gateway,
        what: "refund",
        result,
        client_id: Some(refund.client_id),
        invoice_id: refund.invoice_id,
        detail: format!("refund {} of {}: {detail}", refund.public_id, refund.money()),
    };
    gateways::log(&mut locked, line, now).await?;
    match answer {
        Ok(RefundOutcome::Succeeded { external_id }) => {
            complete(&mut locked, &refund, &external_id, Some(&external_id), terms.today, now).await?;
        }
        Ok(RefundOutcome::Pending { external_id }) => {
            store::set(&mut locked, &refund, RefundState::Pending, Some(&external_id), "", now).await?;
        }
        Ok(RefundOutcome::Refused { reason }) => fail(&mut locked, &refund, &reason, &terms).await?,
        Err(GatewayError::Unknown(reason)) => {
            // One that the gateway has acknowledged stays so.
            let state = if refund.state == RefundState::Pending { RefundState::Pending } else { RefundState::Unknown };
            store::set(&mut locked, &refund, state, None, &reason, now).await?;
        }
        Err(error) => fail(&mut locked, &refund, &error.to_string(), &terms).await?,
    }
    let refund = find(&mut locked, refund_id).await?;
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(refund)
}

/// How an event names a refund.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub gateway: &'a str,
    /// Our id, where the gateway repeats it.
    pub refund: Option<&'a str>,
    pub payment: &'a str,
    pub external_id: &'a str,
}

/// What became of an event about a refund.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// It is in the books as the gateway says.
    Known,
    /// It is not ours, and no money has moved.
    Nothing,
    /// Somebody has to look, for this reason.
    Look(String),
}

/// What the gateway tells by itself of a refund.
pub(crate) async fn reported(app: &App, told: Told<'_>, amount: Money, outcome: RefundOutcome) -> Result<Reported> {
    let mut conn = app.db.read().await?;
    let named = store::named(&mut conn, told.gateway, told.refund, told.external_id).await?;
    drop(conn);
    if let Some(refund) = named {
        return of_ours(app, refund, amount, outcome).await;
    }
    let mut conn = app.db.read().await?;
    let open = store::open_of_payment(&mut conn, told.gateway, told.payment).await?;
    drop(conn);
    for id in open {
        ask(app, id, Asking::Again).await?;
    }
    let mut conn = app.db.read().await?;
    if store::is_known(&mut conn, told.gateway, told.external_id).await? {
        return Ok(Reported::Known);
    }
    Ok(match outcome {
        RefundOutcome::Succeeded { .. } => Reported::Look(format!(
            "A refund of {amount} of payment {} was made at the gateway and is not in the books. Record it by hand with \
             that payment.",
            told.payment
        )),
        RefundOutcome::Pending { .. } | RefundOutcome::Refused { .. } => Reported::Nothing,
    })
}

async fn of_ours(app: &App, refund: Refund, amount: Money, outcome: RefundOutcome) -> Result<Reported> {
    let ours = refund.money();
    if amount != ours {
        return Ok(Reported::Look(format!("The gateway speaks of {amount}, our refund {} is of {ours}.", refund.id)));
    }
    match (refund.state, &outcome) {
        (RefundState::Succeeded, RefundOutcome::Refused { reason }) => Ok(Reported::Look(format!(
            "Refund {} of {ours} is booked as done, but failed at the gateway afterwards: {reason} The money is with the \
             gateway again. Send it in another way, or record it as income and give the client credit.",
            refund.id
        ))),
        (RefundState::Failed, RefundOutcome::Succeeded { .. }) => Ok(Reported::Look(format!(
            "Refund {} of {ours} was booked as failed and the money became the client's credit again, but the gateway has \
             carried it out. Take the credit back.",
            refund.id
        ))),
        _ => {
            conclude(app, refund.id, Ok(outcome)).await?;
            Ok(Reported::Known)
        }
    }
}
