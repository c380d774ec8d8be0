//! Roles in the staff area.

use std::collections::BTreeSet;

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{CONFIGURE, FULL_ADMINISTRATOR, NewRole, Offered, Role, names};
use crate::activity_log::Actor;
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};
use crate::roles;

const PAGE: &str = "/admin/roles";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/roles/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/roles/new", CONFIGURE, new_page)
        .get("/admin/roles/{id}", CONFIGURE, edit_page)
        .post("/admin/roles/{id}", CONFIGURE, update)
        .post("/admin/roles/{id}/delete", CONFIGURE, delete)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let all = roles::all(&mut cx.app.db.read().await?).await?;
    let rows: Vec<Value> = all
        .iter()
        .map(|role| {
            context! {
                name => &role.name,
                href => format!("{PAGE}/{}", role.id),
                copy => format!("{PAGE}/new?copy={}", role.id),
                built_in => role.built_in,
                everything => role.name == FULL_ADMINISTRATOR,
                permissions => grouped(role.permissions),
                members => grouped(role.members),
                members_href => format!("/admin/administrators?role={}", role.id),
            }
        })
        .collect();
    cx.page("accounts/roles/list.html", SECTION, "Administrator roles", context! { rows })
}

fn written(form: &Form) -> NewRole {
    NewRole {
        name: form.text("name").to_owned(),
        permissions: form.all("permissions").filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    }
}

/// The permissions that can be ticked, by area. What the actor may not do is shown and cannot be given.
fn areas(offered: &Offered, ticked: &BTreeSet<String>, by: &Actor, fixed: bool) -> Vec<Value> {
    names::areas()
        .filter_map(|area| {
            let permissions: Vec<Value> = offered
                .0
                .iter()
                .filter(|permission| names::area(permission.0) == area)
                .map(|permission| {
                    let on = ticked.contains(permission.0);
                    context! { name => permission.0, on, fixed => fixed || (!on && !by.has(permission.0)) }
                })
                .collect();
            (!permissions.is_empty()).then(|| context! { name => area, permissions })
        })
        .collect()
}

fn form_page(cx: &AdminCx, role: Option<&Role>, shown: &NewRole, errors: &FieldErrors) -> Result<Response, Fail> {
    let offered = cx.app.get::<Offered>()?;
    let full = role.is_some_and(|role| role.name == FULL_ADMINISTRATOR);
    let title = if role.is_some() { "Role" } else { "New role" };
    let values = context! {
        action => role.map_or_else(|| PAGE.to_owned(), |role| format!("{PAGE}/{}", role.id)),
        new => role.is_none(),
        built_in => role.is_some_and(|role| role.built_in),
        full,
        cancel => PAGE,
        name => &shown.name,
        areas => areas(&offered, &shown.permissions, &cx.actor, full),
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

/// `?copy=3` begins with what role 3 may do, as far as it can be given.
async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let query = cx.params()?;
    let mut blank = NewRole::default();
    if let Ok(id) = query.text("copy").parse() {
        let mut conn = cx.app.db.read().await?;
        let role = roles::find(&mut conn, id).await?;
        let offered = cx.app.get::<Offered>()?;
        let has = roles::permissions(&mut conn, id).await?;
        blank.name = format!("{} (copy)", role.name).chars().take(60).collect();
        blank.permissions = has.into_iter().filter(|name| offered.has(name) && cx.actor.has(name)).collect();
    }
    form_page(&cx, None, &blank, &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let offered = cx.app.get::<Offered>()?;
    let mut tx = cx.app.db.write().await?;
    match roles::create(&mut tx, &cx.actor, &offered, new.clone(), cx.now).await {
        Ok(role) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("Role “{}” added", role.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, None, &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let role = roles::find(&mut conn, id).await?;
    let permissions = roles::permissions(&mut conn, id).await?;
    drop(conn);
    let shown = NewRole { name: role.name.clone(), permissions };
    form_page(&cx, Some(&role), &shown, &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let offered = cx.app.get::<Offered>()?;
    let mut tx = cx.app.db.write().await?;
    let old = roles::find(&mut tx, id).await?;
    match roles::update(&mut tx, &cx.actor, &offered, id, new.clone(), cx.now).await {
        Ok(role) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("Role “{}” saved", role.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, Some(&old), &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        roles::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Role deleted"))
    };
    or_back(done.await, PAGE)
}
