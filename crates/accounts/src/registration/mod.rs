//! Opening an account: a client and the user who owns it, by somebody whom nobody knows yet.
//!
//! What surprises: whoever registers with an address that somebody logs in with is told so, because without that two
//! people would wonder. How often may be tried is limited as at the login. Where there are security questions, one is chosen.

pub mod client;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::settings::{Values, anything};
use platform::{App, Kind, Setting};

use crate::activity_log::Actor;
use crate::clients::{self, Client, ClientEdit, Demand, NewClient};
use crate::passwords;
use crate::security_questions::{self, NewAnswer};
use crate::users::{self, Owner, User};
use crate::{banned_emails, company, email_verification};

pub const ALLOWED: Setting = Setting {
    key: "client_registration",
    kind: Kind::Bool,
    default: "true",
    section: "Security",
    label: "Clients may register",
    help: "Off: accounts are opened by staff alone.",
    rule: anything,
    read_by: "accounts::registration::register",
};

pub const TERMS: Setting = Setting {
    key: "terms_of_service_url",
    kind: Kind::Text { max: 300 },
    default: "",
    section: "General",
    label: "Terms of service",
    help: "The web address of your terms. With one, whoever registers must agree to them.",
    rule: company::web_address_or_nothing,
    read_by: "accounts::registration::register",
};

pub const SETTINGS: &[Setting] = &[ALLOWED, TERMS];

/// Somebody who wants an account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Who, where, and in which currency; what is staff's to say is passed over.
    pub details: ClientEdit,
    pub agreed: Agreed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreed {
    Yes,
    No,
}

/// What only its owner knows, hashed: that takes long, so it was done before the transaction began.
#[derive(Debug)]
pub struct Secrets {
    pub password: passwords::Hash,
    /// Needed where there are security questions.
    pub answer: Option<NewAnswer>,
}

/// Refused when nobody may register.
pub async fn require_allowed(conn: &mut Conn) -> Result<Values> {
    let values = Values::load(conn).await?;
    if values.bool(&ALLOWED) {
        Ok(values)
    } else {
        Err(Error::refused("Accounts are not opened here. Write to us, and we will open one for you."))
    }
}

/// Everything that is wrong, for whoever has to know it before a password is hashed. A try with a banned address is counted.
pub async fn check(app: &App, new: &Registration, now: Timestamp) -> Result<FieldErrors> {
    let mut errors = wrong(&mut app.db.read().await?, new, now).await?;
    errors.gather(banned_emails::check(app, email_of(new), now).await)?;
    Ok(errors)
}

fn email_of(new: &Registration) -> &str {
    new.details.email.as_deref().unwrap_or_default()
}

async fn wrong(conn: &mut Conn, new: &Registration, now: Timestamp) -> Result<FieldErrors> {
    let values = require_allowed(conn).await?;
    let mut errors = FieldErrors::default();
    let email = email_of(new);
    if !email.trim().is_empty() && users::by_email(conn, email).await?.is_some() {
        errors.add("email", TAKEN);
    }
    if !values.text(&TERMS).is_empty() && new.agreed == Agreed::No {
        errors.add("terms", "Read the terms of service and agree to them.");
    }
    clients::check_new(conn, &details(new), now, &mut errors).await?;
    Ok(errors)
}

/// What somebody may say of a client of the own.
fn details(new: &Registration) -> ClientEdit {
    let given = new.details.clone();
    ClientEdit {
        demand: Demand::Postal,
        first_name: given.first_name,
        last_name: given.last_name,
        company: given.company,
        email: given.email,
        address1: given.address1,
        address2: given.address2,
        city: given.city,
        state: given.state,
        postcode: given.postcode,
        country: given.country,
        phone: given.phone,
        tax_id: given.tax_id,
        currency: given.currency,
        language: given.language,
        ..ClientEdit::default()
    }
}

const TAKEN: &str = "Somebody logs in with this address already. If that is you, log in, or ask for a new password.";

/// Opens the account; the client and its owner, who is mailed a link to prove the address.
pub async fn register(
    tx: &mut Tx,
    app: &App,
    new: Registration,
    secrets: Secrets,
    ip: &str,
    now: Timestamp,
) -> Result<(Client, User)> {
    let mut errors = wrong(tx, &new, now).await?;
    // What has changed since it was checked.
    errors.gather(banned_emails::require_free(tx, email_of(&new)).await)?;
    if secrets.answer.is_none() && security_questions::any(tx).await? {
        errors.add("question", "Choose one of the questions.");
    }
    errors.check()?;
    let by = Actor { ip: ip.to_owned(), ..Actor::system("Registration") };
    let (details, owner) = (details(&new), Owner::New { password: Some(secrets.password) });
    let client = clients::create(tx, &by, NewClient { details, owner }, &app.random, now).await?;
    let user = users::by_email(tx, &client.email).await?.ok_or_else(|| Error::broken("registration: no owner"))?;
    if let Some(answer) = secrets.answer {
        security_questions::set(tx, &by, &user, answer, None, now).await?;
    }
    email_verification::welcome(tx, app, &user, now).await?;
    Ok((client, user))
}
