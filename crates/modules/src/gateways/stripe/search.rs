//! Finding out what became of a charge, by reading only.

use billing::gateways::{Attempt, GatewayConfig, GatewayError, LookUp, Outcome, Taken};
use kernel::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api::{self, Api, Form, unknown};
use super::intent::{CLIENT, INVOICE, PaymentIntent, Progress};
use super::{fees, retrieve};
use crate::http::Http;

/// Until then a charge that is not to be found may still be on its way: our own call gives up after 30 seconds, and
/// the rest is for what waits in networks and queues.
const GRACE_SECONDS: i64 = 600;
/// How far before the start of the attempt the search begins. It costs little, since the customer's payments of a
/// day are few, while a clock of ours that is ahead of Stripe's by more than this would hide the payment and let the
/// client be charged twice.
const LOOK_BACK_SECONDS: i64 = 86_400;
/// Of 100 objects each.
const MAX_PAGES: usize = 50;

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    has_more: bool,
}

pub(super) trait Listed: DeserializeOwned {
    fn id(&self) -> &str;
}

impl Listed for PaymentIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The result of going through a list.
pub(super) enum Search<T> {
    Found(T),
    /// With Stripe's time when it began to answer.
    Absent(Option<Timestamp>),
}

pub(super) async fn look_up(
    http: &Http,
    config: &GatewayConfig,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<LookUp, GatewayError> {
    let api = Api::new(http, config)?;
    let intent = match &attempt.external_id {
        // Not found would mean another account's key or a wrong id, so it is an error here and never "never arrived".
        Some(payment) => retrieve(&api, payment).await?,
        None => match search(&api, attempt).await? {
            Search::Found(intent) => intent,
            Search::Absent(asked_at) => return Ok(absent(attempt.started_at, now, asked_at)),
        },
    };
    intent.check(&attempt.attempt, attempt.amount)?;
    Ok(match intent.progress() {
        Progress::Decided(outcome) => LookUp::Known(fees::added(&api, &intent, outcome).await),
        Progress::Open(_) => LookUp::InProgress,
    })
}

/// "Never" lets the client be charged again, so the time must have passed by our clock and by Stripe's: one of them
/// alone may have been set meanwhile. Without Stripe's time, because something in between takes the header away, ours
/// decides alone.
fn absent(started_at: Timestamp, now: Timestamp, asked_at: Option<Timestamp>) -> LookUp {
    let passed = |until: Timestamp| until.seconds_since(started_at) >= GRACE_SECONDS;
    if passed(now) && asked_at.is_none_or(passed) { LookUp::NeverArrived } else { LookUp::InProgress }
}

/// Lists the customer's payments. (Stripe's search endpoint would find the metadata at once, but is up to a minute
/// late, and more during outages, which is when it is needed.)
async fn search(api: &Api<'_>, attempt: &Attempt) -> Result<Search<PaymentIntent>, GatewayError> {
    let since = (attempt.started_at.micros() / 1_000_000 - LOOK_BACK_SECONDS).to_string();
    let mut query = vec![("created[gte]", since.as_str())];
    if let Some(method) = attempt.method.as_ref().filter(|method| !method.customer.is_empty()) {
        query.push(("customer", &method.customer));
    }
    find(api, "/v1/payment_intents", &query, |intent: &PaymentIntent| intent.attempt() == Some(&attempt.attempt)).await
}

/// Every payment of ours that was taken since then.
pub(super) async fn taken_since(
    http: &Http,
    config: &GatewayConfig,
    since: Timestamp,
) -> Result<Vec<Taken>, GatewayError> {
    let api = Api::new(http, config)?;
    let from = (since.micros() / 1_000_000).to_string();
    let mut intents = Vec::new();
    find(&api, "/v1/payment_intents", &[("created[gte]", from.as_str())], |intent: &PaymentIntent| {
        if intent.status == "succeeded" && intent.attempt().is_some() {
            intents.push(intent.clone());
        }
        false
    })
    .await?;
    let mut all = Vec::new();
    for intent in intents {
        all.push(taken(&api, intent, since).await?);
    }
    Ok(all)
}

async fn taken(api: &Api<'_>, intent: PaymentIntent, since: Timestamp) -> Result<Taken, GatewayError> {
    let amount = intent.money().ok_or_else(|| unknown(format!("Stripe's payment {} has no amount.", intent.id)))?;
    let outcome = Outcome::Succeeded { external_id: intent.id.clone(), fee: None };
    let fee = match fees::added(api, &intent, outcome).await {
        Outcome::Succeeded { fee, .. } => fee,
        _ => None,
    };
    let returned = match &intent.latest_charge {
        Some(charge) => fees::returned(api, charge.id()).await?,
        None => None,
    };
    Ok(Taken {
        returned,
        attempt: intent.attempt().unwrap_or_default().to_owned(),
        client_id: intent.id_of(CLIENT),
        invoice_id: intent.id_of(INVOICE),
        amount,
        fee,
        taken_at: intent.created.map_or(since, |seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000))),
        external_id: intent.id,
    })
}

/// The first object of a list that `wanted` likes, page by page. An end that is not certain is an error.
pub(super) async fn find<T: Listed>(
    api: &Api<'_>,
    path: &str,
    filter: &Form<'_>,
    mut wanted: impl FnMut(&T) -> bool,
) -> Result<Search<T>, GatewayError> {
    let mut asked_at = None;
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut query = filter.to_vec();
        query.push(("limit", "100"));
        query.extend(after.as_deref().map(|id| ("starting_after", id)));
        let answer = api.get(path, &query).await?;
        let page: Page<T> = api::object(&answer)?;
        // The first page's: what arrives while we turn the pages is not seen.
        asked_at = asked_at.or(answer.date);
        let last = page.data.last().map(|object| object.id().to_owned());
        if let Some(found) = page.data.into_iter().find(&mut wanted) {
            return Ok(Search::Found(found));
        }
        if !page.has_more {
            return Ok(Search::Absent(asked_at));
        }
        let Some(last) = last else { break };
        after = Some(last);
    }
    Err(unknown("Stripe's list does not come to an end."))
}
