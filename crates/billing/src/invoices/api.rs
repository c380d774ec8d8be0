//! Invoices in the JSON API.

use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use accounts::{clients, company};
use axum::response::Response;
use kernel::{Currency, Date, Error, Money, Rate, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::drafts::{self, DraftEdit, NewDraft, OwnRates};
use super::listing::{self, Filter, SORTS, Search};
use super::standing::{self, Standing};
use super::view::{self, Whole};
use super::{CREATE, Invoice, LIST, Line, MANAGE, NewLine, Tell, mail, pay_links, pdf, rearrange};
use crate::terms::Terms;
use crate::{notes, payments};

const TAG: &str = "Invoices";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let day = schema::date;
    let amount = || json!({ "type": "string", "description": "Decimal text" });
    let list = Operation::new("GET", "/invoices", LIST, TAG, "List invoices")
        .query("q", text(), "The beginning of a number, an id, or how words of the client's name begin")
        .query(
            "status",
            json!({ "type": "string", "enum": ["draft", "unpaid", "overdue", "payment_pending", "paid", "cancelled",
                "refunded", "collections"] }),
            "Only these; overdue is unpaid past the due date",
        )
        .query("client", schema::id(), "Only of this client")
        .query("gateway", text(), "Only by this gateway")
        .query("currency", text(), "ISO 4217 code")
        .query("due_from", day(), "Due on this day or later")
        .query("due_to", day(), "Due on this day or earlier")
        .query("issued_from", day(), "Issued on this day or later")
        .query("issued_to", day(), "Issued on this day or earlier")
        .query("total_from", amount(), "Of this total or more")
        .query("total_to", amount(), "Of this total or less")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "number", "-number", "due_on", "-due_on",
            "issued_on", "-issued_on", "total", "-total"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(schema()));
    let make = Operation::new("POST", "/invoices", CREATE, TAG, "Write a draft, or issue an invoice at once")
        .body(new_schema())
        .answers(201, schema());
    let one = Operation::new("GET", "/invoices/{id}", LIST, TAG, "One invoice with lines, payments and notes")
        .answers(200, schema());
    let change = Operation::new(
        "PATCH",
        "/invoices/{id}",
        MANAGE,
        TAG,
        "Change a draft, or gateway and notes of an issued invoice",
    )
    .body(edit_schema())
    .answers(200, schema());
    let publish = Operation::new("POST", "/invoices/{id}/publish", MANAGE, TAG, "Issue a draft, dated today")
        .body(json!({ "type": "object", "properties": {
            "send": { "type": "boolean", "default": false, "description": "Mail it to the client" } } }))
        .answers(200, schema());
    let cancel = Operation::new(
        "POST",
        "/invoices/{id}/cancel",
        MANAGE,
        TAG,
        "Cancel an issued invoice by a credit note over all that is left of it, which takes “Create Credit and Debit Notes” \
         too; a draft is deleted, which takes “Delete Invoice”",
    )
    .body(json!({ "type": "object", "properties": { "reason": { "type": "string", "maxLength": 500 } } }))
    .answers(
        200,
        json!({ "type": "object", "properties": {
        "id": { "type": "integer" }, "status": { "type": "string" }, "deleted": { "type": "boolean" },
        "credit_note": { "type": ["object", "null"] } } }),
    );
    let act = |path, permission, summary| Operation::new("POST", path, permission, TAG, summary);
    let remind = act("/invoices/{id}/remind", MANAGE, "Send a payment reminder; at most one a day").answers(
        200,
        json!({ "type": "object", "properties": {
            "id": { "type": "integer" },
            "sent": { "type": "boolean", "description": "false: one went out today already" } } }),
    );
    let resend = act("/invoices/{id}/resend", MANAGE, "Send the mail of the invoice again").answers(200, schema());
    let copy = act("/invoices/{id}/duplicate", CREATE, "Write a draft with the same lines; it bills no period again")
        .answers(201, schema());
    let stand = act("/invoices/{id}/standing", MANAGE, "Say where an open invoice stands; no money moves")
        .body(json!({ "type": "object", "required": ["status"], "properties": {
            "status": { "type": "string", "enum": ["unpaid", "payment_pending", "collections"] } } }))
        .answers(200, schema());
    let ids = || json!({ "type": "array", "items": { "type": "integer", "format": "int64" } });
    let merge =
        act("/invoices/merge", MANAGE, "Make one invoice of several unpaid ones of a client; they are cancelled")
            .body(json!({ "type": "object", "required": ["invoice_ids"], "properties": { "invoice_ids": ids() } }))
            .answers(201, schema());
    let split = act(
        "/invoices/{id}/split",
        MANAGE,
        "Move lines of an unpaid invoice to one of their own; writing credit notes must be allowed, too",
    )
    .body(json!({ "type": "object", "required": ["line_ids"], "properties": { "line_ids": ids() } }))
    .answers(201, schema());
    let settle = act("/invoices/{id}/pay", payments::ADD, "Record a payment of all that is owed, without a reference")
        .body(json!({ "type": "object", "properties": {
            "gateway": { "type": "string", "description": "The invoice's when left out" },
            "date": { "type": "string", "format": "date", "description": "Today when left out" } } }))
        .answers(200, schema());
    let print = Operation::new("GET", "/invoices/{id}/pdf", LIST, TAG, "An invoice as a PDF file")
        .answers_with_file("application/pdf");
    let link = Operation::new(
        "POST",
        "/invoices/{id}/pay-link",
        MANAGE,
        TAG,
        "Make an address where the client pays without logging in. Each call makes another one; the others go on working",
    )
    .never_repeated()
    .answers(200, json!({ "type": "object", "required": ["url"], "properties": {
        "url": { "type": "string", "description": "Told once: only its hash is kept" } } }));
    Routes::new()
        .api(print, pdf_file)
        .api(link, pay_link)
        .api(remind, send_reminder)
        .api(resend, send_again)
        .api(copy, duplicate)
        .api(stand, put_standing)
        .api(merge, merge_invoices)
        .api(split, split_invoice)
        .api(settle, settle_balance)
        .api(list, index)
        .api(make, create)
        .api(one, show)
        .api(change, update)
        .api(publish, publish_draft)
        .api(cancel, call_off)
}

