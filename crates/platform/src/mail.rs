//! Outgoing mail. A message is a row that is written once per unique key and a job that delivers it, so that its
//! state can be shown where it matters: on the invoice itself.
//!
//! What must hold: a link that opens something is good only to its recipient, so its token is never at rest in a form
//! that somebody with a copy of the database could use.

use std::collections::HashMap;
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
        /// Not sent, because the recipient does not want such mails.
        Unwanted = "unwanted",
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
    /// With [`TOKEN_PLACE`] where the token stands.
    pub text_body: String,
    pub html_body: String,
    /// The secret part of a link in the bodies. Kept encrypted, and no longer than until the message is delivered.
    pub token: Option<String>,
}

/// A message that nobody gets. It was never written out, so that no link in it was made.
#[derive(Debug, Clone)]
pub struct Withheld {
    pub key: String,
    pub client_id: i64,
    pub subject: String,
    pub template: &'static str,
    pub recipient: String,
    pub title: String,
}

/// What stands in a stored message where a delivered one has its token.
pub const TOKEN_PLACE: &str = "SENT-TO-THE-RECIPIENT-ONLY";

fn place_of(key: &str) -> String {
    format!("mails:{key}")
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
pub async fn send(tx: &mut Tx, app: &App, mail: NewMail, settings: &Values, now: Timestamp) -> Result<bool> {
    let sender = format!("{} <{}>", mail.sender_name.replace(['<', '>', '"', ','], " "), settings.text(&FROM));
    let seal = |token: &String| app.vault.seal(&app.random, &place_of(&mail.key), token.as_bytes());
    let sealed = mail.token.as_ref().map(seal).transpose()?;
    let Some(id) = insert(tx, &mail, &sender, sealed, MailState::Queued, None, now).await? else { return Ok(false) };
    let job = NewJob::now(DELIVER, serde_json::json!({ "mail": id }), now).keyed(format!("mail:{id}")).attempts(8);
    jobs::enqueue(tx, job, now).await?;
    Ok(true)
}

/// Notes a message that is not sent because its recipient does not want it, with the reason that staff read where they
/// look for it. `false` when its key was used before.
pub async fn withhold(tx: &mut Tx, mail: Withheld, reason: &str, now: Timestamp) -> Result<bool> {
    let Withheld { key, client_id, subject, template, recipient, title } = mail;
    let mail = NewMail {
        key,
        client_id: Some(client_id),
        subject: Some(subject),
        template,
        recipient,
        sender_name: String::new(),
        title,
        text_body: String::new(),
        html_body: String::new(),
        token: None,
    };
    let id = insert(tx, &mail, "", None, MailState::Unwanted, Some(reason), now).await?;
    Ok(id.is_some())
}

/// The id, unless its key was used before.
async fn insert(
    tx: &mut Tx,
    mail: &NewMail,
    sender: &str,
    sealed: Option<Vec<u8>>,
    state: MailState,
    error: Option<&str>,
    now: Timestamp,
) -> Result<Option<i64>> {
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO mails (unique_key, client_id, subject, template, recipient, sender, title, text_body, \
             html_body, sealed_token, state, error, attempts, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13) \
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
                sealed,
                state,
                error,
                now
            ],
        )
        .await?;
    Ok(inserted.map(|(id,)| id))
}

pub async fn about(conn: &mut Conn, subject: &str) -> Result<Vec<Mail>> {
    let sql = format!("SELECT {} FROM mails WHERE subject = $1 ORDER BY id DESC LIMIT 50", Mail::columns(""));
    conn.all(&sql, params![subject]).await
}

record! {
    /// A message as the list of jobs names it.
    #[derive(Debug, Clone)]
    pub struct Named {
        pub id: i64,
        pub recipient: String,
        pub title: String,
        pub subject: Option<String>,
    }
}

/// The messages that these jobs deliver, by the job's id.
pub async fn of_jobs(conn: &mut Conn, jobs: &[Job]) -> Result<HashMap<i64, Named>> {
    let mails: HashMap<i64, i64> =
        jobs.iter().filter(|job| job.kind == DELIVER).filter_map(|job| Some((job.int("mail").ok()?, job.id))).collect();
    if mails.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = mails.keys().copied().collect();
    let sql = format!("SELECT {} FROM mails WHERE id IN $1[]", Named::columns(""));
    let found: Vec<Named> = conn.all(&sql, params![ids]).await?;
    Ok(found.into_iter().filter_map(|named| Some((*mails.get(&named.id)?, named))).collect())
}

