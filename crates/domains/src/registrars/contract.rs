//! What a registrar module must be able to do, and what its answers mean.
//!
//! The order of what costs money is always: our operation is committed → the module is called with the operation's id → the
//! outcome is committed. So a module never repeats anything by itself: it says what it knows. The worst mistake that it can
//! make is to call something failed that the registry may have carried out; when in doubt it answers
//! [`RegistrarError::Unknown`], and the domain is looked at by [`Registrar::info`] before anything is asked for again.
//!
//! What a registry says goes to staff, never to clients: it may name other customers, balances and prices.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Date, DomainName, Extension, Money, Timestamp};

use crate::tlds::prices::LateFee;

/// A way to have domains registered.
///
/// No method is called inside a transaction, and each may be called again with the same request after a crash.
#[async_trait::async_trait]
pub trait Registrar: Send + Sync {
    /// The stable name in settings and the API, e.g. `epp`.
    fn module(&self) -> &'static str;
    fn display_name(&self) -> &'static str;
    fn fields(&self) -> &'static [Field];
    /// What it can do with an account that is set up like this. What is not in it has no button.
    fn abilities(&self, account: &Account) -> BTreeSet<Ability>;

    /// Whether a field of the kind [`FieldKind::Address`] may hold this; what to write instead. In a sandbox an address of
    /// this machine may.
    fn check_address(&self, key: &str, value: &str, sandbox: bool) -> Result<(), String> {
        let _ = (key, value, sandbox);
        Ok(())
    }

    /// Logs in and out again; what staff read of it.
    async fn test(&self, account: &Account) -> Result<String, RegistrarError>;

    /// Whether names can be registered, in the order of the question, an answer for each.
    async fn check(&self, account: &Account, names: &[DomainName]) -> Result<Vec<Checked>, RegistrarError> {
        let _ = (account, names);
        Err(RegistrarError::Unsupported("looking names up"))
    }