fn line_schema() -> Value {
    json!({ "type": "object", "required": ["description", "amount"], "properties": {
        "description": { "type": "string", "maxLength": 2000 },
        "amount": { "type": "string", "description": "Decimal text; negative for a discount" },
        "taxed": { "type": "boolean", "default": false },
    } })
}

fn edit_properties() -> Value {
    json!({
        "due_on": { "type": "string", "format": "date" },
        "gateway": { "type": "string" },
        "notes": { "type": "string", "description": "Printed on the invoice" },
        "lines": { "type": "array", "items": line_schema() },
        "tax_rate": { "type": "string", "description": "Percent, instead of the tax rules" },
        "tax_rate2": { "type": "string" },
    })
}

fn edit_schema() -> Value {
    json!({ "type": "object", "properties": edit_properties() })
}

fn new_schema() -> Value {
    let mut properties = edit_properties();
    properties["client_id"] = json!({ "type": "integer", "format": "int64" });
    properties["draft"] = json!({ "type": "boolean", "default": false, "description": "Write a draft only" });
    properties["issued_on"] = json!({ "type": "string", "format": "date", "description": "Today when left out" });
    properties["send"] = json!({ "type": "boolean", "default": false, "description": "Mail it to the client" });
    properties["apply_credit"] = json!({ "type": "boolean", "default": false, "description": "Pay it with the client's credit; takes “Manage Credits” too" });
    json!({ "type": "object", "required": ["client_id", "lines"], "properties": properties })
}

