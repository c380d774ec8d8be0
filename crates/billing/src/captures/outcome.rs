//! Writing what came of an attempt, once, whoever tells of it.

#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use kernel::{Date, Error, Money, Result, Timestamp};
use platform::{App, params};

use super::{ActionNeeded, Attempt, AttemptState, CaptureDeclined, Ended, Way, find};
use crate::credits;
use crate::gateways::{self, GatewayError, LogLine, Outcome, card_numbers};
use crate::invoices::{self, InvoiceStatus};
use crate::payments::{self, Duplicate, NewPayment, Transaction, TransactionKind};
use crate::terms::Terms;

/// Step three: the answer is written. Concluding an attempt again with the same answer does nothing, and of what comes
/// late only money changes what is settled.
pub async fn conclude(app: &App, by: &Actor, attempt_id: i64, answer: Result<Outcome, GatewayError>) -> Result<Ended> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, now).await?;
    let seen = find(&mut tx, attempt_id).await?;
    let ended = {
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        let attempt = find(&mut locked, attempt_id).await?;
        write(&mut locked, by, &attempt, answer, terms.today, now).await?
    };
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(ended)
}

async fn write(
    tx: &mut Locked<'_>,
    by: &Actor,
    attempt: &Attempt,
    answer: Result<Outcome, GatewayError>,
    today: Date,
    now: Timestamp,
) -> Result<Ended> {
    let money_came = matches!(answer, Ok(Outcome::Succeeded { .. }));
    if attempt.state == AttemptState::Succeeded {
        return Ok(Ended::Succeeded { amount: attempt.money() });
    }
    if attempt.is_settled() && !money_came {
        return Ok(settled_before(attempt));
    }
    log(tx, attempt, &answer, now).await?;
    tx.execute("UPDATE invoices SET last_capture_at = $2 WHERE id = $1", params![attempt.invoice_id, now]).await?;
    match answer {
        Ok(Outcome::Succeeded { external_id, fee }) => succeeded(tx, by, attempt, &external_id, fee, today, now).await,
        Ok(Outcome::Pending { external_id }) => pending(tx, attempt, &external_id, now).await,
        Ok(Outcome::Declined { external_id, code, reason }) => {
            declined(tx, attempt, external_id.as_deref(), &code, &reason, now).await
        }
        Ok(Outcome::ActionRequired { external_id, url }) => {
            waits_for_client(tx, attempt, &external_id, url.as_deref(), now).await
        }
        Err(GatewayError::Unknown(reason)) => {
            set(tx, attempt, Change { reason: &reason, ..Change::to(AttemptState::Unknown) }, now).await?;
            Ok(Ended::Unknown { reason })
        }
        Err(error) => {
            let reason = error.to_string();
            not_carried_out(tx, attempt, &reason, now).await?;
            Ok(Ended::NotSent { reason })
        }
    }
}

fn settled_before(attempt: &Attempt) -> Ended {
    let reason = attempt.reason.clone();
    if attempt.state == AttemptState::Declined { Ended::Declined { reason } } else { Ended::NotSent { reason } }
}

async fn log(
    tx: &mut Locked<'_>,
    attempt: &Attempt,
    answer: &Result<Outcome, GatewayError>,
    now: Timestamp,
) -> Result<()> {
    let (result, detail) = match answer {
        Ok(outcome) => ("answer", format!("{outcome:?}")),
        Err(error) => ("error", error.to_string()),
    };
    let line = LogLine {
        gateway: &attempt.gateway,
        what: "charge",
        result,
        client_id: Some(attempt.client_id),
        invoice_id: Some(attempt.invoice_id),
        detail: format!("attempt {} of {}: {detail}", attempt.public_id, attempt.money()),
    };
    gateways::log(tx, line, now).await
}

