//! The form of a TLD: its settings, and prices for everybody or for one client group.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use hosting::view::{fields, number, option};
use kernel::{Currency, Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, badges, offers};
use crate::registrars;
use crate::tlds::prices::{self, Fees, LateFee, MAX_YEARS, Operation, Price, Prices};
use crate::tlds::{self, Badge, Offer, Priced, TldEdit};

const FORM: &str = "domains/tlds/form.html";
const TEXTS: [&str; 10] = [
    "extension",
    "position",
    "category",
    "dns_management",
    "email_forwarding",
    "id_protection",
    "registrar",
    "badge",
    "grace_days",
    "redemption_days",
];
const TICKS: [&str; 3] = ["epp_required", "spotlight", "allows_idn"];

/// Whose prices the page is about: `?group=3`.
fn group_of(query: &str) -> Result<Option<i64>> {
    Ok(Form::parse(query.as_bytes())?.text("group").parse().ok().filter(|id| *id > 0))
}

fn settings(form: &Form, errors: &mut FieldErrors) -> TldEdit {
    let text = |name: &str| Some(form.text(name).to_owned());
    TldEdit {
        extension: form.has("extension").then(|| form.text("extension").to_owned()),
        position: number(form, "position", errors),
        category: text("category"),
        dns_management: errors.take("dns_management", Offer::parse(form.text("dns_management"))),
        email_forwarding: errors.take("email_forwarding", Offer::parse(form.text("email_forwarding"))),
        id_protection: errors.take("id_protection", Offer::parse(form.text("id_protection"))),
        epp_required: Some(form.ticked("epp_required")),
        registrar: text("registrar"),
        badge: errors.take("badge", Badge::parse(form.text("badge"))),
        spotlight: Some(form.ticked("spotlight")),
        allows_idn: Some(form.ticked("allows_idn")),
        grace_days: number(form, "grace_days", errors),
        redemption_days: number(form, "redemption_days", errors),
        ..TldEdit::default()
    }
}

fn read_prices(form: &Form, group: Option<i64>, currencies: &[Currency], errors: &mut FieldErrors) -> Vec<Price> {
    let mut list = Vec::new();
    for currency in currencies {
        for operation in Operation::ALL {
            for years in 1..=operation.max_years() {
                let name = prices::field(group, *currency, *operation, years);
                let typed = form.text(&name);
                if typed.is_empty() {
                    continue;
                }
                let amount = errors.take(&name, Money::parse(typed, *currency));
                list.extend(amount.map(|amount| Price { group_id: group, operation: *operation, years, amount }));
            }
        }
    }
    list
}

fn read_fees(form: &Form, currencies: &[Currency], errors: &mut FieldErrors) -> Fees {
    let mut list = Vec::new();
    for currency in currencies {
        for kind in LateFee::ALL {
            let name = prices::fee_field(*kind, *currency);
            let typed = form.text(&name);
            if !typed.is_empty() {
                list.extend(errors.take(&name, Money::parse(typed, *currency)).map(|amount| (*kind, amount)));
            }
        }
    }
    Fees::new(list)
}

/// What was typed. A page about a client group's prices has nothing else.
fn written(form: &Form, group: Option<i64>, base: &Prices, currencies: &[Currency]) -> Result<TldEdit> {
    let mut errors = FieldErrors::default();
    let mut edit = if group.is_none() { settings(form, &mut errors) } else { TldEdit::default() };
    let new = read_prices(form, group, currencies, &mut errors);
    // A currency that is not dealt in any more has no fields; its prices stay.
    let is_shown = |price: &Price| price.group_id == group && currencies.contains(&price.currency());
    edit.prices = Some(base.with(is_shown, new));
    if group.is_none() {
        edit.fees = Some(read_fees(form, currencies, &mut errors));
    }
    errors.check()?;
    Ok(edit)
}

