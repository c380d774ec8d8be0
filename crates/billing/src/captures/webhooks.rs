//! What gateways tell us by themselves. The signature is checked, the event is stored once with the job that applies it,
//! and the gateway is answered; every event ends in a state that staff can see.

use accounts::activity_log::{self, Activity, Actor};
use accounts::doors::{PublicCx, Word};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, Money, Result, Timestamp};
use platform::jobs::{Done, Job, NewJob};
use platform::web::Fail;
use platform::{App, Tx, params};
use serde_json::json;

use super::{Attempt, AttemptState, Ended, Way, by_public_id, resolve, store};
use crate::gateways::{self, Gateways, LogLine, Outcome, WebhookEffect, WebhookError};
use crate::{disputes, pay_methods, refunds};

pub(super) const JOB: &str = "billing.webhook";

kernel::text_enum! {
    pub enum EventState {
        Received = "received",
        Applied = "applied",
        /// Genuine, and of no consequence to the books.
        Ignored = "ignored",
        /// Somebody must look.
        Parked = "parked",
    }
}
platform::enum_column!(EventState);

/// Lets a parked event be applied again, after what stood in its way was put right.
pub async fn retry(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    store::event(tx, id).await?;
    let changed = tx
        .execute(
            "UPDATE webhook_events SET state = 'received', reason = '', finished_at = NULL \
             WHERE id = $1 AND state = 'parked'",
            params![id],
        )
        .await?;
    if changed == 0 {
        return Err(Error::refused("Only a parked event can be applied again."));
    }
    // The first job's key is used up.
    let job = NewJob::now(JOB, json!({ "event": id }), now).keyed(format!("webhook:{id}:{}", now.micros()));
    platform::jobs::enqueue(tx, job, now).await?;
    let activity = Activity::new(format!("Webhook event {id} is applied again"));
    activity_log::record(tx, by, activity.about(format!("webhook:{id}")), now).await
}