/// Books the money, wherever the invoice is by now: what has arrived must have a place.
async fn succeeded(
    tx: &mut Locked<'_>,
    by: &Actor,
    attempt: &Attempt,
    external_id: &str,
    fee: Option<Money>,
    today: Date,
    now: Timestamp,
) -> Result<Ended> {
    let amount = attempt.money();
    unpend(tx, attempt.invoice_id, now).await?;
    let known = payments::by_external_id(tx, &attempt.gateway, external_id).await?;
    if let Some(other) = known.as_ref().filter(|known| !is_payment_of(known, attempt)) {
        return in_the_way(tx, attempt, other, now).await;
    }
    let transaction_id = match &known {
        Some(known) => known.id,
        None => {
            let invoice = invoices::find(tx, attempt.invoice_id).await?;
            let takes_money = !matches!(invoice.status, InvoiceStatus::Cancelled | InvoiceStatus::Draft);
            let fees = fee
                .filter(|fee| fee.currency == amount.currency && !fee.is_negative() && fee.minor <= amount.minor)
                .unwrap_or(Money::zero(amount.currency));
            let new = NewPayment {
                client_id: attempt.client_id,
                gateway: attempt.gateway.clone(),
                external_id: external_id.to_owned(),
                duplicate: Duplicate::Refuse,
                amount,
                fees,
                occurred_on: today,
                description: format!("Invoice payment ({})", invoice.title()),
                invoices: if takes_money { vec![attempt.invoice_id] } else { Vec::new() },
            };
            payments::record(tx, by, new, now).await?.transaction_id
        }
    };
    let change = Change { external_id: Some(external_id), ..Change::to(AttemptState::Succeeded) };
    set(tx, attempt, change, now).await?;
    tx.execute("UPDATE payment_attempts SET transaction_id = $2 WHERE id = $1", params![attempt.id, transaction_id])
        .await?;
    if let Some(known) = known {
        use_credit_of(tx, by, attempt, &known, today, now).await?;
    }
    Ok(Ended::Succeeded { amount })
}

fn is_payment_of(known: &Transaction, attempt: &Attempt) -> bool {
    known.kind == TransactionKind::Payment
        && known.client_id == Some(attempt.client_id)
        && Money::new(known.amount_in, known.currency) == attempt.money()
}

/// Staff had written the gateway's id on something else. The attempt stays open, so that nothing is charged again, until
/// they have put that right: then asking the gateway once more, or applying its event, books the payment.
async fn in_the_way(tx: &mut Locked<'_>, attempt: &Attempt, other: &Transaction, now: Timestamp) -> Result<Ended> {
    let reason = format!(
        "The gateway has taken {}, and transaction {} has its reference {}, but is not a payment of {} by client {}. Void \
         that transaction or give it another reference.",
        attempt.money(),
        other.id,
        other.reference,
        attempt.money(),
        attempt.client_id
    );
    // One that was refused before is not open any more; another may be.
    if attempt.is_settled() {
        return Err(Error::conflict(reason));
    }
    set(tx, attempt, Change { reason: &reason, ..Change::to(AttemptState::Unknown) }, now).await?;
    Ok(Ended::Unknown { reason })
}

/// A payment that staff had recorded before the gateway told of it pays the invoice that was charged with what of it
/// became credit, as far as that is left.
async fn use_credit_of(
    tx: &mut Locked<'_>,
    by: &Actor,
    attempt: &Attempt,
    known: &Transaction,
    today: Date,
    now: Timestamp,
) -> Result<()> {
    let invoice = invoices::find(tx, attempt.invoice_id).await?;
    let made = payments::store::to_credit(tx, known.id).await?;
    let left = credits::balance(tx, attempt.client_id, attempt.currency).await?;
    let part = invoice.money(made.min(left.minor).min(invoice.balance));
    // While another attempt of the invoice is open the credit stays: what that one takes is not known yet.
    let is_free = invoice.status == InvoiceStatus::Unpaid && !invoices::is_charge_under_way(tx, invoice.id).await?;
    if !is_free || !part.is_positive() {
        return Ok(());
    }
    credits::apply(tx, &by.in_consequence(), invoice.id, part, today, now).await
}

async fn pending(tx: &mut Locked<'_>, attempt: &Attempt, external_id: &str, now: Timestamp) -> Result<Ended> {
    set(tx, attempt, Change { external_id: Some(external_id), ..Change::to(AttemptState::Pending) }, now).await?;
    tx.execute(
        "UPDATE invoices SET status = 'payment_pending', updated_at = $2 WHERE id = $1 AND status = 'unpaid'",
        params![attempt.invoice_id, now],
    )
    .await?;
    Ok(Ended::Pending)
}