fn stored(of: &Priced) -> Form {
    let tld = &of.tld;
    let mut pairs = vec![
        ("extension", tld.shown()),
        ("position", tld.position.to_string()),
        ("category", tld.category.clone()),
        ("dns_management", tld.dns_management.to_string()),
        ("email_forwarding", tld.email_forwarding.to_string()),
        ("id_protection", tld.id_protection.to_string()),
        ("registrar", tld.registrar.clone()),
        ("badge", tld.badge.to_string()),
        ("grace_days", tld.grace_days.to_string()),
        ("redemption_days", tld.redemption_days.to_string()),
        ("epp_required", tld.epp_required.to_string()),
        ("spotlight", tld.spotlight.to_string()),
        ("allows_idn", tld.allows_idn.to_string()),
    ];
    let mut pairs: Vec<(String, String)> = pairs.drain(..).map(|(name, value)| (name.to_owned(), value)).collect();
    let price_name = |price: &Price| prices::field(price.group_id, price.currency(), price.operation, price.years);
    pairs.extend(of.prices.iter().map(|price| (price_name(price), price.amount.decimal())));
    let fee_name = |kind: &LateFee, fee: &Money| prices::fee_field(*kind, fee.currency);
    pairs.extend(of.fees.iter().map(|(kind, fee)| (fee_name(kind, fee), fee.decimal())));
    Form::from_pairs(pairs)
}

fn blank() -> Form {
    let pairs = [
        ("dns_management", "none"),
        ("email_forwarding", "none"),
        ("id_protection", "none"),
        ("epp_required", "true"),
        ("grace_days", "0"),
        ("redemption_days", "0"),
    ];
    Form::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// `[{currency, rows: [{years, cells: [{name, value, label}]}], fees: […]}]`.
fn tables(shown: &Form, group: Option<i64>, currencies: &[Currency]) -> Vec<Value> {
    let value = |name: &str| shown.raw(name).unwrap_or_default().to_owned();
    let cell = |currency: Currency, operation: &Operation, years: u8| {
        if years > operation.max_years() {
            return context! { name => "" };
        }
        let name = prices::field(group, currency, *operation, years);
        let noun = operation.noun();
        let term = if years == 1 { "1 year".to_owned() } else { format!("{years} years") };
        context! { value => value(&name), label => format!("A {noun} of {term} in {currency}"), name }
    };
    let fee = |currency: Currency, kind: &LateFee| {
        let name = prices::fee_field(*kind, currency);
        let label = if *kind == LateFee::Grace { "Grace fee" } else { "Redemption fee" };
        context! { value => value(&name), name, label, currency => currency.to_string() }
    };
    let table = |currency: &Currency| {
        let row = |years| context! { years, cells => Operation::ALL.iter().map(|operation| cell(*currency, operation, years)).collect::<Vec<_>>() };
        let rows: Vec<Value> = (1..=MAX_YEARS).map(row).collect();
        let fees: Vec<Value> = LateFee::ALL.iter().map(|kind| fee(*currency, kind)).collect();
        context! { currency => currency.to_string(), rows, fees }
    };
    currencies.iter().map(table).collect()
}

async fn registrar_options(conn: &mut Conn, chosen: &str) -> Result<Vec<Value>> {
    let active = registrars::active(conn).await?;
    let mut options: Vec<Value> = active.iter().map(|one| option(&one.name, &one.title)).collect();
    if !chosen.is_empty() && !active.iter().any(|one| one.name == chosen) {
        options.push(option(chosen, format!("{chosen} (off)")));
    }
    Ok(options)
}

async fn form_page(
    cx: &AdminCx,
    id: Option<i64>,
    typed: Option<&Form>,
    errors: &FieldErrors,
) -> Result<Response, Fail> {
    let group = group_of(&cx.query)?.filter(|_| id.is_some());
    let mut conn = cx.app.db.read().await?;
    let currencies = hosting::prices::currencies(&mut conn).await?;
    let groups = accounts::client_groups::all(&mut conn).await?;
    let (title, base, priced_groups, questions) = match id {
        Some(id) => {
            let tld = tlds::find(&mut conn, id).await?;
            let of = tlds::priced(&mut conn, tld).await?;
            (of.tld.shown(), stored(&of), of.prices.groups(), of.tld.questions().len())
        }
        None => ("New TLD".to_owned(), blank(), Vec::new(), 0),
    };
    let shown = typed.cloned().unwrap_or(base);
    let registrars = registrar_options(&mut conn, shown.text("registrar")).await?;
    drop(conn);
    if let Some(group) = group
        && !groups.iter().any(|known| known.id == group)
    {
        return Err(Fail(Error::NotFound("Client group")));
    }
    let own = id.map(|id| format!("{PAGE}/{id}"));
    let tab = |group_id: Option<i64>, label: &str, count: Option<usize>| {
        let href = own.clone().unwrap_or_default();
        let href = group_id.map_or(href.clone(), |id| format!("{href}?group={id}"));
        context! { label, href, current => group_id == group, count }
    };
    let has_prices = |id: i64| priced_groups.contains(&id).then_some(1);
    let mut tabs = vec![tab(None, "Settings and prices", None)];
    tabs.extend(groups.iter().map(|known| tab(Some(known.id), &known.name, has_prices(known.id))));
    let values = context! {
        v => fields(&TEXTS, &shown),
        on => Value::from_pairs(TICKS.map(|name| (name, shown.ticked(name)))),
        tables => tables(&shown, group, &currencies),
        tabs => if groups.is_empty() || id.is_none() { Vec::new() } else { tabs },
        group => group.and_then(|id| groups.iter().find(|known| known.id == id)).map(|known| &known.name),
        registrars, badges => badges(), offers => offers(), questions,
        new => id.is_none(),
        own => own.clone(),
        action => match (&own, group) {
            (None, _) => PAGE.to_owned(),
            (Some(own), None) => own.clone(),
            (Some(own), Some(group)) => format!("{own}?group={group}"),
        },
        cancel => PAGE,
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, &title, errors, values)
    }
}

