//! Credit notes in the JSON API.

use accounts::clients;
use accounts::doors::api::{answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::response::Response;
use kernel::{Money, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::store::{self, Listed};
use super::{CREATE, CreditNote, LIST, NoteLine, Noted, Selection};
use crate::invoices::{self, pdf};
use crate::terms::Terms;

const TAG: &str = "Credit notes";

pub fn routes() -> Routes {
    let amount = || json!({ "type": "string" });
    let note = || {
        json!({ "type": "object", "properties": {
            "id": { "type": "integer", "format": "int64" }, "number": { "type": "string" },
            "total": amount(), "off_balance": amount(), "to_credit": amount(), "currency": { "type": "string" } } })
    };
    let make = Operation::new(
        "POST",
        "/invoices/{id}/credit-notes",
        CREATE,
        TAG,
        "Credit an issued invoice: all that is left, some lines, or an amount",
    )
    .body(json!({ "type": "object", "properties": {
        "lines": { "type": "array", "items": { "type": "integer" }, "description": "Ids of lines of the invoice" },
        "amount": { "type": "string", "description": "With tax, taken from all lines in proportion" },
        "reason": { "type": "string", "maxLength": 500 } } }))
    .answers(201, note());
    let one = Operation::new("GET", "/credit-notes/{id}", LIST, TAG, "One credit note").answers(200, whole_schema());
    let list = Operation::new("GET", "/credit-notes", LIST, TAG, "List credit notes")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(listed_schema()));
    let print = Operation::new("GET", "/credit-notes/{id}/pdf", LIST, TAG, "A credit note as a PDF file")
        .answers_with_file("application/pdf");
    Routes::new().api(make, create).api(one, show).api(list, index).api(print, pdf_file)
}

fn whole_schema() -> Value {
    let id = || json!({ "type": "integer", "format": "int64" });
    let text = || json!({ "type": "string" });
    let fields = json!({
        "id": id(), "number": text(), "client_id": id(), "invoice_id": id(), "currency": text(),
        "issued_on": { "type": "string", "format": "date" },
        "reason": text(), "subtotal": text(), "tax1": text(), "tax2": text(), "total": text(),
        "lines": { "type": "array", "items": { "type": "object", "properties": {
            "invoice_line_id": id(), "description": text(), "tax_category": text(),
            "net": text(), "tax1": text(), "tax2": text(),
        } } },
    });
    let required: Vec<&String> = fields.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    json!({ "type": "object", "required": required, "properties": fields })
}

fn listed_schema() -> Value {
    let id = || json!({ "type": "integer", "format": "int64" });
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "id": id(), "number": text(), "client_id": id(), "client_name": text(),
        "invoice_id": id(), "invoice_number": { "type": ["string", "null"] },
        "currency": text(), "issued_on": { "type": "string", "format": "date" }, "reason": text(), "total": text(),
    } })
}

fn listed_json(note: &Listed) -> Value {
    json!({
        "id": note.id,
        "number": note.number,
        "client_id": note.client_id,
        "client_name": note.client(),
        "invoice_id": note.invoice_id,
        "invoice_number": note.invoice_number,
        "currency": note.currency.code(),
        "issued_on": note.issued_on,
        "reason": note.reason,
        "total": Money::new(note.total, note.currency).decimal(),
    })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, store::SORTS, Order::Descending)?;
    let page: Page<Listed> = store::listed().whole_page(&mut cx.app.db.read().await?, &request, store::LISTED).await?;
    let items = page.rows.iter().map(listed_json).collect();
    Ok(list_answer(&request, &page, items))
}

async fn pdf_file(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(pdf::of_note(&cx.app, id).await?)
}

pub(crate) fn noted_json(noted: &Noted) -> Value {
    json!({
        "id": noted.id,
        "number": noted.number,
        "total": noted.total.decimal(),
        "off_balance": noted.off_balance.decimal(),
        "to_credit": noted.to_credit.decimal(),
        "currency": noted.total.currency.code(),
    })
}

async fn create(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let seen = invoices::find(&mut tx, id).await?;
    let lines = body.has("lines").then(|| body.ints("lines"));
    let amount = body.money("amount", seen.currency);
    let reason = body.text("reason").unwrap_or_default();
    if lines.is_some() && amount.is_some() {
        body.errors.add("amount", "Name lines or an amount, not both.");
    }
    body.done()?;
    let selection = match (lines, amount) {
        (Some(lines), _) => Selection::Lines(lines),
        (None, Some(amount)) => Selection::Amount(amount),
        (None, None) => Selection::All,
    };
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let noted = super::credit(&mut locked, &cx.actor, &terms, id, &selection, &reason).await?;
    cx.commit(tx, 201, noted_json(&noted)).await
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let note = super::find(&mut conn, id).await?;
    let lines = super::lines(&mut conn, id).await?;
    Ok(answer(&note_json(&note, &lines)))
}

fn note_json(note: &CreditNote, lines: &[NoteLine]) -> Value {
    let money = |minor: i64| note.money(minor).decimal();
    json!({
        "id": note.id,
        "number": note.number,
        "client_id": note.client_id,
        "invoice_id": note.invoice_id,
        "currency": note.currency.code(),
        "issued_on": note.issued_on.to_string(),
        "reason": note.reason,
        "subtotal": money(note.subtotal),
        "tax1": money(note.tax1),
        "tax2": money(note.tax2),
        "total": money(note.total),
        "lines": lines.iter().map(|line| json!({
            "invoice_line_id": line.invoice_line_id,
            "description": line.description,
            "tax_category": line.tax_category.as_str(),
            "net": money(line.net),
            "tax1": money(line.tax1),
            "tax2": money(line.tax2),
        })).collect::<Vec<_>>(),
    })
}
