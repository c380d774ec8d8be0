//! Attempt CC Captures: unpaid invoices are charged to stored payment methods.
//!
//! What must hold, whatever crashes, times out or runs twice:
//! - The attempt's row is committed before the provider is called, and its id is the provider's idempotency key.
//! - One attempt per slot of the schedule, and no new one while another's outcome is open: two unique indexes say so.
//! - An attempt whose outcome we do not know has a job that asks; nothing is retried before the answer is known.
//! - The client's lock is held in our transactions only, never while the provider is asked.

pub mod admin;
pub mod api;
pub mod compat;
pub mod jobs;
pub mod schedule;
pub mod store;
#[cfg(test)]
mod tests;
pub mod webhooks;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{self, Locked};
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::jobs::NewJob;
use platform::runs::{Failed, Progress};
use platform::{App, params, record};
use serde_json::json;

use crate::gateways::{self, ChargeRequest, GatewayError, Gateways, LogLine, LookUp, Outcome};
use crate::invoices::{self, InvoiceStatus};
use crate::pay_methods;
use crate::payments::{self, Duplicate, NewPayment};
use crate::restores;
use crate::settings;
use crate::terms::Terms;
use schedule::Schedule;

pub const CAPTURE: Permission = Permission("Attempts CC Captures");

/// What needs somebody's eye until it is settled.
pub const OPEN: &[AttemptState] =
    &[AttemptState::Intent, AttemptState::Unknown, AttemptState::Pending, AttemptState::ActionRequired];

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

kernel::text_enum! {
    pub enum AttemptState {
        /// Written before the provider is called.
        Intent = "intent",
        /// The call broke off: it may or may not have been carried out.
        Unknown = "unknown",
        /// In the provider's hands.
        Pending = "pending",
        Succeeded = "succeeded",
        Declined = "declined",
        /// The client must authenticate.
        ActionRequired = "action_required",
        /// Certainly not carried out.
        Failed = "failed",
    }
}
platform::enum_column!(AttemptState);

record! {
    #[derive(Debug, Clone)]
    pub struct Attempt {
        pub id: i64,
        pub public_id: String,
        pub client_id: i64,
        pub invoice_id: i64,
        pub pay_method_id: i64,
        pub gateway: String,
        pub currency: Currency,
        pub amount: i64,
        pub slot_on: Option<Date>,
        pub state: AttemptState,
        pub external_id: Option<String>,
        pub code: String,
        pub reason: String,
        pub action_url: Option<String>,
        pub transaction_id: Option<i64>,
        pub started_at: Timestamp,
        pub finished_at: Option<Timestamp>,
    }
}

impl Attempt {
    fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }

    fn is_settled(&self) -> bool {
        matches!(self.state, AttemptState::Succeeded | AttemptState::Declined | AttemptState::Failed)
    }
}

/// Published when the client must authenticate a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionNeeded {
    pub attempt_id: i64,
    pub invoice_id: i64,
    pub client_id: i64,
}

/// Published when a charge was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureDeclined {
    pub attempt_id: i64,
    pub invoice_id: i64,
    pub client_id: i64,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Attempt> {
    let sql = format!("SELECT {} FROM payment_attempts WHERE id = $1", Attempt::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Payment attempt"))
}

pub async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<Vec<Attempt>> {
    let sql = format!("SELECT {} FROM payment_attempts WHERE invoice_id = $1 ORDER BY id DESC", Attempt::columns(""));
    conn.all(&sql, params![invoice_id]).await
}

/// An invoice whose capture is due, and the slot that an attempt would serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub invoice_id: i64,
    pub client_id: i64,
    pub number: String,
    pub amount: Money,
    pub gateway: String,
    pub slot: Date,
}

impl Due {
    fn failed(&self, text: &str) -> Failed {
        Failed {
            client_id: Some(self.client_id),
            subject: Some(format!("invoice:{}", self.invoice_id)),
            message: text.to_owned(),
        }
    }
}

fn schedule_of(terms: &Terms) -> Schedule {
    let small = |setting| u32::try_from(terms.settings.int(setting)).unwrap_or_default();
    Schedule {
        days_before_due: small(&settings::CAPTURE_DAYS_BEFORE),
        attempt_once: terms.settings.bool(&settings::CAPTURE_ONCE),
        retry_weeks: small(&settings::CAPTURE_RETRY_WEEKS),
    }
}

