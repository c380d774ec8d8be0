//! Credit notes in the staff area: the list, one note, its PDF, and writing one from an invoice's page.

use accounts::clients;
use accounts::doors::{AdminCx, Id, Routes};
use accounts::parties;
use axum::response::Response;
use kernel::{Currency, Date, Money, Result};
use minijinja::{Value, context};
use platform::record;
use platform::web::Fail;
use platform::web::lists::{self, Order, Page, Query, Sort, Where};

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

const SORTS: &[Sort] = &[Sort::by("id", &[])];
const COLUMNS: &str = "n.id, n.number, n.invoice_id, i.number, n.client_id, c.first_name, c.last_name, c.company, \
    n.issued_on, n.currency, n.total, n.reason";
const FILE: (&str, &[&str]) = (
    "credit-notes",
    &["Id", "Number", "Invoice id", "Invoice", "Client id", "Client", "Issued", "Currency", "Total", "Reason"],
);

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

impl Listed {
    fn client(&self) -> String {
        clients::name(&self.company, &self.first_name, &self.last_name)
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(SORTS, Order::Descending)?;
    let query = Query {
        table: "credit_notes n",
        id: "n.id",
        joins: "JOIN invoices i ON i.id = n.invoice_id JOIN clients c ON c.id = n.client_id",
        filter: Where::default(),
    };
    if request.csv {
        return Ok(lists::file(&cx.app.db, &request, query, COLUMNS, FILE, csv_row).await?);
    }
    let page: Page<Listed> = query.page(&mut cx.app.db.read().await?, &request, COLUMNS).await?;
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