pub fn jobs(registry: &mut jobs::Registry) {
    registry.add(DELIVER, deliver);
}

record! {
    /// What is handed to the SMTP server.
    struct Letter {
        unique_key: String,
        recipient: String,
        sender: String,
        title: String,
        text_body: String,
        html_body: String,
        sealed_token: Option<Vec<u8>>,
        state: MailState,
    }
}

impl Letter {
    /// Puts the token in its place.
    fn unsealed(mut self, app: &App) -> Result<Letter> {
        if let Some(sealed) = &self.sealed_token {
            let token = app.vault.open(&place_of(&self.unique_key), sealed)?;
            let token = String::from_utf8(token).map_err(|_| Error::broken("mail: the token is no text"))?;
            self.text_body = self.text_body.replace(TOKEN_PLACE, &token);
            self.html_body = self.html_body.replace(TOKEN_PLACE, &token);
        }
        Ok(self)
    }
}

const NO_SERVER: &str = "Waits until the SMTP server and the sender address are set.";
const NO_PASSWORD: &str = "Waits until the SMTP password is set, with: innkeeper setting set smtp_password.";

/// What has to be set before anything can be sent.
fn missing(settings: &Values, has_password: bool) -> Option<&'static str> {
    if settings.text(&HOST).is_empty() || settings.text(&FROM).is_empty() {
        Some(NO_SERVER)
    } else if !settings.text(&USERNAME).is_empty() && !has_password {
        Some(NO_PASSWORD)
    } else {
        None
    }
}

/// Hands one message to the SMTP server. A crash between the server's "250" and our note sends it again: SMTP has no
/// way to ask.
async fn deliver(app: App, job: Job) -> Result<Done> {
    let id = job.int("mail")?;
    let mut conn = app.db.read().await?;
    let settings = Values::load(&mut conn).await?;
    let sql = format!("SELECT {} FROM mails WHERE id = $1", Letter::columns(""));
    let found: Option<Letter> = conn.optional(&sql, params![id]).await?;
    let password = secrets::get(&mut conn, &app.vault, PASSWORD_PLACE).await?;
    drop(conn);
    let Some(mut letter) = found else { return Ok(Done::Finished) };
    if matches!(letter.state, MailState::Sent | MailState::Unwanted) {
        return Ok(Done::Finished);
    }
    if let Some(missing) = missing(&settings, password.is_some()) {
        note(&app, id, MailState::Queued, Some(missing)).await?;
        return Ok(Done::Again(app.clock.now().plus_seconds(600)));
    }
    if letter.sender.ends_with("<>") {
        letter.sender = format!("{} <{}>", letter.sender.trim_end_matches(" <>"), settings.text(&FROM));
    }
    let outcome = transmit(&settings, password.unwrap_or_default(), letter.unsealed(&app)?).await;
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

async fn transmit(settings: &Values, password: String, letter: Letter) -> Result<()> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| Error::refused(format!("“{text}” is no mail address: {error}")))
    };
    let message = Message::builder()
        .from(mailbox(&letter.sender)?)
        .to(mailbox(&letter.recipient)?)
        .subject(letter.title)
        .multipart(MultiPart::alternative_plain_html(letter.text_body, letter.html_body))
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
        builder = builder.credentials(Credentials::new(settings.text(&USERNAME).to_owned(), password));
    }
    builder
        .build()
        .send(message)
        .await
        .map(|_| ())
        .map_err(|error| Error::Unavailable(format!("The SMTP server {host} did not take the message: {error}")))
}

/// Whether the stored password must go because of this change of a setting: it was given for another server, or it would
/// be sent to this one in plain text. Whoever may change settings need not be whoever knows the password.
pub fn parts_with_password(key: &str, old: &str, new: &str) -> bool {
    match key {
        // What was entered before there was any server was meant for the first one.
        key if key == HOST.key => !old.is_empty() && old != new,
        key if key == SECURITY.key => old != new && new == "none",
        _ => false,
    }
}

async fn note(app: &App, id: i64, state: MailState, error: Option<&str>) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    tx.execute(
        // What was sent stays sent, whatever a second attempt beside it says afterwards.
        "UPDATE mails SET state = $2, error = $3, attempts = attempts + 1, sent_at = $4, \
         sealed_token = CASE WHEN $2 = 'sent' THEN NULL ELSE sealed_token END WHERE id = $1 AND state <> 'sent'",
        params![id, state, error, (state == MailState::Sent).then_some(now)],
    )
    .await?;
    tx.commit().await
}