record! {
    struct Candidate {
        id: i64,
        client_id: i64,
        number: Option<String>,
        due_on: Date,
        currency: Currency,
        balance: i64,
        gateway: String,
        last_slot: Option<Date>,
    }
}

/// Invoices of a page of candidates that are read at once.
const PAGE: i64 = 1000;

/// Everything whose capture is due today: unpaid, by a gateway that can charge off-session and a stored method of it,
/// by a client who has not switched automatic capture off.
pub async fn due(conn: &mut Conn, app: &App, terms: &Terms) -> Result<Vec<Due>> {
    let schedule = schedule_of(terms);
    let latest = terms.today.plus_days(i64::from(schedule.days_before_due))?;
    let able: Vec<String> = app
        .get::<Gateways>()?
        .all()
        .iter()
        .filter(|gateway| gateway.capabilities().off_session)
        .map(|gateway| gateway.name().to_owned())
        .collect();
    let mut out = Vec::new();
    let mut after = (Date::MIN, 0);
    loop {
        let page: Vec<Candidate> = conn
            .all(
                "SELECT i.id, i.client_id, i.number, i.due_on, i.currency, i.balance, i.gateway, \
                        (SELECT MAX(a.slot_on) FROM payment_attempts a WHERE a.invoice_id = i.id) \
                 FROM invoices i JOIN clients c ON c.id = i.client_id \
                 JOIN gateways g ON g.name = i.gateway AND g.active \
                 WHERE i.status = 'unpaid' AND i.due_on >= $2 AND i.due_on <= $1 AND (i.due_on > $2 OR i.id > $3) \
                   AND i.balance > 0 AND i.gateway IN $4[] AND NOT c.no_auto_capture AND c.status <> 'closed' \
                   AND EXISTS (SELECT 1 FROM pay_methods m WHERE m.client_id = i.client_id AND m.gateway = i.gateway \
                               AND m.removed_at IS NULL) \
                 ORDER BY i.due_on, i.id LIMIT $5",
                params![latest, after.0, after.1, able, PAGE],
            )
            .await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = (last.due_on, last.id);
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for candidate in page {
            let attempts: Vec<Date> = candidate.last_slot.into_iter().collect();
            if let Some(slot) = schedule::is_due(schedule, candidate.due_on, terms.today, &attempts) {
                out.push(Due {
                    invoice_id: candidate.id,
                    client_id: candidate.client_id,
                    number: candidate.number.unwrap_or_default(),
                    amount: Money::new(candidate.balance, candidate.currency),
                    gateway: candidate.gateway,
                    slot,
                });
            }
        }
        if is_last {
            return Ok(out);
        }
    }
}

/// How one attempt ended, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Succeeded {
        amount: Money,
    },
    Pending,
    Declined {
        reason: String,
    },
    ActionRequired,
    Unknown {
        reason: String,
    },
    NotSent {
        reason: String,
    },
    /// Paid, attempted or changed meanwhile: there was nothing to do.
    Nothing,
}

impl Ended {
    /// What happened, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Ended::Succeeded { amount } => format!("{amount} was charged."),
            Ended::Pending => "The gateway has taken the charge on and will tell how it ends.".to_owned(),
            Ended::Declined { reason } => format!("The charge was declined: {reason}"),
            Ended::ActionRequired => "The client must authenticate the payment.".to_owned(),
            Ended::Unknown { reason } => {
                format!("The gateway did not answer ({reason}). It is asked what became of the charge.")
            }
            Ended::NotSent { reason } => format!("The charge was not carried out: {reason}"),
            Ended::Nothing => "There was nothing to charge.".to_owned(),
        }
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            Ended::Succeeded { .. } => "succeeded",
            Ended::Pending => "pending",
            Ended::Declined { .. } => "declined",
            Ended::ActionRequired => "action_required",
            Ended::Unknown { .. } => "unknown",
            Ended::NotSent { .. } => "failed",
            Ended::Nothing => "nothing",
        }
    }
}

