//! Services in the staff area.

mod addon;
mod form;
mod list;
mod show;
mod status;

use accounts::clients;
use accounts::doors::{AdminCx, Routes};
use kernel::{Cycle, Date, FieldErrors, Result, nonempty};
use minijinja::Value;
use platform::web::Form;

use super::{EDIT, LIST, Service, ServiceEdit, ServiceStatus, VIEW};
use crate::services;
use crate::view::option;

const PAGE: &str = "/admin/services";
const SECTION: &str = "clients";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, list::index)
        .get("/admin/services/{id}", VIEW, show::show)
        .post("/admin/services/{id}", EDIT, form::update)
        .get("/admin/services/{id}/edit", EDIT, form::edit_page)
        .get("/admin/services/{id}/status", EDIT, status::status_page)
        .post("/admin/services/{id}/status", EDIT, status::set_status)
        .post("/admin/services/{id}/recalculate", EDIT, status::recalculate)
        .get("/admin/service-addons/{id}", EDIT, addon::edit_page)
        .post("/admin/service-addons/{id}", EDIT, addon::update)
}

fn statuses() -> Vec<Value> {
    ServiceStatus::ALL.iter().map(|status| option(status, status.label())).collect()
}

/// The cycles to choose from, with the one that a service has even if it is unusual.
fn cycles(own: Option<Cycle>) -> Vec<Value> {
    let mut all = vec![Cycle::Free, Cycle::OneTime];
    all.extend(Cycle::RECURRING);
    all.extend(own.filter(|own| !all.contains(own)));
    all.into_iter().map(|cycle| option(cycle, cycle.label())).collect()
}

fn date(form: &Form, name: &str, errors: &mut FieldErrors) -> Option<Date> {
    let text = nonempty(form.text(name))?;
    errors.take(name, Date::parse(text))
}

async fn change(cx: &AdminCx, id: i64, edit: ServiceEdit) -> Result<Service> {
    let mut tx = cx.app.db.write().await?;
    let client_id = services::find(&mut tx, id).await?.client_id;
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let service = services::update(&mut locked, &cx.actor, id, edit, cx.now).await?;
    tx.commit().await?;
    Ok(service)
}