/// `POST /gateways/{name}/webhook`. A repeated event is a success, so that the gateway stops sending it.
pub async fn receive(cx: PublicCx, Word(name): Word) -> Result<Response, Fail> {
    let app = &cx.app;
    let gateway = app.get::<Gateways>()?.find(&name).or(Err(Error::NotFound("This gateway")))?;
    let mut conn = app.db.read().await?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    drop(conn);
    let headers: Vec<(String, String)> = cx
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let event = match gateway.verify_webhook(&config, &headers, &cx.body, cx.now) {
        Ok(event) => event,
        Err(error) => {
            refused(&cx, gateway.name(), &error).await?;
            let status = match error {
                WebhookError::Unsupported => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            return Ok((status, error.to_string()).into_response());
        }
    };
    let mut tx = app.db.write().await?;
    let stored: Option<(i64,)> = tx
        .optional(
            "INSERT INTO webhook_events (gateway, external_id, kind, headers, body, state, reason, received_at) \
             VALUES ($1, $2, $3, $4, $5, 'received', '', $6) ON CONFLICT (gateway, external_id) DO NOTHING RETURNING id",
            params![gateway.name(), event.event_id, event.kind, signed_headers(&headers), cx.body.to_vec(), cx.now],
        )
        .await?;
    if let Some((id,)) = stored {
        let job = NewJob::now(JOB, json!({ "event": id }), cx.now).keyed(format!("webhook:{id}"));
        platform::jobs::enqueue(&mut tx, job, cx.now).await?;
    }
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok("ok\n".into_response())
}

/// An event that was not taken. One outside the tolerance is genuine, so staff are told: mostly the server's clock is
/// wrong, and then nothing at all arrives. Anything else may be a stranger's, who must not fill the log.
async fn refused(cx: &PublicCx, gateway: &'static str, error: &WebhookError) -> Result<()> {
    metrics::counter!("innkeeper_webhooks_refused_total", "gateway" => gateway).increment(1);
    tracing::warn!(gateway, %error, ip = cx.ip, "webhook refused");
    if matches!(error, WebhookError::OutsideTolerance { .. }) {
        let mut tx = cx.app.db.write().await?;
        let detail = format!("An event was refused: {error}. Check the clock of this server.");
        let line = LogLine { gateway, what: "webhook", result: "error", client_id: None, invoice_id: None, detail };
        gateways::log(&mut tx, line, cx.now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The headers that the signature check reads again; cookies and proxies' headers are nobody's business.
fn signed_headers(headers: &[(String, String)]) -> String {
    let kept: Vec<&(String, String)> = headers.iter().filter(|(name, _)| name.contains("signature")).collect();
    serde_json::to_string(&kept).unwrap_or_else(|_| "[]".to_owned())
}

pub(super) async fn perform(app: App, job: Job) -> Result<Done> {
    let id = job.int("event")?;
    let mut conn = app.db.read().await?;
    let (name, headers, body, state, received_at): (String, String, Vec<u8>, String, kernel::Timestamp) = conn
        .one("SELECT gateway, headers, body, state, received_at FROM webhook_events WHERE id = $1", params![id])
        .await?;
    if state != "received" {
        return Ok(Done::Finished);
    }
    let gateway = app.get::<Gateways>()?.find(&name)?;
    let config = gateways::config(&mut conn, &app, &*gateway).await?;
    drop(conn);
    let headers: Vec<(String, String)> = serde_json::from_str(&headers).unwrap_or_default();
    // Its age is judged by the moment at which it came, not by when the worker gets to it.
    let (state, reason) = match gateway.verify_webhook(&config, &headers, &body, received_at) {
        Ok(event) => match apply(&app, &name, event.effect).await {
            // Two at the same time: the next attempt finds what the other wrote.
            Err(error) if error.is_collision() => return Err(error),
            // Trying again says the same: somebody must put something right first.
            Err(error @ (Error::Invalid(_) | Error::Refused(_) | Error::Conflict(_))) => ("parked", error.to_string()),
            applied => applied?,
        },
        Err(error) => ("parked", error.to_string()),
    };
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    tx.execute(
        "UPDATE webhook_events SET state = $2, reason = $3, finished_at = $4 WHERE id = $1 AND state = 'received'",
        params![id, state, reason, now],
    )
    .await?;
    tx.commit().await?;
    Ok(Done::Finished)
}

type Applied = (&'static str, String);

async fn apply(app: &App, gateway: &str, effect: WebhookEffect) -> Result<Applied> {
    match effect {
        WebhookEffect::Ignored => Ok(("ignored", String::new())),
        WebhookEffect::Charge { attempt, outcome, amount } => {
            charge_told(app, gateway, attempt.as_deref(), outcome, amount).await
        }
        WebhookEffect::Page { reference } => page(app, gateway, &reference).await,
        WebhookEffect::Refund { refund, payment, external_id, amount, outcome } => {
            let told =
                refunds::Told { gateway, refund: refund.as_deref(), payment: &payment, external_id: &external_id };
            match refunds::reported(app, told, amount, outcome).await? {
                refunds::Reported::Known => Ok(("applied", "The refund is in the books.".to_owned())),
                refunds::Reported::Nothing => Ok(("ignored", String::new())),
                refunds::Reported::Look(reason) => Ok(("parked", reason)),
            }
        }
        WebhookEffect::Dispute(news) => match disputes::reported(app, gateway, news).await? {
            disputes::Reported::Recorded => Ok(("applied", String::new())),
            disputes::Reported::Stranger => {
                Ok(("parked", "The dispute is recorded; it is about a payment that is not ours.".to_owned()))
            }
            disputes::Reported::Look(reason) => Ok(("parked", reason)),
        },
    }
}

/// The provider is asked about its page: the event says only that there is something to ask.
async fn page(app: &App, gateway: &str, reference: &str) -> Result<Applied> {
    let attempt = by_public_id(&mut app.db.read().await?, gateway, reference).await?;
    let settled = match attempt {
        Some(attempt) => resolve::resolve(app, attempt.id).await?,
        None => match pay_methods::setups::by_public_id(&mut app.db.read().await?, gateway, reference).await? {
            Some(setup) => pay_methods::setups::resolve(app, setup.id).await?,
            None => return Ok(("parked", "The event is about a page that is not ours.".to_owned())),
        },
    };
    let words = if settled { String::new() } else { "The gateway is asked again.".to_owned() };
    Ok(("applied", words))
}

/// What a gateway says of a charge by itself.
pub async fn charge_told(
    app: &App,
    gateway: &str,
    public_id: Option<&str>,
    outcome: Outcome,
    amount: Money,
) -> Result<Applied> {
    let external_id = match &outcome {
        Outcome::Succeeded { external_id, .. }
        | Outcome::Pending { external_id }
        | Outcome::ActionRequired { external_id, .. } => Some(external_id.clone()),
        Outcome::Declined { external_id, .. } => external_id.clone(),
    };
    let mut conn = app.db.read().await?;
    let sql = format!(
        "SELECT {} FROM payment_attempts WHERE gateway = $1 AND (public_id = $2 OR external_id = $3) ORDER BY id LIMIT 1",
        Attempt::columns("")
    );
    let found: Option<Attempt> = conn.optional(&sql, params![gateway, public_id, external_id]).await?;
    drop(conn);
    let Some(attempt) = found else {
        return Ok(("parked", "The event is about a charge that is not ours.".to_owned()));
    };
    let succeeded = matches!(outcome, Outcome::Succeeded { .. });
    if succeeded && amount != attempt.money() {
        return Ok(("parked", format!("The gateway speaks of {amount}, our attempt was for {}.", attempt.money())));
    }
    // Events arrive in any order: only a success may overtake what is settled already.
    if matches!(attempt.state, AttemptState::Succeeded) || (attempt.is_settled() && !succeeded) {
        return Ok(("applied", "Known already.".to_owned()));
    }
    // On the provider's page a declined card is followed by another one: the page decides. It also knows the method.
    if attempt.way == Way::Hosted && attempt.page_id.is_some() {
        let settled = resolve::resolve(app, attempt.id).await?;
        if settled || !succeeded {
            return Ok(("applied", "The page was looked at.".to_owned()));
        }
    }
    match super::conclude(app, &Actor::system("Gateway webhook"), attempt.id, Ok(outcome)).await? {
        Ended::Unknown { reason } => Ok(("parked", reason)),
        _ => Ok(("applied", String::new())),
    }
}
