//! The list of disputes.

use accounts::company;
use accounts::doors::{AdminCx, Routes};
use axum::response::Response;
use kernel::{Error, Money, nonempty};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page};

use super::{Filter, LIST, Listed, SORTS, columns};
use crate::gateways::DisputeState;
use crate::view::{option, words};

pub const PAGE: &str = "/admin/payments/disputes";
const FILE: (&str, &[&str]) = (
    "disputes",
    &[
        "Id",
        "Gateway",
        "Gateway id",
        "Payment",
        "Client id",
        "Client",
        "Invoice",
        "Currency",
        "Amount",
        "Reason",
        "State",
        "Answer by",
        "Opened",
        "Closed",
    ],
);

pub fn routes() -> Routes {
    Routes::new().get(PAGE, LIST, index)
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let state = match nonempty(request.filter("state")) {
        Some(text) => Some(DisputeState::parse(text).map_err(|message| Error::invalid("state", message))?),
        None => None,
    };
    let filter = Filter { state };
    if request.csv {
        return Ok(lists::file(&cx.app.db, &request, filter.query(), &columns(), FILE, csv_row).await?);
    }
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let page: Page<Listed> = filter.query().page(&mut conn, &request, &columns()).await?;
    drop(conn);
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|dispute| {
            context! {
                id => &dispute.external_id, gateway => &dispute.gateway, payment => &dispute.payment,
                transaction => dispute.transaction_id, client => &dispute.client, client_id => dispute.client_id,
                invoice => &dispute.number, invoice_id => dispute.invoice_id,
                amount => Money::new(dispute.amount, dispute.currency).to_string(),
                reason => words(&dispute.reason), state => words(dispute.state.as_str()), status => words(&dispute.status),
                answer_by => dispute.answer_by.filter(|_| dispute.state == DisputeState::Open)
                    .map(|at| company::clock(at, &zone)),
                withdrawn => dispute.withdrawn_id, reinstated => dispute.reinstated_id,
                opened => company::clock(dispute.opened_at, &zone), instant => dispute.opened_at.to_string(),
            }
        })
        .collect();
    cx.page(
        "billing/disputes/list.html",
        "billing",
        "Disputes",
        context! {
            list => request.view(&page),
            filter => context! { state => request.filter("state") },
            states => DisputeState::ALL.iter().map(|state| option(state.as_str(), words(state.as_str()))).collect::<Vec<_>>(),
            rows,
        },
    )
}

fn csv_row(dispute: &Listed) -> Vec<String> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let moment = |at: Option<kernel::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    vec![
        dispute.id.to_string(),
        dispute.gateway.clone(),
        dispute.external_id.clone(),
        dispute.payment.clone(),
        id(dispute.client_id),
        dispute.client.clone().unwrap_or_default(),
        dispute.number.clone().unwrap_or_else(|| id(dispute.invoice_id)),
        dispute.currency.code().to_owned(),
        Money::new(dispute.amount, dispute.currency).decimal(),
        dispute.reason.clone(),
        dispute.state.to_string(),
        moment(dispute.answer_by),
        dispute.opened_at.to_string(),
        moment(dispute.closed_at),
    ]
}
