//! Domains through Openprovider, <https://docs.openprovider.com>, REST API v1beta.
//!
//! What must hold: a request that orders something is sent once. What went wrong before it is [`RegistrarError::Unavailable`],
//! a reason that Openprovider gives (see [`api`]) is [`RegistrarError::Refused`], and everything that leaves open what
//! happened is [`RegistrarError::Unknown`]: a time-out, a broken connection, an answer that is not of the documented shape, or
//! is about something else. The one repetition is after “not logged in” (code 196, which comes with status 500).
//!
//! What surprises:
//! - **Expiry** is Openprovider's `renewal_date`, on which it deletes the domain unless it was renewed. The registry's own
//!   expiry can be weeks later.
//! - **Renewals** take no current expiry. So the domain is read first, and refused when it expires on another day; what is left
//!   open is somebody who renews in the panel within the same second. Domains are ordered with `autorenew: off`, so that
//!   Openprovider does not renew by itself.
//! - **After its expiry** a domain is deleted into a quarantine, and is renewed by restoring it, for one year: in the soft
//!   quarantine for the price of that year, then for a fee. Which of them it is, is told by Openprovider's own clock; when in
//!   doubt, it is the one with the fee. A domain that was deleted within its term is restored with the expiry that it had.
//! - **Contacts** are customers with handles; see [`customers`]. Answers to an extension's questions go to the domain's
//!   `additional_data` by their names there, and to the owner's `extension_additional_data` with `owner.` before them.
//! - **Premium names** are accepted at the supplier's price, when that in our currency is no more than was agreed.
//! - **DNSSEC** is by keys; see [`dnssec`]. It can be shown and not be set, so it is not offered.
//! - There are no messages to be fetched, and no transfers of a domain to another tag.

use std::collections::BTreeSet;

use domains::registrars::contract::{
    Ability, Account, AuthCode, Change, Checked, Completed, Contacts, Cost, Done, Field, FieldKind, GlueChange,
    GlueHost, Record, Registered, Registrar, RegistrarError, Registration, Renewal, Suggest, TransferIn, TransferState,
};
use kernel::{DomainName, Money};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::http::Http;
use api::{Api, ENDPOINT, refused, unstarted};
use orders::Changed;
use wire::{Text, flag, unreadable};

mod api;
mod catalogue;
mod customers;
mod dnssec;
mod domain;
mod hosts;
mod orders;
#[cfg(test)]
mod tests;
mod wire;
mod zone;

const FIELDS: &[Field] = &[
    Field {
        key: "username",
        label: "User name",
        help: "Of a contact of your Openprovider account that may use the API.",
        kind: FieldKind::Text,
        required: true,
        default: "",
    },
    Field {
        key: "password",
        label: "Password",
        help: "Of the same contact.",
        kind: FieldKind::Secret,
        required: true,
        default: "",
    },
    Field {
        key: "endpoint",
        label: "Address of the API",
        help: "Only changed for tests.",
        kind: FieldKind::Address,
        required: false,
        default: ENDPOINT,
    },
];

const ABILITIES: [Ability; 17] = [
    Ability::Check,
    Ability::Info,
    Ability::Register,
    Ability::Transfer,
    Ability::Renew,
    Ability::Restore,
    Ability::Nameservers,
    Ability::Lock,
    Ability::Contacts,
    Ability::AuthCode,
    Ability::IdProtection,
    Ability::Glue,
    Ability::Records,
    Ability::Delete,
    Ability::Suggestions,
    Ability::PriceList,
    Ability::Balance,
];

/// The module; it keeps nothing but the tokens of its log-ins.
#[derive(Debug)]
pub struct Openprovider {
    http: Http,
    tokens: api::Tokens,
}

impl Openprovider {
    pub fn new(http: Http) -> Openprovider {
        Openprovider { http, tokens: api::Tokens::default() }
    }

    fn api<'a>(&'a self, account: &'a Account) -> Result<Api<'a>, RegistrarError> {
        Api::new(&self.http, &self.tokens, account)
    }
}

