//! A client who is there pays an invoice: with a stored method, authenticated at the bank if it wants that, or on a page
//! of the provider's with a card that we never see.
//!
//! What must hold: pressing twice, going back and paying in another window lead to one payment. At most one attempt can
//! take money at a time; who asks for another while it waits is sent to it, or it is given up first. It is when another
//! amount is owed by then.

use accounts::activity_log::Actor;
use accounts::clients;
use kernel::{Error, Result};
use platform::{App, params};

use super::charge::{self, New};
use super::outcome::{Change, set};
use super::resolve::{self, Said};
use super::{Attempt, AttemptState, Way, conclude, find, of_invoice};
use crate::gateways::{
    self, ChargeRequest, Gateway, GatewayConfig, GatewayError, Gateways, Outcome, Page, PageRequest, Presence, Purpose,
};
use crate::invoices::{self, Invoice, InvoiceStatus};
use crate::pay_methods;
use crate::restores;

/// So many attempts of an invoice within an hour are enough: each costs the business money, and may be somebody's who
/// tries out what is not his.
const TRIES: i64 = 10;
const TRIES_WITHIN: i64 = 3600;

/// What the client wants to pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    Stored(i64),
    /// On the provider's page; whether the method is kept.
    Page {
        keep: bool,
    },
}

/// Where the browser comes back to.
#[derive(Debug, Clone)]
pub struct Place {
    pub return_url: String,
    pub cancel_url: String,
}

/// Whether an attempt that waits is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    GoOn,
    Afresh,
}

/// Pays an invoice; the attempt as it is afterwards. It goes on when the client has left, because a charge that is under
/// way must have its outcome written.
pub async fn pay(app: &App, invoice_id: i64, with: With, place: Place, start: Start) -> Result<Attempt> {
    let app = app.clone();
    let work = tokio::spawn(async move { pay_now(&app, invoice_id, with, place, start).await });
    work.await.map_err(|panic| Error::broken(format!("payment: {panic}")))?
}

async fn pay_now(app: &App, invoice_id: i64, with: With, place: Place, start: Start) -> Result<Attempt> {
    let invoice = invoices::find(&mut app.db.read().await?, invoice_id).await?;
    let by = Actor::client(invoice.client_id);
    if let Some(attempt) = waiting(app, &by, invoice_id, with, start).await? {
        return Ok(attempt);
    }
    let Some(prepared) = prepare(app, invoice_id, with, place).await? else {
        // Another window was faster.
        let attempts = of_invoice(&mut app.db.read().await?, invoice_id).await?;
        let under_way = attempts.into_iter().find(|attempt| !attempt.is_settled());
        return under_way.ok_or_else(|| Error::refused(charge::UNDER_WAY));
    };
    app.wake.notify_waiters();
    let Prepared { attempt_id, gateway, config, call } = prepared;
    match call {
        Call::Charge(request) => {
            let answer = gateway.charge(&config, request).await;
            conclude(app, &by, attempt_id, answer).await?;
        }
        Call::Page(request) => opened(app, &by, attempt_id, gateway.open_page(&config, request).await).await?,
    }
    find(&mut app.db.read().await?, attempt_id).await
}

/// The attempt that waits for the client, if it is to be gone on with and takes what is owed; else it is given up.
async fn waiting(app: &App, by: &Actor, invoice_id: i64, with: With, start: Start) -> Result<Option<Attempt>> {
    let find_waiting = async || -> Result<Option<Attempt>> {
        let attempts = of_invoice(&mut app.db.read().await?, invoice_id).await?;
        Ok(attempts.into_iter().find(Attempt::waits))
    };
    let Some(seen) = find_waiting().await? else { return Ok(None) };
    if let Ok(said @ Said::Outcome(..)) = resolve::ask(app, &seen).await? {
        resolve::settle(app, by, &seen, said).await?;
    }
    let now = find(&mut app.db.read().await?, seen.id).await?;
    if !now.waits() {
        let over = matches!(now.state, AttemptState::Declined | AttemptState::Failed);
        return Ok((!over).then_some(now));
    }
    let invoice = invoices::find(&mut app.db.read().await?, invoice_id).await?;
    if start == Start::GoOn && now.action_url.is_some() && is_with(&now, with) && now.fits(&invoice) {
        return Ok(Some(now));
    }
    match resolve::take_back(app, &now).await? {
        Ok(said @ Said::Outcome(Outcome::Declined { .. }, _)) => {
            resolve::settle(app, by, &now, said).await?;
            Ok(None)
        }
        Ok(said @ Said::Outcome(..)) => {
            resolve::settle(app, by, &now, said).await?;
            find(&mut app.db.read().await?, now.id).await.map(Some)
        }
        Ok(Said::Never | Said::Nothing) | Err(_) => Err(Error::Unavailable(
            "An earlier payment of this invoice cannot be given up at the moment. Try again in a few minutes.".into(),
        )),
    }
}

fn is_with(attempt: &Attempt, with: With) -> bool {
    match with {
        With::Stored(id) => attempt.way == Way::OnSession && attempt.pay_method_id == Some(id),
        With::Page { keep } => attempt.way == Way::Hosted && attempt.keep_method == keep,
    }
}

struct Prepared {
    attempt_id: i64,
    gateway: std::sync::Arc<dyn Gateway>,
    config: GatewayConfig,
    call: Call,
}