/// Attempts once more, on somebody's request. It goes on when whoever asked has left, because a charge that is under way
/// must have its outcome written.
pub async fn attempt_now(app: &App, by: &Actor, invoice_id: i64) -> Result<Ended> {
    let (app, by) = (app.clone(), by.clone());
    let work = tokio::spawn(async move { attempt(&app, &by, invoice_id, None, None).await });
    work.await.map_err(|panic| Error::broken(format!("capture: {panic}")))?
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    pub due: usize,
    pub succeeded: usize,
    pub pending: usize,
    pub declined: usize,
    pub action_required: usize,
    pub unknown: usize,
    pub failed: usize,
    pub collected: Vec<Money>,
    pub failures: Vec<(Due, String)>,
}

impl Report {
    fn add(&mut self, due: &Due, ended: Result<Ended>) {
        let failure = match ended {
            Ok(Ended::Succeeded { amount }) => {
                self.succeeded += 1;
                match self.collected.iter_mut().find(|sum| sum.currency == amount.currency) {
                    Some(sum) => sum.minor = sum.minor.saturating_add(amount.minor),
                    None => self.collected.push(amount),
                }
                return;
            }
            Ok(Ended::Nothing) => return,
            Ok(Ended::Pending) => {
                self.pending += 1;
                return;
            }
            Ok(Ended::Declined { reason }) => {
                self.declined += 1;
                format!("Declined: {reason}")
            }
            Ok(Ended::ActionRequired) => {
                self.action_required += 1;
                "The client must authenticate; a link was sent.".to_owned()
            }
            Ok(Ended::Unknown { reason }) => {
                self.unknown += 1;
                format!("Outcome unknown, the gateway will be asked: {reason}")
            }
            Ok(Ended::NotSent { reason }) => {
                self.failed += 1;
                format!("Not carried out: {reason}")
            }
            Err(error) => {
                self.failed += 1;
                error.to_string()
            }
        };
        self.failures.push((due.clone(), failure));
    }

    pub fn done(&self) -> usize {
        self.succeeded + self.pending + self.declined + self.action_required + self.unknown + self.failed
    }
}

/// Charges everything that is due, a few at a time, and tells `progress` of every attempt.
pub async fn run(app: &App, by: &Actor, terms: &Terms, progress: &Progress) -> Result<Report> {
    let mut conn = app.db.read().await?;
    restores::refuse_on_hold(&mut conn).await?;
    let all = due(&mut conn, app, terms).await?;
    drop(conn);
    let mut report = Report { due: all.len(), ..Report::default() };
    let at_once = usize::try_from(terms.settings.int(&settings::CAPTURE_CONCURRENCY)).unwrap_or(1).max(1);
    let total = all.len();
    let mut waiting = all.into_iter();
    let mut under_way = tokio::task::JoinSet::new();
    let mut done = 0;
    loop {
        while under_way.len() < at_once {
            let Some(due) = waiting.next() else { break };
            let (app, by, run_id) = (app.clone(), by.clone(), progress.run_id());
            under_way.spawn(async move {
                let ended = attempt(&app, &by, due.invoice_id, Some(due.slot), run_id).await;
                (due, ended)
            });
        }
        let Some(joined) = under_way.join_next().await else { return Ok(report) };
        done += 1;
        let known = report.failures.len();
        match joined {
            Ok((due, ended)) => report.add(&due, ended),
            Err(panic) => return Err(Error::broken(format!("capture: {panic}"))),
        }
        let new: Vec<Failed> = report.failures[known..].iter().map(|(due, text)| due.failed(text)).collect();
        progress.step(total, done, report.failures.len(), &new).await?;
    }
}

/// One attempt to charge one invoice; `slot` is `None` when staff or an API client asked for it.
pub async fn attempt(app: &App, by: &Actor, invoice_id: i64, slot: Option<Date>, run_id: Option<i64>) -> Result<Ended> {
    if let Some(ended) = finish_authentication(app, by, invoice_id).await? {
        return Ok(ended);
    }
    let Some(prepared) = prepare(app, invoice_id, slot, run_id).await? else { return Ok(Ended::Nothing) };
    app.wake.notify_waiters();
    let answer = prepared.gateway.charge(&prepared.config, prepared.request).await;
    conclude(app, by, prepared.attempt_id, answer).await
}

