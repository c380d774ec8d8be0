//! API roles in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{ApiRole, Deeds, NewRole};
use crate::api_credentials::MANAGE;
use crate::api_roles;
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};

pub const PAGE: &str = "/admin/api-roles";
const SECTION: &str = "configuration";
const FORM: &str = "accounts/api_roles/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, MANAGE, index)
        .post(PAGE, MANAGE, create)
        .get("/admin/api-roles/new", MANAGE, new_page)
        .get("/admin/api-roles/{id}", MANAGE, edit_page)
        .post("/admin/api-roles/{id}", MANAGE, update)
        .post("/admin/api-roles/{id}/delete", MANAGE, delete)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let roles = api_roles::all(&mut cx.app.db.read().await?).await?;
    let rows: Vec<Value> = roles.iter().map(row).collect();
    cx.page("accounts/api_roles/list.html", SECTION, "API roles", context! { rows })
}

fn row(role: &ApiRole) -> Value {
    context! {
        href => format!("{PAGE}/{}", role.id),
        name => &role.name,
        allows => role.allows,
        credentials => role.credentials,
    }
}

/// What can be ticked, by area.
fn areas(deeds: &Deeds) -> Vec<Value> {
    let option = |deed: &super::Deed| context! { value => &deed.key, label => &deed.label };
    let area = |(at, (name, deeds)): (usize, &(String, Vec<super::Deed>))| {
        context! { name, at, options => deeds.iter().map(option).collect::<Vec<_>>() }
    };
    deeds.0.iter().enumerate().map(area).collect()
}

fn form_page(cx: &AdminCx, role: Option<&ApiRole>, new: &NewRole, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! {
        action => role.map_or_else(|| PAGE.to_owned(), |role| format!("{PAGE}/{}", role.id)),
        cancel => PAGE,
        role => role.map(|role| context! { name => &role.name, credentials => role.credentials }),
        name => &new.name,
        allowed => &new.allowed,
        areas => areas(&*cx.app.get::<Deeds>()?),
    };
    let title = if role.is_some() { "API role" } else { "New API role" };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

fn written(form: &Form) -> NewRole {
    let allowed = form.all("allowed").map(str::to_owned).collect();
    NewRole { name: form.text("name").to_owned(), allowed }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, &NewRole::default(), &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    match api_roles::create(&mut tx, &cx.actor, new.clone(), &*cx.app.get::<Deeds>()?, cx.now).await {
        Ok(role) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("API role “{}” added", role.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, None, &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let role = api_roles::find(&mut conn, id).await?;
    let stored = NewRole { name: role.name.clone(), allowed: api_roles::allowed(&mut conn, id).await? };
    drop(conn);
    form_page(&cx, Some(&role), &stored, &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    let role = api_roles::find(&mut tx, id).await?;
    match api_roles::update(&mut tx, &cx.actor, id, new.clone(), &*cx.app.get::<Deeds>()?, cx.now).await {
        Ok(role) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("API role “{}” saved", role.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, Some(&role), &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let deleted = async {
        let mut tx = cx.app.db.write().await?;
        api_roles::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("API role deleted"))
    };
    or_back(deleted.await, &back)
}
