//! Events, <https://docs.stripe.com/api/events/types>, after their signature was checked.

use std::collections::BTreeMap;

use billing::gateways::{WebhookEffect, WebhookError, WebhookEvent};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::Reference;
use super::disputes::Dispute;
use super::intent::{PAGE, PaymentIntent, Progress};
use super::refunds::Refund;

#[derive(Deserialize)]
pub(super) struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: EventObject,
}

#[derive(Deserialize)]
struct EventObject {
    object: Value,
}

/// A Checkout Session, of which only the name is believed: it is looked up.
#[derive(Deserialize)]
pub(super) struct Session {
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
pub(super) struct Charge {
    payment_intent: Option<Reference>,
    refunds: Option<Refunds>,
}

#[derive(Deserialize)]
struct Refunds {
    data: Vec<Refund>,
}

/// The kinds of events that have a meaning here.
pub(super) const KINDS: &[&str] = &[
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
];

pub(super) fn read(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let event: Event = serde_json::from_slice(body).map_err(unreadable)?;
    let (family, _) = event.kind.rsplit_once('.').unwrap_or_default();
    let effect = match (family, event.kind.as_str()) {
        (_, kind) if !KINDS.contains(&kind) => WebhookEffect::Ignored,
        ("payment_intent", _) => charge(&object(event.data)?)?,
        ("checkout.session", _) => page(object(event.data)?),
        ("refund" | "charge.refund", _) => refund(&object(event.data)?),
        ("charge.dispute", kind) => object::<Dispute>(event.data)?.news(kind),
        // What is left is charge.refunded.
        _ => newest_refund(object(event.data)?),
    };
    Ok(WebhookEvent { event_id: event.id, kind: event.kind, effect })
}

/// The state of the payment when the event was made is what counts, not the event's name. Both can be stale when
/// events arrive out of order: who applies them must not let "pending" undo "succeeded".
fn charge(intent: &PaymentIntent) -> Result<WebhookEffect, WebhookError> {
    let attempt = intent.attempt().map(str::to_owned);
    let Some(amount) = intent.money() else {
        return match attempt {
            Some(_) => Err(WebhookError::Unreadable("an amount that cannot be ours".to_owned())),
            // Something else that the account is used for.
            None => Ok(WebhookEffect::Ignored),
        };
    };
    Ok(match intent.progress() {
        Progress::Decided(outcome) => WebhookEffect::Charge { attempt, outcome, amount },
        Progress::Open(_) => WebhookEffect::Ignored,
    })
}

/// A page that we have not made is none of ours.
fn page(session: Session) -> WebhookEffect {
    let reference = session.metadata.and_then(|mut all| all.remove(PAGE));
    reference.map_or(WebhookEffect::Ignored, |reference| WebhookEffect::Page { reference })
}

fn refund(refund: &Refund) -> WebhookEffect {
    let payment = refund.payment_intent.as_ref().or(refund.charge.as_ref());
    match (payment, refund.money(), refund.outcome()) {
        (Some(payment), Some(amount), Some(outcome)) => WebhookEffect::Refund {
            refund: refund.ours().map(str::to_owned),
            payment: payment.id().to_owned(),
            external_id: refund.id.clone(),
            amount,
            outcome,
        },
        _ => WebhookEffect::Ignored,
    }
}

/// Before API version 2022-11-15 the charge carries its refunds, newest first. Since then it has only their sum,
/// which tells no refund from another: `refund.created` does.
fn newest_refund(charge: Charge) -> WebhookEffect {
    let Some(mut newest) = charge.refunds.and_then(|refunds| refunds.data.into_iter().next()) else {
        return WebhookEffect::Ignored;
    };
    newest.payment_intent = newest.payment_intent.or(charge.payment_intent);
    refund(&newest)
}

fn object<T: DeserializeOwned>(data: EventObject) -> Result<T, WebhookError> {
    serde_json::from_value(data.object).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> WebhookError {
    WebhookError::Unreadable(error.to_string())
}
