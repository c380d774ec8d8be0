//! Stripe's gateway against the stand-in that is built from Stripe's description of its API: whatever it asks and reads
//! there is as the description has it.

use billing::gateways::{
    Gateway, GatewayConfig, GatewayError, LookUp, OpenPage, Outcome, PageState, Purpose, RefundOutcome, StoreRequest,
    StoredMethod, WebhookEffect,
};
use kernel::Currency;
use modules::gateways::signature;
use serde_json::Value;
use testkit::stripe::{Card, Spec, Stripe as StandIn};

use crate::contract::{Trial, keeps_the_contract};
use crate::fixtures::{
    WEBHOOK_SECRET, attempt_of, charge_request, http, money, now, page_request, present_request, refund_request,
    store_request, stored, stripe, stripe_config, to_pay,
};

struct Bench {
    peer: StandIn,
    config: GatewayConfig,
}

impl Bench {
    async fn start() -> Bench {
        let peer = StandIn::start().await;
        let config = stripe_config(peer.base_url());
        Bench { peer, config }
    }

    async fn card(&self, card: Card) -> StoredMethod {
        let request = store_request(&self.peer.card(card));
        stored(stripe().store(&self.config, request).await.unwrap())
    }

    /// Presses a button of a page of the provider's; where the browser goes.
    async fn press(&self, url: &str, button: &str) -> String {
        let request = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let form = format!("do={button}");
        let kind = "application/x-www-form-urlencoded";
        let answer = request.post(url).header("content-type", kind).body(form).send().await.unwrap();
        answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// What the events that happened since mean to us.
    fn effects(&self) -> Vec<WebhookEffect> {
        let events = self.peer.take_events();
        events.iter().map(|event| self.verified(event)).collect()
    }

    fn verified(&self, event: &Value) -> WebhookEffect {
        let body = event.to_string();
        let header = signature::sign(WEBHOOK_SECRET, body.as_bytes(), now()).unwrap();
        let headers = [("Stripe-Signature".to_owned(), header)];
        stripe().verify_webhook(&self.config, &headers, body.as_bytes(), now()).unwrap().effect
    }

    fn is_content(&self) {
        assert_eq!(self.peer.complaints(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn stripe_keeps_the_contract_by_the_description() {
    let bench = Bench::start().await;
    keeps_the_contract(&Trial {
        gateway: &stripe(),
        amount: money("10.00", "EUR"),
        pays: bench.peer.card(Card::Pays),
        is_declined: bench.peer.card(Card::Declines),
        remembers_keys: true,
        config: bench.config.clone(),
    })
    .await;
    bench.is_content();
    let asked: Vec<String> =
        bench.peer.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    assert!(asked.iter().any(|it| it.starts_with("GET /v1/charges/")), "{asked:?}");
}

#[tokio::test]
async fn a_client_who_is_there_goes_to_the_bank_and_comes_back() {
    let bench = Bench::start().await;
    let method = bench.card(Card::Asks).await.token;
    // Absent, the bank says no.
    let absent = stripe().charge(&bench.config, charge_request("a-0", money("10.00", "EUR"), &method)).await.unwrap();
    let Outcome::ActionRequired { external_id, url: None } = absent else { panic!("{absent:?}") };
    let given_up = stripe().cancel(&bench.config, &external_id).await.unwrap();
    assert!(matches!(given_up, LookUp::Known(Outcome::Declined { .. })), "{given_up:?}");
    for (attempt, button, paid) in [("a-1", "complete", true), ("a-2", "fail", false)] {
        let request = present_request(attempt, money("10.00", "EUR"), &method);
        let outcome = stripe().charge(&bench.config, request.clone()).await.unwrap();
        let Outcome::ActionRequired { url: Some(url), .. } = outcome.clone() else { panic!("{outcome:?}") };
        assert_eq!(stripe().charge(&bench.config, request.clone()).await.unwrap(), outcome, "the key is honoured");
        let waiting = stripe().look_up(&bench.config, &attempt_of(&request, now()), now()).await.unwrap();
        assert_eq!(waiting, LookUp::Known(outcome));
        let back = bench.press(&url, button).await;
        assert!(back.starts_with("https://host.example/pay/x/return?payment_intent=pi_"), "{back}");
        let after = stripe().look_up(&bench.config, &attempt_of(&request, now()), now()).await.unwrap();
        match after {
            LookUp::Known(Outcome::Succeeded { fee, .. }) if paid => assert_eq!(fee, Some(money("0.30", "EUR"))),
            LookUp::Known(Outcome::Declined { code, .. }) if !paid => {
                assert_eq!(code, "payment_intent_authentication_failure");
            }
            other => panic!("{other:?}"),
        }
    }
    let paid =
        |effect: &WebhookEffect| matches!(effect, WebhookEffect::Charge { outcome: Outcome::Succeeded { .. }, .. });
    assert_eq!(bench.effects().iter().filter(|effect| paid(effect)).count(), 1);
    assert_eq!(bench.peer.taken().len(), 1);
    bench.is_content();
}

#[tokio::test]
async fn a_card_is_taken_on_the_page_and_charged_later() {
    let bench = Bench::start().await;
    let amount = money("10.00", "EUR");
    let made = stripe().open_page(&bench.config, page_request("a-1", to_pay(amount, true))).await.unwrap();
    let again = stripe().open_page(&bench.config, page_request("a-1", to_pay(amount, true))).await.unwrap();
    assert_eq!(made, again, "the reference is the idempotency key");
    let page = OpenPage { id: made.id.clone(), reference: "a-1".to_owned(), amount: Some(amount), keep: true };
    assert_eq!(stripe().look_up_page(&bench.config, &page).await.unwrap(), PageState::Open);
    assert_eq!(bench.press(&made.url, "visa").await, "https://host.example/pay/x/return");
    let effects = bench.effects();
    assert!(effects.contains(&WebhookEffect::Page { reference: "a-1".to_owned() }), "{effects:?}");
    let state = stripe().look_up_page(&bench.config, &page).await.unwrap();
    let PageState::Finished { payment: Some(Outcome::Succeeded { external_id, .. }), method: Some(method) } = state
    else {
        panic!("{state:?}")
    };
    assert_eq!((method.brand.as_str(), method.last_four.as_str()), ("Visa", "4242"));
    let later = stripe().charge(&bench.config, charge_request("a-2", amount, &method.token)).await.unwrap();
    assert!(matches!(later, Outcome::Succeeded { .. }), "{later:?}");
    let refund = stripe().refund(&bench.config, refund_request("r-1", &external_id, amount)).await.unwrap();
    assert!(matches!(refund, RefundOutcome::Succeeded { .. }), "{refund:?}");
    assert!(matches!(bench.effects().last(), Some(WebhookEffect::Refund { refund: Some(id), .. }) if id == "r-1"));
    // A page on which somebody has paid cannot be closed.
    let closed = stripe().close_page(&bench.config, &page).await.unwrap();
    assert!(matches!(closed, PageState::Finished { .. }), "{closed:?}");
    bench.is_content();
}

#[tokio::test]
async fn a_card_is_left_without_paying() {
    let bench = Bench::start().await;
    let purpose = Purpose::Store { currency: Currency::parse("EUR").unwrap() };
    let made = stripe().open_page(&bench.config, page_request("s-1", purpose)).await.unwrap();
    bench.press(&made.url, "visa").await;
    let page = OpenPage { id: made.id, reference: "s-1".to_owned(), amount: None, keep: true };
    let state = stripe().look_up_page(&bench.config, &page).await.unwrap();
    let PageState::Finished { payment: None, method: Some(method) } = state else { panic!("{state:?}") };
    // The next page is for the same customer.
    let request =
        StoreRequest { customer: Some(method.token.customer.clone()), ..store_request(&bench.peer.card(Card::Pays)) };
    assert_eq!(stored(stripe().store(&bench.config, request).await.unwrap()).token.customer, method.token.customer);
    assert_eq!(bench.peer.taken(), Vec::<Value>::new());
    bench.is_content();
}

#[tokio::test]
async fn a_page_that_was_left_is_closed() {
    let bench = Bench::start().await;
    let amount = money("10.00", "EUR");
    let made = stripe().open_page(&bench.config, page_request("a-1", to_pay(amount, false))).await.unwrap();
    let page = OpenPage { id: made.id, reference: "a-1".to_owned(), amount: Some(amount), keep: false };
    for _ in 0..2 {
        assert_eq!(stripe().close_page(&bench.config, &page).await.unwrap(), PageState::Expired);
    }
    assert_eq!(bench.press(&made.url, "visa").await, "", "nothing can be paid there any more");
    assert_eq!(bench.effects(), [WebhookEffect::Page { reference: "a-1".to_owned() }]);
    bench.is_content();
}

#[tokio::test]
async fn disputes_are_read_as_they_are_described() {
    let bench = Bench::start().await;
    let method = bench.card(Card::Pays).await.token;
    let paid = stripe().charge(&bench.config, charge_request("a-1", money("10.00", "EUR"), &method)).await.unwrap();
    let Outcome::Succeeded { external_id, .. } = paid else { panic!("{paid:?}") };
    bench.effects();
    for (stage, withdrawn, reinstated) in
        [("created", false, false), ("withdrawn", true, false), ("reinstated", true, true), ("lost", true, false)]
    {
        bench.peer.dispute(&external_id, stage);
        let effects = bench.effects();
        let [WebhookEffect::Dispute(news)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((news.withdrawn.is_some(), news.reinstated.is_some()), (withdrawn, reinstated), "{stage}");
        assert_eq!(news.payment, external_id);
    }
    bench.is_content();
}

// The stand-in is only as good as its severity.
#[tokio::test]
async fn the_stand_in_refuses_what_the_description_does_not_have() {
    let bench = Bench::start().await;
    let url = format!("{}/v1/customers", bench.peer.base_url());
    let request = http()
        .post(&url)
        .header("authorization", "Bearer sk_test")
        .header("stripe-version", Spec::load().version())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("nickname=Ada");
    assert_eq!(http().send(request).await.unwrap().status, 400);
    assert_eq!(bench.peer.complaints().len(), 1);
    let mut config = bench.config.clone();
    config.0.insert("secret_key".to_owned(), "nonsense".to_owned());
    let refused = stripe().store(&config, store_request("pm_1")).await;
    assert!(matches!(refused, Err(GatewayError::NotSent(_))), "{refused:?}");
}
