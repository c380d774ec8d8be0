//! Client groups in the staff area.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{CONFIGURE, NewGroup, store};
use crate::client_groups;
use crate::doors::admin::{error_list, or_back};
use crate::doors::{AdminCx, Id, Redirect, Routes};

const PAGE: &str = "/admin/client-groups";
const SECTION: &str = "configuration";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/client-groups/new", CONFIGURE, new_page)
        .get("/admin/client-groups/{id}", CONFIGURE, edit_page)
        .post("/admin/client-groups/{id}", CONFIGURE, update)
        .post("/admin/client-groups/{id}/delete", CONFIGURE, delete)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let groups = store::counted(&mut cx.app.db.read().await?).await?;
    let rows: Vec<Value> = groups
        .iter()
        .map(|group| {
            context! {
                group => context! { name => &group.name, colour => &group.colour },
                href => format!("{PAGE}/{}", group.id),
                separate => group.separate_invoices,
                clients => grouped(group.clients),
                members => format!("/admin/clients?group={}&status=all", group.id),
            }
        })
        .collect();
    cx.page("accounts/client_groups/list.html", SECTION, "Client groups", context! { rows })
}

fn written(form: &Form) -> NewGroup {
    NewGroup {
        name: form.text("name").to_owned(),
        colour: form.text("colour").to_owned(),
        separate_invoices: form.ticked("separate_invoices"),
    }
}

fn form_page(cx: &AdminCx, id: Option<i64>, shown: &NewGroup, errors: &FieldErrors) -> Result<Response, Fail> {
    let action = id.map_or_else(|| PAGE.to_owned(), |id| format!("{PAGE}/{id}"));
    let title = if id.is_some() { "Client group" } else { "New client group" };
    let values = context! {
        action, new => id.is_none(), cancel => PAGE,
        v => context! { name => &shown.name, colour => &shown.colour, separate_invoices => shown.separate_invoices },
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, title, errors, values)
    }
}

const FORM: &str = "accounts/client_groups/form.html";

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let blank = NewGroup { colour: "#3366cc".to_owned(), ..NewGroup::default() };
    form_page(&cx, None, &blank, &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    match client_groups::create(&mut tx, &cx.actor, new.clone(), cx.now).await {
        Ok(group) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("Group “{}” added", group.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, None, &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let group = client_groups::find(&mut cx.app.db.read().await?, id).await?;
    let shown = NewGroup { name: group.name, colour: group.colour, separate_invoices: group.separate_invoices };
    form_page(&cx, Some(id), &shown, &FieldErrors::default())
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let new = written(&cx.form);
    let mut tx = cx.app.db.write().await?;
    match client_groups::update(&mut tx, &cx.actor, id, new.clone(), cx.now).await {
        Ok(group) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("Group “{}” saved", group.name)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, Some(id), &new, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        client_groups::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Group deleted"))
    };
    or_back(done.await, PAGE)
}
