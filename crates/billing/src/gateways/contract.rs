//! What a payment gateway module must be able to do, and what its answers mean.
//!
//! The order of a charge is always: our attempt row is committed → [`Gateway::charge`] is called with the
//! attempt's id → the outcome is committed. So a module never decides to retry: it says what it knows.
//! The worst mistake a module can make is to call an attempt failed that the provider may have carried out;
//! when in doubt it answers [`GatewayError::Unknown`] and is asked again through [`Gateway::look_up`].
//!
//! The same order holds for a page of the provider's ([`Gateway::open_page`]) and for a refund. `docs/gateways.md`
//! walks through all of it for those who write a module.

use std::collections::BTreeMap;

use kernel::{Currency, Money, Timestamp};

/// A built-in or plugged-in way to be paid.
///
/// No method is called inside a transaction, and each may be called again with the same request after a crash.
#[async_trait::async_trait]
pub trait Gateway: Send + Sync {
    /// The stable name in settings, URLs and the compatible API, e.g. `stripe`.
    fn name(&self) -> &'static str;
    /// What staff and clients read until staff choose another display name.
    fn display_name(&self) -> &'static str;
    fn fields(&self) -> &'static [ConfigField];
    fn capabilities(&self) -> Capabilities;

    /// What the client has to do where money arrives outside: the lines of an account, an address.
    fn instructions(&self, _config: &GatewayConfig) -> Vec<String> {
        Vec::new()
    }

    /// Makes a stored payment method of ours out of something the provider already holds (a payment method's id there).
    /// Never receives a card number, except the sandbox gateway.
    async fn store(&self, config: &GatewayConfig, request: StoreRequest) -> Result<StoreOutcome, GatewayError>;

    /// Forgets a stored method at the provider. Forgetting it twice is fine.
    async fn forget(&self, config: &GatewayConfig, method: &MethodToken) -> Result<(), GatewayError>;

    /// Charges a stored method. `request.attempt` is the idempotency key: the same request again is the same charge.
    async fn charge(&self, config: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError>;

    /// What became of an attempt whose outcome we do not know. It reads only.
    ///
    /// `now` is the clock that `attempt.started_at` was read from. [`LookUp::NeverArrived`] lets the client be charged
    /// again: it is answered only when the provider has nothing of the attempt *and* so much time has passed that the
    /// request cannot be under way any more.
    async fn look_up(&self, config: &GatewayConfig, attempt: &Attempt, now: Timestamp) -> Result<LookUp, GatewayError>;

    /// Gives up a charge that waits for the client ([`Outcome::ActionRequired`]), so that another can be made. Only
    /// `Known(Declined)` says that no money will come of it any more.
    async fn cancel(&self, config: &GatewayConfig, external_id: &str) -> Result<LookUp, GatewayError>;

    /// Makes a page of the provider's on which the client pays, or leaves a method. `request.reference` is the
    /// idempotency key. As long as its address has not been handed to the client, nothing can come of it.
    async fn open_page(&self, _config: &GatewayConfig, _request: PageRequest) -> Result<Page, GatewayError> {
        Err(GatewayError::Unsupported("a page of its own"))
    }

    /// What has become of a page. It reads only.
    async fn look_up_page(&self, _config: &GatewayConfig, _page: &OpenPage) -> Result<PageState, GatewayError> {
        Err(GatewayError::Unsupported("a page of its own"))
    }

    /// Closes a page, so that the client can be charged in another way. Only [`PageState::Expired`] says that no money
    /// will come of it any more.
    async fn close_page(&self, _config: &GatewayConfig, _page: &OpenPage) -> Result<PageState, GatewayError> {
        Err(GatewayError::Unsupported("a page of its own"))
    }

    /// Refunds `amount` of a payment; `refund` is the idempotency key: the same request again is the same refund.
    async fn refund(&self, config: &GatewayConfig, request: RefundRequest) -> Result<RefundOutcome, GatewayError>;

    /// Every payment with our metadata that the provider has taken since then, for books that come from a backup.
    async fn taken_since(&self, config: &GatewayConfig, since: Timestamp) -> Result<Vec<Taken>, GatewayError> {
        let _ = (config, since);
        Err(GatewayError::Unsupported("listing what was taken"))
    }

    /// What became of a refund whose answer was lost. It reads only. `None`: the provider does not have it, and asking
    /// for it again with the same id makes one refund at most.
    async fn look_up_refund(
        &self,
        config: &GatewayConfig,
        request: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError>;

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
    /// Has pages of its own on which a client pays or leaves a method.
    pub pages: bool,
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

/// What the provider said of a method that was to be stored. A decline is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOutcome {
    Stored(StoredMethod),
    Declined { code: String, reason: String },
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
    pub presence: Presence,
}

/// Where the client is while a stored method is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nobody can answer questions: what needs the client is answered with [`Outcome::ActionRequired`].
    Absent,
    /// In a browser, which can be sent to the provider or the bank and comes back to `return_url`.
    Present { return_url: String },
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
    /// The client must authenticate (3-D Secure) while present. `url` is where a client who is present has to go now; a
    /// charge of an absent client mostly has none.
    ActionRequired {
        external_id: String,
        url: Option<String>,
    },
}

impl Outcome {
    /// One line for the gateway log. An address for authentication is left out: whoever has it may use it.
    pub fn told(&self) -> String {
        match self {
            Outcome::Succeeded { external_id, fee: Some(fee) } => format!("succeeded as {external_id}, fee {fee}"),
            Outcome::Succeeded { external_id, fee: None } => format!("succeeded as {external_id}"),
            Outcome::Pending { external_id } => format!("pending as {external_id}"),
            Outcome::Declined { external_id, code, reason } => {
                let named = external_id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default();
                format!("declined{named} ({code}): {reason}")
            }
            Outcome::ActionRequired { external_id, .. } => format!("the client must authenticate {external_id}"),
        }
    }
}

/// An attempt to ask about.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub attempt: String,
    /// The provider's id, when it was told to us before the connection broke.
    pub external_id: Option<String>,
    /// What was charged. `None` when the client was to pay on a page of the provider's, or the method is gone.
    pub method: Option<MethodToken>,
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
    /// What has been refunded of it or taken back by a bank since, all of it or a part.
    pub returned: Option<Money>,
}

