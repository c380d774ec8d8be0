//! Cards and bank debits through Stripe, <https://docs.stripe.com/api>.
//!
//! A charge is one request: a PaymentIntent that is created and confirmed off-session, with our attempt's id both
//! as the idempotency key and in the metadata. The metadata is what [`Gateway::look_up`] searches for, because a
//! key can only be used by sending the charge again, which a look-up must never do.
//!
//! **After [`Outcome::ActionRequired`]** the PaymentIntent lives on and the client can still complete it, whatever we
//! do with the invoice. So before the invoice is charged again or is paid in another way, [`Gateway::cancel`] has to
//! answer `Declined`. Starting a second attempt beside an open first one can take the money twice. The same holds for a
//! page ([`Gateway::open_page`]) and [`Gateway::close_page`].
//!
//! **A client who is there** is charged with a PaymentIntent of its own, confirmed on-session with a `return_url`: what
//! the bank wants is a redirect then, and none of it needs Stripe's script. A new card is entered on a Checkout page.
//!
//! Webhooks to subscribe to: `payment_intent.*`, `checkout.session.*`, `refund.*` and `charge.dispute.*` (an endpoint of
//! an older API version has `charge.refunded` and `charge.refund.updated` in place of `refund.*`; they are understood).

use billing::gateways::{
    Attempt, Capabilities, ChargeRequest, ConfigField, Gateway, GatewayConfig, GatewayError, LookUp, MethodToken,
    OpenPage, Outcome, Page, PageRequest, PageState, Presence, RefundOutcome, RefundRequest, StoreOutcome,
    StoreRequest, Taken, WebhookError, WebhookEvent,
};
use kernel::Timestamp;
use reqwest::StatusCode;

use super::signature;
use crate::http::{Answer, Http};
use api::{Api, path_id, unknown};
use intent::{Client, PaymentIntent, Progress};

mod amount;
mod api;
mod disputes;
mod fees;
mod intent;
mod methods;
mod pages;
mod refunds;
mod search;
#[cfg(test)]
mod tests;
mod webhook;

const FIELDS: &[ConfigField] = &[
    ConfigField {
        key: "secret_key",
        label: "Secret key",
        help: "Starts with sk_ or rk_. In Stripe: Developers, API keys.",
        secret: true,
        required: true,
        default: "",
    },
    ConfigField {
        key: "webhook_secret",
        label: "Webhook signing secret",
        help: "Starts with whsec_. Subscribe the endpoint to the events payment_intent, checkout.session, refund and \
               charge.dispute.",
        secret: true,
        required: false,
        default: "",
    },
    ConfigField {
        key: "api_base",
        label: "API address",
        help: "Only changed for tests.",
        secret: false,
        required: false,
        default: "https://api.stripe.com",
    },
];

#[derive(Debug, Clone)]
pub struct Stripe {
    http: Http,
}

impl Stripe {
    pub fn new(http: Http) -> Stripe {
        Stripe { http }
    }

    /// Makes sure that nobody can complete the payment any more. `Known(Declined)` says that this is so; any other
    /// answer says what became of the payment instead, `Succeeded` for example when the client was faster.
    pub async fn cancel_payment(&self, config: &GatewayConfig, payment: &str) -> Result<LookUp, GatewayError> {
        let api = Api::new(&self.http, config)?;
        let answer = api.post(&format!("/v1/payment_intents/{}/cancel", path_id(payment)?), &[], None).await?;
        let intent = match answer.status {
            // Not in a state to be canceled; then its state is the answer.
            StatusCode::BAD_REQUEST => retrieve(&api, payment).await?,
            _ => api::object::<PaymentIntent>(&answer)?,
        };
        let canceled = intent.status == "canceled";
        Ok(match intent.progress() {
            // It was refused once, but is open to another try.
            Progress::Decided(Outcome::Declined { .. }) if !canceled => LookUp::InProgress,
            Progress::Decided(outcome) => LookUp::Known(fees::added(&api, &intent, outcome).await),
            Progress::Open(_) => LookUp::InProgress,
        })
    }
}

