//! The sandbox's own events, signed like Stripe's.

use billing::gateways::{Outcome, RefundOutcome, WebhookEffect, WebhookError, WebhookEvent};
use kernel::{Currency, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::gateways::signature;

pub(super) const HEADER: &str = "Sandbox-Signature";

#[derive(Debug, Clone)]
pub struct SandboxEvent {
    pub event_id: String,
    pub kind: SandboxEventKind,
    pub amount: Money,
}

#[derive(Debug, Clone)]
pub enum SandboxEventKind {
    ChargeSucceeded { attempt: String, payment: String },
    ChargeDeclined { attempt: String, payment: String },
    Refunded { payment: String, refund: String },
}

/// Ready to be posted.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    payment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<String>,
    amount_minor: i64,
    currency: String,
}

/// The part of every event; other kinds of event are genuine too, and ignored.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn signed(
    secret: Option<&str>,
    event: &SandboxEvent,
    now: Timestamp,
) -> Result<SignedWebhook, WebhookError> {
    let (kind, payment, attempt, refund) = match event.kind.clone() {
        SandboxEventKind::ChargeSucceeded { attempt, payment } => ("charge.succeeded", payment, Some(attempt), None),
        SandboxEventKind::ChargeDeclined { attempt, payment } => ("charge.declined", payment, Some(attempt), None),
        SandboxEventKind::Refunded { payment, refund } => ("refund.succeeded", payment, None, Some(refund)),
    };
    let body = Body {
        id: event.event_id.clone(),
        kind: kind.to_owned(),
        payment,
        attempt,
        refund,
        amount_minor: event.amount.minor,
        currency: event.amount.currency.code().to_owned(),
    };
    let body = serde_json::to_vec(&body).map_err(unreadable)?;
    let header = secret.and_then(|secret| signature::sign(secret, &body, now)).ok_or(WebhookError::BadSignature)?;
    Ok(SignedWebhook { headers: vec![(HEADER.to_owned(), header)], body })
}

pub(super) fn read(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let Envelope { id, kind } = serde_json::from_slice(body).map_err(unreadable)?;
    let effect = match kind.as_str() {
        "charge.succeeded" | "charge.declined" | "refund.succeeded" => effect(body)?,
        _ => WebhookEffect::Ignored,
    };
    Ok(WebhookEvent { event_id: id, kind, effect })
}

fn effect(body: &[u8]) -> Result<WebhookEffect, WebhookError> {
    let body: Body = serde_json::from_slice(body).map_err(unreadable)?;
    let currency = Currency::parse(&body.currency).map_err(|error| WebhookError::Unreadable(error.to_string()))?;
    let amount = Money::new(body.amount_minor, currency);
    let external_id = body.payment;
    Ok(match (body.kind.as_str(), body.refund) {
        ("refund.succeeded", Some(refund)) => WebhookEffect::Refund {
            refund: None,
            payment: external_id,
            external_id: refund.clone(),
            amount,
            outcome: RefundOutcome::Succeeded { external_id: refund },
        },
        ("charge.succeeded", _) => WebhookEffect::Charge {
            attempt: body.attempt,
            outcome: Outcome::Succeeded { external_id, fee: None },
            amount,
        },
        ("charge.declined", _) => WebhookEffect::Charge {
            attempt: body.attempt,
            outcome: Outcome::Declined {
                external_id: Some(external_id),
                code: "card_declined".to_owned(),
                reason: "The card was declined.".to_owned(),
            },
            amount,
        },
        _ => return Err(WebhookError::Unreadable("the refund has no id".to_owned())),
    })
}

fn unreadable(error: serde_json::Error) -> WebhookError {
    WebhookError::Unreadable(error.to_string())
}
