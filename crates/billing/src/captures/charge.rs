//! Charging a stored method while the client is away: the attempt is written, the provider called, the answer written.

use accounts::activity_log::Actor;
use accounts::clients::{self, Locked};
use kernel::{Date, Error, Result};
use platform::jobs::NewJob;
use platform::{App, params};
use serde_json::json;

use super::resolve::{self, Said};
use super::{Attempt, Ended, Way, conclude, jobs, of_invoice};
use crate::gateways::{self, ChargeRequest, Gateway, GatewayConfig, Gateways, Outcome, Presence};
use crate::invoices::{self, Invoice, InvoiceStatus};
use crate::pay_methods;
use crate::restores;

/// A client who pays this very moment is not disturbed by the batch for so many seconds.
const LEFT_ALONE: i64 = 1800;

/// Attempts once more, on somebody's request. It goes on when whoever asked has left, because a charge that is under way
/// must have its outcome written.
pub async fn attempt_now(app: &App, by: &Actor, invoice_id: i64) -> Result<Ended> {
    let (app, by) = (app.clone(), by.clone());
    let work = tokio::spawn(async move { attempt(&app, &by, invoice_id, None, None).await });
    work.await.map_err(|panic| Error::broken(format!("capture: {panic}")))?
}

/// One attempt to charge one invoice; `slot` is `None` when staff or an API client asked for it.
pub async fn attempt(app: &App, by: &Actor, invoice_id: i64, slot: Option<Date>, run_id: Option<i64>) -> Result<Ended> {
    if let Some(ended) = clear_the_way(app, by, invoice_id).await? {
        return Ok(ended);
    }
    let Some(prepared) = prepare(app, invoice_id, slot, run_id).await? else { return Ok(Ended::Nothing) };
    app.wake.notify_waiters();
    let answer = prepared.gateway.charge(&prepared.config, prepared.request).await;
    conclude(app, by, prepared.attempt_id, answer).await
}

/// An earlier charge that waits for the client may still be completed and collected. Before another is made the
/// provider must have given it up.
async fn clear_the_way(app: &App, by: &Actor, invoice_id: i64) -> Result<Option<Ended>> {
    let mut conn = app.db.read().await?;
    let waiting = of_invoice(&mut conn, invoice_id).await?.into_iter().find(Attempt::waits);
    drop(conn);
    let Some(waiting) = waiting else { return Ok(None) };
    let age = app.clock.now().seconds_since(waiting.started_at);
    if waiting.way != Way::OffSession && age < LEFT_ALONE {
        return Ok(Some(Ended::NotSent { reason: "The client is paying at this moment.".to_owned() }));
    }
    match resolve::take_back(app, &waiting).await? {
        Ok(said @ Said::Outcome(Outcome::Declined { .. }, _)) => {
            resolve::settle(app, by, &waiting, said).await?;
            Ok(None)
        }
        Ok(said @ Said::Outcome(..)) => resolve::settle(app, by, &waiting, said).await.map(Some),
        Ok(Said::Never | Said::Nothing) | Err(_) => {
            let reason = "An earlier charge still waits for the client's authentication.".to_owned();
            Ok(Some(Ended::NotSent { reason }))
        }
    }
}

pub(super) struct Prepared {
    pub attempt_id: i64,
    pub gateway: std::sync::Arc<dyn Gateway>,
    pub config: GatewayConfig,
    pub request: ChargeRequest,
}

