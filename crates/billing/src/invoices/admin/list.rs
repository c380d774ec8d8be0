//! The list of invoices, and the same as CSV.

use std::collections::BTreeMap;

use accounts::doors::AdminCx;
use accounts::doors::admin::error_list;
use axum::response::Response;
use kernel::{Date, Error, FieldErrors, Money};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page};

use super::{PAGE, SECTION, gateway_name, gateway_options, href, option};
use crate::invoices::listing::{self, Choices, FILTERS, Filter, Listed, SORTS, Search};
use crate::invoices::view;

const FILE: (&str, &[&str]) = (
    "invoices",
    &["Id", "Number", "Client id", "Client", "Status", "Issued", "Due", "Gateway", "Currency", "Total", "Balance"],
);

const STATUSES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("unpaid", "Unpaid"),
    ("overdue", "Overdue"),
    ("payment_pending", "Payment pending"),
    ("paid", "Paid"),
    ("cancelled", "Cancelled"),
    ("refunded", "Refunded"),
    ("collections", "Collections"),
];

pub(super) async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let choices = listing::choices(&mut conn).await?;
    let today = cx.now.date_in(&choices.zone);
    let mut errors = FieldErrors::default();
    let filter = match Filter::parse(&request.form, choices.base) {
        Ok(filter) => filter,
        // The list without the filter that makes no sense, and the reason on top.
        Err(Error::Invalid(found)) => {
            errors = found;
            Filter::default()
        }
        Err(other) => return Err(Fail(other)),
    };
    let search = Search::new(&mut conn, filter, today).await?;
    if request.csv {
        errors.check()?;
        drop(conn);
        let cells = move |row: &Listed| csv_row(row, today);
        return Ok(lists::file(&cx.app.db, &request, search.query(), listing::LISTED, FILE, cells).await?);
    }
    let page: Page<Listed> = search.query().page(&mut conn, &request, listing::LISTED).await?;
    drop(conn);
    let filtered = FILTERS.iter().any(|name| !request.filter(name).is_empty());
    let typed: BTreeMap<&str, String> = FILTERS.iter().map(|name| (*name, request.filter(name).to_owned())).collect();
    let shown: Vec<Value> = page.rows.iter().map(|row| list_row(row, today, &choices)).collect();
    let values = context! {
        list => request.view(&page),
        filter => typed,
        clear => if filtered { PAGE } else { "" },
        statuses => STATUSES.iter().map(|(value, label)| option(value, label)).collect::<Vec<_>>(),
        gateways => gateway_options(&choices),
        currencies => choices.currencies.iter().map(|code| option(code.code(), code.code())).collect::<Vec<_>>(),
        rows => shown,
    };
    if errors.is_empty() {
        cx.page("billing/invoices/list.html", SECTION, "Invoices", context! { errors => error_list(&errors), ..values })
    } else {
        cx.again("billing/invoices/list.html", SECTION, "Invoices", &errors, values)
    }
}

fn list_row(row: &Listed, today: Date, choices: &Choices) -> Value {
    context! {
        id => row.id,
        href => href(row.id),
        number => row.title(),
        client => row.client(),
        client_href => format!("/admin/clients/{}", row.client_id),
        issued => row.issued_on.map(|on| on.to_string()).unwrap_or_default(),
        due => row.due_on.to_string(),
        gateway => gateway_name(choices, &row.gateway),
        status => view::shown(row.status, row.due_on, today),
        total => Money::new(row.total, row.currency).to_string(),
        balance => Money::new(row.balance, row.currency).to_string(),
        settled => row.balance == 0,
    }
}

fn csv_row(row: &Listed, today: Date) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.number.clone().unwrap_or_default(),
        row.client_id.to_string(),
        row.client(),
        view::shown(row.status, row.due_on, today).to_owned(),
        row.issued_on.map(|on| on.to_string()).unwrap_or_default(),
        row.due_on.to_string(),
        row.gateway.clone(),
        row.currency.to_string(),
        Money::new(row.total, row.currency).decimal(),
        Money::new(row.balance, row.currency).decimal(),
    ]
}
