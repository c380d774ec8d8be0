//! What every gateway must do, whatever is behind it.

use std::collections::BTreeSet;

use billing::gateways::{
    Attempt, Gateway, GatewayConfig, GatewayError, LookUp, MethodToken, Outcome, RefundOutcome, StoredMethod,
};
use kernel::Money;

use crate::fixtures::{attempt_of, charge_request, now, page_request, refund_request, store_request, stored, to_pay};

/// A gateway that is ready to be tried.
pub struct Trial<'a> {
    pub gateway: &'a dyn Gateway,
    pub config: GatewayConfig,
    pub amount: Money,
    /// Remote tokens of a method that pays, and of one that can be stored and is declined when charged.
    pub pays: String,
    pub is_declined: String,
    /// Whether the peer honours idempotency keys.
    pub remembers_keys: bool,
}

pub fn describes_itself(gateway: &dyn Gateway) {
    let name = gateway.name();
    assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{name}");
    assert!(!gateway.display_name().is_empty());
    let keys: BTreeSet<&str> = gateway.fields().iter().map(|field| field.key).collect();
    assert_eq!(keys.len(), gateway.fields().len(), "{name} has a field twice");
    for field in gateway.fields() {
        assert!(!field.label.is_empty(), "{name}: {}", field.key);
        assert!(!field.secret || field.default.is_empty(), "{name}: a secret has no default");
    }
}

pub async fn keeps_the_contract(trial: &Trial<'_>) {
    describes_itself(trial.gateway);
    refuses_unsigned_webhooks(trial.gateway, &trial.config);
    if trial.gateway.capabilities().off_session {
        let method = stores(trial, &trial.pays).await;
        let payment = is_paid(trial, &method.token).await;
        if trial.gateway.capabilities().refunds {
            refunds(trial, &payment).await;
        }
        declines_as_a_value(trial).await;
        forgets_twice(trial, &method.token).await;
    }
    if trial.gateway.capabilities().manual {
        supports_nothing(trial).await;
    }
}

async fn stores(trial: &Trial<'_>, token: &str) -> StoredMethod {
    let method = stored(trial.gateway.store(&trial.config, store_request(token)).await.unwrap());
    assert!(!method.token.method.is_empty());
    assert!(!method.brand.is_empty());
    assert!(method.last_four.len() <= 4 && method.last_four.bytes().all(|b| b.is_ascii_digit()));
    method
}

async fn is_paid(trial: &Trial<'_>, method: &MethodToken) -> String {
    let request = charge_request("contract-paid", trial.amount, method);
    let outcome = trial.gateway.charge(&trial.config, request.clone()).await.unwrap();
    let Outcome::Succeeded { external_id, .. } = outcome.clone() else { panic!("{outcome:?}") };
    if trial.remembers_keys {
        let again = trial.gateway.charge(&trial.config, request.clone()).await.unwrap();
        assert_eq!(again, outcome, "the attempt is the idempotency key");
    }
    let unknown = attempt_of(&request, now());
    let known = Attempt { external_id: Some(external_id.clone()), ..unknown.clone() };
    for attempt in [unknown, known] {
        assert_eq!(
            trial.gateway.look_up(&trial.config, &attempt, now()).await.unwrap(),
            LookUp::Known(outcome.clone())
        );
    }
    external_id
}

async fn refunds(trial: &Trial<'_>, payment: &str) {
    let request = refund_request("contract-refund", payment, trial.amount);
    let outcome = trial.gateway.refund(&trial.config, request.clone()).await.unwrap();
    assert!(matches!(outcome, RefundOutcome::Succeeded { .. } | RefundOutcome::Pending { .. }), "{outcome:?}");
    let again = trial.gateway.refund(&trial.config, request.clone()).await.unwrap();
    assert_eq!(again, outcome, "the refund's id is the idempotency key");
    assert_eq!(trial.gateway.look_up_refund(&trial.config, &request).await.unwrap(), Some(outcome));
}

async fn declines_as_a_value(trial: &Trial<'_>) {
    let method = stores(trial, &trial.is_declined).await;
    let request = charge_request("contract-declined", trial.amount, &method.token);
    let outcome = trial.gateway.charge(&trial.config, request.clone()).await.unwrap();
    let Outcome::Declined { code, reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(!code.is_empty() && !reason.is_empty());
    let answer = trial.gateway.look_up(&trial.config, &attempt_of(&request, now()), now()).await.unwrap();
    assert!(matches!(answer, LookUp::Known(Outcome::Declined { .. })), "{answer:?}");
}

async fn forgets_twice(trial: &Trial<'_>, method: &MethodToken) {
    trial.gateway.forget(&trial.config, method).await.unwrap();
    trial.gateway.forget(&trial.config, method).await.unwrap();
}

fn refuses_unsigned_webhooks(gateway: &dyn Gateway, config: &GatewayConfig) {
    let body = br#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{}}}"#;
    for config in [config, &GatewayConfig::default()] {
        assert!(gateway.verify_webhook(config, &[], body, now()).is_err());
    }
}

async fn supports_nothing(trial: &Trial<'_>) {
    let token = MethodToken { customer: String::new(), method: String::new() };
    let (gateway, config) = (trial.gateway, &trial.config);
    let charge = charge_request("contract", trial.amount, &token);
    let errors = [
        gateway.store(config, store_request("x")).await.unwrap_err(),
        gateway.forget(config, &token).await.unwrap_err(),
        gateway.charge(config, charge.clone()).await.unwrap_err(),
        gateway.look_up(config, &attempt_of(&charge, now()), now()).await.unwrap_err(),
        gateway.refund(config, refund_request("r", "p", trial.amount)).await.unwrap_err(),
        gateway.look_up_refund(config, &refund_request("r", "p", trial.amount)).await.unwrap_err(),
        gateway.open_page(config, page_request("p", to_pay(trial.amount, true))).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, GatewayError::Unsupported(_)), "{error:?}");
    }
}
