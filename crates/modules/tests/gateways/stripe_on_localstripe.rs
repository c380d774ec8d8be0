//! Stripe's gateway against localstripe.

use std::time::Duration;

use billing::gateways::{
    Attempt, Expiry, Gateway, GatewayConfig, GatewayError, LookUp, MethodKind, Outcome, RefundOutcome, StoreOutcome,
    StoreRequest, StoredMethod, WebhookEffect, WebhookError,
};

use crate::contract::{Trial, keeps_the_contract};
use crate::fixtures::{
    WEBHOOK_SECRET, attempt_of, charge_request, impatient_stripe, money, now, refund_request, store_request, stored,
    stripe, stripe_config,
};
use crate::localstripe::LocalStripe;
use crate::server::{Reply, Request, Server};

const DECLINED_WHEN_CHARGED: &str = "4000000000000341";
const DECLINED_AT_ONCE: &str = "4000000000000002";
const WANTS_AUTHENTICATION: &str = "4000002760003184";

/// localstripe, what stands in front of it, and the configuration for both.
struct Bench {
    peer: LocalStripe,
    front: Server,
    config: GatewayConfig,
}

impl Bench {
    async fn start() -> Option<Bench> {
        let peer = LocalStripe::start()?;
        let front = peer.completed().await;
        let config = stripe_config(&front.base);
        Some(Bench { peer, front, config })
    }

    async fn stored(&self, number: &str) -> StoredMethod {
        let card = self.peer.card(number).await;
        stored(stripe().store(&self.config, store_request(&card)).await.unwrap())
    }

    /// What the client would do at the bank.
    async fn authenticate(&self, payment: &str) {
        let intent = self.peer.read(&format!("/v1/payment_intents/{payment}")).await;
        let secret = intent["client_secret"].as_str().unwrap();
        let path = format!("/v1/payment_intents/{payment}/_authenticate");
        self.peer.call(&path, &[("client_secret", secret), ("success", "true")]).await;
    }

    async fn charged(&self, number: &str, attempt: &str) -> (Outcome, Attempt) {
        let request = charge_request(attempt, money("10.00", "EUR"), &self.stored(number).await.token);
        let attempt = attempt_of(&request, now());
        (stripe().charge(&self.config, request).await.unwrap(), attempt)
    }
}

#[tokio::test]
async fn stripe_keeps_the_contract() {
    let Some(bench) = Bench::start().await else { return };
    keeps_the_contract(&Trial {
        gateway: &stripe(),
        amount: money("10.00", "EUR"),
        pays: bench.peer.card("4242424242424242").await,
        is_declined: bench.peer.card(DECLINED_WHEN_CHARGED).await,
        remembers_keys: false,
        config: bench.config.clone(),
    })
    .await;
}

#[tokio::test]
async fn a_card_is_stored_with_a_new_customer_and_charged_with_its_fee() {
    let Some(bench) = Bench::start().await else { return };
    let method = bench.stored("4242424242424242").await;
    assert!(method.token.customer.starts_with("cus_") && method.token.method.starts_with("pm_"), "{method:?}");
    assert_eq!((method.kind, method.brand.as_str(), method.last_four.as_str()), (MethodKind::Card, "Visa", "4242"));
    assert_eq!(method.expiry, Some(Expiry { year: 2031, month: 7 }));

    let request = charge_request("a-1", money("12.34", "EUR"), &method.token);
    let outcome = stripe().charge(&bench.config, request).await.unwrap();
    let Outcome::Succeeded { external_id, fee } = outcome else { panic!("{outcome:?}") };
    assert!(external_id.starts_with("pi_"));
    assert_eq!(fee, Some(money("0.00", "EUR")), "localstripe takes none");
    let sent = bench.front.requests().into_iter().find(|it| it.is("POST", "/v1/payment_intents")).unwrap();
    assert_eq!(sent.header("idempotency-key"), Some("a-1"));
    assert_eq!(sent.field("metadata[innkeeper_attempt]").as_deref(), Some("a-1"));
    assert_eq!(sent.field("metadata[innkeeper_invoice]").as_deref(), Some("42"));
}

