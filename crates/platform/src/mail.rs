//! Outgoing mail. A message is a row that is written once per unique key and a job that delivers it, so that its
//! state can be shown where it matters: on the invoice itself.

use std::time::Duration;

use kernel::{Error, Result, Timestamp};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::context::App;
use crate::db::{Conn, Tx};
use crate::jobs::{self, Done, Job, NewJob};
use crate::settings::{self, Kind, Setting, Values};
use crate::{enum_column, params, record, secrets};

pub const HOST: Setting = Setting {
    key: "smtp_host",
    kind: Kind::Text { max: 253 },
    default: "",
    section: "Mail",
    label: "SMTP server",
    help: "Host name of the server that takes your mail. While it is empty, mail waits in the queue.",
    read_by: "platform::mail::deliver",
    rule: host,
};
pub const PORT: Setting = Setting {
    key: "smtp_port",
    kind: Kind::Int { min: 1, max: 65535 },
    default: "587",
    section: "Mail",
    label: "SMTP port",
    help: "587 with STARTTLS, 465 with TLS, 25 within your own network.",
    read_by: "platform::mail::deliver",
    rule: settings::anything,
};
pub const SECURITY: Setting = Setting {
    key: "smtp_security",
    kind: Kind::Choice(&[("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None")]),
    default: "starttls",
    section: "Mail",
    label: "SMTP encryption",
    help: "None only for a server on this machine or in your own network.",
    read_by: "platform::mail::deliver",
    rule: settings::anything,
};
pub const USERNAME: Setting = Setting {
    key: "smtp_username",
    kind: Kind::Text { max: 200 },
    default: "",
    section: "Mail",
    label: "SMTP user name",
    help: "Leave empty when the server asks for none. The password is set with: innkeeper setting set smtp_password.",
    read_by: "platform::mail::deliver",
    rule: settings::anything,
};
pub const FROM: Setting = Setting {
    key: "mail_from",
    kind: Kind::Email,
    default: "",
    section: "Mail",
    label: "Sender address",
    help: "The address that clients see and answer to.",
    read_by: "platform::mail::send",
    rule: settings::anything,
};
pub const SETTINGS: &[Setting] = &[HOST, PORT, SECURITY, USERNAME, FROM];

/// A name or an address of a machine, without a port: that is a setting of its own.
fn host(value: &str, _others: &Values) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_address = value.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    if value.chars().all(allowed) || is_address {
        return Ok(value.to_owned());
    }
    Err("Write the name of a server such as mail.example.com, without a scheme and without a port.".to_owned())
}

/// Where the SMTP password is kept among the secrets.
pub const PASSWORD_PLACE: &str = "settings:smtp_password";

const DELIVER: &str = "mail.deliver";
const TIMEOUT: Duration = Duration::from_secs(30);

kernel::text_enum! {
    pub enum MailState {
        Queued = "queued",
        Sent = "sent",
        Failed = "failed",
    }
}
enum_column!(MailState);

/// A message to send.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// `invoice_created:17`: a second message with this key is never made.
    pub key: String,
    pub client_id: Option<i64>,
    /// What it is about, `invoice:17`.
    pub subject: Option<String>,
    pub template: &'static str,
    pub recipient: String,
    /// The name that stands before [`FROM`].
    pub sender_name: String,
    pub title: String,
    pub text_body: String,
    pub html_body: String,
}

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Mail {
        pub id: i64,
        pub client_id: Option<i64>,
        pub subject: Option<String>,
        pub template: String,
        pub recipient: String,
        pub sender: String,
        pub title: String,
        pub state: MailState,
        pub error: Option<String>,
        pub attempts: i64,
        pub created_at: Timestamp,
        pub sent_at: Option<Timestamp>,
    }
}

