//! What costs money, and what becomes of it.
//!
//! Everything that is needed first (log-in, contacts, prices, the domain itself) is read or made before, and its failure
//! says that nothing was ordered. Then there is one request that orders, sent once.

use domains::registrars::contract::{
    Completed, Done, RegistrarError, Registration, Renewal, TransferIn, TransferState,
};
use domains::tlds::prices::LateFee;
use kernel::{Date, DomainName, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Api, refused, unstarted};
use super::customers::{self, Handles, OwnerData};
use super::domain::{self, ACTIVE, DELETED, FAILED, Found, under_way};
use super::wire::{Amount, Parts, Prices, Text, flag, number, unreadable};

/// Of Openprovider's own name servers: for an order that names none.
const OWN_NAME_SERVERS: &str = "dns-openprovider";
/// Answers for the owner's record, rather than for the domain's, have this before their name.
const OF_OWNER: &str = "owner.";

/// What is sent to register or to transfer. <https://docs.openprovider.com>, `domainCreateDomainRequest` and
/// `domainTransferDomainRequest`.
#[derive(Serialize)]
struct Order<'a> {
    domain: Parts,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'a str>,
    owner_handle: String,
    admin_handle: String,
    tech_handle: String,
    billing_handle: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name_servers: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns_group: Option<&'static str>,
    /// Who renews is decided here, not there.
    autorenew: &'static str,
    is_private_whois_enabled: bool,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_data: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_premium_fee: Option<Amount>,
    /// Our operation, for who looks at it in their panel.
    comments: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Ordered {
    #[serde(default, deserialize_with = "number")]
    id: Option<i64>,
    #[serde(default)]
    status: Text,
    #[serde(default)]
    renewal_date: Text,
    #[serde(default)]
    expiration_date: Text,
    #[serde(default)]
    error: Text,
}

/// The answer to a renewal, a restoration, a change, a deletion.
#[derive(Deserialize)]
pub(super) struct Changed {
    #[serde(default, deserialize_with = "number")]
    pub id: Option<i64>,
    #[serde(default)]
    pub status: Text,
}

#[derive(Deserialize)]
pub(super) struct Quoted {
    #[serde(default, deserialize_with = "flag")]
    is_premium: Option<bool>,
    price: Prices,
}

pub(super) async fn register(api: &Api<'_>, request: &Registration) -> Result<Done, RegistrarError> {
    let fee = match request.premium {
        Some(agreed) => agreed_fee(api, &request.name, "create", request.years, agreed).await?,
        None => None,
    };
    let handles = handles(api, &request.name, &request.contacts, &request.extra).await?;
    let order = Order {
        period: Some(request.years),
        is_private_whois_enabled: request.id_protection,
        accept_premium_fee: fee,
        ..Order::new(&request.id, &request.name, handles, &request.nameservers, &request.extra)
    };
    api.post::<Ordered>("/v1beta/domains", &order).await?.data.done(api)
}

pub(super) async fn transfer(api: &Api<'_>, request: &TransferIn) -> Result<Done, RegistrarError> {
    if request.years > 1 {
        return Err(refused("years", "Openprovider transfers for the one year that the registry adds, or for none."));
    }
    let fee = match request.premium {
        Some(agreed) => agreed_fee(api, &request.name, "transfer", 1, agreed).await?,
        None => None,
    };
    let handles = handles(api, &request.name, &request.contacts, &request.extra).await?;
    let order = Order {
        auth_code: Some(request.auth_code.as_str()).filter(|code| !code.is_empty()),
        is_private_whois_enabled: request.id_protection,
        accept_premium_fee: fee,
        ..Order::new(&request.id, &request.name, handles, &request.nameservers, &request.extra)
    };
    api.post::<Ordered>("/v1beta/domains/transfer", &order).await?.data.done(api)
}

/// What has become of a transfer to us.
pub(super) async fn transfer_state(api: &Api<'_>, name: &DomainName) -> Result<TransferState, RegistrarError> {
    let failed = |reason: &str| Ok(TransferState::Failed { reason: reason.to_owned() });
    let Some(found) = domain::find(api, name).await? else {
        return failed("Openprovider knows of no request for this domain.");
    };
    match found.domain.status.as_str() {
        ACTIVE => Ok(TransferState::Completed { expires_on: found.expires_on() }),
        FAILED => failed("Openprovider says that the transfer has failed. Its panel tells why."),
        DELETED => failed("Openprovider has the domain as deleted."),
        _ => Ok(TransferState::Pending),
    }
}

