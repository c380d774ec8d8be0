//! Transactions in the JSON API.

use accounts::clients;
use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes, schema};
use axum::response::Response;
use kernel::{Currency, Date, Error, Money, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request, Sort};
use serde_json::{Value, json};

use super::{ADD, Duplicate, LIST, NewOther, NewPayment, Transaction, TransactionKind, store};
use crate::gateways;
use crate::terms::Terms;

const TAG: &str = "Payments";
const SORTS: &[Sort] = &[store::BY_ID, store::SORTS[0], store::SORTS[2]];

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let integer = || json!({ "type": "integer" });
    let kinds: Vec<&str> = TransactionKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let list = Operation::new("GET", "/transactions", LIST, TAG, "List transactions")
        .query("q", text(), "A reference, or words of the description")
        .query("client", schema::id(), "Only of this client")
        .query("invoice", schema::id(), "Only what settled this invoice or belongs to it")
        .query("gateway", text(), "Only by this gateway")
        .query("kind", json!({ "type": "string", "enum": kinds }), "Only of this kind")
        .query("from", schema::date(), "From this day on")
        .query("to", schema::date(), "Up to this day")
        .query("amount", text(), "This amount in or out")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "date", "-date", "amount", "-amount"] }),
            "Newest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(schema()));
    let show = Operation::new("GET", "/transactions/{id}", LIST, TAG, "One transaction and what it settled")
        .answers(200, schema());
    let add = Operation::new(
        "POST",
        "/transactions",
        ADD,
        TAG,
        "Record a client's payment, or income or expense that belongs to no client",
    )
    .body(json!({ "type": "object", "required": ["gateway"], "properties": {
        "client_id": { "type": "integer", "description": "Without it: income or expense of the business" },
        "currency": { "type": "string", "description": "Without a client: of the amounts" },
        "gateway": text(),
        "reference": { "type": "string", "maxLength": 255, "description": "Recorded once per gateway" },
        "allow_duplicate": { "type": "boolean" },
        "amount_in": text(),
        "amount_out": { "type": "string", "description": "Only without a client" },
        "fees": text(),
        "date": { "type": "string", "format": "date", "description": "Today if left out" },
        "description": { "type": "string", "maxLength": 500 },
        "invoice_ids": { "type": "array", "items": integer(), "description": "Settled in this order; the rest becomes credit" },
    } }))
    .answers(201, schema());
    Routes::new().api(list, index).api(show, find).api(add, create)
}

pub(super) fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": ["integer", "null"], "format": "int64" });
    json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "client_id": id(),
        "gateway": text(),
        "reference": text(),
        "kind": text(),
        "currency": text(),
        "amount_in": text(),
        "amount_out": text(),
        "fees": text(),
        "rate": text(),
        "description": text(),
        "date": { "type": "string", "format": "date" },
        "invoice_id": id(),
        "refund_of": id(),
        "allocations": { "type": "array", "description": "Of one transaction: what it settled", "items": {
            "type": "object", "properties": { "invoice_id": { "type": "integer" }, "amount": text() } } },
        "to_credit": text(),
    } })
}

fn listed(row: &store::Listed) -> Value {
    let money = |minor: i64| Money::new(minor, row.currency).decimal();
    json!({
        "id": row.id,
        "client_id": row.client_id,
        "gateway": row.gateway,
        "reference": row.reference,
        "kind": row.kind.as_str(),
        "currency": row.currency.code(),
        "amount_in": money(row.amount_in),
        "amount_out": money(row.amount_out),
        "fees": money(row.fees),
        "rate": row.rate,
        "description": row.description,
        "date": row.occurred_on,
        "invoice_id": row.invoice_id,
        "refund_of": row.refund_of,
    })
}

