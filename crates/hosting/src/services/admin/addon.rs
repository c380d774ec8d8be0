//! The form of an addon that a service has.

use accounts::clients;
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::{Cycle, Error, FieldErrors, Money};
use minijinja::context;
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, cycles, date, statuses};
use crate::services::{ServiceAddonEdit, ServiceStatus};
use crate::view::{fields, number};
use crate::{products, services};

async fn form_page(cx: &AdminCx, id: i64, typed: Option<&Form>, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let addon = services::find_addon(&mut conn, id).await?;
    let service = services::find(&mut conn, addon.service_id).await?;
    let product = products::find(&mut conn, service.product_id).await?;
    drop(conn);
    let as_stored = || {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        Form::from_pairs(vec![
            pair("status", addon.status.to_string()),
            pair("quantity", addon.quantity.to_string()),
            pair("recurring_amount", Money::new(addon.recurring_amount, service.currency).decimal()),
            pair("cycle", addon.cycle.to_string()),
            pair("next_due_on", addon.next_due_on.map(|date| date.to_string()).unwrap_or_default()),
        ])
    };
    let shown = typed.cloned().unwrap_or_else(as_stored);
    let values = context! {
        v => fields(&["status", "quantity", "recurring_amount", "cycle", "next_due_on"], &shown),
        currency => service.currency.to_string(),
        statuses => statuses(),
        cycles => cycles(Some(addon.cycle)),
        action => format!("/admin/service-addons/{id}"),
        service => context! { title => service.title(&product.name), href => format!("{PAGE}/{}", service.id) },
    };
    if errors.is_empty() {
        let context = context! { errors => error_list(errors), ..values };
        cx.page("hosting/services/addon.html", SECTION, &addon.name, context)
    } else {
        cx.again("hosting/services/addon.html", SECTION, &addon.name, errors, values)
    }
}

pub(super) async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    form_page(&cx, id, None, &FieldErrors::default()).await
}

pub(super) async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let addon = services::find_addon(&mut tx, id).await?;
        let service = services::find(&mut tx, addon.service_id).await?;
        let mut errors = FieldErrors::default();
        let edit = ServiceAddonEdit {
            status: errors.take("status", ServiceStatus::parse(cx.form.text("status"))),
            quantity: number(&cx.form, "quantity", &mut errors),
            recurring_amount: errors
                .take("recurring_amount", Money::parse(cx.form.text("recurring_amount"), service.currency)),
            cycle: errors.take("cycle", Cycle::parse(cx.form.text("cycle"))),
            next_due_on: date(&cx.form, "next_due_on", &mut errors),
        };
        errors.check()?;
        let mut locked = clients::lock(&mut tx, service.client_id).await?;
        let addon = services::update_addon(&mut locked, &cx.actor, id, &edit, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(format!("{PAGE}/{}", addon.service_id)).saying(format!("Addon “{}” saved", addon.name)))
    };
    match done.await {
        Ok(redirect) => Ok(redirect.into_response()),
        Err(Error::Invalid(errors)) => form_page(&cx, id, Some(&cx.form), &errors).await,
        Err(other) => Err(Fail(other)),
    }
}
