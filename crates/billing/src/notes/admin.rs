//! Credit notes in the staff area: the list, one note, its PDF, and writing one from an invoice's page.

use accounts::doors::{AdminCx, Id, Routes};
use accounts::parties;
use axum::response::Response;
use kernel::{Currency, Date, Money, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{COUNT_LIMIT, Order, PAGE_SIZE, Sort};
use platform::{params, record};

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

const SORTS: &[Sort] = &[Sort { key: "id", sql: "n.id" }];

record! {
    struct Listed {
        id: i64,
        number: String,
        invoice_id: i64,
        invoice_number: Option<String>,
        client_id: i64,
        first_name: String,
        last_name: String,
        company: String,
        issued_on: Date,
        currency: Currency,
        total: i64,
        reason: String,
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let total: i64 = conn
        .scalar(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM credit_notes LIMIT $1) AS counted",
            params![COUNT_LIMIT + 1],
        )
        .await?;
    let sql = format!(
        "SELECT n.id, n.number, n.invoice_id, i.number, n.client_id, c.first_name, c.last_name, c.company, n.issued_on, \
         n.currency, n.total, n.reason FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id \
         JOIN clients c ON c.id = n.client_id {} LIMIT $1 OFFSET $2",
        request.order_by("n.id")
    );
    let found: Vec<Listed> = conn.all(&sql, params![PAGE_SIZE, request.offset()]).await?;
    drop(conn);
    let rows: Vec<Value> = found
        .iter()
        .map(|row| {
            let name = [row.first_name.as_str(), row.last_name.as_str()].join(" ");
            context! {
                href => format!("/admin/credit-notes/{}", row.id), number => &row.number,
                invoice => row.invoice_number.clone().unwrap_or_default(),
                invoice_href => format!("/admin/invoices/{}", row.invoice_id),
                client => if row.company.is_empty() { name.trim() } else { &row.company },
                client_href => format!("/admin/clients/{}", row.client_id),
                issued => row.issued_on.to_string(), reason => &row.reason,
                total => Money::new(row.total, row.currency).to_string(),
            }
        })
        .collect();
    let values = context! { list => request.view(total, rows.len()), rows };
    cx.page("billing/notes/list.html", SECTION, "Credit notes", values)
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
    let mut conn = cx.app.db.read().await?;
    let note = super::find(&mut conn, id).await?;
    let lines = super::lines(&mut conn, id).await?;
    let invoice = invoices::find(&mut conn, note.invoice_id).await?;
    let seller = parties::find(&mut conn, note.seller_id).await?;
    let buyer = parties::find(&mut conn, note.buyer_id).await?;
    drop(conn);
    let bytes = pdf::note(&cx.app, &note, &lines, &invoice.title(), &seller, &buyer).await?;
    Ok(pdf::response(&format!("credit-note-{}", note.number), bytes))
}
