//! What Stripe keeps of a payment.

use std::time::Duration;

use billing::gateways::Outcome;
use kernel::Money;
use serde::Deserialize;

use super::api::{self, Api, path_id};
use super::{amount, intent::PaymentIntent};

/// An outcome that is known should not wait long for a detail.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
pub(super) struct Charge {
    balance_transaction: BalanceTransaction,
}

#[derive(Deserialize)]
pub(super) struct BalanceTransaction {
    fee: i64,
    currency: String,
}

/// Adds the fee to a success, if Stripe tells. It is asked in a request of its own: asked for with the charge, a key
/// that may not read balances would get an error in place of the answer that says whether money was taken.
pub(super) async fn added(api: &Api<'_>, intent: &PaymentIntent, outcome: Outcome) -> Outcome {
    match (outcome, &intent.latest_charge) {
        (Outcome::Succeeded { external_id, .. }, Some(charge)) => {
            let fee = tokio::time::timeout(TIMEOUT, fee(api, charge.id())).await;
            Outcome::Succeeded { external_id, fee: fee.ok().flatten() }
        }
        (outcome, _) => outcome,
    }
}

/// In the currency of Stripe's payout, which need not be that of the charge.
async fn fee(api: &Api<'_>, charge: &str) -> Option<Money> {
    let path = format!("/v1/charges/{}", path_id(charge).ok()?);
    let answer = api.get(&path, &[("expand[]", "balance_transaction")]).await.ok()?;
    let Charge { balance_transaction } = api::object(&answer).ok()?;
    amount::from_stripe(balance_transaction.fee, &balance_transaction.currency)
}