/// An earlier charge that waits for the client may still be authenticated and collected. Before another is made the
/// provider must have given it up.
async fn finish_authentication(app: &App, by: &Actor, invoice_id: i64) -> Result<Option<Ended>> {
    let mut conn = app.db.read().await?;
    let waiting: Vec<Attempt> = of_invoice(&mut conn, invoice_id)
        .await?
        .into_iter()
        .filter(|attempt| attempt.state == AttemptState::ActionRequired)
        .collect();
    for attempt in waiting {
        let gateway = app.get::<Gateways>()?.find(&attempt.gateway)?;
        let config = gateways::config(&mut conn, app, &*gateway).await?;
        let external_id = attempt.external_id.clone().unwrap_or_default();
        match gateway.cancel(&config, &external_id).await {
            Ok(LookUp::Known(outcome @ Outcome::Declined { .. })) => {
                conclude(app, by, attempt.id, Ok(outcome)).await?;
            }
            Ok(LookUp::Known(outcome)) => return conclude(app, by, attempt.id, Ok(outcome)).await.map(Some),
            Ok(LookUp::NeverArrived | LookUp::InProgress) | Err(_) => {
                let reason = "An earlier charge still waits for the client's authentication.".to_owned();
                return Ok(Some(Ended::NotSent { reason }));
            }
        }
    }
    Ok(None)
}

struct Prepared {
    attempt_id: i64,
    gateway: std::sync::Arc<dyn gateways::Gateway>,
    config: gateways::GatewayConfig,
    request: ChargeRequest,
}

/// Step one: the attempt is written and committed. `None` when there is nothing to charge (any more).
async fn prepare(app: &App, invoice_id: i64, slot: Option<Date>, run_id: Option<i64>) -> Result<Option<Prepared>> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    restores::refuse_on_hold(&mut tx).await?;
    let seen = invoices::find(&mut tx, invoice_id).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let invoice = invoices::find(&mut locked, invoice_id).await?;
    if invoice.status != InvoiceStatus::Unpaid || invoice.balance <= 0 {
        return if slot.is_some() { Ok(None) } else { Err(Error::refused("Invoice Not Found or Not Unpaid")) };
    }
    let gateway = app.get::<Gateways>()?.find(&invoice.gateway)?;
    if !gateway.capabilities().off_session {
        return Err(Error::refused(format!(
            "{} cannot charge a stored method. Choose another payment method for the invoice.",
            gateway.display_name()
        )));
    }
    let Some(method) = pay_methods::to_charge(&mut locked, invoice.client_id, &invoice.gateway).await? else {
        return Err(Error::refused("The client has no stored payment method for this gateway."));
    };
    let config = gateways::config(&mut locked, app, &*gateway).await?;
    let token = pay_methods::token(&mut locked, app, method.id).await?;
    let public_id = app.random.uuid(now).to_string();
    let inserted: Option<(i64,)> = locked
        .optional(
            "INSERT INTO payment_attempts (public_id, client_id, invoice_id, pay_method_id, gateway, currency, amount, \
             slot_on, state, code, reason, run_id, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'intent', '', '', $9, $10) ON CONFLICT DO NOTHING RETURNING id",
            params![
                public_id,
                invoice.client_id,
                invoice.id,
                method.id,
                invoice.gateway,
                invoice.currency,
                invoice.balance,
                slot,
                run_id,
                now
            ],
        )
        .await?;
    let Some((attempt_id,)) = inserted else {
        return if slot.is_some() {
            Ok(None)
        } else {
            Err(Error::refused("A charge of this invoice is under way. Wait for its outcome."))
        };
    };
    let owner = NewJob::now(jobs::RESOLVE, json!({ "attempt": attempt_id }), now)
        .keyed(format!("attempt:{attempt_id}"))
        .about(format!("invoice:{invoice_id}"))
        .at(now.plus_seconds(jobs::FIRST_LOOK))
        .attempts(1000);
    platform::jobs::enqueue(&mut locked, owner, now).await?;
    let request = ChargeRequest {
        attempt: public_id,
        amount: invoice.money(invoice.balance),
        method: token,
        client_id: invoice.client_id,
        invoice_id: invoice.id,
        description: format!("Invoice {}", invoice.title()),
    };
    tx.commit().await?;
    Ok(Some(Prepared { attempt_id, gateway, config, request }))
}