#[async_trait::async_trait]
impl Gateway for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn display_name(&self) -> &'static str {
        "Stripe"
    }

    fn fields(&self) -> &'static [ConfigField] {
        FIELDS
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { off_session: true, pages: true, refunds: true, webhooks: true, manual: false }
    }

    /// `remote_token` is one of
    /// - `pm_…` or `tok_…`, a method or token that belongs to nobody yet;
    /// - `cus_…/pm_…` (or `card_…`, `src_…` in place of `pm_…`), a method that the customer has there already. It lets
    ///   the caller take over any customer of the account, so it must never come from a client: it is for imports.
    ///
    /// A method that a client has left on a page of Stripe's comes by [`Gateway::look_up_page`] instead.
    async fn store(&self, config: &GatewayConfig, request: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        methods::store(&Api::new(&self.http, config)?, request).await
    }

    async fn forget(&self, config: &GatewayConfig, method: &MethodToken) -> Result<(), GatewayError> {
        methods::forget(&Api::new(&self.http, config)?, &method.method).await
    }

    async fn charge(&self, config: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError> {
        let api = Api::new(&self.http, config)?;
        let units = amount::to_stripe(request.amount).map_err(api::not_sent)?.to_string();
        let currency = request.amount.currency.code().to_lowercase();
        let client = request.client_id.to_string();
        let invoice = request.invoice_id.to_string();
        let metadata = |key: &str| format!("metadata[{key}]");
        let keys = [intent::ATTEMPT, intent::INVOICE, intent::CLIENT, intent::PRESENT].map(metadata);
        let mut form = vec![
            ("amount", units.as_str()),
            ("currency", &currency),
            ("payment_method", &request.method.method),
            ("confirm", "true"),
            // Any kind of method that the account takes.
            ("automatic_payment_methods[enabled]", "true"),
            // Capturing later is faster, but then the fee is not known at once.
            ("capture_method", "automatic"),
            (&keys[0], &request.attempt),
            (&keys[1], &invoice),
            (&keys[2], &client),
        ];
        match &request.presence {
            // Nobody is there to be sent elsewhere; so no return address is needed.
            Presence::Absent => {
                form.extend([("off_session", "true"), ("automatic_payment_methods[allow_redirects]", "never")]);
            }
            Presence::Present { return_url } => form.extend([("return_url", return_url.as_str()), (&keys[3], "1")]),
        }
        form.extend(optional("customer", &request.method.customer));
        form.extend(optional("description", &request.description));
        let answer = api.post("/v1/payment_intents", &form, Some(&request.attempt)).await?;
        outcome(&api, &answer, &request).await
    }

    async fn look_up(&self, config: &GatewayConfig, attempt: &Attempt, now: Timestamp) -> Result<LookUp, GatewayError> {
        // "Not sent" would speak of the question, and could be taken to speak of the charge.
        search::look_up(&self.http, config, attempt, now).await.map_err(leave_open)
    }

    async fn cancel(&self, config: &GatewayConfig, external_id: &str) -> Result<LookUp, GatewayError> {
        self.cancel_payment(config, external_id).await
    }

    async fn taken_since(&self, config: &GatewayConfig, since: Timestamp) -> Result<Vec<Taken>, GatewayError> {
        search::taken_since(&self.http, config, since).await
    }

    async fn open_page(&self, config: &GatewayConfig, request: PageRequest) -> Result<Page, GatewayError> {
        pages::open(&Api::new(&self.http, config)?, request).await
    }

    async fn look_up_page(&self, config: &GatewayConfig, page: &OpenPage) -> Result<PageState, GatewayError> {
        pages::look_up(&Api::new(&self.http, config)?, page).await.map_err(leave_open)
    }

    async fn close_page(&self, config: &GatewayConfig, page: &OpenPage) -> Result<PageState, GatewayError> {
        pages::close(&Api::new(&self.http, config)?, page).await.map_err(leave_open)
    }

    async fn refund(&self, config: &GatewayConfig, request: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        refunds::refund(&Api::new(&self.http, config)?, &request).await
    }

    async fn look_up_refund(
        &self,
        config: &GatewayConfig,
        request: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        refunds::look_up(&Api::new(&self.http, config)?, request).await.map_err(leave_open)
    }

    fn verify_webhook(
        &self,
        config: &GatewayConfig,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        let header = signature::header(headers, "Stripe-Signature");
        signature::verify(header, config.get("webhook_secret"), body, now)?;
        webhook::read(body)
    }
}

/// What Stripe's answer to a charge means.
async fn outcome(api: &Api<'_>, answer: &Answer, request: &ChargeRequest) -> Result<Outcome, GatewayError> {
    if answer.status == StatusCode::PAYMENT_REQUIRED {
        let Some(error) = api::refusal(answer) else {
            return Err(unknown("Stripe declined (402), but its answer cannot be read."));
        };
        let payment = error.payment_intent.as_ref().map(|intent| intent.id().to_owned());
        let client = match request.presence {
            Presence::Absent => Client::Absent,
            Presence::Present { .. } => Client::Present,
        };
        return Ok(intent::refused(payment, &error, client));
    }
    let intent: PaymentIntent = api::object(answer)?;
    intent.check(&request.attempt, request.amount)?;
    match intent.progress() {
        Progress::Decided(outcome) => Ok(fees::added(api, &intent, outcome).await),
        Progress::Open(status) => Err(unknown(format!("Stripe left the payment in the status {status}."))),
    }
}

async fn retrieve(api: &Api<'_>, payment: &str) -> Result<PaymentIntent, GatewayError> {
    let answer = api.get(&format!("/v1/payment_intents/{}", path_id(payment)?), &[]).await?;
    api::object(&answer)
}

fn optional<'a>(key: &'a str, value: &'a str) -> Option<(&'a str, &'a str)> {
    (!value.is_empty()).then_some((key, value))
}

/// For a question: whatever kept it from being answered, what it was about stays unknown.
fn leave_open(error: GatewayError) -> GatewayError {
    match error {
        GatewayError::NotSent(words) => GatewayError::Unknown(words),
        other => other,
    }
}
