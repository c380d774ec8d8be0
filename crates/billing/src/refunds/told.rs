//! What a gateway tells by itself of a refund.

use kernel::{Money, Result};
use platform::App;

use super::outcome::{Asking, ask, conclude};
use super::{Refund, RefundState, store};
use crate::gateways::RefundOutcome;

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

/// Takes the event up: as the outcome of our refund, or as one that nobody here has begun.
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
