//! Steps two and three of a refund by the gateway: the question and what its answer does.

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use kernel::{Date, Error, Result, Timestamp};
use platform::App;

use super::store::{self, PaidOut};
use super::{PaymentRefunded, Refund, RefundState, find, held, subject};
use crate::credits;
use crate::currencies;
use crate::gateways::{self, GatewayError, Gateways, LogLine, RefundOutcome, RefundRequest};
use crate::invoices::{self, InvoiceStatus};
use crate::ledger::{self, Account, Entry};
use crate::notes;
use crate::payments;
use crate::restores;
use crate::terms::Terms;

/// The gateway is asked and its answer is written. Goes on when whoever asked has left. What goes
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
pub(super) enum Asking {
    First,
    Again,
}

pub(super) async fn ask(app: &App, refund_id: i64, asking: Asking) -> Result<Refund> {
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
pub(super) async fn conclude(app: &App, refund_id: i64, answer: Result<RefundOutcome, GatewayError>) -> Result<Refund> {
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

/// The money has left: a transaction of its own.
pub(super) async fn complete(
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
    let paid_out = PaidOut {
        external_id: external_id.filter(|_| !known),
        reference,
        rate: &rate,
        description: &description,
        today,
    };
    let transaction_id = store::insert_transaction(tx, refund, &paid_out, now).await?;
    let gone = refund.money().checked_neg()?;
    let entry = Entry::new(format!("refund:{transaction_id}"), "refund", Some(refund.client_id), today)
        .debit(Account::Refunds, None, refund.money())
        .post(Account::Clearing, &refund.gateway, None, gone);
    ledger::book(tx, &[entry], now).await?;
    store::set(tx, refund, RefundState::Succeeded, external_id, "", now).await?;
    store::set_transaction(tx, refund.id, transaction_id).await?;
    if let (Some(invoice_id), Some(_)) = (refund.invoice_id, refund.note_id) {
        let nothing_left = notes::left(tx, invoice_id).await?.iter().all(|left| left.gross() == 0);
        if nothing_left {
            store::set_invoice_refunded(tx, invoice_id, now).await?;
        }
    }
    tx.announce(&PaymentRefunded { refund_id: refund.id, client_id: refund.client_id }, now).await
}

/// The money stays: it is credit of the client again, and pays the invoice again that had been settled with it. While a
/// charge of that invoice is under way it stays credit: the charge may pay the same.
async fn fail(tx: &mut Locked<'_>, refund: &Refund, message: &str, terms: &Terms) -> Result<()> {
    let by = Actor::system("Refund");
    let amount = refund.money();
    held::release(tx, &by, refund, terms).await?;
    store::set(tx, refund, RefundState::Failed, None, message, terms.now).await?;
    if let Some(invoice_id) = refund.invoice_id.filter(|_| refund.note_id.is_none()) {
        let invoice = invoices::find(tx, invoice_id).await?;
        let part = invoice.money(invoice.balance.min(amount.minor));
        let is_free = invoice.status == InvoiceStatus::Unpaid && !invoices::is_charge_under_way(tx, invoice_id).await?;
        if is_free && part.is_positive() {
            credits::apply(tx, &by, invoice_id, part, terms.today, terms.now).await?;
        }
    }
    let activity = Activity::new(format!("Refund of {amount} failed: {message}")).client(refund.client_id);
    activity_log::record(tx, &by, activity.about(subject(refund)), terms.now).await
}
