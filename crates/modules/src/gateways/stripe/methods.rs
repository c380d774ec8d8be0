//! Customers and their payment methods.

use billing::gateways::{Expiry, GatewayError, MethodKind, MethodToken, StoreOutcome, StoreRequest, StoredMethod};
use reqwest::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::api::{self, Api, Reference, not_sent, one_line, path_id};
use super::intent::CLIENT;
use super::optional;
use crate::gateways::signature::hex;
use crate::http::Answer;

/// Who is to become a customer at Stripe.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewCustomer<'a> {
    pub client_id: i64,
    pub name: &'a str,
    pub email: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Customer {
    id: String,
}

#[derive(Deserialize)]
pub(super) struct PaymentMethod {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    pub customer: Option<Reference>,
    card: Option<Card>,
    sepa_debit: Option<Bank>,
    us_bank_account: Option<Bank>,
    bacs_debit: Option<Bank>,
    au_becs_debit: Option<Bank>,
    acss_debit: Option<Bank>,
}

#[derive(Deserialize)]
pub(super) struct Card {
    brand: Option<String>,
    last4: Option<String>,
    exp_month: Option<u8>,
    exp_year: Option<u16>,
}

#[derive(Deserialize)]
pub(super) struct Bank {
    bank_name: Option<String>,
    last4: Option<String>,
}

pub(super) async fn store(api: &Api<'_>, request: StoreRequest) -> Result<StoreOutcome, GatewayError> {
    let (owner, token) = match request.remote_token.split_once('/') {
        Some((customer, token)) => (Some(customer), token),
        None => (None, request.remote_token.as_str()),
    };
    let method = if token.starts_with("tok_") {
        match from_token(api, token).await? {
            Ok(method) => method,
            Err(declined) => return Ok(declined),
        }
    } else {
        retrieve(api, token).await?
    };
    let attached_to = method.customer.as_ref().map(Reference::id);
    let wanted = owner.or(request.customer.as_deref());
    match (attached_to, wanted) {
        (Some(attached_to), Some(wanted)) if attached_to == wanted => Ok(StoreOutcome::Stored(method.stored(wanted))),
        // A method cannot change hands at Stripe; and one that another customer has is not this client's to use.
        (Some(_), _) => Err(not_sent("This payment method belongs to another customer of Stripe.")),
        (None, Some(wanted)) => attach(api, &method.id, wanted).await,
        (None, None) => {
            let client = NewCustomer { client_id: request.client_id, name: &request.name, email: &request.email };
            let customer = create_customer(api, client, &method.id).await?;
            attach(api, &method.id, &customer).await
        }
    }
}

/// A bank may decline a card when it is stored.
fn declined(answer: &Answer) -> Option<StoreOutcome> {
    if answer.status != StatusCode::PAYMENT_REQUIRED {
        return None;
    }
    let error = api::refusal(answer)?;
    let code = error.decline_code.or(error.code).unwrap_or_else(|| "card_declined".to_owned());
    let reason = one_line(error.message.as_deref().unwrap_or("The card was declined."));
    Some(StoreOutcome::Declined { code: one_line(&code), reason })
}

/// Stripe answers a second detachment with an error that has no code of its own, so the method itself is asked.
pub(super) async fn forget(api: &Api<'_>, method: &str) -> Result<(), GatewayError> {
    let answer = api.post(&format!("/v1/payment_methods/{}/detach", path_id(method)?), &[], None).await?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(()),
        StatusCode::BAD_REQUEST if retrieve(api, method).await?.customer.is_none() => Ok(()),
        status if status.is_success() => Ok(()),
        _ => Err(api::failure(&answer)),
    }
}

pub(super) async fn retrieve(api: &Api<'_>, method: &str) -> Result<PaymentMethod, GatewayError> {
    api::object(&api.get(&format!("/v1/payment_methods/{}", path_id(method)?), &[]).await?)
}

async fn from_token(api: &Api<'_>, token: &str) -> Result<Result<PaymentMethod, StoreOutcome>, GatewayError> {
    let form = [("type", "card"), ("card[token]", token)];
    let answer = api.post("/v1/payment_methods", &form, None).await?;
    match declined(&answer) {
        Some(declined) => Ok(Err(declined)),
        None => api::object(&answer).map(Ok),
    }
}

async fn attach(api: &Api<'_>, method: &str, customer: &str) -> Result<StoreOutcome, GatewayError> {
    let path = format!("/v1/payment_methods/{}/attach", path_id(method)?);
    let answer = api.post(&path, &[("customer", customer)], None).await?;
    match declined(&answer) {
        Some(declined) => Ok(declined),
        None => Ok(StoreOutcome::Stored(api::object::<PaymentMethod>(&answer)?.stored(customer))),
    }
}

/// `purpose` and the client's details make the idempotency key, so that trying again after a failure further on
/// finds the customer of the first try in place of leaving it behind.
pub(super) async fn create_customer(
    api: &Api<'_>,
    client: NewCustomer<'_>,
    purpose: &str,
) -> Result<String, GatewayError> {
    let client_id = client.client_id.to_string();
    let client_key = format!("metadata[{CLIENT}]");
    let mut form = vec![(client_key.as_str(), client_id.as_str())];
    form.extend(optional("name", client.name));
    form.extend(optional("email", client.email));
    let mut hash = Sha256::new();
    for part in ["customer", purpose, &client_id, client.name, client.email] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let key = hex(&hash.finalize());
    let customer: Customer = api::object(&api.post("/v1/customers", &form, Some(&key)).await?)?;
    Ok(customer.id)
}

impl PaymentMethod {
    pub fn stored(self, customer: &str) -> StoredMethod {
        let token = MethodToken { customer: customer.to_owned(), method: self.id };
        if let Some(card) = self.card {
            let expiry = card.exp_year.zip(card.exp_month).map(|(year, month)| Expiry { year, month });
            let brand = brand(card.brand.as_deref().unwrap_or("card"));
            return StoredMethod {
                token,
                kind: MethodKind::Card,
                brand,
                last_four: card.last4.unwrap_or_default(),
                expiry,
            };
        }
        let banks = [self.sepa_debit, self.us_bank_account, self.bacs_debit, self.au_becs_debit, self.acss_debit];
        let bank = banks.into_iter().flatten().next().unwrap_or(Bank { bank_name: None, last4: None });
        StoredMethod {
            token,
            kind: MethodKind::BankAccount,
            brand: bank.bank_name.unwrap_or_else(|| brand(self.kind.as_deref().unwrap_or("bank"))),
            last_four: bank.last4.unwrap_or_default(),
            expiry: None,
        }
    }
}

/// Stripe's lower-case names as the world writes them.
fn brand(name: &str) -> String {
    match name {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        "amex" => "American Express",
        "discover" => "Discover",
        "diners" => "Diners Club",
        "jcb" => "JCB",
        "unionpay" => "UnionPay",
        "sepa_debit" => "SEPA Direct Debit",
        "us_bank_account" => "US bank account",
        "bacs_debit" => "Bacs Direct Debit",
        "au_becs_debit" => "BECS Direct Debit",
        "acss_debit" => "Pre-authorized debit",
        "link" => "Link",
        "card" => "Card",
        "bank" => "Bank account",
        other => other,
    }
    .to_owned()
}
