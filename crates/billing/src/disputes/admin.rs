//! The list of disputes.

use accounts::company;
use accounts::doors::{AdminCx, Routes};
use axum::response::Response;
use kernel::{Error, Money, nonempty};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{COUNT_LIMIT, Order, PAGE_SIZE, Sort};

use super::{Filter, LIST};
use crate::gateways::DisputeState;
use crate::view::{no_file, option, words};

pub const PAGE: &str = "/admin/payments/disputes";
const SORTS: &[Sort] = &[Sort { key: "id", sql: "d.id" }];

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
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let total = super::count(&mut conn, &filter, COUNT_LIMIT + 1).await?;
    let found = super::list(&mut conn, &filter, PAGE_SIZE, request.offset()).await?;
    drop(conn);
    let rows: Vec<Value> = found
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
            list => no_file(request.view(total, rows.len())),
            filter => context! { state => request.filter("state") },
            states => DisputeState::ALL.iter().map(|state| option(state.as_str(), words(state.as_str()))).collect::<Vec<_>>(),
            rows,
        },
    )
}
