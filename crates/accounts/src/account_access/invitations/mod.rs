//! Invitations to act for a client: a link that is mailed, works once, and for a week.
//!
//! What must hold:
//! - Only the hash of the link's secret is stored, and the newest mail has the only good one.
//! - An address has one open invitation to a client; one that has expired is replaced by another.
//! - Whoever has the link may accept, as a user who logs in with whatever address, or as a new one with the invited one.

pub mod client;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, Result, Timestamp};
use minijinja::context;
use platform::App;
use platform::db::{Conn, Tx};
use platform::mail::{self, NewMail, TOKEN_PLACE};
use platform::prune::{After, Rubbish};
use platform::settings::Values;
use platform::{crypto, record};

use super::{AccountPermission, keys, parse, require_room, shown, stored};
use crate::activity_log::{self, Activity, Actor};
use crate::clients::{self, Client, ClientStatus};
use crate::users::{self, NewUser, User};
use crate::{company, passwords};

/// How long a link is good.
const LIFE: i64 = 7 * 86_400;
/// So many are mailed for a client within an hour, and so many for one invitation.
pub(crate) const AN_HOUR: i64 = 20;
pub(crate) const EACH: i64 = 5;

/// Invitations that have ended long ago, for [`platform::prune`].
pub(crate) const OLD: Rubbish = Rubbish {
    name: "old invitations",
    table: "account_invitations",
    key: "id",
    condition: "expires_at <= $1",
    after: After::Seconds(30 * 86_400),
};

record! {
    #[derive(Debug, Clone, PartialEq)]
    pub struct Invitation {
        pub id: i64,
        pub client_id: i64,
        pub email: String,
        /// As they are stored; see [`Invitation::keys`].
        pub permissions: String,
        pub invited_by: String,
        pub created_at: Timestamp,
        /// The last mail.
        pub sent_at: Timestamp,
        /// How many there were.
        pub sent: i64,
        pub expires_at: Timestamp,
    }
}

