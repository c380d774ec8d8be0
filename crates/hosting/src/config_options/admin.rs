//! Configurable options in the staff area: the list, the option with its choices, the prices of a choice.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{Choice, ChoiceEdit, ConfigOption, FullOption, OptionEdit, OptionKind};
use crate::prices::{self, Owner, PriceList};
use crate::products::{EDIT, VIEW};
use crate::view::{self, fields, number, option};
use crate::{config_options, products};

const PAGE: &str = "/admin/setup/config-options";
const CHOICES: &str = "/admin/setup/config-choices";
const SECTION: &str = "configuration";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, VIEW, index)
        .post(PAGE, EDIT, create)
        .get("/admin/setup/config-options/new", EDIT, new_page)
        .get("/admin/setup/config-options/{id}", EDIT, edit_page)
        .post("/admin/setup/config-options/{id}", EDIT, update)
        .post("/admin/setup/config-options/{id}/delete", EDIT, delete)
        .get("/admin/setup/config-options/{id}/choices/new", EDIT, new_choice_page)
        .post("/admin/setup/config-options/{id}/choices", EDIT, create_choice)
        .get("/admin/setup/config-choices/{id}", EDIT, choice_page)
        .post("/admin/setup/config-choices/{id}", EDIT, update_choice)
        .post("/admin/setup/config-choices/{id}/delete", EDIT, delete_choice)
}

fn page_of(id: i64) -> String {
    format!("{PAGE}/{id}")
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let options = config_options::all(&mut conn).await?;
    let counts = config_options::counts(&mut conn).await?;
    drop(conn);
    let rows: Vec<Value> = options
        .iter()
        .map(|option| {
            let (products, choices) = counts.get(&option.id).copied().unwrap_or_default();
            context! {
                href => page_of(option.id), name => &option.name, kind => option.kind.label(), hidden => option.hidden,
                products => grouped(products), choices => grouped(choices),
            }
        })
        .collect();
    cx.page("hosting/config_options/list.html", SECTION, "Configurable options", context! { rows })
}

fn written(form: &Form) -> Result<OptionEdit> {
    let mut errors = FieldErrors::default();
    let edit = OptionEdit {
        name: Some(form.text("name").to_owned()),
        kind: errors.take("kind", OptionKind::parse(form.text("kind"))),
        min_quantity: number(form, "min_quantity", &mut errors),
        max_quantity: number(form, "max_quantity", &mut errors),
        hidden: Some(form.ticked("hidden")),
        position: number(form, "position", &mut errors),
        product_ids: Some(view::ids(form, "product_ids")),
    };
    errors.check()?;
    Ok(edit)
}

fn stored(option: &ConfigOption, product_ids: &[i64]) -> Form {
    let mut pairs = vec![
        ("name".to_owned(), option.name.clone()),
        ("kind".to_owned(), option.kind.to_string()),
        ("min_quantity".to_owned(), option.min_quantity.to_string()),
        ("max_quantity".to_owned(), option.max_quantity.to_string()),
        ("hidden".to_owned(), option.hidden.to_string()),
        ("position".to_owned(), option.position.to_string()),
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
    let full: Option<FullOption> = match id {
        Some(id) => Some(config_options::full(&mut conn, id).await?),
        None => None,
    };
    let attached = match id {
        Some(id) => config_options::product_ids(&mut conn, id).await?,
        None => Vec::new(),
    };
    let products = products::list(&mut conn, &products::Filter::default()).await?;
    drop(conn);
    let shown = match (typed, &full) {
        (Some(form), _) => form.clone(),
        (None, Some(full)) => stored(&full.option, &attached),
        (None, None) => Form::from_pairs(vec![("kind".to_owned(), "dropdown".to_owned())]),
    };
    let choices: Vec<Value> = full.iter().flat_map(|full| &full.choices).map(choice_row).collect();
    let title = full.as_ref().map_or_else(|| "New configurable option".to_owned(), |full| full.option.name.clone());
    let values = context! {
        v => fields(&["name", "kind", "min_quantity", "max_quantity", "position"], &shown),
        hidden => shown.ticked("hidden"),
        chosen => shown.all("product_ids").map(str::to_owned).collect::<Vec<_>>(),
        new => id.is_none(),
        one_choice => full.as_ref().is_some_and(|full| full.option.kind.has_one_choice()),
        choices,
        kinds => OptionKind::ALL.iter().map(|kind| option(kind, kind.label())).collect::<Vec<_>>(),
        products => products.iter().map(|product| option(product.id, &product.name)).collect::<Vec<_>>(),
        action => id.map_or_else(|| PAGE.to_owned(), page_of),
        cancel => PAGE,
    };
    if errors.is_empty() {
        let context = context! { errors => error_list(errors), ..values };
        cx.page("hosting/config_options/form.html", SECTION, &title, context)
    } else {
        cx.again("hosting/config_options/form.html", SECTION, &title, errors, values)
    }
}

fn choice_row(choice: &super::PricedChoice) -> Value {
    // Of each currency what the shortest cycle costs; the page of the choice has them all.
    let mut first: Vec<String> = Vec::new();
    let (mut seen, mut more) = (Vec::new(), 0);
    for price in choice.prices.iter() {
        if seen.contains(&price.currency()) {
            more += 1;
            continue;
        }
        seen.push(price.currency());
        let cycle = if price.cycle.is_recurring() { prices::adverb(price.cycle) } else { "once".to_owned() };
        first.push(format!("{} {cycle}", price.price));
    }
    context! {
        href => format!("{CHOICES}/{}", choice.choice.id), name => &choice.choice.name, hidden => choice.choice.hidden,
        prices => first.join(", "), more,
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
        let edit = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let option = config_options::create(&mut tx, &cx.actor, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(option.id)).saying(format!("Option “{}” added. Now say what it costs.", option.name)))
    };
    answer(&cx, None, done.await).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let edit = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let option = config_options::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("Option “{}” saved", option.name)))
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
        config_options::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Option deleted"))
    };
    or_back(done.await, &page_of(id))
}