async fn declined(
    tx: &mut Locked<'_>,
    attempt: &Attempt,
    external_id: Option<&str>,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Ended> {
    let change = Change { external_id, code, reason, ..Change::to(AttemptState::Declined) };
    let reason = set(tx, attempt, change, now).await?;
    unpend(tx, attempt.invoice_id, now).await?;
    let text = format!("Charge of {} declined: {reason}", attempt.money());
    let activity = Activity::new(text).client(attempt.client_id).about(format!("invoice:{}", attempt.invoice_id));
    activity_log::record(tx, &Actor::system("Capture"), activity, now).await?;
    // A client who was there has seen it, unless the provider took its time. One who was asked to authenticate was there,
    // or we have given it up.
    if (attempt.way == Way::OffSession && !attempt.waits()) || attempt.state == AttemptState::Pending {
        let event =
            CaptureDeclined { attempt_id: attempt.id, invoice_id: attempt.invoice_id, client_id: attempt.client_id };
        tx.announce(&event, now).await?;
    }
    Ok(Ended::Declined { reason })
}

async fn waits_for_client(
    tx: &mut Locked<'_>,
    attempt: &Attempt,
    external_id: &str,
    url: Option<&str>,
    now: Timestamp,
) -> Result<Ended> {
    let change = Change {
        external_id: Some(external_id),
        reason: "The client must authenticate.",
        url,
        ..Change::to(AttemptState::ActionRequired)
    };
    set(tx, attempt, change, now).await?;
    unpend(tx, attempt.invoice_id, now).await?;
    if attempt.way == Way::OffSession && !attempt.waits() {
        let event =
            ActionNeeded { attempt_id: attempt.id, invoice_id: attempt.invoice_id, client_id: attempt.client_id };
        tx.announce(&event, now).await?;
    }
    Ok(Ended::ActionRequired)
}

/// The slot is free again: nothing was attempted in the client's eyes.
async fn not_carried_out(tx: &mut Locked<'_>, attempt: &Attempt, reason: &str, now: Timestamp) -> Result<()> {
    set(tx, attempt, Change { reason, ..Change::to(AttemptState::Failed) }, now).await?;
    unpend(tx, attempt.invoice_id, now).await?;
    tx.execute("UPDATE payment_attempts SET slot_on = NULL WHERE id = $1", params![attempt.id]).await?;
    Ok(())
}

/// An invoice that waited for a payment in the provider's hands is unpaid again.
async fn unpend(tx: &mut Locked<'_>, invoice_id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE invoices SET status = 'unpaid', updated_at = $2 WHERE id = $1 AND status = 'payment_pending'",
        params![invoice_id, now],
    )
    .await?;
    Ok(())
}

/// What changes of an attempt. What is not named of the provider's ids stays.
pub(super) struct Change<'a> {
    pub state: AttemptState,
    pub external_id: Option<&'a str>,
    pub page_id: Option<&'a str>,
    pub code: &'a str,
    pub reason: &'a str,
    pub url: Option<&'a str>,
}

impl Change<'_> {
    pub fn to(state: AttemptState) -> Change<'static> {
        Change { state, external_id: None, page_id: None, code: "", reason: "", url: None }
    }
}

/// Writes it; the reason as it is kept.
pub(super) async fn set(tx: &mut Locked<'_>, attempt: &Attempt, change: Change<'_>, now: Timestamp) -> Result<String> {
    let open = matches!(change.state, AttemptState::Intent | AttemptState::Unknown | AttemptState::Pending);
    let reason: String = card_numbers::redacted(change.reason).chars().take(1000).collect();
    // Where the client has to go is told once; asked again, a provider may leave it out.
    let url = match change.state {
        AttemptState::ActionRequired => change.url.or(attempt.action_url.as_deref()),
        _ => None,
    };
    tx.execute(
        "UPDATE payment_attempts SET state = $2, external_id = COALESCE($3, external_id), \
         page_id = COALESCE($4, page_id), code = $5, reason = $6, action_url = $7, finished_at = $8 WHERE id = $1",
        params![
            attempt.id,
            change.state,
            change.external_id,
            change.page_id,
            change.code,
            reason,
            url,
            (!open).then_some(now)
        ],
    )
    .await?;
    Ok(reason)
}