/// The API takes no expiry with a renewal, so it is looked at before. Between the look and the renewal, somebody else could
/// renew the domain: in the panel, or Openprovider itself where automatic renewal was switched on there.
pub(super) async fn renew(api: &Api<'_>, request: &Renewal) -> Result<Done, RegistrarError> {
    let found = existing(api, &request.name).await?;
    let expires_on = found.expires_on();
    if expires_on != Some(request.current_expiry) {
        let held = expires_on.map_or("no day".to_owned(), |day| day.to_string());
        let words = format!("Openprovider has {held} as its expiry, and not {}.", request.current_expiry);
        return Err(refused("expiry", words));
    }
    let (path, body) = match found.domain.status.as_str() {
        ACTIVE => {
            check_premium(api, request, &found).await?;
            let body = json!({ "id": found.id, "domain": found.domain.domain, "period": request.years });
            ("renew", body)
        }
        DELETED => {
            check_restorable(request, &found)?;
            ("restore", json!({ "id": found.id, "domain": found.domain.domain }))
        }
        status => {
            let words = format!("Openprovider has the domain as {}.", api.without_secrets(status, ""));
            return Err(refused("status", words));
        }
    };
    let path = format!("/v1beta/domains/{}/{path}", found.id);
    let changed = api.post::<Changed>(&path, &body).await?.data;
    changed.check(api)?;
    Ok(renewed(api, request, &found).await)
}

/// Of a deleted domain: it is brought back for a year, in the soft quarantine for the price of that year, and after it for a
/// fee, which has to be what was paid for.
fn check_restorable(request: &Renewal, found: &Found) -> Result<(), RegistrarError> {
    if request.years != 1 {
        return Err(refused("years", "Openprovider brings an expired domain back for one year. Ask for one."));
    }
    match request.late {
        Some(LateFee::Redemption) => Ok(()),
        Some(LateFee::Grace) if found.is_soft() => Ok(()),
        _ => Err(refused("quarantine", "The domain has expired, and Openprovider takes a fee to bring it back.")),
    }
}

/// A premium name is renewed for its own price, and the request cannot hold the most that we pay.
async fn check_premium(api: &Api<'_>, request: &Renewal, found: &Found) -> Result<(), RegistrarError> {
    match request.premium {
        Some(agreed) => agreed_fee(api, &request.name, "renew", request.years, agreed).await.map(|_| ()),
        None if found.domain.is_premium == Some(true) => {
            Err(refused("premium", "It is a premium name, which costs its own price to renew, and none was agreed."))
        }
        None => Ok(()),
    }
}

/// It was renewed; until when, the domain itself says, if it can be read now.
async fn renewed(api: &Api<'_>, request: &Renewal, before: &Found) -> Done {
    let reference = before.id.to_string();
    let expires_on = match domain::find(api, &request.name).await {
        Ok(Some(found)) if found.domain.status.as_str() == ACTIVE => found.expires_on(),
        Ok(Some(found)) if under_way(found.domain.status.as_str()) => return Done::Pending { reference },
        _ => None,
    };
    // What was deleted within its term is restored with the expiry that it had.
    let was_active = before.domain.status.as_str() == ACTIVE;
    if was_active && expires_on.is_some_and(|day| day <= request.current_expiry) {
        return Done::Pending { reference };
    }
    Done::Completed(Completed { expires_on, cost: None, reference })
}

pub(super) async fn delete(api: &Api<'_>, name: &DomainName) -> Result<Done, RegistrarError> {
    let found = existing(api, name).await?;
    let Parts { name, extension } = &found.domain.domain;
    let query = [("domain.name", name.as_str()), ("domain.extension", extension.as_str())];
    let path = format!("/v1beta/domains/{}", found.id);
    api.delete::<Changed>(&path, &query).await?.data.done(api, &found, None)
}

/// The domain that something is to be done with. Nothing was ordered when it fails.
pub(super) async fn existing(api: &Api<'_>, name: &DomainName) -> Result<Found, RegistrarError> {
    let found = domain::find(api, name).await.map_err(unstarted)?;
    found.ok_or_else(|| refused("not found", format!("{name} is not in this account of Openprovider.")))
}