/// Step one: the attempt is written and committed. `None` when there is nothing to charge (any more).
pub(super) async fn prepare(
    app: &App,
    invoice_id: i64,
    slot: Option<Date>,
    run_id: Option<i64>,
) -> Result<Option<Prepared>> {
    let mut tx = app.db.write().await?;
    restores::refuse_on_hold(&mut tx).await?;
    let seen = invoices::find(&mut tx, invoice_id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, invoice_id).await?;
    if invoice.status != InvoiceStatus::Unpaid || invoice.balance <= 0 {
        return if slot.is_some() { Ok(None) } else { Err(Error::refused("Invoice Not Found or Not Unpaid")) };
    }
    let gateway = app.get::<Gateways>()?.find(&invoice.gateway)?;
    let leave = leave(&mut locked, &invoice).await?;
    if leave.switched_off {
        return Err(Error::refused(format!(
            "{} is switched off, so nothing is charged by it.",
            gateway.display_name()
        )));
    }
    if slot.is_some() && leave.by_hand_only {
        return Ok(None);
    }
    if !gateway.capabilities().off_session {
        return Err(Error::refused(format!(
            "{} cannot charge a stored method. Choose another payment method for the invoice.",
            gateway.display_name()
        )));
    }
    let Some(method) = pay_methods::to_charge(&mut locked, invoice.client_id, &invoice.gateway).await? else {
        return Err(Error::refused("The client has no stored payment method for this gateway."));
    };
    let config = gateways::config(&mut locked, app, &*gateway).await?;
    let token = pay_methods::token(&mut locked, app, method.id).await?;
    let new = New { way: Way::OffSession, method: Some(method.id), keep_method: false, slot, run_id };
    let Some(begun) = begin(&mut locked, app, &invoice, new).await? else {
        return if slot.is_some() { Ok(None) } else { Err(Error::refused(UNDER_WAY)) };
    };
    let request = ChargeRequest {
        attempt: begun.public_id,
        amount: invoice.money(invoice.balance),
        method: token,
        client_id: invoice.client_id,
        invoice_id: invoice.id,
        description: format!("Invoice {}", invoice.title()),
        presence: Presence::Absent,
    };
    tx.commit().await?;
    Ok(Some(Prepared { attempt_id: begun.attempt_id, gateway, config, request }))
}

/// What may have changed since the batch chose the invoice, or since the client opened the page.
pub(super) struct Leave {
    pub switched_off: bool,
    pub by_hand_only: bool,
}

pub(super) async fn leave(tx: &mut Locked<'_>, invoice: &Invoice) -> Result<Leave> {
    let (active, by_hand_only): (i64, i64) = tx
        .one(
            "SELECT (SELECT COUNT(*) FROM gateways WHERE name = $2 AND active), \
                    (SELECT COUNT(*) FROM clients WHERE id = $1 AND (no_auto_capture OR status = 'closed'))",
            params![invoice.client_id, invoice.gateway],
        )
        .await?;
    Ok(Leave { switched_off: active == 0, by_hand_only: by_hand_only > 0 })
}

pub(super) const UNDER_WAY: &str = "A charge of this invoice is under way. Wait for its outcome.";

/// An attempt to be written.
pub(super) struct New {
    pub way: Way,
    pub method: Option<i64>,
    pub keep_method: bool,
    pub slot: Option<Date>,
    pub run_id: Option<i64>,
}

pub(super) struct Begun {
    pub attempt_id: i64,
    pub public_id: String,
}

/// Writes an attempt over the balance of an invoice, with the job that owns it. `None` while another can still take
/// money, or when its slot has had one.
pub(super) async fn begin(tx: &mut Locked<'_>, app: &App, invoice: &Invoice, new: New) -> Result<Option<Begun>> {
    let now = app.clock.now();
    let public_id = app.random.uuid(now).to_string();
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO payment_attempts (public_id, client_id, invoice_id, pay_method_id, gateway, currency, amount, \
             way, keep_method, slot_on, state, code, reason, run_id, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'intent', '', '', $11, $12) \
             ON CONFLICT DO NOTHING RETURNING id",
            params![
                public_id,
                invoice.client_id,
                invoice.id,
                new.method,
                invoice.gateway,
                invoice.currency,
                invoice.balance,
                new.way,
                new.keep_method,
                new.slot,
                new.run_id,
                now
            ],
        )
        .await?;
    let Some((attempt_id,)) = inserted else { return Ok(None) };
    let owner = NewJob::now(jobs::RESOLVE, json!({ "attempt": attempt_id }), now)
        .keyed(format!("attempt:{attempt_id}"))
        .about(format!("invoice:{}", invoice.id))
        .at(now.plus_seconds(jobs::FIRST_LOOK))
        .attempts(1000);
    platform::jobs::enqueue(tx, owner, now).await?;
    Ok(Some(Begun { attempt_id, public_id }))
}
