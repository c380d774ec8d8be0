//! Mails to administrators with a link by which they choose a password.

use kernel::{Result, Timestamp};
use minijinja::context;
use platform::db::Tx;
use platform::mail::{self, NewMail, TOKEN_PLACE};
use platform::settings::Values;
use platform::{App, crypto};

use crate::admins::{Admin, INVITATION_DAYS, LINK_HOURS, forgotten};
use crate::company;
use crate::doors::admin::instance_name;

/// Why somebody gets a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    Invited,
    /// Another administrator has ended the old password.
    Reset,
    /// Somebody has asked for it at the login.
    Forgotten,
}

impl Letter {
    fn template(self) -> &'static str {
        match self {
            Letter::Invited => "admin_invited",
            Letter::Reset => "admin_reset",
            Letter::Forgotten => "admin_forgotten",
        }
    }

    fn title(self, company: &str) -> String {
        match self {
            Letter::Invited => format!("{company}: you are invited"),
            Letter::Reset | Letter::Forgotten => format!("{company}: choose a new password"),
        }
    }

    fn lasts(self) -> String {
        match self {
            Letter::Invited => format!("{INVITATION_DAYS} days"),
            Letter::Reset => format!("{LINK_HOURS} hours"),
            Letter::Forgotten => format!("{} hours", forgotten::HOURS),
        }
    }

    /// What has happened, in words.
    fn reason(self, company: &str) -> String {
        match self {
            Letter::Invited => format!("You are invited to the administration of {company}."),
            Letter::Reset => format!("An administrator of {company} has ended your old password."),
            Letter::Forgotten => format!(
                "Somebody has asked for a new password of yours at {company}. If that was not you, do nothing: the old \
                 one stays good."
            ),
        }
    }
}

/// Queues the mail with the link. A link has one mail.
pub(crate) async fn send_link(
    tx: &mut Tx,
    app: &App,
    admin: &Admin,
    letter: Letter,
    token: String,
    now: Timestamp,
) -> Result<()> {
    let company = instance_name(app);
    let values = context! {
        name => admin.name(),
        username => &admin.username,
        company => &company,
        reason => letter.reason(&company),
        lasts => letter.lasts(),
        link => format!("{}/admin/welcome/{TOKEN_PLACE}", company::system_url(tx).await?),
    };
    let new = NewMail {
        key: format!("{}:{}", letter.template(), crypto::sha256_hex(token.as_bytes())),
        client_id: None,
        subject: Some(format!("admin:{}", admin.id)),
        template: letter.template(),
        recipient: admin.email.clone(),
        sender_name: company.clone(),
        title: letter.title(&company),
        text_body: app.templates.render("accounts/admins/manage/link.mail.txt", values.clone())?,
        html_body: app.templates.render("accounts/admins/manage/link.mail.html", values)?,
        token: Some(token),
    };
    let settings = Values::load(tx).await?;
    mail::send(tx, app, new, &settings, now).await?;
    Ok(())
}