pub(super) async fn shown(conn: &mut platform::Conn, transaction: &Transaction) -> Result<Value> {
    let money = |minor: i64| Money::new(minor, transaction.currency).decimal();
    let allocations = store::allocations(conn, transaction.id).await?;
    let to_credit = store::to_credit(conn, transaction.id).await?;
    let parts: Vec<Value> = allocations
        .iter()
        .map(|(invoice, _, amount)| json!({ "invoice_id": invoice, "amount": money(*amount) }))
        .collect();
    Ok(json!({
        "id": transaction.id,
        "client_id": transaction.client_id,
        "gateway": transaction.gateway,
        "reference": transaction.reference,
        "kind": transaction.kind.as_str(),
        "currency": transaction.currency.code(),
        "amount_in": money(transaction.amount_in),
        "amount_out": money(transaction.amount_out),
        "fees": money(transaction.fees),
        "rate": transaction.rate,
        "description": transaction.description,
        "date": transaction.occurred_on,
        "invoice_id": transaction.invoice_id,
        "refund_of": transaction.refund_of,
        "voided_at": transaction.voided_at.map(|at| at.to_string()),
        "void_reason": transaction.void_reason,
        "allocations": parts,
        "to_credit": money(to_credit),
    }))
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut conn = cx.app.db.read().await?;
    let filter = super::admin::filter_of(&mut conn, &request).await?;
    let page: Page<store::Listed> = filter.query().whole_page(&mut conn, &request, &store::columns()).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(listed).collect()))
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let transaction = super::find(&mut conn, id).await?;
    Ok(answer(&shown(&mut conn, &transaction).await?))
}

struct Common {
    gateway: String,
    reference: String,
    duplicate: Duplicate,
    occurred_on: Date,
    description: String,
}

fn common(body: &mut Body, today: Date) -> Common {
    let gateway = body.text("gateway");
    let description = body.text("description").unwrap_or_default();
    Common {
        gateway: body.require("gateway", gateway).unwrap_or_default(),
        reference: body.text("reference").unwrap_or_default(),
        duplicate: if body.bool("allow_duplicate").unwrap_or(false) { Duplicate::Allow } else { Duplicate::Refuse },
        occurred_on: body.parsed("date", Date::parse).unwrap_or(today),
        description: body.errors.take("description", kernel::single_line(&description, 500)).unwrap_or_default(),
    }
}

/// The rule's errors under the names that the body has for them.
fn renamed(error: Error) -> Error {
    match error {
        Error::Invalid(errors) => {
            let mut named = kernel::FieldErrors::default();
            for (field, message) in errors.iter() {
                let field = match field {
                    "amount" => "amount_in",
                    "transid" => "reference",
                    "invoices" => "invoice_ids",
                    other => other,
                };
                named.add(field, message);
            }
            Error::Invalid(named)
        }
        other => other,
    }
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let mut tx = cx.app.db.write().await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let common = common(&mut body, terms.today);
    if !common.gateway.is_empty() {
        gateways::require_known(&mut tx, "gateway", &common.gateway).await?;
    }
    let id = match body.int("client_id") {
        Some(client_id) => {
            let client = clients::named(&mut tx, "client_id", client_id).await?;
            let zero = Money::zero(client.currency);
            let amount = body.money("amount_in", client.currency);
            let amount = body.require("amount_in", amount).unwrap_or(zero);
            let fees = body.money("fees", client.currency).unwrap_or(zero);
            let invoices = body.ints("invoice_ids");
            if body.money("amount_out", client.currency).is_some_and(|amount| !amount.is_zero()) {
                body.errors.add("amount_out", "Money that goes back to a client is a refund of a payment.");
            }
            body.done()?;
            let new = NewPayment {
                client_id,
                gateway: common.gateway,
                external_id: common.reference,
                duplicate: common.duplicate,
                amount,
                fees,
                occurred_on: common.occurred_on,
                description: common.description,
                invoices,
            };
            let mut locked = clients::lock(&mut tx, client_id).await?;
            let recorded = super::record(&mut locked, &cx.actor, new, cx.now).await;
            recorded.map_err(renamed)?.transaction_id
        }
        None => {
            let currency = body.parsed("currency", Currency::parse);
            let Some(currency) = body.require("currency", currency) else {
                body.done()?;
                return Err(Fail(Error::broken("the currency was refused without a reason")));
            };
            let zero = Money::zero(currency);
            if !body.ints("invoice_ids").is_empty() {
                body.errors.add("client_id", "Say whose invoices these are.");
            }
            let new = NewOther {
                gateway: common.gateway,
                external_id: common.reference,
                duplicate: common.duplicate,
                amount_in: body.money("amount_in", currency).unwrap_or(zero),
                amount_out: body.money("amount_out", currency).unwrap_or(zero),
                fees: body.money("fees", currency).unwrap_or(zero),
                occurred_on: common.occurred_on,
                description: common.description,
            };
            body.done()?;
            super::record_other(&mut tx, &cx.actor, new, cx.now).await.map_err(renamed)?
        }
    };
    let transaction = super::find(&mut tx, id).await?;
    let answer = shown(&mut tx, &transaction).await?;
    cx.commit(tx, 201, answer).await
}
