//! The details of the client for which a user acts.

use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use minijinja::value::Serde;
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::admin::country_options;
use super::{ClientEdit, Demand};
use crate::account_access::PROFILE;
use crate::clients;
use crate::doors::admin::error_list;
use crate::doors::{ClientCx, Redirect, Routes};

const PATH: &str = "/account/details";

pub fn routes() -> Routes {
    Routes::new().account_get(PATH, PROFILE, page).account_post(PATH, PROFILE, save)
}

const FIELDS: &[&str] = &[
    "first_name",
    "last_name",
    "company",
    "email",
    "address1",
    "address2",
    "city",
    "state",
    "postcode",
    "country",
    "phone",
    "tax_id",
    "language",
];

async fn page(cx: ClientCx) -> Result<Response, Fail> {
    let client = clients::find(&mut cx.app.db.read().await?, cx.client_id).await?;
    show(&cx, Value::from(Serde(client)), &FieldErrors::default())
}

fn show(cx: &ClientCx, v: Value, errors: &FieldErrors) -> Result<Response, Fail> {
    let values = context! { v, countries => country_options() };
    let (template, title) = ("accounts/clients/details.html", "Account details");
    if errors.is_empty() {
        cx.page(template, title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(template, title, errors, values)
    }
}

/// What a client may say of itself; the rest is staff's.
fn edit_of(form: &Form) -> ClientEdit {
    let text = |name: &str| Some(form.raw(name).unwrap_or_default().to_owned());
    ClientEdit {
        demand: Demand::Postal,
        first_name: text("first_name"),
        last_name: text("last_name"),
        company: text("company"),
        email: text("email"),
        address1: text("address1"),
        address2: text("address2"),
        city: text("city"),
        state: text("state"),
        postcode: text("postcode"),
        country: text("country"),
        phone: text("phone"),
        tax_id: text("tax_id"),
        language: text("language"),
        ..ClientEdit::default()
    }
}

async fn save(cx: ClientCx) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, cx.client_id).await?;
    match clients::update(&mut locked, &cx.actor, cx.client_id, edit_of(&cx.form), cx.now).await {
        Ok(_) => {
            tx.commit().await?;
            cx.app.wake.notify_waiters();
            Ok(Redirect::to(PATH).saying("The details are saved.").into_response())
        }
        Err(Error::Invalid(errors)) => {
            let typed = FIELDS.iter().map(|name| (*name, cx.form.raw(name).unwrap_or_default().to_owned()));
            show(&cx, Value::from_pairs(typed), &errors)
        }
        Err(other) => Err(Fail(other)),
    }
}