impl Invitation {
    pub fn keys(&self) -> Vec<AccountPermission> {
        parse(&self.permissions)
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

/// Those that are neither accepted nor cancelled, the newest first.
pub async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<Invitation>> {
    store::of_client(conn, client_id).await
}

pub async fn find(conn: &mut Conn, client_id: i64, id: i64) -> Result<Invitation> {
    store::find(conn, client_id, id).await?.ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("Invitation");

/// Invites an address to act for a client.
pub async fn invite(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    client_id: i64,
    email: &Email,
    permissions: &[AccountPermission],
    now: Timestamp,
) -> Result<Invitation> {
    let client = open_client(tx, client_id).await?;
    let permissions = keys::some(permissions)?;
    if let Some(user) = users::by_email(tx, email.as_str()).await?
        && super::part(tx, client_id, user.id).await?.is_some()
    {
        return Err(Error::invalid("email", format!("{email} {MEMBER}.")));
    }
    store::end_expired(tx, client_id, &email.lower(), now).await?;
    require_room(tx, client_id).await?;
    require_mails(tx, client_id, now).await?;
    let token = app.random.token();
    let new = store::New {
        client_id,
        email,
        permissions: &stored(&permissions),
        token_hash: &hash(&token),
        invited_by: &by.name,
        now,
        expires_at: now.plus_seconds(LIFE),
    };
    let Some(invitation) = store::insert(tx, &new).await? else {
        return Err(Error::invalid("email", format!("{email} is invited already. Send that invitation again.")));
    };
    post(tx, app, &client, &invitation, token, now).await?;
    let text = format!("{email} invited to act for the client ({})", shown(&permissions));
    log(tx, by, &invitation, text, now).await?;
    Ok(invitation)
}

/// What is said of an address that need not be invited.
pub(super) const MEMBER: &str = "acts for this account already";

/// Mails an invitation again, with another link that is good for a week; the one before is void.
pub async fn resend(tx: &mut Tx, app: &App, by: &Actor, client_id: i64, id: i64, now: Timestamp) -> Result<Invitation> {
    let client = open_client(tx, client_id).await?;
    let old = find(tx, client_id, id).await?;
    if old.sent >= EACH {
        return Err(Error::refused(format!(
            "The invitation was mailed {} times. Cancel it, and ask {} before you invite again.",
            old.sent, old.email
        )));
    }
    require_mails(tx, client_id, now).await?;
    let token = app.random.token();
    let renewed = store::renew(tx, &old, &hash(&token), now, now.plus_seconds(LIFE)).await?;
    let Some(invitation) = renewed else {
        return Err(Error::conflict("The invitation has just been changed. Look again."));
    };
    post(tx, app, &client, &invitation, token, now).await?;
    log(tx, by, &invitation, format!("Invitation of {} mailed again", invitation.email), now).await?;
    Ok(invitation)
}

/// Takes an invitation back: its link is worth nothing from now on.
pub async fn cancel(tx: &mut Tx, by: &Actor, client_id: i64, id: i64, now: Timestamp) -> Result<()> {
    let invitation = find(tx, client_id, id).await?;
    if store::end(tx, id, now).await? == 0 {
        return Err(NOT_FOUND);
    }
    log(tx, by, &invitation, format!("Invitation of {} cancelled", invitation.email), now).await
}

/// What a link opens, while it is good.
pub async fn opened(conn: &mut Conn, token: &str, now: Timestamp) -> Result<(Invitation, Client)> {
    let found = store::by_token(conn, &hash(token), now).await?;
    let invitation = found.ok_or(Error::NotFound("This invitation was used, cancelled or sent again. A good one"))?;
    let client = open_client(conn, invitation.client_id).await?;
    Ok((invitation, client))
}

/// Lets a user act for the client, by a link that is used up in the same step. Whoever does already keeps the permissions.
pub async fn accept(tx: &mut Tx, by: &Actor, token: &str, user: &User, now: Timestamp) -> Result<Invitation> {
    let (invitation, _) = opened(tx, token, now).await?;
    if store::end(tx, invitation.id, now).await? == 0 {
        return Err(Error::refused("This invitation has just been used."));
    }
    users::admit(tx, invitation.client_id, user.id, &invitation.permissions).await?;
    let text = format!("User {} accepted the invitation of {} to act for the client", user.email, invitation.email);
    log(tx, by, &invitation, text, now).await?;
    Ok(invitation)
}

/// As somebody who is not known yet, and logs in with the invited address from now on. That the mail arrived proves it.
pub async fn accept_as_new(
    tx: &mut Tx,
    token: &str,
    names: Names<'_>,
    password: passwords::Hash,
    ip: &str,
    now: Timestamp,
) -> Result<User> {
    let (invitation, _) = opened(tx, token, now).await?;
    let by = Actor { ip: ip.to_owned(), ..Actor::system("Invitation") };
    let new = NewUser {
        first_name: names.first.to_owned(),
        last_name: names.last.to_owned(),
        email: invitation.email.clone(),
        language: String::new(),
        password: Some(password),
    };
    let user = users::create(tx, &by, new, now).await?;
    users::verify(tx, &by, &user, now).await?;
    accept(tx, &Actor::user(user.id, &user.email, ip), token, &user, now).await?;
    Ok(user)
}

/// What somebody who accepts is called.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub first: &'a str,
    pub last: &'a str,
}

async fn open_client(conn: &mut Conn, id: i64) -> Result<Client> {
    let client = clients::find(conn, id).await?;
    if client.status == ClientStatus::Closed {
        return Err(Error::refused("The account is closed."));
    }
    Ok(client)
}

/// Whoever may invite could have us write to strangers.
async fn require_mails(conn: &mut Conn, client_id: i64, now: Timestamp) -> Result<()> {
    if store::mailed(conn, client_id, now.plus_seconds(-3_600)).await? >= AN_HOUR {
        return Err(Error::refused(format!("{AN_HOUR} invitations were mailed within an hour. Wait a while.")));
    }
    Ok(())
}

async fn post(
    tx: &mut Tx,
    app: &App,
    client: &Client,
    invitation: &Invitation,
    token: String,
    now: Timestamp,
) -> Result<()> {
    let settings = Values::load(tx).await?;
    let company = settings.text(&company::COMPANY_NAME);
    let values = context! {
        account => client.display_name(), by => &invitation.invited_by, company,
        link => format!("{}{PATH}{TOKEN_PLACE}", company::system_url_of(&settings)),
    };
    let body = |kind: &str| {
        app.templates.render(&format!("accounts/account_access/invitations/invite.mail.{kind}"), values.clone())
    };
    let new = NewMail {
        key: format!("account_invitation:{}:{}", invitation.id, invitation.sent),
        client_id: Some(client.id),
        subject: Some(subject(client.id)),
        template: "account_invitation",
        recipient: invitation.email.clone(),
        sender_name: company.to_owned(),
        title: format!("You are invited to {}", client.display_name()),
        text_body: body("txt")?,
        html_body: body("html")?,
        token: Some(token),
    };
    mail::send(tx, app, new, &settings, now).await?;
    Ok(())
}

/// Where a link leads.
const PATH: &str = "/invitation/";

fn hash(token: &str) -> String {
    crypto::sha256_hex(token.as_bytes())
}

async fn log(tx: &mut Tx, by: &Actor, invitation: &Invitation, text: String, now: Timestamp) -> Result<()> {
    let activity = Activity::new(text).client(invitation.client_id).about(subject(invitation.client_id));
    activity_log::record(tx, by, activity, now).await
}

fn subject(client_id: i64) -> String {
    format!("client:{client_id}")
}
