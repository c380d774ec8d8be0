//! The test gateway. **No money ever moves**: every answer follows from the stored method, which stands for a
//! [`Scenario`]. It keeps nothing, so it gives the same answers after a restart: the scenario is part of the ids that
//! it hands out.
//!
//! What its bank and its payment page would ask of a client, [`pages`] asks: pages of ours, in sandbox databases only. They
//! tell what became of it as a provider's event would, and so there is nothing to look up.
//!
//! It is the only gateway that may be given a card number, namely the well-known test numbers; the number is turned
//! into its scenario at once and is neither kept nor repeated.

use billing::gateways::{
    Attempt, Capabilities, ChargeRequest, ConfigField, Gateway, GatewayConfig, GatewayError, LookUp, MethodToken,
    OpenPage, Outcome, Page, PageRequest, PageState, Presence, RefundOutcome, RefundRequest, StoreOutcome,
    StoreRequest, Taken, WebhookError, WebhookEvent,
};
use kernel::{Money, Rounding, Timestamp};

use super::signature;

mod pages;
mod scenario;
mod webhook;

pub use pages::routes;
pub use scenario::Scenario;
pub use webhook::{SandboxEvent, SandboxEventKind, SignedWebhook};

const FIELDS: &[ConfigField] = &[ConfigField {
    key: "webhook_secret",
    label: "Webhook signing secret",
    help: "Any text. Without it no webhook is accepted.",
    secret: true,
    required: false,
    default: "",
}];

/// What the sandbox keeps of a payment, so that books with fees can be tried out.
const FEE_PERCENT: i64 = 2;

#[derive(Debug, Clone, Copy, Default)]
pub struct Sandbox;

impl Sandbox {
    /// An event as the sandbox would deliver it, signed with the secret of `config`.
    pub fn webhook(
        config: &GatewayConfig,
        event: &SandboxEvent,
        now: Timestamp,
    ) -> Result<SignedWebhook, WebhookError> {
        webhook::signed(config.get("webhook_secret"), event, now)
    }
}

#[async_trait::async_trait]
impl Gateway for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn display_name(&self) -> &'static str {
        "Sandbox (no money moves)"
    }

    fn fields(&self) -> &'static [ConfigField] {
        FIELDS
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { off_session: true, pages: true, refunds: true, webhooks: true, manual: false }
    }

    /// `remote_token` is the name of a [`Scenario`] or a test card number. Anything else is refused without being
    /// repeated, since it may be the number of a real card.
    async fn store(&self, _: &GatewayConfig, request: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        let card = scenario::test_card(&request.remote_token).ok_or_else(|| {
            let names: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::name).collect();
            GatewayError::NotSent(format!("The sandbox takes test card numbers and the tokens {}.", names.join(", ")))
        })?;
        Ok(StoreOutcome::Stored(card.stored(request.client_id)))
    }

    async fn forget(&self, _: &GatewayConfig, _: &MethodToken) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn charge(&self, _: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError> {
        let scenario = Scenario::of_id(&request.method.method)
            .ok_or_else(|| GatewayError::NotSent("This method was not stored by the sandbox.".to_owned()))?;
        if !request.amount.is_positive() {
            return Err(GatewayError::NotSent("Only an amount above zero can be charged.".to_owned()));
        }
        match scenario {
            Scenario::Timeout | Scenario::Lost => {
                Err(GatewayError::Unknown("The sandbox pretends that the connection broke.".to_owned()))
            }
            Scenario::Down => Err(GatewayError::NotSent("The sandbox pretends to be down.".to_owned())),
            Scenario::Pending | Scenario::Bounced => {
                Ok(Outcome::Pending { external_id: scenario.payment_id(&request.attempt) })
            }
            decided => Ok(match (decided.final_outcome(&request.attempt, fee(request.amount)), &request.presence) {
                (Outcome::ActionRequired { external_id, .. }, Presence::Present { return_url }) => {
                    Outcome::ActionRequired { external_id, url: Some(pages::challenge(&request.attempt, return_url)) }
                }
                (outcome, _) => outcome,
            }),
        }
    }

    /// Payments that were pending are decided by the time somebody asks.
    async fn look_up(&self, _: &GatewayConfig, attempt: &Attempt, _: Timestamp) -> Result<LookUp, GatewayError> {
        let scenario = attempt
            .external_id
            .as_deref()
            .and_then(Scenario::of_id)
            .or_else(|| Scenario::of_id(&attempt.method.as_ref()?.method))
            .ok_or_else(|| GatewayError::Unknown("This attempt was not made with the sandbox.".to_owned()))?;
        Ok(match scenario {
            Scenario::Lost | Scenario::Down => LookUp::NeverArrived,
            decided => LookUp::Known(decided.final_outcome(&attempt.attempt, fee(attempt.amount))),
        })
    }

    /// No provider stands behind it, so nothing was taken that the books do not know.
    async fn taken_since(&self, _: &GatewayConfig, _: Timestamp) -> Result<Vec<Taken>, GatewayError> {
        Ok(Vec::new())
    }

    async fn cancel(&self, _: &GatewayConfig, external_id: &str) -> Result<LookUp, GatewayError> {
        Ok(LookUp::Known(Outcome::Declined {
            external_id: Some(external_id.to_owned()),
            code: "canceled".to_owned(),
            reason: "The charge was given up before the client authenticated it.".to_owned(),
        }))
    }

    async fn open_page(&self, _: &GatewayConfig, request: PageRequest) -> Result<Page, GatewayError> {
        let url = pages::page(&request.reference, &request.return_url);
        Ok(Page { id: format!("sandbox_page_{}", request.reference), url })
    }

    async fn look_up_page(&self, _: &GatewayConfig, _: &OpenPage) -> Result<PageState, GatewayError> {
        Ok(PageState::Open)
    }

    async fn close_page(&self, _: &GatewayConfig, _: &OpenPage) -> Result<PageState, GatewayError> {
        Ok(PageState::Expired)
    }

    async fn refund(&self, _: &GatewayConfig, request: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        Ok(refunded(&request))
    }

    async fn look_up_refund(
        &self,
        _: &GatewayConfig,
        request: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        Ok(Some(refunded(request)))
    }

    fn verify_webhook(
        &self,
        config: &GatewayConfig,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        let header = signature::header(headers, webhook::HEADER);
        signature::verify(header, config.get("webhook_secret"), body, now)?;
        webhook::read(body)
    }
}

/// It keeps nothing, so it answers the same however often it is asked.
fn refunded(request: &RefundRequest) -> RefundOutcome {
    if Scenario::of_id(&request.payment).is_none() {
        return RefundOutcome::Refused { reason: "This payment was not made with the sandbox.".to_owned() };
    }
    if !request.amount.is_positive() {
        return RefundOutcome::Refused { reason: "Only an amount above zero can be refunded.".to_owned() };
    }
    RefundOutcome::Succeeded { external_id: format!("sandbox_refund_{}", request.refund) }
}

fn fee(amount: Money) -> Option<Money> {
    amount.times_ratio(FEE_PERCENT, 100, Rounding::Down).ok()
}