    /// What the registry holds of a domain. `Ok(None)`: it does not exist there, or is not ours to see.
    async fn info(&self, account: &Account, name: &DomainName) -> Result<Option<Registered>, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("looking a domain up"))
    }

    async fn register(&self, account: &Account, request: &Registration) -> Result<Done, RegistrarError> {
        let _ = (account, request);
        Err(RegistrarError::Unsupported("registering"))
    }

    async fn transfer(&self, account: &Account, request: &TransferIn) -> Result<Done, RegistrarError> {
        let _ = (account, request);
        Err(RegistrarError::Unsupported("transfers"))
    }

    /// What has become of a transfer to us.
    async fn transfer_state(&self, account: &Account, name: &DomainName) -> Result<TransferState, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("asking for the state of a transfer"))
    }

    /// Renews from `current_expiry` on. The registry refuses it when the domain expires on another day, so that a
    /// repetition after a lost answer costs nothing.
    async fn renew(&self, account: &Account, request: &Renewal) -> Result<Done, RegistrarError> {
        let _ = (account, request);
        Err(RegistrarError::Unsupported("renewing"))
    }

    /// Changes what is asked for in one go where the registry allows it, and nothing else.
    async fn update(&self, account: &Account, name: &DomainName, change: &Change) -> Result<Done, RegistrarError> {
        let _ = (account, name, change);
        Err(RegistrarError::Unsupported("changing a domain"))
    }

    async fn contacts(&self, account: &Account, name: &DomainName) -> Result<Contacts, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("reading contacts"))
    }

    /// The code with which the domain can be transferred away. Some registries mail it to the registrant instead.
    async fn auth_code(&self, account: &Account, name: &DomainName) -> Result<AuthCode, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("authorisation codes"))
    }

    /// Name servers under the domain itself, with their addresses.
    async fn glue(&self, account: &Account, name: &DomainName) -> Result<Vec<GlueHost>, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("name servers of the domain's own"))
    }

    async fn set_glue(&self, account: &Account, name: &DomainName, change: &GlueChange) -> Result<(), RegistrarError> {
        let _ = (account, name, change);
        Err(RegistrarError::Unsupported("name servers of the domain's own"))
    }

    async fn records(&self, account: &Account, name: &DomainName) -> Result<Vec<Record>, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("DNS records"))
    }

    /// The records as they are from now on.
    async fn set_records(&self, account: &Account, name: &DomainName, all: &[Record]) -> Result<(), RegistrarError> {
        let _ = (account, name, all);
        Err(RegistrarError::Unsupported("DNS records"))
    }

    async fn forwards(&self, account: &Account, name: &DomainName) -> Result<Vec<Forward>, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("e-mail forwarding"))
    }

    async fn set_forwards(&self, account: &Account, name: &DomainName, all: &[Forward]) -> Result<(), RegistrarError> {
        let _ = (account, name, all);
        Err(RegistrarError::Unsupported("e-mail forwarding"))
    }

    /// Hands the domain over to the registrar with this tag.
    async fn release(&self, account: &Account, name: &DomainName, tag: &str) -> Result<Done, RegistrarError> {
        let _ = (account, name, tag);
        Err(RegistrarError::Unsupported("releasing a domain"))
    }

    /// Gives the domain up; the registry may keep it restorable for a while.
    async fn delete(&self, account: &Account, name: &DomainName) -> Result<Done, RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("deleting a domain"))
    }

    /// Sends the registrant the mail again that asks to confirm the address.
    async fn resend_verification(&self, account: &Account, name: &DomainName) -> Result<(), RegistrarError> {
        let _ = (account, name);
        Err(RegistrarError::Unsupported("verification mails"))
    }

    async fn suggestions(&self, account: &Account, ask: &Suggest) -> Result<Vec<Checked>, RegistrarError> {
        let _ = (account, ask);
        Err(RegistrarError::Unsupported("suggestions"))
    }

    /// What the registrar takes of us, for every extension that it sells.
    async fn price_list(&self, account: &Account) -> Result<Vec<Cost>, RegistrarError> {
        let _ = account;
        Err(RegistrarError::Unsupported("price lists"))
    }

    /// What is left on our account, and may be spent.
    async fn balance(&self, account: &Account) -> Result<Money, RegistrarError> {
        let _ = account;
        Err(RegistrarError::Unsupported("balances"))
    }

    /// The oldest message that the registry has for us, which stays until [`Registrar::acknowledge`].
    async fn next_message(&self, account: &Account) -> Result<Option<Message>, RegistrarError> {
        let _ = account;
        Err(RegistrarError::Unsupported("messages of the registry"))
    }

    async fn acknowledge(&self, account: &Account, id: &str) -> Result<(), RegistrarError> {
        let _ = (account, id);
        Err(RegistrarError::Unsupported("messages of the registry"))
    }
}

kernel::text_enum! {
    /// What a module can do, each a method of [`Registrar`] or a part of [`Change`].
    pub enum Ability {
        Check = "check",
        Info = "info",
        Register = "register",
        Transfer = "transfer",
        Renew = "renew",
        Restore = "restore",
        Nameservers = "nameservers",
        Lock = "lock",
        Contacts = "contacts",
        AuthCode = "auth_code",
        IdProtection = "id_protection",
        Dnssec = "dnssec",
        Glue = "glue",
        Records = "records",
        Forwards = "forwards",
        Release = "release",
        Delete = "delete",
        Verification = "verification",
        Suggestions = "suggestions",
        PriceList = "price_list",
        Balance = "balance",
        Messages = "messages",
    }
}

/// One field of a registrar's configuration page.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub key: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    pub kind: FieldKind,
    pub required: bool,
    pub default: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    /// Several lines, such as a certificate.
    Lines,
    /// Encrypted at rest and never shown again.
    Secret,
    /// As [`FieldKind::Secret`], of several lines, such as a private key.
    SecretLines,
    /// Where the secrets are sent: a change of it asks for them again.
    Address,
    Tick,
}

