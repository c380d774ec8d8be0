//! Product groups in the staff area. Their list is the page of products.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::context;
use platform::web::{Fail, Form};

use super::{GroupEdit, MANAGE, ProductGroup};
use crate::product_groups;
use crate::view::{fields, number};

const LIST: &str = "/admin/setup/products";
const PAGE: &str = "/admin/setup/product-groups";
const TEMPLATE: &str = "hosting/product_groups/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/setup/product-groups/new", MANAGE, new_page)
        .post(PAGE, MANAGE, create)
        .get("/admin/setup/product-groups/{id}", MANAGE, edit_page)
        .post("/admin/setup/product-groups/{id}", MANAGE, update)
        .post("/admin/setup/product-groups/{id}/delete", MANAGE, delete)
}

fn written(form: &Form) -> Result<GroupEdit> {
    let mut errors = FieldErrors::default();
    let text = |name: &str| Some(form.text(name).to_owned());
    let edit = GroupEdit {
        name: text("name"),
        slug: text("slug"),
        tagline: text("tagline"),
        hidden: Some(form.ticked("hidden")),
        position: number(form, "position", &mut errors),
    };
    errors.check()?;
    Ok(edit)
}

fn form_page(cx: &AdminCx, id: Option<i64>, shown: &Form, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! {
        v => fields(&["name", "slug", "tagline", "position"], shown),
        hidden => shown.ticked("hidden"),
        new => id.is_none(),
        action => id.map_or_else(|| PAGE.to_owned(), |id| format!("{PAGE}/{id}")),
        cancel => LIST,
    };
    let title = if id.is_some() { "Product group" } else { "New product group" };
    if errors.is_empty() {
        cx.page(TEMPLATE, "configuration", title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, "configuration", title, errors, values)
    }
}

fn stored(group: &ProductGroup) -> Form {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Form::from_pairs(vec![
        pair("name", group.name.clone()),
        pair("slug", group.slug.clone()),
        pair("tagline", group.tagline.clone()),
        pair("position", group.position.to_string()),
        pair("hidden", group.hidden.to_string()),
    ])
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, &Form::default(), &FieldErrors::default())
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let group = product_groups::find(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, Some(id), &stored(&group), &FieldErrors::default())
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let edit = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let group = product_groups::create(&mut tx, &cx.actor, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(LIST).saying(format!("Group “{}” added", group.name)))
    };
    answer(&cx, None, done.await)
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let edit = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let group = product_groups::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(LIST).saying(format!("Group “{}” saved", group.name)))
    };
    answer(&cx, Some(id), done.await)
}

fn answer(cx: &AdminCx, id: Option<i64>, done: Result<Redirect>) -> Result<Response, Fail> {
    match done {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => form_page(cx, id, &cx.form, &errors),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        product_groups::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(LIST).saying("Group deleted"))
    };
    or_back(done.await, &format!("{PAGE}/{id}"))
}
