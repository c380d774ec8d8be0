//! Users: the people who log in to the client area. A user may act for several clients and a client may have several
//! users, one of whom owns it.
//!
//! What surprises: a user's e-mail address is unique, a client's is not. One person with two companies is one user
//! and two clients, often with the same address.

pub mod admin;
pub mod api;
pub mod client;
pub mod compat;
pub(crate) mod links;
pub(crate) mod mail;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, FieldErrors, Result, Timestamp, single_line};
use platform::App;
use platform::db::{Conn, Tx};
use platform::record;

use crate::account_access::{self, AccountPermission};
use crate::activity_log::{self, Activity, Actor};
use crate::clients::{Client, profile};
use crate::passwords;
use crate::two_factor::{self, Person};

pub use store::{COLUMNS, Listed, Of, of_client, query};

record! {
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct User {
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub language: String,
        pub created_at: Timestamp,
        pub last_login_at: Option<Timestamp>,
        /// When the user proved that mail to the address arrives.
        pub email_verified_at: Option<Timestamp>,
    }
}

impl User {
    pub fn name(&self) -> String {
        [self.first_name.as_str(), self.last_name.as_str()].join(" ").trim().to_owned()
    }
}

/// Who owns a new client.
#[derive(Debug, Clone)]
pub enum Owner {
    /// A new user with the client's name and e-mail address; with a password if one was chosen.
    New {
        password: Option<passwords::Hash>,
    },
    Existing(i64),
    /// The user who logs in with this address.
    ByEmail(String),
}