/// Step three: the answer is written. Concluding an attempt again with the same answer does nothing.
pub async fn conclude(app: &App, by: &Actor, attempt_id: i64, answer: Result<Outcome, GatewayError>) -> Result<Ended> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, now).await?;
    let seen = find(&mut tx, attempt_id).await?;
    let ended = {
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        let attempt = find(&mut locked, attempt_id).await?;
        write(&mut locked, by, &attempt, answer, terms.today, now).await?
    };
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(ended)
}

async fn write(
    tx: &mut Locked<'_>,
    by: &Actor,
    attempt: &Attempt,
    answer: Result<Outcome, GatewayError>,
    today: Date,
    now: Timestamp,
) -> Result<Ended> {
    if attempt.state == AttemptState::Succeeded {
        return Ok(Ended::Succeeded { amount: attempt.money() });
    }
    let (result, detail) = match &answer {
        Ok(outcome) => ("answer", format!("{outcome:?}")),
        Err(error) => ("error", error.to_string()),
    };
    let line = LogLine {
        gateway: &attempt.gateway,
        what: "charge",
        result,
        client_id: Some(attempt.client_id),
        invoice_id: Some(attempt.invoice_id),
        detail: format!("attempt {} of {}: {detail}", attempt.public_id, attempt.money()),
    };
    gateways::log(tx, line, now).await?;
    tx.execute("UPDATE invoices SET last_capture_at = $2 WHERE id = $1", params![attempt.invoice_id, now]).await?;
    match answer {
        Ok(Outcome::Succeeded { external_id, fee }) => succeeded(tx, by, attempt, &external_id, fee, today, now).await,
        Ok(Outcome::Pending { external_id }) => {
            set(tx, attempt, AttemptState::Pending, Some(&external_id), "", "", None, now).await?;
            tx.execute(
                "UPDATE invoices SET status = 'payment_pending', updated_at = $2 WHERE id = $1 AND status = 'unpaid'",
                params![attempt.invoice_id, now],
            )
            .await?;
            Ok(Ended::Pending)
        }
        Ok(Outcome::Declined { external_id, code, reason }) => {
            set(tx, attempt, AttemptState::Declined, external_id.as_deref(), &code, &reason, None, now).await?;
            unpend(tx, attempt.invoice_id, now).await?;
            if attempt.state != AttemptState::Declined {
                let event = CaptureDeclined {
                    attempt_id: attempt.id,
                    invoice_id: attempt.invoice_id,
                    client_id: attempt.client_id,
                };
                tx.publish(&event).await?;
            }
            Ok(Ended::Declined { reason })
        }
        Ok(Outcome::ActionRequired { external_id, url }) => {
            let state = AttemptState::ActionRequired;
            set(tx, attempt, state, Some(&external_id), "", "The client must authenticate.", url.as_deref(), now)
                .await?;
            unpend(tx, attempt.invoice_id, now).await?;
            if attempt.state != AttemptState::ActionRequired {
                let event = ActionNeeded {
                    attempt_id: attempt.id,
                    invoice_id: attempt.invoice_id,
                    client_id: attempt.client_id,
                };
                tx.publish(&event).await?;
            }
            Ok(Ended::ActionRequired)
        }
        Err(GatewayError::Unknown(reason)) => {
            if !attempt.is_settled() {
                set(tx, attempt, AttemptState::Unknown, None, "", &reason, None, now).await?;
            }
            Ok(Ended::Unknown { reason })
        }
        Err(error) => {
            let reason = error.to_string();
            if !attempt.is_settled() {
                not_carried_out(tx, attempt, &reason, now).await?;
            }
            Ok(Ended::NotSent { reason })
        }
    }
}

