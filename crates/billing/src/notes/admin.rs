//! Credit notes in the staff area: the list, one note, its PDF, and writing one from an invoice's page.

use accounts::doors::{AdminCx, Id, Routes};
use accounts::parties;
use axum::response::Response;
use kernel::Money;
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{self, Order, Page};

use super::store::{self, Listed};
use super::{CREATE, LIST};
use crate::invoices::{self, pdf};

const SECTION: &str = "billing";

pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/credit-notes", LIST, index)
        .get("/admin/credit-notes/{id}", LIST, show)
        .get("/admin/credit-notes/{id}/pdf", LIST, print)
        .post("/admin/invoices/{id}/credit-note", CREATE, invoices::admin::credit)
}

const FILE: (&str, &[&str]) = (
    "credit-notes",
    &["Id", "Number", "Invoice id", "Invoice", "Client id", "Client", "Issued", "Currency", "Total", "Reason"],
);

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(store::SORTS, Order::Descending)?;
    if request.csv {
        return Ok(lists::file(&cx.app.db, &request, store::listed(), store::LISTED, FILE, csv_row).await?);
    }
    let page: Page<Listed> = store::listed().page(&mut cx.app.db.read().await?, &request, store::LISTED).await?;
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|row| {
            context! {
                href => format!("/admin/credit-notes/{}", row.id), number => &row.number,
                invoice => row.invoice_number.clone().unwrap_or_default(),
                invoice_href => format!("/admin/invoices/{}", row.invoice_id),
                client => row.client(),
                client_href => format!("/admin/clients/{}", row.client_id),
                issued => row.issued_on.to_string(), reason => &row.reason,
                total => Money::new(row.total, row.currency).to_string(),
            }
        })
        .collect();
    let values = context! { list => request.view(&page), rows };
    cx.page("billing/notes/list.html", SECTION, "Credit notes", values)
}

fn csv_row(row: &Listed) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.number.clone(),
        row.invoice_id.to_string(),
        row.invoice_number.clone().unwrap_or_default(),
        row.client_id.to_string(),
        row.client(),
        row.issued_on.to_string(),
        row.currency.to_string(),
        Money::new(row.total, row.currency).decimal(),
        row.reason.clone(),
    ]
}

async fn show(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let note = super::find(&mut conn, id).await?;
    let lines = super::lines(&mut conn, id).await?;
    let invoice = invoices::find(&mut conn, note.invoice_id).await?;
    let buyer = parties::find(&mut conn, note.buyer_id).await?;
    drop(conn);
    let money = |minor: i64| note.money(minor).to_string();
    let values = context! {
        id, invoice => invoice.title(), invoice_href => format!("/admin/invoices/{}", invoice.id),
        client_id => note.client_id, buyer => buyer.lines(), issued => note.issued_on.to_string(),
        reason => &note.reason, subtotal => money(note.subtotal), tax => money(note.tax1 + note.tax2),
        total => money(note.total),
        lines => lines.iter().map(|line| context! {
            description => &line.description, net => money(line.net), tax => money(line.tax1 + line.tax2),
            gross => money(line.gross()),
        }).collect::<Vec<_>>(),
    };
    cx.page("billing/notes/show.html", SECTION, &format!("Credit note {}", note.number), values)
}

async fn print(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(pdf::of_note(&cx.app, id).await?)
}