pub(super) async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    form_page(&cx, None, None, &FieldErrors::default()).await
}

pub(super) async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, Some(id), None, &FieldErrors::default()).await
}

pub(super) async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = hosting::prices::currencies(&mut tx).await?;
        let edit = written(&cx.form, None, &Prices::default(), &currencies)?;
        let made = tlds::create(&mut tx, &cx.actor, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("{} added", made.tld.shown())))
    };
    answer(&cx, None, done.await).await
}

pub(super) async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let group = group_of(&cx.query)?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = hosting::prices::currencies(&mut tx).await?;
        let tld = tlds::find(&mut tx, id).await?;
        let base = tlds::priced(&mut tx, tld).await?;
        let edit = written(&cx.form, group, &base.prices, &currencies)?;
        let done = tlds::update(&mut tx, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("{} saved. New orders pay the new prices.", done.tld.shown())))
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

pub(super) async fn duplicate(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let back = format!("{PAGE}/{id}");
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let made = tlds::duplicate(&mut tx, &cx.actor, id, cx.form.text("as"), cx.now).await?;
        tx.commit().await?;
        let to = format!("{PAGE}/{}", made.tld.id);
        Ok(Redirect::to(to).saying(format!("{} added with the same prices", made.tld.shown())))
    };
    match done.await {
        Err(Error::Invalid(errors)) => {
            let words = errors.iter().map(|(_, message)| message).collect::<Vec<_>>().join(" ");
            Ok(Redirect::to(back).refusing(words))
        }
        other => or_back(other, &back),
    }
}

pub(super) async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        tlds::delete(&mut tx, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("TLD deleted"))
    };
    or_back(done.await, &format!("{PAGE}/{id}"))
}