impl FieldKind {
    pub fn is_secret(self) -> bool {
        matches!(self, FieldKind::Secret | FieldKind::SecretLines)
    }
}

/// An account as it is set up, secrets decrypted; printing it shows no secret.
#[derive(Clone)]
pub struct Account {
    /// Of the set-up, not of the module.
    pub name: String,
    values: BTreeMap<String, String>,
}

impl Account {
    pub fn new(name: &str, values: BTreeMap<String, String>) -> Account {
        Account { name: name.to_owned(), values }
    }

    /// What a field holds; `None` when it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn ticked(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.values.keys().collect::<Vec<_>>())
    }
}

/// Why a module did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrarError {
    /// The module, or this registry, cannot do it.
    #[error("This registrar does not do {0}.")]
    Unsupported(&'static str),
    /// The registry said no, and nothing happened. Its own words, for staff.
    #[error("Refused ({code}): {message}")]
    Refused { code: String, message: String },
    /// Nothing was sent, so that it can be tried again.
    #[error("Not reached: {0}")]
    Unavailable(String),
    /// It was sent, and nobody knows what became of it: to be looked up before anything is sent again.
    #[error("No usable answer: {0}")]
    Unknown(String),
    /// The set-up lacks something, or something in it is no good.
    #[error("{0}")]
    Misconfigured(String),
}

/// What came of something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    Completed(Completed),
    /// The registry has taken it up and will tell.
    Pending {
        reference: String,
    },
    /// A human has to do it; the words say what.
    ByHand(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completed {
    /// Of the domain, after it.
    pub expires_on: Option<Date>,
    /// What the registrar took for it.
    pub cost: Option<Money>,
    /// The registry's own id of the transaction.
    pub reference: String,
}

/// Whether a name can be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub name: DomainName,
    pub state: Availability,
    /// It costs another price than others of its extension.
    pub premium: Option<Premium>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    Available,
    Registered,
    /// The registry keeps it for itself.
    Reserved,
    /// Nobody can say, and why. It is never taken for available.
    Unknown(String),
}

/// What a premium name costs us for a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Premium {
    pub register: Option<Money>,
    pub renew: Option<Money>,
    pub transfer: Option<Money>,
    pub restore: Option<Money>,
}

/// Somebody who stands in the registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contact {
    pub first_name: String,
    pub last_name: String,
    /// Empty for a person.
    pub company: String,
    pub email: String,
    pub address1: String,
    pub address2: String,
    pub city: String,
    pub state: String,
    pub postcode: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// `+CC.number` (RFC 5733, 2.5).
    pub phone: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contacts {
    pub registrant: Contact,
    pub admin: Contact,
    pub tech: Contact,
    pub billing: Contact,
}

#[derive(Debug, Clone)]
pub struct Registration {
    /// Of our operation: the idempotency key where the registrar has one, and unique in the registry's log.
    pub id: String,
    pub name: DomainName,
    pub years: u8,
    pub nameservers: Vec<String>,
    pub contacts: Contacts,
    /// The answers to the extension's questions.
    pub extra: Vec<(String, String)>,
    pub id_protection: bool,
    /// What we have agreed to pay for a premium name; the registrar refuses it when it costs more.
    pub premium: Option<Money>,
}

#[derive(Debug, Clone)]
pub struct TransferIn {
    pub id: String,
    pub name: DomainName,
    pub years: u8,
    /// Empty where the extension has none.
    pub auth_code: String,
    pub nameservers: Vec<String>,
    pub contacts: Contacts,
    pub extra: Vec<(String, String)>,
    pub id_protection: bool,
    pub premium: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    Pending,
    Completed { expires_on: Option<Date> },
    Failed { reason: String },
}

#[derive(Debug, Clone)]
pub struct Renewal {
    pub id: String,
    pub name: DomainName,
    pub years: u8,
    /// As the registry has it, by its own calendar (UTC).
    pub current_expiry: Date,
    /// In which period after its expiry the domain is.
    pub late: Option<LateFee>,
    /// When the registry took it out, as far as we know: reports on restores say it.
    pub deleted_at: Option<Timestamp>,
    /// When we ask.
    pub now: Timestamp,
    pub premium: Option<Money>,
}

