//! Finding out what became of an attempt, and giving one up that waits for a client who will not come.

use accounts::activity_log::Actor;
use accounts::clients;
use kernel::{Error, Result};
use platform::{App, params};

use super::{Attempt, AttemptState, Ended, Way, by_public_id, conclude, find, of_invoice};
use crate::gateways::{
    self, Gateway, GatewayConfig, GatewayError, Gateways, LookUp, OpenPage, Outcome, PageState, StoredMethod,
};
use crate::invoices;
use crate::pay_methods::{self, MakeDefault, Origin};

const BY: &str = "Capture";

/// What a provider says of an attempt.
#[derive(Debug)]
pub(super) enum Said {
    /// With the method that the client left on the provider's page.
    Outcome(Outcome, Option<StoredMethod>),
    /// It never got there.
    Never,
    /// Nothing yet.
    Nothing,
}

impl From<LookUp> for Said {
    fn from(answer: LookUp) -> Said {
        match answer {
            LookUp::Known(outcome) => Said::Outcome(outcome, None),
            LookUp::NeverArrived => Said::Never,
            LookUp::InProgress => Said::Nothing,
        }
    }
}

impl From<PageState> for Said {
    fn from(state: PageState) -> Said {
        match state {
            PageState::Finished { payment: Some(outcome), method } => Said::Outcome(outcome, method),
            PageState::Open | PageState::Finished { payment: None, .. } => Said::Nothing,
            PageState::Expired => Said::Outcome(
                Outcome::Declined {
                    external_id: None,
                    code: "expired".to_owned(),
                    reason: "The payment page was closed without a payment.".to_owned(),
                },
                None,
            ),
        }
    }
}

async fn module_of(app: &App, attempt: &Attempt) -> Result<(std::sync::Arc<dyn Gateway>, GatewayConfig)> {
    let gateway = app.get::<Gateways>()?.find(&attempt.gateway)?;
    let config = gateways::config(&mut app.db.read().await?, app, &*gateway).await?;
    Ok((gateway, config))
}

fn page_of(attempt: &Attempt) -> Option<OpenPage> {
    Some(OpenPage {
        id: attempt.page_id.clone()?,
        reference: attempt.public_id.clone(),
        amount: Some(attempt.money()),
        keep: attempt.keep_method,
    })
}

/// Asks the provider.
pub(super) async fn ask(app: &App, attempt: &Attempt) -> Result<Result<Said, GatewayError>> {
    let (gateway, config) = module_of(app, attempt).await?;
    if attempt.way == Way::Hosted {
        // Without its id, its address has reached nobody: nothing can come of it.
        let Some(page) = page_of(attempt) else { return Ok(Ok(Said::Never)) };
        return Ok(gateway.look_up_page(&config, &page).await.map(Said::from));
    }
    let mut conn = app.db.read().await?;
    let method = match attempt.pay_method_id {
        // The method may have been removed meanwhile; the provider may still find the attempt by its id.
        Some(id) => pay_methods::token(&mut conn, app, id).await.ok(),
        None => None,
    };
    drop(conn);
    let asked = gateways::Attempt {
        attempt: attempt.public_id.clone(),
        external_id: attempt.external_id.clone(),
        method,
        amount: attempt.money(),
        started_at: attempt.started_at,
    };
    Ok(gateway.look_up(&config, &asked, app.clock.now()).await.map(Said::from))
}

/// Gives up what waits for the client. Only a decline says that no money will come of it any more.
pub(super) async fn take_back(app: &App, attempt: &Attempt) -> Result<Result<Said, GatewayError>> {
    let (gateway, config) = module_of(app, attempt).await?;
    Ok(match (attempt.way, page_of(attempt)) {
        (Way::Hosted, Some(page)) => gateway.close_page(&config, &page).await.map(Said::from),
        _ => {
            let external_id = attempt.external_id.clone().unwrap_or_default();
            gateway.cancel(&config, &external_id).await.map(Said::from)
        }
    })
}

