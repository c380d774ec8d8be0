//! Who acts for a client, in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Email, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::jiff::tz::TimeZone;
use platform::web::{Fail, Form};

use super::invitations::Invitation;
use super::{ALL, Member, invitations, listed, read, shown};
use crate::clients::{self, EDIT, VIEW};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Ids, Redirect, Routes};
use crate::{account_access, company};

const SECTION: &str = "clients";

pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/clients/{id}/users", VIEW, index)
        .post("/admin/clients/{id}/invitations", EDIT, invite)
        .post("/admin/clients/{id}/invitations/{invitation}/resend", EDIT, resend)
        .post("/admin/clients/{id}/invitations/{invitation}/cancel", EDIT, cancel)
        .get("/admin/clients/{id}/users/{user}", EDIT, edit_page)
        .post("/admin/clients/{id}/users/{user}", EDIT, update)
        .post("/admin/clients/{id}/users/{user}/remove", EDIT, remove)
        .post("/admin/clients/{id}/users/{user}/owner", EDIT, transfer)
}

fn page_of(client_id: i64) -> String {
    format!("/admin/clients/{client_id}/users")
}

/// The permissions as a form offers them.
pub(super) fn options() -> Vec<Value> {
    ALL.iter().map(|key| context! { value => key.0, label => key.label() }).collect()
}

/// The permissions that a form has ticked.
pub(super) fn ticked(form: &Form, errors: &mut FieldErrors) -> Vec<super::AccountPermission> {
    let found = errors.take("permissions", read(form.all("permissions"))).unwrap_or_default();
    if found.is_empty() && errors.of("permissions").is_none() {
        errors.add("permissions", "Choose at least one permission.");
    }
    found
}

pub(super) fn member_row(member: &Member, href: String, zone: &TimeZone) -> Value {
    context! {
        id => member.id, href, name => member.name(), email => &member.email, is_owner => member.is_owner,
        may => if member.is_owner { "everything".to_owned() } else { shown(&member.keys()) },
        last => member.last_login_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        last_at => member.last_login_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

pub(super) fn invitation_row(invitation: &Invitation, now: kernel::Timestamp, zone: &TimeZone) -> Value {
    context! {
        id => invitation.id, email => &invitation.email, may => shown(&invitation.keys()), by => &invitation.invited_by,
        sent => company::clock(invitation.sent_at, zone), sent_at => invitation.sent_at.to_string(),
        until => company::clock(invitation.expires_at, zone), until_at => invitation.expires_at.to_string(),
        expired => invitation.has_expired(now),
    }
}

async fn index(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let v = context! { email => "", permissions => listed(&ALL) };
    page(&cx, id, v, &FieldErrors::default()).await
}

async fn page(cx: &AdminCx, id: i64, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let client = clients::find(&mut conn, id).await?;
    let members = account_access::members(&mut conn, id).await?;
    let open = invitations::of_client(&mut conn, id).await?;
    drop(conn);
    let href = |member: &Member| format!("{}/{}", page_of(id), member.id);
    let values = context! {
        id, client => client.display_name(), v, options => options(),
        members => members.iter().map(|member| member_row(member, href(member), &zone)).collect::<Vec<_>>(),
        invitations => open.iter().map(|invitation| invitation_row(invitation, cx.now, &zone)).collect::<Vec<_>>(),
    };
    let (template, title) = ("accounts/account_access/list.html", "Users of the client");
    if errors.is_empty() {
        cx.page(template, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, SECTION, title, errors, values)
    }
}

async fn invite(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    match send(&cx, id).await {
        Ok(invitation) => {
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(page_of(id)).saying(format!("{} is invited.", invitation.email)).into_response())
        }
        Err(Error::Invalid(errors)) => page(&cx, id, typed(&cx.form), &errors).await,
        Err(other) => Ok(or_back(Err(other), &page_of(id))?.into_response()),
    }
}

pub(super) fn typed(form: &Form) -> Value {
    context! { email => form.raw("email").unwrap_or_default().to_owned(), permissions => typed_keys(form) }
}

pub(super) fn typed_keys(form: &Form) -> Value {
    form.all("permissions").map(str::to_owned).collect()
}

async fn send(cx: &AdminCx, id: i64) -> Result<Invitation> {
    let mut errors = FieldErrors::default();
    let email = errors.take("email", Email::parse(cx.form.text("email")));
    let permissions = ticked(&cx.form, &mut errors);
    errors.check()?;
    let email = email.ok_or_else(|| Error::broken("invitation: unchecked e-mail"))?;
    let mut tx = cx.app.db.write().await?;
    let invitation = invitations::invite(&mut tx, &cx.app, &cx.actor, id, &email, &permissions, cx.now).await?;
    tx.commit().await?;
    Ok(invitation)
}

async fn resend(cx: AdminCx, Ids(id, invitation): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let sent = invitations::resend(&mut tx, &cx.app, &cx.actor, id, invitation, cx.now).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(page_of(id)).saying(format!("The invitation of {} is mailed again.", sent.email)))
    };
    or_back(done.await, &page_of(id))
}

async fn cancel(cx: AdminCx, Ids(id, invitation): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        invitations::cancel(&mut tx, &cx.actor, id, invitation, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying("The invitation is cancelled."))
    };
    or_back(done.await, &page_of(id))
}

async fn edit_page(cx: AdminCx, Ids(id, user): Ids) -> Result<Response, Fail> {
    let member = account_access::member(&mut cx.app.db.read().await?, id, user).await?;
    let ticked = listed(&member.keys()).into_iter().collect::<Value>();
    form_page(&cx, id, &member, ticked, &FieldErrors::default()).await
}

async fn form_page(
    cx: &AdminCx,
    id: i64,
    member: &Member,
    ticked: Value,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let client = clients::find(&mut cx.app.db.read().await?, id).await?;
    let values = context! {
        id, client => client.display_name(), action => format!("{}/{}", page_of(id), member.id), cancel => page_of(id),
        user => context! { id => member.id, name => member.name(), email => &member.email, is_owner => member.is_owner },
        ticked, options => options(),
    };
    let (template, title) = ("accounts/account_access/form.html", member.name());
    if errors.is_empty() {
        cx.page(template, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, SECTION, &title, errors, values)
    }
}

async fn update(cx: AdminCx, Ids(id, user): Ids) -> Result<Response, Fail> {
    let member = account_access::member(&mut cx.app.db.read().await?, id, user).await?;
    let mut errors = FieldErrors::default();
    let permissions = ticked(&cx.form, &mut errors);
    if !errors.is_empty() {
        let typed = typed_keys(&cx.form);
        return form_page(&cx, id, &member, typed, &errors).await;
    }
    let done = async {
        let mut tx = cx.app.db.write().await?;
        account_access::set_permissions(&mut tx, &cx.actor, id, user, &permissions, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying(format!("Permissions of {} saved", member.name())))
    };
    Ok(or_back(done.await, &page_of(id))?.into_response())
}

async fn remove(cx: AdminCx, Ids(id, user): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        account_access::remove(&mut tx, &cx.actor, id, user, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying("The user may no longer act for this client"))
    };
    or_back(done.await, &page_of(id))
}

async fn transfer(cx: AdminCx, Ids(id, user): Ids) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let owner = account_access::transfer(&mut tx, &cx.actor, id, user, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(id)).saying(format!("{} owns this client from now on.", owner.name())))
    };
    or_back(done.await, &page_of(id))
}
