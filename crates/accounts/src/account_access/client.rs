//! Where the owner of an account says who acts for it.

use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::lists::escape;
use platform::web::{Fail, Form};

use super::admin::{invitation_row, member_row, options, ticked, typed, typed_keys};
use super::invitations::Invitation;
use super::{ALL, Member, OWNER, invitations, listed};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{ClientCx, Id, Redirect, Routes};
use crate::{account_access, company};

const PAGE: &str = "/account/users";
const INVITE: &str = "/account/users/invite";

pub fn routes() -> Routes {
    Routes::new()
        .account_get(PAGE, OWNER, index)
        .account_get(INVITE, OWNER, invite_page)
        .account_post(INVITE, OWNER, invite)
        .account_get("/account/users/{user}", OWNER, edit_page)
        .account_post("/account/users/{user}", OWNER, update)
        .account_post("/account/users/{user}/remove", OWNER, remove)
        .account_post("/account/invitations/{invitation}/resend", OWNER, resend)
        .account_post("/account/invitations/{invitation}/cancel", OWNER, cancel)
}

async fn index(cx: ClientCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let members = account_access::members(&mut conn, cx.client_id).await?;
    let open = invitations::of_client(&mut conn, cx.client_id).await?;
    drop(conn);
    let href = |member: &Member| format!("{PAGE}/{}", member.id);
    let values = context! {
        members => members.iter().map(|member| member_row(member, href(member), &zone)).collect::<Vec<_>>(),
        invitations => open.iter().map(|invitation| invitation_row(invitation, cx.now, &zone)).collect::<Vec<_>>(),
    };
    cx.page("accounts/account_access/account_users.html", "Users", values)
}

/// The way to the password, when it was not typed a moment ago, and back to a page with what was typed. Staff, who are
/// recorded by their own name, are not asked.
fn confirm_first(cx: &ClientCx, page: &str, typed: &Form) -> Result<Option<Redirect>> {
    if cx.session.admin_id.is_some() {
        return Ok(None);
    }
    let kept = typed.pairs().filter(|(name, _)| ["email", "permissions"].contains(name));
    let query: Vec<String> = kept.map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let back = if query.is_empty() { page.to_owned() } else { format!("{page}?{}", query.join("&")) };
    cx.confirm_first(&back)
}

async fn invite_page(cx: ClientCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    if let Some(first) = confirm_first(&cx, INVITE, &query)? {
        return Ok(first.into_response());
    }
    let v = if query.has("permissions") {
        typed(&query)
    } else {
        context! { email => query.text("email"), permissions => listed(&ALL) }
    };
    invite_form(&cx, v, &FieldErrors::default())
}

fn invite_form(cx: &ClientCx, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! { v, options => options() };
    let (template, title) = ("accounts/account_access/account_invite.html", "Invite a user");
    if errors.is_empty() {
        cx.page(template, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, title, errors, values)
    }
}

async fn invite(cx: ClientCx) -> Result<Response, Fail> {
    if let Some(first) = confirm_first(&cx, INVITE, &cx.form)? {
        return Ok(first.into_response());
    }
    match send(&cx).await {
        Ok(invitation) => {
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(PAGE).saying(format!("{} is invited.", invitation.email)).into_response())
        }
        Err(Error::Invalid(errors)) => invite_form(&cx, typed(&cx.form), &errors),
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}

async fn send(cx: &ClientCx) -> Result<Invitation> {
    let mut errors = FieldErrors::default();
    let email = errors.take("email", Email::parse(cx.form.text("email")));
    let permissions = ticked(&cx.form, &mut errors);
    errors.check()?;
    let email = email.ok_or_else(|| Error::broken("invitation: unchecked e-mail"))?;
    let mut tx = cx.app.db.write().await?;
    let invitation =
        invitations::invite(&mut tx, &cx.app, &cx.actor, cx.client_id, &email, &permissions, cx.now).await?;
    tx.commit().await?;
    Ok(invitation)
}

async fn edit_page(cx: ClientCx, Id(user): Id) -> Result<Response, Fail> {
    let query = cx.params()?;
    if let Some(first) = confirm_first(&cx, &format!("{PAGE}/{user}"), &query)? {
        return Ok(first.into_response());
    }
    let member = account_access::member(&mut cx.app.db.read().await?, cx.client_id, user).await?;
    let ticked = if query.has("permissions") {
        typed_keys(&query)
    } else {
        listed(&member.keys()).into_iter().collect::<Value>()
    };
    edit_form(&cx, &member, ticked, &FieldErrors::default())
}

fn edit_form(cx: &ClientCx, member: &Member, ticked: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! {
        action => format!("{PAGE}/{}", member.id), cancel => PAGE, ticked, options => options(),
        user => context! { name => member.name(), email => &member.email, is_owner => member.is_owner },
    };
    let (template, title) = ("accounts/account_access/account_user.html", member.name());
    if errors.is_empty() {
        cx.page(template, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, &title, errors, values)
    }
}

async fn update(cx: ClientCx, Id(user): Id) -> Result<Response, Fail> {
    if let Some(first) = confirm_first(&cx, &format!("{PAGE}/{user}"), &cx.form)? {
        return Ok(first.into_response());
    }
    let member = account_access::member(&mut cx.app.db.read().await?, cx.client_id, user).await?;
    let mut errors = FieldErrors::default();
    let permissions = ticked(&cx.form, &mut errors);
    if !errors.is_empty() {
        return edit_form(&cx, &member, typed_keys(&cx.form), &errors);
    }
    let done = async {
        let mut tx = cx.app.db.write().await?;
        account_access::set_permissions(&mut tx, &cx.actor, cx.client_id, user, &permissions, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("Permissions of {} saved", member.name())))
    };
    Ok(or_back(done.await, PAGE)?.into_response())
}

async fn remove(cx: ClientCx, Id(user): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        account_access::remove(&mut tx, &cx.actor, cx.client_id, user, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("The user may no longer act for this account."))
    };
    or_back(done.await, PAGE)
}

async fn resend(cx: ClientCx, Id(invitation): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let sent = invitations::resend(&mut tx, &cx.app, &cx.actor, cx.client_id, invitation, cx.now).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(PAGE).saying(format!("The invitation of {} is mailed again.", sent.email)))
    };
    or_back(done.await, PAGE)
}

async fn cancel(cx: ClientCx, Id(invitation): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        invitations::cancel(&mut tx, &cx.actor, cx.client_id, invitation, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("The invitation is cancelled."))
    };
    or_back(done.await, PAGE)
}