impl Default for Owner {
    fn default() -> Owner {
        Owner::New { password: None }
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<User> {
    store::find(conn, id).await?.ok_or(Error::NotFound("User"))
}

pub async fn by_email(conn: &mut Conn, email: &str) -> Result<Option<User>> {
    store::by_email(conn, &email.trim().to_lowercase()).await
}

/// Whether this owner can be had, before anything is written.
pub(crate) async fn check_owner(
    conn: &mut Conn,
    owner: &Owner,
    client: &Client,
    errors: &mut FieldErrors,
) -> Result<Option<User>> {
    let (field, found) = match owner {
        Owner::New { .. } => {
            if client.email.is_empty() {
                if errors.of("email").is_none() {
                    errors.add("email", "Enter an e-mail address: the owner logs in with it.");
                }
            } else if let Some(user) = by_email(conn, &client.email).await? {
                let name = user.name();
                errors.add(
                    "email",
                    format!("{name} logs in with this address already. Make {name} the owner, or use another address."),
                );
            }
            return Ok(None);
        }
        Owner::Existing(id) => ("owner_user_id", store::find(conn, *id).await?),
        Owner::ByEmail(email) => ("owner_email", by_email(conn, email).await?),
    };
    if found.is_none() {
        errors.add(field, "There is no such user. Look among the users, or make a new one.");
    }
    Ok(found)
}

/// Gives a new client its owner: the user that `check_owner` found, or a new one.
pub(crate) async fn own(
    tx: &mut Tx,
    by: &Actor,
    client: &Client,
    found: Option<User>,
    owner: Owner,
    now: Timestamp,
) -> Result<User> {
    let user = match found {
        Some(user) => user,
        None => {
            let password = match owner {
                Owner::New { password } => password,
                Owner::Existing(_) | Owner::ByEmail(_) => None,
            };
            let made = store::insert(tx, client, password.as_ref().map(passwords::Hash::as_str), now).await?;
            let Some(user) = made else {
                return Err(Error::invalid("email", "A user with this e-mail address has just been made. Try again."));
            };
            let made = Activity::new(format!("User {} created", user.email)).about(format!("user:{}", user.id));
            activity_log::record(tx, by, made.client(client.id), now).await?;
            user
        }
    };
    store::link(tx, client.id, user.id, store::Part::Owner, "").await?;
    Ok(user)
}

/// A user without a client.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub language: String,
    pub password: Option<passwords::Hash>,
}

/// Makes a user who acts for nobody yet.
pub async fn create(tx: &mut Tx, by: &Actor, new: NewUser, now: Timestamp) -> Result<User> {
    let mut errors = FieldErrors::default();
    let mut name = |field: &str, text: &str| {
        let name = errors.take(field, single_line(text, profile::NAME))?;
        if name.is_empty() {
            errors.add(field, "Enter a name.");
        }
        Some(name)
    };
    let (first, last) = (name("first_name", &new.first_name), name("last_name", &new.last_name));
    let email = errors.take("email", Email::parse(&new.email));
    let language = errors.take("language", profile::language(&new.language));
    if let Some(email) = &email
        && by_email(tx, email.as_str()).await?.is_some()
    {
        errors.add("email", TAKEN);
    }
    errors.check()?;
    let texts = [first, last, email.map(|email| email.to_string()), language].map(Option::unwrap_or_default);
    let hash = new.password.as_ref().map(passwords::Hash::as_str);
    let made = store::insert_named(tx, texts.each_ref().map(String::as_str), hash, now).await?;
    let Some(user) = made else { return Err(Error::invalid("email", TAKEN)) };
    let activity = Activity::new(format!("User {} created", user.email)).about(format!("user:{}", user.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(user)
}

/// What is said of an address that is another user's.
pub(crate) const TAKEN: &str = "Somebody logs in with this address already.";

/// What staff write of a user. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct UserEdit {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Whoever has it logs in with it: no two users share one.
    pub email: Option<String>,
    pub language: Option<String>,
}

/// Changes a user. The clients that it acts for keep the names and addresses that stand on their invoices.
pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: UserEdit, now: Timestamp) -> Result<User> {
    let old = find(tx, id).await?;
    let mut errors = FieldErrors::default();
    let mut user = old.clone();
    let mut write = |field: &mut String, name: &str, text: Option<String>, rule: fn(&str) -> Result<String, String>| {
        if let Some(value) = text.and_then(|text| errors.take(name, rule(&text))) {
            *field = value;
        }
    };
    write(&mut user.first_name, "first_name", edit.first_name, |text| single_line(text, profile::NAME));
    write(&mut user.last_name, "last_name", edit.last_name, |text| single_line(text, profile::NAME));
    write(&mut user.email, "email", edit.email, |text| Email::parse(text).map(|email| email.to_string()));
    write(&mut user.language, "language", edit.language, profile::language);
    if let Some(other) = by_email(tx, &user.email).await?.filter(|other| other.id != id) {
        errors.add("email", format!("User {} ({}) logs in with this address already.", other.id, other.name()));
    }
    errors.check()?;
    if user == old {
        return Ok(old);
    }
    store::update(tx, &user).await?;
    if user.email.to_lowercase() != old.email.to_lowercase() {
        // What was mailed to the old address is worth nothing, whoever reads it there.
        links::void(tx, id, links::Purpose::Password, now).await?;
        links::void(tx, id, links::Purpose::Email, now).await?;
    }
    let changed = activity_log::changes([
        ("First name", old.first_name, user.first_name.clone()),
        ("Last name", old.last_name, user.last_name.clone()),
        ("E-mail", old.email, user.email.clone()),
        ("Language", old.language, user.language.clone()),
    ]);
    let activity = Activity::new(format!("User {} changed", user.email)).about(format!("user:{id}")).changed(changed);
    activity_log::record(tx, by, activity, now).await?;
    Ok(user)
}

/// Lets a user act for a further client, with these permissions. Doing it twice changes nothing.
pub async fn attach(
    tx: &mut Tx,
    by: &Actor,
    client_id: i64,
    email: &str,
    permissions: &[AccountPermission],
    now: Timestamp,
) -> Result<User> {
    let Some(user) = by_email(tx, email).await? else {
        return Err(Error::invalid("email", "There is no user with this e-mail address."));
    };
    if account_access::part(tx, client_id, user.id).await?.is_none() {
        account_access::require_room(tx, client_id).await?;
        admit(tx, client_id, user.id, &account_access::stored(permissions)).await?;
        let activity = Activity::new(format!("User {} may act for the client", user.email))
            .about(format!("user:{}", user.id))
            .client(client_id);
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(user)
}

/// Lets a user act for a client with permissions as they are stored; whoever does already keeps the own ones.
pub(crate) async fn admit(tx: &mut Tx, client_id: i64, user_id: i64, permissions: &str) -> Result<()> {
    store::link(tx, client_id, user_id, store::Part::Member, permissions).await?;
    Ok(())
}

/// Takes a user off a client. The owner stays.
pub async fn detach(tx: &mut Tx, by: &Actor, client_id: i64, user_id: i64, now: Timestamp) -> Result<()> {
    let users = of_client(tx, client_id).await?;
    let Some(user) = users.into_iter().find(|user| user.id == user_id) else {
        return Err(Error::NotFound("User of this client"));
    };
    if user.is_owner {
        return Err(Error::refused(format!("{} owns this client and stays with it.", user.name())));
    }
    store::unlink(tx, client_id, user_id).await?;
    let activity = Activity::new(format!("User {} may no longer act for the client", user.email))
        .about(format!("user:{user_id}"))
        .client(client_id);
    activity_log::record(tx, by, activity, now).await
}

/// The hash of the password of the user who logs in with an address; `None` for nobody, and for a user without one.
pub(crate) async fn password_of(conn: &mut Conn, email: &str) -> Result<Option<(User, Option<String>)>> {
    let Some(user) = by_email(conn, email).await? else { return Ok(None) };
    let hash = store::password(conn, user.id).await?;
    Ok(Some((user, hash)))
}

/// Gives a user a new password. Links to choose one, and to move to another address, are void: whoever asked for them may
/// have known the old password. The user is told by mail, because whoever did not do this
/// must hear of it.
pub async fn set_password(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    user: &User,
    hash: &passwords::Hash,
    now: Timestamp,
) -> Result<()> {
    store::set_password(tx, user.id, hash.as_str()).await?;
    links::void(tx, user.id, links::Purpose::Password, now).await?;
    links::void_moves(tx, user.id, &user.email, now).await?;
    two_factor::end_half_logins(tx, Person::User(user.id)).await?;
    let activity = Activity::new(format!("Password of user {} changed", user.email));
    activity_log::record(tx, by, activity.about(format!("user:{}", user.id)), now).await?;
    mail::password_changed(tx, app, user, now).await
}

/// Lets a user log in with another address, which was proved by a link mailed to it. The old one is told of it.
pub(crate) async fn move_to(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    old: &User,
    email: &str,
    now: Timestamp,
) -> Result<User> {
    let edit = UserEdit { email: Some(email.to_owned()), ..UserEdit::default() };
    if by_email(tx, email).await?.is_some_and(|other| other.id != old.id) {
        return Err(Error::refused("Somebody else logs in with this address by now."));
    }
    update(tx, by, old.id, edit, now).await?;
    store::verify(tx, old.id, now).await?;
    mail::email_changed(tx, app, old, email, now).await?;
    find(tx, old.id).await
}

/// Notes that mail to the user's address arrives. Doing it again changes nothing.
pub(crate) async fn verify(tx: &mut Tx, by: &Actor, user: &User, now: Timestamp) -> Result<()> {
    if user.email_verified_at.is_some() {
        return Ok(());
    }
    store::verify(tx, user.id, now).await?;
    let activity = Activity::new(format!("Address of user {} proved by a mailed link", user.email));
    activity_log::record(tx, by, activity.about(format!("user:{}", user.id)), now).await
}
