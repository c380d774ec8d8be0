//! What several tests start from.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use billing::gateways::{
    Attempt, ChargeRequest, GatewayConfig, MethodToken, PageRequest, Presence, Purpose, RefundRequest, StoreOutcome,
    StoreRequest, StoredMethod,
};
use kernel::{Currency, Money, Timestamp};
use modules::gateways::Stripe;
use modules::http::Http;

pub const SECRET_KEY: &str = "sk_test_do_not_show_me";
pub const WEBHOOK_SECRET: &str = "whsec_do_not_show_me";

pub fn builder() -> reqwest::ClientBuilder {
    // A second installation in the same process is refused, and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

pub fn http() -> Http {
    Http::new(builder()).unwrap()
}

/// So impatient that a time-out can be waited for.
pub fn impatient_stripe() -> Stripe {
    Stripe::new(Http::with_timeouts(builder(), Duration::from_secs(1), Duration::from_secs(2)).unwrap())
}

pub fn stripe() -> Stripe {
    Stripe::new(http())
}

pub fn stripe_config(base: &str) -> GatewayConfig {
    let values = [("secret_key", SECRET_KEY), ("webhook_secret", WEBHOOK_SECRET), ("api_base", base)];
    GatewayConfig(BTreeMap::from(values.map(|(key, value)| (key.to_owned(), value.to_owned()))))
}

pub fn money(decimal: &str, currency: &str) -> Money {
    Money::parse(decimal, Currency::parse(currency).unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the peers live in real time")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap())
}

pub fn store_request(remote_token: &str) -> StoreRequest {
    StoreRequest {
        remote_token: remote_token.to_owned(),
        customer: None,
        client_id: 7,
        name: "Ada Lovelace & Söhne".to_owned(),
        email: "ada@example.com".to_owned(),
    }
}

pub fn charge_request(attempt: &str, amount: Money, method: &MethodToken) -> ChargeRequest {
    ChargeRequest {
        attempt: attempt.to_owned(),
        amount,
        method: method.clone(),
        client_id: 7,
        invoice_id: 42,
        description: "Invoice 42 & more".to_owned(),
        presence: Presence::Absent,
    }
}

/// The same while the client is there.
pub fn present_request(attempt: &str, amount: Money, method: &MethodToken) -> ChargeRequest {
    let presence = Presence::Present { return_url: "https://host.example/pay/x/return".to_owned() };
    ChargeRequest { presence, ..charge_request(attempt, amount, method) }
}

/// A page on which a client pays, or leaves a card.
pub fn page_request(reference: &str, purpose: Purpose) -> PageRequest {
    PageRequest {
        reference: reference.to_owned(),
        purpose,
        customer: None,
        client_id: 7,
        name: "Ada Lovelace & Söhne".to_owned(),
        email: "ada@example.com".to_owned(),
        return_url: "https://host.example/pay/x/return".to_owned(),
        cancel_url: "https://host.example/pay/x".to_owned(),
    }
}

pub fn to_pay(amount: Money, keep: bool) -> Purpose {
    Purpose::Pay { amount, invoice_id: 42, description: "Invoice 42".to_owned(), keep }
}

/// The method of an answer that has stored one.
pub fn stored(outcome: StoreOutcome) -> StoredMethod {
    match outcome {
        StoreOutcome::Stored(method) => method,
        StoreOutcome::Declined { reason, .. } => panic!("declined: {reason}"),
    }
}

/// An attempt of which we know nothing but that it was begun.
pub fn attempt_of(request: &ChargeRequest, started_at: Timestamp) -> Attempt {
    Attempt {
        attempt: request.attempt.clone(),
        external_id: None,
        method: Some(request.method.clone()),
        amount: request.amount,
        started_at,
    }
}

pub fn refund_request(refund: &str, payment: &str, amount: Money) -> RefundRequest {
    RefundRequest { refund: refund.to_owned(), payment: payment.to_owned(), amount }
}