/// Writes what the provider said. The client's method first: should we fall in between, the attempt is asked about again.
pub(super) async fn settle(app: &App, by: &Actor, attempt: &Attempt, said: Said) -> Result<Ended> {
    match said {
        Said::Outcome(outcome, method) => {
            let goes_well = matches!(outcome, Outcome::Succeeded { .. } | Outcome::Pending { .. });
            if let Some(method) = method.filter(|_| goes_well && attempt.keep_method) {
                keep(app, by, attempt, &method).await?;
            }
            conclude(app, by, attempt.id, Ok(outcome)).await
        }
        Said::Never => {
            let never = GatewayError::NotSent("the gateway never received it".to_owned());
            conclude(app, by, attempt.id, Err(never)).await
        }
        Said::Nothing => Ok(Ended::Nothing),
    }
}

async fn keep(app: &App, by: &Actor, attempt: &Attempt, method: &StoredMethod) -> Result<()> {
    let mut tx = app.db.write().await?;
    let mut locked = clients::lock(&mut tx, attempt.client_id).await?;
    let new = pay_methods::Kept {
        client_id: attempt.client_id,
        gateway: &attempt.gateway,
        description: "",
        method,
        make_default: MakeDefault::Yes,
        origin: Some(Origin::Attempt(attempt.id)),
    };
    let id = pay_methods::keep(&mut locked, app, by, new, app.clock.now()).await?;
    locked.execute("UPDATE payment_attempts SET pay_method_id = $2 WHERE id = $1", params![attempt.id, id]).await?;
    tx.commit().await
}

/// Asks the provider what became of an attempt; `true` when that is settled.
pub(super) async fn resolve(app: &App, attempt_id: i64) -> Result<bool> {
    let attempt = find(&mut app.db.read().await?, attempt_id).await?;
    if attempt.is_settled() {
        return Ok(true);
    }
    let by = Actor::system(BY);
    match ask(app, &attempt).await? {
        Ok(said @ (Said::Outcome(..) | Said::Never)) => {
            settle(app, &by, &attempt, said).await?;
        }
        Ok(Said::Nothing) | Err(_) => {}
    }
    match idle(app, attempt_id).await? {
        Some(attempt) => take_back_and_settle(app, &attempt).await,
        None => is_settled(app, attempt_id).await,
    }
}

/// Gives up an attempt that waits for a client who has less to pay by now; `true` when there is no need to ask again.
pub(super) async fn give_up_if_idle(app: &App, attempt_id: i64) -> Result<bool> {
    match idle(app, attempt_id).await? {
        Some(attempt) => take_back_and_settle(app, &attempt).await,
        // Settled meanwhile, or owed again.
        None => Ok(true),
    }
}

async fn take_back_and_settle(app: &App, attempt: &Attempt) -> Result<bool> {
    if let Ok(said @ Said::Outcome(..)) = take_back(app, attempt).await? {
        settle(app, &Actor::system(BY), attempt, said).await?;
    }
    is_settled(app, attempt.id).await
}

async fn is_settled(app: &App, attempt_id: i64) -> Result<bool> {
    Ok(find(&mut app.db.read().await?, attempt_id).await?.is_settled())
}

/// The attempt, if it waits although less is to be paid, or nothing.
async fn idle(app: &App, attempt_id: i64) -> Result<Option<Attempt>> {
    let mut conn = app.db.read().await?;
    let attempt = find(&mut conn, attempt_id).await?;
    let invoice = invoices::find(&mut conn, attempt.invoice_id).await?;
    Ok(Some(attempt).filter(|attempt| attempt.waits() && attempt.is_too_much(&invoice)))
}

/// Asks once more about whatever is open of an invoice: somebody comes back and wants to know.
pub async fn ask_again(app: &App, invoice_id: i64) -> Result<()> {
    let attempts = of_invoice(&mut app.db.read().await?, invoice_id).await?;
    // One that is just being made has its answer on the way.
    let asked = |attempt: &&Attempt| !attempt.is_settled() && attempt.state != AttemptState::Intent;
    for attempt in attempts.iter().filter(asked) {
        resolve(app, attempt.id).await?;
    }
    Ok(())
}

/// What a gateway within this process says of one of its own pages.
pub async fn page_told(app: &App, gateway: &str, reference: &str, state: PageState) -> Result<Ended> {
    let attempt = by_public_id(&mut app.db.read().await?, gateway, reference).await?;
    let attempt = attempt.ok_or(Error::NotFound("Payment attempt"))?;
    settle(app, &Actor::system(BY), &attempt, Said::from(state)).await
}
