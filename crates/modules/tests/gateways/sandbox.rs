use std::collections::BTreeMap;

use billing::gateways::{
    Attempt, Gateway, GatewayConfig, GatewayError, LookUp, MethodKind, Outcome, RefundOutcome, StoredMethod,
    WebhookEffect, WebhookError,
};
use modules::gateways::Sandbox;
use modules::gateways::sandbox::{SandboxEvent, SandboxEventKind, Scenario, SignedWebhook};

use crate::contract::{Trial, keeps_the_contract};
use crate::fixtures::{
    self, attempt_of, charge_request, money, now, page_request, present_request, refund_request, store_request, to_pay,
};

fn config() -> GatewayConfig {
    GatewayConfig(BTreeMap::from([("webhook_secret".to_owned(), "anything".to_owned())]))
}

async fn stored(token: &str) -> StoredMethod {
    fixtures::stored(Sandbox.store(&config(), store_request(token)).await.unwrap())
}

async fn charged(token: &str) -> (Result<Outcome, GatewayError>, Attempt) {
    let request = charge_request("a-1", money("10.00", "EUR"), &stored(token).await.token);
    let attempt = attempt_of(&request, now());
    (Sandbox.charge(&config(), request).await, attempt)
}

async fn looked_up(attempt: &Attempt) -> LookUp {
    Sandbox.look_up(&config(), attempt, now()).await.unwrap()
}

#[tokio::test]
async fn the_sandbox_keeps_the_contract() {
    keeps_the_contract(&Trial {
        gateway: &Sandbox,
        config: config(),
        amount: money("10.00", "EUR"),
        pays: "ok".to_owned(),
        is_declined: "declined".to_owned(),
        remembers_keys: true,
    })
    .await;
}

#[tokio::test]
async fn each_scenario_takes_its_course() {
    let paid = |it: &LookUp| matches!(it, LookUp::Known(Outcome::Succeeded { .. }));
    let declined = |it: &LookUp| matches!(it, LookUp::Known(Outcome::Declined { .. }));
    for scenario in Scenario::ALL {
        let (outcome, attempt) = charged(scenario.name()).await;
        let later = looked_up(&attempt).await;
        let as_expected = match scenario {
            Scenario::Ok => matches!(outcome, Ok(Outcome::Succeeded { .. })) && paid(&later),
            Scenario::Declined | Scenario::Expired => {
                matches!(outcome, Ok(Outcome::Declined { .. })) && declined(&later)
            }
            Scenario::Sca => matches!(outcome, Ok(Outcome::ActionRequired { url: None, .. })),
            Scenario::Timeout => matches!(outcome, Err(GatewayError::Unknown(_))) && paid(&later),
            Scenario::Lost => matches!(outcome, Err(GatewayError::Unknown(_))) && later == LookUp::NeverArrived,
            Scenario::Down => matches!(outcome, Err(GatewayError::NotSent(_))) && later == LookUp::NeverArrived,
            Scenario::Pending => matches!(outcome, Ok(Outcome::Pending { .. })) && paid(&later),
            Scenario::Bounced => matches!(outcome, Ok(Outcome::Pending { .. })) && declined(&later),
        };
        assert!(as_expected, "{scenario:?}: {outcome:?}, then {later:?}");
    }
}

#[tokio::test]
async fn what_is_known_by_the_payment_id_is_the_same() {
    let (outcome, attempt) = charged("pending").await;
    let Ok(Outcome::Pending { external_id }) = outcome else { panic!("{outcome:?}") };
    let by_attempt = looked_up(&attempt).await;
    let by_payment = looked_up(&Attempt { external_id: Some(external_id), method: None, ..attempt }).await;
    assert_eq!(by_payment, by_attempt);
}