enum Target {
    New { option_id: i64 },
    Edit(Choice),
}

async fn choice_form(
    cx: &AdminCx,
    target: &Target,
    typed: Option<&Form>,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let currencies = prices::currencies(&mut conn).await?;
    let (option_id, list) = match target {
        Target::New { option_id } => (*option_id, PriceList::default()),
        Target::Edit(choice) => (choice.option_id, prices::of(&mut conn, Owner::Choice, choice.id).await?),
    };
    let option = config_options::find(&mut conn, option_id).await?;
    drop(conn);
    let shown = match (typed, target) {
        (Some(form), _) => form.clone(),
        (None, Target::New { .. }) => Form::default(),
        (None, Target::Edit(choice)) => Form::from_pairs(vec![
            ("name".to_owned(), choice.name.clone()),
            ("position".to_owned(), choice.position.to_string()),
            ("hidden".to_owned(), choice.hidden.to_string()),
        ]),
    };
    let (title, action, new) = match target {
        Target::New { .. } => {
            (format!("New choice of {}", option.name), format!("{}/choices", page_of(option_id)), true)
        }
        Target::Edit(choice) => (choice.name.clone(), format!("{CHOICES}/{}", choice.id), false),
    };
    let values = context! {
        v => fields(&["name", "position"], &shown),
        hidden => shown.ticked("hidden"),
        option => context! { name => &option.name, href => page_of(option_id) },
        may_delete => !new && !option.kind.has_one_choice(),
        prices => prices::form::view(&list, &currencies, typed),
        action, new,
    };
    if errors.is_empty() {
        let context = context! { errors => error_list(errors), ..values };
        cx.page("hosting/config_options/choice.html", SECTION, &title, context)
    } else {
        cx.again("hosting/config_options/choice.html", SECTION, &title, errors, values)
    }
}

async fn written_choice(cx: &AdminCx, tx: &mut platform::Tx, base: &PriceList) -> Result<ChoiceEdit> {
    let currencies = prices::currencies(tx).await?;
    let mut errors = FieldErrors::default();
    let edit = ChoiceEdit {
        name: Some(cx.form.text("name").to_owned()),
        hidden: Some(cx.form.ticked("hidden")),
        position: number(&cx.form, "position", &mut errors),
        prices: Some(prices::form::read(&cx.form, &currencies, None, base, &mut errors)),
    };
    errors.check()?;
    Ok(edit)
}

async fn new_choice_page(cx: AdminCx, Id(option_id): Id) -> Result<Response, Fail> {
    choice_form(&cx, &Target::New { option_id }, None, &FieldErrors::default()).await
}

async fn choice_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let choice = config_options::find_choice(&mut cx.app.db.read().await?, id).await?;
    choice_form(&cx, &Target::Edit(choice), None, &FieldErrors::default()).await
}

async fn create_choice(cx: AdminCx, Id(option_id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let edit = written_choice(&cx, &mut tx, &PriceList::default()).await?;
        let choice = config_options::create_choice(&mut tx, &cx.actor, option_id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(option_id)).saying(format!("Choice “{}” added", choice.name)))
    };
    match done.await {
        Err(Error::Invalid(errors)) => choice_form(&cx, &Target::New { option_id }, Some(&cx.form), &errors).await,
        other => Ok(or_back(other, &page_of(option_id))?.into_response()),
    }
}

async fn update_choice(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let base = prices::of(&mut tx, Owner::Choice, id).await?;
        let edit = written_choice(&cx, &mut tx, &base).await?;
        let choice = config_options::update_choice(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(choice.option_id)).saying(format!("Choice “{}” saved", choice.name)))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => {
            let choice = config_options::find_choice(&mut cx.app.db.read().await?, id).await?;
            choice_form(&cx, &Target::Edit(choice), Some(&cx.form), &errors).await
        }
        Err(other) => Err(Fail(other)),
    }
}

async fn delete_choice(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let choice = config_options::find_choice(&mut cx.app.db.read().await?, id).await?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        config_options::delete_choice(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(page_of(choice.option_id)).saying(format!("Choice “{}” deleted", choice.name)))
    };
    or_back(done.await, &format!("{CHOICES}/{id}"))
}
