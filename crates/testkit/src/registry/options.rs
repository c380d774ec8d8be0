//! What a registry is set up with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What happens to a domain whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtExpiry {
    /// It is renewed for a year at the sponsor's cost, and is in `autoRenewPeriod` for this many days, in which deleting
    /// it gives the money back.
    AutoRenew { grace_days: i64 },
    /// It is put on `serverHold`, can be renewed for this many days, and is deleted then.
    Expire { grace_days: i64 },
}

/// How a registry behaves. Days are days of 24 hours on the registry's own clock; zero days switch a period off.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name in the greeting, `svID`.
    pub server_id: String,
    /// Where the registry's clock starts, in UTC as RFC 3339 writes it.
    pub now: String,
    /// Whether nobody may connect without a certificate of the registry's authority (RFC 5734, section 8).
    pub client_certificate: bool,
    /// How many sessions a registrar may have at once; one more is refused with 2502.
    pub sessions: usize,
    /// For how long a connection may be silent, in real time.
    pub idle: Duration,
    /// The largest frame that is taken, in octets with the header.
    pub max_frame: usize,
    /// Whether a `clTRID` that the same registrar sent before is refused with 2306.
    pub unique_client_ids: bool,
    /// For how long after creation or the last transfer a domain may not be transferred.
    pub transfer_lock_days: i64,
    /// After how long a transfer that nobody answered is approved.
    pub transfer_days: i64,
    /// `redemptionPeriod` of RFC 3915.
    pub redemption_days: i64,
    /// `pendingDelete` of RFC 3915.
    pub pending_delete_days: i64,
    /// `addPeriod` of RFC 3915: a domain deleted in it is gone at once, and its price is given back.
    pub add_grace_days: i64,
    /// `renewPeriod` of RFC 3915.
    pub renew_grace_days: i64,
    /// `transferPeriod` of RFC 3915.
    pub transfer_grace_days: i64,
    /// Whether a restore needs a report, and within how many days: without one it is complete when it is requested.
    pub restore_report_days: Option<i64>,
    pub at_expiry: AtExpiry,
    /// The zones, by name.
    pub zones: Vec<Zone>,
    pub registrars: Vec<Registrar>,
}

impl Default for Options {
    /// The zones `test` and `example` at 10.00 USD a year, and no registrar.
    fn default() -> Self {
        Self {
            server_id: "Test registry".to_owned(),
            now: "2026-01-15T12:00:00Z".to_owned(),
            client_certificate: false,
            sessions: 8,
            idle: Duration::from_mins(10),
            max_frame: 64 * 1024,
            unique_client_ids: true,
            transfer_lock_days: 60,
            transfer_days: 5,
            redemption_days: 30,
            pending_delete_days: 5,
            add_grace_days: 5,
            renew_grace_days: 5,
            transfer_grace_days: 5,
            restore_report_days: Some(7),
            at_expiry: AtExpiry::AutoRenew { grace_days: 45 },
            zones: vec![Zone::new("test", "USD"), Zone::new("example", "USD")],
            registrars: Vec::new(),
        }
    }
}

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Create,
    Renew,
    Transfer,
    Restore,
    Update,
    Delete,
}

impl Operation {
    pub(super) const ALL: [Self; 6] =
        [Self::Create, Self::Renew, Self::Transfer, Self::Restore, Self::Update, Self::Delete];

    /// As RFC 8748 calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Renew => "renew",
            Self::Transfer => "transfer",
            Self::Restore => "restore",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Whether the price is that of one year.
    pub(super) fn is_by_year(self) -> bool {
        matches!(self, Self::Create | Self::Renew | Self::Transfer)
    }
}

/// Prices in minor units of the zone's currency: by year for create, renew and transfer, as they are for the rest. What
/// is not named costs nothing.
pub type Prices = BTreeMap<Operation, i64>;

/// A domain under which names are registered.
#[derive(Clone, Debug)]
pub struct Zone {
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    pub prices: Prices,
    /// Names with prices of their own, by the whole name.
    pub premium: BTreeMap<String, Premium>,
    /// Whole names that nobody gets.
    pub reserved: BTreeSet<String>,
    /// The keys of trademark claims, by the whole name (RFC 8334, section 3.1.1).
    pub claims: BTreeMap<String, String>,
}

impl Zone {
    /// With 10 units of the currency for a year, 40 for a restore, and updates and deletions free.
    #[must_use]
    pub fn new(name: &str, currency: &str) -> Self {
        let unit = 10_i64.pow(decimals(currency));
        let year = [Operation::Create, Operation::Renew, Operation::Transfer].map(|operation| (operation, 10 * unit));
        let prices = year.into_iter().chain([(Operation::Restore, 40 * unit)]).collect();
        Self {
            name: name.to_owned(),
            currency: currency.to_owned(),
            prices,
            premium: BTreeMap::new(),
            reserved: BTreeSet::new(),
            claims: BTreeMap::new(),
        }
    }

    /// With another price, in minor units.
    #[must_use]
    pub fn price(mut self, operation: Operation, minor: i64) -> Self {
        self.prices.insert(operation, minor);
        self
    }
}

/// A name that costs more than its neighbours. Commands that cost money must name the fee (RFC 8748, section 3.8).
#[derive(Clone, Debug)]
pub struct Premium {
    /// RFC 8748, section 3.7.
    pub class: String,
    pub prices: Prices,
}

/// Who may log in.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// `clID`, 3 to 16 characters.
    pub id: String,
    /// 6 to 16 characters.
    pub password: String,
    /// Minor units by currency. A currency that is not named has a balance of zero.
    pub balances: BTreeMap<String, i64>,
    /// By how much a balance may go below zero, in minor units.
    pub credit_limit: i64,
    /// SHA-256 of the certificates, in lower-case hexadecimal digits, of which one must be shown at login; any will do
    /// when there are none.
    pub fingerprints: Vec<String>,
}

impl Registrar {
    /// With 10,000.00 USD.
    #[must_use]
    pub fn new(id: &str, password: &str) -> Self {
        Self {
            id: id.to_owned(),
            password: password.to_owned(),
            balances: BTreeMap::from([("USD".to_owned(), 1_000_000)]),
            credit_limit: 0,
            fingerprints: Vec::new(),
        }
    }

    /// With this balance, in minor units.
    #[must_use]
    pub fn balance(mut self, currency: &str, minor: i64) -> Self {
        self.balances.insert(currency.to_owned(), minor);
        self
    }

    /// Who must show this certificate; see [`super::certificates::Certificate::fingerprint`].
    #[must_use]
    pub fn fingerprint(mut self, sha256: &str) -> Self {
        self.fingerprints.push(sha256.to_lowercase());
        self
    }
}

/// The digits after the point of an amount (ISO 4217).
pub(super) fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}
