//! Disputes, <https://docs.stripe.com/disputes>: told by events only; evidence is given in Stripe's dashboard.

use billing::gateways::{DisputeNews, DisputeState, Movement, WebhookEffect};
use kernel::{Money, Timestamp};
use serde::Deserialize;

use super::amount;
use super::api::{Reference, one_line};

#[derive(Deserialize)]
pub(super) struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    charge: Option<Reference>,
    payment_intent: Option<Reference>,
    reason: Option<String>,
    status: String,
    evidence_details: Option<EvidenceDetails>,
    #[serde(default)]
    balance_transactions: Vec<BalanceTransaction>,
}

#[derive(Deserialize)]
pub(super) struct EvidenceDetails {
    due_by: Option<i64>,
}

/// What the dispute has moved so far: money taken is negative, money given back positive.
#[derive(Deserialize)]
pub(super) struct BalanceTransaction {
    amount: i64,
    fee: i64,
    currency: String,
}

impl Dispute {
    /// `kind` is the event's: it may say that money has moved before the object does.
    pub fn news(self, kind: &str) -> WebhookEffect {
        let payments = [self.payment_intent.as_ref(), self.charge.as_ref()];
        let mut payments = payments.into_iter().flatten().map(|reference| reference.id().to_owned());
        let (Some(payment), Some(amount)) = (payments.next(), amount::from_stripe(self.amount, &self.currency)) else {
            // A currency that nothing of ours can be in.
            return WebhookEffect::Ignored;
        };
        let state = match self.status.as_str() {
            "won" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            "warning_closed" => DisputeState::Closed,
            _ => DisputeState::Open,
        };
        let answer_by = self.evidence_details.as_ref().and_then(|details| details.due_by);
        WebhookEffect::Dispute(DisputeNews {
            payment,
            other_payment: payments.next(),
            amount,
            reason: one_line(self.reason.as_deref().unwrap_or("general")),
            state,
            status: one_line(&self.status),
            answer_by: answer_by.and_then(|seconds| seconds.checked_mul(1_000_000)).map(Timestamp::from_micros),
            withdrawn: self.moved(kind == "charge.dispute.funds_withdrawn", |units| units < 0),
            reinstated: self.moved(kind == "charge.dispute.funds_reinstated", |units| units > 0),
            external_id: self.id,
        })
    }

    fn moved(&self, told: bool, direction: fn(i64) -> bool) -> Option<Movement> {
        let lines: Vec<&BalanceTransaction> =
            self.balance_transactions.iter().filter(|line| direction(line.amount)).collect();
        (told || !lines.is_empty()).then(|| Movement { fee: fee(&lines) })
    }
}

fn fee(lines: &[&BalanceTransaction]) -> Option<Money> {
    let first = lines.first()?;
    let units: i64 = lines.iter().filter(|line| line.currency == first.currency).map(|line| line.fee).sum();
    amount::from_stripe(units, &first.currency)
}