#[tokio::test]
async fn a_second_card_goes_to_the_customer_that_is_there() {
    let Some(bench) = Bench::start().await else { return };
    let first = bench.stored("4242424242424242").await;
    let card = bench.peer.card("5555555555554444").await;
    let request = StoreRequest { customer: Some(first.token.customer.clone()), ..store_request(&card) };
    let second = stored(stripe().store(&bench.config, request).await.unwrap());
    assert_eq!(second.token.customer, first.token.customer);
}

#[tokio::test]
async fn an_imported_pair_of_customer_and_method_is_taken_over() {
    let Some(bench) = Bench::start().await else { return };
    let first = bench.stored("4242424242424242").await;
    let pair = format!("{}/{}", first.token.customer, first.token.method);
    assert_eq!(stored(stripe().store(&bench.config, store_request(&pair)).await.unwrap()), first);
}

#[tokio::test]
async fn a_method_of_another_customer_is_not_taken_over() {
    let Some(bench) = Bench::start().await else { return };
    let first = bench.stored("4242424242424242").await;
    let other = bench.stored("5555555555554444").await.token.customer;
    for customer in [None, Some(other)] {
        let request = StoreRequest { customer, ..store_request(&first.token.method) };
        let error = stripe().store(&bench.config, request).await.unwrap_err();
        assert!(matches!(error, GatewayError::NotSent(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_card_that_is_declined_at_once_is_not_stored() {
    let Some(bench) = Bench::start().await else { return };
    let card = bench.peer.card(DECLINED_AT_ONCE).await;
    let answer = stripe().store(&bench.config, store_request(&card)).await.unwrap();
    let reason = "Your card was declined.".to_owned();
    assert_eq!(answer, StoreOutcome::Declined { code: "card_declined".to_owned(), reason });
}

#[tokio::test]
async fn a_declined_charge_says_why() {
    let Some(bench) = Bench::start().await else { return };
    let (outcome, attempt) = bench.charged(DECLINED_WHEN_CHARGED, "a-1").await;
    let Outcome::Declined { code, reason, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((code.as_str(), reason.as_str()), ("card_declined", "Your card was declined."));
    let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
    assert!(matches!(later, LookUp::Known(Outcome::Declined { external_id: Some(_), .. })), "{later:?}");
}

#[tokio::test]
async fn a_payment_that_waits_for_the_client_can_be_completed() {
    let Some(bench) = Bench::start().await else { return };
    let (outcome, attempt) = bench.charged(WANTS_AUTHENTICATION, "a-1").await;
    let Outcome::ActionRequired { external_id, .. } = outcome else { panic!("{outcome:?}") };
    bench.authenticate(&external_id).await;
    let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
    assert!(matches!(later, LookUp::Known(Outcome::Succeeded { .. })), "{later:?}");
    let canceled = stripe().cancel(&bench.config, &external_id).await.unwrap();
    assert!(matches!(canceled, LookUp::Known(Outcome::Succeeded { .. })), "too late to cancel: {canceled:?}");
}

#[tokio::test]
async fn a_payment_that_waits_for_the_client_can_be_canceled() {
    let Some(bench) = Bench::start().await else { return };
    let (outcome, attempt) = bench.charged(WANTS_AUTHENTICATION, "a-1").await;
    let Outcome::ActionRequired { external_id, .. } = outcome else { panic!("{outcome:?}") };
    for _ in 0..2 {
        let canceled = stripe().cancel(&bench.config, &external_id).await.unwrap();
        assert!(
            matches!(&canceled, LookUp::Known(Outcome::Declined { code, .. }) if code == "canceled"),
            "{canceled:?}"
        );
    }
    let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
    assert!(matches!(later, LookUp::Known(Outcome::Declined { .. })), "{later:?}");
}

#[tokio::test]
async fn a_bank_debit_that_fails_later_is_pending_first() {
    let Some(bench) = Bench::start().await else { return };
    let account = bench.peer.iban("DE62370400440532013001").await;
    let method = stored(stripe().store(&bench.config, store_request(&account)).await.unwrap());
    assert_eq!((method.kind, method.last_four.as_str()), (MethodKind::BankAccount, "3001"));
    let request = charge_request("a-1", money("10.00", "EUR"), &method.token);
    let outcome = stripe().charge(&bench.config, request.clone()).await.unwrap();
    let Outcome::Pending { external_id } = outcome else { panic!("{outcome:?}") };
    let attempt = Attempt { external_id: Some(external_id), ..attempt_of(&request, now()) };
    let later = eventually(|| async {
        let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
        (!matches!(later, LookUp::Known(Outcome::Pending { .. }))).then_some(later)
    })
    .await;
    assert!(matches!(later, LookUp::Known(Outcome::Declined { .. })), "{later:?}");
}

#[tokio::test]
async fn a_charge_that_stripe_does_not_answer_is_unknown_and_found_later() {
    let Some(bench) = Bench::start().await else { return };
    let method = bench.stored("4242424242424242").await;
    let request = charge_request("a-1", money("10.00", "EUR"), &method.token);
    let attempt = attempt_of(&request, now());
    bench.peer.freeze();
    let error = impatient_stripe().charge(&bench.config, request).await.unwrap_err();
    assert!(matches!(error, GatewayError::Unknown(_)), "{error:?}");
    let error = impatient_stripe().look_up(&bench.config, &attempt, now()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Unknown(_)), "{error:?}");
    bench.peer.thaw();
    let later = eventually(|| async {
        let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
        assert_ne!(later, LookUp::NeverArrived, "too soon to say so");
        (later != LookUp::InProgress).then_some(later)
    })
    .await;
    assert!(matches!(later, LookUp::Known(Outcome::Succeeded { .. })), "{later:?}");
}

#[tokio::test]
async fn a_charge_that_never_arrived_is_said_so_only_after_a_grace_time() {
    let Some(bench) = Bench::start().await else { return };
    let method = bench.stored("4242424242424242").await;
    let request = charge_request("a-1", money("10.00", "EUR"), &method.token);
    let soon = stripe().look_up(&bench.config, &attempt_of(&request, now()), now()).await.unwrap();
    assert_eq!(soon, LookUp::InProgress);
    let late = stripe().look_up(&bench.config, &attempt_of(&request, now().plus_seconds(-700)), now()).await.unwrap();
    assert_eq!(late, LookUp::NeverArrived);
}

#[tokio::test]
async fn a_refund_can_be_asked_for_again() {
    let Some(bench) = Bench::start().await else { return };
    let (outcome, _) = bench.charged("4242424242424242", "a-1").await;
    let Outcome::Succeeded { external_id, .. } = outcome else { panic!("{outcome:?}") };
    let part = |id: &str| refund_request(id, &external_id, money("4.00", "EUR"));
    let first = stripe().refund(&bench.config, part("r-1")).await.unwrap();
    let again = stripe().refund(&bench.config, part("r-1")).await.unwrap();
    let second = stripe().refund(&bench.config, part("r-2")).await.unwrap();
    assert!(matches!(first, RefundOutcome::Succeeded { .. }), "{first:?}");
    assert_eq!(first, again);
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_was_taken_is_listed_with_what_of_it_was_given_back() {
    let Some(bench) = Bench::start().await else { return };
    let (outcome, _) = bench.charged("4242424242424242", "a-1").await;
    let Outcome::Succeeded { external_id, .. } = outcome else { panic!("{outcome:?}") };
    bench.charged(DECLINED_WHEN_CHARGED, "a-2").await;
    for (id, part, returned) in [("r-1", "4.00", "4.00"), ("r-2", "6.00", "10.00")] {
        let before = stripe().taken_since(&bench.config, now().plus_seconds(-60)).await.unwrap();
        assert_eq!(before.len(), 1, "{before:?}");
        assert_eq!((before[0].attempt.as_str(), &before[0].external_id), ("a-1", &external_id));
        assert_eq!(before[0].returned.is_none(), id == "r-1", "{before:?}");
        stripe().refund(&bench.config, refund_request(id, &external_id, money(part, "EUR"))).await.unwrap();
        let after = stripe().taken_since(&bench.config, now().plus_seconds(-60)).await.unwrap();
        assert_eq!(after[0].returned, Some(money(returned, "EUR")));
    }
}

#[tokio::test]
async fn a_failed_payment_is_not_refunded() {
    let Some(bench) = Bench::start().await else { return };
    let (_, attempt) = bench.charged(DECLINED_WHEN_CHARGED, "a-1").await;
    let later = stripe().look_up(&bench.config, &attempt, now()).await.unwrap();
    let LookUp::Known(Outcome::Declined { external_id: Some(payment), .. }) = later else { panic!("{later:?}") };
    let refund = stripe().refund(&bench.config, refund_request("r-1", &payment, money("4.00", "EUR"))).await.unwrap();
    assert!(matches!(&refund, RefundOutcome::Refused { reason } if reason.contains("failed payment")), "{refund:?}");
}

#[tokio::test]
async fn its_webhooks_are_verified_and_read() {
    let Some(bench) = Bench::start().await else { return };
    let inbox = Server::answering(|_| Reply::text(200, "")).await;
    let url = format!("{}/hook", inbox.base);
    bench.peer.call("/_config/webhooks/w1", &[("url", &url), ("secret", WEBHOOK_SECRET)]).await;
    bench.charged("4242424242424242", "a-paid").await;
    bench.charged(DECLINED_WHEN_CHARGED, "a-declined").await;
    let verify = |request: &Request, body: &[u8], seconds: i64| {
        stripe().verify_webhook(&bench.config, &request.headers, body, now().plus_seconds(seconds))
    };
    let find = |kind: &'static str| {
        let inbox = &inbox;
        eventually(move || async move {
            let quoted = format!("\"{kind}\"");
            inbox.requests().into_iter().find(|it| String::from_utf8_lossy(&it.body).contains(&quoted))
        })
    };

    let paid = find("payment_intent.succeeded").await;
    let event = verify(&paid, &paid.body, 0).unwrap();
    assert!(event.event_id.starts_with("evt_"));
    let WebhookEffect::Charge { attempt, outcome, amount } = event.effect else { panic!("{event:?}") };
    assert_eq!((attempt.as_deref(), amount), (Some("a-paid"), money("10.00", "EUR")));
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");

    let declined = find("payment_intent.payment_failed").await;
    let event = verify(&declined, &declined.body, 0).unwrap();
    assert!(
        matches!(&event.effect, WebhookEffect::Charge { attempt: Some(attempt), outcome: Outcome::Declined { .. }, .. }
            if attempt == "a-declined"),
        "{event:?}"
    );
    let other = find("customer.created").await;
    assert_eq!(verify(&other, &other.body, 0).unwrap().effect, WebhookEffect::Ignored);

    let mut tampered = paid.body.clone();
    let place = tampered.iter().position(|byte| *byte == b'1').unwrap();
    tampered[place] = b'9';
    assert!(matches!(verify(&paid, &tampered, 0), Err(WebhookError::BadSignature)));
    assert!(matches!(verify(&paid, &paid.body, 400), Err(WebhookError::OutsideTolerance { .. })));
    assert!(matches!(verify(&paid, &paid.body, -400), Err(WebhookError::OutsideTolerance { .. })));
    let unsigned = stripe().verify_webhook(&bench.config, &[], &paid.body, now());
    assert!(matches!(unsigned, Err(WebhookError::BadSignature)));
    let mut forgetful = bench.config.clone();
    forgetful.0.remove("webhook_secret");
    let unset = stripe().verify_webhook(&forgetful, &paid.headers, &paid.body, now());
    assert!(matches!(unset, Err(WebhookError::BadSignature)));
}

/// Asks until there is an answer, for at most ten seconds.
async fn eventually<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    for _ in 0..100 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no answer within ten seconds");
}
