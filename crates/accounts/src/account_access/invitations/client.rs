//! The page that an invitation opens.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{Invitation, Names, PATH};
use crate::account_access::invitations;
use crate::clients::Client;
use crate::doors::admin::{error_list, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::user::of_headers;
use crate::doors::{PublicCx, Redirect, Routes, UserCx, Word};
use crate::logins::client::after_password;
use crate::passwords::{self, Kinds, Owner};
use crate::two_factor::half::Wish;
use crate::user_sessions::{self, LoggedIn};
use crate::{banned_emails, users};

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/invitation/{token}", page)
        .public_post("/invitation/{token}", accept_as_new)
        .user_post("/account/invitation/{token}", accept)
}

async fn page(cx: PublicCx, Word(token): Word) -> Result<Response, Fail> {
    let (invitation, client) = invitations::opened(&mut cx.app.db.read().await?, &token, cx.now).await?;
    show(&cx, &token, &invitation, &client, &Form::from_pairs(Vec::new()), &FieldErrors::default()).await
}

async fn show(
    cx: &PublicCx,
    token: &str,
    invitation: &Invitation,
    client: &Client,
    typed: &Form,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let known = users::by_email(&mut cx.app.db.read().await?, &invitation.email).await?.is_some();
    let logged_in = of_headers(&cx.app, &cx.headers, cx.tls, &cx.ip, cx.now).await?;
    let user = |logged_in: &LoggedIn| {
        context! { email => &logged_in.user.email, csrf => &logged_in.session.csrf }
    };
    let page = cx.app.templates.page(
        "accounts/account_access/invitations/show.html",
        context! {
            page => plain_frame(&cx.app, "Invitation"),
            account => client.display_name(),
            by => &invitation.invited_by,
            email => &invitation.email,
            labels => invitation.keys().iter().map(|key| key.label()).collect::<Vec<_>>(),
            user => logged_in.as_ref().map(user),
            known, token,
            action => format!("{PATH}{token}"),
            v => Value::from_pairs(["first_name", "last_name"].map(|name| (name, typed.raw(name).unwrap_or_default().to_owned()))),
            errors => error_list(errors),
            minimum => passwords::MIN_USER,
        },
    )?;
    Ok(page)
}

/// Whoever logs in already.
async fn accept(cx: UserCx, Word(token): Word) -> Result<Response, Fail> {
    if cx.session.admin_id.is_some() {
        return Err(Fail(Error::refused("Only the user can accept an invitation.")));
    }
    let mut tx = cx.app.db.write().await?;
    let invitation = invitations::accept(&mut tx, &cx.actor, &token, &cx.user, cx.now).await?;
    let turned = user_sessions::switch(&mut tx, &cx.logged_in, invitation.client_id, &cx.app.random, cx.now).await?;
    tx.commit().await?;
    Ok(cx.renewed(Redirect::to("/account").saying("You act for this account from now on."), &turned))
}

/// Whoever is new here.
async fn accept_as_new(
    cx: PublicCx,
    Extension(limits): Extension<Arc<Limits>>,
    Word(token): Word,
) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let (invitation, client) = invitations::opened(&mut cx.app.db.read().await?, &token, cx.now).await?;
    match open(&cx, &token, &invitation, &form).await {
        Ok(response) => Ok(response),
        Err(Error::Invalid(errors)) => {
            let page = show(&cx, &token, &invitation, &client, &form, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn open(cx: &PublicCx, token: &str, invitation: &Invitation, form: &Form) -> Result<Response> {
    banned_emails::check(&cx.app, &invitation.email, cx.now).await?;
    let names = Names { first: form.text("first_name"), last: form.text("last_name") };
    let password = form.raw("password").unwrap_or_default();
    let known = [names.first, names.last, &invitation.email];
    let mut errors = FieldErrors::default();
    if let Some(why) = passwords::check(&cx.app, Owner { kind: Kinds::User, known: &known }, password).await? {
        errors.add("password", why);
    }
    if form.raw("again").unwrap_or_default() != password {
        errors.add("again", "The two passwords differ.");
    }
    for (field, name) in [("first_name", names.first), ("last_name", names.last)] {
        if name.is_empty() {
            errors.add(field, "Enter your name.");
        }
    }
    errors.check()?;
    let hash = passwords::hash(password).await?;
    let mut tx = cx.app.db.write().await?;
    let user = invitations::accept_as_new(&mut tx, token, names, hash, &cx.ip, cx.now).await?;
    let entered = after_password(cx, tx, user.id, Wish { next: "/account", remember: false }).await?;
    cx.app.wake.notify_waiters();
    Ok(entered)
}