#[async_trait::async_trait]
impl Registrar for Openprovider {
    fn module(&self) -> &'static str {
        "openprovider"
    }

    fn display_name(&self) -> &'static str {
        "Openprovider"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn abilities(&self, _: &Account) -> BTreeSet<Ability> {
        ABILITIES.into_iter().collect()
    }

    fn check_address(&self, _: &str, value: &str, sandbox: bool) -> Result<(), String> {
        api::check_endpoint(value, sandbox)
    }

    async fn test(&self, account: &Account) -> Result<String, RegistrarError> {
        let api = self.api(account)?;
        // The API has no way to log out: the token is kept for what comes next.
        api.login().await?;
        let balance = catalogue::balance(&api).await?;
        Ok(format!("Logged in. {} {} may be spent.", balance.decimal(), balance.currency))
    }

    async fn check(&self, account: &Account, names: &[DomainName]) -> Result<Vec<Checked>, RegistrarError> {
        catalogue::check(&self.api(account)?, names).await
    }

    async fn info(&self, account: &Account, name: &DomainName) -> Result<Option<Registered>, RegistrarError> {
        domain::info(&self.api(account)?, name).await
    }

    async fn register(&self, account: &Account, request: &Registration) -> Result<Done, RegistrarError> {
        orders::register(&self.api(account)?, request).await
    }

    async fn transfer(&self, account: &Account, request: &TransferIn) -> Result<Done, RegistrarError> {
        orders::transfer(&self.api(account)?.hiding(&request.auth_code), request).await
    }

    async fn transfer_state(&self, account: &Account, name: &DomainName) -> Result<TransferState, RegistrarError> {
        orders::transfer_state(&self.api(account)?, name).await
    }

    async fn renew(&self, account: &Account, request: &Renewal) -> Result<Done, RegistrarError> {
        orders::renew(&self.api(account)?, request).await
    }

    async fn update(&self, account: &Account, name: &DomainName, change: &Change) -> Result<Done, RegistrarError> {
        update(&self.api(account)?, name, change).await
    }

    async fn contacts(&self, account: &Account, name: &DomainName) -> Result<Contacts, RegistrarError> {
        let api = self.api(account)?;
        let found = orders::existing(&api, name).await?;
        customers::contacts(&api, &found.domain).await
    }

    async fn auth_code(&self, account: &Account, name: &DomainName) -> Result<AuthCode, RegistrarError> {
        auth_code(&self.api(account)?, name).await
    }

    async fn glue(&self, account: &Account, name: &DomainName) -> Result<Vec<GlueHost>, RegistrarError> {
        hosts::glue(&self.api(account)?, name).await
    }

    async fn set_glue(&self, account: &Account, name: &DomainName, change: &GlueChange) -> Result<(), RegistrarError> {
        hosts::set_glue(&self.api(account)?, name, change).await
    }

    async fn records(&self, account: &Account, name: &DomainName) -> Result<Vec<Record>, RegistrarError> {
        zone::records(&self.api(account)?, name).await
    }

    async fn set_records(&self, account: &Account, name: &DomainName, all: &[Record]) -> Result<(), RegistrarError> {
        zone::set_records(&self.api(account)?, name, all).await
    }

    async fn delete(&self, account: &Account, name: &DomainName) -> Result<Done, RegistrarError> {
        orders::delete(&self.api(account)?, name).await
    }

    async fn suggestions(&self, account: &Account, ask: &Suggest) -> Result<Vec<Checked>, RegistrarError> {
        catalogue::suggestions(&self.api(account)?, ask).await
    }

    async fn price_list(&self, account: &Account) -> Result<Vec<Cost>, RegistrarError> {
        catalogue::price_list(&self.api(account)?).await
    }

    async fn balance(&self, account: &Account) -> Result<Money, RegistrarError> {
        catalogue::balance(&self.api(account)?).await
    }
}

async fn update(api: &Api<'_>, name: &DomainName, change: &Change) -> Result<Done, RegistrarError> {
    if change.ds.is_some() {
        return Err(RegistrarError::Unsupported("DS records: it wants the keys that they are made of"));
    }
    let found = orders::existing(api, name).await?;
    let mut body = Map::new();
    if let Some(servers) = &change.nameservers {
        if servers.is_empty() {
            return Err(refused("name servers", "Name at least one name server."));
        }
        body.insert("name_servers".to_owned(), Value::Array(orders::name_servers(servers)));
    }
    if let Some(contacts) = &change.contacts {
        let handles = customers::handles(api, contacts, None).await.map_err(unstarted)?;
        let [owner, admin, tech, billing] = [handles.owner, handles.admin, handles.tech, handles.billing];
        body.extend([
            ("owner_handle".to_owned(), json!(owner)),
            ("admin_handle".to_owned(), json!(admin)),
            ("tech_handle".to_owned(), json!(tech)),
            ("billing_handle".to_owned(), json!(billing)),
        ]);
    }
    let flags = [("is_locked", change.locked), ("is_private_whois_enabled", change.id_protection)];
    for (key, value) in flags.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        body.insert(key.to_owned(), json!(value));
    }
    let expires_on = found.expires_on();
    if body.is_empty() {
        return Ok(Done::Completed(Completed { expires_on, cost: None, reference: found.id.to_string() }));
    }
    body.insert("id".to_owned(), json!(found.id));
    body.insert("domain".to_owned(), json!(found.domain.domain));
    let changed = api.put::<Changed>(&format!("/v1beta/domains/{}", found.id), &body).await?.data;
    if changed.id.is_some_and(|id| id != found.id) {
        return Err(unreadable("another domain"));
    }
    changed.done(api, &found, expires_on)
}

#[derive(Deserialize)]
struct Code {
    #[serde(default)]
    auth_code: Text,
    #[serde(default, deserialize_with = "flag")]
    success: Option<bool>,
}

async fn auth_code(api: &Api<'_>, name: &DomainName) -> Result<AuthCode, RegistrarError> {
    let found = orders::existing(api, name).await?;
    let (label, extension) = name.split();
    let query = [("domain.name", label), ("domain.extension", extension), ("auth_code_type", "external")];
    let code = api.get::<Code>(&format!("/v1beta/domains/{}/authcode", found.id), &query).await?.data;
    match (code.auth_code.0.is_empty(), code.success) {
        (false, _) => Ok(AuthCode::Code(code.auth_code.0)),
        (true, Some(true)) => Ok(AuthCode::Mailed),
        _ => Err(refused("no code", "Openprovider has no authorisation code for this domain.")),
    }
}
