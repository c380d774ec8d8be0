//! `AddUser`, `GetUsers`, `UpdateUser`.
//!
//! What surprises: an answer names the first thing that is wrong in the words that the reference documents for it, because
//! callers compare them.

use kernel::{Email, Error, Result};
use platform::compat::Answer;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{Order, Sort};
use serde_json::{Value, json};

use super::{COLUMNS, Listed, NewUser, UserEdit, store};
use crate::clients::{EDIT, LIST};
use crate::doors::compat::part;
use crate::doors::{Action, CompatCx, Routes};
use crate::passwords::{self, Kinds, Owner};
use crate::{company, users};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddUser", EDIT, add_user))
        .action(Action::new("GetUsers", LIST, get_users))
        .action(Action::new("UpdateUser", EDIT, update_user))
}

const EMAIL_WRONG: &str = "The email address entered is not valid";
const EMAIL_TAKEN: &str = "A user already exists with that email address";

/// What must be there, in the order in which it is asked for.
const NEEDED: [(&str, &str); 4] = [
    ("firstname", "You did not enter a first name"),
    ("lastname", "You did not enter a last name"),
    ("email", "You did not enter an email address"),
    ("password2", "You did not enter a password"),
];

async fn add_user(cx: CompatCx) -> Result<Answer> {
    let ([first_name, last_name, email, password], language) = cx.request.read(|params| {
        let needed = NEEDED.map(|(name, _)| match name {
            // Spaces are part of a password.
            "password2" => params.text(name).unwrap_or_default().to_owned(),
            _ => params.filled(name).unwrap_or_default().to_owned(),
        });
        Ok((needed, params.text("language").unwrap_or_default().to_owned()))
    })?;
    let given = [&first_name, &last_name, &email, &password];
    if let Some((_, (_, sentence))) = given.iter().zip(NEEDED).find(|(text, _)| text.is_empty()) {
        return Ok(Answer::error(sentence));
    }
    if Email::parse(&email).is_err() {
        return Ok(Answer::error(EMAIL_WRONG));
    }
    if users::by_email(&mut cx.app.db.read().await?, &email).await?.is_some() {
        return Ok(Answer::error(EMAIL_TAKEN));
    }
    let known = [first_name.as_str(), &last_name, &email];
    let owner = Owner { kind: Kinds::User, known: &known };
    let password = Some(passwords::choose(&cx.app, owner, &password, "password2").await?);
    let mut tx = cx.app.db.write().await?;
    let new = NewUser { first_name, last_name, email, language, password };
    let user = match users::create(&mut tx, &cx.actor, new, cx.now).await {
        Ok(user) => user,
        Err(error) => return documented(error),
    };
    tx.commit().await?;
    Ok(Answer::success().with("user_id", user.id.to_string()))
}

/// The documented sentence for what is wrong with an address; other fields by their documented names.
fn documented(error: Error) -> Result<Answer> {
    let Error::Invalid(errors) = error else { return Err(error) };
    match errors.iter().next() {
        Some(("email", message)) if message.contains("logs in with") => Ok(Answer::error(EMAIL_TAKEN)),
        Some(("email", _)) => Ok(Answer::error(EMAIL_WRONG)),
        Some((field, message)) => Err(Error::invalid(field.replace('_', ""), message)),
        None => Err(Error::Invalid(errors.clone())),
    }
}

async fn update_user(cx: CompatCx) -> Result<Answer> {
    let (id, edit) = cx.request.read(|params| {
        let mut text = |name: &str| params.text(name).map(str::to_owned);
        let edit = UserEdit {
            first_name: text("firstname"),
            last_name: text("lastname"),
            email: text("email"),
            language: text("language"),
        };
        Ok((params.int("user_id"), edit))
    })?;
    let mut tx = cx.app.db.write().await?;
    match users::find(&mut tx, id.unwrap_or_default()).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Invalid User ID requested")),
        found => found?,
    };
    if [&edit.first_name, &edit.last_name, &edit.email, &edit.language].iter().all(|text| text.is_none()) {
        return Ok(Answer::error("One of `email`, `firstname`, `lastname`, or `language` is required"));
    }
    let user = match users::update(&mut tx, &cx.actor, id.unwrap_or_default(), edit, cx.now).await {
        Ok(user) => user,
        Err(error) => return documented(error),
    };
    tx.commit().await?;
    Ok(Answer::success().with("user_id", user.id.to_string()))
}

/// In the order in which they were made, from the first or, with `sorting=DESC`, from the last.
async fn get_users(cx: CompatCx) -> Result<Answer> {
    let (part, order, search) = cx.request.read(|params| {
        let part = part(params)?;
        let order = match params.filled("sorting").unwrap_or("ASC").to_ascii_uppercase().as_str() {
            "ASC" => Order::Ascending,
            "DESC" => Order::Descending,
            _ => return Err(params.refuse("sorting", "Send ASC or DESC.")),
        };
        Ok((part, order, params.filled("search").unwrap_or_default().to_owned()))
    })?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let query = users::query(&mut conn, &search).await?;
    let by_id = Sort::by("id", &[]);
    let rows: Vec<Listed> = query.part(&mut conn, COLUMNS, (&by_id, order), part.start, part.limit).await?;
    let total = query.count_all(&mut conn).await?;
    let ids: Vec<i64> = rows.iter().map(|user| user.id).collect();
    let parts = store::parts(&mut conn, &ids).await?;
    let shown: Vec<Value> = rows.iter().map(|user| listed(user, &parts, &zone)).collect();
    Ok(Answer::success()
        .with("totalresults", total)
        .with("startnumber", part.start)
        .with("numreturned", shown.len())
        .with("users", shown))
}

fn listed(user: &Listed, parts: &[(i64, i64, bool)], zone: &TimeZone) -> Value {
    let clients = parts.iter().filter(|(user_id, ..)| *user_id == user.id);
    json!({
        "id": user.id,
        "firstname": user.first_name,
        "lastname": user.last_name,
        "email": user.email,
        "datecreated": company::clock(user.created_at, zone),
        "validationdata": "",
        "clients": clients.map(|(_, id, is_owner)| json!({ "id": id, "isOwner": is_owner })).collect::<Vec<_>>(),
    })
}
