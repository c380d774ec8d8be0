//! Currencies in the staff area.

use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Error, FieldErrors, Money, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{CONFIGURE, DealtCurrency};

const PAGE: &str = "/admin/setup/currencies";
const SECTION: &str = "configuration";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .get("/admin/setup/currencies/{id}", CONFIGURE, edit_page)
        .post("/admin/setup/currencies/{id}", CONFIGURE, update)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    list_page(&cx, None).await
}

async fn list_page(cx: &AdminCx, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let dealt = super::all(&mut cx.app.db.read().await?).await?;
    let base = dealt.iter().find(|dealt| dealt.is_base).map(|dealt| dealt.code.code().to_owned()).unwrap_or_default();
    let rows: Vec<Value> = dealt
        .iter()
        .map(|dealt| {
            let sample = Money::new(123_456, dealt.code).decimal();
            context! {
                href => format!("{PAGE}/{}", dealt.id),
                code => dealt.code.code(),
                is_base => dealt.is_base,
                rate => &dealt.rate,
                sample => format!("{}{sample}{}", dealt.prefix, dealt.suffix),
            }
        })
        .collect();
    let form = if wrong.is_some() { cx.form.as_ref().clone() } else { Form::default() };
    let values = context! { rows, base, v => typed(&form) };
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("billing/currencies/list.html", SECTION, "Currencies", context! { errors, ..values })
        }
        Some(errors) => cx.again("billing/currencies/list.html", SECTION, "Currencies", errors, values),
    }
}

fn typed(form: &Form) -> Value {
    Value::from_pairs(["code", "prefix", "suffix", "rate"].map(|name| {
        // A space before or after the sign is meant.
        (name, form.raw(name).unwrap_or_default().to_owned())
    }))
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let form = &cx.form;
    let done = async {
        let code = Currency::parse(form.text("code")).map_err(|error| Error::invalid("code", error.to_string()))?;
        let (prefix, suffix) = (form.raw("prefix").unwrap_or_default(), form.raw("suffix").unwrap_or_default());
        super::create(&mut tx, &cx.actor, code, prefix, suffix, form.text("rate"), cx.now).await
    };
    match done.await {
        Ok(dealt) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("{} added", dealt.code)).into_response())
        }
        Err(Error::Invalid(errors)) => list_page(&cx, Some(&errors)).await,
        Err(other) => Err(Fail(other)),
    }
}

fn form_page(cx: &AdminCx, dealt: &DealtCurrency, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let stored = context! {
        code => dealt.code.code(), prefix => &dealt.prefix, suffix => &dealt.suffix, rate => &dealt.rate,
    };
    let values = context! {
        action => format!("{PAGE}/{}", dealt.id),
        code => dealt.code.code(),
        is_base => dealt.is_base,
        v => if wrong.is_some() { typed(&cx.form) } else { stored },
    };
    let title = format!("Currency {}", dealt.code);
    match wrong {
        None => {
            let errors = error_list(&FieldErrors::default());
            cx.page("billing/currencies/form.html", SECTION, &title, context! { errors, ..values })
        }
        Some(errors) => cx.again("billing/currencies/form.html", SECTION, &title, errors, values),
    }
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let dealt = super::by_id(&mut cx.app.db.read().await?, id).await?;
    form_page(&cx, &dealt, None)
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let before = super::by_id(&mut tx, id).await?;
    let form = &cx.form;
    let rate = if before.is_base { "1" } else { form.text("rate") };
    let (prefix, suffix) = (form.raw("prefix").unwrap_or_default(), form.raw("suffix").unwrap_or_default());
    match super::update(&mut tx, &cx.actor, id, prefix, suffix, rate, cx.now).await {
        Ok(dealt) => {
            tx.commit().await?;
            Ok(Redirect::to(PAGE).saying(format!("{} saved", dealt.code)).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, &before, Some(&errors)),
        Err(other) => Err(Fail(other)),
    }
}
