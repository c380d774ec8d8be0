//! Administrators in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{self, Order, Page};
use platform::web::{Fail, Form};

use super::{AdminEdit, COLUMNS, CONFIGURE, Filter, Joined, Listed, SORTS, query};
use crate::admins::{self, Admin, manage};
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::{company, roles};

const PAGE: &str = "/admin/administrators";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/admins/manage/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/administrators/new", CONFIGURE, new_page)
        .get("/admin/administrators/{id}", CONFIGURE, edit_page)
        .post("/admin/administrators/{id}", CONFIGURE, update)
        .post("/admin/administrators/{id}/invite", CONFIGURE, invite_again)
        .post("/admin/administrators/{id}/disable", CONFIGURE, disable)
        .post("/admin/administrators/{id}/enable", CONFIGURE, enable)
        .post("/admin/administrators/{id}/reset", CONFIGURE, reset)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Ascending)?;
    let filter = Filter {
        text: request.filter("q").to_owned(),
        role_id: request.filter("role").parse().ok(),
        disabled: match request.filter("state") {
            "enabled" => Some(false),
            "disabled" => Some(true),
            _ => None,
        },
        email: String::new(),
    };
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let query = query(&filter);
    if request.csv {
        drop(conn);
        let head = ["Id", "User name", "First name", "Last name", "E-mail", "Role", "State", "Last log-in"];
        let cells = move |admin: &Listed| csv_row(admin, &zone);
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, ("administrators", &head[..]), cells).await?);
    }
    let page: Page<Listed> = query.page(&mut conn, &request, COLUMNS).await?;
    let roles = role_choices(&mut conn).await?;
    drop(conn);
    let filtered = ["q", "role", "state"].iter().any(|name| !request.filter(name).is_empty());
    cx.page(
        "accounts/admins/manage/list.html",
        SECTION,
        "Administrators",
        context! {
            list => request.view(&page),
            filter => context! { q => request.filter("q"), role => request.filter("role"), state => request.filter("state") },
            clear => if filtered { PAGE } else { "" },
            roles,
            states => [("enabled", "Enabled"), ("disabled", "Disabled")].map(|(value, label)| context! { value, label }).to_vec(),
            rows => page.rows.iter().map(|admin| row(admin, &zone)).collect::<Vec<_>>(),
        },
    )
}

async fn role_choices(conn: &mut Conn) -> Result<Vec<Value>> {
    let all = roles::all(conn).await?;
    Ok(all.iter().map(|role| context! { value => role.id, label => &role.name }).collect())
}

fn state(admin: &Listed) -> &'static str {
    match (admin.disabled, admin.invited) {
        (true, _) => "Disabled",
        (false, true) => "No password yet",
        (false, false) => "Enabled",
    }
}