#[tokio::test]
async fn a_client_who_is_there_is_sent_to_a_page_of_ours() {
    let method = stored("sca").await.token;
    let outcome = Sandbox.charge(&config(), present_request("a-1", money("10.00", "EUR"), &method)).await.unwrap();
    let Outcome::ActionRequired { url: Some(url), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(url, "https://host.example/sandbox/authenticate/a-1?back=%2Fpay%2Fx%2Freturn");
    let page = Sandbox.open_page(&config(), page_request("a-2", to_pay(money("10.00", "EUR"), true))).await.unwrap();
    assert_eq!(page.url, "https://host.example/sandbox/page/a-2?back=%2Fpay%2Fx%2Freturn");
}

#[tokio::test]
async fn a_fee_of_two_percent_is_kept() {
    let (outcome, _) = charged("ok").await;
    assert!(matches!(outcome, Ok(Outcome::Succeeded { fee: Some(fee), .. }) if fee == money("0.20", "EUR")));
}

#[tokio::test]
async fn a_test_card_number_is_its_scenario_and_is_not_kept() {
    for (number, scenario, brand) in [
        ("4242 4242 4242 4242", "ok", "Visa"),
        ("5555-5555-5555-4444", "ok", "Mastercard"),
        ("4000000000000002", "declined", "Visa"),
        ("4000000000000069", "expired", "Visa"),
        ("4000002500003155", "sca", "Visa"),
    ] {
        let method = stored(number).await;
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        assert!(method.token.method.contains(&format!("_{scenario}_")), "{method:?}");
        assert_eq!(method.brand, brand);
        assert_eq!(method.last_four, digits[12..]);
        assert!(!format!("{method:?}").contains(&digits));
    }
}

#[tokio::test]
async fn any_other_number_is_refused_without_being_repeated() {
    for token in ["4111111111111111", "", "pm_123", "OK"] {
        let error = Sandbox.store(&config(), store_request(token)).await.unwrap_err();
        assert!(matches!(&error, GatewayError::NotSent(_)));
        assert!(token.is_empty() || !error.to_string().contains(token), "{error}");
    }
}

#[tokio::test]
async fn a_bank_debit_is_a_bank_account() {
    let method = stored("pending").await;
    assert_eq!((method.kind, method.expiry), (MethodKind::BankAccount, None));
}

#[tokio::test]
async fn a_payment_of_another_gateway_is_not_refunded() {
    let request = refund_request("r-1", "pi_123", money("1.00", "EUR"));
    assert!(matches!(Sandbox.refund(&config(), request).await, Ok(RefundOutcome::Refused { .. })));
}

fn event(kind: SandboxEventKind) -> SignedWebhook {
    let event = SandboxEvent { event_id: "evt-1".to_owned(), kind, amount: money("10.00", "EUR") };
    Sandbox::webhook(&config(), &event, now()).unwrap()
}

#[test]
fn its_webhooks_are_signed_and_read() {
    let (attempt, payment) = ("a-1".to_owned(), "sandbox_payment_ok_a-1".to_owned());
    let paid = event(SandboxEventKind::ChargeSucceeded { attempt, payment: payment.clone() });
    let read = Sandbox.verify_webhook(&config(), &paid.headers, &paid.body, now()).unwrap();
    assert_eq!(read.event_id, "evt-1");
    assert_eq!(
        read.effect,
        WebhookEffect::Charge {
            attempt: Some("a-1".to_owned()),
            outcome: Outcome::Succeeded { external_id: payment.clone(), fee: None },
            amount: money("10.00", "EUR"),
        }
    );
    let refunded = event(SandboxEventKind::Refunded { payment: payment.clone(), refund: "r-1".to_owned() });
    let read = Sandbox.verify_webhook(&config(), &refunded.headers, &refunded.body, now()).unwrap();
    let amount = money("10.00", "EUR");
    let outcome = RefundOutcome::Succeeded { external_id: "r-1".to_owned() };
    let expected = WebhookEffect::Refund { refund: None, payment, external_id: "r-1".to_owned(), amount, outcome };
    assert_eq!(read.effect, expected);
}

#[test]
fn its_webhooks_are_refused_when_tampered_with_or_stale() {
    let (attempt, payment) = ("a-1".to_owned(), "p".to_owned());
    let mut webhook = event(SandboxEventKind::ChargeDeclined { attempt, payment });
    let later = now().plus_seconds(301);
    let stale = Sandbox.verify_webhook(&config(), &webhook.headers, &webhook.body, later);
    assert!(matches!(stale, Err(WebhookError::OutsideTolerance { .. })));
    webhook.body[10] ^= 1;
    let tampered = Sandbox.verify_webhook(&config(), &webhook.headers, &webhook.body, now());
    assert!(matches!(tampered, Err(WebhookError::BadSignature)));
}
