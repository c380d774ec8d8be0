//! What is read of Stripe's answers, held against Stripe's own description of them.

use testkit::stripe::Spec;

use super::intent::{PaymentIntent, Progress};
use super::{api, disputes, fees, intent, methods, pages, refunds, webhook};
use crate::fields::names;

#[test]
fn every_field_that_is_read_is_one_of_stripe_s() {
    let spec = Spec::load();
    for (schema, read) in [
        ("payment_intent", names::<PaymentIntent>()),
        ("payment_intent_next_action", names::<intent::NextAction>()),
        ("payment_intent_next_action_redirect_to_url", names::<intent::RedirectToUrl>()),
        ("api_errors", names::<api::StripeError>()),
        ("customer", names::<methods::Customer>()),
        ("payment_method", names::<methods::PaymentMethod>()),
        ("payment_method_card", names::<methods::Card>()),
        ("payment_method_us_bank_account", names::<methods::Bank>()),
        ("charge", names::<fees::Charge>()),
        ("balance_transaction", names::<fees::BalanceTransaction>()),
        ("refund", names::<refunds::Refund>()),
        ("checkout.session", names::<pages::NewSession>()),
        ("checkout.session", names::<pages::Session>()),
        ("setup_intent", names::<pages::SetupIntent>()),
        ("dispute", names::<disputes::Dispute>()),
        ("dispute_evidence_details", names::<disputes::EvidenceDetails>()),
        ("balance_transaction", names::<disputes::BalanceTransaction>()),
        ("event", names::<webhook::Event>()),
        ("checkout.session", names::<webhook::Session>()),
        ("charge", names::<webhook::Charge>()),
    ] {
        for name in read {
            assert!(spec.has_property(schema, name), "{schema} has no {name}");
        }
    }
}

#[test]
fn the_version_is_the_one_that_is_described() {
    assert_eq!(Spec::load().version(), api::API_VERSION);
}

#[test]
fn every_status_of_a_payment_has_a_meaning() {
    for status in Spec::load().values("payment_intent", "status") {
        let json = serde_json::json!({ "id": "pi_1", "status": status, "amount": 1, "currency": "eur",
            "last_payment_error": { "code": "card_declined" } });
        let intent: PaymentIntent = serde_json::from_value(json).unwrap();
        // These two come of ways to charge that are not used here; the provider is asked again.
        let odd = ["requires_capture", "requires_confirmation"].contains(&status);
        assert_eq!(matches!(intent.progress(), Progress::Open(_)), odd, "{status}");
    }
}

#[test]
fn every_event_that_is_read_is_one_of_stripe_s() {
    let spec = Spec::load();
    for kind in webhook::KINDS {
        // Newer than the description, and understood all the same.
        assert!(spec.has_event(kind) || *kind == "refund.failed", "{kind}");
    }
}
