//! Refunds.

use std::collections::BTreeMap;

use billing::gateways::{GatewayError, RefundOutcome, RefundRequest};
use kernel::Money;
use reqwest::StatusCode;
use serde::Deserialize;

use super::amount;
use super::api::{self, Api, Reference, not_sent, one_line, unknown};
use super::intent::REFUND;
use super::leave_open;
use super::search::{Listed, Search, find};
use crate::http::Answer;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub status: Option<String>,
    amount: i64,
    currency: String,
    pub payment_intent: Option<Reference>,
    pub charge: Option<Reference>,
    failure_reason: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

impl Listed for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Refund {
    pub fn money(&self) -> Option<Money> {
        amount::from_stripe(self.amount, &self.currency)
    }

    /// Our refund's id, if it is one of ours.
    pub fn ours(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(REFUND).map(String::as_str)
    }

    /// `None` for a status that says nothing.
    pub fn outcome(&self) -> Option<RefundOutcome> {
        let external_id = self.id.clone();
        match self.status.as_deref()? {
            "succeeded" => Some(RefundOutcome::Succeeded { external_id }),
            "pending" | "requires_action" => Some(RefundOutcome::Pending { external_id }),
            status @ ("failed" | "canceled") => {
                let why = self.failure_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                let was = if status == "failed" { "failed" } else { "was canceled" };
                Some(RefundOutcome::Refused { reason: format!("The refund {was}{why}.") })
            }
            _ => None,
        }
    }

    /// What it says of the refund that was asked for.
    fn answers(&self, request: &RefundRequest) -> Result<RefundOutcome, GatewayError> {
        if self.money() != Some(request.amount) {
            return Err(unknown(format!("Stripe's refund {} is not of {}.", self.id, request.amount)));
        }
        let odd = || unknown(format!("Stripe left the refund {} in an unknown status.", self.id));
        self.outcome().ok_or_else(odd)
    }
}

/// Idempotent by the refund's id for good, not only for the day that Stripe remembers the key.
pub(super) async fn refund(api: &Api<'_>, request: &RefundRequest) -> Result<RefundOutcome, GatewayError> {
    let units = amount::to_stripe(request.amount).map_err(not_sent)?.to_string();
    let payment = payment_filter(&request.payment)?;
    // If this is asked again after an unknown outcome, "not sent" would be true of the question only.
    let refund = match earlier(api, payment, &request.refund).await.map_err(leave_open)? {
        Some(earlier) => earlier,
        None => {
            let key = format!("metadata[{REFUND}]");
            let form = [payment, ("amount", &units), (&key, &request.refund)];
            let answer = api.post("/v1/refunds", &form, Some(&request.refund)).await?;
            match refusal(&answer) {
                Some(reason) => return Ok(RefundOutcome::Refused { reason }),
                None => api::object(&answer)?,
            }
        }
    };
    refund.answers(request)
}

/// Found by its metadata, which Stripe keeps for good.
pub(super) async fn look_up(api: &Api<'_>, request: &RefundRequest) -> Result<Option<RefundOutcome>, GatewayError> {
    let payment = payment_filter(&request.payment)?;
    match earlier(api, payment, &request.refund).await? {
        Some(refund) => refund.answers(request).map(Some),
        None => Ok(None),
    }
}

async fn earlier(api: &Api<'_>, payment: (&str, &str), id: &str) -> Result<Option<Refund>, GatewayError> {
    let wanted = |refund: &Refund| refund.ours() == Some(id);
    Ok(match find(api, "/v1/refunds", &[payment], wanted).await? {
        Search::Found(refund) => Some(refund),
        Search::Absent(_) => None,
    })
}

/// Refused for a reason that staff can read: more than was paid, already refunded, disputed.
fn refusal(answer: &Answer) -> Option<String> {
    if !matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND) {
        return None;
    }
    let error = api::refusal(answer)?;
    // An idempotency error says nothing of what the earlier request with this key did.
    let says_no = error.kind.as_deref() != Some("idempotency_error");
    says_no.then(|| one_line(error.message.as_deref().unwrap_or("Stripe refuses the refund.")))
}

/// Payments of an importing host may be known by their charge.
fn payment_filter(payment: &str) -> Result<(&'static str, &str), GatewayError> {
    match payment {
        id if id.starts_with("pi_") => Ok(("payment_intent", id)),
        id if id.starts_with("ch_") || id.starts_with("py_") => Ok(("charge", id)),
        _ => Err(not_sent("This is not the id of a payment at Stripe.")),
    }
}
