//! Products in the staff area: the shelves, the form, retiring.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{AutoSetup, CREATE, DELETE, EDIT, Filter, Product, ProductEdit, ProductKind, QuantityMode, VIEW, store};
use crate::prices::{self, Owner, PayType, PriceList, adverb};
use crate::view::{fields, number, option};
use crate::{addons, config_options, product_groups, products};

const PAGE: &str = "/admin/setup/products";
const SECTION: &str = "configuration";
const FORM: &str = "hosting/products/form.html";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, VIEW, index)
        .post(PAGE, CREATE, create)
        .get("/admin/setup/products/new", CREATE, new_page)
        .get("/admin/setup/products/{id}", EDIT, edit_page)
        .post("/admin/setup/products/{id}", EDIT, update)
        .post("/admin/setup/products/{id}/retire", EDIT, retire)
        .post("/admin/setup/products/{id}/delete", DELETE, delete)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let groups = product_groups::all(&mut conn).await?;
    let products = products::list(&mut conn, &Filter::default()).await?;
    let ids: Vec<i64> = products.iter().map(|product| product.id).collect();
    let lists = prices::of_many(&mut conn, Owner::Product, &ids).await?;
    let running = products::running_services(&mut conn).await?;
    let currencies = prices::currencies(&mut conn).await?;
    drop(conn);
    let base = currencies.first().copied();
    let row = |product: &Product| {
        let list = lists.get(&product.id).cloned().unwrap_or_default();
        context! {
            id => product.id,
            href => format!("{PAGE}/{}", product.id),
            name => &product.name,
            kind => product.kind.label(),
            price => price_words(product, &list, base),
            services => grouped(running.get(&product.id).copied().unwrap_or_default()),
            services_href => format!("/admin/services?product={}", product.id),
            stock => if product.stock_control { grouped(product.stock) } else { String::new() },
            marks => marks(product),
        }
    };
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| {
            let rows: Vec<Value> = products.iter().filter(|product| product.group_id == group.id).map(row).collect();
            context! {
                id => group.id, name => &group.name, hidden => group.hidden, rows,
                href => format!("/admin/setup/product-groups/{}", group.id),
            }
        })
        .collect();
    cx.page("hosting/products/list.html", SECTION, "Products/Services", context! { groups })
}

/// `5.00 USD monthly`, of the shortest cycle in the base currency.
fn price_words(product: &Product, list: &PriceList, base: Option<Currency>) -> String {
    if product.pay_type == PayType::Free {
        return "Free".to_owned();
    }
    let first = base.and_then(|base| list.iter().find(|price| price.currency() == base)).or_else(|| list.iter().next());
    match first {
        Some(price) => {
            let more = list.cycles(price.currency()).len() > 1;
            let from = if more { "from " } else { "" };
            format!("{from}{} {}", price.price, adverb(price.cycle))
        }
        None => "Not sold: no price".to_owned(),
    }
}

fn marks(product: &Product) -> Vec<&'static str> {
    [
        (product.retired, "Retired"),
        (product.hidden, "Hidden"),
        (product.stock_control && product.stock == 0, "Out of stock"),
    ]
    .into_iter()
    .filter_map(|(set, word)| set.then_some(word))
    .collect()
}

const TEXTS: &[&str] = &[
    "group_id",
    "kind",
    "name",
    "slug",
    "tagline",
    "short_description",
    "description",
    "auto_setup",
    "pay_type",
    "stock",
    "quantity_mode",
    "cycles_limit",
    "prorata_day",
    "prorata_cutoff",
    "position",
];
const FLAGS: &[&str] = &["taxed", "hidden", "retired", "needs_domain", "stock_control", "prorata"];

fn written(form: &Form, currencies: &[Currency], base: &PriceList) -> Result<ProductEdit> {
    let mut errors = FieldErrors::default();
    let text = |name: &str| Some(form.raw(name).unwrap_or_default().to_owned());
    let flag = |name: &str| Some(form.ticked(name));
    let pay_type = errors.take("pay_type", PayType::parse(form.text("pay_type")));
    let edit = ProductEdit {
        group_id: Some(form.id("group_id", &mut errors)),
        kind: errors.take("kind", ProductKind::parse(form.text("kind"))),
        name: text("name"),
        slug: text("slug"),
        tagline: text("tagline"),
        short_description: text("short_description"),
        description: text("description"),
        pay_type,
        taxed: flag("taxed"),
        hidden: flag("hidden"),
        retired: flag("retired"),
        needs_domain: flag("needs_domain"),
        stock_control: flag("stock_control"),
        stock: number(form, "stock", &mut errors),
        quantity_mode: errors.take("quantity_mode", QuantityMode::parse(form.text("quantity_mode"))),
        cycles_limit: number(form, "cycles_limit", &mut errors),
        prorata: flag("prorata"),
        prorata_day: number(form, "prorata_day", &mut errors),
        prorata_cutoff: number(form, "prorata_cutoff", &mut errors),
        auto_setup: form.raw("auto_setup").and_then(|text| errors.take("auto_setup", AutoSetup::parse(text))),
        // Nothing reads these yet; programs may store them.
        colour: None,
        featured: None,
        module: None,
        position: number(form, "position", &mut errors),
        // Prices of another payment type are what the table still held when the type was changed: they are dropped.
        prices: Some(prices::form::read(form, currencies, pay_type, base, &mut errors)),
    };
    errors.check()?;
    Ok(edit)
}