/// Queues a message; `false` when its key was used before.
pub async fn send(tx: &mut Tx, mail: NewMail, settings: &Values, now: Timestamp) -> Result<bool> {
    let sender = format!("{} <{}>", mail.sender_name.replace(['<', '>', '"', ','], " "), settings.text(&FROM));
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO mails (unique_key, client_id, subject, template, recipient, sender, title, text_body, \
             html_body, state, attempts, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', 0, $10) \
             ON CONFLICT (unique_key) DO NOTHING RETURNING id",
            params![
                mail.key,
                mail.client_id,
                mail.subject,
                mail.template,
                mail.recipient,
                sender,
                mail.title,
                mail.text_body,
                mail.html_body,
                now
            ],
        )
        .await?;
    let Some((id,)) = inserted else { return Ok(false) };
    let job = NewJob::now(DELIVER, serde_json::json!({ "mail": id }), now).keyed(format!("mail:{id}")).attempts(8);
    jobs::enqueue(tx, job, now).await?;
    Ok(true)
}

pub async fn about(conn: &mut Conn, subject: &str) -> Result<Vec<Mail>> {
    let sql = format!("SELECT {} FROM mails WHERE subject = $1 ORDER BY id DESC LIMIT 50", Mail::columns(""));
    conn.all(&sql, params![subject]).await
}

pub fn jobs(registry: &mut jobs::Registry) {
    registry.add(DELIVER, deliver);
}

/// Hands one message to the SMTP server. A crash between the server's "250" and our note sends it again: SMTP has no
/// way to ask.
async fn deliver(app: App, job: Job) -> Result<Done> {
    let id = job.int("mail")?;
    let mut conn = app.db.read().await?;
    let settings = Values::load(&mut conn).await?;
    let found: Option<(String, String, String, String, String, MailState)> = conn
        .optional("SELECT recipient, sender, title, text_body, html_body, state FROM mails WHERE id = $1", params![id])
        .await?;
    drop(conn);
    let Some((recipient, sender, title, text, html, state)) = found else { return Ok(Done::Finished) };
    if state == MailState::Sent {
        return Ok(Done::Finished);
    }
    if settings.text(&HOST).is_empty() || settings.text(&FROM).is_empty() {
        note(&app, id, MailState::Queued, Some("Waits until the SMTP server and the sender address are set.")).await?;
        return Ok(Done::Again(app.clock.now().plus_seconds(600)));
    }
    let sender = if sender.ends_with("<>") {
        format!("{} <{}>", sender.trim_end_matches(" <>"), settings.text(&FROM))
    } else {
        sender
    };
    let outcome = transmit(&app, &settings, &recipient, &sender, &title, text, html).await;
    match &outcome {
        Ok(()) => note(&app, id, MailState::Sent, None).await?,
        Err(error) => {
            let last = job.attempts >= job.max_attempts;
            let state = if last { MailState::Failed } else { MailState::Queued };
            note(&app, id, state, Some(&error.to_string())).await?;
        }
    }
    outcome.map(|()| Done::Finished)
}

async fn transmit(
    app: &App,
    settings: &Values,
    recipient: &str,
    sender: &str,
    title: &str,
    text: String,
    html: String,
) -> Result<()> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| Error::refused(format!("“{text}” is no mail address: {error}")))
    };
    let message = Message::builder()
        .from(mailbox(sender)?)
        .to(mailbox(recipient)?)
        .subject(title)
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| Error::broken(format!("mail: {error}")))?;
    let host = settings.text(&HOST);
    let builder = match settings.text(&SECURITY) {
        "none" => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)),
        "tls" => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
        _ => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
    };
    let mut builder = builder
        .map_err(|error| Error::refused(format!("The SMTP server {host}: {error}")))?
        .port(u16::try_from(settings.int(&PORT)).unwrap_or(587))
        .timeout(Some(TIMEOUT));
    if !settings.text(&USERNAME).is_empty() {
        let mut conn = app.db.read().await?;
        let password = secrets::get(&mut conn, &app.vault, PASSWORD_PLACE).await?.unwrap_or_default();
        builder = builder.credentials(Credentials::new(settings.text(&USERNAME).to_owned(), password));
    }
    builder
        .build()
        .send(message)
        .await
        .map(|_| ())
        .map_err(|error| Error::Unavailable(format!("The SMTP server {host} did not take the message: {error}")))
}

async fn note(app: &App, id: i64, state: MailState, error: Option<&str>) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    tx.execute(
        "UPDATE mails SET state = $2, error = $3, attempts = attempts + 1, sent_at = $4 WHERE id = $1",
        params![id, state, error, (state == MailState::Sent).then_some(now)],
    )
    .await?;
    tx.commit().await
}