/// A page of the provider's to be made.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// The public id of our attempt or setup (a UUID): idempotency key, and what events about the page name.
    pub reference: String,
    pub purpose: Purpose,
    /// The provider's customer, when the client has one there already.
    pub customer: Option<String>,
    pub client_id: i64,
    pub name: String,
    pub email: String,
    /// Where the browser comes back to when the client has finished, and when the client turns back.
    pub return_url: String,
    pub cancel_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    Pay {
        amount: Money,
        invoice_id: i64,
        description: String,
        /// The method may be kept and charged again while the client is absent.
        keep: bool,
    },
    /// Leave a method for later; nothing is taken now.
    Store { currency: Currency },
}

/// A page that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The provider's id of it.
    pub id: String,
    /// Where the client's browser has to go.
    pub url: String,
}

/// A page to ask about.
#[derive(Debug, Clone)]
pub struct OpenPage {
    pub id: String,
    pub reference: String,
    /// What was to be paid on it.
    pub amount: Option<Money>,
    /// Whether the method that was entered on it is to be kept.
    pub keep: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageState {
    /// The client has not finished.
    Open,
    /// The client can no longer finish, and nothing was taken.
    Expired,
    /// The client has finished. `payment`: what became of what was to be paid. `method`: what may be kept.
    Finished { payment: Option<Outcome>, method: Option<StoredMethod> },
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

impl RefundOutcome {
    /// One line for the gateway log.
    pub fn told(&self) -> String {
        match self {
            RefundOutcome::Succeeded { external_id } => format!("given back as {external_id}"),
            RefundOutcome::Pending { external_id } => format!("pending as {external_id}"),
            RefundOutcome::Refused { reason } => format!("refused: {reason}"),
        }
    }
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
    /// Something became of a page that we had made: it is looked up.
    Page {
        /// [`PageRequest::reference`].
        reference: String,
    },
    /// Something became of a refund.
    Refund {
        /// Our refund's id, where the event names it.
        refund: Option<String>,
        payment: String,
        external_id: String,
        amount: Money,
        outcome: RefundOutcome,
    },
    Dispute(DisputeNews),
    /// Genuine, and of no consequence to the books.
    Ignored,
}

/// What an event says of a dispute: the client's bank takes a payment back until somebody has decided who is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeNews {
    pub external_id: String,
    /// The payment's id at the provider, and its other id there, if it has two.
    pub payment: String,
    pub other_payment: Option<String>,
    pub amount: Money,
    /// Why, in the provider's word.
    pub reason: String,
    pub state: DisputeState,
    /// The provider's own word for the state.
    pub status: String,
    /// Until when evidence is taken.
    pub answer_by: Option<Timestamp>,
    /// The disputed amount was taken from what the provider owes us; with what it keeps for its work.
    pub withdrawn: Option<Movement>,
    /// It was given back.
    pub reinstated: Option<Movement>,
}

/// Money that moved because of a dispute: the disputed amount, and a fee (negative: given back) where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    pub fee: Option<Money>,
}

kernel::text_enum! {
    pub enum DisputeState {
        Open = "open",
        Won = "won",
        Lost = "lost",
        /// Nothing came of it: an inquiry that did not become a dispute.
        Closed = "closed",
    }
}
platform::enum_column!(DisputeState);

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
    /// Genuine, but signed so many seconds before (or after) our clock's now: repeated by somebody, or our clock is wrong.
    #[error("the event was signed {seconds} seconds from now by this server's clock, which is more than is tolerated")]
    OutsideTolerance { seconds: i64 },
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    #[error("this gateway has no webhooks")]
    Unsupported,
}