/// Books the money, wherever the invoice is by now: what has arrived must have a place.
async fn succeeded(
    tx: &mut Locked<'_>,
    by: &Actor,
    attempt: &Attempt,
    external_id: &str,
    fee: Option<Money>,
    today: Date,
    now: Timestamp,
) -> Result<Ended> {
    let amount = attempt.money();
    let transaction_id = match payments::by_external_id(tx, &attempt.gateway, external_id).await? {
        Some(known) => known.id,
        None => {
            let invoice = invoices::find(tx, attempt.invoice_id).await?;
            let takes_money = !matches!(invoice.status, InvoiceStatus::Cancelled | InvoiceStatus::Draft);
            let fees = fee
                .filter(|fee| fee.currency == amount.currency && !fee.is_negative() && fee.minor <= amount.minor)
                .unwrap_or(Money::zero(amount.currency));
            unpend(tx, attempt.invoice_id, now).await?;
            let new = NewPayment {
                client_id: attempt.client_id,
                gateway: attempt.gateway.clone(),
                external_id: external_id.to_owned(),
                duplicate: Duplicate::Refuse,
                amount,
                fees,
                occurred_on: today,
                description: format!("Invoice payment ({})", invoice.title()),
                invoices: if takes_money { vec![attempt.invoice_id] } else { Vec::new() },
            };
            payments::record(tx, by, new, now).await?.transaction_id
        }
    };
    set(tx, attempt, AttemptState::Succeeded, Some(external_id), "", "", None, now).await?;
    tx.execute("UPDATE payment_attempts SET transaction_id = $2 WHERE id = $1", params![attempt.id, transaction_id])
        .await?;
    Ok(Ended::Succeeded { amount })
}

/// The slot is free again: nothing was attempted in the client's eyes.
async fn not_carried_out(tx: &mut Locked<'_>, attempt: &Attempt, reason: &str, now: Timestamp) -> Result<()> {
    set(tx, attempt, AttemptState::Failed, None, "", reason, None, now).await?;
    unpend(tx, attempt.invoice_id, now).await?;
    tx.execute("UPDATE payment_attempts SET slot_on = NULL WHERE id = $1", params![attempt.id]).await?;
    Ok(())
}

/// An invoice that waited for a payment in the provider's hands is unpaid again.
async fn unpend(tx: &mut Locked<'_>, invoice_id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE invoices SET status = 'unpaid', updated_at = $2 WHERE id = $1 AND status = 'payment_pending'",
        params![invoice_id, now],
    )
    .await?;
    Ok(())
}

async fn set(
    tx: &mut Locked<'_>,
    attempt: &Attempt,
    state: AttemptState,
    external_id: Option<&str>,
    code: &str,
    reason: &str,
    url: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let open = matches!(state, AttemptState::Intent | AttemptState::Unknown | AttemptState::Pending);
    let reason: String = reason.chars().take(1000).collect();
    tx.execute(
        "UPDATE payment_attempts SET state = $2, external_id = COALESCE($3, external_id), code = $4, reason = $5, \
         action_url = $6, finished_at = $7 WHERE id = $1",
        params![attempt.id, state, external_id, code, reason, url, (!open).then_some(now)],
    )
    .await?;
    if state == AttemptState::Declined {
        let text = format!("Charge of {} declined: {reason}", attempt.money());
        let activity = Activity::new(text).client(attempt.client_id).about(format!("invoice:{}", attempt.invoice_id));
        activity_log::record(tx, &Actor::system("Capture"), activity, now).await?;
    }
    Ok(())
}

/// Asks the provider what became of an attempt; `true` when that is settled.
pub(crate) async fn resolve(app: &App, attempt_id: i64) -> Result<bool> {
    let mut conn = app.db.read().await?;
    let attempt = find(&mut conn, attempt_id).await?;
    if attempt.is_settled() {
        return Ok(true);
    }
    let gateway = app.get::<Gateways>()?.find(&attempt.gateway)?;
    let config = gateways::config(&mut conn, app, &*gateway).await?;
    let customer = match pay_methods::token(&mut conn, app, attempt.pay_method_id).await {
        Ok(token) => token.customer,
        // The method was removed meanwhile; the provider may still find the attempt by its id.
        Err(_) => String::new(),
    };
    drop(conn);
    let asked = gateways::Attempt {
        attempt: attempt.public_id.clone(),
        external_id: attempt.external_id.clone(),
        customer,
        amount: attempt.money(),
        started_at: attempt.started_at,
    };
    let by = Actor::system("Capture");
    match gateway.look_up(&config, &asked).await {
        Ok(LookUp::Known(outcome)) => {
            let open = matches!(outcome, Outcome::Pending { .. } | Outcome::ActionRequired { .. });
            conclude(app, &by, attempt_id, Ok(outcome)).await?;
            Ok(!open)
        }
        Ok(LookUp::NeverArrived) => {
            let never = GatewayError::NotSent("the gateway never received it".to_owned());
            conclude(app, &by, attempt_id, Err(never)).await?;
            Ok(true)
        }
        Ok(LookUp::InProgress) | Err(_) => Ok(false),
    }
}
