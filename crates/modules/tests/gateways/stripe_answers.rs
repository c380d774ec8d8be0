//! Stripe's gateway against scripted answers, for what localstripe cannot do.

use billing::gateways::{
    Attempt, DisputeNews, DisputeState, Gateway, GatewayConfig, GatewayError, LookUp, MethodToken, Movement, OpenPage,
    Outcome, PageState, RefundOutcome, WebhookEffect, WebhookError, WebhookEvent,
};
use kernel::Timestamp;
use modules::gateways::{Stripe, signature};
use modules::http::Http;
use serde_json::{Value, json};

use crate::fixtures::{
    SECRET_KEY, WEBHOOK_SECRET, attempt_of, builder, charge_request, impatient_stripe, money, page_request,
    present_request, refund_request, store_request, stored, stripe, stripe_config, to_pay,
};
use crate::server::{Reply, Server};

const STARTED_AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
/// Eleven minutes after `STARTED_AT`.
const LATER: &str = "Tue, 14 Nov 2023 22:24:20 GMT";

/// By our own clock.
fn our_now() -> Timestamp {
    STARTED_AT.plus_seconds(660)
}

fn method() -> MethodToken {
    MethodToken { customer: "cus_1".to_owned(), method: "pm_1".to_owned() }
}

fn intent(status: &str) -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 1000, "currency": "eur",
        "customer": "cus_1", "metadata": {"innkeeper_attempt": "a-1"}, "last_payment_error": null,
        "next_action": null, "latest_charge": null, "client_secret": "pi_1_secret_x", "payment_method": "pm_1",
    })
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn error(kind: &str, code: &str, message: &str) -> Value {
    json!({"error": {"type": kind, "code": code, "message": message}})
}

async fn charge(reply: Reply) -> Result<Outcome, GatewayError> {
    let server = Server::answering(move |_| reply.clone()).await;
    let request = charge_request("a-1", money("10.00", "EUR"), &method());
    let outcome = impatient_stripe().charge(&stripe_config(&server.base), request).await;
    assert_eq!(server.requests().len(), 1, "a charge is sent once");
    outcome
}

fn attempt() -> Attempt {
    attempt_of(&charge_request("a-1", money("10.00", "EUR"), &method()), STARTED_AT)
}

fn is_unknown<T>(answer: &Result<T, GatewayError>) -> bool {
    matches!(answer, Err(GatewayError::Unknown(_)))
}

fn is_not_sent<T>(answer: &Result<T, GatewayError>) -> bool {
    matches!(answer, Err(GatewayError::NotSent(_)))
}