/// What Openprovider takes now, when it is no more than was agreed: in its supplier's currency, in which the API wants it
/// accepted. `None` when the name is no premium one any more.
async fn agreed_fee(
    api: &Api<'_>,
    name: &DomainName,
    operation: &str,
    years: u8,
    agreed: Money,
) -> Result<Option<Amount>, RegistrarError> {
    let (label, extension) = name.split();
    let period = years.to_string();
    let mut query = vec![("domain.name", label), ("domain.extension", extension), ("operation", operation)];
    // Only of a registration the price is told for several years.
    let times = if operation == "create" { 1 } else { i64::from(years) };
    if operation == "create" {
        query.push(("period", &period));
    }
    let quoted = api.get::<Quoted>("/v1beta/domains/prices", &query).await.map_err(unstarted)?.data;
    let ours = quoted.price.reseller.as_ref().ok_or_else(|| unstarted(unreadable("a price is lacking")))?;
    let cost = ours.money().map_err(unstarted)?;
    if cost.currency != agreed.currency {
        let words =
            format!("Openprovider has its price in {}, and it was agreed in {}.", cost.currency, agreed.currency);
        return Err(refused("currency", words));
    }
    let cost = cost.checked_mul(times).map_err(|error| refused("price", error.to_string()))?;
    if cost.minor > agreed.minor {
        let words = format!("It costs {} {} now, more than was agreed.", cost.decimal(), cost.currency);
        return Err(refused("price", words));
    }
    let suppliers = quoted.price.product.map(|price| price.price);
    match (quoted.is_premium, suppliers) {
        (Some(true), None) => Err(unstarted(unreadable("a price is lacking"))),
        (Some(true), some) => Ok(some),
        _ => Ok(None),
    }
}

async fn handles(
    api: &Api<'_>,
    name: &DomainName,
    contacts: &domains::registrars::contract::Contacts,
    extra: &[(String, String)],
) -> Result<Handles, RegistrarError> {
    let answers: Vec<(&str, &str)> =
        extra.iter().filter_map(|(key, value)| Some((key.strip_prefix(OF_OWNER)?, value.as_str()))).collect();
    let data = Some(OwnerData { extension: name.split().1, answers }).filter(|data| !data.answers.is_empty());
    customers::handles(api, contacts, data).await.map_err(unstarted)
}

/// In the order in which they were named.
pub(super) fn name_servers(hosts: &[String]) -> Vec<Value> {
    hosts.iter().enumerate().map(|(at, host)| json!({ "name": host, "seq_nr": at + 1 })).collect()
}

impl<'a> Order<'a> {
    fn new(
        id: &'a str,
        name: &DomainName,
        handles: Handles,
        servers: &[String],
        extra: &[(String, String)],
    ) -> Order<'a> {
        let of_domain = extra.iter().filter(|(key, _)| !key.starts_with(OF_OWNER));
        Order {
            domain: Parts::of(name),
            period: None,
            auth_code: None,
            owner_handle: handles.owner,
            admin_handle: handles.admin,
            tech_handle: handles.tech,
            billing_handle: handles.billing,
            name_servers: name_servers(servers),
            ns_group: servers.is_empty().then_some(OWN_NAME_SERVERS),
            autorenew: "off",
            is_private_whois_enabled: false,
            additional_data: of_domain.map(|(key, value)| (key.clone(), json!(value))).collect(),
            accept_premium_fee: None,
            comments: id,
        }
    }
}

impl Ordered {
    fn done(self, api: &Api<'_>) -> Result<Done, RegistrarError> {
        let reference = self.id.map(|id| id.to_string()).unwrap_or_default();
        match self.status.as_str() {
            ACTIVE => {
                let expires_on = self.renewal_date.date().or_else(|| self.expiration_date.date());
                Ok(Done::Completed(Completed { expires_on, cost: None, reference }))
            }
            FAILED => {
                let why = api.without_secrets(self.error.as_str(), "");
                let why = if why.is_empty() { "The request has failed.".to_owned() } else { why };
                Err(refused(FAILED, why))
            }
            status if under_way(status) => Ok(Done::Pending { reference }),
            status => Err(unreadable(&format!("the status “{}”", api.without_secrets(status, "")))),
        }
    }
}

impl Changed {
    /// What came of a change to a domain that expires on this day after it.
    pub fn done(&self, api: &Api<'_>, of: &Found, expires_on: Option<Date>) -> Result<Done, RegistrarError> {
        self.check(api)?;
        let reference = of.id.to_string();
        if under_way(self.status.as_str()) {
            return Ok(Done::Pending { reference });
        }
        Ok(Done::Completed(Completed { expires_on, cost: None, reference }))
    }

    /// Only statuses that are known are a success.
    fn check(&self, api: &Api<'_>) -> Result<(), RegistrarError> {
        match self.status.as_str() {
            FAILED => Err(refused(FAILED, "The request has failed.")),
            status if status == ACTIVE || status == DELETED || under_way(status) => Ok(()),
            status => Err(unreadable(&format!("the status “{}”", api.without_secrets(status, "")))),
        }
    }
}
