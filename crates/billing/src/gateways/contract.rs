//! What a payment gateway module must be able to do, and what its answers mean.
//!
//! The order of a charge is always: our attempt row is committed → [`Gateway::charge`] is called with the
//! attempt's id → the outcome is committed. So a module never decides to retry: it says what it knows.
//! The worst mistake a module can make is to call an attempt failed that the provider may have carried out;
//! when in doubt it answers [`GatewayError::Unknown`] and is asked again through [`Gateway::look_up`].

use std::collections::BTreeMap;

use kernel::{Money, Timestamp};

/// A built-in or plugged-in way to be paid.
#[async_trait::async_trait]
pub trait Gateway: Send + Sync {
    /// The stable name in settings, URLs and the compatible API, e.g. `stripe`.
    fn name(&self) -> &'static str;
    /// What staff and clients read until staff choose another display name.
    fn display_name(&self) -> &'static str;
    fn fields(&self) -> &'static [ConfigField];
    fn capabilities(&self) -> Capabilities;

    /// Makes a stored payment method of ours out of something the provider already holds (a token of its own
    /// browser form, a payment method id). Never receives a card number, except the sandbox gateway.
    async fn store(&self, config: &GatewayConfig, request: StoreRequest) -> Result<StoredMethod, GatewayError>;

    /// Forgets a stored method at the provider. Forgetting it twice is fine.
    async fn forget(&self, config: &GatewayConfig, method: &MethodToken) -> Result<(), GatewayError>;

    /// Charges a stored method while the client is absent. `request.attempt` is the idempotency key.
    async fn charge(&self, config: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError>;

    /// What became of an attempt whose outcome we do not know.
    async fn look_up(&self, config: &GatewayConfig, attempt: &Attempt) -> Result<LookUp, GatewayError>;

    /// Gives up a charge that waits for the client ([`Outcome::ActionRequired`]), so that another can be made. Only
    /// `Known(Declined)` says that no money will come of it any more.
    async fn cancel(&self, config: &GatewayConfig, external_id: &str) -> Result<LookUp, GatewayError>;

    /// Refunds `amount` of a payment; `refund` is the idempotency key.
    async fn refund(&self, config: &GatewayConfig, request: RefundRequest) -> Result<RefundOutcome, GatewayError>;

    /// Every payment with our metadata that the provider has taken since then, for books that come from a backup.
    async fn taken_since(&self, config: &GatewayConfig, since: Timestamp) -> Result<Vec<Taken>, GatewayError> {
        let _ = (config, since);
        Err(GatewayError::Unsupported("listing what was taken"))
    }

    /// Checks the signature and its age, and reads the event. Anything unsigned, stale or unreadable is an `Err`.
    fn verify_webhook(
        &self,
        config: &GatewayConfig,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<WebhookEvent, WebhookError>;
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Can hold a token that is charged later without the client.
    pub off_session: bool,
    pub refunds: bool,
    pub webhooks: bool,
    /// Money arrives outside (bank transfer, cheque); staff record it by hand.
    pub manual: bool,
}

/// One field of a gateway's configuration page.
#[derive(Debug, Clone, Copy)]
pub struct ConfigField {
    pub key: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    /// Encrypted at rest and never shown again.
    pub secret: bool,
    pub required: bool,
    pub default: &'static str,
}

/// The values of [`Gateway::fields`], secrets decrypted; printing it shows no secret.
#[derive(Clone, Default)]
pub struct GatewayConfig(pub BTreeMap<String, String>);

impl GatewayConfig {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// The provider's ids of a stored method. `customer` is empty where a provider has no customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodToken {
    pub customer: String,
    pub method: String,
}

#[derive(Debug, Clone)]
pub struct StoreRequest {
    /// The provider's token for the method, e.g. `pm_…` (or `tok_…`).
    pub remote_token: String,
    /// The provider's customer to attach it to, when the client already has one there.
    pub customer: Option<String>,
    /// Our client, for the provider's records.
    pub client_id: i64,
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMethod {
    pub token: MethodToken,
    pub kind: MethodKind,
    /// `Visa`, `Mastercard`, a bank's name …
    pub brand: String,
    pub last_four: String,
    pub expiry: Option<Expiry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    Card,
    BankAccount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    pub year: u16,
    pub month: u8,
}

#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Our attempt's public id (a UUID): idempotency key and metadata at the provider.
    pub attempt: String,
    pub amount: Money,
    pub method: MethodToken,
    pub client_id: i64,
    pub invoice_id: i64,
    /// What the client reads on the statement, where the provider shows it.
    pub description: String,
}

/// What the provider said of a charge. A decline is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The money is ours. `fee` as far as the provider tells.
    Succeeded {
        external_id: String,
        fee: Option<Money>,
    },
    /// Taken on, decided later (bank debits): a webhook or a look-up will tell.
    Pending {
        external_id: String,
    },
    Declined {
        external_id: Option<String>,
        code: String,
        reason: String,
    },
    /// The client must authenticate (3-D Secure) while present.
    ActionRequired {
        external_id: String,
        url: Option<String>,
    },
}

/// An attempt to ask about.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub attempt: String,
    /// The provider's id, when it was told to us before the connection broke.
    pub external_id: Option<String>,
    pub customer: String,
    pub amount: Money,
    pub started_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    Known(Outcome),
    /// The provider has never heard of it, and can no longer receive it: safe to try again.
    NeverArrived,
    /// Still in the provider's hands.
    InProgress,
}

/// A payment in the provider's own list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub external_id: String,
    /// Our attempt, client and invoice, as far as the provider was told.
    pub attempt: String,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub amount: Money,
    pub fee: Option<Money>,
    pub taken_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Our refund's public id: idempotency key at the provider.
    pub refund: String,
    /// The payment's id at the provider.
    pub payment: String,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    Succeeded { external_id: String },
    Pending { external_id: String },
    Refused { reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The provider's event id: applied once.
    pub event_id: String,
    pub kind: String,
    pub effect: WebhookEffect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEffect {
    /// Something became of one of our attempts (found by its id in the metadata, or by the provider's id).
    Charge {
        attempt: Option<String>,
        outcome: Outcome,
        amount: Money,
    },
    Refund {
        payment: String,
        refund_external_id: String,
        amount: Money,
    },
    /// Genuine, and of no consequence to the books.
    Ignored,
}

#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The call may or may not have been carried out (time-out, broken connection, 5xx). Ask before retrying.
    #[error("no answer: {0}")]
    Unknown(String),
    /// Certainly not carried out (connection refused, 401, 429, rejected parameters).
    #[error("not carried out: {0}")]
    NotSent(String),
    /// The module cannot do this at all.
    #[error("{0} is not supported by this gateway")]
    Unsupported(&'static str),
}

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("the signature does not match")]
    BadSignature,
    #[error("the event is older than the tolerance")]
    TooOld,
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    #[error("this gateway has no webhooks")]
    Unsupported,
}
