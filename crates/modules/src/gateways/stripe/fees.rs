//! What Stripe keeps of a payment, and what of it was given back.

use std::time::Duration;

use billing::gateways::{GatewayError, Outcome};
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

#[derive(Deserialize)]
struct Kept {
    amount: i64,
    #[serde(default)]
    amount_refunded: i64,
    #[serde(default)]
    disputed: bool,
    currency: String,
}

/// What the client has back of a charge; a disputed one counts as a whole, whatever becomes of the dispute.
pub(super) async fn returned(api: &Api<'_>, charge: &str) -> Result<Option<Money>, GatewayError> {
    let path = format!("/v1/charges/{}", path_id(charge)?);
    let kept: Kept = api::object(&api.get(&path, &[]).await?)?;
    let units = if kept.disputed { kept.amount } else { kept.amount_refunded };
    Ok(amount::from_stripe(units, &kept.currency).filter(|money| money.is_positive()))
}