/// What the registry holds of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub name: DomainName,
    pub state: State,
    pub created_on: Option<Date>,
    pub expires_on: Option<Date>,
    pub nameservers: Vec<String>,
    /// `None`: it does not say.
    pub locked: Option<bool>,
    pub id_protection: Option<bool>,
    pub ds: Vec<Ds>,
    pub registrant_email: Option<String>,
    /// A changed registrant has yet to confirm (ICANN's Transfer Policy, II.C).
    pub change_pending: bool,
    /// The registry's own words for its state.
    pub statuses: Vec<String>,
}

kernel::text_enum! {
    pub enum State {
        Active = "active",
        PendingRegistration = "pending_registration",
        PendingTransfer = "pending_transfer",
        /// Expired, and renewed as ever.
        Grace = "grace",
        /// Deleted or expired, and restored for a fee.
        Redemption = "redemption",
        /// Nobody can bring it back.
        PendingDelete = "pending_delete",
        /// At another registrar.
        TransferredAway = "transferred_away",
    }
}

/// A delegation signer record (RFC 4034, 5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Ds {
    pub key_tag: u16,
    pub algorithm: u8,
    pub digest_type: u8,
    /// Hexadecimal, upper case.
    pub digest: String,
}

/// What is to be changed; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Of our operation, as in [`Registration`].
    pub id: String,
    pub nameservers: Option<Vec<String>>,
    pub locked: Option<bool>,
    pub contacts: Option<Contacts>,
    pub id_protection: Option<bool>,
    pub ds: Option<Vec<Ds>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthCode {
    Code(String),
    /// The registry sends it to the registrant.
    Mailed,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GlueHost {
    pub host: String,
    pub addresses: Vec<std::net::IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlueChange {
    Add(GlueHost),
    /// Its addresses from now on.
    Set(GlueHost),
    Remove(String),
}

/// A DNS record as people write it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// Relative to the domain; empty for the domain itself.
    pub host: String,
    /// `A`, `MX`, …
    pub kind: String,
    pub value: String,
    /// Of MX and SRV.
    pub priority: Option<u16>,
    /// In seconds.
    pub ttl: Option<u32>,
}

/// Mail to `local@domain` goes to another address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forward {
    pub local: String,
    pub to: String,
}

#[derive(Debug, Clone)]
pub struct Suggest {
    pub words: String,
    pub extensions: Vec<Extension>,
    pub most: usize,
}

/// What an extension costs us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    pub extension: Extension,
    /// As the registrar writes it; it may be one that we do not deal in.
    pub currency: Result<Currency, String>,
    pub min_years: u8,
    pub max_years: u8,
    /// Decimal text of one year, in the currency.
    pub register: Option<String>,
    pub renew: Option<String>,
    pub transfer: Option<String>,
    pub grace_days: Option<i64>,
    pub grace_fee: Option<String>,
    pub redemption_days: Option<i64>,
    pub redemption_fee: Option<String>,
    pub epp_required: Option<bool>,
}

/// What the registry tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The registry's.
    pub id: String,
    pub at: Option<Timestamp>,
    pub name: Option<DomainName>,
    pub kind: MessageKind,
    pub text: String,
}

kernel::text_enum! {
    pub enum MessageKind {
        /// Another registrar asks for the domain.
        TransferRequested = "transfer_requested",
        /// The domain has gone to another registrar.
        TransferredAway = "transferred_away",
        /// The domain has come to us.
        TransferredIn = "transferred_in",
        TransferFailed = "transfer_failed",
        Renewed = "renewed",
        Deleted = "deleted",
        /// Something that was pending was carried out, or refused.
        PendingDone = "pending_done",
        PendingFailed = "pending_failed",
        Other = "other",
    }
}
