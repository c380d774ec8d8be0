//! Product addons in the staff area.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{Addon, AddonEdit, CONFIGURE};
use crate::prices::{self, Owner, PayType, PriceList};
use crate::view::{self, fields, number, option};
use crate::{addons, products};

const PAGE: &str = "/admin/setup/addons";
const SECTION: &str = "configuration";
const FORM: &str = "hosting/addons/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/setup/addons/new", CONFIGURE, new_page)
        .get("/admin/setup/addons/{id}", CONFIGURE, edit_page)
        .post("/admin/setup/addons/{id}", CONFIGURE, update)
        .post("/admin/setup/addons/{id}/delete", CONFIGURE, delete)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let addons = addons::all(&mut conn).await?;
    let counts = addons::counts(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = addons
        .iter()
        .map(|addon| {
            let (products, services) = counts.get(&addon.id).copied().unwrap_or_default();
            context! {
                href => format!("{PAGE}/{}", addon.id), name => &addon.name, hidden => addon.hidden,
                payment => match addon.pay_type {
                    PayType::Free => "Free",
                    PayType::OneTime => "One time",
                    PayType::Recurring => "Recurring",
                },
                products => grouped(products), services => grouped(services),
            }
        })
        .collect();
    cx.page("hosting/addons/list.html", SECTION, "Product addons", context! { rows })
}

fn written(form: &Form, currencies: &[Currency], base: &PriceList) -> Result<AddonEdit> {
    let mut errors = FieldErrors::default();
    let pay_type = errors.take("pay_type", PayType::parse(form.text("pay_type")));
    let edit = AddonEdit {
        name: Some(form.text("name").to_owned()),
        description: Some(form.text("description").to_owned()),
        pay_type,
        taxed: Some(form.ticked("taxed")),
        prorata: Some(form.ticked("prorata")),
        hidden: Some(form.ticked("hidden")),
        position: number(form, "position", &mut errors),
        product_ids: Some(view::ids(form, "product_ids")),
        prices: Some(prices::form::read(form, currencies, pay_type, base, &mut errors)),
    };
    errors.check()?;
    Ok(edit)
}

fn stored(addon: &Addon, product_ids: &[i64]) -> Form {
    let mut pairs = vec![
        ("name".to_owned(), addon.name.clone()),
        ("description".to_owned(), addon.description.clone()),
        ("pay_type".to_owned(), addon.pay_type.to_string()),
        ("taxed".to_owned(), addon.taxed.to_string()),
        ("prorata".to_owned(), addon.prorata.to_string()),
        ("hidden".to_owned(), addon.hidden.to_string()),
        ("position".to_owned(), addon.position.to_string()),
    ];
    pairs.extend(product_ids.iter().map(|id| ("product_ids".to_owned(), id.to_string())));
    Form::from_pairs(pairs)
}

async fn form_page(
    cx: &AdminCx,
    id: Option<i64>,
    typed: Option<&Form>,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let currencies = prices::currencies(&mut conn).await?;
    let products = products::list(&mut conn, &products::Filter::default()).await?;
    let (title, list, base) = match id {
        Some(id) => {
            let addon = addons::find(&mut conn, id).await?;
            let attached = addons::product_ids(&mut conn, id).await?;
            let list = prices::of(&mut conn, Owner::Addon, id).await?;
            (addon.name.clone(), list, stored(&addon, &attached))
        }
        None => {
            let blank = Form::from_pairs(vec![("pay_type".to_owned(), "recurring".to_owned())]);
            ("New addon".to_owned(), PriceList::default(), blank)
        }
    };
    drop(conn);
    let shown = typed.cloned().unwrap_or(base);
    let values = context! {
        v => fields(&["name", "description", "pay_type", "position"], &shown),
        on => Value::from_pairs(["taxed", "prorata", "hidden"].map(|name| (name, shown.ticked(name)))),
        chosen => shown.all("product_ids").map(str::to_owned).collect::<Vec<_>>(),
        products => products.iter().map(|product| option(product.id, &product.name)).collect::<Vec<_>>(),
        prices => prices::form::view(&list, &currencies, typed),
        new => id.is_none(),
        action => id.map_or_else(|| PAGE.to_owned(), |id| format!("{PAGE}/{id}")),
        cancel => PAGE,
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, &title, errors, values)
    }
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, None, &FieldErrors::default()).await
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, Some(id), None, &FieldErrors::default()).await
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = prices::currencies(&mut tx).await?;
        let edit = written(&cx.form, &currencies, &PriceList::default())?;
        let addon = addons::create(&mut tx, &cx.actor, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("Addon “{}” added", addon.name)))
    };
    answer(&cx, None, done.await).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = prices::currencies(&mut tx).await?;
        let before = prices::of(&mut tx, Owner::Addon, id).await?;
        let edit = written(&cx.form, &currencies, &before)?;
        let addon = addons::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("Addon “{}” saved", addon.name)))
    };
    answer(&cx, Some(id), done.await).await
}

async fn answer(cx: &AdminCx, id: Option<i64>, done: Result<Redirect>) -> Result<Response, Fail> {
    match done {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => form_page(cx, id, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        addons::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Addon deleted"))
    };
    or_back(done.await, &format!("{PAGE}/{id}"))
}
