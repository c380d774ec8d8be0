//! Mails about invoices: made, waiting for the client's authentication, not paid because the card was declined, a
//! reminder that staff send.
//!
//! What must hold: each is made once: the key of the mail says of which invoice or attempt it is, and it is unique. The
//! text is rendered by a job, never in the transaction that issues. A reminder goes out once a day at most. All are mails
//! about invoices, and not sent to a client who does not want such: the invoice says so in the place of the mail. Only
//! what staff send again goes out in any case.

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients::{Client, MailKind};
use kernel::{Result, Timestamp};
use minijinja::{Value, context};
use platform::db::Tx;
use platform::jobs::{self, Done, Job, NewJob, Registry};
use platform::mail::{self, NewMail, Withheld};
use platform::{App, Events, params};
use serde_json::json;

use super::view::{self, Whole};
use super::{Invoice, InvoiceStatus, MAIL_CREATED, pay_links};
use crate::captures::{self, ActionNeeded, CaptureDeclined};
use crate::terms::Terms;

const MAIL_ACTION: &str = "billing.mail_action_needed";
const MAIL_DECLINED: &str = "billing.mail_payment_failed";
const MAIL_REMINDER: &str = "billing.mail_reminder";

pub fn register(registry: &mut Registry) {
    registry.add(MAIL_CREATED, created);
    registry.add(MAIL_ACTION, action_needed);
    registry.add(MAIL_DECLINED, declined);
    registry.add(MAIL_REMINDER, reminder);
}

/// Attempts tell of themselves in the transaction that writes their outcome; the mail is a job of that transaction.
pub fn events(events: &mut Events) {
    events.on_lasting("billing.mail", |tx, event: &ActionNeeded| {
        Box::pin(about_attempt(tx, MAIL_ACTION, event.attempt_id, event.invoice_id))
    });
    events.on_lasting("billing.mail", |tx, event: &CaptureDeclined| {
        Box::pin(about_attempt(tx, MAIL_DECLINED, event.attempt_id, event.invoice_id))
    });
}

async fn about_attempt(tx: &mut Tx, kind: &'static str, attempt_id: i64, invoice_id: i64) -> Result<()> {
    let (at,): (Timestamp,) =
        tx.one("SELECT started_at FROM payment_attempts WHERE id = $1", params![attempt_id]).await?;
    let job = NewJob::now(kind, json!({ "attempt": attempt_id }), at)
        .keyed(format!("{kind}:{attempt_id}"))
        .about(format!("invoice:{invoice_id}"));
    jobs::enqueue(tx, job, at).await.map(|_| ())
}

/// Sends the mail of an invoice again, as another message. Staff mean it: the client gets it whatever mails it wants.
pub async fn send_again(tx: &mut Tx, by: &Actor, invoice_id: i64, now: Timestamp) -> Result<()> {
    let invoice = super::find(tx, invoice_id).await?;
    if invoice.status == InvoiceStatus::Draft {
        return Err(kernel::Error::refused("A draft is not sent. Publish it first."));
    }
    let key = format!("invoice_created:{invoice_id}:{}", now.micros());
    let job = NewJob::now(MAIL_CREATED, json!({ "invoice": invoice_id, "key": key, "on_purpose": true }), now)
        .keyed(key)
        .about(format!("invoice:{invoice_id}"));
    jobs::enqueue(tx, job, now).await?;
    let activity = Activity::new(format!("Mail of invoice {} sent again", invoice.title()));
    log(tx, by, &invoice, activity, now).await
}

/// As [`send_again`], for one of many: what is sent to all is not meant for one, so it is refused when that one does not
/// want it.
pub async fn send_again_to_many(tx: &mut Tx, by: &Actor, invoice_id: i64, now: Timestamp) -> Result<()> {
    let invoice = super::find(tx, invoice_id).await?;
    require_wanted(&accounts::clients::find(tx, invoice.client_id).await?)?;
    send_again(tx, by, invoice_id, now).await
}

/// Reminds the client of an invoice; `false` when a reminder went out today already.
pub async fn remind(tx: &mut Tx, by: &Actor, terms: &Terms, invoice_id: i64) -> Result<bool> {
    let invoice = super::find(tx, invoice_id).await?;
    if !invoice.is_open() || invoice.balance <= 0 {
        return Err(kernel::Error::refused(format!("Nothing is owed on invoice {}.", invoice.title())));
    }
    let client = accounts::clients::find(tx, invoice.client_id).await?;
    if client.no_overdue_notices {
        return Err(kernel::Error::refused(format!(
            "{} gets no payment reminders. The client's profile says so.",
            client.display_name()
        )));
    }
    require_wanted(&client)?;
    let key = format!("invoice_reminder:{invoice_id}:{}", terms.today);
    let known: bool = tx.scalar("SELECT EXISTS (SELECT 1 FROM mails WHERE unique_key = $1)", params![key]).await?;
    let job = NewJob::now(MAIL_REMINDER, json!({ "invoice": invoice_id, "key": key }), terms.now)
        .keyed(key)
        .about(format!("invoice:{invoice_id}"));
    if known || !jobs::enqueue(tx, job, terms.now).await? {
        return Ok(false);
    }
    let activity = Activity::new(format!("Payment reminder of invoice {} sent", invoice.title()));
    log(tx, by, &invoice, activity, terms.now).await?;
    Ok(true)
}

/// Refused when the client wants no mails about invoices.
fn require_wanted(client: &Client) -> Result<()> {
    if client.email_preferences.wants(MailKind::Invoice) {
        Ok(())
    } else {
        Err(kernel::Error::refused(unwanted(client)))
    }
}

fn unwanted(client: &Client) -> String {
    format!("{} wants no mails about invoices. The client’s profile says so.", client.display_name())
}