enum Call {
    Charge(ChargeRequest),
    Page(PageRequest),
}

/// The attempt is written and committed. `None` while another is under way.
async fn prepare(app: &App, invoice_id: i64, with: With, place: Place) -> Result<Option<Prepared>> {
    let mut tx = app.db.write().await?;
    if restores::hold(&mut tx).await?.is_some() {
        // Why is for staff to know.
        return Err(Error::refused("Payments are not taken at the moment. Please come back later."));
    }
    let seen = invoices::find(&mut tx, invoice_id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, invoice_id).await?;
    check_payable(&invoice)?;
    let since = app.clock.now().plus_seconds(-TRIES_WITHIN);
    let tries: i64 = locked
        .scalar(
            "SELECT COUNT(*) FROM payment_attempts WHERE invoice_id = $1 AND way <> 'off_session' AND started_at > $2",
            params![invoice_id, since],
        )
        .await?;
    if tries >= TRIES {
        return Err(Error::refused("That were many tries. Wait an hour, or ask us for another way to pay."));
    }
    if charge::leave(&mut locked, &invoice).await?.switched_off {
        return Err(Error::refused("This way to pay is not offered any more. Please ask us for another one."));
    }
    let gateway = app.get::<Gateways>()?.find(&invoice.gateway)?;
    let config = gateways::config(&mut locked, app, &*gateway).await?;
    let new = match with {
        With::Stored(id) => New { method: Some(id), ..new_attempt(Way::OnSession, false) },
        With::Page { keep } => new_attempt(Way::Hosted, keep),
    };
    let able = gateway.capabilities();
    let (method, customer) = match with {
        With::Stored(id) if able.off_session => {
            let method = pay_methods::find_of(&mut locked, invoice.client_id, id).await?;
            if method.gateway != invoice.gateway {
                return Err(Error::NotFound("Payment method"));
            }
            (Some(pay_methods::token(&mut locked, app, id).await?), None)
        }
        With::Page { .. } if able.pages => {
            (None, pay_methods::customer_of(&mut locked, app, invoice.client_id, &invoice.gateway).await?)
        }
        _ => return Err(Error::refused("This invoice cannot be paid in this way.")),
    };
    let client = clients::find(&mut locked, invoice.client_id).await?;
    let Some(begun) = charge::begin(&mut locked, app, &invoice, new).await? else { return Ok(None) };
    tx.commit().await?;
    let description = format!("Invoice {}", invoice.title());
    let call = match (method, with) {
        (Some(method), _) => Call::Charge(ChargeRequest {
            attempt: begun.public_id,
            amount: invoice.money(invoice.balance),
            method,
            client_id: invoice.client_id,
            invoice_id,
            description,
            presence: Presence::Present { return_url: place.return_url },
        }),
        (None, with) => Call::Page(PageRequest {
            reference: begun.public_id,
            purpose: Purpose::Pay {
                amount: invoice.money(invoice.balance),
                invoice_id,
                description,
                keep: with == With::Page { keep: true },
            },
            customer,
            client_id: invoice.client_id,
            name: client.name(),
            email: client.email,
            return_url: place.return_url,
            cancel_url: place.cancel_url,
        }),
    };
    Ok(Some(Prepared { attempt_id: begun.attempt_id, gateway, config, call }))
}

fn new_attempt(way: Way, keep_method: bool) -> New {
    New { way, method: None, keep_method, slot: None, run_id: None }
}

/// Whether a client can pay an invoice; the reason in words for the client.
pub fn check_payable(invoice: &Invoice) -> Result<()> {
    let words = match invoice.status {
        InvoiceStatus::PaymentPending => "A payment of this invoice is under way. There is nothing to do for you.",
        InvoiceStatus::Unpaid | InvoiceStatus::Collections if invoice.balance > 0 => return Ok(()),
        InvoiceStatus::Cancelled => "This invoice was cancelled. There is nothing to pay.",
        _ => "There is nothing to pay on this invoice.",
    };
    Err(Error::refused(words))
}

/// The provider's page is there, or it is not.
async fn opened(app: &App, by: &Actor, attempt_id: i64, answer: Result<Page, GatewayError>) -> Result<()> {
    let page = match answer {
        Ok(page) => page,
        // Whatever was made of it at the provider: nobody has its address.
        Err(error) => {
            let failed = GatewayError::NotSent(error.to_string());
            return conclude(app, by, attempt_id, Err(failed)).await.map(|_| ());
        }
    };
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let seen = find(&mut tx, attempt_id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let attempt = find(&mut locked, attempt_id).await?;
    if attempt.state == AttemptState::Intent {
        let change = Change {
            page_id: Some(&page.id),
            reason: "The client is on the provider's page.",
            url: Some(&page.url),
            ..Change::to(AttemptState::ActionRequired)
        };
        set(&mut locked, &attempt, change, now).await?;
        let line = gateways::LogLine {
            gateway: &attempt.gateway,
            what: "page",
            result: "answer",
            client_id: Some(attempt.client_id),
            invoice_id: Some(attempt.invoice_id),
            detail: format!("attempt {} of {}: page {}", attempt.public_id, attempt.money(), page.id),
        };
        gateways::log(&mut locked, line, now).await?;
    }
    tx.commit().await
}