fn schema() -> Value {
    let amount = || json!({ "type": "string" });
    let maybe_date = || json!({ "type": ["string", "null"] });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "number": { "type": ["string", "null"], "description": "None while it is a draft" },
        "client_id": { "type": "integer", "format": "int64" },
        "status": { "type": "string" },
        "overdue": { "type": "boolean" },
        "currency": { "type": "string" },
        "issued_on": maybe_date(),
        "due_on": { "type": "string", "format": "date" },
        "gateway": { "type": "string" },
        "subtotal": amount(), "tax1": amount(), "tax2": amount(), "total": amount(), "balance": amount(),
        "credit_applied": amount(),
        "taxes": { "type": "array", "items": { "type": "object", "properties": {
            "name": { "type": "string" }, "rate": { "type": "string" }, "amount": amount() } } },
        "notes": { "type": "string" },
        "source": { "type": "string" },
        "paid_at": maybe_date(), "cancelled_at": maybe_date(), "refunded_at": maybe_date(),
        "created_at": { "type": "string" }, "updated_at": { "type": "string" },
        "lines": { "type": "array", "items": { "type": "object" } },
        "payments": { "type": "array", "items": { "type": "object" } },
        "credit_notes": { "type": "array", "items": { "type": "object" } },
    } })
}

fn head(invoice: &Invoice, today: Date) -> Value {
    let money = |minor: i64| invoice.money(minor).decimal();
    let instant = |at: Option<kernel::Timestamp>| at.map(|at| at.to_string());
    let taxes: Vec<Value> =
        [(&invoice.tax_name1, invoice.tax_rate1, invoice.tax1), (&invoice.tax_name2, invoice.tax_rate2, invoice.tax2)]
            .into_iter()
            .filter(|(name, rate, amount)| !name.is_empty() || !rate.is_zero() || *amount != 0)
            .map(|(name, rate, amount)| json!({ "name": name, "rate": rate.to_string(), "amount": money(amount) }))
            .collect();
    json!({
        "id": invoice.id,
        "number": invoice.number,
        "client_id": invoice.client_id,
        "status": invoice.status.as_str(),
        "overdue": view::is_overdue(invoice.status, invoice.due_on, today),
        "currency": invoice.currency.code(),
        "issued_on": invoice.issued_on.map(|on| on.to_string()),
        "due_on": invoice.due_on.to_string(),
        "gateway": invoice.gateway,
        "subtotal": money(invoice.subtotal),
        "tax1": money(invoice.tax1),
        "tax2": money(invoice.tax2),
        "total": money(invoice.total),
        "balance": money(invoice.balance),
        "credit_applied": money(invoice.credit_applied),
        "taxes": taxes,
        "notes": invoice.notes,
        "source": invoice.source,
        "paid_at": instant(invoice.paid_at),
        "cancelled_at": instant(invoice.cancelled_at),
        "refunded_at": instant(invoice.refunded_at),
        "created_at": invoice.created_at.to_string(),
        "updated_at": invoice.updated_at.to_string(),
    })
}

fn line_json(invoice: &Invoice, line: &Line) -> Value {
    let money = |minor: i64| invoice.money(minor).decimal();
    json!({
        "id": line.id,
        "kind": line.kind.as_str(),
        "owner_id": line.owner_id,
        "description": line.description,
        "quantity": line.quantity,
        "amount": money(line.amount),
        "taxed": line.taxed,
        "tax_category": line.tax_category.as_str(),
        "net": money(line.net),
        "tax1": money(line.tax1),
        "tax2": money(line.tax2),
        "period_from": line.period_from.map(|on| on.to_string()),
        "period_until": line.period_until.map(|on| on.to_string()),
    })
}