async fn log(tx: &mut Tx, by: &Actor, invoice: &Invoice, activity: Activity, now: Timestamp) -> Result<()> {
    let activity = activity.client(invoice.client_id).about(format!("invoice:{}", invoice.id));
    activity_log::record(tx, by, activity, now).await
}

async fn reminder(app: App, job: Job) -> Result<Done> {
    let id = job.int("invoice")?;
    let mut conn = app.db.read().await?;
    let invoice = super::find(&mut conn, id).await?;
    // Paid between the press of the button and now.
    if !invoice.is_open() || invoice.balance <= 0 {
        return Ok(Done::Finished);
    }
    let today = Terms::load(&mut conn, app.clock.now()).await?.today;
    drop(conn);
    let letter = Letter {
        key: job.payload()?["key"].as_str().unwrap_or_default().to_owned(),
        template: "reminder",
        on_purpose: false,
        title: |whole| format!("Reminder: invoice {}", whole.invoice.title()),
    };
    letter.send(&app, id, context! { overdue => invoice.due_on < today }).await
}

async fn created(app: App, job: Job) -> Result<Done> {
    let id = job.int("invoice")?;
    let payload = job.payload()?;
    let letter = Letter {
        key: payload["key"].as_str().map_or_else(|| format!("invoice_created:{id}"), str::to_owned),
        template: "created",
        on_purpose: payload["on_purpose"].as_bool().unwrap_or(false),
        title: |whole| format!("Invoice {}", whole.invoice.title()),
    };
    letter.send(&app, id, context! {}).await
}

async fn action_needed(app: App, job: Job) -> Result<Done> {
    let attempt = captures::find(&mut app.db.read().await?, job.int("attempt")?).await?;
    let letter = Letter {
        key: format!("action_needed:{}", attempt.id),
        template: "action",
        on_purpose: false,
        title: |whole| format!("Confirm your payment of invoice {}", whole.invoice.title()),
    };
    letter.send(&app, attempt.invoice_id, context! { reason => "" }).await
}

async fn declined(app: App, job: Job) -> Result<Done> {
    let attempt = captures::find(&mut app.db.read().await?, job.int("attempt")?).await?;
    let letter = Letter {
        key: format!("payment_failed:{}", attempt.id),
        template: "declined",
        on_purpose: false,
        title: |whole| format!("Payment of invoice {} failed", whole.invoice.title()),
    };
    letter.send(&app, attempt.invoice_id, context! { reason => attempt.reason }).await
}

struct Letter {
    key: String,
    template: &'static str,
    /// Staff have sent this one to this client.
    on_purpose: bool,
    title: fn(&Whole) -> String,
}

impl Letter {
    /// Renders and queues it, unless a message of its key is there already or the client does not want it. The link in it
    /// is made in the same transaction, so that a mail that is not sent leaves no link behind.
    async fn send(self, app: &App, invoice_id: i64, more: Value) -> Result<Done> {
        let now = app.clock.now();
        let mut tx = app.db.write().await?;
        let known: bool =
            tx.scalar("SELECT EXISTS (SELECT 1 FROM mails WHERE unique_key = $1)", params![self.key]).await?;
        let invoice = match super::store::find(&mut tx, invoice_id).await? {
            Some(invoice) if !known && invoice.status != InvoiceStatus::Draft => invoice,
            _ => return Ok(Done::Finished),
        };
        let client = accounts::clients::find(&mut tx, invoice.client_id).await?;
        let terms = Terms::load(&mut tx, now).await?;
        let whole = view::load(&mut tx, invoice).await?;
        let subject = format!("invoice:{invoice_id}");
        if !self.on_purpose && !client.email_preferences.wants(MailKind::Invoice) {
            let reason = unwanted(&client);
            let title = (self.title)(&whole);
            let Letter { key, template, .. } = self;
            let kept = Withheld { key, client_id: client.id, subject, template, recipient: client.email, title };
            mail::withhold(&mut tx, kept, &reason, now).await?;
            tx.commit().await?;
            return Ok(Done::Finished);
        }
        let link = pay_links::make(&mut tx, app, invoice_id, now).await?;
        let money = |minor: i64| whole.invoice.money(minor).to_string();
        let values = context! {
            name => client.name(),
            company => &terms.seller.company,
            number => whole.invoice.title(),
            issued => whole.invoice.issued_on.map(|on| on.to_string()).unwrap_or_default(),
            due => whole.invoice.due_on.to_string(),
            total => money(whole.invoice.total),
            balance => money(whole.invoice.balance),
            owed => whole.invoice.balance > 0,
            lines => whole.lines.iter().map(|line| context! {
                description => &line.description, amount => money(line.net),
            }).collect::<Vec<_>>(),
            taxes => whole.taxes().iter().map(|tax| context! {
                name => &tax.name, rate => &tax.rate, amount => tax.amount.to_string(),
            }).collect::<Vec<_>>(),
            link => link.with(mail::TOKEN_PLACE),
            ..more
        };
        let html = app.templates.render(&format!("billing/invoices/{}.mail.html", self.template), values.clone())?;
        let text = app.templates.render(&format!("billing/invoices/{}.mail.txt", self.template), values)?;
        let new = NewMail {
            key: self.key,
            client_id: Some(client.id),
            subject: Some(subject),
            template: self.template,
            recipient: client.email,
            sender_name: terms.seller.company.clone(),
            title: (self.title)(&whole),
            text_body: text,
            html_body: html,
            token: Some(link.token),
        };
        mail::send(&mut tx, app, new, &terms.settings, now).await?;
        tx.commit().await?;
        app.wake.notify_waiters();
        Ok(Done::Finished)
    }
}
