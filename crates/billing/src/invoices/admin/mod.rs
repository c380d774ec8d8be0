//! Invoices in the staff area: the list, the record, drafts, and what may be done with an issued invoice.

mod bulk;
mod deeds;
mod form;
mod list;
mod show;

use accounts::doors::Routes;
use minijinja::{Value, context};

use super::listing::Choices;
use super::{CREATE, DELETE, LIST, MANAGE};

pub(crate) use deeds::credit;

const SECTION: &str = "billing";

/// For pages that ask whether an invoice is to be cancelled.
const CANCELLING: &str = "An issued invoice is cancelled by a credit note over all that is left of it; both documents \
                          stay. A draft that is cancelled is deleted.";
const PAGE: &str = "/admin/invoices";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, LIST, list::index)
        .post(PAGE, CREATE, form::create)
        .get("/admin/invoices/new", CREATE, form::new_page)
        .post("/admin/invoices/bulk", MANAGE, bulk::bulk)
        .post("/admin/invoices/bulk/do", MANAGE, bulk::bulk_do)
        .get("/admin/invoices/{id}", LIST, show::show)
        .get("/admin/invoices/{id}/pdf", LIST, show::print)
        .get("/admin/invoices/{id}/edit", MANAGE, form::edit_page)
        .post("/admin/invoices/{id}/edit", MANAGE, form::edit)
        .post("/admin/invoices/{id}/change", MANAGE, deeds::change)
        .post("/admin/invoices/{id}/publish", MANAGE, deeds::publish)
        .get("/admin/invoices/{id}/cancel", MANAGE, deeds::cancel_page)
        .post("/admin/invoices/{id}/cancel", MANAGE, deeds::cancel)
        .post("/admin/invoices/{id}/delete", DELETE, deeds::delete)
        .post("/admin/invoices/{id}/resend", MANAGE, deeds::resend)
        .post("/admin/invoices/{id}/remind", MANAGE, deeds::remind)
        .post("/admin/invoices/{id}/duplicate", CREATE, deeds::duplicate)
        .post("/admin/invoices/{id}/standing", MANAGE, deeds::stand)
        .post("/admin/invoices/{id}/pay-link", MANAGE, deeds::make_link)
}

fn href(id: i64) -> String {
    format!("/admin/invoices/{id}")
}

fn option(value: &str, label: &str) -> Value {
    context! { value, label }
}

fn gateway_options(choices: &Choices) -> Vec<Value> {
    choices.gateways.iter().map(|(name, label)| option(name, label)).collect()
}

fn gateway_name(choices: &Choices, name: &str) -> String {
    choices.gateways.iter().find(|(known, _)| known == name).map_or_else(|| name.to_owned(), |(_, label)| label.clone())
}
