//! Pages of Stripe's on which a client pays or leaves a card: Checkout Sessions,
//! <https://docs.stripe.com/payments/checkout>. No script of Stripe's runs on our pages.

use std::collections::BTreeMap;

use billing::gateways::{GatewayError, OpenPage, Outcome, Page, PageRequest, PageState, Purpose, StoredMethod};
use reqwest::StatusCode;
use serde::Deserialize;

use super::api::{self, Api, Reference, not_sent, path_id, unknown};
use super::intent::{ATTEMPT, CLIENT, INVOICE, PAGE, PRESENT, PaymentIntent, Progress};
use super::methods::{self, NewCustomer};
use super::{amount, fees, optional};

#[derive(Deserialize)]
pub(super) struct Session {
    id: String,
    status: Option<String>,
    customer: Option<Reference>,
    payment_intent: Option<PaymentIntent>,
    setup_intent: Option<SetupIntent>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
pub(super) struct SetupIntent {
    status: String,
    payment_method: Option<Reference>,
}

/// As Stripe answers when a session is made: nothing is expanded.
#[derive(Deserialize)]
pub(super) struct NewSession {
    id: String,
    url: Option<String>,
}

/// Cards only (with the wallets that hold cards): other methods answer days later or cannot be charged again.
pub(super) async fn open(api: &Api<'_>, request: PageRequest) -> Result<Page, GatewayError> {
    let customer = match &request.customer {
        Some(customer) => customer.clone(),
        None => {
            let client = NewCustomer { client_id: request.client_id, name: &request.name, email: &request.email };
            methods::create_customer(api, client, "page").await?
        }
    };
    let client = request.client_id.to_string();
    let mut form: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: &str| form.push((key.to_owned(), value.to_owned()));
    add("success_url", &request.return_url);
    add("cancel_url", &request.cancel_url);
    add("customer", &customer);
    add("client_reference_id", &request.reference);
    add("payment_method_types[0]", "card");
    add(&format!("metadata[{PAGE}]"), &request.reference);
    match &request.purpose {
        Purpose::Pay { amount, invoice_id, description, keep } => {
            let units = amount::to_stripe(*amount).map_err(not_sent)?.to_string();
            add("mode", "payment");
            add("submit_type", "pay");
            add("line_items[0][quantity]", "1");
            add("line_items[0][price_data][currency]", &amount.currency.code().to_lowercase());
            add("line_items[0][price_data][unit_amount]", &units);
            add("line_items[0][price_data][product_data][name]", description);
            add("payment_intent_data[capture_method]", "automatic");
            if let Some((key, text)) = optional("payment_intent_data[description]", description) {
                add(key, text);
            }
            if *keep {
                add("payment_intent_data[setup_future_usage]", "off_session");
            }
            for (key, value) in [
                (ATTEMPT, &request.reference),
                (INVOICE, &invoice_id.to_string()),
                (CLIENT, &client),
                (PRESENT, &"1".into()),
            ] {
                add(&format!("payment_intent_data[metadata][{key}]"), value);
            }
        }
        // Nothing is taken, so nothing is said of a currency.
        Purpose::Store { .. } => {
            add("mode", "setup");
            add(&format!("setup_intent_data[metadata][{CLIENT}]"), &client);
        }
    }
    let pairs: Vec<(&str, &str)> = form.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let answer = api.post("/v1/checkout/sessions", &pairs, Some(&request.reference)).await?;
    let session: NewSession = api::object(&answer)?;
    let url = session.url.ok_or_else(|| unknown("Stripe gave no address of its page."))?;
    Ok(Page { id: session.id, url })
}

pub(super) async fn look_up(api: &Api<'_>, page: &OpenPage) -> Result<PageState, GatewayError> {
    let path = format!("/v1/checkout/sessions/{}", path_id(&page.id)?);
    let query = [("expand[]", "payment_intent"), ("expand[]", "setup_intent")];
    let session: Session = api::object(&api.get(&path, &query).await?)?;
    let named = session.metadata.as_ref().and_then(|all| all.get(PAGE));
    if named.is_some_and(|named| *named != page.reference) {
        return Err(unknown(format!("Stripe's page {} belongs to something else.", session.id)));
    }
    match session.status.as_deref() {
        Some("open") => Ok(PageState::Open),
        Some("expired") => Ok(PageState::Expired),
        Some("complete") => finished(api, page, session).await,
        _ => Err(unknown(format!("Stripe left the page {} in an unknown status.", session.id))),
    }
}

async fn finished(api: &Api<'_>, page: &OpenPage, session: Session) -> Result<PageState, GatewayError> {
    let customer = session.customer.as_ref().map(Reference::id).unwrap_or_default();
    let Some(amount) = page.amount else {
        let setup = session.setup_intent.filter(|setup| setup.status == "succeeded");
        let left = setup.and_then(|setup| setup.payment_method);
        let method = match left {
            Some(method) => kept(api, method.id(), customer).await?,
            None => return Ok(PageState::Open),
        };
        return Ok(PageState::Finished { payment: None, method });
    };
    let intent = session.payment_intent.ok_or_else(|| unknown("Stripe's page is complete without a payment."))?;
    intent.check(&page.reference, amount)?;
    let Progress::Decided(outcome) = intent.progress() else { return Ok(PageState::Open) };
    let method = match &intent.payment_method {
        Some(method) if page.keep && !matches!(outcome, Outcome::Declined { .. }) => {
            kept(api, method.id(), customer).await?
        }
        _ => None,
    };
    Ok(PageState::Finished { payment: Some(fees::added(api, &intent, outcome).await), method })
}

/// The method as it is stored, if it belongs to the customer by now. What Stripe does not want to tell of it must not
/// keep the payment from being booked; what it could not tell just now is asked for again.
async fn kept(api: &Api<'_>, method: &str, customer: &str) -> Result<Option<StoredMethod>, GatewayError> {
    match methods::retrieve(api, method).await {
        Ok(method) if method.customer.as_ref().map(Reference::id) == Some(customer) => {
            Ok(Some(method.stored(customer)))
        }
        Ok(_) | Err(GatewayError::NotSent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A page on which somebody has just paid cannot be closed; then what it brought is the answer.
pub(super) async fn close(api: &Api<'_>, page: &OpenPage) -> Result<PageState, GatewayError> {
    let path = format!("/v1/checkout/sessions/{}/expire", path_id(&page.id)?);
    let answer = api.post(&path, &[], None).await?;
    match answer.status {
        StatusCode::BAD_REQUEST => look_up(api, page).await,
        _ => {
            api::object::<NewSession>(&answer)?;
            look_up(api, page).await
        }
    }
}
