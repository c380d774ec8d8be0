//! The price list of domain addons in the staff area.

use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{PAGE, SECTION};
use crate::tlds::addon_prices::{self, Addon, AddonPrices, field};

const TEMPLATE: &str = "domains/tlds/addons.html";
const TITLE: &str = "Prices of domain addons";

fn read(form: &Form, currencies: &[Currency], base: &AddonPrices) -> Result<AddonPrices> {
    let mut errors = FieldErrors::default();
    // A currency that is not dealt in any more has no fields; its prices stay.
    let mut list: Vec<(Addon, Money)> =
        base.iter().filter(|(_, price)| !currencies.contains(&price.currency)).collect();
    for addon in Addon::ALL {
        for currency in currencies {
            let name = field(*addon, *currency);
            let typed = form.text(&name);
            if !typed.is_empty() {
                list.extend(errors.take(&name, Money::parse(typed, *currency)).map(|amount| (*addon, amount)));
            }
        }
    }
    errors.check()?;
    Ok(AddonPrices::new(list))
}

async fn show(cx: &AdminCx, typed: Option<&Form>, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let currencies = hosting::prices::currencies(&mut conn).await?;
    let list = addon_prices::all(&mut conn).await?;
    drop(conn);
    let row = |addon: &Addon| {
        let cell = |currency: &Currency| {
            let name = field(*addon, *currency);
            let stored = list.get(*addon, *currency).map(Money::decimal).unwrap_or_default();
            let value = typed.and_then(|form| form.raw(&name)).map_or(stored, str::to_owned);
            context! { value, label => format!("A year of {} in {currency}", addon.label()), name }
        };
        context! { label => addon.label(), cells => currencies.iter().map(cell).collect::<Vec<_>>() }
    };
    let rows: Vec<Value> = Addon::ALL.iter().map(row).collect();
    let codes: Vec<String> = currencies.iter().map(Currency::to_string).collect();
    let values = context! { rows, currencies => codes, action => format!("{PAGE}/addons"), cancel => PAGE };
    if errors.is_empty() {
        cx.page(TEMPLATE, SECTION, TITLE, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, SECTION, TITLE, errors, values)
    }
}

pub(super) async fn page(cx: AdminCx) -> Result<Response, Fail> {
    show(&cx, None, &FieldErrors::default()).await
}

pub(super) async fn save(cx: AdminCx) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let currencies = hosting::prices::currencies(&mut tx).await?;
        let base = addon_prices::all(&mut tx).await?;
        let list = read(&cx.form, &currencies, &base)?;
        addon_prices::replace(&mut tx, &cx.actor, &list, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying("Prices of addons saved. New orders pay them."))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => show(&cx, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}