pub(crate) fn whole_json(whole: &Whole, today: Date) -> Value {
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).decimal();
    let mut value = head(invoice, today);
    value["lines"] = whole.lines.iter().map(|line| line_json(invoice, line)).collect();
    value["payments"] = whole
        .settled
        .iter()
        .map(|(id, amount)| {
            let payment = whole.transactions.iter().find(|transaction| transaction.id == *id);
            json!({
                "transaction_id": id,
                "amount": money(*amount),
                "gateway": payment.map(|payment| payment.gateway.clone()),
                "reference": payment.map(|payment| payment.reference.clone()),
                "occurred_on": payment.map(|payment| payment.occurred_on.to_string()),
            })
        })
        .collect();
    value["credit_notes"] = whole
        .notes
        .iter()
        .map(|note| {
            json!({
                "id": note.id, "number": note.number, "total": money(note.total),
                "issued_on": note.issued_on.to_string(), "reason": note.reason,
            })
        })
        .collect();
    value
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let choices = listing::choices(&mut conn).await?;
    let filter = Filter::parse(&request.form, choices.base)?;
    let search = Search::new(&mut conn, filter, terms.today).await?;
    let columns = Invoice::columns("i");
    let page: Page<Invoice> = search.plain_query().whole_page(&mut conn, &request, &columns).await?;
    let items: Vec<Value> = page.rows.iter().map(|invoice| head(invoice, terms.today)).collect();
    Ok(list_answer(&request, &page, items))
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let view::Seen { whole, .. } = view::seen(&mut conn, id).await?;
    let zone = company::zone(&mut conn).await?;
    Ok(answer(&whole_json(&whole, cx.now.date_in(&zone))))
}

/// The lines in a body; errors name the line and its field.
fn lines_of(body: &mut Body, currency: Currency) -> Option<Vec<NewLine>> {
    if !body.has("lines") {
        return None;
    }
    let mut lines = Vec::new();
    for (index, value) in body.array("lines").into_iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        if !value.is_object() {
            body.errors.add(format!("lines[{index}]"), "Write an object with description and amount.");
            continue;
        }
        let description = match &value["description"] {
            Value::String(text) if !text.contains('\0') => text.trim().to_owned(),
            _ => {
                body.errors.add(field("description"), "Say what the line is for, as text.");
                continue;
            }
        };
        let amount = match &value["amount"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                body.errors.add(field("amount"), "Write an amount such as \"12.50\".");
                continue;
            }
        };
        let taxed = match &value["taxed"] {
            Value::Null => false,
            Value::Bool(taxed) => *taxed,
            _ => {
                body.errors.add(field("taxed"), "Write true or false.");
                continue;
            }
        };
        if let Some(amount) = body.errors.take(&field("amount"), Money::parse(&amount, currency)) {
            lines.push(NewLine::item(description, amount, taxed));
        }
    }
    Some(lines)
}

fn rates_of(body: &mut Body) -> Option<OwnRates> {
    if !body.has("tax_rate") && !body.has("tax_rate2") {
        return None;
    }
    let rate1 = body.parsed("tax_rate", Rate::parse).unwrap_or(Rate::ZERO);
    let rate2 = body.parsed("tax_rate2", Rate::parse).unwrap_or(Rate::ZERO);
    Some(OwnRates { rate1, rate2 })
}

fn told(send: bool) -> Tell {
    if send { Tell::Client } else { Tell::Nobody }
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let client_id = body.int("client_id");
    let client_id = body.require("client_id", client_id);
    let mut tx = cx.app.db.write().await?;
    // The currency of the amounts is the client's.
    let client = match client_id {
        Some(id) => match clients::find(&mut tx, id).await {
            Ok(client) => Some(client),
            Err(Error::NotFound(_)) => {
                body.errors.add("client_id", format!("There is no client {id}."));
                None
            }
            Err(other) => return Err(Fail(other)),
        },
        None => None,
    };
    let lines = client.as_ref().and_then(|client| lines_of(&mut body, client.currency)).unwrap_or_default();
    let draft = body.bool("draft").unwrap_or(false);
    let send = body.bool("send").unwrap_or(false);
    let apply_credit = body.bool("apply_credit").unwrap_or(false);
    if draft && (send || apply_credit) {
        body.errors.add("draft", "A draft is neither sent nor paid. Publish it first.");
    }
    let new = NewDraft {
        client_id: client_id.unwrap_or_default(),
        issued_on: body.parsed("issued_on", Date::parse),
        due_on: body.parsed("due_on", Date::parse),
        gateway: body.text("gateway"),
        notes: body.text("notes").unwrap_or_default(),
        lines,
        rates: rates_of(&mut body),
        source: "api".to_owned(),
    };
    body.done()?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, new.client_id).await?;
    let id = if draft {
        drafts::create_draft(&mut locked, &cx.actor, &terms, new).await?
    } else {
        let issued = drafts::create_and_publish(&mut locked, &cx.actor, &terms, new, told(send)).await?;
        if apply_credit {
            drafts::apply_credit(&mut locked, &cx.actor, &terms, issued.id).await?;
        }
        issued.id
    };
    finish(&cx, tx, id, 201, &terms).await
}