#[tokio::test]
async fn a_charge_is_one_complete_request() {
    let server = Server::answering(|_| Reply::json(200, intent("succeeded"))).await;
    let request = charge_request("a-1", money("10.00", "EUR"), &method());
    stripe().charge(&stripe_config(&server.base), request).await.unwrap();
    let sent = &server.requests()[0];
    assert!(sent.is("POST", "/v1/payment_intents"));
    let authorization = format!("Bearer {SECRET_KEY}");
    for (name, value) in [
        ("authorization", authorization.as_str()),
        ("idempotency-key", "a-1"),
        ("stripe-version", "2023-08-16"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        assert_eq!(sent.header(name), Some(value));
    }
    let mut form = sent.form();
    form.sort();
    let expected = [
        ("amount", "1000"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("automatic_payment_methods[enabled]", "true"),
        ("capture_method", "automatic"),
        ("confirm", "true"),
        ("currency", "eur"),
        ("customer", "cus_1"),
        ("description", "Invoice 42 & more"),
        ("metadata[innkeeper_attempt]", "a-1"),
        ("metadata[innkeeper_client]", "7"),
        ("metadata[innkeeper_invoice]", "42"),
        ("off_session", "true"),
        ("payment_method", "pm_1"),
    ];
    assert_eq!(form, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn the_status_of_the_payment_is_the_outcome() {
    let paid = charge(Reply::json(200, intent("succeeded"))).await;
    assert_eq!(paid.unwrap(), Outcome::Succeeded { external_id: "pi_1".to_owned(), fee: None });

    let processing = charge(Reply::json(200, intent("processing"))).await;
    assert_eq!(processing.unwrap(), Outcome::Pending { external_id: "pi_1".to_owned() });

    let action = json!({"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}});
    let action = charge(Reply::json(200, with(intent("requires_action"), "next_action", action))).await;
    let url = Some("https://bank.example/3ds".to_owned());
    assert_eq!(action.unwrap(), Outcome::ActionRequired { external_id: "pi_1".to_owned(), url });
}

#[tokio::test]
async fn the_fee_is_a_detail_that_the_outcome_does_not_hang_on() {
    let told = json!({"id": "ch_1", "balance_transaction": {"fee": 59, "currency": "usd"}});
    for (reply, fee) in [
        (Reply::json(200, told), Some(money("0.59", "USD"))),
        (Reply::json(200, json!({"id": "ch_1", "balance_transaction": null})), None),
        (Reply::json(403, error("invalid_request_error", "", "The key may not read balances.")), None),
        (Reply::Break, None),
        (Reply::Silence, None),
    ] {
        let server = Server::answering(move |request| match request.path.as_str() {
            "/v1/charges/ch_1" => reply.clone(),
            _ => Reply::json(200, with(intent("succeeded"), "latest_charge", json!("ch_1"))),
        })
        .await;
        let request = charge_request("a-1", money("10.00", "EUR"), &method());
        let outcome = impatient_stripe().charge(&stripe_config(&server.base), request).await.unwrap();
        assert_eq!(outcome, Outcome::Succeeded { external_id: "pi_1".to_owned(), fee });
    }
}

#[tokio::test]
async fn a_status_that_decides_nothing_is_unknown() {
    for status in ["requires_confirmation", "requires_capture", "requires_payment_method", "brand_new_status"] {
        let outcome = charge(Reply::json(200, intent(status))).await;
        assert!(is_unknown(&outcome), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_authentication_asks_for_the_client() {
    for field in ["code", "decline_code"] {
        let mut body = error("card_error", "card_declined", "Your card was declined.");
        body["error"][field] = json!("authentication_required");
        body["error"]["payment_intent"] = intent("requires_payment_method");
        let outcome = charge(Reply::json(402, body)).await;
        assert_eq!(outcome.unwrap(), Outcome::ActionRequired { external_id: "pi_1".to_owned(), url: None });
    }
}

#[tokio::test]
async fn a_decline_carries_the_bank_s_code_and_stripe_s_words() {
    let mut body = error("card_error", "card_declined", "Your card has insufficient funds.");
    body["error"]["decline_code"] = json!("insufficient_funds");
    body["error"]["payment_intent"] = intent("requires_payment_method");
    let outcome = charge(Reply::json(402, body)).await;
    let declined = Outcome::Declined {
        external_id: Some("pi_1".to_owned()),
        code: "insufficient_funds".to_owned(),
        reason: "Your card has insufficient funds.".to_owned(),
    };
    assert_eq!(outcome.unwrap(), declined);
}

#[tokio::test]
async fn what_stripe_certainly_did_not_carry_out_is_not_sent() {
    for status in [400, 401, 403, 404, 429] {
        let said = error("invalid_request_error", "parameter_invalid", "It is wrong.");
        for reply in [Reply::json(status, said), Reply::text(status, "<html>")] {
            let outcome = charge(reply).await;
            assert!(is_not_sent(&outcome), "{status}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn what_stripe_may_have_carried_out_is_unknown() {
    for status in [302, 402, 408, 409, 424, 500, 502, 503, 504] {
        let outcome = charge(Reply::text(status, "<html>")).await;
        assert!(is_unknown(&outcome), "{status}: {outcome:?}");
    }
    let reused = error("idempotency_error", "", "Keys can only be used with the same parameters.");
    assert!(is_unknown(&charge(Reply::json(400, reused)).await), "an earlier request had the key");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown() {
    for body in ["", "{", "[]", "null", r#"{"id":"pi_1"}"#, r#"{"id":5,"status":"succeeded","amount":1000}"#] {
        let outcome = charge(Reply::text(200, body)).await;
        assert!(is_unknown(&outcome), "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let huge = with(intent("succeeded"), "filling", json!("x".repeat(5 * 1024 * 1024)));
    let outcome = charge(Reply::json(200, huge)).await;
    assert!(matches!(&outcome, Err(GatewayError::Unknown(words)) if words.contains("too large")), "{outcome:?}");
}

#[tokio::test]
async fn a_success_of_something_else_is_unknown() {
    for (key, value) in [
        ("amount", json!(100)),
        ("amount", json!(100_000)),
        ("currency", json!("usd")),
        ("currency", json!("jpy")),
        ("currency", json!("zzz")),
        ("amount_received", json!(500)),
        ("metadata", json!({"innkeeper_attempt": "another"})),
    ] {
        let body = with(intent("succeeded"), key, value.clone());
        let outcome = charge(Reply::json(200, body.clone())).await;
        assert!(is_unknown(&outcome), "{key} {value}: {outcome:?}");
        let later = look_up(Some("pi_1"), move |_, _| Reply::json(200, body.clone())).await;
        assert!(is_unknown(&later), "{key} {value}: {later:?}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_unknown() {
    for reply in [Reply::Break, Reply::Silence] {
        let outcome = charge(reply.clone()).await;
        assert!(is_unknown(&outcome), "{reply:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown() {
    let body = intent("succeeded").to_string();
    let outcome = charge(Reply::text(200, &body[..50]).with_header("Transfer-Encoding", "chunked")).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    // A port that nobody listens at: one that was free a moment ago.
    let config = stripe_config(&format!("http://127.0.0.1:{}", testkit::process::free_port()));
    let charged = stripe().charge(&config, charge_request("a-1", money("10.00", "EUR"), &method())).await;
    assert!(is_not_sent(&charged), "{charged:?}");
    assert!(is_not_sent(&stripe().store(&config, store_request("pm_1")).await));
    let asked = stripe().look_up(&config, &attempt(), STARTED_AT).await;
    assert!(is_unknown(&asked), "that the question was not sent says nothing about the charge: {asked:?}");
    let refunded = stripe().refund(&config, refund_request("r-1", "pi_1", money("1.00", "EUR"))).await;
    assert!(is_unknown(&refunded), "it may be the second time it is asked for: {refunded:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering(|_| Reply::json(200, intent("succeeded"))).await;
    let location = format!("{}/v1/payment_intents", elsewhere.base);
    for status in [301, 307] {
        let outcome = charge(Reply::text(status, "").with_header("Location", &location)).await;
        assert!(is_unknown(&outcome), "{status}: {outcome:?}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_amount_that_stripe_cannot_take_is_not_sent() {
    let server = Server::answering(|_| Reply::Break).await;
    for (decimal, currency) in [("5.124", "KWD"), ("0", "EUR"), ("-1", "EUR"), ("5", "UGX")] {
        let request = charge_request("a-1", money(decimal, currency), &method());
        let outcome = stripe().charge(&stripe_config(&server.base), request).await;
        assert!(is_not_sent(&outcome), "{decimal} {currency}: {outcome:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_secret_is_in_no_error() {
    let echo = error("invalid_request_error", "", &format!("Bad key {SECRET_KEY} or {WEBHOOK_SECRET}\r\nreally"));
    for status in [400, 401, 402, 403, 404, 409, 429, 500] {
        let outcome = charge(Reply::json(status, echo.clone())).await;
        let words = format!("{outcome:?}");
        assert!(!words.contains("do_not_show_me") && !words.contains("\\r"), "{status}: {words}");
    }
    let mut config = stripe_config("http://127.0.0.1:1");
    config.0.insert("secret_key".to_owned(), "sk_do_not_show_me\n".to_owned());
    let request = charge_request("a-1", money("10.00", "EUR"), &method());
    let error = stripe().charge(&config, request).await.unwrap_err();
    assert!(!format!("{error:?} {config:?}").contains("do_not_show_me"));
}

#[tokio::test]
async fn without_its_settings_nothing_is_sent() {
    for (key, value) in [("secret_key", ""), ("api_base", "http://stripe.example"), ("api_base", "no address")] {
        let mut config = stripe_config("https://api.stripe.com");
        config.0.insert(key.to_owned(), value.to_owned());
        let request = charge_request("a-1", money("10.00", "EUR"), &method());
        let outcome = stripe().charge(&config, request).await;
        assert!(is_not_sent(&outcome), "{key}={value}: {outcome:?}");
    }
    let nothing = stripe().store(&GatewayConfig::default(), store_request("pm_1")).await;
    assert!(is_not_sent(&nothing), "{nothing:?}");
}

// ---- store and forget

#[tokio::test]
async fn a_token_from_a_browser_cannot_leave_its_endpoint() {
    let server = Server::answering(|_| Reply::json(200, json!({}))).await;
    let config = stripe_config(&server.base);
    for token in ["pm_1/../../customers", "cus_1/../refunds", "pm_1?expand[]=customer", "pm_1#", "", "cus_1/"] {
        let stored = stripe().store(&config, store_request(token)).await;
        assert!(is_not_sent(&stored), "{token}: {stored:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_customer_is_made_once_however_often_storing_is_tried() {
    let server = Server::answering(|request| match request.path.as_str() {
        "/v1/customers" => Reply::json(200, json!({"id": "cus_1"})),
        "/v1/payment_methods/pm_1" => Reply::json(200, json!({"id": "pm_1", "type": "card", "customer": null})),
        _ => Reply::text(500, ""),
    })
    .await;
    for _ in 0..2 {
        assert!(is_unknown(&stripe().store(&stripe_config(&server.base), store_request("pm_1")).await));
    }
    let keys: Vec<_> = server
        .requests()
        .iter()
        .filter(|it| it.path == "/v1/customers")
        .map(|it| it.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_card_token_becomes_a_payment_method() {
    let server = Server::answering(|request| match request.path.as_str() {
        "/v1/customers" => Reply::json(200, json!({"id": "cus_1"})),
        _ => Reply::json(
            200,
            json!({"id": "pm_1", "type": "card", "customer": null,
                "card": {"brand": "amex", "last4": "0005", "exp_month": 1, "exp_year": 2030}}),
        ),
    })
    .await;
    let stored = stored(stripe().store(&stripe_config(&server.base), store_request("tok_visa")).await.unwrap());
    assert_eq!((stored.token, stored.brand.as_str()), (method(), "American Express"));
    assert_eq!(server.requests()[0].field("card[token]").as_deref(), Some("tok_visa"));
}

#[tokio::test]
async fn forgetting_what_is_gone_is_fine() {
    let gone = error("invalid_request_error", "resource_missing", "No such payment_method.");
    let server = Server::answering(move |_| Reply::json(404, gone.clone())).await;
    stripe().forget(&stripe_config(&server.base), &method()).await.unwrap();

    for (customer, forgotten) in [(json!(null), true), (json!("cus_1"), false)] {
        let server = Server::answering(move |request| match request.method.as_str() {
            "GET" => Reply::json(200, json!({"id": "pm_1", "type": "card", "customer": customer})),
            _ => Reply::json(400, error("invalid_request_error", "", "It is not attached to a customer.")),
        })
        .await;
        let answer = stripe().forget(&stripe_config(&server.base), &method()).await;
        assert_eq!(answer.is_ok(), forgotten, "{answer:?}");
    }
}

// ---- looking up

/// `reply` is given the number of the request, from 0, and its `starting_after`.
async fn look_up(
    payment: Option<&str>,
    reply: impl Fn(usize, Option<String>) -> Reply + Send + Sync + 'static,
) -> Result<LookUp, GatewayError> {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::answering(move |request| {
        assert_eq!(request.method, "GET", "a look-up only reads");
        reply(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst), request.parameter("starting_after"))
    })
    .await;
    let attempt = Attempt { external_id: payment.map(str::to_owned), ..attempt() };
    stripe().look_up(&stripe_config(&server.base), &attempt, our_now()).await
}

fn list(data: Vec<Value>, has_more: bool) -> Reply {
    Reply::json(200, json!({"object": "list", "data": data, "has_more": has_more})).with_header("Date", LATER)
}

fn foreign(id: &str) -> Value {
    with(with(intent("succeeded"), "id", json!(id)), "metadata", json!({"innkeeper_attempt": "another"}))
}

#[tokio::test]
async fn the_search_is_for_the_customer_s_payments_since_the_day_before() {
    let server = Server::answering(|_| list(vec![intent("succeeded")], false)).await;
    stripe().look_up(&stripe_config(&server.base), &attempt(), STARTED_AT).await.unwrap();
    let sent = &server.requests()[0];
    assert!(sent.is("GET", "/v1/payment_intents"));
    assert_eq!(sent.parameter("customer").as_deref(), Some("cus_1"));
    assert_eq!(sent.parameter("created[gte]").as_deref(), Some("1699913600"));
    assert_eq!(sent.parameter("limit").as_deref(), Some("100"));
}

#[tokio::test]
async fn an_attempt_is_found_on_a_later_page() {
    let found = look_up(None, |number, after| match number {
        0 => list(vec![foreign("pi_8"), foreign("pi_9")], true),
        _ => {
            assert_eq!(after.as_deref(), Some("pi_9"));
            list(vec![foreign("pi_7"), intent("processing")], true)
        }
    })
    .await;
    assert_eq!(found.unwrap(), LookUp::Known(Outcome::Pending { external_id: "pi_1".to_owned() }));
}

#[tokio::test]
async fn an_attempt_is_absent_only_at_the_end_of_the_list() {
    let absent = look_up(None, |_, _| list(vec![foreign("pi_9")], false)).await;
    assert_eq!(absent.unwrap(), LookUp::NeverArrived);
    let endless = look_up(None, |_, _| list(vec![foreign("pi_9")], true)).await;
    assert!(is_unknown(&endless), "{endless:?}");
    let empty = look_up(None, |_, _| list(vec![], true)).await;
    assert!(is_unknown(&empty), "{empty:?}");
    let unreadable = look_up(None, |_, _| list(vec![json!({"id": "pi_9"})], false)).await;
    assert!(is_unknown(&unreadable), "{unreadable:?}");
}

#[tokio::test]
async fn what_was_taken_is_listed_with_what_of_it_was_given_back() {
    let since = STARTED_AT;
    let taken = async |charge: Value| {
        let intent = with(
            with(intent("succeeded"), "latest_charge", json!("ch_1")),
            "metadata",
            json!({"innkeeper_attempt": "a-1", "innkeeper_client": "3", "innkeeper_invoice": "17"}),
        );
        let server = Server::answering(move |request| {
            if request.path.starts_with("/v1/charges/ch_1") {
                Reply::json(200, charge.clone())
            } else {
                list(vec![intent.clone(), foreign_of_nobody()], false)
            }
        })
        .await;
        stripe().taken_since(&stripe_config(&server.base), since).await
    };
    let charge = |refunded: i64, disputed: bool| {
        json!({"id": "ch_1", "amount": 1000, "amount_refunded": refunded, "disputed": disputed, "currency": "eur",
            "balance_transaction": {"fee": 30, "currency": "eur"}})
    };
    for (refunded, disputed, returned) in
        [(0, false, None), (400, false, Some("4.00")), (1000, false, Some("10.00")), (0, true, Some("10.00"))]
    {
        let all = taken(charge(refunded, disputed)).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].client_id, all[0].invoice_id, all[0].amount), (Some(3), Some(17), money("10.00", "EUR")));
        assert_eq!(all[0].returned, returned.map(|decimal| money(decimal, "EUR")), "{refunded} {disputed}");
    }
    // What cannot be read is not "nothing".
    let unreadable = taken(json!({"id": "ch_1"})).await;
    assert!(is_unknown(&unreadable), "{unreadable:?}");
}

/// A payment that has nothing to do with us.
fn foreign_of_nobody() -> Value {
    with(with(intent("succeeded"), "id", json!("pi_5")), "metadata", json!({}))
}

// "Never" lets the client be charged again: the time must have passed by our clock and by theirs.
#[tokio::test]
async fn an_absent_attempt_is_in_progress_while_it_may_be_on_its_way() {
    let (early, late) = (Some("Tue, 14 Nov 2023 22:23:19 GMT"), Some("Tue, 14 Nov 2023 22:23:20 GMT"));
    for (ours, theirs, expected) in [
        (600, late, LookUp::NeverArrived),
        (599, late, LookUp::InProgress),
        (600, early, LookUp::InProgress),
        (-60, late, LookUp::InProgress),
        (600, Some("yesterday"), LookUp::NeverArrived),
        (600, None, LookUp::NeverArrived),
        (599, None, LookUp::InProgress),
    ] {
        let server = Server::answering(move |_| {
            let reply = Reply::json(200, json!({"data": [], "has_more": false}));
            theirs.map_or(reply.clone(), |date| reply.with_header("Date", date))
        })
        .await;
        let now = STARTED_AT.plus_seconds(ours);
        let answer = stripe().look_up(&stripe_config(&server.base), &attempt(), now).await;
        assert_eq!(answer.unwrap(), expected, "{ours} {theirs:?}");
    }
}

#[tokio::test]
async fn a_payment_that_its_account_does_not_know_is_unknown_not_absent() {
    let missing = error("invalid_request_error", "resource_missing", "No such payment_intent: 'pi_1'");
    let answer = look_up(Some("pi_1"), move |_, _| Reply::json(404, missing.clone())).await;
    assert!(is_unknown(&answer), "the key may be of another account: {answer:?}");
    for status in [400, 401, 402, 404, 429, 500] {
        let answer = look_up(None, move |_, _| Reply::text(status, "")).await;
        assert!(is_unknown(&answer), "{status}: {answer:?}");
    }
}

#[tokio::test]
async fn a_failed_payment_is_looked_up_as_it_was_answered() {
    let declined = json!({"code": "card_declined", "decline_code": "lost_card", "message": "Declined."});
    let declined = with(intent("requires_payment_method"), "last_payment_error", declined);
    let answer = look_up(Some("pi_1"), move |_, _| Reply::json(200, declined.clone())).await.unwrap();
    assert!(matches!(&answer, LookUp::Known(Outcome::Declined { code, .. }) if code == "lost_card"), "{answer:?}");

    let waiting = json!({"code": "authentication_required", "message": "Authenticate."});
    let waiting = with(intent("requires_payment_method"), "last_payment_error", waiting);
    let answer = look_up(Some("pi_1"), move |_, _| Reply::json(200, waiting.clone())).await.unwrap();
    assert!(matches!(answer, LookUp::Known(Outcome::ActionRequired { .. })), "{answer:?}");

    let answer = look_up(Some("pi_1"), |_, _| Reply::json(200, intent("requires_confirmation"))).await.unwrap();
    assert_eq!(answer, LookUp::InProgress);
}

#[tokio::test]
async fn a_payment_that_was_refused_but_not_canceled_is_still_open() {
    let declined = json!({"code": "card_declined", "message": "Declined."});
    let declined = with(intent("requires_payment_method"), "last_payment_error", declined);
    let server = Server::answering(move |request| match request.method.as_str() {
        "POST" => Reply::json(400, error("invalid_request_error", "payment_intent_unexpected_state", "No.")),
        _ => Reply::json(200, declined.clone()),
    })
    .await;
    let answer = stripe().cancel(&stripe_config(&server.base), "pi_1").await.unwrap();
    assert_eq!(answer, LookUp::InProgress);
}

// ---- refunds

fn refund_object(status: &str, amount: i64) -> Value {
    json!({"id": "re_1", "object": "refund", "status": status, "amount": amount, "currency": "eur",
        "payment_intent": "pi_1", "charge": "ch_1", "metadata": {"innkeeper_refund": "r-1"}})
}

/// `earlier` is what the list of refunds has, `reply` answers a new one; also tells how often one was posted.
async fn refund(earlier: Vec<Value>, reply: Reply) -> (Result<RefundOutcome, GatewayError>, usize) {
    let server = Server::answering(move |request| match request.method.as_str() {
        "GET" => list(earlier.clone(), false),
        _ => reply.clone(),
    })
    .await;
    let request = refund_request("r-1", "pi_1", money("4.00", "EUR"));
    let outcome = impatient_stripe().refund(&stripe_config(&server.base), request).await;
    let posted: Vec<_> = server.requests().into_iter().filter(|it| it.method == "POST").collect();
    assert!(posted.iter().all(|it| it.header("idempotency-key") == Some("r-1")));
    (outcome, posted.len())
}

#[tokio::test]
async fn the_status_of_the_refund_is_the_outcome() {
    for (status, expected) in [
        ("succeeded", RefundOutcome::Succeeded { external_id: "re_1".to_owned() }),
        ("pending", RefundOutcome::Pending { external_id: "re_1".to_owned() }),
        ("failed", RefundOutcome::Refused { reason: "The refund failed.".to_owned() }),
        ("canceled", RefundOutcome::Refused { reason: "The refund was canceled.".to_owned() }),
    ] {
        let (outcome, _) = refund(vec![], Reply::json(200, refund_object(status, 400))).await;
        assert_eq!(outcome.unwrap(), expected);
    }
    let (outcome, _) = refund(vec![], Reply::json(200, refund_object("succeeded", 500))).await;
    assert!(is_unknown(&outcome), "another amount: {outcome:?}");
}

#[tokio::test]
async fn a_refund_that_stripe_has_is_not_asked_for_again() {
    let (outcome, posted) = refund(vec![refund_object("pending", 400)], Reply::Break).await;
    assert_eq!(outcome.unwrap(), RefundOutcome::Pending { external_id: "re_1".to_owned() });
    assert_eq!(posted, 0);
    let (outcome, posted) =
        refund(vec![with(refund_object("succeeded", 400), "metadata", json!({}))], Reply::Break).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    assert_eq!(posted, 1);
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_says_why() {
    let over = "Refund amount (€4.00) is greater than unrefunded amount on charge (€1.00)";
    let (outcome, _) = refund(vec![], Reply::json(400, error("invalid_request_error", "", over))).await;
    assert_eq!(outcome.unwrap(), RefundOutcome::Refused { reason: over.to_owned() });
    let (outcome, _) = refund(vec![], Reply::json(400, error("idempotency_error", "", "Other parameters"))).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    for status in [409, 500] {
        let (outcome, _) = refund(vec![], Reply::text(status, "")).await;
        assert!(is_unknown(&outcome), "{status}: {outcome:?}");
    }
    let (outcome, _) = refund(vec![], Reply::text(429, "")).await;
    assert!(is_not_sent(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_lost_refund_is_looked_for_and_not_sent() {
    for (earlier, expected) in [
        (vec![refund_object("pending", 400)], Some(RefundOutcome::Pending { external_id: "re_1".to_owned() })),
        (vec![with(refund_object("succeeded", 400), "metadata", json!({"innkeeper_refund": "r-2"}))], None),
        (vec![], None),
    ] {
        let server = Server::answering(move |request| {
            assert_eq!(request.method, "GET", "a look-up only reads");
            list(earlier.clone(), false)
        })
        .await;
        let request = refund_request("r-1", "pi_1", money("4.00", "EUR"));
        let answer = stripe().look_up_refund(&stripe_config(&server.base), &request).await;
        assert_eq!(answer.unwrap(), expected);
    }
    for reply in
        [Reply::text(500, ""), Reply::text(404, ""), Reply::Break, list(vec![refund_object("pending", 500)], false)]
    {
        let server = Server::answering(move |_| reply.clone()).await;
        let request = refund_request("r-1", "pi_1", money("4.00", "EUR"));
        assert!(is_unknown(&stripe().look_up_refund(&stripe_config(&server.base), &request).await));
    }
}

// ---- a client who is there

#[tokio::test]
async fn a_client_who_is_there_is_charged_with_a_way_back() {
    let action = json!({"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}});
    let server =
        Server::answering(move |_| Reply::json(200, with(intent("requires_action"), "next_action", action.clone())))
            .await;
    let outcome =
        stripe().charge(&stripe_config(&server.base), present_request("a-1", money("10.00", "EUR"), &method())).await;
    let url = Some("https://bank.example/3ds".to_owned());
    assert_eq!(outcome.unwrap(), Outcome::ActionRequired { external_id: "pi_1".to_owned(), url });
    let sent = &server.requests()[0];
    assert_eq!(sent.header("idempotency-key"), Some("a-1"));
    assert_eq!(sent.field("return_url").as_deref(), Some("https://host.example/pay/x/return"));
    assert_eq!(sent.field("metadata[innkeeper_present]").as_deref(), Some("1"));
    assert_eq!((sent.field("off_session"), sent.field("automatic_payment_methods[allow_redirects]")), (None, None));
}

// Who is there and is refused for want of authentication has nothing to wait for.
#[tokio::test]
async fn a_refusal_of_a_client_who_is_there_is_a_decline() {
    let mut body = error("card_error", "authentication_required", "Authenticate.");
    body["error"]["payment_intent"] = intent("requires_payment_method");
    let server = Server::answering(move |_| Reply::json(402, body.clone())).await;
    let outcome =
        stripe().charge(&stripe_config(&server.base), present_request("a-1", money("10.00", "EUR"), &method())).await;
    assert!(matches!(outcome, Ok(Outcome::Declined { .. })), "{outcome:?}");
    let failed = json!({"code": "authentication_required", "message": "Authenticate."});
    let failed = with(intent("requires_payment_method"), "last_payment_error", failed);
    let failed = with(failed, "metadata", json!({"innkeeper_attempt": "a-1", "innkeeper_present": "1"}));
    let answer = look_up(Some("pi_1"), move |_, _| Reply::json(200, failed.clone())).await.unwrap();
    assert!(matches!(answer, LookUp::Known(Outcome::Declined { .. })), "{answer:?}");
}

// ---- pages

fn session(status: &str, intent: Value) -> Value {
    json!({"id": "cs_1", "object": "checkout.session", "status": status, "url": null, "customer": "cus_1",
        "payment_intent": intent, "setup_intent": null, "metadata": {"innkeeper_page": "a-1"}})
}

fn open_page(amount: Option<&str>, keep: bool) -> OpenPage {
    let amount = amount.map(|decimal| money(decimal, "EUR"));
    OpenPage { id: "cs_1".to_owned(), reference: "a-1".to_owned(), amount, keep }
}

/// `session` answers for the page, `method` for the card.
async fn look_at(page: OpenPage, session: Value, method: Reply) -> Result<PageState, GatewayError> {
    let server = Server::answering(move |request| match request.path.as_str() {
        "/v1/checkout/sessions/cs_1" => Reply::json(200, session.clone()),
        _ => method.clone(),
    })
    .await;
    impatient_stripe().look_up_page(&stripe_config(&server.base), &page).await
}

fn card_of(customer: Value) -> Reply {
    let card = json!({"brand": "visa", "last4": "4242", "exp_month": 7, "exp_year": 2031});
    Reply::json(200, json!({"id": "pm_1", "type": "card", "customer": customer, "card": card}))
}

#[tokio::test]
async fn a_page_is_one_complete_request_after_the_customer_s() {
    let server = Server::answering(|request| match request.path.as_str() {
        "/v1/customers" => Reply::json(200, json!({"id": "cus_9"})),
        _ => Reply::json(200, json!({"id": "cs_1", "url": "https://checkout.stripe.com/c/pay/cs_1"})),
    })
    .await;
    let page = stripe()
        .open_page(&stripe_config(&server.base), page_request("a-1", to_pay(money("10.00", "EUR"), true)))
        .await
        .unwrap();
    assert_eq!((page.id.as_str(), page.url.as_str()), ("cs_1", "https://checkout.stripe.com/c/pay/cs_1"));
    let sent = &server.requests()[1];
    assert!(sent.is("POST", "/v1/checkout/sessions"));
    assert_eq!(sent.header("idempotency-key"), Some("a-1"));
    let mut form = sent.form();
    form.sort();
    let expected = [
        ("cancel_url", "https://host.example/pay/x"),
        ("client_reference_id", "a-1"),
        ("customer", "cus_9"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][product_data][name]", "Invoice 42"),
        ("line_items[0][price_data][unit_amount]", "1000"),
        ("line_items[0][quantity]", "1"),
        ("metadata[innkeeper_page]", "a-1"),
        ("mode", "payment"),
        ("payment_intent_data[capture_method]", "automatic"),
        ("payment_intent_data[description]", "Invoice 42"),
        ("payment_intent_data[metadata][innkeeper_attempt]", "a-1"),
        ("payment_intent_data[metadata][innkeeper_client]", "7"),
        ("payment_intent_data[metadata][innkeeper_invoice]", "42"),
        ("payment_intent_data[metadata][innkeeper_present]", "1"),
        ("payment_intent_data[setup_future_usage]", "off_session"),
        ("payment_method_types[0]", "card"),
        ("submit_type", "pay"),
        ("success_url", "https://host.example/pay/x/return"),
    ];
    assert_eq!(form, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn the_status_of_the_session_is_the_state_of_the_page() {
    let nothing = || Reply::text(500, "");
    let page = || open_page(Some("10.00"), true);
    let null = || json!(null);
    assert_eq!(look_at(page(), session("open", null()), nothing()).await.unwrap(), PageState::Open);
    assert_eq!(look_at(page(), session("expired", null()), nothing()).await.unwrap(), PageState::Expired);
    assert!(is_unknown(&look_at(page(), session("half", null()), nothing()).await));
    assert!(is_unknown(&look_at(page(), session("complete", null()), nothing()).await), "complete without a payment");
    let foreign = with(session("open", null()), "metadata", json!({"innkeeper_page": "another"}));
    assert!(is_unknown(&look_at(page(), foreign, nothing()).await));
    // Of another amount, it proves nothing.
    let paid = session("complete", intent("succeeded"));
    assert!(is_unknown(&look_at(open_page(Some("9.00"), true), paid.clone(), card_of(json!("cus_1"))).await));

    let succeeded = Outcome::Succeeded { external_id: "pi_1".to_owned(), fee: None };
    let state = look_at(page(), paid.clone(), card_of(json!("cus_1"))).await.unwrap();
    let PageState::Finished { payment: Some(outcome), method: Some(stored) } = state else { panic!("{state:?}") };
    assert_eq!((outcome, stored.token, stored.last_four.as_str()), (succeeded.clone(), method(), "4242"));
    // Not to be kept, not attached, not to be had: the payment is booked all the same.
    for (keep, card) in [(false, card_of(json!("cus_1"))), (true, card_of(json!(null))), (true, Reply::text(403, ""))] {
        let state = look_at(open_page(Some("10.00"), keep), paid.clone(), card).await.unwrap();
        assert_eq!(state, PageState::Finished { payment: Some(succeeded.clone()), method: None });
    }
    // What could not be told just now is asked for again.
    assert!(is_unknown(&look_at(page(), paid, Reply::text(500, "")).await));
    let pending = look_at(page(), session("complete", intent("processing")), card_of(json!("cus_1"))).await.unwrap();
    assert!(matches!(pending, PageState::Finished { payment: Some(Outcome::Pending { .. }), .. }), "{pending:?}");
}

#[tokio::test]
async fn a_card_that_was_left_is_stored() {
    let setup = |status: &str| {
        let setup = json!({"id": "seti_1", "status": status, "payment_method": "pm_1"});
        with(session("complete", json!(null)), "setup_intent", setup)
    };
    let state = look_at(open_page(None, true), setup("succeeded"), card_of(json!("cus_1"))).await.unwrap();
    assert!(matches!(state, PageState::Finished { payment: None, method: Some(_) }), "{state:?}");
    let state = look_at(open_page(None, true), setup("processing"), card_of(json!("cus_1"))).await.unwrap();
    assert_eq!(state, PageState::Open);
}

#[tokio::test]
async fn a_page_is_closed_unless_somebody_was_faster() {
    for (status, answer, expected) in [
        (200, session("expired", json!(null)), PageState::Expired),
        (400, session("expired", json!(null)), PageState::Expired),
        (
            400,
            session("complete", intent("succeeded")),
            PageState::Finished {
                payment: Some(Outcome::Succeeded { external_id: "pi_1".to_owned(), fee: None }),
                method: None,
            },
        ),
    ] {
        let server = Server::answering(move |request| match (request.method.as_str(), status) {
            ("POST", 400) => Reply::json(400, error("invalid_request_error", "", "Only open sessions can be expired.")),
            _ => Reply::json(200, answer.clone()),
        })
        .await;
        let page = open_page(Some("10.00"), false);
        assert_eq!(stripe().close_page(&stripe_config(&server.base), &page).await.unwrap(), expected);
        assert!(server.requests()[0].is("POST", "/v1/checkout/sessions/cs_1/expire"));
    }
    let server = Server::answering(|_| Reply::text(404, "")).await;
    assert!(is_unknown(&stripe().close_page(&stripe_config(&server.base), &open_page(None, false)).await));
}

// ---- webhooks

fn received(kind: &str, object: Value) -> Result<WebhookEvent, WebhookError> {
    let body = json!({"id": "evt_1", "type": kind, "data": {"object": object}}).to_string();
    let header = signature::sign(WEBHOOK_SECRET, body.as_bytes(), STARTED_AT).unwrap();
    let headers = [("stripe-signature".to_owned(), header)];
    offline_stripe().verify_webhook(&stripe_config(""), &headers, body.as_bytes(), STARTED_AT)
}

fn offline_stripe() -> Stripe {
    Stripe::new(Http::new(builder()).unwrap())
}

#[test]
fn a_payment_s_event_says_what_became_of_the_attempt() {
    let event = received("payment_intent.processing", intent("processing")).unwrap();
    assert_eq!((event.event_id.as_str(), event.kind.as_str()), ("evt_1", "payment_intent.processing"));
    let charge =
        |outcome| WebhookEffect::Charge { attempt: Some("a-1".to_owned()), outcome, amount: money("10.00", "EUR") };
    assert_eq!(event.effect, charge(Outcome::Pending { external_id: "pi_1".to_owned() }));
    let event = received("payment_intent.requires_action", intent("requires_action")).unwrap();
    assert_eq!(event.effect, charge(Outcome::ActionRequired { external_id: "pi_1".to_owned(), url: None }));
    let event = received("payment_intent.canceled", intent("canceled")).unwrap();
    assert!(matches!(event.effect, WebhookEffect::Charge { outcome: Outcome::Declined { .. }, .. }));
}

#[test]
fn the_amount_of_an_event_is_what_was_received() {
    let part = with(intent("succeeded"), "amount_received", json!(700));
    let event = received("payment_intent.succeeded", part).unwrap();
    assert!(matches!(event.effect, WebhookEffect::Charge { amount, .. } if amount == money("7.00", "EUR")));
}

#[test]
fn a_payment_that_is_not_ours_is_told_without_an_attempt() {
    let event = received("payment_intent.succeeded", with(intent("succeeded"), "metadata", json!({}))).unwrap();
    assert!(matches!(event.effect, WebhookEffect::Charge { attempt: None, .. }));
    let inexpressible = with(with(intent("succeeded"), "metadata", json!({})), "currency", json!("ugx"));
    assert_eq!(received("payment_intent.succeeded", inexpressible).unwrap().effect, WebhookEffect::Ignored);
    let ours = with(intent("succeeded"), "currency", json!("ugx"));
    assert!(matches!(received("payment_intent.succeeded", ours), Err(WebhookError::Unreadable(_))));
}

#[test]
fn a_refund_is_told_whatever_the_version_of_the_endpoint() {
    let expected = |outcome: RefundOutcome, refund: Option<&str>| WebhookEffect::Refund {
        refund: refund.map(str::to_owned),
        payment: "pi_1".to_owned(),
        external_id: "re_1".to_owned(),
        amount: money("4.00", "EUR"),
        outcome,
    };
    let succeeded = || RefundOutcome::Succeeded { external_id: "re_1".to_owned() };
    for kind in ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"] {
        let effect = |status: &str| received(kind, refund_object(status, 400)).unwrap().effect;
        assert_eq!(effect("succeeded"), expected(succeeded(), Some("r-1")));
        let pending = RefundOutcome::Pending { external_id: "re_1".to_owned() };
        assert_eq!(effect("pending"), expected(pending, Some("r-1")));
        let failed = RefundOutcome::Refused { reason: "The refund failed.".to_owned() };
        assert_eq!(effect("failed"), expected(failed, Some("r-1")));
        assert_eq!(effect("brand_new_status"), WebhookEffect::Ignored);
    }
    let foreign = with(refund_object("succeeded", 400), "metadata", json!({}));
    assert_eq!(received("refund.created", foreign).unwrap().effect, expected(succeeded(), None));
    let old = with(refund_object("succeeded", 400), "payment_intent", json!(null));
    let old = json!({"id": "ch_1", "payment_intent": "pi_1", "refunds": {"data": [old]}});
    assert_eq!(received("charge.refunded", old).unwrap().effect, expected(succeeded(), Some("r-1")));
    let new = json!({"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 400});
    assert_eq!(received("charge.refunded", new).unwrap().effect, WebhookEffect::Ignored);
}

#[test]
fn a_page_s_event_names_the_page_and_is_not_believed_further() {
    for kind in ["completed", "async_payment_succeeded", "async_payment_failed", "expired"] {
        let kind = format!("checkout.session.{kind}");
        let event = received(&kind, session("complete", json!("pi_1"))).unwrap();
        assert_eq!(event.effect, WebhookEffect::Page { reference: "a-1".to_owned() });
        let foreign = with(session("complete", json!("pi_1")), "metadata", json!({"shop": "another"}));
        assert_eq!(received(&kind, foreign).unwrap().effect, WebhookEffect::Ignored);
    }
}

fn dispute(status: &str, moved: Value) -> Value {
    json!({"id": "dp_1", "object": "dispute", "amount": 1000, "currency": "eur", "charge": "ch_1",
        "payment_intent": "pi_1", "reason": "fraudulent", "status": status,
        "evidence_details": {"due_by": 1_700_600_000}, "balance_transactions": moved})
}

fn told(kind: &str, object: Value) -> DisputeNews {
    let event = received(&format!("charge.dispute.{kind}"), object).unwrap();
    let WebhookEffect::Dispute(news) = event.effect else { panic!("{event:?}") };
    news
}

#[tokio::test]
async fn what_was_taken_says_what_of_it_went_back() {
    for (refunded, disputed, returned) in
        [(0, false, None), (250, false, Some(money("2.50", "EUR"))), (0, true, Some(money("10.00", "EUR")))]
    {
        let server = Server::answering(move |request| {
            let charge = json!({
                "id": "ch_1", "object": "charge", "amount": 1000, "amount_refunded": refunded, "currency": "eur",
                "disputed": disputed, "balance_transaction": {"fee": 45, "currency": "eur"},
            });
            let listed = with(intent("succeeded"), "latest_charge", json!("ch_1"));
            Reply::json(
                200,
                if request.path.contains("/v1/charges/ch_1") {
                    charge
                } else {
                    json!({"object": "list", "data": [listed], "has_more": false})
                },
            )
        })
        .await;
        let taken = stripe().taken_since(&stripe_config(&server.base), STARTED_AT).await.unwrap();
        let [taken] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!((taken.amount, taken.fee), (money("10.00", "EUR"), Some(money("0.45", "EUR"))));
        assert_eq!(taken.returned, returned);
    }
}

#[test]
fn a_dispute_says_what_was_taken_and_given_back() {
    let taken = || json!({"amount": -1000, "fee": 1500, "currency": "eur"});
    let back = || json!({"amount": 1000, "fee": -1500, "currency": "eur"});
    let fee = |decimal: &str| Some(Movement { fee: Some(money(decimal, "EUR")) });
    let opened = told("created", dispute("needs_response", json!([])));
    assert_eq!((opened.external_id.as_str(), opened.payment.as_str()), ("dp_1", "pi_1"));
    assert_eq!((opened.other_payment.as_deref(), opened.amount), (Some("ch_1"), money("10.00", "EUR")));
    assert_eq!((opened.state, opened.status.as_str()), (DisputeState::Open, "needs_response"));
    assert_eq!(opened.answer_by, Some(Timestamp::from_micros(1_700_600_000_000_000)));
    assert_eq!((opened.withdrawn, opened.reinstated), (None, None));
    let news = told("funds_withdrawn", dispute("needs_response", json!([taken()])));
    assert_eq!((news.withdrawn, news.reinstated), (fee("15.00"), None));
    let news = told("closed", dispute("won", json!([taken(), back()])));
    assert_eq!((news.state, news.withdrawn, news.reinstated), (DisputeState::Won, fee("15.00"), fee("-15.00")));
    // The event's name is enough, if the object does not say it yet.
    let news = told("funds_withdrawn", dispute("needs_response", json!([])));
    assert_eq!(news.withdrawn, Some(Movement { fee: None }));
    for (status, state) in [
        ("lost", DisputeState::Lost),
        ("under_review", DisputeState::Open),
        ("warning_needs_response", DisputeState::Open),
        ("warning_closed", DisputeState::Closed),
        ("brand_new", DisputeState::Open),
    ] {
        assert_eq!(told("updated", dispute(status, json!([]))).state, state, "{status}");
    }
    let foreign = with(dispute("lost", json!([])), "currency", json!("ugx"));
    assert_eq!(received("charge.dispute.closed", foreign).unwrap().effect, WebhookEffect::Ignored);
}

#[test]
fn any_other_event_is_ignored_and_nonsense_is_unreadable() {
    assert_eq!(received("customer.created", json!({"id": "cus_1"})).unwrap().effect, WebhookEffect::Ignored);
    for body in ["", "{}", "[]", "\u{0}", r#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{}}}"#] {
        let header = signature::sign(WEBHOOK_SECRET, body.as_bytes(), STARTED_AT).unwrap();
        let headers = [("Stripe-Signature".to_owned(), header)];
        let read = offline_stripe().verify_webhook(&stripe_config(""), &headers, body.as_bytes(), STARTED_AT);
        assert!(matches!(read, Err(WebhookError::Unreadable(_))), "{body}: {read:?}");
    }
}
