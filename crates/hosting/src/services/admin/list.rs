//! The list of services.

use accounts::doors::AdminCx;
use axum::response::Response;
use billing::gateways;
use kernel::{Cycle, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::web::lists::{self, Order, Page};
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, cycles, statuses};
use crate::products;
use crate::services::panels::row;
use crate::services::{Filter, ServiceStatus, store};
use crate::view::option;

const FILE: (&str, &[&str]) = (
    "services",
    &[
        "Id", "Client", "Product", "Domain", "Status", "Quantity", "Amount", "Currency", "Cycle", "Gateway", "Ordered",
        "Next due",
    ],
);

impl Filter {
    /// From the fields of an address: `q`, `status`, `product`, `cycle`, `gateway`, `client`.
    pub(in crate::services) fn parse(form: &Form) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let given = |name: &str| nonempty(form.text(name)).map(str::to_owned);
        let mut id = |name: &str| given(name).map(|_| form.id(name, &mut errors));
        let (product_id, client_id) = (id("product"), id("client"));
        let status = given("status").and_then(|text| errors.take("status", ServiceStatus::parse(&text)));
        let cycle = given("cycle").and_then(|text| errors.take("cycle", Cycle::parse(&text)));
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            client_id,
            status,
            product_id,
            cycle,
            gateway: given("gateway"),
            ..Filter::default()
        })
    }
}

pub(super) async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let query = store::query(&mut conn, &filter).await?;
    if request.csv {
        drop(conn);
        return Ok(lists::file(&cx.app.db, &request, query, store::LISTED, FILE, csv_row).await?);
    }
    let page: Page<store::Listed> = query.page(&mut conn, &request, store::LISTED).await?;
    let products = products::list(&mut conn, &products::Filter::default()).await?;
    let gateways = gateways::all(&mut conn).await?;
    drop(conn);
    let names = ["q", "status", "product", "cycle", "gateway", "client"];
    let filtered = names.iter().any(|name| !request.filter(name).is_empty());
    cx.page(
        "hosting/services/list.html",
        SECTION,
        "Products/Services",
        context! {
            list => request.view(&page),
            filter => Value::from_pairs(names.map(|name| (name, request.filter(name).to_owned()))),
            clear => if filtered { PAGE } else { "" },
            statuses => statuses(),
            products => products.iter().map(|product| option(product.id, &product.name)).collect::<Vec<_>>(),
            cycles => cycles(None),
            gateways => gateways.iter().map(|gateway| option(&gateway.name, &gateway.display_name)).collect::<Vec<_>>(),
            rows => page.rows.iter().map(|service| context! {
                gateway => gateways::title(&gateways, &service.gateway), ..row(service)
            }).collect::<Vec<_>>(),
        },
    )
}

fn csv_row(row: &store::Listed) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.client(),
        row.product.clone(),
        row.domain.clone(),
        row.status.label().to_owned(),
        row.quantity.to_string(),
        Money::new(row.recurring_amount, row.currency).decimal(),
        row.currency.to_string(),
        row.cycle.label(),
        row.gateway.clone(),
        row.registered_on.to_string(),
        row.next_due_on.map(|date| date.to_string()).unwrap_or_default(),
    ]
}
