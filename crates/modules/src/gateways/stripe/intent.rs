//! A PaymentIntent, and what its state means for a charge of ours.

use std::collections::BTreeMap;

use billing::gateways::{GatewayError, Outcome};
use kernel::Money;
use serde::Deserialize;

use super::amount;
use super::api::{Reference, StripeError, one_line, unknown};

/// The metadata that ties what is at Stripe to what is here.
pub(super) const ATTEMPT: &str = "innkeeper_attempt";
pub(super) const INVOICE: &str = "innkeeper_invoice";
pub(super) const CLIENT: &str = "innkeeper_client";
pub(super) const REFUND: &str = "innkeeper_refund";
/// On payments of a client who is there: what the bank refuses then is refused.
pub(super) const PRESENT: &str = "innkeeper_present";
/// On pages, with the reference.
pub(super) const PAGE: &str = "innkeeper_page";

/// The refusal of a bank that wants to see the client (3-D Secure).
const AUTHENTICATION_REQUIRED: &str = "authentication_required";

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PaymentIntent {
    pub id: String,
    pub status: String,
    /// Seconds since 1970.
    pub created: Option<i64>,
    amount: i64,
    amount_received: Option<i64>,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
    pub payment_method: Option<Reference>,
    pub last_payment_error: Option<StripeError>,
    next_action: Option<NextAction>,
    pub latest_charge: Option<Reference>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct NextAction {
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RedirectToUrl {
    url: Option<String>,
}

/// How far an intent has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Decided(Outcome),
    /// Created, and neither carried out nor refused; holds the status.
    Open(String),
}

impl PaymentIntent {
    pub fn attempt(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(ATTEMPT).map(String::as_str)
    }

    /// What we wrote beside it, as a number.
    pub fn id_of(&self, key: &str) -> Option<i64> {
        self.metadata.as_ref()?.get(key)?.parse().ok()
    }

    pub fn asked(&self) -> Option<Money> {
        amount::from_stripe(self.amount, &self.currency)
    }

    /// What was taken where something was, else what was asked for.
    pub fn money(&self) -> Option<Money> {
        let units = self.amount_received.filter(|units| *units > 0).unwrap_or(self.amount);
        amount::from_stripe(units, &self.currency)
    }

    /// An intent that speaks of another amount or another attempt proves nothing about ours.
    pub fn check(&self, attempt: &str, amount: Money) -> Result<(), GatewayError> {
        if self.attempt().is_some_and(|theirs| theirs != attempt) {
            return Err(unknown(format!("Stripe's payment {} belongs to another attempt.", self.id)));
        }
        let taken_in_part = self.status == "succeeded" && self.money() != Some(amount);
        if self.asked() != Some(amount) || taken_in_part {
            return Err(unknown(format!("Stripe's payment {} is not of {amount}.", self.id)));
        }
        Ok(())
    }

    /// <https://docs.stripe.com/payments/paymentintents/lifecycle>
    pub fn progress(&self) -> Progress {
        let external_id = self.id.clone();
        Progress::Decided(match self.status.as_str() {
            "succeeded" => Outcome::Succeeded { external_id, fee: None },
            "processing" => Outcome::Pending { external_id },
            "requires_action" => Outcome::ActionRequired { external_id, url: self.action_url() },
            "requires_payment_method" => match &self.last_payment_error {
                Some(error) => refused(Some(external_id), error, self.presence()),
                None => return Progress::Open(self.status.clone()),
            },
            "canceled" => Outcome::Declined {
                external_id: Some(external_id),
                code: "canceled".to_owned(),
                reason: "The payment was canceled.".to_owned(),
            },
            _ => return Progress::Open(self.status.clone()),
        })
    }

    fn presence(&self) -> Client {
        let here = self.metadata.as_ref().is_some_and(|all| all.contains_key(PRESENT));
        if here { Client::Present } else { Client::Absent }
    }

    fn action_url(&self) -> Option<String> {
        self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.clone()
    }
}

/// Whether somebody was there to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Absent,
    Present,
}

/// A refused payment: an authentication that an absent client can still give, or a decline.
pub(super) fn refused(external_id: Option<String>, error: &StripeError, client: Client) -> Outcome {
    let codes = [error.decline_code.as_deref(), error.code.as_deref()];
    match external_id {
        Some(external_id) if client == Client::Absent && codes.contains(&Some(AUTHENTICATION_REQUIRED)) => {
            Outcome::ActionRequired { external_id, url: None }
        }
        external_id => Outcome::Declined {
            external_id,
            // `code` is mostly card_declined; `decline_code` says why.
            code: one_line(codes.into_iter().flatten().find(|code| !code.is_empty()).unwrap_or("card_declined")),
            reason: one_line(error.message.as_deref().unwrap_or("The payment was declined.")),
        },
    }
}
