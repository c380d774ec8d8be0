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

use super::{Attempt, AttemptState};
use crate::gateways::{self, Gateways, Outcome, WebhookEffect, WebhookError};

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
            metrics::counter!("innkeeper_webhooks_refused_total", "gateway" => gateway.name()).increment(1);
            tracing::warn!(gateway = gateway.name(), %error, ip = cx.ip, "webhook refused");
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
        Ok(event) => apply(&app, &name, event.effect).await?,
        Err(error) => ("parked", error.to_string()),
    };
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    tx.execute(
        "UPDATE webhook_events SET state = $2, reason = $3, finished_at = $4 WHERE id = $1",
        params![id, state, reason, now],
    )
    .await?;
    tx.commit().await?;
    Ok(Done::Finished)
}

async fn apply(app: &App, gateway: &str, effect: WebhookEffect) -> Result<(&'static str, String)> {
    match effect {
        WebhookEffect::Ignored => Ok(("ignored", String::new())),
        WebhookEffect::Charge { attempt, outcome, amount } => charge(app, gateway, attempt, outcome, amount).await,
        WebhookEffect::Refund { payment, refund_external_id, amount } => {
            if crate::refunds::reported(app, gateway, &payment, &refund_external_id).await? {
                return Ok(("applied", "The refund is in the books.".to_owned()));
            }
            let reason = format!(
                "A refund of {amount} of payment {payment} was made at the gateway and is not in the books. Record it by \
                 hand with that payment."
            );
            Ok(("parked", reason))
        }
    }
}

async fn charge(
    app: &App,
    gateway: &str,
    public_id: Option<String>,
    outcome: Outcome,
    amount: Money,
) -> Result<(&'static str, String)> {
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
    if succeeded && amount != Money::new(attempt.amount, attempt.currency) {
        let ours = Money::new(attempt.amount, attempt.currency);
        return Ok(("parked", format!("The gateway speaks of {amount}, our attempt was for {ours}.")));
    }
    // Events arrive in any order: only a success may overtake what is settled already.
    if matches!(attempt.state, AttemptState::Succeeded) || (attempt.is_settled() && !succeeded) {
        return Ok(("applied", "Known already.".to_owned()));
    }
    super::conclude(app, &Actor::system("Gateway webhook"), attempt.id, Ok(outcome)).await?;
    Ok(("applied", String::new()))
}
