//! Opening an account: a client and the user who owns it, by somebody whom nobody knows yet.
//!
//! What surprises: whoever registers with an address that somebody logs in with is told so, because without that two
//! people would wonder. How often may be tried is limited as at the login.

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
use crate::users::{self, Owner, User};
use crate::{company, email_verification};

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

/// Refused when nobody may register.
pub async fn require_allowed(conn: &mut Conn) -> Result<Values> {
    let values = Values::load(conn).await?;
    if values.bool(&ALLOWED) {
        Ok(values)
    } else {
        Err(Error::refused("Accounts are not opened here. Write to us, and we will open one for you."))
    }
}

/// Everything that is wrong, for whoever has to know it before a password is hashed.
pub async fn check(conn: &mut Conn, new: &Registration, now: Timestamp) -> Result<FieldErrors> {
    let values = require_allowed(conn).await?;
    let mut errors = FieldErrors::default();
    let email = new.details.email.as_deref().unwrap_or_default();
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
    password: passwords::Hash,
    ip: &str,
    now: Timestamp,
) -> Result<(Client, User)> {
    check(tx, &new, now).await?.check()?;
    let by = Actor { ip: ip.to_owned(), ..Actor::system("Registration") };
    let (details, owner) = (details(&new), Owner::New { password: Some(password) });
    let client = clients::create(tx, &by, NewClient { details, owner }, &app.random, now).await?;
    let user = users::by_email(tx, &client.email).await?.ok_or_else(|| Error::broken("registration: no owner"))?;
    email_verification::welcome(tx, app, &user, now).await?;
    Ok((client, user))
}
