//! Mails to users about how they log in. They go to the user's own address, whatever mails its clients want.

use kernel::{Result, Timestamp};
use minijinja::{Value, context};
use platform::App;
use platform::db::Tx;
use platform::mail::{self, NewMail, TOKEN_PLACE};
use platform::settings::Values;

use super::User;
use crate::company;

/// A mail to a user.
pub(crate) struct Letter<'a> {
    /// `password_reset`, as the list of mails names it.
    pub name: &'static str,
    /// `accounts/password_resets/reset`, to which `.mail.txt` and `.mail.html` are added.
    pub template: &'static str,
    pub title: &'static str,
    pub to: &'a str,
    /// The way to the page that the link opens, `/reset-password/`, and the secret part of it.
    pub link: Option<(&'static str, String)>,
    pub values: Value,
}

/// Queues a mail to a user. Its key is of this moment: each of these mails has a reason of its own.
pub(crate) async fn send(tx: &mut Tx, app: &App, user: &User, letter: Letter<'_>, now: Timestamp) -> Result<()> {
    let settings = Values::load(tx).await?;
    let base = company::system_url_of(&settings);
    let company = settings.text(&company::COMPANY_NAME);
    let link = letter.link.as_ref().map(|(path, _)| format!("{base}{path}{TOKEN_PLACE}"));
    let values = context! {
        name => if user.name().is_empty() { letter.to.to_owned() } else { user.name() },
        link, company, base,
        ..letter.values
    };
    let body = |kind: &str| app.templates.render(&format!("{}.mail.{kind}", letter.template), values.clone());
    let mail = NewMail {
        key: format!("{}:{}:{}", letter.name, user.id, app.random.uuid(now)),
        client_id: None,
        subject: Some(format!("user:{}", user.id)),
        template: letter.name,
        recipient: letter.to.to_owned(),
        sender_name: company.to_owned(),
        title: letter.title.to_owned(),
        text_body: body("txt")?,
        html_body: body("html")?,
        token: letter.link.map(|(_, token)| token),
    };
    mail::send(tx, app, mail, &settings, now).await?;
    Ok(())
}

pub(super) async fn password_changed(tx: &mut Tx, app: &App, user: &User, now: Timestamp) -> Result<()> {
    let letter = Letter {
        name: "password_changed",
        template: "accounts/users/password_changed",
        title: "Your password was changed",
        to: &user.email,
        link: None,
        values: context! {},
    };
    send(tx, app, user, letter, now).await
}

/// To the old address.
pub(super) async fn email_changed(tx: &mut Tx, app: &App, old: &User, email: &str, now: Timestamp) -> Result<()> {
    let letter = Letter {
        name: "email_changed",
        template: "accounts/users/email_changed",
        title: "Your e-mail address was changed",
        to: &old.email,
        link: None,
        values: context! { email },
    };
    send(tx, app, old, letter, now).await
}