fn row(admin: &Listed, zone: &TimeZone) -> Value {
    context! {
        href => format!("{PAGE}/{}", admin.id),
        username => &admin.username,
        name => [admin.first_name.as_str(), admin.last_name.as_str()].join(" ").trim(),
        email => &admin.email,
        role => &admin.role,
        state => state(admin),
        tone => if admin.disabled { "mute" } else if admin.invited { "info" } else { "ok" },
        last => admin.last_login_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
        last_at => admin.last_login_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

fn csv_row(admin: &Listed, zone: &TimeZone) -> Vec<String> {
    vec![
        admin.id.to_string(),
        admin.username.clone(),
        admin.first_name.clone(),
        admin.last_name.clone(),
        admin.email.clone(),
        admin.role.clone(),
        state(admin).to_owned(),
        admin.last_login_at.map(|at| company::clock(at, zone)).unwrap_or_default(),
    ]
}

fn written(form: &Form) -> AdminEdit {
    let text = |name: &str| Some(form.text(name).to_owned());
    AdminEdit {
        username: text("username"),
        email: text("email"),
        first_name: text("first_name"),
        last_name: text("last_name"),
        // Nothing chosen is a role that there is none of.
        role_id: Some(form.text("role").parse().unwrap_or_default()),
        signature: form.has("signature").then(|| form.text("signature").to_owned()),
        notes: form.has("notes").then(|| form.text("notes").to_owned()),
    }
}

fn stored(admin: &Admin) -> AdminEdit {
    AdminEdit {
        username: Some(admin.username.clone()),
        email: Some(admin.email.clone()),
        first_name: Some(admin.first_name.clone()),
        last_name: Some(admin.last_name.clone()),
        role_id: Some(admin.role_id),
        signature: Some(admin.signature.clone()),
        notes: Some(admin.notes.clone()),
    }
}

async fn form_page(
    cx: &AdminCx,
    known: Option<(&Admin, Joined)>,
    shown: &AdminEdit,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let roles = role_choices(&mut cx.app.db.read().await?).await?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let values = context! {
        action => known.map_or_else(|| PAGE.to_owned(), |(admin, _)| format!("{PAGE}/{}", admin.id)),
        cancel => PAGE,
        roles,
        days => admins::INVITATION_DAYS,
        known => known.map(|(admin, joined)| context! {
            username => &admin.username,
            disabled => admin.disabled,
            has_password => joined.has_password,
            own => admin.id == cx.staff.id,
        }),
        v => context! {
            username => text(&shown.username), email => text(&shown.email), first_name => text(&shown.first_name),
            last_name => text(&shown.last_name), role => shown.role_id.filter(|id| *id > 0),
            signature => text(&shown.signature), notes => text(&shown.notes),
        },
    };
    let title = if known.is_some() { "Administrator" } else { "New administrator" };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, &AdminEdit::default(), &FieldErrors::default()).await
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    let done = manage::invite(&mut tx, &cx.app, &cx.actor, new.clone(), cx.now).await;
    match done {
        Ok(admin) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            let said = format!("{} is invited by a mail to {}", admin.username, admin.email);
            Ok(Redirect::to(PAGE).saying(said).into_response())
        }
        Err(Error::Invalid(errors)) => {
            drop(tx);
            form_page(&cx, None, &new, &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let admin = admins::find(&mut conn, id).await?;
    let joined = manage::joined(&mut conn, id).await?;
    drop(conn);
    form_page(&cx, Some((&admin, joined)), &stored(&admin), &FieldErrors::default()).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let edit = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    let old = admins::find(&mut tx, id).await?;
    let joined = manage::joined(&mut tx, id).await?;
    let errors = match manage::update(&mut tx, &cx.actor, id, edit.clone(), cx.now).await {
        Ok(admin) => {
            tx.commit().await?;
            return Ok(Redirect::to(PAGE).saying(format!("{} saved", admin.username)).into_response());
        }
        Err(Error::Invalid(errors)) => errors,
        // Nothing typed is lost when a rule says no.
        Err(Error::Refused(text)) => {
            let mut errors = FieldErrors::default();
            errors.add("role", text);
            errors
        }
        Err(other) => return Err(Fail(other)),
    };
    drop(tx);
    form_page(&cx, Some((&old, joined)), &edit, &errors).await
}

/// Does something with an administrator, and goes back to the form.
async fn deed<F>(cx: &AdminCx, id: i64, work: F) -> Result<Redirect, Fail>
where
    F: AsyncFnOnce(&mut platform::Tx) -> Result<String>,
{
    let back = format!("{PAGE}/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let said = work(&mut tx).await?;
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        Ok(Redirect::to(&back).saying(said))
    };
    or_back(done.await, &back)
}

async fn invite_again(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let work = async |tx: &mut platform::Tx| {
        let admin = manage::invite_again(tx, &cx.app, &cx.actor, id, cx.now).await?;
        Ok(format!("The invitation goes to {} once more", admin.email))
    };
    deed(&cx, id, work).await
}

async fn disable(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let work = async |tx: &mut platform::Tx| {
        let admin = admins::disable(tx, &cx.actor, id, cx.now).await?;
        Ok(format!("{} is disabled and logged out", admin.username))
    };
    deed(&cx, id, work).await
}

async fn enable(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let work = async |tx: &mut platform::Tx| {
        let admin = admins::enable(tx, &cx.actor, id, cx.now).await?;
        Ok(format!("{} may log in again", admin.username))
    };
    deed(&cx, id, work).await
}

async fn reset(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let work = async |tx: &mut platform::Tx| {
        let admin = manage::reset(tx, &cx.app, &cx.actor, id, cx.now).await?;
        Ok(format!("{} is logged out; a link to a new password goes to {}", admin.username, admin.email))
    };
    deed(&cx, id, work).await
}