/// What programs may also call “never” waits for staff all the same.
fn setup_choice(setup: AutoSetup) -> &'static str {
    match setup {
        AutoSetup::Never => AutoSetup::Accept.as_str(),
        other => other.as_str(),
    }
}

fn stored(product: &Product) -> Form {
    let mut pairs = vec![
        ("group_id", product.group_id.to_string()),
        ("kind", product.kind.to_string()),
        ("name", product.name.clone()),
        ("slug", product.slug.clone()),
        ("tagline", product.tagline.clone()),
        ("short_description", product.short_description.clone()),
        ("description", product.description.clone()),
        ("auto_setup", setup_choice(product.auto_setup).to_owned()),
        ("pay_type", product.pay_type.to_string()),
        ("stock", product.stock.to_string()),
        ("quantity_mode", product.quantity_mode.to_string()),
        ("cycles_limit", product.cycles_limit.to_string()),
        ("prorata_day", product.prorata_day.to_string()),
        ("prorata_cutoff", product.prorata_cutoff.to_string()),
        ("position", product.position.to_string()),
    ];
    pairs.extend([
        ("taxed", product.taxed.to_string()),
        ("hidden", product.hidden.to_string()),
        ("retired", product.retired.to_string()),
        ("needs_domain", product.needs_domain.to_string()),
        ("stock_control", product.stock_control.to_string()),
        ("prorata", product.prorata.to_string()),
    ]);
    Form::from_pairs(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The form for a new product (no id) or one that is there, as stored or as typed.
async fn form_page(
    cx: &AdminCx,
    product: Option<&Product>,
    typed: Option<&Form>,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let groups = product_groups::all(&mut conn).await?;
    let currencies = prices::currencies(&mut conn).await?;
    let (list, services, extras) = match product {
        Some(product) => (
            prices::of(&mut conn, Owner::Product, product.id).await?,
            store::service_count(&mut conn, product.id).await?,
            extras(&mut conn, product.id).await?,
        ),
        None => (PriceList::default(), 0, context! { options => Vec::<Value>::new(), addons => Vec::<Value>::new() }),
    };
    drop(conn);
    let shown = match (typed, product) {
        (Some(form), _) => form.clone(),
        (None, Some(product)) => stored(product),
        (None, None) => {
            let group = cx.params()?.text("group").to_owned();
            let mut blank = super::blank(cx.now);
            blank.group_id = group.parse().unwrap_or_default();
            stored(&blank)
        }
    };
    let flags = Value::from_pairs(FLAGS.iter().map(|name| (*name, shown.ticked(name))));
    let title = product.map_or_else(|| "New product".to_owned(), |product| product.name.clone());
    let values = context! {
        v => fields(TEXTS, &shown),
        on => flags,
        new => product.is_none(),
        retired => product.is_some_and(|product| product.retired),
        services,
        services_href => product.map(|product| format!("/admin/services?product={}", product.id)).unwrap_or_default(),
        action => product.map_or_else(|| PAGE.to_owned(), |product| format!("{PAGE}/{}", product.id)),
        cancel => PAGE,
        extras,
        groups => groups.iter().map(|group| option(group.id, &group.name)).collect::<Vec<_>>(),
        kinds => ProductKind::ALL.iter().map(|kind| option(kind, kind.label())).collect::<Vec<_>>(),
        prices => prices::form::view(&list, &currencies, typed),
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, &title, errors, values)
    }
}

/// The options and addons that can be had with a product.
async fn extras(conn: &mut Conn, id: i64) -> Result<Value> {
    let link = |name: &str, href: String| context! { name, href };
    let options = config_options::of_product(conn, id).await?;
    let addons = addons::of_product(conn, id).await?;
    Ok(context! {
        options => options.iter().map(|full| {
            link(&full.option.name, format!("/admin/setup/config-options/{}", full.option.id))
        }).collect::<Vec<_>>(),
        addons => addons.iter().map(|addon| {
            link(&addon.name, format!("/admin/setup/addons/{}", addon.id))
        }).collect::<Vec<_>>(),
    })
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, None, &FieldErrors::default()).await
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let product = products::find(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, Some(&product), None, &FieldErrors::default()).await
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = prices::currencies(&mut tx).await?;
        let edit = written(&cx.form, &currencies, &PriceList::default())?;
        let product = products::create(&mut tx, &cx.actor, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(format!("{PAGE}/{}", product.id)).saying(format!("Product “{}” added", product.name)))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => form_page(&cx, None, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = prices::currencies(&mut tx).await?;
        let before = prices::of(&mut tx, Owner::Product, id).await?;
        let edit = written(&cx.form, &currencies, &before)?;
        let product = products::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("Product “{}” saved", product.name)))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => {
            let product = products::find(&mut cx.app.db.read().await?, id).await?;
            form_page(&cx, Some(&product), Some(&cx.form), &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn retire(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let retired = cx.form.text("to") != "sold";
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let edit = ProductEdit { retired: Some(retired), ..ProductEdit::default() };
        let product = products::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        let words = if retired { "is retired: its services go on" } else { "is sold again" };
        Ok(Redirect::to(PAGE).saying(format!("“{}” {words}", product.name)))
    };
    or_back(done.await, PAGE)
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        products::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Product deleted"))
    };
    or_back(done.await, &format!("{PAGE}/{id}"))
}