/// Commits and answers the invoice as it is now.
async fn finish(cx: &ApiCx, mut tx: platform::Tx, id: i64, status: u16, terms: &Terms) -> Result<Response, Fail> {
    let invoice = super::find(&mut tx, id).await?;
    let whole = view::load(&mut tx, invoice).await?;
    cx.commit(tx, status, whole_json(&whole, terms.today)).await
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let edit = DraftEdit {
        due_on: body.parsed("due_on", Date::parse),
        gateway: body.text("gateway"),
        notes: body.text("notes"),
        lines: lines_of(&mut body, seen.currency),
        rates: rates_of(&mut body),
    };
    body.done()?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    drafts::edit(&mut locked, &cx.actor, &terms, id, edit).await?;
    finish(&cx, tx, id, 200, &terms).await
}

async fn publish_draft(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let send = body.bool("send").unwrap_or(false);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    drafts::publish(&mut locked, &cx.actor, &terms, id, told(send)).await?;
    finish(&cx, tx, id, 200, &terms).await
}

async fn send_reminder(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let sent = mail::remind(&mut tx, &cx.actor, &terms, id).await?;
    cx.app.wake.notify_waiters();
    cx.commit(tx, 200, json!({ "id": id, "sent": sent })).await
}

async fn send_again(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    mail::send_again(&mut tx, &cx.actor, id, cx.now).await?;
    cx.app.wake.notify_waiters();
    finish(&cx, tx, id, 200, &terms).await
}

async fn duplicate(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let copy = drafts::duplicate(&mut locked, &cx.actor, &terms, id).await?;
    finish(&cx, tx, copy, 201, &terms).await
}

async fn put_standing(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let wanted = body.parsed("status", Standing::parse);
    let wanted = body.require("status", wanted);
    body.done()?;
    let Some(standing) = wanted else { return Err(Fail(Error::broken("the status was refused without a reason"))) };
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    standing::put(&mut locked, &cx.actor, id, standing, cx.now).await?;
    finish(&cx, tx, id, 200, &terms).await
}

async fn merge_invoices(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let ids = body.ints("invoice_ids");
    body.done()?;
    let Some(first) = ids.first() else {
        return Err(Fail(Error::invalid("invoice_ids", "Name at least two invoices to merge.")));
    };
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, *first).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let issued = rearrange::merge(&mut locked, &cx.actor, &terms, &ids).await?;
    finish(&cx, tx, issued.id, 201, &terms).await
}

async fn split_invoice(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let lines = body.ints("line_ids");
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let issued = rearrange::split(&mut locked, &cx.actor, &terms, id, &lines).await?;
    finish(&cx, tx, issued.id, 201, &terms).await
}

async fn settle_balance(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let gateway = body.text("gateway");
    let date = body.parsed("date", Date::parse);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let (gateway, on) = (gateway.unwrap_or(seen.gateway), date.unwrap_or(terms.today));
    payments::settle_balance(&mut locked, &cx.actor, id, &gateway, on, cx.now).await?;
    finish(&cx, tx, id, 200, &terms).await
}

async fn call_off(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let reason = body.text("reason").unwrap_or_default();
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let seen = super::find(&mut tx, id).await?;
    let was_draft = seen.status == super::InvoiceStatus::Draft;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    let noted = notes::cancel(&mut locked, &cx.actor, &terms, id, &reason).await?;
    let body = json!({
        "id": id,
        "status": "cancelled",
        "deleted": was_draft,
        "credit_note": noted.map(|noted| notes::api::noted_json(&noted)),
    });
    cx.commit(tx, 200, body).await
}

async fn pdf_file(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    Ok(pdf::of_invoice(&cx.app, id, cx.now).await?)
}

async fn pay_link(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let url = pay_links::hand_out(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    Ok(answer(&json!({ "url": url })))
}
